# SPDX-License-Identifier: Apache-2.0
"""The configuration file of an httpd under test."""
import dataclasses
import textwrap

from .settings import builtin_modules, stock_modules_dir

STOCK = ("authz_core", "authz_host", "dir", "mime", "alias", "env", "setenvif", "headers", "rewrite", "status", "proxy",
         "proxy_http", "slotmem_shm", "proxy_balancer", "lbmethod_byrequests", "lbmethod_bytraffic",
         "lbmethod_bybusyness")

# Slots beside those in use let a graceful restart start its children although old ones still finish requests;
# httpd starts them at once when an old child has ended by the time the configuration is read, else a second later.
_MPM = {
    "event": ("StartServers 3", "ServerLimit 8", "ThreadLimit 32", "ThreadsPerChild 32", "MaxRequestWorkers 96",
              "MinSpareThreads 8", "MaxSpareThreads 96"),
    "worker": ("StartServers 3", "ServerLimit 8", "ThreadLimit 32", "ThreadsPerChild 32", "MaxRequestWorkers 96",
               "MinSpareThreads 8", "MaxSpareThreads 96"),
    "prefork": ("StartServers 16", "ServerLimit 64", "MaxRequestWorkers 64", "MinSpareServers 8",
                "MaxSpareServers 64"),
}

_TYPES = "text/html html\ntext/plain txt\ntext/css css\ntext/javascript js\nimage/png png\napplication/json json\n"


@dataclasses.dataclass
class Site:
    """What a test says about its httpd; conf is at server level, vhost inside the one <VirtualHost>."""
    modules: tuple = ()
    conf: str = ""
    vhost: str = ""
    mpm: str = "event"
    extra: tuple = ()
    tls: bool = False
    http2: bool = False
    stock: tuple = STOCK


def _load_lines(site, workspace):
    """Returns LoadModule lines: stock modules first, because ours use the symbols of mod_proxy."""
    names = [f"mpm_{site.mpm}", *site.stock, *(["socache_shmcb", "ssl"] if site.tls else []),
             *(["http2"] if site.http2 else []), *site.extra]
    for name in dict.fromkeys(names):
        if name not in builtin_modules():
            yield f"LoadModule {name}_module {stock_modules_dir()}/mod_{name}.so"
    for name in dict.fromkeys(site.modules):
        symbol, path = workspace.module(name)
        yield f"LoadModule {symbol} {path}"


def _vhost_lines(site, workspace):
    if site.http2:
        yield "Protocols h2 http/1.1" if site.tls else "Protocols h2c http/1.1"
    if site.tls:
        certificate, key = workspace.certificate()
        yield "SSLEngine on"
        yield f"SSLCertificateFile {certificate}"
        yield f"SSLCertificateKeyFile {key}"
    yield from textwrap.dedent(site.vhost).splitlines()


def render(site, root, port, workspace):
    """Returns the text of httpd.conf for a server that lives in directory `root`."""
    debug = "".join(f" {workspace.module(name)[0]}:debug" for name in site.modules)
    lines = [
        f'ServerRoot "{root}"', f'DefaultRuntimeDir "{root}/run"', f'PidFile "{root}/run/httpd.pid"',
        *_load_lines(site, workspace),
        "ServerName localhost", f"Listen 127.0.0.1:{port}", *_MPM[site.mpm],
        f'ErrorLog "{root}/error.log"', f"LogLevel notice{debug}",
        r'LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %D" tests',
        f'CustomLog "{root}/access.log" tests',
        "KeepAlive On", "MaxKeepAliveRequests 0", f'DocumentRoot "{root}/htdocs"',
        *([f'TypesConfig "{root}/mime.types"'] if "mime" in (*site.stock, *site.extra) else []),
        *(["SSLSessionCache shmcb:run/tls-sessions(512000)"] if site.tls else []),
        *textwrap.dedent(site.conf).splitlines(),
        f"<VirtualHost 127.0.0.1:{port}>", "ServerName localhost",
        *("    " + line for line in _vhost_lines(site, workspace)),
        "</VirtualHost>",
    ]
    return "\n".join(lines) + "\n"


def write(site, root, port, workspace):
    """Writes httpd.conf and what it refers to; returns the path of httpd.conf."""
    (root / "mime.types").write_text(_TYPES)
    conf = root / "httpd.conf"
    conf.write_text(render(site, root, port, workspace))
    return conf

# SPDX-License-Identifier: Apache-2.0
"""A hit obeys Require as a miss does, whatever the rule and wherever it stands."""
import itertools

from cache_support import is_hit
from webtier_testing import wait_until

PUBLIC = {"Cache-Control": "public, max-age=600"}
AUTHORITIES = ["auth_basic", "authn_core", "authn_file", "authz_user", "remoteip"]
ANNA = {"Authorization": "Basic YW5uYTpzZWNyZXQ="}
BERT = {"Authorization": "Basic YmVydDpzZWNyZXQ="}
PASSWORDS = "anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nbert:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"  # secret

# A rule, the fields of a request that it admits (None: of none), those of one that it refuses, and how.
RULES = {
    "ip": ("Require ip 192.0.2.1", {"X-Client": "192.0.2.1"}, {"X-Client": "192.0.2.2"}, 403),
    "user": ("AuthType Basic\nAuthName shop\nAuthUserFile {root}/passwords\nRequire user anna", ANNA, BERT, 401),
    "valid-user": ("AuthType Basic\nAuthName shop\nAuthUserFile {root}/passwords\nRequire valid-user", BERT, {}, 401),
    "expr": ("Require expr \"%{{HTTP:X-Pass}} == 'yes'\"", {"X-Pass": "yes"}, {"X-Pass": "no"}, 403),
    "none": ("<RequireAll>\nRequire all granted\n<RequireNone>\nRequire expr \"%{{HTTP:X-Robot}} == 'yes'\"\n"
             "</RequireNone>\n</RequireAll>", {}, {"X-Robot": "yes"}, 403),
    "denied": ("Require all denied", None, {}, 403),
}
PLACES = {"location": "<Location /location/{name}>", "match": '<LocationMatch "^/match/{name}/">',
          "proxy": '<Proxy "{url}/proxy/{name}/*">', "directory": '<Directory "{docroot}/directory/{name}">'}


def rules_of(server, origin):
    """Returns the sections of all rules in all places."""
    lines = []
    for place, opening in PLACES.items():
        for name, (rule, *_) in RULES.items():
            head = opening.format(name=name, url=origin.url, docroot=server.docroot)
            lines += [head, rule.format(root=server.root), f"</{head[1:].split()[0]}>"]
    return "\n".join(lines)


def test_a_hit_obeys_require_as_a_miss_does(httpd, app):
    """Everything is stored while nothing is forbidden; then the rules come, by a graceful restart, which keeps it."""
    origin = app(body=b"the page", headers=PUBLIC)
    vhost = (f"RemoteIPHeader X-Client\nTierCache on\nProxyPass /directory !\nProxyPass / {origin.url}/\n"
             '<Location /directory>\nHeader set Cache-Control "public, max-age=600"\n</Location>\n')
    server = httpd(modules=["cache"], vhost=vhost, extra=AUTHORITIES)
    server.allow_log("AH01630", "AH01631", "AH01617", "AH01618")  # refused, by Require and by name and password
    (server.root / "passwords").write_text(PASSWORDS)
    for name in RULES:
        folder = server.docroot / "directory" / name
        folder.mkdir(parents=True)
        for page in ("stored", "new"):
            (folder / page).write_bytes(b"the page")
    for place in PLACES:
        for name in RULES:
            path = f"/{place}/{name}/stored"
            server.get(path)
            assert is_hit(server.get(path)), path
    server.reconfigure(vhost=vhost + rules_of(server, origin))
    server.graceful()
    for place in PLACES:
        for name, (_, admitted, refused, status) in RULES.items():
            for page in ("stored", "new"):
                path = f"/{place}/{name}/{page}"
                answer = server.get(path, headers=refused)
                assert answer.status == status and b"the page" not in answer.body and not is_hit(answer), path
                if admitted is None:
                    continue
                answer = server.get(path, headers=admitted)
                assert answer.status == 200 and answer.body == b"the page", path
                assert is_hit(answer) == (page == "stored"), path


# What is in the virtual host beside "TierCache on" and "ProxyPass /", and whether hits are served before it is looked at.
AT_ONCE = ["", "SetOutputFilter DEFLATE", "AddOutputFilterByType SUBSTITUTE;DEFLATE text/html", "AddOutputFilter INCLUDES .shtml",
           "ProxyPreserveHost on\nProxyPassReverse / {url}/\nHeader set X-A b\nLogLevel info", "RewriteEngine off",
           "<Directory />\nRequire all denied\n</Directory>\n<Files secret>\nRequire all denied\n</Files>",
           "<Proxy balancer://one>\nBalancerMember {url}\n</Proxy>"]
AFTER_ALL = ["RewriteEngine on\nRewriteRule ^/no - [F]", "Redirect /no /yes", "SetEnv a b", "RequestHeader set X-A b",
             "<LocationMatch ^/no>\nRequire all denied\n</LocationMatch>", "<Location ~ ^/no>\nRequire all denied\n</Location>",
             "<Location />\nRequire all granted\n</Location>", "<Location /n*>\nRequire all denied\n</Location>",
             "<Proxy *>\nRequire all granted\n</Proxy>", "<If \"%{{REQUEST_URI}} == '/no'\">\nRequire all denied\n</If>",
             "TierCacheBypass \"%{{HTTP_COOKIE}} =~ /a/\"", "TierCacheKey %{{HTTP:X-A}}", "ProxyPassMatch ^/no !",
             "<IfModule mod_alias.c>\nRedirect /no /yes\n</IfModule>", "ProxyPass /x {url}/x mapping=servlet",
             "SetOutputFilter DEFLATE;Rate_Limit", "AddOutputFilterByType RATE_LIMIT text/html", "AddOutputFilter RATE_LIMIT .html",
             "FilterDeclare slow", "H2PushResource /a.css", "H2EarlyHint Link </a.css>", "SSLVerifyClient none",
             "ProxyPass /no//more !", "Alias /no//more /nowhere"]


MARKS = itertools.count()
NAMES = 'CustomLog run/names.log "%{X-Mark}i %f"\n'


def is_at_once(server, path="/page", host=None, log="names"):
    """Says whether a hit of path is answered before mod_proxy has had a look at its URL: then it has no name (%f)."""
    mark = str(next(MARKS))  # lines of other requests may come late
    log = server.root / "run" / f"{log}.log"
    server.get(path, host=host, headers={"X-Mark": mark})
    assert is_hit(server.get(path, host=host, headers={"X-Mark": mark})), path
    # The line of the miss, which has a name, may come after that of the hit.
    lines = wait_until(lambda: (found := [line for line in log.read_text().splitlines() if line.startswith(f"{mark} ")])
                       and len(found) == 2 and found)
    return f"{mark} -" in lines


def test_hits_are_served_at_once_only_where_that_is_certain(httpd, app):
    origin = app(headers=PUBLIC)
    server = httpd(modules=["cache"], extra=["filter", "deflate", "substitute", "ratelimit", "http2", "ssl"])
    server.allow_log("AH01873")  # there is no cache for TLS sessions
    hosts = {f"host-{number}.test": lines for number, lines in enumerate((*AT_ONCE, *AFTER_ALL))}
    server.reconfigure(conf="\n".join(
        f'<VirtualHost 127.0.0.1:{server.port}>\nServerName {host}\n{NAMES.replace("names", host)}TierCache on\n'
        f"ProxyPass / {origin.url}/\n{lines.format(url=origin.url)}\n</VirtualHost>" for host, lines in hosts.items()))
    server.graceful()
    for host, lines in hosts.items():
        assert is_at_once(server, host=host, log=host) == (lines in AT_ONCE), lines
    assert server.log_lines("WT2013.*because of RewriteEngine") and server.log_lines("WT2015")


def test_certain_is_not_what_a_section_or_an_alias_is_for(httpd, app):
    """Nor a path that would only be under it once httpd has decoded or joined it."""
    origin = app(headers=PUBLIC)
    server = httpd(modules=["cache"], vhost=(
        NAMES + 'TierCache on\nAlias /icons/ /nowhere/\nProxyPass /files !\n'
        f'ProxyPass / {origin.url}/\n<Location "/private">\nRequire expr "%{{HTTP:X-Pass}} == \'yes\'"\n</Location>'))
    server.allow_log("AH01630")
    mine = {"X-Pass": "yes"}
    for path in ("/private", "/private/page", "/%70rivate/page", "//private/page", "/a/../private/page", "/./private"):
        server.get(path, headers=mine)
        assert is_hit(server.get(path, headers=mine)) and server.get(path).status == 403, path
    assert is_at_once(server, "/page") and is_at_once(server, "/a/b?c=%70") and not is_at_once(server, "/%61")


def test_a_virtual_host_that_says_nothing_of_the_cache_is_judged_by_itself(httpd, app):
    origin = app(headers=PUBLIC)
    vhost = NAMES + f'ProxyPass / {origin.url}/\n'
    server = httpd(modules=["cache"], conf=f"TierCache on\nProxyPass / {origin.url}/", vhost=vhost)
    assert is_at_once(server)
    server.reconfigure(vhost=vhost + '<LocationMatch "^/page">\nRequire all granted\n</LocationMatch>')
    server.graceful()
    assert not is_at_once(server)


def test_other_ways_than_certain(httpd, app):
    origin = app(headers=PUBLIC)
    base = NAMES + f'TierCache on\nProxyPass / {origin.url}/\n'
    server = httpd(modules=["cache"], vhost=base + "TierCacheQuick off")
    assert not is_at_once(server)
    server.reconfigure(vhost=base + "TierCacheQuick on\nSetEnv a b")
    server.graceful()
    assert is_at_once(server)
    server.reconfigure(vhost=base.replace("ProxyPass / ", "ProxyPass /page "))
    server.graceful()
    assert not is_at_once(server) and server.log_lines("WT2014")


PHASES = ["quick_handler", "pre_translate_name", "translate_name", "map_to_storage", "post_perdir_config", "header_parser",
          "access_checker", "access_checker_ex", "check_user_id", "auth_checker", "type_checker", "fixups", "insert_filter",
          "handler"]


# What does not come to refusing: who needs no name has none looked at, and a filter refuses nothing.
REFUSED = {"check_user_id": 200, "auth_checker": 200, "insert_filter": 200}


def test_a_module_that_is_not_known_may_have_a_say(httpd, app):
    """Whatever the phase it has it in; without one it has none."""
    server = httpd(modules=["cache", "test_hook"],
                   vhost=NAMES + f'TierCache on\nProxyPass / {app(headers=PUBLIC).url}/\n')
    assert is_at_once(server)
    for number, name in enumerate(PHASES, 1):
        (server.root / "phase").write_text(name)
        server.graceful()
        assert len(server.log_lines("WT2012.*mod_test_hook.c may have a say")) == number, name
        assert server.get("/page", headers={"X-Robot": "yes"}).status == REFUSED.get(name, 403), name
    (server.root / "phase").write_text("late handler")
    server.graceful()
    assert is_at_once(server)


def test_a_directive_that_another_module_has_as_well(httpd, app):
    """The cache's own is harmless, and found first; the other's is not known."""
    vhost = NAMES + f"TierCache on\nProxyPass / {app(headers=PUBLIC).url}/\n"
    server = httpd(modules=["test_hook", "cache"], vhost=vhost)
    assert is_at_once(server)
    server.reconfigure(vhost=vhost + "TierCacheHeuristic 10")
    server.graceful()
    assert not is_at_once(server) and server.log_lines("WT2013.*because of TierCacheHeuristic")


def test_what_is_not_proxied_after_all_obeys_its_directory(httpd, app):
    """mod_proxy leaves requests with the variable no-proxy alone, whatever ProxyPass says."""
    server = httpd(modules=["cache"], extra=["remoteip"], vhost=(
        NAMES + 'RemoteIPHeader X-Client\nTierCache on\nSetEnvIf Request_URI "^/files/" no-proxy\n'
        f'Header set Cache-Control "public, max-age=600"\nProxyPass / {app(headers=PUBLIC).url}/\n'
        '<Directory "htdocs/files">\nRequire ip 192.0.2.1\n</Directory>'))
    server.allow_log("AH01630")
    (server.docroot / "files").mkdir()
    (server.docroot / "files/page").write_text("the file")
    assert is_at_once(server)
    admitted = {"X-Client": "192.0.2.1"}
    server.get("/files/page", headers=admitted)
    answer = server.get("/files/page", headers=admitted)
    assert answer.body == b"the file" and is_hit(answer)
    assert server.get("/files/page", headers={"X-Client": "192.0.2.2"}).status == 403


def test_sections_of_one_file_and_line_are_not_mistaken_for_each_other(httpd, app):
    """A file that is included for several virtual hosts; for one of them there is a rule in it."""
    origin = app(headers=PUBLIC)
    server = httpd(modules=["cache"])
    (server.root / "site.conf").write_text(
        f'<VirtualHost 127.0.0.1:{server.port}>\nServerName ${{site}}\n{NAMES.replace("names", "${site}")}TierCache on\n'
        f"ProxyPass / {origin.url}/\n<IfDefine closed>\nRewriteEngine on\nRewriteCond %{{HTTP:X-Robot}} yes\n"
        "RewriteRule ^ - [F]\n</IfDefine>\n</VirtualHost>\n")
    include = f"Include {server.root}/site.conf\n"
    server.reconfigure(conf=f"Define site open.test\n{include}UnDefine site\nDefine site closed.test\nDefine closed\n{include}")
    server.graceful()
    for host in ("open.test", "closed.test"):
        assert not is_at_once(server, host=host, log=host), host
    assert server.get("/page", host="closed.test", headers={"X-Robot": "yes"}).status == 403
    server.reconfigure(conf=f"Define site open.test\n{include}UnDefine site\nDefine site other.test\n{include}")
    server.graceful()
    assert not is_at_once(server, host="other.test", log="other.test") and server.log_lines("WT2013.*because of <VirtualHost")
    server.reconfigure(conf=f"Define site open.test\n{include}")
    server.graceful()
    assert is_at_once(server, "/other", host="open.test", log="open.test")

# SPDX-License-Identifier: Apache-2.0
"""Each file of conf-examples/ passes `httpd -t` as it is, is started, and does what it is an example of."""
import json
import pathlib
import re

import pytest
from assets_support import put
from health_support import Agent
from webtier_testing import wait_until

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "conf-examples"
HOST = "www.example.com"  # the name of every example's virtual host
EXAMPLES = sorted(path.name for path in FOLDER.glob("*.conf"))


def needs(name):
    """(our modules, stock modules) of the line "# a2enmod ..." in the example."""
    found = re.search(r"^# a2enmod (.*)$", (FOLDER / name).read_text(encoding="utf-8"), re.M)
    words = found[1].split()
    ours = [word.removeprefix("tier_") for word in words if word.startswith("tier_")]
    return ours, ("authz_core", *(word for word in words if not word.startswith("tier_")))


def text_of(name, **defines):
    """The example behind Define lines; not by Include, as httpd's user may not be able to read this folder."""
    lines = [f"Define {key} {value}" for key, value in defines.items()]
    return "\n".join([*lines, (FOLDER / name).read_text(encoding="utf-8")])


@pytest.fixture
def started(httpd, app, memcached, request):
    """Starts httpd with the example, its addresses replaced by those of running servers."""
    def start(name, **more):
        apps = [app(body="page\n", headers={"Cache-Control": "max-age=60"}) for _ in range(3)]
        fs = None
        defines = {f"APP{number}": one.url for number, one in enumerate(apps, 1)} | more
        if "${MEMCACHED1}" in text_of(name):
            defines.update({f"MEMCACHED{number}": memcached().server for number in (1, 2)})
        if "${TRACKER1}" in text_of(name):
            fs = request.getfixturevalue("mogile")()
            defines.update({f"TRACKER{number}": one.address for number, one in enumerate(fs.trackers, 1)})
            defines["MOGILEDB"] = f'"{fs.mariadb.socket} name={fs.database} user=root"'
        ours, stock = needs(name)
        server = httpd(modules=ours, stock=stock)  # its port is known only now
        server.stop()
        defines["STORE"] = defines["PUBLIC"] = server.docroot.parent / "store"
        server.reconfigure(conf=text_of(name, LISTEN=f"127.0.0.1:{server.port}", **defines))
        if "${PUBLIC}" in text_of(name):
            server.allow_log("WT4006")  # nobody has built anything
        if "TierHealthEvent" in text_of(name):
            server.allow_log("WT1073")  # nobody listens for them
        server.start()
        server.apps, server.fs = apps, fs
        return server
    return start


@pytest.mark.parametrize("name", EXAMPLES)
def test_syntax_is_right_as_shipped(httpd, name):
    ours, stock = needs(name)
    status, text = httpd.check(modules=ours, stock=stock, conf=text_of(name))
    assert status == 0, text


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_starts_and_answers(started, name):
    answer = started(name).get("/", host=HOST)
    assert answer.status == 200 and answer.body == b"page\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_comment_says_what_it_is_for(name):
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# SPDX") and lines[1].startswith("# ") and len(lines[1]) > 20


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("cache") or name == "tier.conf"])
def test_cache_examples_answer_from_the_cache(started, name):
    server = started(name)
    wait_until(lambda: "hit" in server.get("/page", host=HOST).headers["Cache-Status"], 2)


@pytest.mark.parametrize("name", ["health.conf", "health-kinds.conf", "health-tcp.conf", "tier.conf"])
def test_health_examples_drop_a_dead_member(started, name):
    server = started(name)
    server.allow_log("AH00957", "AH01114", "AH00959", "AH00940")
    server.apps[1].kill()
    server.wait_log("WT10", timeout=10)
    paths = [f"/{number}" for number in range(40)]
    report = server.load(rate=100, seconds=1, path=paths, headers={"Host": HOST}).join()
    assert not report.errors, report


def test_health_agent_is_asked(started):
    with Agent(b"maint # a new disk\n") as agent:
        server = started("health-agent.conf", AGENT=agent.port)
        assert 'the agent says "maint # a new disk"' in server.wait_log("WT1001", timeout=20)[0]


def test_health_events_are_posted(started, app):
    receiver = app(status=202)
    server = started("health-events.conf", EVENTS=receiver.url)
    wait_until(lambda: receiver.count("/webtier") >= 3)
    event = json.loads(receiver.requests("/webtier")[0]["body"])
    assert event["balancer"] == "balancer://app" and event["to"] == "up" and server.get("/", host=HOST).status == 200


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("status") or name == "tier.conf"])
def test_status_examples_show_the_state(started, name):
    assert b'"webtier"' in started(name).get("/tier-status/json", host=HOST).body


def test_reproxy_delivers_what_the_application_names(httpd, app, nginx):
    site, node = app(), nginx()
    url = node.put("/f", b"stored")
    site.behave(headers={"X-REPROXY-URL": url, "X-REPROXY-CACHE-FOR": "60; Content-Type"})
    ours, stock = needs("reproxy.conf")
    server = httpd(modules=ours, stock=stock)
    server.stop()
    server.reconfigure(conf=text_of("reproxy.conf", LISTEN=f"127.0.0.1:{server.port}", APP1=site.url,
                                    STORAGE=f"127.0.0.0/8:{node.port}"))
    server.start()
    assert server.get("/", host=HOST).body == b"stored"


def test_reproxy_files_sends_private_files(httpd, app, workspace):
    site, folder = app(), workspace.new_dir("private")
    (folder / "report.pdf").write_bytes(b"private")
    ours, stock = needs("reproxy-files.conf")
    server = httpd(modules=ours, stock=stock)
    server.stop()
    server.reconfigure(conf=text_of("reproxy-files.conf", LISTEN=f"127.0.0.1:{server.port}", APP1=site.url, FILES=folder))
    server.start()
    for name, value in (("X-Sendfile", folder / "report.pdf"), ("X-Accel-Redirect", "/private/report.pdf")):
        site.behave(headers={name: str(value)})
        assert server.get("/", host=HOST).body == b"private"


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("assets")])
def test_assets_examples_keep_what_they_fetch(started, name):
    server = started(name)
    assert server.get("/assets/a.css", host=HOST).body == b"page\n"
    wait_until(lambda: [path.read_bytes() for path in server.docroot.parent.glob("store/**/a.css")] == [b"page\n"])
    server.apps[0].clear()
    assert server.get("/assets/a.css", host=HOST).body == b"page\n" and server.apps[0].count() == 0


@pytest.mark.parametrize("name, changed", [("assets-host.conf", "//static.example.com/assets/app.css"),
                                           ("assets-rails.conf", "/assets/app-1f2e3d.css"),
                                           ("assets-vite.conf", "/assets/app-9f8e7d.css")])
def test_assets_examples_rewrite_pages(started, name, changed):
    server = started(name)
    server.apps[0].behave(body='<link rel=stylesheet href="/assets/app.css">', headers={"Content-Type": "text/html"})
    put(server, "assets/.manifest.json", b'{"app.css": "app-1f2e3d.css"}')
    put(server, ".vite/manifest.json", b'{"assets/app.css": {"file": "assets/app-9f8e7d.css"}}')
    wait_until(lambda: server.get("/", host=HOST).body.decode() == f'<link rel=stylesheet href="{changed}">')


def test_assets_uploads_are_no_pages_of_the_site(started):
    server = started("assets-uploads.conf")
    server.apps[0].behave(body="<script>", headers={"Content-Type": "text/html", "Cache-Control": "max-age=60"})
    for _ in range(2):  # as it is fetched, and from the disk
        answer = server.get("/uploads/evil.html", host=HOST)
        assert answer.body == b"<script>" and answer.headers["Content-Security-Policy"] == "sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        wait_until((server.docroot.parent / "store/uploads/evil.html").exists)


def test_reproxy_mogilefs_serves_keys(started):
    server = started("reproxy-mogilefs.conf")
    server.fs.store("img/cat.jpg", b"cat")
    server.allow_log("WT3501")
    assert server.get("/img/cat.jpg", host=HOST).body == b"cat"
    server.fs.store("img/dog.jpg", b"dog")
    for tracker in server.fs.trackers:
        tracker.kill()
    assert server.get("/img/dog.jpg", host=HOST).body == b"dog"  # by the database


def test_reproxy_mogilefs_put_stores_files(started):
    server = started("reproxy-mogilefs-put.conf")
    assert server.get("/img/cat.jpg", host=HOST, method="PUT", body=b"cat").status == 201
    assert server.get("/img/cat.jpg", host=HOST).body == b"cat"
    assert server.get("/img/cat.jpg", host=HOST, method="DELETE").status == 204

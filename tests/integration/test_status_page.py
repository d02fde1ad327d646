# SPDX-License-Identifier: Apache-2.0
"""The three renderings: what they say, that they stay well-formed whatever the modules say."""
import base64
import hashlib
import json
import re
import socket
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor

import pytest

from webtier_testing import wait_until

SECTION = """
<Location "/tier-status">
    SetHandler tier-status
</Location>
"""
HOSTILE = r"""TestProviderString "\x22'><script>alert(1)</script>&amp;{%}\x5c \xc3\xa4 \x01\x1b\x0a \xc0\xaf\xed\xa0\x80\xff" """
DECODED = "\"'><script>alert(1)</script>&amp;{%}\\ ä "


def page_of(server, path="/tier-status"):
    """Returns the page as a tree; raises when it is not well-formed."""
    answer = server.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return xml.fromstring(answer.body.decode("utf-8"))


def json_of(server):
    answer = server.get("/tier-status/json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return json.loads(answer.body.decode("utf-8"))


def metrics_of(server):
    answer = server.get("/tier-status/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.body.decode("utf-8")


def text_of(element):
    return " ".join("".join(element.itertext()).split())


def test_loading_changes_nothing(httpd):
    server = httpd(modules=["status"])
    assert server.get("/tier-status").status == 404


def test_json_has_every_kind(httpd):
    server = httpd(modules=["status", "test_provider"], vhost=SECTION)
    told = json_of(server)["modules"]
    assert list(told) == ["test", "test_off"]
    assert told["test_off"] == {"state": "off"}
    test = told["test"]
    assert (test["string"], test["flag"], test["port"], test["never"]) == ("plain", True, 8080, None)
    assert (test["then"], test["interval"], test["stored_bytes"]) == ("2001-09-09T01:46:40.000Z", 0.25, 3 << 20)
    assert test["rows"][0] == {"name": "plain", "state": "up", "served": 1234567}


def test_json_knows_httpd(httpd):
    server = httpd(modules=["status"], vhost=SECTION)
    told = json_of(server)
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["webtier"])
    assert told["modules"] == {}
    facts = told["server"]
    assert (facts["name"], facts["machine"]) == ("localhost", socket.gethostname())
    assert facts["software"].startswith("Apache/2.4")
    assert facts["mpm"] == "event" and facts["generation"] == 0
    assert 0 <= facts["uptime"] < 60
    assert facts["workers_max"] == 96 and facts["processes_leaving"] == 0


def test_workers_are_counted(httpd):
    """When all children have started their threads, this request's own worker is the only busy one."""
    server = httpd(modules=["status"], vhost=SECTION)

    def workers():
        facts = json_of(server)["server"]
        return facts["processes"], facts["workers_busy"], facts["workers_idle"]
    wait_until(lambda: workers() == (3, 1, 95))


def test_generation_counts_restarts(httpd):
    server = httpd(modules=["status", "test_provider"], vhost=SECTION)
    server.graceful()
    told = json_of(server)
    assert told["server"]["generation"] == 1
    assert list(told["modules"]) == ["test", "test_off"]


def test_a_leaving_process_is_no_serving_one(httpd, app):
    """A child that finishes a long answer after a graceful restart."""
    origin = app(delay=3)
    server = httpd(modules=["status"], vhost=f"ProxyPass /slow {origin.url}/\n" + SECTION)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(server.get, "/slow", timeout=10)
        wait_until(origin.count)
        server.graceful()

        def workers():
            facts = json_of(server)["server"]
            return facts["processes"], facts["processes_leaving"], facts["workers_busy"], facts["workers_idle"]
        wait_until(lambda: workers()[1:3] == (1, 2))
        assert slow.result().status == 200
        wait_until(lambda: workers() == (3, 0, 1, 95))


@pytest.mark.parametrize("word", ["good", "degraded", "bad"])
def test_the_worst_mood_is_everywhere(httpd, word):
    server = httpd(modules=["status", "test_provider"], conf=f"TestProviderMood {word}", vhost=SECTION)
    told = json_of(server)
    assert told["mood"] == told["modules"]["test"]["mood"] == told["modules"]["test"]["rows"][0]["mood"] == word
    page = page_of(server)
    assert page.findtext("head/title") == f"{word}: localhost - webtier"
    assert text_of(page.find("body/h1")) == f"{word}localhost"
    number = {"good": 1, "degraded": 2, "bad": 3}[word]
    assert f"\nwebtier_mood {number}\n" in metrics_of(server)
    assert f'\nwebtier_test_rows_mood{{row="plain"}} {number}\n' in metrics_of(server)


def test_page_reads_well(httpd):
    server = httpd(modules=["status", "test_provider"], vhost=SECTION)
    page = page_of(server)
    assert [section.get("id") for section in page.iter("section")] == ["test", "test_off", "server"]
    facts = {text_of(pair[0]): text_of(pair[1]) for pair in page.iterfind(".//dl/div")}
    assert (facts["flag"], facts["port"], facts["never"], facts["interval"]) == ("yes", "8080", "never", "250 ms")
    assert (facts["stored bytes"], facts["state"]) == ("3.0 MiB", "off")
    rows = [[text_of(cell) for cell in row] for row in page.find(".//table")]
    assert rows == [["name", "state", "served"], ["plain", "up", "1,234,567"], ["second", "up", "2"]]


def test_page_links_work(httpd):
    server = httpd(modules=["status", "test_provider"], vhost=SECTION)
    links = [a.get("href") for a in page_of(server).iter("a")]
    assert links == ["#test", "#test_off", "/tier-status?refresh=5", "/tier-status/json", "/tier-status/metrics"]
    assert [server.get(link).status for link in links[2:]] == [200, 200, 200]
    refreshed = page_of(server, "/tier-status/?refresh=5")
    assert refreshed.find("head/meta[@http-equiv='refresh']").get("content") == "5"


def test_hostile_strings_stay_text(httpd):
    """Markup, quotes, control characters and bytes that are no UTF-8, in a value and in a label."""
    server = httpd(modules=["status", "test_provider"], conf=HOSTILE, vhost=SECTION)
    assert json_of(server)["modules"]["test"]["string"] == DECODED + "\x01\x1b\n " + "\ufffd" * 6
    page = page_of(server)
    assert page.find(".//script") is None
    shown = [cell.text for cell in page.iter() if cell.tag in ("dd", "td") and (cell.text or "").startswith("\"'>")]
    assert shown == [DECODED + "\ufffd\ufffd\n " + "\ufffd" * 6] * 2
    label = DECODED.replace("\\", "\\\\").replace('"', '\\"') + "\ufffd\ufffd\\n " + "\ufffd" * 6
    assert f'\nwebtier_test_rows_served_total{{row="{label}"}} 1234567\n' in metrics_of(server)


def test_policy_names_the_style_sheet(httpd):
    """Content-Security-Policy lets nothing in but the page's own style, by its hash."""
    server = httpd(modules=["status"], vhost=SECTION)
    answer = server.get("/tier-status")
    style = xml.fromstring(answer.body.decode()).findtext("head/style")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy == (f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'")
    assert b"style=" not in answer.body and b"<script" not in answer.body


def test_metrics_are_what_prometheus_reads(httpd):
    """Each metric in one block below its TYPE, no series twice, values are numbers."""
    server = httpd(modules=["status", "test_provider"], conf="TestProviderMood bad", vhost=SECTION)
    metrics, series, current = set(), set(), None
    for line in metrics_of(server).splitlines():
        kind = re.fullmatch(r"# TYPE (\w+) (counter|gauge)", line)
        if kind:
            current = kind[1]
            assert current not in metrics
            metrics.add(current)
        elif not line.startswith("# HELP "):
            sample = re.fullmatch(r'(webtier_\w+)(\{(\w+="[^"]*",?)+\})? -?[\d.]+', line)
            assert sample and sample[1] == current, line
            assert line.rpartition(" ")[0] not in series
            series.add(line.rpartition(" ")[0])
    assert {'webtier_test_rows_served_total{row="second"}', "webtier_server_workers_busy"} <= series


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_every_mpm(httpd, mpm):
    server = httpd(modules=["status", "test_provider"], mpm=mpm, vhost=SECTION)
    facts = json_of(server)["server"]
    assert facts["mpm"] == mpm
    assert facts["workers_busy"] >= 1 and facts["workers_idle"] > 0
    assert facts["workers_max"] == {"prefork": 64}.get(mpm, 96)
    assert ("connections" in facts) == (mpm == "event")
    assert page_of(server) is not None


@pytest.mark.parametrize("options", [{"tls": True}, {"tls": True, "http2": True}])
def test_tls(httpd, options):
    server = httpd(modules=["status", "test_provider"], vhost=SECTION, **options)
    assert json_of(server)["modules"]["test"]["string"] == "plain"
    assert page_of(server) is not None

# SPDX-License-Identifier: Apache-2.0
"""build/assets-check says which assets of a site's pages the web tier does not serve."""
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "build/assets-check"
PAGE = b"""<!doctype html><link rel="stylesheet" href="/assets/a.css"><link rel=canonical href="/no/page">
<script src="/js/b.js"></script><script>"<img src='/no/1.png'>"</script><!-- <img src=/no/2.png> -->
<img src=/assets/gone.png srcset="/assets/c.png 1x, /pics/c-2.png 2x"><a href="/second#x">x</a><a href="/file.pdf">y</a>
<style>p { background: url('//127.0.0.1:1/e.png') }</style><img src="data:image/png;base64,xx">
<a href="http://other.example.net/">z</a><p style="background: url(/assets/c.png)">"""


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture(scope="module")
def site(module_stage):
    app = module_stage.app(body=b"x", headers={"Content-Type": "image/png"})
    app.behave("/", body=PAGE, headers={"Content-Type": "text/html; charset=utf-8"})
    app.behave("/second", body=b"<base href='/assets/'><img src=d.png><a href=/third>", headers={"Content-Type": "text/html"})
    app.behave("/third", status=500)
    app.behave("/file.pdf", body=b"<img src=/no/3.png>", headers={"Content-Type": "application/pdf"})
    app.behave("/assets/a.css", body=b"@import 'b.css'; /* url(no.png) */ a { b: url(../fonts/f.woff2) }",
               headers={"Content-Type": "text/css"})
    app.behave("/assets/b.css", body=b"", headers={"Content-Type": "text/css"})
    app.behave("/assets/gone.png", status=404)
    odd = '<img src="/assets/\u00e4 b.png"><img src="http://[/x"><base href="http://["><link rel=stylesheet href=/assets/odd.css>'
    app.behave("/odd", body=odd.encode(), headers={"Content-Type": "text/html"})
    app.behave("/assets/odd.css", body=b"a { b: url(http://[) }", headers={"Content-Type": "text/css"})
    app.behave("/early", garbage=b"HTTP/1.1 103 Early Hints\r\nLink: </assets/a.css>; rel=preload\r\n\r\n"
               b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
    app.behave("/rubbish", garbage=b"what?\r\n\r\n")
    app.behave("/good", body=b"<img src=/assets/c.png>", headers={"Content-Type": "text/html"})
    return app


def test_what_is_elsewhere_or_missing_is_named(site):
    status, lines, errors = run("--pages", 3, site.url + "/")
    url = site.url
    assert lines == [f"elsewhere  {url}/js/b.js  on {url}/", f"missing    {url}/assets/gone.png  on {url}/: 404",
                     f"elsewhere  {url}/pics/c-2.png  on {url}/", f"elsewhere  http://127.0.0.1:1/e.png  on {url}/",
                     f"elsewhere  {url}/fonts/f.woff2  on {url}/assets/a.css",
                     "3 pages, 9 assets, 5 not served from the web tier"]
    assert status == 1 and not errors
    assert not site.count("/pics/c-2.png") and site.requests("/assets/d.png")[0]["method"] == "HEAD"


def test_a_page_that_cannot_be_read_is_told_of(site):
    status, _, errors = run(site.url + "/")
    assert status == 2 and errors == f"assets-check: {site.url}/third: 500\n"


def test_the_prefixes_are_those_of_a_configuration(site, tmp_path):
    conf = tmp_path / "site.conf"
    conf.write_text('<VirtualHost *:80>\n    TierAssets "/assets" "store"\n    tierassets /js/ store\n    TierAssets /pics/ a b\n'
                    '    TierAssetsMap "/x/" "//127.0.0.1:1/"\n    # TierAssets "/fonts/" "store"\n')
    _, lines, _ = run("--conf", conf, "--tier", "/pics/", "--pages", 1, site.url + "/")
    kinds = {line.split()[1].removeprefix(site.url): line.split()[0] for line in lines[:-1]}
    assert kinds["/fonts/f.woff2"] == "elsewhere" and "/js/b.js" not in kinds and "/pics/c-2.png" not in kinds
    assert kinds["http://127.0.0.1:1/e.png"] == "missing"  # nobody listens there


def test_all_is_well(site):
    status, lines, errors = run(site.url + "/good")
    assert (status, lines, errors) == (0, ["1 pages, 1 assets, 0 not served from the web tier"], "")


def test_what_is_odd_is_read_as_browsers_do(site):
    site.clear()
    assert run(site.url + "/odd") == (0, ["1 pages, 2 assets, 0 not served from the web tier"], "")
    assert site.count("/assets/%C3%A4%20b.png") == 1
    assert run(site.url + "/early") == (0, ["1 pages, 0 assets, 0 not served from the web tier"], "")
    status, _, errors = run(site.url + "/rubbish")
    assert status == 2 and "no answer" in errors


def test_bad_arguments_are_refused(site, tmp_path):
    (tmp_path / "empty.conf").write_text("Listen 80\n")
    for arguments, problem in ((["/page"], "give a URL of http"), (["--conf", tmp_path / "no", site.url], "No such file"),
                               (["--conf", tmp_path / "empty.conf", site.url], "there is no TierAssets line")):
        status, _, errors = run(*arguments)
        assert status == 2 and problem in errors
    status, _, errors = run("http://127.0.0.1:1/")
    assert status == 2 and "no answer" in errors

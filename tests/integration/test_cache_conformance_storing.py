# SPDX-License-Identifier: Apache-2.0
"""RFC 9111 sections 3, 3.1, 3.5, 4.1 and 4.4, RFC 9110 section 7.6.1: what is stored, for whom, and until what."""
from cache_support import cached
from conformance_support import HIT, Origin, answers, case, get, head, run, told

FRESH = "max-age=3600"
WITHOUT_BODY = (204, 205, 304)
STATUSES = [200, 201, 202, 203, 204, 205, 207, 226, 299, 300, 301, 302, 303, 305, 307, 308, 399, 400, 401, 402, 403, 404,
            405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431,
            451, 499, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 599]


def test_any_final_status_with_explicit_freshness(httpd):
    cases = [case(f"{status}", get(told(FRESH, f"{status} Own Reason", b"" if status in WITHOUT_BODY else None)),
                  get(HIT, check=lambda got: got.reason == "Own Reason")) for status in STATUSES]
    assert run(httpd, cases) == []


def test_statuses_that_are_not_stored(httpd):
    partial = dict(Content_Range="bytes 0-3/10", Cache_Control=FRESH)
    assert run(httpd, [
        case("304 to nothing stored", get(answers(304, Cache_Control=FRESH, ETag='"a"'), fields={"If-None-Match": '"a"'}, status=304),
             get(told(FRESH))),
        case("206 is not taken for the whole", get(answers(206, b"0123", **partial), fields={"Range": "bytes=0-3"}),
             get(told(FRESH, body=b"0123456789"))),
        case("206 nobody asked for", get(answers(206, b"0123", **partial), body=any),
             get(told(FRESH))),
        case("304 nobody asked for", get(answers(304, Cache_Control=FRESH), status=304, body=any), get(told(FRESH))),
        case("must-understand of a status that is not", get(told(f"{FRESH}, must-understand", 299)), get(told(FRESH, 299))),
        case("must-understand of one that is", get(told(f"{FRESH}, no-store, must-understand")), get(HIT)),
        case("must-understand does not overrule private", get(told(f"{FRESH}, must-understand, private")),
             get(told(FRESH))),
    ]) == []


def test_interim_responses_are_not_stored(httpd):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Interim: 1\r\n\r\n"
    trying = b"HTTP/1.1 102 Processing\r\nX-Interim: 1\r\n\r\n"
    with Origin() as origin:
        server = cached(httpd, origin)
        for number, interim in enumerate((early, trying + early, b"HTTP/1.1 100 Continue\r\n\r\n")):
            origin.step, origin.body = get(answers(before=interim, Cache_Control=FRESH)), b"final"
            asked = f"GET /{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
            first, second = server.raw(asked), server.raw(asked)
            assert first.endswith(b"final") and second.endswith(b"final")
            assert second.startswith(b"HTTP/1.1 200 ") and second.count(b"HTTP/1.1") == 1
            assert b"webtier; hit" in second and b"X-Interim" not in second and b"Link" not in second
        origin.shutdown()


def chunked(trailers=b"", **fields):
    return told(FRESH, body=b"4\r\nbody\r\n0\r\n" + trailers + b"\r\n", Transfer_Encoding="chunked", **fields)


def test_fields_that_are_stored_and_fields_that_are_not(httpd):
    kept = {"X-Own": "a", "Content-Language": "de", "Content-Location": "/elsewhere", "Content-Security-Policy": "default-src 'self'",
            "Content-Disposition": "inline", "Link": "</a>; rel=next, </b>; rel=prev", "Clear-Site-Data": "cache", "Vary": "X-V",
            "Content-MD5": "abc==", "Server-Timing": "db;dur=53", "Warning": '199 - "x"', "Allow": "GET", "Retry-After": "5",
            "ETag": 'W/"a"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT", "Expires": "Sun, 06 Nov 1994 08:49:37 GMT"}
    hop = {"Keep-Alive": "timeout=3", "Proxy-Connection": "close", "Proxy-Authenticate": "Basic realm=a",
           "Proxy-Authentication-Info": "x", "Upgrade": "x/1", "TE": "trailers", "Trailer": "X-T", "Proxy-Authorization": "x"}

    def stored(name, value):
        return case(name, get(answers(Cache_Control=FRESH, **{name: value})), get(HIT, has={name: value}))

    assert run(httpd, [
        *[stored(name, value) for name, value in kept.items()],
        *[case(f"{name} is of one connection", get(answers(Cache_Control=FRESH, **{name: value})), get(HIT, has={name: None}))
          for name, value in hop.items()],
        case("fields that Connection names", get(answers(Cache_Control=FRESH, Connection="X-Hop, x-two", X_Hop="1", X_Two="2",
                                                         X_Three="3")),
             get(HIT, has={"X-Hop": None, "X-Two": None, "X-Three": "3"})),
        case("two lines of one field", get(told(FRESH, X_Two=["a, b", "c"])), get(HIT, has={"X-Two": "a, b, c"})),
        case("two cookies, two lines", get(told("public, max-age=60", Set_Cookie=["a=b", "c=d"])),
             get(HIT, check=lambda got: got.headers.get_all("Set-Cookie") == ["a=b", "c=d"])),
        case("an empty field", get(told(FRESH, X_Empty="")), get(HIT, has={"X-Empty": ""})),
        case("a byte over 127", get(told(FRESH, X_Latin="\xe4")), get(HIT, has={"X-Latin": "\xe4"})),
        case("Age is made anew", get(told(FRESH, Age="5")), get(HIT, check=lambda got: 5 <= int(got.headers["Age"]) < 60
                                                              and len(got.headers.get_all("Age")) == 1)),
        case('no-cache="a" is not stored', get(told(f'{FRESH}, no-cache="x-own"', X_Own="1", X_Other="2")),
             get(HIT, has={"X-Own": None, "X-Other": "2"})),
        case("no-cache=a, unquoted", get(told(f"{FRESH}, no-cache=X-Own", X_Own="1")), get(HIT, has={"X-Own": None})),
        case('no-cache="a, b"', get(told(f'no-cache="x-own, X-TWO", {FRESH}', X_Own="1", X_Two="2")),
             get(HIT, has={"X-Own": None, "X-Two": None})),
        case('private="a"', get(told(f'{FRESH}, private="X-Own"', X_Own="1")), get(HIT, has={"X-Own": None})),
        case('private="set-cookie"', get(told(f'{FRESH}, private="set-cookie"', Set_Cookie="a=b")),
             get(HIT, has={"Set-Cookie": None})),
        case("trailers are no fields", get(chunked(b"X-Trail: 1\r\nCache-Control: no-store\r\nVary: *\r\n"), body=b"body"),
             get(HIT, body=b"body", has={"X-Trail": None, "Cache-Control": FRESH, "Vary": None})),
        case("of two lengths chunks count", get(chunked(Content_Length="100"), body=b"body"),
             get(HIT, body=b"body", has={"Content-Length": "4"})),
        case("private and private=a", get(told(f'{FRESH}, private, private="x-own"')), get(told(FRESH))),
    ]) == []


def test_cookies_and_authorization(httpd):
    basic = {"Authorization": "Basic YTpi"}

    def cookie(directives, **more):
        return answers(Cache_Control=directives, Set_Cookie="a=b", **more)

    assert run(httpd, [
        case("Set-Cookie", get(cookie(FRESH)), get(told(FRESH))),
        case("Set-Cookie, public", get(cookie(f"public, {FRESH}")), get(HIT)),
        case("Set-Cookie, s-maxage", get(cookie("s-maxage=60")), get(HIT)),
        case("Set-Cookie, CDN-Cache-Control", get(cookie("no-store", CDN_Cache_Control="max-age=60")), get(HIT)),
        case("Set-Cookie, Expires", get(answers(Set_Cookie="a=b", Expires="Sun, 06 Nov 2044 08:49:37 GMT")), get(told(FRESH))),
        case("Authorization", get(told(FRESH), fields=basic), get(told(FRESH), fields=basic)),
        case("Authorization, public", get(told(f"public, {FRESH}"), fields=basic), get(HIT)),
        case("Authorization, must-revalidate", get(told(f"must-revalidate, {FRESH}"), fields=basic), get(HIT, fields=basic)),
        case("Authorization, s-maxage", get(told("s-maxage=60"), fields=basic), get(HIT)),
        case("Authorization, Expires", get(answers(Expires="Sun, 06 Nov 2044 08:49:37 GMT"), fields=basic), get(told(FRESH))),
        case("what anybody may have answers a request with Authorization too", get(told(FRESH)), get(HIT, fields=basic)),
        case("a request's cookie changes nothing", get(told(FRESH), fields={"Cookie": "a=b"}), get(HIT)),
    ]) == []


def test_vary(httpd):
    def asked(value):
        return {"Foo": value}

    star = [case(f"Vary: {value!r}", get(told(FRESH, Vary=value)), get(told(FRESH)))
            for value in ("*", " * ", "Foo, *", "*, Foo", "*,*", ["Foo", "*"], ",*", "Foo Bar", '"*"')]
    language = {"Accept-Language": "de;q=0.5, en"}
    assert run(httpd, [
        *star,
        case("same value", get(told(FRESH, Vary="Foo"), fields=asked("1")), get(HIT, fields=asked("1"))),
        case("name in other case", get(told(FRESH, Vary="fOO"), fields=asked("1")), get(HIT, fields=asked("1"))),
        case("other value", get(told(FRESH, Vary="Foo"), fields=asked("1")), get(told(FRESH, Vary="Foo"), fields=asked("2"))),
        case("other case of the value", get(told(FRESH, Vary="Foo"), fields=asked("a")),
             get(told(FRESH, Vary="Foo"), fields=asked("A"))),
        case("no value", get(told(FRESH, Vary="Foo"), fields=asked("1")), get(told(FRESH, Vary="Foo"))),
        case("both without", get(told(FRESH, Vary="Foo")), get(HIT)),
        case("an empty value is not none", get(told(FRESH, Vary="Foo")), get(told(FRESH, Vary="Foo"), fields=asked(""))),
        case("two variants at once", get(told(FRESH, Vary="Foo", body=b"one"), fields=asked("1")),
             get(told(FRESH, Vary="Foo", body=b"two"), fields=asked("2")),
             get(HIT, fields=asked("1"), body=b"one"), get(HIT, fields=asked("2"), body=b"two")),
        case("two names", get(told(FRESH, Vary="Foo, Bar"), fields={"Foo": "1", "Bar": "a"}),
             get(HIT, fields={"Bar": "a", "Foo": "1"}), get(told(FRESH, Vary="Foo, Bar"), fields={"Foo": "1", "Bar": "b"})),
        case("names of several lines", get(told(FRESH, Vary=["Foo", "Bar"]), fields={"Foo": "1", "Bar": "a"}),
             get(told(FRESH), fields={"Foo": "1", "Bar": "b"})),
        case("other order and empty elements", get(told(FRESH, Vary=", Bar,, Foo,"), fields={"Foo": "1", "Bar": "a"}),
             get(HIT, fields={"Foo": "1", "Bar": "a"})),
        case("several lines are one value", get(told(FRESH, Vary="Foo"), fields={"Foo": ["1", "2"]}),
             get(HIT, fields=asked("1, 2")), get(told(FRESH), fields=asked("2, 1"))),
        case("white space around", get(told(FRESH, Vary="Foo"), fields=asked("1")), get(HIT, fields=asked("  1  "))),
        case("white space within", get(told(FRESH, Vary="Foo"), fields=asked("1,2")), get(HIT, fields=asked("1 ,  2"))),
        case("Accept-Language normalised", get(told(FRESH, Vary="Accept-Language"), fields=language),
             get(HIT, fields={"Accept-Language": "EN , de ;q=0.5"})),
        case("Accept-Encoding in another order", get(told(FRESH, Vary="Accept-Encoding"), fields={"Accept-Encoding": "gzip, br"}),
             get(HIT, fields={"Accept-Encoding": "br,gzip"})),
        case("the newest set of names counts", get(told(FRESH, Vary="Foo"), fields={"Foo": "1", "Bar": "1"}),
             get(told(FRESH, Vary="Bar"), fields={"Foo": "2", "Bar": "1"}), get(HIT, fields={"Foo": "9", "Bar": "1"})),
        case("stored without Vary beside variants", get(told(FRESH, Vary="Foo"), fields=asked("1")),
             get(told(FRESH, body=b"all"), fields=asked("2")), get(HIT, fields=asked("3"), body=b"all")),
        case("Vary by what no request has", get(told(FRESH, Vary="Never")), get(HIT)),
        case("the variant is validated by its own tag", get(told("max-age=0", Vary="Foo", ETag='"one"'), fields=asked("1")),
             get(told("max-age=0", Vary="Foo", ETag='"two"'), fields=asked("2")),
             get(answers(304, Cache_Control="max-age=0", Vary="Foo", ETag='"one"'), fields=asked("1"), body=any,
                 asked={"If-None-Match": '"one"'})),
    ]) == []


def unsafe_cases(method):
    def unsafe(status=200, path="", **fields):
        return get(answers(status, **fields), method=method, path=path, body=any, status=status)

    fill, again = get(told(FRESH)), get(told(FRESH))
    cases = [
        *[case(f"answered {status}", fill, unsafe(status), again) for status in (200, 204, 201, 302, 303)],
        *[case(f"failed with {status}", fill, unsafe(status), get(HIT, body=any)) for status in (400, 404, 500, 503)],
        case("Location", get(told(FRESH), path="/a"), unsafe(201, Location="a", path="/b"), get(told(FRESH), path="/a")),
        case("Content-Location", get(told(FRESH), path="/a"), unsafe(Content_Location="a", path="/b"), get(told(FRESH), path="/a")),
        case("Location of another host", get(told(FRESH), path="/a"), unsafe(201, Location="http://other.test/a", path="/b"),
             get(HIT, path="/a", body=any)),
        case("its answer is not stored", get(told(FRESH), method=method, body=any), get(told(FRESH))),
        case("all variants", get(told(FRESH, Vary="Foo"), fields={"Foo": "1"}), get(told(FRESH, Vary="Foo"), fields={"Foo": "2"}),
             unsafe(), get(told(FRESH, Vary="Foo"), fields={"Foo": "1"}), get(told(FRESH, Vary="Foo"), fields={"Foo": "2"})),
    ]
    return [(f"{method}, {name}", steps) for name, steps in cases]


def test_unsafe_methods(httpd):
    methods = ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "MKCOL", "X-UNKNOWN"]
    assert run(httpd, [one for method in methods for one in unsafe_cases(method)]) == []


def test_safe_methods(httpd):
    assert run(httpd, [
        *[case(f"{method} invalidates nothing", get(told(FRESH)), get(answers(200), method=method, body=any), get(HIT, body=any))
          for method in ("OPTIONS", "PROPFIND", "REPORT", "SEARCH")],
        case("OPTIONS is not stored", get(told(FRESH), method="OPTIONS"), get(told(FRESH))),
        case("HEAD is answered from GET", get(told(FRESH, body=b"12345")), head(HIT, has={"Content-Length": "5"})),
        case("HEAD is not stored for GET", head(told(FRESH)), get(told(FRESH))),
    ]) == []

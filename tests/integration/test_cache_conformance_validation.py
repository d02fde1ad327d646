# SPDX-License-Identifier: Apache-2.0
"""RFC 9111 sections 3.2 and 4.3, RFC 9110 sections 13 and 14, RFC 5861: validating, updating, conditions and ranges."""
from cache_support import http_date
from conformance_support import HIT, answers, case, get, head, run, told

FRESH = "max-age=3600"
OLD, NEW, LATER = http_date(-7200), http_date(-3600), http_date(-1800)


def stale(**fields):
    return told("max-age=0", **fields)


def confirms(**fields):
    """A 304 after which what is stored is fresh."""
    fields.setdefault("Cache_Control", FRESH)
    return answers(304, **fields)


def test_what_the_origin_is_asked_with(httpd):
    again = answers(Cache_Control="max-age=0")
    assert run(httpd, [
        case("ETag", get(stale(ETag='"a"')), get(again, asked={"If-None-Match": '"a"', "If-Modified-Since": None})),
        case("weak ETag", get(stale(ETag='W/"a"')), get(again, asked={"If-None-Match": 'W/"a"'})),
        case("Last-Modified", get(stale(Last_Modified=OLD)), get(again, asked={"If-Modified-Since": OLD, "If-None-Match": None})),
        case("both", get(stale(ETag='"a"', Last_Modified=OLD)), get(again, asked={"If-None-Match": '"a"', "If-Modified-Since": OLD})),
        case("neither", get(told("max-age=60", Age="100")), get(again, asked={"If-None-Match": None, "If-Modified-Since": None})),
        case("the client's own condition, nothing stored", get(answers(304), fields={"If-None-Match": '"x"'}, status=304,
                                                               asked={"If-None-Match": '"x"'})),
        case("the client's own condition, stale", get(stale(ETag='"a"')),
             get(confirms(ETag='"a"'), fields={"If-None-Match": '"x"'}, asked={"If-None-Match": '"a"'})),
        case("a range of what is stale", get(stale(ETag='"a"', body=b"0123456789")),
             get(confirms(ETag='"a"'), fields={"Range": "bytes=2-4"}, asked={"Range": None}, status=206, body=b"234")),
        case("If-Match is the origin's to judge", get(told(FRESH, ETag='"a"')),
             get(answers(412), fields={"If-Match": '"b"'}, asked={"If-Match": '"b"'}), get(HIT, body=any, status=200)),
        case("If-Unmodified-Since too", get(told(FRESH, ETag='"a"')),
             get(answers(412), fields={"If-Unmodified-Since": OLD}, asked={"If-Unmodified-Since": OLD})),
    ]) == []


def test_what_a_304_updates(httpd):
    updated = {"X-Own": "new", "Content-Language": "en", "Content-Location": "/b", "Content-Security-Policy": "default-src 'none'",
               "Link": "</b>", "Expires": LATER, "Date": http_date(-5), "Allow": "HEAD", "Content-Disposition": "inline",
               "Content-Type": "text/plain", "X-Content-Foo": "b", "X-Frame-Options": "SAMEORIGIN", "Clear-Site-Data": "cookies"}
    kept = {"Content-Encoding": "gzip", "Content-Range": "bytes 0-1/2", "Content-MD5": "new==", "Content-Digest": "sha-256=:bmV3:"}
    hop = {"Keep-Alive": "timeout=3", "Proxy-Connection": "close", "Proxy-Authenticate": "Basic realm=new",
           "Proxy-Authentication-Info": "x", "Upgrade": "x/1", "TE": "trailers", "Trailer": "X-T"}

    def update(name, old, new, after):
        first = stale(ETag='"a"', **({name: old} if old else {}))
        return case(f"{name}: {old} and {new}", get(first), get(confirms(ETag='"a"', **({name: new} if new else {}))),
                    get(HIT, has={name: after}))

    assert run(httpd, [
        *[update(name, "old" if name not in ("Expires", "Date") else OLD, value, value) for name, value in updated.items()],
        *[update(name, None, value, value) for name, value in updated.items() if name not in ("Date", "Content-Type")],
        *[update(name, None, value, None) for name, value in kept.items()],
        *[update(name, None, value, None) for name, value in hop.items()],
        update("X-Gone", "old", None, "old"),
        update("Content-Encoding", "br", "gzip", "br"),
        update("X-Two", ["a", "b"], "c", "c"),
        update("X-Two", "a", ["b", "c"], "b, c"),
        case("Content-Length does not cut the body", get(stale(ETag='"a"', body=b"0123456789")),
             get(confirms(ETag='"a"', Content_Length="3")), get(HIT, has={"Content-Length": "10"})),
        case("Connection names fields of a 304 too", get(stale(ETag='"a"', X_Hop="old")),
             get(confirms(ETag='"a"', Connection="X-Hop", X_Hop="new")), get(HIT, has={"X-Hop": "old"})),
        case("no-cache=field of a 304", get(stale(ETag='"a"')),
             get(confirms(ETag='"a"', Cache_Control=f'{FRESH}, no-cache="x-own"', X_Own="1")), get(HIT, has={"X-Own": None})),
        case("the client that asked gets the new fields", get(stale(ETag='"a"', X_Own="old")),
             get(confirms(ETag='"a"', X_Own="new"), has={"X-Own": "new"})),
        case("no new freshness: still stale", get(stale(ETag='"a"')), get(answers(304, ETag='"a"')), get(answers(304, ETag='"a"'))),
        case("Age of the 304", get(stale(ETag='"a"')), get(confirms(ETag='"a"', Age="4000")), get(answers(304, ETag='"a"'))),
        case("a 304 that says no-store", get(stale(ETag='"a"')), get(confirms(ETag='"a"', Cache_Control="no-store")),
             get(told(FRESH), asked={"If-None-Match": None})),
        *[case(f"a cookie in a 304 to {stored}, {new}", get(told(f"{stored}{FRESH}", ETag='"a"', Age="4000")),
               get(answers(304, ETag='"a"', Set_Cookie="a=b", **new), has={"Set-Cookie": "a=b"}), get(HIT, has={"Set-Cookie": after}))
          for stored, new, after in (
              ("", {}, None), ("", {"Cache_Control": FRESH}, None),
              ("public, ", {}, None),  # which was not said of this cookie
              ("public, ", {"Cache_Control": f"public, {FRESH}"}, "a=b"))],
        case("a 304 of another tag", get(stale(ETag='"a"')), get(confirms(ETag='"b"')), get(told(FRESH), asked={"If-None-Match": None})),
        case("a 304 by a weak tag for a strong one", get(stale(ETag='"a"')), get(confirms(ETag='W/"a"')), get(HIT)),
        case("a 304 without validators", get(stale(ETag='"a"')), get(confirms()), get(HIT)),
        case("a 304 by Last-Modified", get(stale(Last_Modified=OLD)), get(confirms(Last_Modified=OLD)), get(HIT)),
        case("a 200 in the place of a 304", get(stale(ETag='"a"')), get(told(FRESH, ETag='"b"')), get(HIT, has={"ETag": '"b"'})),
        case("404 in the place of a 304", get(stale(ETag='"a"')), get(answers(404)), get(answers(404))),
        case("a 304 to an error that was stored", get(told("max-age=0", 404, ETag='"a"')), get(confirms(ETag='"a"'), status=404),
             get(HIT, status=404)),
    ]) == []


def test_conditions_of_the_client(httpd):
    tagged = told(FRESH, ETag='"a"', Last_Modified=NEW, X_Own="1", Content_Location="/x", Expires=LATER, Vary="Foo",
                  Content_Type="text/plain", Content_Language="de")

    def condition(name, status, origin=tagged, **fields):
        return case(name, get(origin), get(HIT, fields=fields, status=status))

    assert run(httpd, [
        condition("the tag", 304, If_None_Match='"a"'),
        condition("another tag", 200, If_None_Match='"b"'),
        condition("a weak tag", 304, If_None_Match='W/"a"'),
        condition("a stored weak tag", 304, told(FRESH, ETag='W/"a"'), If_None_Match='"a"'),
        condition("one of a list", 304, If_None_Match='"x", "a" , "y"'),
        condition("of several lines", 304, If_None_Match=['"x"', '"a"']),
        condition("any", 304, If_None_Match="*"),
        condition("any, no tag stored", 304, told(FRESH), If_None_Match="*"),
        condition("a comma within a tag", 304, told(FRESH, ETag='"a,b"'), If_None_Match='"a,b"'),
        condition("half of a tag with a comma", 200, told(FRESH, ETag='"a,b"'), If_None_Match='"a"'),
        condition("a tag without quotes", 304, told(FRESH, ETag="abc"), If_None_Match="abc"),
        condition("a backslash is no escape", 304, told(FRESH, ETag='"a\\"'), If_None_Match='"a\\"'),
        condition("other case of the tag", 200, If_None_Match='"A"'),
        condition("since the date", 304, If_Modified_Since=NEW),
        condition("since later", 304, If_Modified_Since=LATER),
        condition("since before", 200, If_Modified_Since=OLD),
        condition("since no date", 200, If_Modified_Since="yesterday"),
        condition("the tag over the date", 200, If_None_Match='"b"', If_Modified_Since=LATER),
        condition("the tag over the date, the other way", 304, If_None_Match='"a"', If_Modified_Since=OLD),
        condition("Date in the place of Last-Modified", 304, told(FRESH), If_Modified_Since=http_date(60)),
        condition("not of an error", 404, told(FRESH, 404, ETag='"a"'), If_None_Match='"a"'),
        case("HEAD", get(tagged), head(HIT, fields={"If-None-Match": '"a"'}, status=304)),
        case("fields of a 304", get(tagged), get(HIT, fields={"If-None-Match": '"a"'}, status=304,
             has={"ETag": '"a"', "Cache-Control": FRESH, "Content-Location": "/x", "Expires": LATER, "Vary": "Foo",
                  "Content-Length": None, "Content-Type": None, "Content-Language": None},
             check=lambda got: got.headers["Date"] and got.headers["Age"])),
        case("a 304 of the client's does not end what is stored", get(tagged),
             get(HIT, fields={"If-None-Match": '"a"'}, status=304), get(HIT)),
    ]) == []


def test_ranges_of_what_is_stored(httpd):
    digits = told(FRESH, ETag='"a"', Last_Modified=OLD, body=b"0123456789")

    def ranged(asked, body, content_range, status=206, origin=digits, **fields):
        return case(asked, get(origin), get(HIT, fields={"Range": asked, **fields}, status=status, body=body,
                                            has={"Content-Range": content_range}))

    def parts(answer):
        return (answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=") and answer.body.lower().count(b"content-range:") == 2
                and b"bytes 0-1/10\r\n\r\n01\r\n" in answer.body and b"bytes 8-9/10\r\n\r\n89\r\n" in answer.body)

    assert run(httpd, [
        ranged("bytes=0-2", b"012", "bytes 0-2/10"),
        ranged("bytes=4-", b"456789", "bytes 4-9/10"),
        ranged("bytes=-3", b"789", "bytes 7-9/10"),
        ranged("bytes=-20", b"0123456789", "bytes 0-9/10"),
        ranged("bytes=8-20", b"89", "bytes 8-9/10"),
        ranged("bytes=9-9", b"9", "bytes 9-9/10"),
        ranged("BYTES=0-1", b"01", "bytes 0-1/10"),
        ranged("bytes=10-", any, "bytes */10", 416),
        ranged("bytes=-0", b"0123456789", None, 200),
        ranged("bytes=3-2", b"0123456789", None, 200),
        ranged("bytes=a-b", b"0123456789", None, 200),
        ranged("bytes=", b"0123456789", None, 200),
        ranged("lines=1-2", b"0123456789", None, 200),
        case("several", get(digits), get(HIT, fields={"Range": "bytes=0-1, 8-9"}, status=206, body=any, check=parts)),
        case("several, one beyond", get(digits), get(HIT, fields={"Range": "bytes=0-1,20-30"}, status=206, body=b"01")),
        ranged("bytes=0-1", b"01", "bytes 0-1/10", If_Range='"a"'),
        case("If-Range of another tag", get(digits), get(HIT, fields={"Range": "bytes=0-1", "If-Range": '"b"'})),
        case("If-Range is strong", get(told(FRESH, ETag='W/"a"', body=b"0123456789")),
             get(HIT, fields={"Range": "bytes=0-1", "If-Range": 'W/"a"'})),
        case("If-Range of the date", get(digits), get(HIT, fields={"Range": "bytes=0-1", "If-Range": OLD}, status=206, body=b"01")),
        case("If-Range of another date", get(digits), get(HIT, fields={"Range": "bytes=0-1", "If-Range": NEW})),
        case("If-Range without Range", get(digits), get(HIT, fields={"If-Range": '"a"'})),
        case("a condition comes first", get(digits), get(HIT, fields={"Range": "bytes=0-1", "If-None-Match": '"a"'}, status=304)),
        case("HEAD has no ranges", get(digits), head(HIT, fields={"Range": "bytes=0-1"}, status=200)),
        case("an error has no ranges", get(told(FRESH, 404, body=b"0123456789")), get(HIT, fields={"Range": "bytes=0-1"})),
        case("a range does not end what is stored", get(digits), get(HIT, fields={"Range": "bytes=0-1"}, status=206, body=b"01"),
             get(HIT, status=200, body=b"0123456789")),
    ]) == []


def test_head_of_what_is_stale(httpd):
    """RFC 9111 section 4.3.5."""
    body = b"0123456789"

    def asked(name, first, second, *then):
        return case(name, get(first), head(second), *then)

    def length(size, **fields):
        return told(FRESH, Content_Length=str(size), **fields)

    assert run(httpd, [
        asked("updates", stale(ETag='"a"', X_Own="old", body=body), length(10, ETag='"a"', X_Own="new"),
              get(HIT, has={"X-Own": "new"}, body=body)),
        asked("updates by Last-Modified", stale(Last_Modified=OLD, body=body), length(10, Last_Modified=OLD), get(HIT, body=body)),
        asked("a cookie for all is no cookie for one", told(f"public, {FRESH}", ETag='"a"', Age="4000", body=body),
              length(10, ETag='"a"', Set_Cookie="a=b"), get(HIT, has={"Set-Cookie": None}, body=body)),
        asked("304 updates too", stale(ETag='"a"', body=body), confirms(ETag='"a"'), get(HIT, body=body)),
        asked("another tag", stale(ETag='"a"', body=body), length(10, ETag='"b"'), get(told(FRESH), asked={"If-None-Match": None})),
        asked("another date", stale(Last_Modified=OLD, body=body), length(10, Last_Modified=NEW), get(told(FRESH))),
        asked("another length", stale(ETag='"a"', body=body), length(11, ETag='"a"'), get(told(FRESH))),
        asked("no tag any more", stale(ETag='"a"', body=body), length(10), get(HIT, body=body)),
        asked("an error says nothing of it", stale(ETag='"a"', body=body), answers(404), get(confirms(ETag='"a"'), body=body)),
        case("a fresh answer, HEAD with no-cache", get(told(FRESH, ETag='"a"', body=body)),
             head(told(FRESH, ETag='"b"', Content_Length="10"), fields={"Cache-Control": "no-cache"}), get(told(FRESH))),
        case("a variant", get(stale(ETag='"a"', Vary="Foo", body=body), fields={"Foo": "1"}),
             get(stale(ETag='"c"', Vary="Foo", body=b"other"), fields={"Foo": "2"}),
             head(length(10, ETag='"a"', Vary="Foo"), fields={"Foo": "1"}), get(HIT, fields={"Foo": "1"}, body=body),
             get(confirms(ETag='"c"', Vary="Foo"), fields={"Foo": "2"}, body=b"other")),
    ]) == []


def test_stale_answers(httpd):
    def aged(directives, **fields):
        return told(f"max-age=3600, {directives}", Age="3700", ETag='"a"', **fields)

    def fails(status=503):
        return answers(status, body=b"failed")

    assert run(httpd, [
        case("stale-if-error", get(aged("stale-if-error=1000", body=b"kept")), get(fails(), status=200, body=b"kept")),
        case("stale-if-error that is over", get(aged("stale-if-error=50")), get(fails())),
        *[case(f"stale-if-error and {status}", get(aged("stale-if-error=1000", body=b"kept")), get(fails(status), status=200, body=b"kept"))
          for status in (500, 502, 504)],
        *[case(f"stale-if-error and {status}", get(aged("stale-if-error=1000")), get(fails(status))) for status in (404, 501, 429)],
        case("nothing allows it", get(aged("public")), get(fails())),
        *[case(f"{word} forbids it", get(aged(f"stale-if-error=1000, {word}")), get(fails()))
          for word in ("must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=3600")],
    ]) == []


def test_cache_status(httpd):
    """RFC 9211."""
    def member(text):
        return {"Cache-Status": f"webtier; {text}"}

    assert run(httpd, [
        case("miss and hit", get(told(FRESH), has=member("fwd=uri-miss; stored")), get(HIT, has=member("hit; ttl=3600"))),
        case("stale", get(stale(ETag='"a"')), get(confirms(ETag='"a"'), has=member("fwd=stale; fwd-status=304; stored"))),
        case("request", get(told(FRESH, ETag='"a"')), get(confirms(ETag='"a"'), fields={"Cache-Control": "no-cache"},
                                                          has=member("fwd=request; fwd-status=304; stored"))),
        case("vary", get(told(FRESH, Vary="Foo"), fields={"Foo": "1"}), get(told(FRESH, Vary="Foo"), has=member("fwd=vary-miss; stored"))),
        case("method", get(answers(), method="DELETE", has=member("fwd=method"))),
        case("the origin's own member comes first", get(told(FRESH, Cache_Status="inner; hit"),
                                                        has={"Cache-Status": "inner; hit, webtier; fwd=uri-miss; stored"})),
    ]) == []

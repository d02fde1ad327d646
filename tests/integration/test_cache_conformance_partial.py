# SPDX-License-Identifier: Apache-2.0
"""RFC 9111 sections 3.3 and 3.4: parts of an answer are stored, served, combined and completed."""
from conformance_support import HIT, answers, case, get, head, run, told

FRESH = "max-age=3600"
WHOLE = b"0123456789"


def part(first, last, etag='"a"', body=WHOLE, total=10, **fields):
    """The origin's 206 of the bytes first to last."""
    fields.setdefault("Cache_Control", FRESH)
    return answers(206, body[first:last + 1], ETag=etag, Content_Range=f"bytes {first}-{last}/{total}", **fields)


def ranged(text, origin, body, **options):
    """A request for a range; body is what the client has to get."""
    return get(origin, fields={"Range": f"bytes={text}", **options.pop("fields", {})}, status=206, body=body, **options)


def whole(origin, **options):
    return get(origin, status=200, body=WHOLE, **options)


HEAD = ranged("0-3", part(0, 3), b"0123")
TAIL = ranged("6-9", part(6, 9), b"6789")


def test_a_part_that_is_stored_serves_ranges_within(httpd):
    assert run(httpd, [
        case("the same", HEAD, ranged("0-3", HIT, b"0123", has={"Content-Range": "bytes 0-3/10", "Content-Length": "4"})),
        case("less of it", HEAD, ranged("1-2", HIT, b"12", has={"Content-Range": "bytes 1-2/10"})),
        case("a suffix", TAIL, ranged("-2", HIT, b"89", has={"Content-Range": "bytes 8-9/10"})),
        case("without an end", TAIL, ranged("7-", HIT, b"789")),
        case("beyond the end", TAIL, ranged("8-100", HIT, b"89")),
        case("If-Range of its tag", HEAD, ranged("0-1", HIT, b"01", fields={"If-Range": '"a"'})),
        case("If-Range of another tag", HEAD, get(told(FRESH, body=WHOLE), fields={"Range": "bytes=0-1", "If-Range": '"b"'},
                                                  body=WHOLE, status=200)),
        case("more than it has", HEAD, ranged("2-5", part(2, 5), b"2345")),
        case("by a guess, too", ranged("0-3", part(0, 3, Cache_Control="public", Last_Modified="Sun, 06 Nov 1994 08:49:37 GMT"), b"0123"),
             ranged("0-3", HIT, b"0123")),
        case("a stale one does not", ranged("0-3", part(0, 3, Age="4000"), b"0123"), ranged("0-3", part(0, 3), b"0123")),
        case("no-cache in the request", HEAD, ranged("0-3", part(0, 3), b"0123", fields={"Cache-Control": "no-cache"})),
        case("several ranges are the origin's", HEAD, get(told(FRESH, body=WHOLE), fields={"Range": "bytes=0-0,2-2"}, status=206, body=any,
                                                          asked={"Range": "bytes=0-0,2-2"})),
        case("a variant", ranged("0-3", part(0, 3, Vary="Foo"), b"0123", fields={"Foo": "1"}),
             ranged("0-3", HIT, b"0123", fields={"Foo": "1"}), ranged("0-3", part(0, 3, Vary="Foo"), b"0123", fields={"Foo": "2"})),
        case("HEAD is the origin's", HEAD, head(told(FRESH, Content_Length="10"))),
        case("no whole is made of a part", HEAD, whole(told(FRESH, body=WHOLE))),
    ]) == []


def test_parts_are_combined(httpd):
    assert run(httpd, [
        case("one behind the other", HEAD, ranged("4-6", part(4, 6), b"456"), ranged("2-5", HIT, b"2345")),
        case("one before the other", TAIL, ranged("4-5", part(4, 5), b"45"), ranged("5-8", HIT, b"5678")),
        case("overlapping", HEAD, ranged("2-6", part(2, 6), b"23456"), ranged("0-6", HIT, b"0123456")),
        case("within", HEAD, ranged("1-2", part(1, 2), b"12", fields={"Cache-Control": "no-cache"}), ranged("0-3", HIT, b"0123")),
        case("around", ranged("4-5", part(4, 5), b"45"), ranged("2-8", part(2, 8), b"2345678"), ranged("3-7", HIT, b"34567")),
        case("to the whole", HEAD, ranged("4-9", part(4, 9), b"456789"), whole(HIT, has={"Content-Range": None, "Content-Length": "10"}),
             ranged("3-4", HIT, b"34")),
        case("to the whole from the end", TAIL, ranged("0-5", part(0, 5), b"012345"), whole(HIT)),
        case("of another tag: the new one alone", HEAD, ranged("4-6", part(4, 6, '"b"'), b"456"), ranged("4-6", HIT, b"456"),
             ranged("0-3", part(0, 3, '"b"'), b"0123")),
        *[case(f"of {tag or 'no tag'}: the new one alone", ranged("0-3", part(0, 3, tag), b"0123"), ranged("1-2", HIT, b"12"),
               ranged("4-6", part(4, 6, tag), b"456"), ranged("4-6", HIT, b"456"), ranged("0-3", part(0, 3, tag), b"0123"))
          for tag in ('W/"a"', None)],
        case("of a weak tag: If-Range is the origin's", ranged("0-3", part(0, 3, 'W/"a"'), b"0123"),
             get(told(FRESH, body=WHOLE), fields={"Range": "bytes=0-1", "If-Range": 'W/"a"'}, body=WHOLE, status=200)),
        case("of another length of the whole", HEAD, ranged("4-6", part(4, 6, total=11), b"456"), ranged("4-6", HIT, b"456")),
        case("apart: the larger stays", HEAD, ranged("8-9", part(8, 9), b"89"), ranged("0-3", HIT, b"0123")),
        case("apart: the larger replaces", ranged("0-1", part(0, 1), b"01"), TAIL, ranged("6-9", HIT, b"6789")),
        case("the new fields count", ranged("0-3", part(0, 3, X_Own="old"), b"0123"), ranged("4-6", part(4, 6, X_Own="new"), b"456"),
             ranged("0-6", HIT, b"0123456", has={"X-Own": "new"})),
    ]) == []


def test_what_is_missing_is_asked_for(httpd):
    missing = {"Range": "bytes=4-9", "If-Range": '"a"'}
    assert run(httpd, [
        case("the end", HEAD, whole(part(4, 9), asked=missing, has={"Content-Range": None, "Content-Length": "10"}), whole(HIT)),
        case("the beginning", TAIL, whole(part(0, 5), asked={"Range": "bytes=0-5"}), whole(HIT), ranged("4-7", HIT, b"4567")),
        case("of a stale part", ranged("0-3", part(0, 3, Age="4000"), b"0123"), whole(part(4, 9), asked=missing), whole(HIT)),
        *[case(f"not of {tag or 'no tag'}", ranged("0-3", part(0, 3, tag), b"0123"),
               whole(told(FRESH, body=WHOLE), asked={"Range": None, "If-Range": None})) for tag in ('W/"a"', None)],
        case("both ends: all is asked for", ranged("3-5", part(3, 5), b"345"), whole(told(FRESH, body=WHOLE), asked={"Range": None})),
        case("it has changed", HEAD, get(told(FRESH, ETag='"b"', body=b"entirely new"), asked=missing), get(HIT)),
        case("it is gone", HEAD, get(answers(404), asked=missing)),
        case("a 206 of another tag", HEAD, get(part(4, 9, '"b"'), status=502, body=any), whole(told(FRESH, body=WHOLE), asked={"Range": None})),
        case("a 206 of another range", HEAD, get(part(5, 9), status=502, body=any), whole(told(FRESH, body=WHOLE))),
        case("not cacheable any more: the client gets it all the same", HEAD, whole(part(4, 9, Cache_Control="no-store"))),
        case("Cache-Status", HEAD, whole(part(4, 9), has={"Cache-Status": "webtier; fwd=partial; fwd-status=206; stored"})),
        case("only-if-cached", HEAD, get(HIT, fields={"Cache-Control": "only-if-cached"}, status=504, body=any)),
        case("a condition is the origin's", HEAD, get(answers(304, ETag='"a"'), fields={"If-None-Match": '"a"'}, status=304,
                                                      asked={"Range": None, "If-None-Match": '"a"'})),
        case("an unsafe method ends a part too", HEAD, get(answers(200), method="DELETE", body=any), whole(told(FRESH, body=WHOLE), asked={"Range": None})),
    ]) == []


def test_large_parts(httpd):
    """Parts that are read in place in shared memory."""
    size = 300_000
    data = bytes(number % 251 for number in range(size))

    def big(first, last):
        return part(first, last, body=data, total=size)

    assert run(httpd, [
        case("completed behind", ranged("0-99999", big(0, 99999), data[:100000]), get(big(100000, size - 1), status=200, body=data),
             get(HIT, status=200, body=data)),
        case("completed before", ranged("100000-", big(100000, size - 1), data[100000:]), get(big(0, 99999), status=200, body=data),
             get(HIT, status=200, body=data), ranged("99990-200000", HIT, data[99990:200001])),
        case("a range of a part", ranged("0-199999", big(0, 199999), data[:200000]), ranged("70000-150000", HIT, data[70000:150001])),
    ]) == []

# SPDX-License-Identifier: Apache-2.0
"""RFC 9111 sections 4.2, 5.1, 5.2.2 and 5.3, RFC 9213 and RFC 8246: how long an answer is fresh, however it says so."""
from cache_support import http_date
from conformance_support import HIT, answers, case, get, run, told

HOUR = 3600
WORDS = http_date(HOUR).split(" ")  # "Sun,", "06", "Nov", "1994", "08:49:37", "GMT"


def obeyed(name, **fields):
    """A case whose answer is fresh for long."""
    return case(name, get(answers(**fields)), get(HIT))


def over(name, **fields):
    """A case whose answer is stale as it comes, and so asked for again."""
    return case(name, get(answers(**fields)), get(answers(**fields)))


def test_explicit_lifetimes(httpd):
    assert run(httpd, [
        obeyed("max-age", Cache_Control="max-age=60"),
        over("max-age=0", Cache_Control="max-age=0"),
        obeyed("s-maxage", Cache_Control="s-maxage=60"),
        obeyed("s-maxage over max-age", Cache_Control="max-age=0, s-maxage=60"),
        over("s-maxage over a longer max-age", Cache_Control="max-age=60, s-maxage=0"),
        obeyed("s-maxage over Expires", Cache_Control="s-maxage=60", Expires=http_date(-HOUR)),
        over("s-maxage=0 over Expires", Cache_Control="s-maxage=0", Expires=http_date(HOUR)),
        obeyed("max-age over Expires", Cache_Control="max-age=60", Expires=http_date(-HOUR)),
        obeyed("max-age over an invalid Expires", Cache_Control="max-age=60", Expires="0"),
        over("max-age=0 over Expires", Cache_Control="max-age=0", Expires=http_date(HOUR)),
        obeyed("Expires", Expires=http_date(HOUR)),
        obeyed("Expires and Date", Expires=http_date(HOUR), Date=http_date()),
        over("Expires in the past", Expires=http_date(-HOUR)),
        over("Expires at Date", Expires=http_date(HOUR), Date=http_date(HOUR)),
        over("Expires before Date", Expires=http_date(HOUR), Date=http_date(2 * HOUR)),
        obeyed("max-age with a Date of the future", Cache_Control="max-age=60", Date=http_date(HOUR)),
        over("max-age with an old Date", Cache_Control="max-age=60", Date=http_date(-HOUR)),
        obeyed("max-age longer than the age by Date", Cache_Control="max-age=7200", Date=http_date(-HOUR)),
        obeyed("largest max-age", Cache_Control="max-age=2147483648"),
        obeyed("max-age over 32 bits", Cache_Control="max-age=2147483649"),
        obeyed("max-age over 64 bits", Cache_Control="max-age=99999999999999999999"),
        over("max-age=0 with must-revalidate", Cache_Control="max-age=0, must-revalidate"),
        over("no lifetime at all", X_Nothing="1"),
    ]) == []


def test_cache_control_however_it_is_written(httpd):
    assert run(httpd, [
        obeyed("other case", Cache_Control="MaX-aGe=60"),
        obeyed("leading zeros", Cache_Control="max-age=0060"),
        obeyed("quoted", Cache_Control='max-age="60"'),
        over("quoted zero", Cache_Control='max-age="0"'),
        obeyed("unknown directives before", Cache_Control="foobar, fish=chips, max-age=60"),
        obeyed("unknown quoted directive that holds another one", Cache_Control='x="max-age=0, no-store", max-age=60'),
        obeyed("unknown quoted directive with an escaped quote", Cache_Control='x="a\\", no-store, ", max-age=60'),
        over("max-age only within a quoted string", Cache_Control='x="max-age=60"'),
        over("max-age only as the end of another name", Cache_Control="x-max-age=60"),
        obeyed("white space", Cache_Control=" \t max-age=60 \t , \t public"),
        obeyed("empty list elements", Cache_Control=", ,max-age=60,,"),
        obeyed("several lines", Cache_Control=["public", "max-age=60"]),
        over("several lines, one no-store", Cache_Control=["max-age=60", "no-store"]),
        over("negative", Cache_Control="max-age=-60"),
        over("a float", Cache_Control="max-age=60.5"),
        over("a suffix", Cache_Control="max-age=60a"),
        over("a prefix", Cache_Control="max-age=a60"),
        over("a sign", Cache_Control="max-age=+60"),
        over("another base", Cache_Control="max-age=0x3c"),
        over("a parameter", Cache_Control="max-age=60;a"),
        over("a second word", Cache_Control="max-age=60 a"),
        obeyed("a quoted pair", Cache_Control='max-age="6\\0"'),
        over("single quotes", Cache_Control="max-age='60'"),
        over("no value", Cache_Control="max-age"),
        over("an empty value", Cache_Control="max-age="),
        over("space before =", Cache_Control="max-age =60"),
        over("space after =", Cache_Control="max-age= 60"),
        over("contradiction", Cache_Control="max-age=60, max-age=0"),
        over("contradiction, the other order", Cache_Control="max-age=0, max-age=60"),
        over("contradiction over lines", Cache_Control=["max-age=60", "max-age=0"]),
        obeyed("the same twice", Cache_Control="max-age=60, max-age=60"),
        over("no-store in other case", Cache_Control="max-age=60, No-StOrE"),
        over("no-store with a value", Cache_Control="max-age=60, no-store=1"),
        over("private in other case", Cache_Control="max-age=60, PRIVATE"),
        over("no-cache", Cache_Control="max-age=60, no-cache"),
        over("no-cache in other case", Cache_Control="max-age=60, No-Cache"),
        over("no-cache with a list that is never closed", Cache_Control='no-cache="a, max-age=60'),
        over("private with an empty list", Cache_Control='private="", max-age=60'),
        obeyed("Pragma in an answer means nothing", Cache_Control="max-age=60", Pragma="no-cache"),
        over("Pragma alone makes nothing fresh", Pragma="cache"),
    ]) == []


def test_age_however_it_is_written(httpd):
    fresh = "max-age=3600"
    assert run(httpd, [
        obeyed("less than the lifetime", Cache_Control=fresh, Age="1800"),
        over("more than the lifetime", Cache_Control=fresh, Age="7200"),
        over("exactly the lifetime", Cache_Control=fresh, Age="3600"),
        over("with Expires", Expires=http_date(HOUR), Date=http_date(), Age="7200"),
        obeyed("negative", Cache_Control=fresh, Age="-7200"),
        obeyed("a float", Cache_Control=fresh, Age="7200.0"),
        obeyed("no number", Cache_Control=fresh, Age="abc"),
        obeyed("empty", Cache_Control=fresh, Age=""),
        obeyed("a suffix", Cache_Control=fresh, Age="7200s"),
        obeyed("a prefix", Cache_Control=fresh, Age="a7200"),
        obeyed("a parameter", Cache_Control=fresh, Age="7200;foo=bar"),
        over("enormous", Cache_Control=fresh, Age="2147483649"),
        over("more enormous", Cache_Control=fresh, Age="99999999999999999999"),
        over("a list whose first is over", Cache_Control=fresh, Age="7200, 0"),
        obeyed("a list whose first is not", Cache_Control=fresh, Age="0, 7200"),
        over("lines of which the first is over", Cache_Control=fresh, Age=["7200", "0"]),
        obeyed("lines of which the first is not", Cache_Control=fresh, Age=["0", "7200"]),
        over("white space", Cache_Control=fresh, Age="  7200  "),
        obeyed("leading zeros", Cache_Control=fresh, Age="0000001800"),
    ]) == []


def test_every_invalid_expires_is_over(httpd):
    day, date, month, year, clock, _ = WORDS
    assert run(httpd, [
        over("0", Expires="0"),
        over("a number", Expires="86400"),
        over("-1", Expires="-1"),
        over("words", Expires="tomorrow"),
        over("empty", Expires=""),
        over("another zone", Expires=f"{day} {date} {month} {year} {clock} EST"),
        over("UTC for GMT", Expires=f"{day} {date} {month} {year} {clock} UTC"),
        over("a numeric zone", Expires=f"{day} {date} {month} {year} {clock} +0000"),
        over("no zone", Expires=f"{day} {date} {month} {year} {clock}"),
        over("two-digit year", Expires=f"{day} {date} {month} {year[2:]} {clock} GMT"),
        over("no comma", Expires=f"{day[:3]} {date} {month} {year} {clock} GMT"),
        over("no weekday", Expires=f"{date} {month} {year} {clock} GMT"),
        over("doubled spaces", Expires=f"{day}  {date}  {month} {year} {clock} GMT"),
        over("doubled space before the time", Expires=f"{day} {date} {month} {year}  {clock} GMT"),
        over("dashes", Expires=f"{day} {date}-{month}-{year} {clock} GMT"),
        over("one-digit hour", Expires=f"{day} {date} {month} {int(year) + 1} 1:02:03 GMT"),
        over("no seconds", Expires=f"{day} {date} {month} {year} {clock[:5]} GMT"),
        over("dots in the time", Expires=f"{day} {date} {month} {year} {clock.replace(':', '.')} GMT"),
        over("ISO 8601", Expires=f"{year}-12-31T{clock}Z"),
        over("trailing text", Expires=f"{http_date(HOUR)} or so"),
        over("two lines that differ", Expires=[http_date(HOUR), http_date(-HOUR)]),
        obeyed("zone in lower case", Expires=f"{day} {date} {month} {year} {clock} gmt"),
        obeyed("names in another case", Expires=f"{day.upper()} {date} {month.lower()} {year} {clock} GMT"),
        obeyed("the form of RFC 850", Expires="Sunday, 06-Nov-44 08:49:37 GMT"),
        obeyed("the form of asctime", Expires="Sun Nov  6 08:49:37 2044"),
    ]) == []


def test_date_that_is_missing_or_wrong(httpd):
    fresh = "max-age=3600"
    assert run(httpd, [
        case("none: given one", get(told(fresh), check=lambda got: got.headers["Date"]),
             get(HIT, check=lambda got: got.headers["Date"])),
        obeyed("not a date", Cache_Control=fresh, Date="yesterday"),
        obeyed("Expires with a wrong Date counts from its arrival", Expires=http_date(HOUR), Date="foo"),
        over("old Expires with a wrong Date", Expires=http_date(-HOUR), Date="foo"),
        case("kept as it was", get(told(fresh, Date=http_date(-5))),
             get(HIT, check=lambda got: len(got.headers.get_all("Date")) == 1 and int(got.headers["Age"]) >= 4)),
    ]) == []


def test_heuristic_lifetimes(httpd):
    old = http_date(-100 * HOUR)
    statuses = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]
    never = [201, 202, 302, 303, 307, 400, 403, 418, 429, 500, 503, 599]
    assert run(httpd, [
        *[case(f"{status} is heuristically fresh", get(answers(status, Last_Modified=old)), get(HIT))
          for status in statuses],
        *[case(f"{status} is not", get(answers(status, Last_Modified=old)), get(answers(status, Last_Modified=old)))
          for status in never],
        case("public makes any status so", get(answers(299, Last_Modified=old, Cache_Control="public")), get(HIT)),
        over("no Last-Modified", ETag='"a"'),
        over("Last-Modified of now", Last_Modified=http_date()),
        over("Last-Modified of the future", Last_Modified=http_date(HOUR)),
        over("Last-Modified that is no date", Last_Modified="recently"),
        over("older than a tenth of its age", Last_Modified=http_date(-HOUR), Age="400"),
        obeyed("younger than a tenth of its age", Last_Modified=http_date(-HOUR), Age="300"),
        over("an invalid Expires is no leave to guess", Last_Modified=old, Expires="0"),
        over("nor is an invalid max-age", Last_Modified=old, Cache_Control="max-age=x"),
        over("the bound of a day", Last_Modified=http_date(-3000 * HOUR), Age="86401"),
        obeyed("within the bound", Last_Modified=http_date(-3000 * HOUR), Age="86000"),
        over("no-store", Last_Modified=old, Cache_Control="no-store"),
        over("private", Last_Modified=old, Cache_Control="private"),
        over("Set-Cookie", Last_Modified=old, Set_Cookie="a=b"),
        case("nobody guesses for a request with a cookie", get(answers(Last_Modified=old), fields={"Cookie": "a=b"}),
             get(answers(Last_Modified=old))),
    ]) == []


def test_heuristics_can_be_turned_off_and_set(httpd):
    old = http_date(-100 * HOUR)
    assert run(httpd, [over("off", Last_Modified=old)], more="TierCacheHeuristic 0") == []
    assert run(httpd, [obeyed("half the age", Last_Modified=http_date(-HOUR), Age="1700"),
                       over("over half the age", Last_Modified=http_date(-HOUR), Age="1900"),
                       over("an hour at most", Last_Modified=old, Age="3601")], more="TierCacheHeuristic 50 1h") == []


def test_targeted_fields(httpd):
    invalid = {"no structured field": "max-age=60, &", "a string": 'max-age="60"', "a float": "max-age=60.5", "capitals": "MAX-AGE=60",
               "a negative number": "max-age=-60", "no number at all": "max-age", "a number for a flag": "no-store=1",
               "a comma at the end": "max-age=60,", "16 digits": "max-age=1000000000000000", "space before =": "max-age =60",
               "nothing": ""}
    assert run(httpd, [
        obeyed("max-age", CDN_Cache_Control="max-age=60"),
        obeyed("over Cache-Control", CDN_Cache_Control="max-age=60", Cache_Control="no-store"),
        over("no-store over Cache-Control", CDN_Cache_Control="no-store", Cache_Control="max-age=60"),
        over("max-age=0 over Cache-Control", CDN_Cache_Control="max-age=0", Cache_Control="max-age=60"),
        over("private over Cache-Control", CDN_Cache_Control="private", Cache_Control="max-age=60"),
        over("no-cache over Cache-Control", CDN_Cache_Control="no-cache", Cache_Control="max-age=60"),
        over("Expires does not count", CDN_Cache_Control="public", Expires=http_date(HOUR)),
        over("Age counts", CDN_Cache_Control="max-age=60", Age="61"),
        *[obeyed(f"{what}: Cache-Control counts", CDN_Cache_Control=text, Cache_Control="max-age=60") for what, text in invalid.items()],
        *[over(f"{what}: and only it", CDN_Cache_Control=text, Cache_Control="max-age=0") for what, text in invalid.items()],
        obeyed("parameters are ignored", CDN_Cache_Control="max-age=60;a=b;c", Cache_Control="no-store"),
        obeyed("unknown members are ignored", CDN_Cache_Control='foo="bar", b=?0, max-age=60, l=(1 2)'),
        obeyed("several lines", CDN_Cache_Control=["public", "max-age=60"], Cache_Control="no-store"),
        obeyed("15 digits", CDN_Cache_Control="max-age=100000000000000", Cache_Control="max-age=0"),
        obeyed("the last of two counts", CDN_Cache_Control="max-age=0, max-age=60"),
        case("passed on", get(answers(CDN_Cache_Control="max-age=60")),
             get(HIT, has={"CDN-Cache-Control": "max-age=60"})),
    ]) == []


def test_directives_of_the_request(httpd):
    aged = told("max-age=3600", Age="1800")
    stale = told("max-age=3600", Age="4000", ETag='"a"')
    confirms = answers(304, Cache_Control="max-age=3600", ETag='"a"')

    def asking(name, first, directive, origin, **options):
        return case(name, get(first), get(origin, fields={"Cache-Control": directive}, **options))

    assert run(httpd, [
        asking("no-cache", aged, "no-cache", told("max-age=60")),
        asking("no-cache in other case", aged, "No-Cache", told("max-age=60")),
        case("Pragma", get(aged), get(told("max-age=60"), fields={"Pragma": "no-cache"})),
        case("Pragma beside Cache-Control", get(aged), get(HIT, fields={"Pragma": "no-cache", "Cache-Control": "foo"})),
        asking("max-age below the age", aged, "max-age=600", told("max-age=60")),
        asking("max-age above the age", aged, "max-age=2000", HIT),
        asking("max-age=0", aged, "max-age=0", told("max-age=60")),
        asking("min-fresh below what is left", aged, "min-fresh=1000", HIT),
        asking("min-fresh above what is left", aged, "min-fresh=2000", told("max-age=60")),
        asking("max-stale", stale, "max-stale=1000", HIT),
        asking("max-stale without a value", stale, "max-stale", HIT),
        asking("max-stale that is not enough", stale, "max-stale=100", confirms),
        asking("max-stale against must-revalidate", told("max-age=3600, must-revalidate", Age="4000", ETag='"a"'),
               "max-stale", confirms),
        asking("max-stale against proxy-revalidate", told("max-age=3600, proxy-revalidate", Age="4000", ETag='"a"'),
               "max-stale", confirms),
        asking("max-stale against s-maxage", told("s-maxage=3600", Age="4000", ETag='"a"'), "max-stale", confirms),
        asking("max-stale against no-cache", told("max-age=3600, no-cache", ETag='"a"'), "max-stale", confirms),
        asking("only-if-cached, stored", aged, "only-if-cached", HIT),
        asking("only-if-cached, stale", stale, "only-if-cached", HIT, status=504, body=any),
        case("only-if-cached, nothing stored", get(HIT, fields={"Cache-Control": "only-if-cached"}, status=504, body=any)),
        case("no-store: not stored", get(told("max-age=60"), fields={"Cache-Control": "no-store"}), get(told("max-age=60"))),
        asking("no-store may be answered", aged, "no-store", HIT),
        asking("immutable answers a plain reload", told("max-age=3600, immutable", Age="1800"), "max-age=0", HIT),
        asking("immutable does not answer a forced one", told("max-age=3600, immutable", Age="1800"), "no-cache",
               told("max-age=60")),
        asking("immutable and stale", told("max-age=3600, immutable", Age="4000", ETag='"a"'), "max-age=0", confirms),
        asking("immutable and stale, which is allowed", told("max-age=3600, immutable", Age="4000", ETag='"a"'),
               "max-age=0, max-stale", confirms),
    ]) == []

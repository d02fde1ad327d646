# SPDX-License-Identifier: Apache-2.0
"""What the tests of mod_tier_cache share: one origin behind one caching httpd."""
import email.utils
import time

FRESH = {"Cache-Control": "max-age=60"}


def http_date(offset=0):
    """Returns the date of so many seconds from now as HTTP writes it."""
    return email.utils.formatdate(time.time() + offset, usegmt=True)


def proxied(origin, more=""):
    """Returns the lines of a caching virtual host in front of an origin."""
    return f"TierCache on\nProxyPass / {origin.url}/\n{more}"


def cached(httpd, origin, more="", conf="", **options):
    """Returns an httpd that caches what origin answers, in shared memory unless conf names a server."""
    return httpd(modules=["cache"], vhost=proxied(origin, more), conf=conf, **options)


def status_of(answer):
    """Returns the members of Cache-Status of an answer."""
    return (answer.headers["Cache-Status"] or "").split("; ")


def is_hit(answer):
    return "hit" in status_of(answer)


def ttl_of(answer):
    """Returns the value of ttl, None where there is none."""
    return next((int(member[4:]) for member in status_of(answer) if member.startswith("ttl=")), None)


def why_forwarded(answer):
    """Returns the value of fwd, None for a hit."""
    return next((member[4:] for member in status_of(answer) if member.startswith("fwd=")), None)


def asked_twice(server, path="/", **options):
    """Sends the same request twice; returns whether the second was a hit."""
    server.get(path, **options)
    return is_hit(server.get(path, **options))

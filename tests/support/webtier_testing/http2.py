# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 requests through the curl program."""
import http.client
import io
import pathlib
import tempfile
import time

from . import process, settings
from .client import Response, pairs


def _arguments(path, headers, method, body, timeout, host, folder):
    headers = pairs(headers)
    given = {name.lower() for name, _ in headers}
    # curl adds these of its own accord; "Name:" without a value takes one back.
    silent = [f"{name}:" for name in ("User-Agent", "Accept", "Content-Type") if name.lower() not in given]
    sent = [f"Host: {host}"] if host else []
    sent += [f"{name}: {value}" if value else f"{name};" for name, value in headers]
    arguments = ["--silent", "--show-error", "--insecure", "--globoff", "--path-as-is", "--max-time",
                 str(settings.scale(timeout)), "--dump-header", str(folder / "head"), "--output", str(folder / "body")]
    arguments += ["--head"] if method == "HEAD" else ["--request", method]
    if body is not None:
        (folder / "sent").write_bytes(body)
        arguments += ["--data-binary", f"@{folder / 'sent'}"]
    for line in (*silent, *sent):
        arguments += ["--header", line]
    return arguments


def request(url, path, headers, method, body, timeout, host):
    """Returns the Response, version "2"; raises ConnectionError with curl's message when there is none."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        process.give_to_server(folder)
        protocol = "--http2" if url.startswith("https:") else "--http2-prior-knowledge"
        done = process.run([settings.program("curl"), protocol,
                            *_arguments(path, headers, method, body, timeout, host, folder), url + path],
                           timeout=timeout + 5)
        if done.returncode != 0:
            raise ConnectionError(f"curl ended with {done.returncode}: {done.stderr.strip()}")
        heads = (folder / "head").read_bytes().split(b"\r\n\r\n")
        content = (folder / "body").read_bytes() if (folder / "body").exists() and method != "HEAD" else b""
    line, _, fields = heads[-2].partition(b"\r\n")
    version, status, reason = (line.decode("latin-1") + " ").split(" ", 2)
    parsed = http.client.parse_headers(io.BytesIO(fields + b"\r\n\r\n"))
    return Response(int(status), reason.strip(), version.removeprefix("HTTP/"), parsed, list(parsed.items()), content,
                    time.monotonic() - started)

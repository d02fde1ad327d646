# SPDX-License-Identifier: Apache-2.0
"""The HTML scanner finds the references that a reference parser (html5lib) finds, over pages of many authors."""
import pathlib
import re
import subprocess
import unittest.mock

import pytest
from webtier_testing import settings

html5lib = pytest.importorskip("html5lib")
from html5lib import _tokenizer, constants  # noqa: E402

OWN = pathlib.Path(__file__).parent / "assets_pages"
DOCUMENTS = pathlib.Path("/usr/share/doc")
OF_PACKAGE, LARGEST = 2, 25_000
URLS = {"src", "href", "poster", "background", "formaction", "xlink:href"}
SPACE = " \t\n\f\r"


def pages():
    """The pages of this folder, and two of each of Debian's packages here, so that many programs have written them."""
    found = {}
    for path in sorted(DOCUMENTS.rglob("*.html")):
        if path.is_file() and 500 < path.stat().st_size < LARGEST:
            found.setdefault(path.parts[len(DOCUMENTS.parts)], []).append(path)
    chosen = [path for paths in found.values() for path in paths[::max(1, len(paths) - 1)][:OF_PACKAGE]]
    return sorted(OWN.glob("*.html")) + chosen


ITERATE = _tokenizer.HTMLTokenizer.__iter__


def recording(tokenizer):
    """Remembers the start tags and the text of styles as the tokenizer, steered by tree construction, gives them."""
    parser, in_style = tokenizer.parser, False
    for token in ITERATE(tokenizer):
        if token["type"] == constants.tokenTypes["StartTag"]:
            parser.tags.append((token["name"], dict(token["data"])))
            in_style = token["name"] == "style"
        elif token["type"] == constants.tokenTypes["EndTag"]:
            in_style = False
        elif token["type"] == constants.tokenTypes["Characters"] and in_style:
            parser.css.append(token["data"])
        yield token


def candidates(value):
    """The URLs of a srcset, as the standard's algorithm for it goes."""
    found, rest = [], value
    while (rest := rest.lstrip(SPACE + ",")):
        url = re.match(rf"[^{SPACE}]+", rest)[0]
        rest = rest[len(url):]
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            rest = rest[re.match(r"(?:[^,(]|\([^)]*(?:\)|$))*,?", rest).end():]
        found.append(url)
    return found


def css_references(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    quoted = re.findall(r"url\(\s*([\"'])(.*?)\1", text) + re.findall(r"@import\s+([\"'])(.*?)\1", text)
    return [value for _, value in quoted] + re.findall(r"url\(\s*([^\s\"')]+)\s*\)", text)


def expected(path):
    """What html5lib finds in a page."""
    parser = html5lib.HTMLParser()
    parser.tags, parser.css = [], []
    with unittest.mock.patch.object(_tokenizer.HTMLTokenizer, "__iter__", recording):
        parser.parse(path.read_bytes(), transport_encoding="latin-1")
    found = css_references("".join(parser.css))
    for name, attributes in parser.tags:
        for attribute, value in attributes.items():
            if attribute in URLS and not (name == "base" and attribute == "href"):
                found.append(value)
            elif attribute in ("srcset", "imagesrcset"):
                found += candidates(value)
            elif attribute == "data" and name == "object":
                found.append(value)
            elif attribute == "style":
                found += css_references(value)
            elif attribute == "content" and name == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
                found += re.findall(r"url\s*=\s*[\"']?([^\"']+)", value, re.I)
    return found


def normal(reference):
    """Without what the two write differently: characters beyond ASCII, and how lines and words are divided."""
    return re.sub(r"\s+", " ", re.sub(r"[^\x20-\x7e]+|&[a-zA-Z]+;", "?", reference)).strip()


def ours(paths):
    program = settings.BUILD / "tests" / "assets_references"
    ran = subprocess.run([program, *paths], capture_output=True, check=True)
    found = {str(path): [] for path in paths}
    for line in ran.stdout.decode("latin-1").split("\n"):
        if "\t" in line:
            path, _, reference = line.partition("\t")
            found[path].append(reference)
    return found


def test_the_same_references_are_found():
    paths = pages()
    found = ours(paths)
    assert sum(map(len, found.values())) > 100
    for path in paths:
        got = sorted(filter(None, map(normal, found[str(path)])))
        assert got == sorted(filter(None, map(normal, expected(path)))), path

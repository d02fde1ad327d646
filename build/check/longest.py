#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the longest functions and files, and the distribution: for the reader, nothing is enforced."""
import re
import statistics
from pathlib import Path

SHOWN = 6
NAME = re.compile(r"(\w+)\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*$", re.S)


def functions(text):
    """(name, lines) of each function in clang-format's layout: its brace opens and closes in the first column."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line != "{":
            continue
        start = number
        while start > 0 and lines[start - 1].strip() and not lines[start - 1].startswith(("}", "/*", " */", "#")):
            start -= 1
        end = next((at for at in range(number, len(lines)) if lines[at] == "}"), number)
        found = NAME.search("\n".join(lines[start:number]))
        yield found[1] if found else "?", end - number + 1 + (number - start)


def main():
    root = Path(__file__).resolve().parents[2]
    sources = sorted((root / "modules").glob("*/*.[ch]"))
    texts = {path.relative_to(root): path.read_text(encoding="utf-8") for path in sources}
    found = sorted(((size, name, path) for path, text in texts.items() for name, size in functions(text)),
                   key=lambda one: -one[0])
    if not found:
        print("no functions found")
        return
    sizes = [size for size, _, _ in found]
    ninth = sorted(sizes)[min(len(sizes) - 1, len(sizes) * 9 // 10)]
    print(f"{len(sizes)} functions in {len(texts)} files: median {statistics.median(sizes):g} lines, p90 {ninth}")
    for size, name, path in found[:SHOWN]:
        print(f"  {size:4} lines  {name}  {path}")
    for suffix in (".c", ".h"):
        files = sorted(((text.count("\n"), path) for path, text in texts.items() if path.suffix == suffix), reverse=True)
        for size, path in files[:SHOWN // 2]:
            print(f"  {size:4} lines  {path}")


if __name__ == "__main__":
    main()

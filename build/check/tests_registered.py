# SPDX-License-Identifier: Apache-2.0
"""No test source is left out of the build, and every fuzz target has a corpus."""
from guard import Findings


def check(context):
    findings = Findings("test sources")
    compiled = {path for path in context.compile_commands()}
    for pattern in ("unit/*_test.c", "fuzz/*_fuzz.c"):
        for source in sorted((context.source / "tests").glob(pattern)):
            findings.checked += 1
            if source not in compiled:
                findings.problem(source.relative_to(context.source), "is registered in no CMake file")
    known = {source.stem.removesuffix("_fuzz") for source in (context.source / "tests/fuzz").glob("*_fuzz.c")}
    corpora = context.source / "tests/fuzz/corpus"
    for name in sorted(known):
        folder = corpora / name
        if not any(path.is_file() for path in folder.glob("*")):
            findings.problem(folder.relative_to(context.source), "the fuzz target has no corpus")
    for folder in sorted(corpora.glob("*")):
        if folder.name not in known:
            findings.problem(folder.relative_to(context.source), "a corpus without a fuzz target")
    return findings

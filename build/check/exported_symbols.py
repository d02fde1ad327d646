# SPDX-License-Identifier: Apache-2.0
"""Each module is built and exports its module symbol and nothing else."""
import subprocess

from guard import Findings


def exported(dso):
    listing = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", str(dso)],
                             capture_output=True, text=True, check=True)
    return [line.split()[0] for line in listing.stdout.splitlines() if line.strip()]


def check(context):
    findings = Findings("modules")
    built = {path.name for path in (context.binary / "modules").glob("*.so")}
    for source in sorted((context.source / "modules").glob("*/mod_tier_*.c")):
        name = source.stem.removeprefix("mod_tier_")
        dso = context.binary / "modules" / f"{source.stem}.so"
        findings.checked += 1
        built.discard(dso.name)
        if not dso.exists():
            findings.problem(source.relative_to(context.source), f"no {dso.name} was built")
            continue
        symbols = exported(dso)
        if symbols != [f"tier_{name}_module"]:
            findings.problem(dso.name, f"exports {', '.join(symbols) or 'nothing'}; only tier_{name}_module is right")
    for stray in sorted(built):
        findings.problem(stray, "was built from no modules/*/mod_tier_*.c")
    return findings

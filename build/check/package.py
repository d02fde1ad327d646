# SPDX-License-Identifier: Apache-2.0
"""The Debian package is built by CPack and holds, for each module, the DSO, the a2enmod pair and its guide."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from guard import Findings, Skip


def build_package(context, folder):
    ran = subprocess.run(["cpack", "-G", "DEB", "--config", str(context.binary / "CPackConfig.cmake"), "-B", folder],
                         capture_output=True, text=True, cwd=folder)
    packages = list(Path(folder).glob("*.deb"))
    if ran.returncode != 0 or len(packages) != 1:
        raise SystemExit(f"cpack made {len(packages)} packages:\n{ran.stdout}{ran.stderr}")
    return packages[0]


def dpkg_deb(*arguments):
    return subprocess.run(["dpkg-deb", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def expected_files(context):
    yield "./usr/bin/webtier-assets-check"
    for name in context.modules:
        yield f".{context.httpd_modules}/mod_tier_{name}.so"
        yield f"./etc/apache2/mods-available/tier_{name}.load"
        yield f"./etc/apache2/mods-available/tier_{name}.conf"
        yield f"./usr/share/doc/webtier/mod_tier_{name}.md"


def check(context):
    findings = Findings("files")
    if not shutil.which("dpkg-deb") or not shutil.which("dpkg-shlibdeps"):
        raise Skip("dpkg-dev is not installed")
    with tempfile.TemporaryDirectory() as folder:
        package = build_package(context, folder)
        listed = {line.split(maxsplit=5)[5] for line in dpkg_deb("--contents", package).splitlines()}
        control = Path(folder) / "control"
        dpkg_deb("--control", package, control)
        parts = {path.name: path.read_text() for path in control.iterdir()}
    for name in expected_files(context):
        findings.checked += 1
        if name not in listed:
            findings.problem("package", f"lacks {name}")
        if name.startswith("./etc/") and name[1:] not in parts.get("conffiles", "").split():
            findings.problem("package", f"{name[1:]} is no conffile")
    for name in sorted(listed):
        if "/test-modules/" in name or "mod_test_" in name or "/include/apr" in name:
            findings.problem("package", f"must not hold {name}")
    for part in ("postinst", "prerm"):
        if "webtier" not in parts.get(part, "") and "tier_" not in parts.get(part, ""):
            findings.problem("package", f"lacks {part}")
    for needed in ("apache2-api-20120211", "apache2-bin", "libmemcached11"):
        if needed not in parts["control"]:
            findings.problem("package", f"does not depend on {needed}")
    return findings

# SPDX-License-Identifier: Apache-2.0
"""Each directive of a loaded module is documented in its README.md and the reverse, with the right Context."""
import re
import subprocess
import tempfile
from pathlib import Path

from guard import Findings

ROWS = ("Description", "Syntax", "Default", "Context", "Status", "Module")
ROW = re.compile(r"^[\s|*_`-]*(" + "|".join(ROWS) + r")[\s*_`]*:?[\s*_`|:]*(.*?)[\s|*_`]*$")
CONTEXTS = {"server config": "server", "virtual host": "server", "directory": "directory",
            "proxy section": "directory", ".htaccess": ".htaccess"}
# http_config.h: command_rec.req_override and args_how
RSRC_CONF, ACCESS_CONF, OR_ALL = 128, 64, 31
FLAG = 5
PREFIXES = {"reproxy": ("TierReproxy", "TierMogile")}  # where it is not Tier and the module's name
# What a module's directives may begin with beside Tier and its name.
ALSO = {"reproxy": "TierMogile"}


def dumped_directives(context):
    """module -> {directive: (args_how, req_override, usage)} as httpd has them after loading the modules."""
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "httpd.conf"
        conf.write_text(dump_conf(context, folder))
        ran = subprocess.run([context.httpd, "-f", str(conf), "-t", "-DDUMP_TIER_DIRECTIVES"],
                             capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"httpd cannot load the modules:\n{ran.stderr}")
    directives = {name: {} for name in context.modules}
    for line in ran.stdout.splitlines():
        if line.count("\t") == 4:
            module, name, how, override, usage = line.split("\t")
            module = module.removeprefix("mod_tier_").removesuffix(".c")
            directives.setdefault(module, {})[name] = (int(how), int(override), usage)
    return directives


def dump_conf(context, folder):
    lines = [f"ServerRoot {folder}", "ServerName localhost", "Listen 127.0.0.1:1", f"ErrorLog {folder}/error.log",
             f"PidFile {folder}/httpd.pid"]
    needed = ["mpm_event", "authz_core", *dict.fromkeys(n for needs in context.modules.values() for n in needs)]
    for name in needed:
        lines += [f"<IfModule !{name}_module>", f"LoadModule {name}_module {context.httpd_modules}/mod_{name}.so",
                  "</IfModule>"]
    for name in context.modules:
        lines.append(f"LoadModule tier_{name}_module {context.binary}/modules/mod_tier_{name}.so")
    lines.append(f"LoadModule test_directives_module {context.binary}/test-modules/mod_test_directives.so")
    return "\n".join(lines) + "\n"


def documented_directives(text):
    """directive -> {row: value} for each "### TierXxx" heading."""
    sections = {}
    rows = None
    for line in text.splitlines():
        heading = re.match(r"^(#+)\s*`?(\w*)", line)
        if heading and len(heading[1]) <= 3:
            rows = None
            if len(heading[1]) == 3 and heading[2].startswith("Tier"):
                rows = sections.setdefault(heading[2], {})
        elif rows is not None and (row := ROW.match(line)):
            rows.setdefault(row[1], row[2])
    return sections


def allowed_places(override):
    places = set()
    if override & (RSRC_CONF | OR_ALL):
        places.add("server")
    if override & (ACCESS_CONF | OR_ALL):
        places.add("directory")
    if override & OR_ALL:
        places.add(".htaccess")
    return places


def context_problem(text, override):
    words = [word.strip(" `*.").lower() if word.strip(" `*") != ".htaccess" else ".htaccess"
             for word in re.sub(r"\([^)]*\)", "", text).split(",")]
    unknown = [word for word in words if word not in CONTEXTS]
    if unknown:
        return f"Context: {', '.join(unknown)} is none of {', '.join(CONTEXTS)}"
    documented = {CONTEXTS[word] for word in words}
    allowed = allowed_places(override)
    if words == ["proxy section"]:  # its setter refuses every other place; <Proxy> counts as both
        allowed.discard("server")
    if documented != allowed:
        return f"Context says {sorted(documented)}, httpd allows {sorted(allowed)} (req_override {override})"
    return None


def check_directive(name, module, rows, loaded, problem):
    how, override, usage = loaded
    for row in ROWS:
        if not rows.get(row):
            problem(f"{name} has no row {row}")
    if not name.startswith(("Tier" + module.capitalize(), ALSO.get(module, "Tier" + module.capitalize()))):
        problem(f"{name} does not start with Tier{module.capitalize()}")
    if not usage:
        problem(f"{name} has no usage text in the directive table")
    if rows.get("Module") and rows["Module"] != f"mod_tier_{module}":
        problem(f"{name}: Module is {rows['Module']}")
    if rows.get("Syntax") and name not in rows["Syntax"]:
        problem(f"{name}: Syntax does not show the directive")
    if rows.get("Syntax") and how == FLAG and not re.search(r"on\\?\|off", rows["Syntax"], re.I):
        problem(f"{name} is a flag: Syntax must show on|off")
    if rows.get("Context") and (text := context_problem(rows["Context"], override)):
        problem(f"{name}: {text}")


def compare(module, loaded, documented, findings):
    where = f"modules/{module}/README.md"
    for name in sorted(loaded.keys() - documented.keys()):
        findings.problem(where, f"{name} exists and has no heading ### {name}")
    for name in sorted(documented.keys() - loaded.keys()):
        findings.problem(where, f"{name} is documented and does not exist")
    for name in sorted(loaded.keys() & documented.keys()):
        findings.checked += 1
        check_directive(name, module, documented[name], loaded[name], lambda text: findings.problem(where, text))


def check(context):
    findings = Findings("directives")
    for module, loaded in dumped_directives(context).items():
        readme = context.source / "modules" / module / "README.md"
        if not loaded:
            findings.problem(module, "the loaded module has no directive: was it found?")
        if not readme.exists():
            findings.problem(readme.relative_to(context.source), "is missing")
            continue
        compare(module, loaded, documented_directives(readme.read_text(encoding="utf-8")), findings)
    return findings

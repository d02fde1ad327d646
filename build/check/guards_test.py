# SPDX-License-Identifier: Apache-2.0
"""Plants one fault at a time in a small tree and sees the guard find it; and sees that no guard passes on nothing."""
import contextlib
import io
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

import directives
import format as format_guard
import guard
import longest
import prototypes
import totals

ALL = sorted(path.stem for path in Path(__file__).parent.glob("*.py")
             if "\ndef check(context):" in path.read_text(encoding="utf-8"))


class Tree(unittest.TestCase):
    """A source tree and a build folder of the test's own."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.source = Path(holder.name) / "source"
        self.binary = self.source / "out" / "b"
        self.binary.mkdir(parents=True)
        self.commands = []
        self.write_commands()
        self.context = guard.Context(self.source, self.binary, "1.2.3", "/nonexistent/httpd", Path("/nonexistent"))

    def write(self, name, text):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def compile(self, name, text, target="tier_common", flags=()):
        """A source with its entry in compile_commands.json, compiled."""
        path = self.write(name, text)
        command = ["cc", *flags, "-o", f"{target}.dir/{path.name}.o", "-c", str(path)]
        self.commands.append({"directory": str(self.binary), "file": str(path), "command": " ".join(command)})
        self.write_commands()
        (self.binary / f"{target}.dir").mkdir(exist_ok=True)
        subprocess.run(command, cwd=self.binary, check=True)

    def write_commands(self):
        (self.binary / "compile_commands.json").write_text(json.dumps(self.commands))

    def problems(self, name):
        return "\n".join(guard.importlib.import_module(name).check(self.context).problems)

    def assert_clean(self, name):
        self.assertEqual(self.problems(name), "")


class NothingToCheck(Tree):
    def test_every_guard_fails_on_an_empty_tree(self):
        for name in ALL:
            with self.subTest(guard=name), contextlib.redirect_stdout(io.StringIO()):
                try:
                    status = guard.run(name, self.context)
                except (OSError, SystemExit) as why:  # version, package, directives: without input they end so
                    status = str(why)
                # own_tree and spdx look at every file; an empty tree has none.
                self.assertTrue(status, name)
                self.assertNotEqual(status, guard.SKIPPED if name != "format" else None)


class ExportedSymbols(Tree):
    def build(self, text, name="x"):
        self.write(f"modules/{name}/mod_tier_{name}.c", text)
        (self.binary / "modules").mkdir(exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(self.binary / f"modules/mod_tier_{name}.so"),
                        str(self.source / f"modules/{name}/mod_tier_{name}.c")], check=True)

    def test_one_symbol_is_right(self):
        self.build("int tier_x_module;")
        self.assert_clean("exported_symbols")

    def test_a_second_symbol_is_wrong(self):
        self.build("int tier_x_module; int other;")
        self.assertIn("exports other", self.problems("exported_symbols"))

    def test_a_module_that_was_not_built(self):
        self.write("modules/x/mod_tier_x.c", "")
        self.assertIn("no mod_tier_x.so", self.problems("exported_symbols"))

    def test_a_dso_without_source(self):
        self.build("int tier_x_module;")
        self.build("int tier_y_module;", "y")
        (self.source / "modules/y/mod_tier_y.c").unlink()
        self.assertIn("mod_tier_y.so", self.problems("exported_symbols"))


class Directives(unittest.TestCase):
    README = "\n".join(["### TierXFlag", "Description: d", "Syntax: TierXFlag on|off", "Default: TierXFlag off",
                        "Context: server config, virtual host, directory", "Status: Extension", "Module: mod_tier_x"])
    LOADED = {"TierXFlag": (directives.FLAG, directives.RSRC_CONF | directives.ACCESS_CONF, "usage")}

    def problems(self, readme=README, loaded=None):
        findings = guard.Findings("directives")
        directives.compare("x", loaded or self.LOADED, directives.documented_directives(readme), findings)
        return "\n".join(findings.problems)

    def test_agreement(self):
        self.assertEqual(self.problems(), "")
        table = "\n".join(f"| **{line.replace(':', '** |', 1)} |" if ":" in line else line
                          for line in self.README.splitlines())
        self.assertEqual(self.problems(table), "")

    def test_an_undocumented_directive(self):
        loaded = dict(self.LOADED, TierXMore=(0, directives.RSRC_CONF, "usage"))
        self.assertIn("TierXMore exists", self.problems(loaded=loaded))

    def test_a_documented_directive_that_is_not_there(self):
        self.assertIn("TierXOld is documented", self.problems(self.README + "\n### TierXOld\n"))

    def test_a_wrong_context(self):
        self.assertIn("Context says", self.problems(self.README.replace(", directory", "")))
        self.assertIn("Context says", self.problems(self.README.replace("directory", "directory, .htaccess")))
        self.assertEqual("", self.problems(self.README.replace("server config, virtual host, directory", "proxy section")))
        self.assertIn("is none of", self.problems(self.README.replace("directory", "anywhere")))

    def test_a_missing_row(self):
        self.assertIn("no row Default", self.problems(self.README.replace("Default:", "Preset:")))

    def test_a_flag_shown_otherwise(self):
        self.assertIn("on|off", self.problems(self.README.replace("on|off", "yes")))


class LogIds(Tree):
    README = "| WT1001 | meaning | remedy |\n"

    def put(self, calls, readme=README):
        self.write("modules/health/health_a.c", calls)
        self.write("modules/health/README.md", readme)
        return self.problems("log_ids")

    def test_agreement(self):
        self.assertEqual(self.put('ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, WTNO(1001) "a");'), "")

    def test_an_undocumented_warning(self):
        self.assertIn("WT1001 has no row", self.put('tier_log(l, M, TIER_LOG_WARNING, 0, WTNO(1001) "a");', ""))
        self.assertIn("WT1001 has no row", self.put('report(level, WTNO(1001) "a");', ""))
        self.assertEqual(self.put('tier_log(l, M, TIER_LOG_NOTICE, 0, WTNO(1001) "a");', ""), "")

    def test_a_documented_id_that_nobody_logs(self):
        self.assertIn("WT1009 is documented", self.put('f(APLOG_ERR, WTNO(1001) "a");',
                                                       self.README + "| WT1009 | a | b |\n"))

    def test_an_id_used_twice(self):
        self.assertIn("is used at", self.put('f(APLOG_ERR, WTNO(1001) "a"); f(APLOG_ERR, WTNO(1001) "b");'))

    def test_another_modules_block(self):
        self.assertIn("outside of the block", self.put('f(APLOG_INFO, WTNO(2001) "a");', ""))

    def test_a_line_without_id(self):
        self.assertIn("without WTNO", self.put('f(APLOG_INFO, WTNO(1001) "a"); '
                                               'ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "oops");'))


class Headers(Tree):
    def test_a_header_that_needs_another(self):
        self.compile("modules/common/result.c", "int f(void); int f(void) { return 0; }")
        self.write("modules/common/a.h", "#include <stddef.h>\nsize_t a(void);\n")
        self.assert_clean("headers_alone")
        self.write("modules/common/b.h", "some_type_t b(void);\n")
        self.assertIn("b.h: does not compile alone", self.problems("headers_alone"))

    def test_a_header_that_its_source_does_not_begin_with(self):
        self.compile("modules/common/result.c", "int f(void); int f(void) { return 0; }")
        guarded = "#ifndef A_H\n#define A_H\nsize_t a(void);\n#endif\n"
        self.write("modules/common/a.h", guarded)
        self.compile("modules/common/a.c", '#include <stddef.h>\n#include "a.h"\n')
        self.assertIn("a.h: does not compile alone", self.problems("headers_alone"))
        self.write("modules/common/a.c", '/* a */\n#include "a.h"\n')  # as if the build had compiled that
        self.assert_clean("headers_alone")

    def test_a_header_that_cannot_be_included_twice(self):
        self.write("modules/common/a.h", "typedef struct { int a; } a_t;\n")
        self.compile("modules/common/a.c", '#include "a.h"\nextern a_t a;\n')
        self.assertIn("a.h: does not compile alone", self.problems("headers_alone"))


class Engines(Tree):
    HOOKS = ("modules/x/mod_tier_x.c", "int g(void); int g(void) { return 0; }", "mod_tier_x")

    def setUp(self):
        super().setUp()
        (self.source / "httpd").mkdir()
        self.write("httpd/httpd.h", "")
        self.see = [f"-I{self.source}/httpd"]
        self.compile(*self.HOOKS, flags=self.see)

    def test_an_engine_of_its_own(self):
        self.compile("modules/x/x_a.c", "int f(void); int f(void) { return 0; }", "tier_x_engine")
        self.assert_clean("engines_pure")

    def test_an_engine_that_could_include_httpd(self):
        self.compile("modules/x/x_a.c", "int f(void); int f(void) { return 0; }", "tier_x_engine", self.see)
        self.assertIn("reaches httpd.h", self.problems("engines_pure"))

    def test_an_engine_that_does(self):
        self.compile("modules/x/x_a.c", '#include "../../httpd/httpd.h"\n#include <httpd.h>\n', "tier_x_engine", self.see)
        self.assertIn("an engine includes httpd.h", self.problems("engines_pure"))


class Variables(Tree):
    def test_writable_variables(self):
        self.compile("modules/x/x_a.c", "const int a = 1; static const char *const b[] = {\"b\"};"
                                        " const char *f(void); const char *f(void) { return b[0]; }", flags=["-fPIC"])
        self.assert_clean("variables")
        self.compile("modules/x/x_b.c", "int f(void); int f(void) { static int calls; return ++calls; }")
        self.assertIn("x_b.c: the variable calls", self.problems("variables"))
        self.compile("modules/x/x_c.c", "int counter = 3;")
        self.assertIn("x_c.c: the variable counter", self.problems("variables"))


class Format(Tree):
    @unittest.skipUnless(format_guard.find_formatter(), "no clang-format 14")
    def test_a_badly_laid_out_file(self):
        self.write(".clang-format", "BasedOnStyle: LLVM\n")
        self.write("modules/x/a.c", "int a;\n")
        self.assert_clean("format")
        self.write("modules/x/b.c", "int   b ;\n")
        self.assertIn("b.c: ", self.problems("format"))


class Prototypes(unittest.TestCase):
    def bare(self, text):
        return [name for _, name in prototypes.bare_prototypes(prototypes.without_preprocessor(text))[0]]

    def test_comments_cover_up_to_the_next_blank_line(self):
        self.assertEqual(self.bare("/* Two. */\nint a(void);\nint b(void);\n"), [])
        self.assertEqual(self.bare("/* One. */\nint a(void);\n\nint b(void);\n"), ["b"])
        self.assertEqual(self.bare("int a(int x,\n      int y);\n"), ["a"])

    def test_what_is_no_prototype(self):
        self.assertEqual(self.bare("#define A(x) \\\n  b(x)\nstruct s {\n    int (*f)(void);\n};\ntypedef int (*g)(void);\n"
                                   "static inline int h(void)\n{\n    return f(1);\n}\n"), [])

    def test_counts(self):
        self.assertEqual(prototypes.bare_prototypes("/* c */\nint *a(void);\nchar const *b(int);\n")[1], 2)


class OtherFiles(Tree):
    def test_licence_line(self):
        self.write("a.py", "# SPDX-License-Identifier: " + "Apache-2.0\n")
        self.assert_clean("spdx")
        self.write("b.py", "print()\n")
        self.assertIn("b.py", self.problems("spdx"))

    def test_what_lies_outside_of_the_tree(self):
        self.write("a.txt", "see include/work/list.txt and $tmp/x\n")
        self.assert_clean("own_tree")
        self.write("b.txt", "see /" + "work/x\n")
        self.write("c.txt", "from https://" + "pypi" + ".org/x\n")
        (self.source / "link").symlink_to("../x")
        problems = self.problems("own_tree")
        for name in ("b.txt:1", "c.txt:1", "link"):
            self.assertIn(name, problems)

    def test_version(self):
        self.write("include/webtier/version.h", '#define WEBTIER_VERSION "1.2.3"\n')
        self.write("CHANGES", "webtier 1.2.3\n")
        self.assert_clean("version")
        self.write("CHANGES", "webtier 1.2.4\n")
        self.assertIn("CHANGES", self.problems("version"))

    def test_registration(self):
        self.compile("tests/unit/a_test.c", "int a;")
        self.compile("tests/fuzz/b_fuzz.c", "int b;")
        self.write("tests/fuzz/corpus/b/one", "1")
        self.assert_clean("tests_registered")
        self.write("tests/unit/c_test.c", "")
        self.write("tests/fuzz/d_fuzz.c", "")
        self.write("tests/fuzz/corpus/e/one", "1")
        problems = self.problems("tests_registered")
        for name in ("unit/c_test.c", "fuzz/d_fuzz.c", "corpus/d", "corpus/e"):
            self.assertIn(name, problems)


class Totals(Tree):
    def run_totals(self, *tools):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            status = totals.main(self.source, tools)
        return status, shown.getvalue().splitlines()[-1]

    def test_cases_are_counted(self):
        self.write("ctest.xml", '<testsuite><testcase name="unit_a" status="run"><system-out>[  PASSED  ] 7 test(s).'
                                '</system-out></testcase></testsuite>')
        self.write("pytest.xml", '<testsuites><testsuite><testcase classname="t" name="a"/></testsuite></testsuites>')
        self.assertEqual(self.run_totals("ctest", "pytest"), (0, "8 passed, 0 failed"))

    def test_a_failure(self):
        self.write("pytest.xml", '<testsuite><testcase classname="t" name="a"><failure/></testcase>'
                                 '<testcase classname="t" name="b"/></testsuite>')
        self.assertEqual(self.run_totals("pytest"), (1, "1 passed, 1 failed"))

    def test_a_missing_program_is_a_failure(self):
        self.write("ctest.xml", '<testsuite><testcase name="unit_a" status="notrun"><skipped message="Unable to find '
                                'executable"/></testcase><testcase name="unit_b" status="run"/></testsuite>')
        self.assertEqual(self.run_totals("ctest"), (1, "1 passed, 1 failed"))

    def test_nothing_ran(self):
        self.assertEqual(self.run_totals("pytest")[0], 1)
        self.write("pytest.xml", "<testsuite/>")
        self.assertEqual(self.run_totals("pytest"), (1, "0 passed, 1 failed"))


class Longest(unittest.TestCase):
    def test_functions_are_found(self):
        text = "static int a(int x)\n{\n    return x;\n}\n\nint\nb(int (*f)(void),\n  int y)\n{\n    if (y) {\n    }\n}\n"
        self.assertEqual(list(longest.functions(text)), [("a", 4), ("b", 7)])


if __name__ == "__main__":
    unittest.main()

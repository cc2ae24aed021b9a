# SPDX-License-Identifier: Apache-2.0
"""Each check of tools/dev finds the fault it is there for, and is silent without it."""
import pathlib
import shutil
import subprocess
import sys

import pytest

DEV = pathlib.Path(__file__).resolve().parents[2] / "tools" / "dev"
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
REASONS = SPDX + '#define DROP_REASONS(X) \\\n\tX(ODD, "odd_frame", "a frame that is odd")\n'


@pytest.fixture
def tree(tmp_path):
    """A tree with nothing but the checks; returns a function that writes a file and runs one."""
    (tmp_path / "tools" / "dev").mkdir(parents=True)
    for path in DEV.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path / "tools" / "dev" / path.name)

    def run(check, *arguments, **files):
        for name, text in files.get("files", {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return subprocess.run([str(tmp_path / "tools" / "dev" / check), *arguments], text=True,
                              capture_output=True, check=False)
    return run


def assert_fault(done, *words):
    assert done.returncode == 1, done.stdout + done.stderr
    for word in words:
        assert word in done.stdout


def assert_clean(done):
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("path, include, reason", [
    ("bridge/a.c", '"vif/vif.h"', "may not include"),
    ("bridge/a.c", '<netlink/netlink.h>', "may not use nl"),
    ("config/a.c", "<rte_mbuf.h>", "may not use dpdk"),
    ("config/a.c", '"bridge/fdb.h"', "may not include"),
    ("tools/a.c", '"config/model.h"', "may not include"),
    ("vswitch/base/a.c", '"vswitch/abi/limits.h"', "may not include"),
    ("vif/a.c", '"vif.h"', "named from the root"),
])
def test_includes_across_the_folder_rule_are_found(tree, path, include, reason):
    files = {name: SPDX for name in ("vif/vif.h", "bridge/fdb.h", "config/model.h",
                                     "vswitch/abi/limits.h")}
    assert_fault(tree("check-includes", files={**files, path: f"{SPDX}#include {include}\n"}),
                 path, reason)


def test_includes_within_the_rule_are_allowed(tree):
    assert_clean(tree("check-includes", files={
        "vif/pkt.h": SPDX, "bridge/a.c": SPDX + '#include "vif/pkt.h"\n#include <stdio.h>\n'}))


def test_own_header_must_come_first(tree):
    assert_fault(tree("check-includes", files={
        "vif/a.h": SPDX, "vif/b.h": SPDX,
        "vif/a.c": SPDX + '#include "vif/b.h"\n#include "vif/a.h"\n'}), "own header")


def test_an_include_in_a_comment_does_not_count(tree):
    assert_clean(tree("check-includes", files={
        "bridge/a.c": SPDX + '/*\n#include "vif/vif.h"\n*/\n'}))


def test_a_comment_that_names_nothing_is_found(tree):
    text = SPDX + "/* see fdb_gone() */\nint fdb_here(void);\n"
    assert_fault(tree("check-comments", files={"bridge/a.c": text}), "bridge/a.c:2", "fdb_gone()")


def test_a_comment_that_names_something_is_fine(tree):
    text = SPDX + "/* see fdb_here(), CHECK() and read(2) */\nint fdb_here(void);\nCHECK(1);\n"
    assert_clean(tree("check-comments", files={"bridge/a.c": text}))


def test_a_long_function_is_found(tree):
    body = "\tx++;\n" * 70
    assert_fault(tree("check-size", files={"vif/a.c": f"{SPDX}void f(int x)\n{{\n{body}}}\n"}),
                 "vif/a.c:f", "at most 70")


def test_a_long_file_is_found(tree):
    assert_fault(tree("check-size", files={"vif/a.c": SPDX + "int a;\n" * 700}), "701 lines")


def test_the_size_exceptions_may_only_shrink(tree):
    long_file = SPDX + "int a;\n" * 800
    allowed = "tools/dev/size-allowed"
    assert_clean(tree("check-size", files={"vif/a.c": long_file, allowed: "vif/a.c 801\n"}))
    assert_fault(tree("check-size", files={allowed: "vif/a.c 810\n"}), "lower its entry")
    assert_fault(tree("check-size", files={"vif/a.c": SPDX, allowed: "vif/a.c 801\n"}), "remove")
    assert_fault(tree("check-size", files={allowed: "vif/gone.c 801\n"}), "does not exist")


def test_a_missing_licence_line_is_found(tree):
    assert_fault(tree("check-spdx", files={"vif/a.c": "int a;\n"}), "vif/a.c")


@pytest.mark.parametrize("text", [
    "__attribute__((constructor)) static void f(void)\n{\n}\n",
    "int f(int a)\n{\n\t(void)a;\n\treturn 0;\n}\n",
    "void f(void)\n{\n\tg(alloca(3));\n}\n",
    "void f(char *a)\n{\n\tstrcpy(a, \"b\");\n}\n",
    "void packet_process(void)\n{\n}\n",
    "struct vif_manager {\n\tint a;\n};\n",
    "/* " + "TO" + "DO: later */\n",
    "static const char *p = \"/ho" + "me/me/x\";\n",
])
def test_forbidden_words_are_found(tree, text):
    assert_fault(tree("check-forbidden", files={"vif/a.c": SPDX + text}), "vif/a.c")


def test_forbidden_words_may_stand_in_comments(tree):
    assert_clean(tree("check-forbidden", files={"vif/a.c": SPDX + "/* no alloca(3) here */\n"}))


def test_a_drop_reason_needs_a_test_and_a_line_in_the_docs(tree):
    files = {"vswitch/abi/drop_reasons.h": REASONS}
    assert_fault(tree("check-drop-reasons", files=files), "odd_frame: no test", "docs/drops.md")
    (test := {"tests/pipeline/a_test.c": SPDX + "int a = DROP_ODD;\n", "docs/x.md": ""})
    assert_clean(tree("check-drop-reasons", "--write", files=test))
    assert_clean(tree("check-drop-reasons"))


def test_a_text_of_an_error_needs_a_test_or_a_reason(tree):
    source = 'int a = err_set(e, 1, "", "device %s of %u has gone astray");\n'
    files = {"config/a.c": SPDX + source, "tools/dev/error-texts-untested": "# none\n"}
    assert_fault(tree("check-error-texts", files=files), "config/a.c:2: no test looks for: device")
    assert_clean(tree("check-error-texts", files={
        "tests/a_test.c": SPDX + 'char *t = "eth9 of 7 has gone as" "tray";\n'}))
    files = {"tools/dev/error-texts-untested": "device %s of %u has gone astray\nwhat else\n"}
    assert_fault(tree("check-error-texts", files=files), "tested: device", "not a text any more")


def test_a_changed_abi_needs_a_new_version(tree):
    header = "vswitch/abi/limits.h"
    assert_fault(tree("check-abi", files={header: SPDX + "#define A 1\n"}), "version 0")
    assert_clean(tree("check-abi", "--write"))
    assert_clean(tree("check-abi", files={header: SPDX + "#define A  1 /* a comment */\n"}))
    assert_fault(tree("check-abi", files={header: SPDX + "#define A 2\n"}), "version 1")


@pytest.mark.parametrize("message, fault", [
    ("Add things\n\nBecause they are needed.\n", "area"),
    ("base: Add things\n\nBecause they are needed.\n", "area"),
    ("base: add things.\n\nBecause they are needed.\n", "area"),
    ("base: add things\n", "no body"),
    ("base: add things\nBecause they are needed.\n", "second line"),
    ("base: add " + "x" * 70 + "\n\nBecause they are needed.\n", "at most 72"),
    ("base: add things\n\nSigned-off-by: Some Body <some@body>\n", "no body"),
])
def test_a_bad_commit_message_is_found(tree, tmp_path, message, fault):
    path = tmp_path / "message"
    path.write_text(message, encoding="utf-8")
    assert_fault(tree("check-commits", "--message", str(path)), fault)


def test_a_good_commit_message_passes(tree, tmp_path):
    path = tmp_path / "message"
    path.write_text("base: add things\n\nBecause they are needed.\n# a comment of git\n")
    assert_clean(tree("check-commits", "--message", str(path)))


def test_a_python_file_that_does_not_compile_is_found(tree):
    assert_fault(tree("check-python", files={"tests/a.py": "def f(:\n"}), "tests/a.py:1")


def test_a_header_that_needs_another_first_is_found(tree, tmp_path):
    assert_fault(tree("check-headers", str(tmp_path), files={"vif/a.h": "int f(uint8_t a);\n"}),
                 "gcc: vif/a.h", "clang: vif/a.h")


def test_results_are_counted_from_what_the_suites_write(tmp_path):
    sys.path.insert(0, str(DEV))
    import results
    good = "[==========] x: Running 2 test(s).\n[ RUN      ] a\n[       OK ] a\n" \
           "[ RUN      ] b (of 32)\n[       OK ] b (of 32)\n[  PASSED  ] 2 test(s).\n"
    bad = good + "[ RUN      ] c\n[  ERROR   ] --- 1 != 2\n[  FAILED  ] c\n" \
                 "[  FAILED  ] x: 1 test(s), listed below:\n[  FAILED  ] c\n"
    assert results.of_program(good, True) == results.Count(2, 0, 0)
    assert results.of_program(bad, False) == results.Count(2, 1, 0)
    assert results.of_program("[       OK ] a\n", False) == results.Count(1, 1, 0)
    assert results.of_program("replayed 7 inputs\n", True) == results.Count(1, 0, 0)
    junit = tmp_path / "j.xml"
    junit.write_text('<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/>'
                     '</testsuites>')
    assert results.of_pytest(junit) == results.Count(2, 2, 1)
    assert str(results.of_text("noise\n3 passed, 1 failed, 2 skipped\n")) == \
        "3 passed, 1 failed, 2 skipped"
    assert results.of_text("16 checks passed, 0 failed\n") == results.Count(16, 0, 0)

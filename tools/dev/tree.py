# SPDX-License-Identifier: Apache-2.0
"""tree.py - what the checks share: the files of the project, and C without its comments.

Files are found by walking, not by asking git, so that the checks also run on an unpacked archive.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIP_FOLDERS = {".git", "build", "__pycache__", ".pytest_cache"}
BINARY_FOLDERS = ("tests/fuzz/corpus/", "tests/fuzz/regress/")
# one comment, string or character constant; strings are matched so that "/*" in them is none
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(*suffixes):
    """Paths relative to ROOT, sorted; every text file when no suffix is given."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIP_FOLDERS]
        for name in set(names) - SKIP_FOLDERS:  # in a git worktree .git is a file
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if name in SKIP_FOLDERS:  # a linked worktree has a file .git
                continue
            if path.endswith(suffixes or "") and not path.startswith(BINARY_FOLDERS):
                found.append(path)
    return sorted(found)


def scripts(interpreter):
    """Files that begin with #! and name the interpreter."""
    def first_line(path):
        with open(os.path.join(ROOT, path), "rb") as f:
            return f.readline(80)
    return [p for p in files() if re.match(rb"#!.*\b" + interpreter.encode(), first_line(p))]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def split_c(text):
    """(code, comments): same length and lines as text, the other part blank."""
    blank = lambda s: re.sub(r"[^\n]", " ", s)
    is_comment = lambda m: m.group().startswith(("/*", "//"))
    code = TOKEN.sub(lambda m: blank(m.group()) if is_comment(m) else m.group(), text)
    comments, at = [], 0
    for m in filter(is_comment, TOKEN.finditer(text)):
        comments += [blank(text[at:m.start()]), m.group()]
        at = m.end()
    return code, "".join(comments) + blank(text[at:])


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def c_tags(kinds):
    """What ctags finds in our C files: dictionaries with name, path, line, end and kind."""
    out = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", f"--kinds-c={kinds}",
                          "--languages=C", "--language-force=C", "-o", "-", *files(".c", ".h")],
                         cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def finish(faults):
    """Print the faults and end with the status that says whether there were any."""
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)

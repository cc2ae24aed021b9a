# SPDX-License-Identifier: Apache-2.0
"""docs/differences.md names, in each row, tests that exist."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def rows():
    lines = (ROOT / "docs/differences.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_every_difference_is_asserted_by_a_test_that_exists():
    sources = "".join(
        path.read_text(encoding="utf-8")
        for pattern in ("**/*_test.c", "**/test_*.py")
        for path in (ROOT / "tests").glob(pattern)
    )
    assert rows(), "no table in docs/differences.md"
    for row in rows():
        names = re.findall(r"`(\w+)`", row[-1])
        assert names, f"no test named for: {row[0]}"
        for name in names:
            assert re.search(rf"\b{name}\b\s*\(", sources), f"{name} does not exist"

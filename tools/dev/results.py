# SPDX-License-Identifier: Apache-2.0
"""results.py - count passed, failed and skipped tests from what the suites wrote."""
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

# the summary says "[  FAILED  ] 2 test(s), listed below:" and then names them once more
CMOCKA_LINE = re.compile(r"^\[\s+(OK|FAILED|SKIPPED)\s+\] (?!.*\btest\(s\))(.+?)\s*$", re.M)


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def total(self):
        return self.passed + self.failed + self.skipped

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def of_program(output, succeeded):
    """One program of cmocka tests, or any other program as one test."""
    lines = CMOCKA_LINE.findall(output)
    failed = {name for kind, name in lines if kind == "FAILED"}
    skipped = {name for kind, name in lines if kind == "SKIPPED"} - failed
    count = Count(sum(kind == "OK" for kind, _ in lines), len(failed), len(skipped))
    if not succeeded and not failed:
        count.failed += 1  # it crashed
    if count.total() == 0:
        count.passed += 1
    return count


def of_ctest(path):
    count = Count()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.get("status") == "disabled":
            count.skipped += 1
            continue
        output = case.findtext("system-out") or ""
        count += of_program(output, case.get("status") == "run" and case.find("failure") is None)
    return count


def of_pytest(path):
    count = Count()
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        bad = int(suite.get("failures")) + int(suite.get("errors"))
        skipped = int(suite.get("skipped"))
        count += Count(max(int(suite.get("tests")) - bad - skipped, 0), bad, skipped)
    return count


def of_text(output):
    """A suite whose last such line is "N passed, M failed" or "N checks passed, M failed"."""
    found = re.findall(r"^(\d+) (?:checks )?passed, (\d+) failed(?:, (\d+) skipped)?", output, re.M)
    return Count(*(int(n or 0) for n in found[-1])) if found else Count()

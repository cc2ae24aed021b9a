# SPDX-License-Identifier: Apache-2.0
"""Fixtures and hooks of the system and crash tests."""

import hashlib
import os
import pathlib
import subprocess

import pytest

from .instance import BUILD
from .topo import Lab

MACHINE_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/etc/network/interfaces",
                 "/etc/nftables.conf", "/etc/sysctl.conf", "/etc/iproute2/rt_tables")
_labs = []  # of the running module, for reports


def machine_state():
    """What no test may change: files of the machine and its own network configuration."""
    state = {}
    for name in MACHINE_FILES:
        path = pathlib.Path(name)
        state[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
    for cmd in ("ip -d -o link", "ip -o addr show scope global", "ip rule", "ip -6 rule",
                "nft list ruleset", "ip netns list"):
        done = subprocess.run(cmd.split(), capture_output=True, text=True, check=False)
        state[cmd] = done.stdout
    return state


@pytest.fixture(scope="session", autouse=True)
def machine_unchanged():
    before = machine_state()
    yield
    after = machine_state()
    changed = [key for key in before if before[key] != after[key]]
    assert not changed, f"the tests changed the machine: {changed}"


@pytest.fixture(scope="session", autouse=True)
def programs_exist():
    assert os.geteuid() == 0, "these tests make namespaces: run them as root"
    for name in ("saklar", "saklard", "saklar-vswitch"):
        assert (BUILD / name).exists(), f"{BUILD / name} is missing: build first, or set " \
            "SAKLAR_BUILD to the build directory"


@pytest.fixture(scope="module")
def make_lab(tmp_path_factory):
    """Makes labs that end with the module."""
    made = []

    def make(**kw):
        lab = Lab(tmp_path_factory.mktemp("lab"), **kw)
        made.append(lab)
        _labs.append(lab)
        return lab

    yield make
    bad = []
    for lab in made:
        _labs.remove(lab)
        lab.close()
        bad += [line for instance in lab.instances for line in instance.misbehaviour()]
    assert not bad, "\n".join(bad[:20])


@pytest.fixture(scope="module")
def lab(make_lab):
    return make_lab()


@pytest.fixture
def through_engine(lab):
    """Every packet goes through the engine meanwhile: tests of what it loses."""
    up = [vif["name"] for vif in lab.saklar.json("vif", "list") if vif["state"] == "up"]
    for args in (("--no-fast-path",), ()):
        lab.saklar.stop()
        lab.saklar.start(*args)
        for name in up:
            lab.saklar.wait_vif(name)
        if args:
            yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; as root every test must run"
    if report.failed:
        for lab_ in list(_labs):
            try:
                report.sections.append(("Saklar", lab_.report()))
            except Exception as exc:  # a report must never hide the failure itself
                report.sections.append(("Saklar", f"no report: {exc!r}"))

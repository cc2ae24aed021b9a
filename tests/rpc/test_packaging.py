# SPDX-License-Identifier: Apache-2.0
"""The files for the service manager and for those who must leave our netdevs alone."""
import configparser
import os
import re
import shutil
import subprocess

import pytest

from daemon import HERE, SAKLARD

ROOT = os.path.join(HERE, "..", "..")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


@pytest.fixture
def unit(tmp_path):
    path = tmp_path / "saklard.service"
    sbin = os.path.dirname(os.path.abspath(SAKLARD))
    path.write_text(read("packaging", "systemd", "saklard.service.in").replace(
        "@SAKLAR_SBINDIR@", sbin))
    return str(path)


def table_of_privileges():
    return set(re.findall(r"\{ (CAP_\w+), \"", read("config", "privileges.c")))


def test_the_unit_is_verified_without_a_word(unit):
    assert shutil.which("systemd-analyze")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], check=False,
                          capture_output=True, text=True)
    assert done.returncode == 0 and "saklard" not in done.stderr, done.stderr


def test_the_documentation_records_the_unit_s_score(unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
                          check=False, capture_output=True, text=True)
    score = re.search(r"saklard.service: ([0-9.]+)", done.stdout).group(1)
    assert f"**{score}**" in read("docs", "privileges.md")


def test_unit_documentation_and_program_keep_the_same_capabilities():
    unit = re.findall(r"^CapabilityBoundingSet=(.*)$",
                      read("packaging", "systemd", "saklard.service.in"), re.M)
    assert set(" ".join(unit).split()) == table_of_privileges()
    assert set(re.findall(r"^\| (CAP_\w+) \|", read("docs", "privileges.md"), re.M)) \
        == table_of_privileges()


def test_the_engine_survives_a_stop_of_the_unit():
    unit = read("packaging", "systemd", "saklard.service.in")
    for line in ("Type=notify", "KillMode=process", "RuntimeDirectoryPreserve=yes"):
        assert f"\n{line}\n" in unit


@pytest.mark.parametrize("path", ["networkd/10-saklar.link", "networkd/10-saklar-new.link",
                                  "networkd/10-saklar.network", "networkd/10-saklar-new.network",
                                  "NetworkManager/saklar.conf"])
def test_files_that_keep_others_away_are_well_formed(path):
    parser = configparser.ConfigParser(strict=True)
    parser.read_string(read("packaging", *path.split("/")))
    assert parser.sections()


def test_matches_fit_the_names_and_aliases_that_the_daemon_gives():
    source = "".join(read("config", name) for name in sorted(os.listdir(os.path.join(ROOT, "config")))
                     if name.endswith(".c"))
    assert '"skl%u.%x"' in source and '"saklar %.60s %' in source
    assert 'ATTR{ifalias}=="saklar *"' in read("packaging", "udev", "70-saklar.rules")

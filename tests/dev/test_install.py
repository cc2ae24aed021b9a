# SPDX-License-Identifier: Apache-2.0
"""cmake --install gives what the README promises, wherever the prefix is."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SAKLAR_BUILD") or ROOT / "build" / "release")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    path = tmp_path_factory.mktemp("installed") / "prefix"
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(path)], check=True,
                   capture_output=True)
    return path


def output_of(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("program", ["bin/saklar", "sbin/saklard", "sbin/saklar-vswitch"])
def test_programs_are_there_and_tell_their_version(prefix, program):
    status, out, err = output_of(prefix / program, "--help" if "vswitch" in program else "--version")
    assert "vswitch" in program or status == 0, err  # the engine is not for people
    assert "0.1.0" in out + err


def test_programs_need_no_library_of_the_build_folder(prefix):
    for program in ("bin/saklar", "sbin/saklard", "sbin/saklar-vswitch"):
        _, out, _ = output_of("readelf", "-d", prefix / program)
        assert "RPATH" not in out and "RUNPATH" not in out


def test_man_pages_are_there_and_format_without_warnings(prefix):
    pages = sorted((prefix / "share" / "man").rglob("*.[158]"))
    assert {"saklar.1", "saklard.8"} <= {page.name for page in pages}
    for page in pages:
        status, out, err = output_of("man", "--warnings", "--encoding=UTF-8", "--local-file", page)
        assert (status, err) == (0, ""), page.name
        assert "SAKLAR" in out.upper()


def test_completion_is_there_and_loads(prefix):
    path = prefix / "share" / "bash-completion" / "completions" / "saklar"
    status, out, err = output_of("bash", "-c", '. "$1" && complete -p saklar', "bash", path)
    assert status == 0, err
    assert "saklar" in out


def test_unit_names_the_installed_daemon(prefix):
    text = (prefix / "lib" / "systemd" / "system" / "saklard.service").read_text()
    assert f"ExecStart={prefix}/sbin/saklard" in text


def test_netdevs_are_kept_from_networkd_and_network_manager(prefix):
    assert list((prefix / "lib" / "systemd" / "network").glob("*.link"))
    assert list((prefix / "lib" / "systemd" / "network").glob("*.network"))
    assert list((prefix / "lib" / "NetworkManager" / "conf.d").glob("*.conf"))


def test_xens_hotplug_script_is_there(prefix):
    status, _, err = output_of(prefix / "share" / "saklar" / "xen" / "vif-saklar")
    assert status == 2 and "usage" in err

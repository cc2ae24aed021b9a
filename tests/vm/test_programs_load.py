# SPDX-License-Identifier: Apache-2.0
"""The verifier of Debian 12's own kernel takes the programs on netdevs."""

import pathlib
import shutil
import subprocess

import pytest

from lib.instance import BUILD, REPO

QEMU = REPO / "tools/vm-image"


def archive(folder, names):
    return subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=folder,
                          input="\n".join([*names, ""]).encode(), stdout=subprocess.PIPE,
                          check=True).stdout


def until(guest, begin):
    """Lines of the guest up to one that begins with `begin`."""
    lines = []
    for line in guest.stdout:
        lines.append(line.rstrip("\r\n"))
        if lines[-1].startswith(begin):
            return lines
    pytest.fail(f"the guest ended: {lines[-20:]}")


def test_debians_kernel_loads_all_programs(tmp_path):
    subprocess.run(["cc", "-static", "-O1", "-o", tmp_path / "load",
                    REPO / "tests/vm/load_programs.c", "-lbpf", "-lelf", "-lz"], check=True)
    shutil.copy(BUILD / "generated/netdev.bpf.o", tmp_path / "programs")
    command = subprocess.run([QEMU, "--qemu", "loader"], check=True, stdout=subprocess.PIPE,
                             text=True).stdout.splitlines()
    at = command.index("-initrd") + 1
    image = tmp_path / "initrd"
    image.write_bytes(pathlib.Path(command[at]).read_bytes() +
                      archive(tmp_path, ["load", "programs"]))
    command[at] = str(image)
    with subprocess.Popen([*command, "-serial", "stdio"], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as guest:
        try:
            until(guest, "ready loader")
            guest.stdin.write("v uname -r\nl /load /programs\n")
            guest.stdin.flush()
            said = until(guest, "=l ")
        finally:
            guest.kill()
    assert said[-1] == "=l 0", said[-30:]
    for program in ("choose", "choose_own", "netdev", "shared"):
        assert f"+l loaded saklar_{program}" in said
    assert any(line.startswith("+v 6.1.") for line in said), said

# SPDX-License-Identifier: Apache-2.0
"""What cmake --install gives, moved to another place: the programs find each other."""

import json
import os
import subprocess

from lib.instance import BUILD
from lib.wait import wait_until


def test_installed_programs_find_each_other_wherever_the_prefix_is(make_lab):
    lab = make_lab(start=False, name="installed")
    first, prefix = lab.workdir / "first", lab.workdir / "prefix"
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(first)], check=True,
                   capture_output=True)
    first.rename(prefix)
    prefix.chmod(0o755)
    run, state = lab.workdir / "run", lab.workdir / "state"
    daemon = lab.host.start(prefix / "sbin/saklard", "--foreground", "--run-dir", run,
                            "--state-dir", state, env=lab.saklar.env)

    def engine():
        done = lab.host.run(prefix / "bin/saklar", "--run-dir", run, "status", "--json",
                            check=False, env=lab.saklar.env)
        found = done.returncode == 0 and json.loads(done.stdout)["engine"]
        return found and found["state"] == "running" and found

    pid = wait_until(engine, 20, lambda: f"the engine runs: {daemon.output()}")["pid"]
    for program, number in (("saklard", daemon.pid), ("saklar-vswitch", None)):
        path = f"/proc/{number}/exe" if number else lab.host.root / "proc" / str(pid) / "exe"
        assert os.readlink(path).endswith(f"/prefix/sbin/{program}"), os.readlink(path)
    assert daemon.stop() == 0

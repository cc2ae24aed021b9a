# SPDX-License-Identifier: Apache-2.0
"""saklard --stop after the daemon was killed and its database destroyed.

      a -- netdev \\
                    network lan (host leg lan, dnsmasq) -- instance
      no VMM -- tap /
"""

import os

from lib.instance import BUILD


def test_stop_puts_all_back_without_a_readable_store(make_lab):
    lab = make_lab(name="stop")
    lab.network("lan", "--subnet", "10.44.0.0/24", "--dhcp")
    lab.guest("a", "lan", "netdev", addr="10.44.0.11/24")
    lab.saklar("vif", "add", "t0", "--network", "lan", "--type", "tap")
    pids = lab.saklar.processes()
    assert {"engine", "dnsmasq-lan"} <= set(pids)
    device = lab.saklar.vif("a")["dev"]
    lab.saklar.kill_daemon()
    (lab.saklar.state_dir / "saklar.db").write_bytes(os.urandom(20000))
    done = lab.host.run(BUILD / "saklard", "--stop", "--run-dir", lab.saklar.run_dir, check=False,
                        timeout=60, env=lab.saklar.env)
    assert done.returncode == 0, done.stderr
    assert not [name for name, pid in pids.items() if lab.host.pid_alive(pid)]
    links = lab.host.run("ip", "-o", "link").stdout
    assert ": lan:" not in links and ": t0:" not in links and f": {device}" in links
    assert lab.host.run("nft", "list", "tables").stdout == ""
    assert "clsact" not in lab.host.run("tc", "qdisc", "show", "dev", device).stdout

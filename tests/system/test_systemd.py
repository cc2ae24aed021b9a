# SPDX-License-Identifier: Apache-2.0
"""The unit as it is shipped, with all its hardening, under a real systemd (lib/booted.py).

      namespace g1 -- host vif v1 --+-- network lan, 10.99.0.0/24, DHCP, leg
      namespace g2 == veth v2 ------+
"""

import json

import pytest

from lib.booted import Booted
from lib.wait import wait_until


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Booted(tmp_path_factory.mktemp("booted")) as booted:
        booted.out("ip", "netns", "add", "g1")
        booted.out("ip", "netns", "add", "g2")
        booted.out("saklar", "network", "add", "lan", "--mode", "bridge", "--subnet",
                   "10.99.0.0/24", "--dhcp")
        booted.out("saklar", "vif", "add", "v1", "--network", "lan", "--type", "host", "--netns",
                   "g1", "--ifname", "eth0")
        booted.out("ip", "link", "add", "v2", "type", "veth", "peer", "name", "eth0", "netns", "g2")
        booted.out("ip", "-n", "g2", "link", "set", "eth0", "up")
        booted.out("saklar", "vif", "add", "v2", "--network", "lan", "--type", "netdev", "--dev",
                   "v2")
        for k in (1, 2):
            wait_until(lambda k=k: booted.ok("ip", "-n", f"g{k}", "link", "show", "eth0"), 20)
            booted.out("ip", "-n", f"g{k}", "addr", "add", f"10.99.0.{k + 1}/24", "dev", "eth0")
        yield booted


def status(machine):
    return json.loads(machine.out("saklar", "status", "--json"))


def pings(machine, guest, addr):
    return machine.ok("ip", "netns", "exec", guest, "ping", "-c1", "-W1", addr)


def wait_pings(machine):
    wait_until(lambda: pings(machine, "g1", "10.99.0.3"), 20, "guest to guest")
    wait_until(lambda: pings(machine, "g2", "10.99.0.1"), 20, "guest to host")


def test_the_service_serves_with_all_its_hardening(machine):
    assert machine.out("systemctl", "is-active", "saklard").strip() == "active"
    wait_pings(machine)
    now = status(machine)
    assert now["engine"]["state"] == "running" and now["engine"]["restarts"] == 0
    assert not now["problems"]
    assert "Status: \"serving\"" in machine.out("systemctl", "status", "saklard")
    shown = machine.out("systemctl", "show", "saklard", "-p", "NoNewPrivileges", "-p",
                        "ProtectSystem", "-p", "KillMode")
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "KillMode=process"):
        assert line in shown.splitlines()
    log = machine.out("journalctl", "--no-pager", "-u", "saklard")
    assert "Operation not permitted" not in log, log


def test_dnsmasq_hands_out_addresses_under_the_unit(machine):
    wait_pings(machine)
    done = machine.run("ip", "netns", "exec", "g2", "busybox", "udhcpc", "-i", "eth0", "-n", "-q",
                       "-f", "-s", "/bin/true", "-t", "10", "-T", "1")
    assert "lease of 10.99.0." in done.stdout + done.stderr, done


def test_a_restart_of_the_unit_keeps_engine_dnsmasq_and_traffic(machine):
    wait_pings(machine)
    before = status(machine)
    dnsmasq = json.loads(machine.out("saklar", "network", "list", "--json"))[0]["dnsmasq_pid"]
    machine.out("systemctl", "restart", "saklard")
    after = status(machine)
    assert after["engine"]["pid"] == before["engine"]["pid"] and after["engine"]["taken_over"]
    assert after["daemon"]["pid"] != before["daemon"]["pid"]
    assert json.loads(machine.out("saklar", "network", "list", "--json"))[0]["dnsmasq_pid"] \
        == dnsmasq
    assert pings(machine, "g1", "10.99.0.3")
    assert not after["problems"]


def test_a_killed_daemon_is_started_again_by_systemd_and_the_engine_by_the_daemon(machine):
    before = status(machine)
    machine.out("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "saklard")
    wait_until(lambda: machine.ok("saklar", "status")
               and status(machine)["daemon"]["pid"] != before["daemon"]["pid"], 20)
    assert status(machine)["engine"]["pid"] == before["engine"]["pid"]
    machine.out("kill", "-9", before["engine"]["pid"])
    wait_pings(machine)
    assert status(machine)["engine"]["state"] == "running"


def test_stop_leaves_traffic_and_saklard_stop_leaves_nothing(machine):
    wait_pings(machine)
    machine.out("systemctl", "stop", "saklard")
    assert machine.run("saklar", "status").returncode == 3
    assert pings(machine, "g1", "10.99.0.3"), "KillMode=process"
    machine.out("saklard", "--stop")
    processes = machine.out("ps", "-eo", "comm")
    assert "saklar-vswitch" not in processes and "dnsmasq" not in processes
    assert not machine.ok("ip", "link", "show", "lan")
    machine.out("systemctl", "start", "saklard")
    for name in ("v1", "v2"):
        wait_until(lambda n=name: json.loads(machine.out("saklar", "vif", "show", n, "--json"))
                   ["state"] == "up", 20, f"{name} comes back from the store")

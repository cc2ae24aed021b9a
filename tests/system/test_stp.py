# SPDX-License-Identifier: Apache-2.0
"""Spanning trees against real ones: rings of our own, the kernel's STP, Open vSwitch's RSTP.

    ring     n0 --w0-- n1 --w1-- n2 ... n7 --w7-- n0     networks of one instance, wires are veths,
             guest a in n0, guest b in n4
    peers    guest c --+-- network k --+-- two veths --+-- bridge br0 in a namespace --+-- itself
             (kernel: stp_state 1; OVS: user space, rstp_enable)
"""

import json
import os
import re

import pytest

from lib.traffic import wait_ping
from lib.wait import wait_until
from lib.wire import wire

N = 8
BPDU = bytes.fromhex("0180c2000000" "020000000077" "0026424203" "0000000000"
                     "1000020000000077" "00000000" "1000020000000077" "8001"
                     "0000140002000f00").ljust(60, b"\0")


def show(lab, network):
    return lab.saklar.json("stp", "show", "--network", network)[0]


def port(lab, network, vif):
    return next(p for p in show(lab, network)["ports"] if p["vif"] == vif)


def states(lab, network):
    return {p["vif"]: p["state"] for p in show(lab, network)["ports"]}


def join(lab, ours, ns, theirs):
    lab.host.ip("link", "add", "name", ours, "type", "veth", "peer", "name", theirs, "netns",
                ns.name)
    lab.host.ip("link", "set", "dev", ours, "up")
    ns.ip("link", "set", "dev", theirs, "up")


@pytest.fixture(scope="module")
def ring(lab):
    for i in range(N):
        lab.network(f"n{i}", "--stp", "rstp")
    for i in range(N):
        lab.host.ip("link", "add", "name", f"w{i}a", "type", "veth", "peer", "name", f"w{i}b")
        for end, network in (("a", i), ("b", (i + 1) % N)):
            name = f"w{i}{end}"
            lab.host.ip("link", "set", "dev", name, "up")
            lab.saklar("vif", "add", name, "--network", f"n{network}", "--type", "netdev",
                       "--dev", name, "--stp-edge", "off")
    return {"a": lab.guest("a", "n0", "netdev", addr="10.60.0.1/24", args=["--stp-edge", "on"]),
            "b": lab.guest("b", "n4", "netdev", addr="10.60.0.2/24", args=["--stp-edge", "on"])}


def ring_trees(lab):
    return [t for t in lab.saklar.json("stp", "show") if re.match(r"n\d$", t["network"])]


def ring_ports(lab):
    return {p["vif"]: p for t in ring_trees(lab) for p in t["ports"] if p["vif"][0] == "w"}


def is_tree(lab, n_up):
    """Of @n_up wires of a ring all but one forward at both ends (all, when the ring is cut), and
    whoever does not knows why: a port may also be discarding for a moment, until its neighbour agrees."""
    ports = ring_ports(lab)
    roots = {t["root_id"] for t in lab.saklar.json("stp", "show") if t["network"][0] == "n"}
    both = sum(ports[f"w{i}a"]["state"] == ports[f"w{i}b"]["state"] == "forwarding"
               for i in range(N))
    spare = sum(p["role"] == "alternate" for p in ports.values())
    return len(roots) == 1 and both == N - 1 and spare == n_up - (N - 1)


def test_ring_of_eight_networks_becomes_a_tree(lab, ring):
    wait_until(lambda: is_tree(lab, N), 20, "a tree")
    wait_ping(ring["a"], "10.60.0.2")
    # a broadcast arrives once: there is no way round
    ring["a"].run("ip", "neigh", "flush", "all")
    assert "DUP" not in ring["a"].out("ping", "-b", "-c", "3", "-i", "0.2", "10.60.0.2")


def test_ring_of_eight_heals_when_a_link_is_lost(lab, ring):
    """The figure, of a tree that stands: whoever has said six BPDUs may say one a second only.  The limit
    leaves room for a busy machine."""
    wait_until(lambda: is_tree(lab, N), 20, "a tree")
    wait_until(lambda: min(t["changed_s"] for t in ring_trees(lab)) > 4, 30, "rest")
    wait_ping(ring["a"], "10.60.0.2")
    ports = ring_ports(lab)
    spare = int(next(v for v, p in ports.items() if p["role"] == "alternate")[1])
    cut = next(i for i in range(N) if i != spare and (i < 4) != (spare < 4))
    pings = ring["a"].start("ping", "-D", "-n", "-i", "0.005", "-W", "1", "10.60.0.2")
    wait_until(lambda: "icmp_seq=40" in pings.output(), 10, "pings go")
    lab.host.ip("link", "set", "dev", f"w{cut}a", "down")
    wait_until(lambda: is_tree(lab, N - 1), 10, "another tree")
    heard = len(re.findall("icmp_seq", pings.output()))
    wait_until(lambda: len(re.findall("icmp_seq", pings.output())) > heard + 20, 10, "pings go on")
    pings.stop()
    at = [float(t) for t in re.findall(r"\[(\d+\.\d+)\] 64 bytes", pings.output())]
    gap = max(b - a for a, b in zip(at, at[1:]))
    print(f"a ring of 8 healed within {gap * 1000:.0f} ms")
    lab.host.ip("link", "set", "dev", f"w{cut}a", "up")
    assert gap < 6  # on a machine that has time: hundredths
    wait_until(lambda: is_tree(lab, N), 20, "the old tree")


def test_killed_engine_makes_neither_a_gap_nor_a_loop(lab, ring):
    wait_until(lambda: is_tree(lab, N), 20, "a tree")
    wait_ping(ring["a"], "10.60.0.2")
    before = {v: (p["role"], p["transitions"]) for v, p in ring_ports(lab).items()}
    pid = lab.saklar.engine_pid()
    lab.saklar.kill_engine()
    lab.saklar.wait_engine(other_than=pid)
    wait_ping(ring["a"], "10.60.0.2", timeout=5)
    wait_until(lambda: is_tree(lab, N), 5, "the same tree")
    # nobody listened and learned again
    assert {v: (p["role"], p["transitions"]) for v, p in ring_ports(lab).items()} == before


def test_text_names_root_roles_and_states(lab, ring):
    wait_until(lambda: is_tree(lab, N), 20, "a tree")
    text = lab.saklar("stp", "show", "--network", "n4")
    assert "rstp" in text and "root" in text and "designated" in text and "forwarding" in text
    assert "stp_port" in lab.saklar.tail(1 << 20)


def test_bpdu_guard_disables_a_vif(lab, ring):
    guest = lab.guest("g", "n1", "netdev", args=["--stp-edge", "on", "--bpdu-guard"])
    with wire(guest, "eth0") as tx:
        tx.write(BPDU)
    wait_until(lambda: port(lab, "n1", "g")["guarded_by"] == "bpdu", 5, "guarded")
    assert states(lab, "n1")["g"] == "disabled"
    wait_until(lambda: lab.saklar.drops("g", "bpdu_guard") >= 1, 5, "counted")
    wait_until(lambda: "event=bpdu_guard" in lab.saklar.tail(1 << 20), 5, "logged")
    lab.saklar("vif", "set", "g", "--down")
    lab.saklar("vif", "set", "g", "--up")
    wait_until(lambda: states(lab, "n1")["g"] == "forwarding", 5, "forwards again")
    lab.saklar("vif", "del", "g")


def kernel_bridge(lab, name, priority):
    ns = lab.host.guest(name)
    ns.ip("link", "add", "br0", "type", "bridge", "stp_state", "1", "forward_delay", "200",
          "hello_time", "100", "max_age", "600", "priority", str(priority))
    ns.ip("link", "set", "dev", "br0", "up")
    ns.ip("addr", "add", "10.61.0.9/24", "dev", "br0")
    return ns


def kernel_states(ns):
    links = json.loads(ns.out("ip", "-j", "-d", "link"))
    return {x["ifname"]: x["linkinfo"]["info_slave_data"]["state"] for x in links
            if x.get("linkinfo", {}).get("info_slave_kind") == "bridge"}


@pytest.mark.parametrize("version, priority", [("rstp", 4096), ("rstp", 61440), ("stp", 4096),
                                               ("stp", 61440)])
def test_kernel_bridge_and_we_agree_on_a_tree(lab, version, priority):
    net, x, y = f"k{version}{priority // 4096}", f"x{version}{priority // 4096}", \
        f"y{version}{priority // 4096}"
    lab.network(net, "--stp", version, "--forward-delay", "2", "--max-age", "6", "--hello-time",
                "1")
    ns = kernel_bridge(lab, f"kb{version}{priority // 4096}", priority)
    for ours, theirs in ((x, "p0"), (y, "p1")):
        join(lab, ours, ns, theirs)
        ns.ip("link", "set", "dev", theirs, "master", "br0")
        lab.saklar("vif", "add", ours, "--network", net, "--type", "netdev", "--dev", ours)
    c = lab.guest(f"c{version}{priority // 4096}", net, "netdev", addr="10.61.0.1/24",
                  args=["--stp-edge", "on"])
    wait_ping(c, "10.61.0.9", timeout=30)
    tree = show(lab, net)
    ours = [p for p in tree["ports"] if p["vif"] in (x, y)]
    assert tree["is_root"] == (priority == 61440)
    assert all(p["version"] == "stp" for p in ours)  # we found out what it speaks

    def one_way():
        open_ours = {p["vif"] for p in show(lab, net)["ports"] if p["state"] == "forwarding"}
        theirs = kernel_states(ns)
        open_both = [(x in open_ours and theirs["p0"] == "forwarding"),
                     (y in open_ours and theirs["p1"] == "forwarding")]
        return sum(open_both) == 1
    wait_until(one_way, 15, "one way only")
    used = "p0" if kernel_states(ns)["p0"] == "forwarding" and \
        port(lab, net, x)["state"] == "forwarding" else "p1"
    ns.ip("link", "set", "dev", used, "down")
    wait_ping(c, "10.61.0.9", timeout=30)


class Ovs:
    """ovs-vswitchd in a namespace, user-space datapath, with files of its own."""

    def __init__(self, lab, name):
        self.ns = lab.host.guest(name)
        d = self.dir = lab.workdir / name
        d.mkdir()
        self.env = dict(os.environ, OVS_RUNDIR=str(d), OVS_LOGDIR=str(d), OVS_DBDIR=str(d),
                        OVS_SYSCONFDIR=str(d))
        self.ns.run("ovsdb-tool", "create", f"{d}/conf.db",
                    "/usr/share/openvswitch/vswitch.ovsschema", env=self.env)
        self.db = self.ns.start("ovsdb-server", f"{d}/conf.db", f"--remote=punix:{d}/db.sock",
                                f"--unixctl={d}/db.ctl", "--no-chdir", env=self.env)
        wait_until(lambda: (d / "db.sock").exists(), 10, "ovsdb-server")
        self.vsctl("--no-wait", "init")
        self.vswitchd = self.ns.start("ovs-vswitchd", f"unix:{d}/db.sock", f"--unixctl={d}/ctl",
                                      "--no-chdir", env=self.env)
        wait_until(lambda: (d / "ctl").exists(), 10, "ovs-vswitchd")

    def vsctl(self, *args):
        return self.ns.out("ovs-vsctl", f"--db=unix:{self.dir}/db.sock", "--timeout=20", *args,
                           env=self.env)

    def rstp(self):
        """state by port"""
        text = self.ns.out("ovs-appctl", "-t", f"{self.dir}/ctl", "rstp/show", "br0", env=self.env)
        return {m[1]: (m[2], m[3]) for m in
                re.finditer(r"^\s+(\S+)\s+(Root|Designated|Alternate|Backup|Disabled)\s+(\S+)",
                            text, re.M)}

    def close(self):
        self.vswitchd.stop()
        self.db.stop()


@pytest.mark.parametrize("priority", [4096, 61440])
def test_open_vswitch_and_we_agree_on_a_tree(lab, priority):
    tag = priority // 4096
    net, x, y = f"o{tag}", f"ox{tag}", f"oy{tag}"
    lab.network(net, "--stp", "rstp")
    lab.host.run("sh", "-c", "mount --bind /tmp /tmp && mount -o remount,bind,rw /tmp")
    ovs = Ovs(lab, f"ovs{tag}")
    ovs.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
              "rstp_enable=true", f"other_config:rstp-priority={priority}")
    for ours, theirs in ((x, "p0"), (y, "p1")):
        join(lab, ours, ovs.ns, theirs)
        ovs.vsctl("add-port", "br0", theirs)
        lab.saklar("vif", "add", ours, "--network", net, "--type", "netdev", "--dev", ours)
    ovs.ns.ip("link", "set", "dev", "br0", "up")
    ovs.ns.ip("addr", "add", "10.62.0.9/24", "dev", "br0")
    c = lab.guest(f"co{tag}", net, "netdev", addr="10.62.0.1/24", args=["--stp-edge", "on"])
    wait_ping(c, "10.62.0.9", timeout=20)

    def agreed():
        theirs, tree = ovs.rstp(), show(lab, net)
        ours = {p["vif"]: p["state"] for p in tree["ports"]}
        both = [ours[v] == "forwarding" and theirs.get(o, ("", ""))[1] == "Forwarding"
                for v, o in ((x, "p0"), (y, "p1"))]
        return sum(both) == 1 and tree["is_root"] == (priority == 61440)
    wait_until(agreed, 20, lambda: f"{ovs.rstp()} {show(lab, net)}")
    assert all(p["version"] == "rstp" for p in show(lab, net)["ports"] if p["vif"] in (x, y))
    used = "p0" if port(lab, net, x)["state"] == "forwarding" and \
        ovs.rstp()["p0"][1] == "Forwarding" else "p1"
    ovs.ns.ip("link", "set", "dev", used, "down")
    wait_ping(c, "10.62.0.9", timeout=10)
    ovs.close()


def test_guest_that_bridges_two_vifs_makes_no_storm(lab):
    lab.network("lp", "--profile", "tenant")
    ns = lab.host.guest("looper")
    ns.ip("link", "add", "br0", "type", "bridge")
    ns.ip("link", "set", "dev", "br0", "up")
    c = lab.guest("lc", "lp", "host", addr="10.63.0.1/24")
    for ours, theirs in (("lp0", "p0"), ("lp1", "p1")):
        join(lab, ours, ns, theirs)
        ns.ip("link", "set", "dev", theirs, "master", "br0")
        lab.saklar("vif", "add", ours, "--network", "lp", "--type", "netdev", "--dev", ours,
                   "--guard", "off")  # else it could not bring back what others sent
    c.run("ping", "-c", "1", "-W", "1", "10.63.0.99", check=False)  # an ARP request goes round
    wait_until(lambda: sum(lab.saklar.drops(v, "loop") for v in ("lp0", "lp1")) > 0, 10, "cut")
    wait_until(lambda: re.search(r"event=loop network=lp vif=lp[01]", lab.saklar.tail(1 << 20)),
               5, "told")

    def heard():
        return next(v["tx_packets"] for v in lab.saklar.json("vif", "list") if v["name"] == "lc")
    last = []

    def is_quiet():
        last.append(heard())
        return len(last) > 1 and last[-1] - last[-2] < 5
    wait_until(is_quiet, 5, "the storm is over")
    print(f"a guest that bridges two vifs was cut off after {heard()} frames")
    assert heard() < 1000
    for v in ("lp0", "lp1", "lc"):
        lab.saklar("vif", "del", v)

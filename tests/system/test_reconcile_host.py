# SPDX-License-Identifier: Apache-2.0
"""What the host does to us: firewall chains, routes, hugepages, engines that hang, restarts.

      guest a (netdev) --+-- network lan, 10.64.0.0/24, leg in the host namespace
"""

import fcntl
import pathlib
import platform
import signal
import time

import pytest

from lib.instance import BUILD
from lib.traffic import ping, wait_ping
from lib.wait import wait_until

HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


@pytest.fixture(scope="module")
def a(lab):
    lab.network("lan", "--subnet", "10.64.0.0/24")
    return lab.guest("a", "lan", "netdev", addr="10.64.0.11/24")


def stop(lab, instance):
    """Daemon and engine both."""
    lab.host.run(BUILD / "saklard", "--stop", "--run-dir", instance.run_dir, "--state-dir",
                 instance.state_dir, env=instance.env)


def problems(lab, word):
    return [p for p in lab.saklar.json("status")["problems"] if word in p["text"]]


def test_chain_that_keeps_guests_from_the_host_is_named_and_its_cure_works(lab, a):
    wait_ping(a, "10.64.0.1")
    assert not problems(lab, "nftables")
    lab.host.run("nft", "add table ip guard; add chain ip guard inp "
                 "{ type filter hook input priority 0; policy drop; }; "
                 "add rule ip guard inp iif lo accept; add rule ip guard inp tcp dport 22 accept")
    try:
        assert not a.ok("ping", "-c1", "-W1", "10.64.0.1")
        problem, = problems(lab, "nftables")
        assert problem["object"] == "network lan"
        for word in ("inp", "ip guard", "policy drop"):
            assert word in problem["text"], problem
        cure = problem["cure"].split(" (")[0]
        assert cure.startswith("nft insert rule ip guard inp iifname lan accept")
        lab.host.run("sh", "-c", cure)
        ping(a, "10.64.0.1")
        assert not problems(lab, "nftables")
    finally:
        lab.host.run("nft", "delete table ip guard")


def test_rules_of_iptables_nft_are_seen(lab, a):
    lab.host.run("iptables-nft", "-P", "INPUT", "DROP", check=False)
    if "policy drop" not in lab.host.out("nft", "list", "ruleset"):
        # the same as iptables-nft would make it
        lab.host.run("nft", "add table ip filter; add chain ip filter INPUT "
                     "{ type filter hook input priority 0; policy drop; }")
    try:
        problem, = problems(lab, "nftables")
        assert "INPUT" in problem["text"] and "ip filter" in problem["text"]
    finally:
        lab.host.run("nft", "delete table ip filter")
    assert not problems(lab, "nftables")


def test_route_that_comes_after_the_network_is_a_problem_in_status(lab, a):
    assert not problems(lab, "routes")
    lab.veth(lab.host.guest("vpn"), "vpn0")
    lab.host.ip("route", "add", "10.64.0.128/25", "dev", "vpn0")
    problem, = problems(lab, "routes")
    assert problem["object"] == "network lan"
    assert "10.64.0.128/25 dev vpn0" in problem["text"]
    lab.host.run("sh", "-c", problem["cure"].split(",")[0])
    assert not problems(lab, "routes")


def test_hanging_engine_is_replaced_and_the_verb_is_done(lab, a):
    """The engine neither answers nor dies: the verb waits for it at most 5 s."""
    wait_ping(a, "10.64.0.1")
    pid = lab.saklar.engine_pid()
    lab.host.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    assert lab.saklar.json("vif", "list"), "reads do not need the engine"
    assert time.monotonic() - start < 2
    lab.saklar("network", "add", "hang", "--mode", "bridge", timeout=20)
    assert time.monotonic() - start < 12
    assert lab.saklar.wait_engine(other_than=pid)
    assert not lab.host.pid_alive(pid)
    wait_ping(a, "10.64.0.1")
    lab.saklar("network", "del", "hang")


def test_daemon_restarts_right_behind_kill_9(lab, a):
    for _ in range(10):
        lab.saklar.daemon.send_signal(signal.SIGKILL)
        lab.saklar.start()
    ping(a, "10.64.0.1")


def test_engine_that_was_just_started_is_taken_over_whole(lab, a):
    """The daemon dies between starting an engine and giving it anything."""
    for delay in range(8):
        wait_ping(a, "10.64.0.1")
        lab.saklar.kill_engine()
        end = time.monotonic() + delay * 0.01
        wait_until(lambda end=end: time.monotonic() >= end, 1)
        lab.saklar.kill_daemon()
        lab.saklar.start()
        lab.saklar.wait_vif("a")
        assert "the segments come first" not in lab.saklar.tail(1 << 20)
    wait_ping(a, "10.64.0.1")


def test_mtu_of_the_network_is_followed_by_leg_host_vif_and_own_tap(lab, a):
    guest = lab.guest("mh", "lan", "host", addr="10.64.0.40/24")
    lab.saklar("vif", "add", "mt", "--network", "lan", "--type", "tap")
    wait_until(lambda: lab.host.has_link("mt"), 5, "the tap is there")
    for mtu in (1400, 9000, 1500):
        lab.saklar("network", "set", "lan", "--mtu", mtu)
        wait_until(lambda m=mtu: lab.host.link("lan")["mtu"] == m, 5, "leg")
        wait_until(lambda m=mtu: guest.link("eth0")["mtu"] == m, 5, "host vif")
        wait_until(lambda m=mtu: lab.host.link("mt")["mtu"] == m, 5, "tap")
        assert lab.host.link("a")["mtu"] == 1500, "a netdev of somebody else keeps its own"
        wait_ping(guest, "10.64.0.1")
    lab.saklar("vif", "del", "mt")
    lab.saklar("vif", "del", "mh")


def test_netdev_gets_its_mtu_back_when_the_vif_has_none_any_more(lab, a):
    lab.saklar("vif", "set", "a", "--mtu", "1300")
    wait_until(lambda: lab.host.link("a")["mtu"] == 1300, 5)
    lab.saklar("vif", "set", "a", "--no-mtu")
    wait_until(lambda: lab.host.link("a")["mtu"] == 1500, 5)


def test_tc_program_that_somebody_deletes_is_put_back(lab, a):
    for command in (("filter", "del", "dev", "a", "ingress"), ("qdisc", "del", "dev", "a", "clsact")):
        lab.host.run("tc", *command)
        wait_until(lambda: "bpf" in lab.host.out("tc", "filter", "show", "dev", "a", "ingress"), 1,
                   "the program is back")
    ping(a, "10.64.0.1")


def test_stop_leaves_no_file_that_names_an_engine(lab, a):
    other = lab.second_instance("gone")
    other("network", "add", "x", "--mode", "bridge", "--subnet", "10.65.0.0/24")
    stop(lab, other)
    assert not list(other.run_dir.glob("engine.*"))


def test_stop_after_both_were_killed_leaves_nothing_in_the_host(make_lab):
    """Legs, host vifs here and in guests, taps, tc programs, tables, dnsmasq."""
    other = make_lab(name="left")
    links, rules = other.host.out("ip", "-br", "link"), other.host.out("nft", "list", "ruleset")
    guest = other.host.guest("in")
    other.network("lan", "--subnet", "10.69.0.0/24", "--dhcp")
    other.attach(guest, "lan", "host")
    other.saklar("vif", "add", "here", "--network", "lan", "--type", "host")
    other.saklar("vif", "add", "tap0", "--network", "lan", "--type", "tap")
    other.saklar.wait_vif("here")
    engine = other.saklar.engine_pid()
    other.saklar.kill_daemon()
    other.host.kill(engine)
    stop(other, other.saklar)
    assert other.host.out("ip", "-br", "link") == links
    assert other.host.out("nft", "list", "ruleset") == rules
    assert not guest.has_link("eth0")
    assert not other.saklar.processes()
    other.saklar.start()
    for name in ("in", "here"):
        other.saklar.wait_vif(name)


def test_netdev_is_restored_when_the_next_daemon_stops_wanting_it(lab, a):
    """kill -9 of daemon and engine, the vif's other end changed meanwhile, then vif del."""
    guest = lab.host.guest("orph")
    lab.veth(guest, "orph")
    guest.ip("link", "set", "eth0", "up")
    before = lab.host.sysctl("net.ipv6.conf.orph.disable_ipv6")
    lab.saklar("vif", "add", "orph", "--network", "lan", "--type", "netdev", "--dev", "orph",
               "--mtu", "1400")
    lab.saklar.wait_vif("orph")
    engine = lab.saklar.engine_pid()
    lab.saklar.kill_daemon()
    lab.host.kill(engine)
    lab.host.ip("addr", "add", "10.66.0.1/24", "dev", "orph")  # now it cannot be opened again
    lab.saklar.start()
    lab.saklar.wait_vif("orph", "failed")
    lab.saklar("vif", "del", "orph")
    link = lab.host.link("orph")
    assert link["mtu"] == 1500 and link.get("promiscuity", 0) == 0
    assert "clsact" not in lab.host.out("tc", "qdisc", "show", "dev", "orph")
    assert lab.host.sysctl("net.ipv6.conf.orph.disable_ipv6") == before


@pytest.fixture
def hugepages():
    """Reserve pages of 2 MiB on this machine; what was reserved before is put back.  Engines of other
    tests may hold some: only free ones count."""
    total, free = HUGEPAGES / "nr_hugepages", HUGEPAGES / "free_hugepages"

    def number(path):
        return int(path.read_text(encoding="ascii"))

    lock = open(total, "rb")  # another run of this test must not take our pages for its own
    fcntl.flock(lock, fcntl.LOCK_EX)
    before = number(total)

    def reserve(n):
        def done():
            total.write_text(str(number(total) - number(free) + n), encoding="ascii")
            return number(free) == n
        wait_until(done, 10, f"{n} free hugepages")

    yield reserve
    total.write_text(str(before), encoding="ascii")
    lock.close()


@pytest.mark.parametrize("pages,takes", ((512, True), (4, False)))
def test_engine_takes_hugepages_or_does_without_when_they_are_short(lab, a, hugepages, pages, takes):
    """auto: looks at what is free; an engine that finds too few ends with status 75 and is started
    again without them.  Either way guests are served."""
    hugepages(pages)
    name = f"huge{pages}"
    other = lab.second_instance(name, start=False)
    other.start("--hugepages", "auto")
    try:
        assert other.json("status")["engine"]["hugepages"] is takes
        assert ("hugepages ran short" in other.tail(100000)) == (not takes)
        other("network", "add", "hpnet", "--mode", "bridge", "--subnet", "10.67.0.0/24")
        guest = lab.guest(name, "hpnet", "host", saklar=other, addr="10.67.0.11/24")
        wait_ping(guest, "10.67.0.1")
        pid = other.kill_engine()
        other.wait_engine(other_than=pid)
        wait_ping(guest, "10.67.0.1")
    finally:
        stop(lab, other)


def test_hugepages_that_must_be_there_and_are_not_are_said(lab, a, hugepages):
    hugepages(0)
    other = lab.second_instance("musthuge", start=False)
    other.start("--hugepages", "on", wait=False)
    try:
        problem = wait_until(lambda: [p for p in other.json("status")["problems"]
                                      if p["object"] == "engine" and "hugepages" in p["text"]], 20)
        assert problem
    finally:
        stop(lab, other)


def uso(guest):
    line, = [x for x in guest.out("ethtool", "-k", "eth0").splitlines() if "tx-udp-seg" in x]
    return line.split(":")[1].strip()


def test_old_kernels_segment_udp_at_the_sender_where_it_can_be_reached(lab, a):
    """The daemon believes in an old kernel, which has no word for UDP super-frames."""
    other = lab.second_instance("oldkernel", start=False)
    other.daemon = lab.host.start("setarch", platform.machine(), "--uname-2.6", BUILD / "saklard",
                                  "--foreground", "--run-dir", other.run_dir, "--state-dir",
                                  other.state_dir, log=other.log, env=other.env)
    wait_until(other.is_ready, 20, other.tail)
    try:
        other("network", "add", "oldnet", "--mode", "bridge", "--subnet", "10.68.0.0/24")
        guest = lab.guest("old", "oldnet", "netdev", saklar=other, addr="10.68.0.11/24")
        assert uso(guest) == "off"
        wait_ping(guest, "10.68.0.1")
        other.kill_daemon()  # what was changed is remembered
        other.start()
        other("vif", "del", "old")
        assert uso(guest) == "on"
        lab.drop_guest(guest)
    finally:
        stop(lab, other)

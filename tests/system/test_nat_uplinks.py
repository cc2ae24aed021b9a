# SPDX-License-Identifier: Apache-2.0
"""Guests of nat networks reach out by each kind of uplink, and nobody outside sees or reaches them.

The topology is drawn in lib/world.py; all networks are of mode nat with --nat-ipv6.
"""

import errno
import re
import socket

import pytest

from lib.instance import BUILD
from lib.traffic import can_ping, iperf3, ping, tcpdump, wait_ping
from lib.wait import wait_until
from lib.world import (INTERNET4, INTERNET6, NEAR4, NEAR6, SEEN4, SEEN6, UPLINKS, World,
                       connect, echo_udp, told)

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])


@pytest.fixture(scope="module")
def world(lab, tmp_path_factory):
    made = World(lab, "nat", "--nat-ipv6")
    made.dumps = [(made.lab.workdir / f"{dev}.pcap",
                   tcpdump(made.lan, dev, made.lab.workdir / f"{dev}.pcap",
                           "net 10.41.0.0/16 or net fd41::/16"))
                  for dev in ("eth0", "eth1")]
    for guests in made.guests.values():
        wait_ping(guests[0], INTERNET4)
        wait_ping(guests[0], INTERNET6)
    return made


@EACH
def test_ping_reaches_the_internet(world, k):
    for guest in world.guests[k]:
        for addr in (INTERNET4, INTERNET6):
            ping(guest, addr)
        ping(guest, INTERNET4, size=1472, more=["-M", "do"])
        ping(guest, INTERNET6, size=1452)


@EACH
def test_tcp_and_udp_pass_both_ways(world, k):
    guest = world.guests[k][1]
    for addr, more in ((INTERNET4, []), (INTERNET4, ["-R"]), (INTERNET6, ["-6"]),
                       (INTERNET6, ["-6", "-R"])):
        iperf3(guest, world.lan, addr, *more, size="8M")
    for addr in (NEAR4[k], NEAR6[k], INTERNET4, INTERNET6):
        echo_udp(guest, world.lan, addr)


@EACH
def test_the_server_sees_the_uplinks_address(world, k):
    guest = world.guests[k][0]
    assert connect(guest, world.lan, INTERNET4, 8000)[0][0] == SEEN4[k]
    assert connect(guest, world.lan, INTERNET6, 8000)[0][0] == SEEN6[k]


@pytest.mark.parametrize("k", (1, 2), ids=["host", "netdev"])
def test_captures_of_both_sides_show_the_translation(world, k):
    guest = world.guests[k][0]
    readers = {name: world.host.start(*world.saklar.cmd("capture", name, "-c", "2", "icmp"))
               for name in (f"g{k}", f"up-n{k}")}

    def both_have_seen_one():
        guest.run("ping", "-n", "-c", "1", "-W", "1", INTERNET4)
        return not any(reader.is_running for reader in readers.values())

    wait_until(both_have_seen_one, 10, "both captures have two packets")
    seen = {name: reader.output() for name, reader in readers.items()}
    assert re.search(rf"g{k} +in .* 10\.41\.{k}\.11 > {INTERNET4}: ICMP echo req", seen[f"g{k}"])
    outside = seen[f"up-n{k}"]
    assert re.search(rf"up-n{k} +out .* > {INTERNET4}: ICMP echo req", outside), outside
    assert re.search(rf"up-n{k} +in .* {INTERNET4} > [0-9.]+: ICMP echo reply", outside), outside
    assert "10.41." not in outside
    assert k == 1 or SEEN4[k] in outside


@EACH
def test_privileged_source_ports_are_not_kept(world, k):
    guest = world.guests[k][0]
    with world.lan.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            guest.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(("", 7000))
        server.settimeout(5)
        client.bind(("", 123))
        client.sendto(b"x", (INTERNET4, 7000))
        assert server.recvfrom(16)[1][1] >= 1024


@EACH
def test_the_lan_does_not_reach_guests(world, k):
    world.lan_routes_to_guests("replace")
    try:
        done = world.lan.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", f"10.41.{k}.11",
                             check=False)
        assert " 0 received" in done.stdout, done.stdout
        assert "Unreachable" in done.stdout or "filtered" in done.stdout, done.stdout
        assert not can_ping(world.lan, f"fd41:{k}::11")
        for addr in (f"10.41.{k}.11", f"fd41:{k}::11"):  # in the form of libvirt: port unreachable
            assert told(world.lan, addr, 9999) == errno.ECONNREFUSED
            with pytest.raises(ConnectionRefusedError):
                connect(world.lan, world.guests[k][0], addr, 9999)
    finally:
        world.lan_routes_to_guests("del")


def test_guests_of_other_networks_are_refused(world):
    world.lab.network("iso", "--subnet", "10.41.9.0/24", mode="isolated")
    lonely = world.lab.guest("lonely", "iso", "netdev", addr=["10.41.9.11/24"])
    wait_ping(lonely, "10.41.9.1")
    for k in UPLINKS:
        guest = world.guests[k][0]
        for addr in ["10.41.9.11", "10.41.9.1"] + [f"10.41.{o}.11" for o in UPLINKS if o != k]:
            done = guest.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "1", addr, check=False)
            assert " 0 received" in done.stdout, done.stdout
            assert "Unreachable" in done.stdout, done.stdout
    assert not can_ping(lonely, INTERNET4)


@EACH
def test_a_forward_leads_in_and_hairpins(world, k):
    guest, other = world.guests[k]
    world.saklar("forward", "add", f"n{k}", "tcp", 8080 + k, f"10.41.{k}.11:80")
    world.saklar("forward", "add", f"n{k}", "tcp", 8090 + k, f"[fd41:{k}::11]:80")
    seen, _ = connect(world.lan, guest, SEEN4[k], 8080 + k, 80)
    assert seen[0].startswith("192.168.")
    connect(world.lan, guest, SEEN6[k], 8090 + k, 80)
    connect(other, guest, SEEN4[k], 8080 + k, 80)
    connect(other, guest, SEEN6[k], 8090 + k, 80)
    if k == 1:
        connect(world.host, guest, SEEN4[k], 8080 + k, 80)
    world.saklar("forward", "del", f"n{k}", "tcp", 8080 + k)
    with pytest.raises(OSError):
        connect(world.lan, guest, SEEN4[k], 8080 + k, 80, timeout=1)


def test_a_port_that_the_host_uses_is_refused(world):
    with world.host.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("", 8900))
        taken.listen()
        text = world.saklar.refused("forward", "add", "n1", "tcp", 8900, "10.41.1.11")
        assert "taken by a program" in text


def test_the_host_is_reached_by_its_own_addresses(world):
    seen, _ = connect(world.guests[1][0], world.host, "192.168.50.1", 7777)
    assert seen[0] == "10.41.1.11"


def test_host_and_guests_reach_each_other_but_not_by_the_address_on_the_hosts_device(world):
    """What a device sends it does not receive: host and router meet on the leg, not on lan0."""
    guest = world.guests[2][0]
    seen, _ = connect(guest, world.host, "192.168.50.1", 7778)
    assert seen[0] == "10.41.2.11"
    connect(world.host, guest, "10.41.2.11", 7779)
    world.saklar("forward", "add", "n2", "tcp", 8500, "10.41.2.11:80")
    connect(world.lan, guest, SEEN4[2], 8500, 80)
    with pytest.raises(OSError):
        connect(world.host, guest, SEEN4[2], 8500, 80, timeout=2)
    world.saklar("forward", "del", "n2", "tcp", 8500)


def test_two_networks_lead_out_by_one_device(world):
    """Each with a MAC and an address of its own; one goes, the other does not notice."""
    lab = world.lab
    lab.network("twin", "--subnet", "10.41.8.0/24", "--uplink", "lan0", "--uplink-address",
                "192.168.50.78/24", "--uplink-gateway", "192.168.50.2", mode="nat")
    guest = lab.guest("twin1", "twin", "netdev", addr=["10.41.8.11/24"])
    guest.ip("route", "add", "default", "via", "10.41.8.1")
    wait_ping(guest, INTERNET4)
    for _ in range(3):
        assert connect(guest, world.lan, INTERNET4, 8001)[0][0] == "192.168.50.78"
        assert connect(world.guests[2][0], world.lan, INTERNET4, 8001)[0][0] == SEEN4[2]
    iperf3(guest, world.lan, INTERNET4, size="8M")
    assert not can_ping(guest, SEEN4[2])  # as the host: not over the device
    world.saklar("vif", "del", "twin1")
    world.saklar("network", "del", "twin")
    ping(world.guests[2][0], INTERNET4)


def test_traffic_flows_again_after_the_ruleset_was_flushed(world):
    world.host.run("nft", "flush", "ruleset")
    wait_until(lambda: "masquerade" in world.host.out("nft", "list", "ruleset"), 5)
    wait_ping(world.guests[1][0], INTERNET4)


FOREIGN = """table ip filter {
    chain FORWARD {
        type filter hook forward priority 0; policy drop;
        jump DOCKER-USER
    }
    chain DOCKER-USER {
    }
}
"""


def test_status_names_a_foreign_chain_that_drops_ours_and_the_cure_cures(world):
    def problems():
        return [p for p in world.saklar.json("status")["problems"] if p["object"] == "network n1"]

    world.host.run("nft", "-f", "-", stdin=FOREIGN)
    found = wait_until(problems, 5, "the problem is named")
    assert "chain FORWARD of the nftables table ip filter" in found[0]["text"]
    assert found[0]["cure"] == ("iptables -I DOCKER-USER -i up-n1 -j ACCEPT; "
                                "iptables -I DOCKER-USER -o up-n1 -j ACCEPT")
    assert "refuses what is forwarded from up-n1 (policy drop)" in found[0]["text"]
    assert not can_ping(world.guests[1][0], INTERNET4)
    ping(world.guests[2][0], INTERNET4)  # a device as uplink does not care
    for direction in ("iifname", "oifname"):
        world.host.run("nft", "insert", "rule", "ip", "filter", "DOCKER-USER", direction, "up-n1",
                       "accept")
        if direction == "iifname":
            assert "refuses what goes out by up-n1 (policy drop)" in problems()[0]["text"]
    wait_until(lambda: not problems(), 5, "the problem is gone")
    ping(world.guests[1][0], INTERNET4)
    world.host.run("nft", "delete", "table", "ip", "filter")


def test_status_names_a_foreign_chain_that_keeps_guests_from_the_host(world):
    def problems():
        return [p for p in world.saklar.json("status")["problems"] if p["object"] == "network n1"]

    world.host.run("nft", "-f", "-", stdin="table inet fw { chain in { type filter hook input "
                   "priority 0; policy drop; tcp dport 22 accept\n }\n}")
    found = wait_until(problems, 5, "the problem is named")
    assert "refuses what comes in from n1 (policy drop)" in found[0]["text"]
    assert not can_ping(world.guests[1][0], "10.41.1.1")
    world.host.run("sh", "-c", found[0]["cure"].split(" (")[0])
    ping(world.guests[1][0], "10.41.1.1")
    assert not problems()
    world.host.run("nft", "delete", "table", "inet", "fw")


@EACH
def test_connections_and_neighbours_are_listed(world, k):
    guest = world.guests[k][0]
    ping(guest, INTERNET4)
    rows = world.saklar.json("connection", "list", "--network", f"n{k}")
    assert any(r["proto"] == "icmp" and r["original"]["source"] == f"10.41.{k}.11"
               and r["nat"] == "source" for r in rows), rows
    sides = {r["side"] for r in world.saklar.json("neighbour", "list", "--network", f"n{k}")}
    assert sides == {"guests", "uplink"}


def test_connections_outlive_the_engine(world):
    """The same translated port outside, and no reset."""
    for k in UPLINKS:
        guest = world.guests[k][0]
        with world.lan.socket(socket.AF_INET, socket.SOCK_STREAM) as listener, \
                guest.socket(socket.AF_INET, socket.SOCK_STREAM) as out:
            listener.bind(("", 8100 + k))
            listener.listen()
            listener.settimeout(5)
            out.settimeout(10)
            out.connect((INTERNET4, 8100 + k))
            conn, _ = listener.accept()
            conn.settimeout(10)
            old = world.saklar.kill_engine()
            world.saklar.wait_engine(other_than=old)
            out.sendall(b"still there")
            assert conn.recv(16) == b"still there"
            conn.close()


def test_the_daemon_takes_over_and_traffic_goes_on(world):
    addresses = world.host.out("ip", "-br", "addr", "show", "dev", "up-n1")
    world.saklar.kill_daemon()
    assert can_ping(world.guests[1][0], INTERNET4)
    world.saklar.start()
    for k in UPLINKS:
        ping(world.guests[k][0], INTERNET4)
    assert world.host.out("ip", "-br", "addr", "show", "dev", "up-n1") == addresses


def test_no_guest_address_was_seen_outside(world):
    for path, program in world.dumps:
        program.stop()
        text = world.lan.out("tcpdump", "-n", "-r", str(path))
        # What the LAN itself sent to guests, and what it was told about that, is its own.
        seen = [line for line in text.splitlines()
                if "10.41." in line.split(" > ")[0] or "fd41:" in line.split(" > ")[0]]
        assert not seen, seen[:10]


def test_the_host_is_as_before_when_the_networks_are_gone(world):
    for k in UPLINKS:
        for row in world.saklar.json("forward", "list", "--network", f"n{k}"):
            world.saklar("forward", "del", f"n{k}", row["proto"], row["port"])
        for name in ("g", "h"):
            world.saklar("vif", "del", f"{name}{k}")
        world.saklar("network", "del", f"n{k}")
    assert world.host.sysctl("net.ipv4.ip_forward") == "0"
    assert world.host.sysctl("net.ipv6.conf.all.forwarding") == "0"
    assert not world.host.has_link("up-n1")
    assert "masquerade" not in world.host.out("nft", "list", "ruleset")
    ping(world.lan, "192.168.50.1")


def test_stopping_all_puts_the_host_back(make_lab):
    lab = make_lab(name="other")
    for k, mode in ((1, "nat"), (2, "routed")):
        lab.network(f"n{k}", "--subnet", f"10.41.{k}.0/24", "--subnet", f"fd41:{k}::/64", mode=mode)
    assert lab.host.sysctl("net.ipv4.ip_forward") == "1"
    assert "4900:" in lab.host.out("ip", "rule")
    lab.host.run(BUILD / "saklard", "--stop", "--run-dir", lab.saklar.run_dir, "--state-dir",
                 lab.saklar.state_dir)
    lab.saklar.daemon.wait(10)
    assert lab.host.sysctl("net.ipv4.ip_forward") == "0"
    assert lab.host.sysctl("net.ipv6.conf.all.forwarding") == "0"
    assert "4900:" not in lab.host.out("ip", "rule")
    assert "4900:" not in lab.host.out("ip", "-6", "rule")
    assert not lab.host.has_link("up-n1")
    assert lab.host.out("nft", "list", "ruleset").strip() == ""

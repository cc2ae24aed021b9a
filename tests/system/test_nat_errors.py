# SPDX-License-Identifier: Apache-2.0
"""Errors about translated packets reach the socket they are meant for, and tell nobody too much.

The topology is drawn in lib/world.py; all networks are of mode nat with --nat-ipv6.
"""

import errno
import signal
import socket

import pytest

from lib.pcapng import read_pcap
from lib.traffic import tcpdump, wait_ping
from lib.world import INTERNET4, INTERNET6, SEEN4, SEEN6, UPLINKS, World, guest_leaks, sock, told

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])
FAMILY = pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])
CLOSED = 9999


@pytest.fixture(scope="module")
def world(lab):
    made = World(lab, "nat", "--nat-ipv6")
    made.dumps = [(made.lab.workdir / f"{dev}.pcap",
                   tcpdump(made.lan, dev, made.lab.workdir / f"{dev}.pcap", "-s", 1600))
                  for dev in ("eth0", "eth1")]
    for guests in made.guests.values():
        for guest in guests:
            wait_ping(guest, INTERNET4)
            wait_ping(guest, INTERNET6)
    return made


def internet(v6):
    return INTERNET6 if v6 else INTERNET4


def inside(k, last, v6):
    return f"fd41:{k}::{last}" if v6 else f"10.41.{k}.{last}"


@pytest.fixture
def udp_forward(world, k, v6):
    """A UDP port of the uplink's address that leads to a port of the first guest."""
    port = 5300 + k + 10 * v6
    target = f"[{inside(k, 11, v6)}]:{CLOSED}" if v6 else f"{inside(k, 11, v6)}:{CLOSED}"
    world.saklar("forward", "add", f"n{k}", "udp", port, target)
    yield (SEEN6 if v6 else SEEN4)[k], port
    world.saklar("forward", "del", f"n{k}", "udp", port)


@EACH
@FAMILY
def test_a_closed_port_outside_refuses_the_guests_socket(world, k, v6):
    for guest in world.guests[k]:
        assert told(guest, internet(v6), CLOSED) == errno.ECONNREFUSED
        with sock(guest, socket.SOCK_STREAM, v6) as s, pytest.raises(ConnectionRefusedError):
            s.connect((internet(v6), CLOSED))


@EACH
def test_an_unreachable_host_outside_is_told(world, k):
    """By whoever routes last: the engine where the LAN is its own, the host or the LAN else."""
    lan = 60 if k == 3 else 50
    guest = world.guests[k][0]
    with sock(guest, socket.SOCK_STREAM, False) as s, pytest.raises(OSError) as refused:
        s.connect((f"192.168.{lan}.200", CLOSED))
    assert refused.value.errno == errno.EHOSTUNREACH
    world.lan.ip("route", "add", "unreachable", "198.51.100.0/24")
    world.lan.sysctl("net.ipv4.ip_forward", 1)
    try:
        assert told(guest, "198.51.100.1", CLOSED) == errno.EHOSTUNREACH
    finally:
        world.lan.sysctl("net.ipv4.ip_forward", 0)
        world.lan.ip("route", "del", "unreachable", "198.51.100.0/24")


@EACH
@FAMILY
def test_udp_forwards_lead_in_and_hairpin(world, k, v6, udp_forward):
    guest, other = world.guests[k]
    with sock(guest, socket.SOCK_DGRAM, v6) as server:
        server.bind(("", CLOSED))
        for ns in (world.lan, other):
            with sock(ns, socket.SOCK_DGRAM, v6) as client:
                client.connect(udp_forward)
                client.send(b"ask")
                text, peer = server.recvfrom(16)
                server.sendto(text + b"ed", peer)
                assert client.recv(16) == b"asked"


@EACH
@FAMILY
def test_a_closed_port_behind_a_forward_refuses_who_asked(world, k, v6, udp_forward):
    guest, other = world.guests[k]
    for ns in (world.lan, other):
        assert told(ns, *udp_forward) == errno.ECONNREFUSED


@EACH
@FAMILY
def test_a_port_is_open_for_who_was_asked_only(world, k, v6):
    """What comes to a translated port from elsewhere is no part of its connection."""
    guest = world.guests[k][0]
    with sock(world.lan, socket.SOCK_DGRAM, v6) as server, \
            sock(world.lan, socket.SOCK_DGRAM, v6) as stranger, \
            sock(guest, socket.SOCK_DGRAM, v6) as client:
        server.bind((internet(v6), 7100))
        stranger.bind((internet(v6), 7101))
        client.sendto(b"ask", (internet(v6), 7100))
        _, seen = server.recvfrom(16)
        stranger.sendto(b"guess", seen)
        server.sendto(b"answer", seen)
        assert client.recvfrom(16)[0] == b"answer"
        with pytest.raises(ConnectionRefusedError):
            stranger.connect(seen)
            stranger.send(b"guess")
            stranger.recv(16)


@EACH
@FAMILY
def test_nat_to_isolated_is_refused_both_ways(world, k, v6):
    iso = [n for n in world.saklar.json("network", "list") if n["name"] == "iso"]
    if not iso:
        world.lab.network("iso", "--subnet", "10.49.9.0/24", "--subnet", "fd49:9::/64",
                          mode="isolated")
        lonely = world.lab.guest("lonely", "iso", "netdev", addr=["10.49.9.11/24"])
        lonely.ip("addr", "add", "fd49:9::11/64", "dev", "eth0", "nodad")
        lonely.ip("route", "add", "default", "via", "10.49.9.1")
        lonely.ip("-6", "route", "add", "default", "via", "fd49:9::1")
        wait_ping(lonely, "10.49.9.1")
        wait_ping(lonely, "fd49:9::1")
    lonely = world.host.guests["lonely"]
    guest = world.guests[k][0]
    for addr in ("fd49:9::11", "fd49:9::1") if v6 else ("10.49.9.11", "10.49.9.1"):
        assert told(guest, addr, CLOSED) == errno.ECONNREFUSED
    for addr in (inside(k, 11, v6), inside(k, 1, v6), internet(v6)):
        with sock(lonely, socket.SOCK_STREAM, v6) as s, pytest.raises(OSError) as refused:
            s.connect((addr, CLOSED))
        assert refused.value.errno in (errno.EHOSTUNREACH, errno.EACCES, errno.ECONNREFUSED,
                                       errno.ENETUNREACH)


def test_no_guest_address_was_seen_outside_nor_quoted(world):
    for path, program in world.dumps:
        program.stop(signal.SIGINT)
        frames = [p.frame for p in read_pcap(path.read_bytes())]
        assert len(frames) > 20
        leaks = guest_leaks(frames)
        assert not leaks, [f.hex() for f in leaks[:5]]

# SPDX-License-Identifier: Apache-2.0
"""A network's MTU is larger than its uplink's: who sends too much is told the MTU, TCP adapts at once.

The topology is drawn in lib/world.py; lan0, wan0 and their ends in the LAN have the smaller MTU, and
far (lib/path.py) has at least the network's, so that no end of a TCP connection can know the step
from its own device.  Super-frames cross the engine whole, the step included.
"""

import errno
import socket

import pytest

from lib.path import FAR4, FAR6, make_path
from lib.traffic import iperf3, wait_ping
from lib.wait import wait_until
from lib.world import UPLINKS, World, sock

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])
FAMILY = pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])
# (MTU of the networks, MTU of the uplinks)
STEPS = [(1500, 1400), (1500, 1280), (9000, 1500)]
IP_MTU_DISCOVER, IP_MTU, IPV6_MTU_DISCOVER, IPV6_MTU = 10, 14, 23, 24
PMTUDISC_DO = 2
UDP_SEGMENT = 103


def narrow(mtu):
    """For World: give the devices that lead out this MTU before networks use them."""
    def change(host):
        for dev in ("lan0", "wan0"):
            host.ip("link", "set", dev, "mtu", str(mtu))
        for dev in ("eth0", "eth1"):
            host.guests["lan"].ip("link", "set", dev, "mtu", str(mtu))
    return change


@pytest.fixture(scope="module", params=STEPS, ids=lambda p: f"{p[0]}-{p[1]}")
def world(request, make_lab):
    inside, outside = request.param
    made = World(make_lab(name=f"m{outside}"), "nat", "--nat-ipv6", "--mtu", str(inside),
                 before=narrow(outside))
    made.inside, made.outside = inside, outside
    made.far = make_path(made, step=9000, far_mtu=9000)
    for k in UPLINKS:
        for guest, vif in zip(made.guests[k], (f"g{k}", f"h{k}")):
            if guest.link("eth0")["mtu"] != inside:  # a veth's is the host's business
                made.host.ip("link", "set", vif, "mtu", str(inside))
                guest.ip("link", "set", "eth0", "mtu", str(inside))
                wait_until(lambda v=vif: made.saklar.vif(v)["mtu"] == inside, 5, "the vif follows")
            wait_ping(guest, FAR4)
            wait_ping(guest, FAR6)
    return made


def far(v6):
    return FAR6 if v6 else FAR4


def forget_path(*namespaces):
    for ns in namespaces:
        ns.ip("route", "flush", "cache")
        ns.ip("-6", "route", "flush", "cache")


def counters(world, vif, k):
    """(packets, bytes) received from and sent to the guest, and sent to and received from outside."""
    guest = world.saklar.vif(vif)
    out = world.saklar.vif("wan") if k == 3 else world.saklar.network(f"n{k}")["uplink_port"]
    return {(side, key): port[key] for side, port in (("guest", guest), ("out", out))
            for key in ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes")}


def bulk(world, k, vif, guest, *args):
    before = counters(world, vif, k)
    iperf3(guest, world.far, *args, size="24M")
    after = counters(world, vif, k)
    return {key: after[key] - before[key] for key in after}


@EACH
@FAMILY
def test_tcp_passes_both_ways_in_whole_super_frames(world, k, v6):
    for vif, guest in zip((f"g{k}", f"h{k}"), world.guests[k]):
        forget_path(guest, world.far, world.lan, world.host)
        more = ["-6"] if v6 else []
        up = bulk(world, k, vif, guest, far(v6), *more)
        assert f"mtu {world.outside}" in guest.out("ip", "route", "get", far(v6))
        assert up["out", "tx_packets"] <= 1.05 * up["guest", "rx_packets"], up
        assert up["guest", "rx_bytes"] / up["guest", "rx_packets"] > 8 * 1024, up
        down = bulk(world, k, vif, guest, far(v6), "-R", *more)
        assert down["guest", "tx_packets"] <= 1.05 * down["out", "rx_packets"], down
        assert down["out", "rx_bytes"] / down["out", "rx_packets"] > 8 * 1024, down


def discovering(guest, v6):
    """A UDP socket that never fragments."""
    s = sock(guest, socket.SOCK_DGRAM, v6)
    if v6:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
    else:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
    s.connect((far(v6), 7600))
    return s


def known_mtu(s, v6):
    return s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU) if v6 else \
        s.getsockopt(socket.IPPROTO_IP, IP_MTU)


@EACH
@FAMILY
@pytest.mark.parametrize("segments", [1, 4], ids=["plain", "gso"])
def test_udp_is_told_the_mtu_of_the_uplink(world, k, v6, segments):
    """Also where many datagrams leave the guest as one frame: headers and one segment count."""
    headers = 48 if v6 else 28
    for guest in world.guests[k]:
        forget_path(guest, world.host)
        with discovering(guest, v6) as s, sock(world.far, socket.SOCK_DGRAM, v6) as server:
            server.bind((far(v6), 7600))
            assert known_mtu(s, v6) == world.inside
            size = world.outside - headers + 1
            if segments > 1:
                s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
            s.send(bytes(size * segments))
            wait_until(lambda s=s: known_mtu(s, v6) == world.outside, 5,
                       lambda s=s: f"the socket knows {known_mtu(s, v6)}")
            assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EMSGSIZE
            with pytest.raises(OSError) as too_long:
                s.send(bytes(size * segments))
            assert too_long.value.errno in (errno.EMSGSIZE, errno.EINVAL)
            if segments > 1:
                s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size - 1)
            s.send(b"\x01" * ((size - 1) * segments))
            for _ in range(segments):
                assert server.recv(65536) == b"\x01" * (size - 1)


def test_the_mtu_of_an_uplink_is_followed_live(world):
    """It shrinks under a running connection by a device's change alone."""
    for dev in ("lan0", "wan0"):
        world.host.ip("link", "set", dev, "mtu", "1300")
    for dev in ("eth0", "eth1"):
        world.lan.ip("link", "set", dev, "mtu", "1300")
    wait_until(lambda: world.saklar.vif("wan")["mtu"] == 1300, 5, "the vif follows")
    for k in UPLINKS:
        guest = world.guests[k][0]
        forget_path(guest, world.host)
        with discovering(guest, False) as s:
            s.send(bytes(1300 - 28 + 1))
            wait_until(lambda s=s: known_mtu(s, False) == 1300, 5,
                       lambda s=s: f"the socket knows {known_mtu(s, False)}")

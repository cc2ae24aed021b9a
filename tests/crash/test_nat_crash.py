# SPDX-License-Identifier: Apache-2.0
"""The engine killed at random moments under translated connections: outside, nothing changes.

The topology is drawn in tests/system/lib/world.py; all networks are of mode nat with --nat-ipv6.
A guest has one bulk TCP stream with known bytes, 1,000 datagrams a second and 50 idle connections
(IPv4 and IPv6) to the internet, all of them through the NAT of its network.
"""

import ipaddress
import signal

import pytest

from lib.load import BULK_PORT, IDLE, IDLE_PORT, KILLS, UDP_PORT, Load, pause, seed
from lib.pcapng import read_pcap
from lib.traffic import tcpdump, wait_ping

from lib.world import INTERNET4, INTERNET6, OUTSIDE, SEEN4, SEEN6, UPLINKS, World

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])
RESET = "(ip and tcp[tcpflags] & tcp-rst != 0) or (ip6 and ip6[6] = 6 and ip6[53] & 4 != 0)"
# Acknowledgements of the bulk stream are not worth their bytes.
TO_SERVERS = f"dst port {UDP_PORT} or dst port {IDLE_PORT} or (ip and dst port {BULK_PORT} and " \
    "tcp[tcpflags] & tcp-push != 0)"


@pytest.fixture(scope="module")
def world(lab):
    return World(lab, "nat", "--nat-ipv6")


class Watch:
    """tcpdump on a device of a namespace."""

    def __init__(self, ns, dev, path, expr, snaplen=96):
        self.path = path
        self.program = tcpdump(ns, dev, path, "-s", snaplen, expr)

    def end(self):
        self.program.stop(signal.SIGINT)
        return [p.frame for p in read_pcap(self.path.read_bytes())]


def sender(frame):
    """(server's port, (address, port) it comes from) of a captured frame."""
    is_v4 = frame[12:14] == b"\x08\x00"
    l4 = 14 + (frame[14] & 15) * 4 if is_v4 else 54
    src = ipaddress.ip_address(frame[26:30] if is_v4 else frame[22:38])
    return (int.from_bytes(frame[l4 + 2:l4 + 4], "big"),
            (str(src), int.from_bytes(frame[l4:l4 + 2], "big")))


def translations(world, k):
    """(protocol, source) as the guest wrote it -> as it is outside, of what goes to the servers."""
    return {(r["proto"], r["original"]["source"], r["original"]["source_port"]):
            (r["reply"]["destination"], r["reply"]["destination_port"])
            for r in world.saklar.json("connection", "list", "--network", f"n{k}")
            if r["original"]["destination_port"] in (BULK_PORT, UDP_PORT, IDLE_PORT)}


@EACH
def test_twenty_kills_change_no_translation_and_reset_nothing(world, k):
    guest = world.guests[k][1]
    rng, value = seed()
    wait_ping(guest, INTERNET4)
    wait_ping(guest, INTERNET6)
    with Load(guest, world.lan, INTERNET4, value, more=[INTERNET6]) as load:
        before = translations(world, k)
        outside = Watch(world.lan, OUTSIDE[k], world.lab.workdir / f"{k}.outside.pcap", TO_SERVERS)
        resets = [Watch(ns, dev, world.lab.workdir / f"{k}.{ns.name}.pcap", RESET)
                  for ns, dev in ((world.lan, OUTSIDE[k]), (guest, "eth0"))]
        for _ in range(KILLS):
            pause(rng, 0.05, 0.5)
            load.kill_engine(world.saklar)
        assert translations(world, k) == before and len(before) == IDLE + 2
        # Each kill may take the burst that the engine has in its hands, as on a bridge; what came
        # meanwhile waits in the sockets and needs no ARP.  Into a transit tap all of that goes at
        # once, and the host's backlog may lose some.
        peers = load.finish(lost_max=KILLS * (5 if UPLINKS[k] == "host" else 1), kills=KILLS,
                            uplink=UPLINKS[k])
        for watch in resets:
            assert watch.end() == []
        seen = {}
        for port, source in map(sender, outside.end()):
            seen.setdefault(port, set()).add(source)
    # What the servers were told at first is what is on the wire after the last kill.
    assert seen == peers
    assert [len(peers[port]) for port in (BULK_PORT, UDP_PORT, IDLE_PORT)] == [1, 1, IDLE]
    assert {addr for of in peers.values() for addr, _ in of} == {SEEN4[k], SEEN6[k]}
    assert all(port >= 1024 for of in peers.values() for _, port in of)

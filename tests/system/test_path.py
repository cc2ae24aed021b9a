# SPDX-License-Identifier: Apache-2.0
"""Who looks at the path finds Saklar's router in it, and the MTU of the narrowest link behind it.

The topology is drawn in lib/world.py and, behind the LAN, in lib/path.py; networks n1, n2 and n3
are of mode nat (with --nat-ipv6), routed, or open.
"""

import re
import signal

import pytest

from lib.path import FAR4, FAR6, make_path
from lib.pcapng import read_pcap
from lib.traffic import iperf3, tcpdump, wait_ping
from lib.world import UPLINKS, World, guest_leaks

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])
FAMILY = pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])


@pytest.fixture(scope="module", params=["nat", "routed", "open"])
def world(request, make_lab):
    mode = request.param
    made = World(make_lab(name=mode), mode, *(["--nat-ipv6"] if mode == "nat" else []))
    made.mode = mode
    if mode != "nat":
        made.lan_routes_to_guests()
    made.far = make_path(made)
    made.dumps = [(made.lab.workdir / f"{dev}.pcap",
                   tcpdump(made.lan, dev, made.lab.workdir / f"{dev}.pcap", "-s", 1600))
                  for dev in ("eth0", "eth1")] if mode == "nat" else []
    for guests in made.guests.values():
        wait_ping(guests[0], FAR4)
        wait_ping(guests[0], FAR6)
    return made


def far(v6):
    return FAR6 if v6 else FAR4


def gateway(k, v6):
    return f"fd41:{k}::1" if v6 else f"10.41.{k}.1"


def forget_path(guest):
    guest.ip("route", "flush", "cache")
    guest.ip("-6", "route", "flush", "cache")


def hops(text):
    """Number of the hop -> addresses that answered for it."""
    found = {}
    for number, addr in re.findall(r"^ *(\d+): +(\S+)", text, re.M) \
            or re.findall(r"^ *(\d+)  (\S+)", text, re.M):
        found.setdefault(int(number), set()).add(addr)
    return found


def lan_router(k, v6):
    net = 60 if k == 3 else 50
    return f"fd{net}::2" if v6 else f"192.168.{net}.2"


@EACH
@FAMILY
@pytest.mark.parametrize("kind", ["-U", "-I", "-T"])
def test_traceroute_shows_every_router(world, k, v6, kind):
    """Ours first, with the gateway's address; by UDP, echo and TCP."""
    guest = world.guests[k][1]
    out = guest.out("traceroute", "-6" if v6 else "-4", "-n", "-q", "1", "-w", "5", "-m", "8",
                    kind, far(v6))
    found = hops(out)
    assert found[1] == {gateway(k, v6)}, out
    at = 3 if k == 1 else 2  # the host is a router of its own
    assert found[at] == {lan_router(k, v6)}, out
    assert found[at + 1] == {"2001:db8:1::2" if v6 else "198.51.100.2"}, out
    assert found[max(found)] == {far(v6)} and max(found) == at + 2, out


@EACH
@FAMILY
def test_tracepath_finds_the_mtu_behind_the_lan(world, k, v6):
    for guest in world.guests[k]:
        forget_path(guest)
        out = guest.out("tracepath", "-6" if v6 else "-4", "-n", "-m", "10", far(v6), timeout=60)
        assert hops(out)[1] == {gateway(k, v6)}, out
        assert "pmtu 1300" in out.splitlines()[-1], out
        last = [line for line in out.splitlines() if "reached" in line]
        assert len(last) == 1 and far(v6) in last[0], out


@EACH
@FAMILY
def test_tcp_finds_the_mtu_behind_the_lan(world, k, v6):
    for guest in world.guests[k]:
        forget_path(guest)
        more = ["-6"] if v6 else []
        iperf3(guest, world.far, far(v6), *more, size="4M")
        route = guest.out("ip", "route", "get", far(v6))
        assert "mtu 1300" in route, route
        iperf3(guest, world.far, far(v6), "-R", *more, size="4M")


def test_the_path_was_walked_without_showing_guests(world):
    for path, program in world.dumps:
        program.stop(signal.SIGINT)
        leaks = guest_leaks([p.frame for p in read_pcap(path.read_bytes())])
        assert not leaks, [f.hex() for f in leaks[:5]]

# SPDX-License-Identifier: Apache-2.0
"""Two devices that lead out of a bridge stand in for each other.

      guest --+-- network lan (bridge) --+-- up0 --+-- a Linux bridge outside, 10.65.0.1
      other --+                          +-- up1 --+
"""

import pytest
from scapy.all import Ether, Raw  # pylint: disable=no-name-in-module

from lib.traffic import wait_ping
from lib.wait import wait_until
from lib.wire import has, udp_frame, wire

BCAST = "ff:ff:ff:ff:ff:ff"
STP, LLDP = "01:80:c2:00:00:00", "01:80:c2:00:00:0e"


@pytest.fixture(scope="module", name="net")
def fixture_net(lab):
    lab.network("lan")
    outside = lab.host.guest("outside")
    outside.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    outside.ip("link", "set", "br0", "up")
    outside.ip("addr", "add", "10.65.0.1/24", "dev", "br0")
    for i in range(2):
        lab.veth(outside, f"nic{i}", dev=f"port{i}")
        outside.ip("link", "set", f"port{i}", "master", "br0", "up")
        lab.saklar("vif", "add", f"up{i}", "--network", "lan", "--type", "netdev", "--dev", f"nic{i}",
                   "--role", "uplink")
        lab.saklar.wait_vif(f"up{i}")
    guests = {name: lab.guest(name, "lan", addr=f"10.65.0.{n}/24")
              for name, n in (("guest", 11), ("other", 12))}
    wait_ping(guests["guest"], "10.65.0.1")
    return {"outside": outside, **guests}


def in_use(lab):
    """Which uplink is in use, when just one is."""
    reasons = {name: lab.saklar.vif(name)["reason"] for name in ("up0", "up1")}
    used = [name for name, why in reasons.items() if why is None]
    return used[0] if len(used) == 1 else None


def copies(frames, text):
    return sum(text in f for f in frames)


def test_what_goes_out_and_what_comes_in_is_there_once(lab, net):
    """With two ways and no spanning tree nothing goes round."""
    assert in_use(lab) == "up0"
    assert lab.saklar.vif("up1")["reason"] == "stands by for up0"
    before = lab.saklar.drops("up1", "uplink_standby")
    with wire(net["outside"], "br0") as out, wire(net["guest"], "eth0") as guest, \
            wire(net["other"], "eth0") as other:
        guest.write(udp_frame(net["guest"].mac("eth0"), BCAST, "leaving"))
        guest.write(udp_frame(net["guest"].mac("eth0"), BCAST, "left"))
        assert copies(out.read_until(has("left")), b"leaving") == 1
        out.write(udp_frame(net["outside"].mac("br0"), BCAST, "coming"))
        out.write(udp_frame(net["outside"].mac("br0"), BCAST, "came"))
        assert copies(other.read_until(has("came")), b"coming") == 1
    wait_until(lambda: lab.saklar.drops("up1", "uplink_standby") >= before + 2, 5)


def test_the_second_uplink_takes_over_within_a_second(lab, net):
    """And stays in use when the first is back."""
    for lost, other in (("port0", "up1"), ("port1", "up0")):
        ping = net["guest"].start("stdbuf", "-oL", "ping", "-i", "0.02", "10.65.0.1")
        wait_until(lambda p=ping: p.output().count("bytes from") > 20, 10)
        net["outside"].ip("link", "set", lost, "down")
        wait_until(lambda o=other: in_use(lab) == o, 5)
        seen = ping.output().count("bytes from")
        wait_until(lambda p=ping, n=seen: p.output().count("bytes from") > n + 20, 10)
        net["outside"].ip("link", "set", lost, "up")
        wait_until(lambda o=lost: lab.saklar.vif(f"up{o[-1]}")["carrier"], 5)
        assert in_use(lab) == other
        numbers = [int(line.split("icmp_seq=")[1].split()[0])
                   for line in ping.output().splitlines() if "icmp_seq=" in line]
        ping.stop()
        assert max(b - a for a, b in zip(numbers, numbers[1:])) <= 50, numbers


def test_what_guests_say_to_bridges_stays_inside(net):
    mac = net["guest"].mac("eth0")
    with wire(net["outside"], "port0") as port0, wire(net["outside"], "port1") as port1, \
            wire(net["guest"], "eth0") as guest, wire(net["other"], "eth0") as other:
        for group in (STP, LLDP):
            guest.write(bytes(Ether(src=mac, dst=group, type=0x88cc) / Raw(b"bridge talk" * 5)))
        guest.write(udp_frame(mac, BCAST, "after it"))
        assert copies(other.read_until(has("after it")), b"bridge talk") == 1  # STP's, as Linux does
        seen = port0.read_until(has("after it"))
        assert copies(seen, b"bridge talk") == 0
        port1.drain()


def test_one_that_is_set_down_or_deleted_is_not_waited_for(lab, net):
    assert in_use(lab) == "up0"
    lab.saklar("vif", "set", "up0", "--down")
    wait_until(lambda: lab.saklar.vif("up1")["reason"] is None, 5)
    wait_ping(net["guest"], "10.65.0.1", timeout=5)
    lab.saklar("vif", "set", "up0", "--up")
    lab.saklar("vif", "del", "up1")
    wait_until(lambda: lab.saklar.vif("up0")["reason"] is None, 5)
    wait_ping(net["guest"], "10.65.0.1", timeout=5)

# SPDX-License-Identifier: Apache-2.0
"""Guests that say they are others: profile tenant, listed addresses, and those that DHCP gives.

      guests good, bad (host, with MACs) --+-- network safe (tenant, 10.63.0.0/24, --dhcp)
"""

import pytest
from scapy.all import (ARP, BOOTP, DHCP, ICMP, IP, UDP, Ether,  # pylint: disable=no-name-in-module
                       ICMPv6ND_RA, IPv6, Raw)

from lib.traffic import can_ping, ping, wait_ping
from lib.wait import wait_until
from lib.wire import has, wire

BCAST = "ff:ff:ff:ff:ff:ff"


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("safe", "--subnet", "10.63.0.0/24", "--subnet", "fd63::/64", "--dhcp",
                "--profile", "tenant")
    made = {name: lab.guest(name, "safe", "host", addr=[f"10.63.0.{n}/24", f"fd63::{n}/64"])
            for name, n in (("good", 11), ("bad", 12))}
    wait_ping(made["bad"], "10.63.0.11")
    return made


def ends_before_marker(lab, guests, frames, reason):
    """None of @frames, sent by bad, reaches good; a last one that may pass does."""
    before = lab.saklar.drops("bad", reason)
    mac = guests["bad"].mac("eth0")
    with wire(guests["bad"], "eth0") as tx, wire(guests["good"], "eth0") as rx:
        for frame in frames:
            tx.write(bytes(frame / Raw(b"forged")))
        tx.write(bytes(Ether(src=mac, dst=BCAST) / IP(src="10.63.0.12", dst="10.63.0.255")
                       / UDP(sport=9, dport=9) / Raw(b"marker")))
        seen = rx.read_until(has("marker"))
    assert not [f for f in seen if b"forged" in f]
    wait_until(lambda: lab.saklar.drops("bad", reason) == before + len(frames), 5, reason)


def test_profile_tenant_lets_nobody_be_another_on_the_wire(lab, guests):
    mac, good = guests["bad"].mac("eth0"), guests["good"].mac("eth0")
    ends_before_marker(lab, guests, [Ether(src=good, dst=BCAST) / IP(src="10.63.0.12")] * 50,
                       "guard_mac")
    ends_before_marker(lab, guests, [Ether(src=mac, dst=BCAST)
                                     / ARP(op=2, hwsrc=good, psrc="10.63.0.12")], "guard_arp")
    ends_before_marker(lab, guests, [
        Ether(src=mac, dst=BCAST) / IP(src="10.63.0.12", dst="255.255.255.255")
        / UDP(sport=67, dport=68) / BOOTP(op=2) / DHCP(options=[("message-type", "offer"), "end"]),
        Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src="fe80::1", dst="ff02::1", hlim=255)
        / ICMPv6ND_RA()], "guard_server")
    ping(guests["bad"], "10.63.0.11")
    ping(guests["bad"], "fd63::11")


def test_addresses_that_are_listed_are_the_only_ones(lab, guests):
    lab.saklar("vif", "set", "bad", "--guard", "ip=10.63.0.12 fd63::12")
    mac = guests["bad"].mac("eth0")
    ends_before_marker(lab, guests, [
        Ether(src=mac, dst=BCAST) / IP(src="10.63.0.99", dst="10.63.0.11") / ICMP()],
        "guard_ip")
    ends_before_marker(lab, guests, [
        Ether(src=mac, dst=BCAST) / ARP(op=2, hwsrc=mac, psrc="10.63.0.1")], "guard_arp")
    ping(guests["bad"], "10.63.0.11")
    ping(guests["bad"], "fd63::11")
    lab.saklar("vif", "set", "bad", "--guard", "off")
    with wire(guests["bad"], "eth0") as tx, wire(guests["good"], "eth0") as rx:
        tx.write(bytes(Ether(src="52:54:00:00:00:99", dst=BCAST) / IP(src="10.63.0.99")
                       / UDP() / Raw(b"anybody")))
        rx.read_until(has("anybody"))
    assert lab.saklar.vif("bad")["guard"] == "off"


def test_what_dhcp_gave_may_be_used_and_nothing_else(lab, guests):
    guest = lab.guest("lease", "safe", "host", args=["--guard", "dhcp"])
    guest.ip("addr", "add", "10.63.0.200/24", "dev", "eth0")
    assert not can_ping(guest, "10.63.0.11")
    guest.ip("addr", "flush", "dev", "eth0")
    guest.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1", timeout=30)
    wait_ping(guest, "10.63.0.11", timeout=5)
    ping(guest, "10.63.0.11", count=20)
    lab.saklar.kill_daemon()
    lab.saklar.start()
    wait_until(lambda: lab.saklar.vif("lease")["state"] == "up", 10)
    ping(guest, "10.63.0.11")
    assert guests["good"].mac("eth0") != guest.mac("eth0")

# SPDX-License-Identifier: Apache-2.0
"""Addresses by DHCP and names by DNS from the network's own dnsmasq.

      guests with udhcpc and dhcpcd, vifs of types host and netdev
         |
      network lan: 10.12.0.0/24, fd12::/64, --dhcp, range .100-.150, one fixed host
         | leg lan: 10.12.0.1, fd12::1, dnsmasq
      host namespace
"""

import contextlib
import signal

import pytest
from scapy.all import BOOTP, DHCP, IP, UDP, Ether  # pylint: disable=no-name-in-module

from lib.traffic import ping, wait_ping
from lib.wait import wait_until
from lib.wire import wire

FIXED_MAC = "52:54:00:12:00:77"


@pytest.fixture(scope="module")
def net(lab):
    lab.network("lan", "--subnet", "10.12.0.0/24", "--subnet", "fd12::/64", "--dhcp",
                "--dhcp-range", "10.12.0.100-10.12.0.150",
                "--dhcp-host", f"{FIXED_MAC},10.12.0.77,fixed", "--domain", "lab.test")
    return "lan"


def udhcpc(guest, dev="eth0", *more):
    """Get a lease; returns the address."""
    guest.run("udhcpc", "-i", dev, "-n", "-q", "-f", "-t", "20", "-T", "1", *more, timeout=30)
    return guest.addresses(dev)[0].split("/")[0]


@contextlib.contextmanager
def dhcpcd(guest, dev="eth0"):
    program = guest.start("dhcpcd", "-B", "-d", "--noarp", dev)
    try:
        yield program
    finally:
        program.stop(signal.SIGTERM)


def in_range(addr):
    return addr.startswith("10.12.0.") and 100 <= int(addr.rsplit(".", 1)[1]) <= 150


def dnsmasq_pid(lab, net="lan"):
    return lab.saklar.processes().get(f"dnsmasq-{net}")


@pytest.mark.parametrize("kind", ("host", "netdev", "tap"))
def test_udhcpc_gets_an_address_route_and_resolver(lab, net, kind):
    guest = lab.guest(f"u{kind}", net, kind)
    addr = udhcpc(guest)
    assert in_range(addr)
    assert "default via 10.12.0.1" in guest.out("ip", "route")
    assert "nameserver 10.12.0.1" in guest.read("/etc/resolv.conf")
    ping(guest, "10.12.0.1")


def test_dhcpcd_gets_v4_and_v6_addresses(lab, net):
    guest = lab.guest("dboth", net, "netdev")
    guest.sysctl("net.ipv6.conf.eth0.accept_dad", 0)
    with dhcpcd(guest) as program:
        wait_until(lambda: any(in_range(a.split("/")[0]) for a in guest.addresses("eth0")), 20,
                   f"v4 address: {program.output()}")
        wait_until(lambda: [a for a in guest.addresses("eth0", "inet6") if a.startswith("fd12:")],
                   25, f"v6 address: {program.output()}")
        ping(guest, "10.12.0.1")
        wait_ping(guest, "fd12::1")


def test_dhcp_host_gets_its_fixed_address_and_name(lab, net):
    guest = lab.guest("fixed", net, "host", args=["--mac", FIXED_MAC])
    assert guest.mac("eth0") == FIXED_MAC
    assert udhcpc(guest) == "10.12.0.77"


def test_dns_answers_names_of_the_network(lab, net):
    guest = lab.guest("asker", net, "netdev")
    udhcpc(guest)
    found = guest.out("busybox", "nslookup", "fixed.lab.test", "10.12.0.1")
    assert "10.12.0.77" in found


def test_two_clients_never_get_the_same_address(lab, net):
    guests = [lab.guest(f"c{i}", net, "host") for i in range(4)]
    assert len({udhcpc(g) for g in guests}) == 4


def test_answers_carry_full_checksums(lab, net):
    """Clients that read raw sockets drop answers whose UDP checksum was left to the hardware."""
    guest = lab.guest("raw", net, "netdev")
    mac = guest.mac("eth0")
    discover = (Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
                / UDP(sport=68, dport=67)
                / BOOTP(chaddr=bytes.fromhex(mac.replace(":", "")), xid=0x5a6b7c8d, flags=0x8000)
                / DHCP(options=[("message-type", "discover"), "end"]))

    def is_offer(frame):
        p = Ether(frame)
        return p.haslayer(BOOTP) and p[BOOTP].op == 2 and p[BOOTP].xid == 0x5a6b7c8d

    with wire(guest, "eth0") as w:
        w.write(discover)
        offer = Ether(w.read_until(is_offer, 10)[-1])
    got = offer[UDP].chksum
    assert got != 0
    del offer[UDP].chksum
    assert Ether(bytes(offer))[UDP].chksum == got


def test_dnsmasq_that_dies_is_started_again(lab, net):
    pid = wait_until(lambda: dnsmasq_pid(lab), 5, "dnsmasq runs")
    lab.host.kill(pid)
    wait_until(lambda: dnsmasq_pid(lab) not in (None, pid), 10, "another dnsmasq runs")
    guest = lab.guest("again", net, "host")
    assert in_range(udhcpc(guest))


def test_lease_is_kept_when_dnsmasq_daemon_and_engine_start_again(lab, net):
    guest = lab.guest("keeper", net, "host")
    first = udhcpc(guest)
    lab.saklar.kill_daemon()
    for pid in (dnsmasq_pid(lab), lab.saklar.engine_pid()):
        lab.host.kill(pid)
    lab.saklar.start()
    lab.saklar.wait_vif("keeper")
    wait_until(lambda: dnsmasq_pid(lab), 5, "dnsmasq runs")
    guest.ip("addr", "flush", "dev", "eth0")
    assert udhcpc(guest) == first


def test_new_daemon_adopts_the_running_dnsmasq(lab, net):
    pid = wait_until(lambda: dnsmasq_pid(lab), 5)
    lab.saklar.kill_daemon()
    assert dnsmasq_pid(lab) == pid, "dnsmasq lives on without the daemon"
    lab.saklar.start()
    assert dnsmasq_pid(lab) == pid, "the new daemon keeps it"
    lab.host.kill(pid)
    wait_until(lambda: dnsmasq_pid(lab) not in (None, pid), 10, "and watches it")


def test_resolver_of_the_host_is_untouched_and_port_53_free_elsewhere(lab, net):
    """Our dnsmasq listens on the leg's addresses only."""
    listeners = lab.host.out("ss", "-lnuptH")
    for line in listeners.splitlines():
        local = line.split()[4]
        if local.rsplit(":", 1)[1] in ("53", "67", "547"):
            assert "dnsmasq" in line
            assert not local.startswith(("0.0.0.0:53", "*:53", "[::]:53", "127.")), line


def test_network_del_ends_its_dnsmasq(lab):
    lab.network("gone", "--subnet", "10.13.0.0/24", "--dhcp")
    pid = wait_until(lambda: dnsmasq_pid(lab, "gone"), 5)
    lab.saklar("network", "del", "gone")
    wait_until(lambda: not lab.host.pid_alive(pid), 5, "dnsmasq ended")
    assert not lab.host.has_link("gone")

# SPDX-License-Identifier: Apache-2.0
"""Real guests in QEMU: DHCP, traffic between them and through NAT, reboots and crashes.

      QEMU a --fd-- tap a --+-- network net, mode nat, 10.62.0.0/24, uplink host
      QEMU b --fd-- tap b --+        |
                            host namespace, lan0 192.168.50.1
                                     |
                            lan namespace: 192.168.50.2, 203.0.113.9 (the internet)

All tests run with an e1000 beside an rtl8139, which know no offloads, and with two virtio NICs of two
queues, which hand over GSO frames whole.
"""

import contextlib
import hashlib
import random
import socket
import threading

import pytest

from lib.capture import Capture
from lib.qemu import Qemu
from lib.wait import wait_until

INTERNET = "203.0.113.9"
SEEN = "192.168.50.1"  # the host's address on the LAN, as which guests appear
GATEWAY = "10.62.0.1"
SIZE = 64 << 20
CONTENT = random.Random(62).randbytes(SIZE)
SUM = hashlib.sha256(CONTENT).hexdigest()
PART_SIZE = 4 << 20  # where a test is not about the amount
PIECE_SIZE = 128 << 10
PART_SUM = hashlib.sha256(CONTENT[:PART_SIZE]).hexdigest()
MODELS = {"emulated": (("e1000", "rtl8139"), 1), "virtio": (("virtio-net-pci",) * 2, 2)}


class Internet:
    """In the lan namespace: port 80 gives CONTENT, port 9 answers with the sum of what it got."""

    def __init__(self, lan):
        self.seen = []  # addresses of clients
        self.may_end = threading.Event()  # /held comes slowly, and not to its end, before this is set
        for port, serve in ((80, self._give), (9, self._take)):
            listener = lan.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.bind(("", port))
            listener.listen()
            self._start(self._accept, listener, serve)

    @staticmethod
    def _start(target, *args):
        threading.Thread(target=target, args=args, daemon=True).start()

    def _accept(self, listener, serve):
        while True:
            conn, addr = listener.accept()
            self.seen.append(addr[0])
            self._start(self._serve, conn, serve)

    @staticmethod
    def _serve(conn, serve):
        with conn, contextlib.suppress(OSError):  # a client that goes away harms itself only
            serve(conn)

    def _give(self, conn):
        request = b""
        while b"\r\n\r\n" not in request and (piece := conn.recv(4096)):
            request += piece
        body = CONTENT[:PART_SIZE] if b" /part " in request else CONTENT
        head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        conn.sendall(head.encode())
        if b" /held " in request:
            for at in range(0, SIZE - PART_SIZE, PIECE_SIZE):
                conn.sendall(body[at:at + PIECE_SIZE])
                self.may_end.wait(0.02)
            self.may_end.wait(120)
            body = body[SIZE - PART_SIZE:]
        conn.sendall(body)

    @staticmethod
    def _take(conn):
        got = hashlib.sha256()
        left = SIZE  # busybox's nc does not say when it has sent everything
        while left > 0 and (piece := conn.recv(1 << 20)):
            got.update(piece)
            left -= len(piece)
        conn.sendall(got.hexdigest().encode())


@pytest.fixture(scope="module")
def internet(lab):
    lan = lab.host.guest("lan")
    lab.veth(lan, "lan0")
    lab.host.ip("addr", "add", f"{SEEN}/24", "dev", "lan0")
    lan.ip("link", "set", "eth0", "up")
    lan.ip("addr", "add", "192.168.50.2/24", "dev", "eth0")
    lan.ip("addr", "add", f"{INTERNET}/32", "dev", "lo")
    lab.host.ip("route", "add", "default", "via", "192.168.50.2")
    lab.network("net", "--subnet", "10.62.0.0/24", "--dhcp", mode="nat")
    return Internet(lan)


@pytest.fixture(scope="module", params=MODELS)
def pair(request, lab, internet):
    """Two guests that have booted and asked for an address."""
    devices, queues = MODELS[request.param]
    guests = []
    for name, device in zip("ab", devices):
        lab.saklar("vif", "add", name, "--network", "net", "--type", "tap", "--queues", queues)
        wait_until(lambda n=name: lab.host.has_link(n), 10, "the tap is there")
        guests.append(Qemu(lab, name, device, cpus=queues).start())
    for guest in guests:
        guest.ready()
        guest.queues = queues
        guest.addr = guest.dhcp()
    yield guests
    for guest in guests:
        guest.kill()
        lab.saklar("vif", "del", guest.name)


def fetch_part(guest, addr):
    assert PART_SUM in guest.out(f"wget -q -O - http://{addr}/part | sha256sum")


def at_once(guests, command):
    """All guests run the command with its {other} replaced; returns what each printed."""
    tickets = [guest.begin(command.format(other=other.addr))
               for guest, other in zip(guests, guests[::-1])]
    return [guest.end(ticket) for guest, ticket in zip(guests, tickets)]


def ping(guest, addr, *more):
    guest.out(" ".join(("ping -q -c 3 -i 0.1 -W 10", *more, addr)))


def largest_from(capture, mac):
    mac = bytes.fromhex(mac.replace(":", ""))
    return max(p.orig_len for p in capture.packets() if p.frame[6:12] == mac)


def talk(pair):
    """Guests, gateway and internet reach each other."""
    for guest, other in zip(pair, pair[::-1]):
        for addr in (other.addr, GATEWAY, INTERNET):
            ping(guest, addr)
            ping(guest, addr, "-s 1472")


def test_guests_get_addresses_by_dhcp(lab, pair):
    for guest in pair:
        assert guest.addr.startswith("10.62.0.")
        assert f"default via {GATEWAY}" in guest.out("ip route")
        assert f"nameserver {GATEWAY}" in guest.out("cat /etc/resolv.conf")
        mac = lab.saklar.vif(guest.name)["mac"]
        assert mac in guest.out("cat /sys/class/net/eth0/address")
        leases = (lab.saklar.state_dir / "leases/net").read_text(encoding="ascii")
        assert any(mac in line and guest.addr in line for line in leases.splitlines()), leases
    assert pair[0].addr != pair[1].addr


def test_guests_ping_each_other_the_gateway_and_the_internet(pair):
    talk(pair)
    assert pair[1].addr in pair[0].out(f"nslookup b {GATEWAY}")


def test_64_mib_pass_the_nat_both_ways(internet, pair):
    for said in at_once(pair, f"wget -q -O /srv/data http://{INTERNET}/data && "
                              "sha256sum </srv/data"):
        assert SUM in said
    for said in at_once(pair, f"nc {INTERNET} 9 </srv/data"):
        assert said.strip() == SUM
    assert set(internet.seen) == {SEEN}


def test_64_mib_pass_between_the_guests_both_ways(lab, pair):
    """What the virtio driver hands over whole is switched whole."""
    for guest in pair:
        guest.out(f"test -s /srv/data && head -c {PART_SIZE} /srv/data >/srv/part && httpd -h /srv")
    captures = [Capture(lab, guest.name, "--snaplen", "128", "tcp") for guest in pair]
    for said in at_once(pair, "wget -q -O - http://{other}/data | sha256sum"):
        assert SUM in said
    for guest, capture in zip(pair, captures):
        largest = largest_from(capture, lab.saklar.vif(guest.name)["mac"])
        capture.end()
        assert largest > 20000 if guest.queues > 1 else largest <= 1514


def interrupts(guest, queue):
    """How often the virtio driver was told that this queue had brought something."""
    line = guest.out(f"grep virtio0-input.{queue} /proc/interrupts").split()
    return sum(int(n) for n in line[1:1 + guest.queues])


def test_every_queue_carries_traffic(pair):
    """A guest sends on its CPU's queue, and the tap answers a flow on the queue that it came by."""
    for guest, other in zip(pair, pair[::-1]):
        assert guest.out("ls -d /sys/class/net/eth0/queues/rx-*").count("rx-") == guest.queues
        for queue in range(guest.queues):
            before = interrupts(guest, queue) if guest.queues > 1 else None
            guest.out(f"taskset {1 << queue:x} wget -q -O /dev/null http://{other.addr}/part")
            assert before is None or interrupts(guest, queue) >= before + 10


def test_rebooted_guest_gets_its_lease_again(lab, pair):
    guest = pair[0].reboot()
    assert guest.dhcp() == guest.addr
    talk(pair)
    fetch_part(guest, INTERNET)
    assert lab.saklar.vif("a")["state"] == "up"


def test_qemu_killed_and_started_again_on_the_same_tap(lab, pair):
    guest = pair[1]
    index = lab.host.link("b")["ifindex"]
    guest.kill()
    wait_until(lambda: lab.saklar.vif("b")["carrier"] is False, 10, "no carrier")
    guest.start().ready()
    wait_until(lambda: lab.saklar.vif("b")["carrier"] is True, 10, "carrier")
    assert guest.dhcp() == guest.addr
    talk(pair)
    fetch_part(guest, INTERNET)
    assert lab.host.link("b")["ifindex"] == index

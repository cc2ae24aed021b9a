# SPDX-License-Identifier: Apache-2.0
"""Real guests in QEMU with virtio-net over vhost-user: traffic, reboots, and everybody killed in turn.

      QEMU v --RUN/vhost/v-- engine --+-- network net, mode nat, 10.62.0.0/24, uplink host
      guest n (netdev), 10.62.0.250 --+        |
                              host namespace, lan0 192.168.50.1
                                       |
                              lan namespace: 203.0.113.9 (the internet)

Once Saklar listens and the guest has one queue, once QEMU listens and the guest has two.  vectors=0: without
KVM, QEMU 7.2 crashes with MSI-X and vhost-user (it asks for interrupts that only KVM can route).
"""

import pytest

from test_qemu import GATEWAY, INTERNET, SUM, Internet, fetch_part, internet, ping  # noqa: F401

from lib.qemu import Qemu
from lib.traffic import wait_ping
from lib.wait import wait_until

PEER = "10.62.0.250"


@pytest.fixture(name="peer", scope="module")
def peer_fixture(lab, internet):  # noqa: F811
    peer = lab.guest("n", "net", "netdev", addr=f"{PEER}/24")
    Internet(peer)  # the same services
    return peer


@pytest.fixture(name="guest", scope="module", params=(("server", 1), ("client", 2)))
def guest_fixture(request, lab, peer):
    mode, queues = request.param
    args = ("--client", "--socket", lab.saklar.dir / "qemu.sock") if mode == "client" else ()
    lab.saklar("vif", "add", "v", "--network", "net", "--type", "vhost-user", "--queues", queues,
               *args)
    guest = Qemu(lab, "v", "virtio-net-pci,vectors=0", cpus=queues)
    guest.cmd = [word.replace(f",vectors={2 * queues + 2}", "") for word in guest.cmd]
    guest.start().ready()
    guest.queues = queues
    guest.addr = guest.dhcp()
    yield guest
    guest.kill()
    lab.saklar("vif", "del", "v")


def talk(guest, peer):
    for addr in (GATEWAY, PEER, INTERNET):
        ping(guest, addr)
        ping(guest, addr, "-s 1472")
    wait_ping(peer, guest.addr)


def test_the_guest_has_its_address_and_offloads(lab, peer, guest):
    assert guest.addr.startswith("10.62.0.")
    assert lab.saklar.vif("v")["mac"] in guest.out("cat /sys/class/net/eth0/address")
    shown = lab.saklar.vif("v")
    assert shown["state"] == "up" and shown["memory_sealed"] is True
    assert shown["queues_live"] == guest.queues
    talk(guest, peer)


@pytest.mark.parametrize("other", (INTERNET, PEER), ids=("nat", "netdev"))
def test_64_mib_pass_both_ways(guest, other):
    said = guest.out(f"wget -q -O /srv/data http://{other}/data && sha256sum </srv/data")
    assert SUM in said
    assert guest.out(f"nc {other} 9 </srv/data").strip() == SUM


def test_every_queue_is_used(guest):
    """The guest sends on its CPU's queue; what it is sent may come by either."""
    assert guest.out("ls -d /sys/class/net/eth0/queues/tx-*").count("tx-") == guest.queues
    for queue in range(guest.queues):
        guest.out(f"taskset {1 << queue:x} wget -q -O /dev/null http://{INTERNET}/part")


def test_the_guest_goes_on_over_a_killed_engine(lab, peer, guest):
    ticket = guest.begin(f"wget -q -O - http://{INTERNET}/data | sha256sum")
    before = lab.saklar.vif("v")["tx_bytes"]
    for _ in range(2):
        wait_until(lambda b=before: lab.saklar.vif("v")["tx_bytes"] > b + (8 << 20), 60)
        before = lab.saklar.vif("v")["tx_bytes"]
        lab.saklar.wait_engine(other_than=lab.saklar.kill_engine())
    assert SUM in guest.end(ticket)
    talk(guest, peer)


def test_the_guest_goes_on_over_a_killed_daemon(lab, peer, guest):
    lab.saklar.kill_daemon()
    fetch_part(guest, INTERNET)
    lab.saklar.start()
    lab.saklar.wait_vif("v")
    lab.saklar.wait_engine(other_than=lab.saklar.kill_engine())
    fetch_part(guest, INTERNET)
    talk(guest, peer)


def test_a_rebooted_guest_gets_its_lease_again(lab, peer, guest):
    guest.reboot()
    assert guest.dhcp() == guest.addr
    talk(guest, peer)
    lab.saklar.wait_vif("v")


def test_qemu_killed_and_started_again(lab, peer, guest):
    guest.kill()
    wait_until(lambda: lab.saklar.vif("v")["state"] == "waiting", 10)
    guest.start().ready()
    assert guest.dhcp() == guest.addr
    talk(guest, peer)
    fetch_part(guest, INTERNET)


def test_link_down_takes_the_carrier_away(lab, peer, guest):
    if guest.queues > 1:
        return  # QEMU as server waits for whoever connects; one mode is enough
    assert guest.out("cat /sys/class/net/eth0/carrier").strip() == "1"
    lab.saklar("vif", "set", "v", "--down")
    guest.out("for i in $(seq 300); do grep -q 0 /sys/class/net/eth0/carrier && exit; sleep 0.1;"
              "done; exit 1")
    lab.saklar("vif", "set", "v", "--up")
    guest.out("for i in $(seq 300); do grep -q 1 /sys/class/net/eth0/carrier && exit; sleep 0.1;"
              "done; exit 1")
    talk(guest, peer)

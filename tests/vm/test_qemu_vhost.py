# SPDX-License-Identifier: Apache-2.0
"""Real guests in QEMU with virtio-net over vhost-user: traffic, reboots, and everybody killed in turn.

      QEMU v --RUN/vhost/v-- engine --+-- network net, mode nat, 10.62.0.0/24, uplink host
      guest n (netdev), 10.62.0.250 --+        |
                              host namespace, lan0 192.168.50.1
                                       |
                              lan namespace: 203.0.113.9 (the internet)

Once Saklar listens and the guest has one queue and split rings; once QEMU listens and the guest has two, packed rings
and a small MTU.  At its end each guest moves to another QEMU, on vif w.  vectors=0: without KVM, QEMU 7.2 crashes with
MSI-X and vhost-user (it asks for interrupts that only KVM can route).
"""

import json
import pathlib
import socket
import subprocess

import pytest

from test_programs_load import archive

from test_qemu import GATEWAY, INTERNET, SUM, Internet, fetch_part, internet, ping  # noqa: F401

from lib.qemu import Qemu
from lib.traffic import wait_ping
from lib.wait import wait_until

HERE = pathlib.Path(__file__).resolve().parent
PEER = "10.62.0.250"
RING_PACKED = 34  # feature bit


class Control:
    """QEMU's control socket @path; it accepts one caller."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        wait_until(lambda: self.sock.connect_ex(str(path)) == 0, 60)
        self.lines = self.sock.makefile("r", encoding="utf-8")
        self.lines.readline()  # the greeting
        self.ask("qmp_capabilities")

    def ask(self, what, **args):
        self.sock.sendall(json.dumps({"execute": what, "arguments": args}).encode())
        answer = {"event": ""}
        while "event" in answer:
            answer = json.loads(self.lines.readline())
        assert "return" in answer, answer
        return answer["return"]

    def close(self):
        self.lines.close()
        self.sock.close()


@pytest.fixture(name="peer", scope="module")
def peer_fixture(lab, internet):  # noqa: F811
    peer = lab.guest("n", "net", "netdev", addr=f"{PEER}/24")
    Internet(peer)  # the same services
    return peer


@pytest.fixture(name="tools", scope="module")
def tools_fixture(tmp_path_factory):
    """What is added to the files of a guest."""
    folder = tmp_path_factory.mktemp("tools")
    subprocess.run(["cc", "-static", "-O1", "-o", folder / "set_queues", HERE / "set_queues.c"],
                   check=True)
    return archive(folder, ["set_queues"])


def add_vif(lab, vif, mode, queues, mtu, *more):
    args = ("--client", "--socket", lab.saklar.dir / f"{vif}.sock") if mode == "client" else ()
    lab.saklar("vif", "add", vif, "--network", "net", "--type", "vhost-user", "--queues", queues,
               "--mtu", mtu, *args, *more)


def make_qemu(lab, mode, queues, mtu, tools):
    """QEMU on vif v that can be controlled."""
    add_vif(lab, "v", mode, queues, mtu)
    guest = Qemu(lab, "v", "virtio-net-pci,vectors=0,packed=" + ("on" if mode == "client" else "off"),
                 cpus=queues)
    image = lab.saklar.dir / "initrd"
    at = guest.cmd.index("-initrd") + 1
    image.write_bytes(pathlib.Path(guest.cmd[at]).read_bytes() + tools)
    guest.cmd[at] = str(image)
    guest.cmd = [word.replace(f",vectors={2 * queues + 2}", "") for word in guest.cmd]
    guest.cmd += ["-qmp", f"unix:{lab.saklar.dir}/v.qmp,server=on,wait=off"]
    guest.mode, guest.queues, guest.mtu = mode, queues, mtu
    return guest


def its_twin(lab, guest):
    """QEMU on vif w, as @guest's, to which @guest, and its MAC, can move."""
    add_vif(lab, "w", guest.mode, guest.queues, guest.mtu, "--guard", "off")
    twin = Qemu(lab, "w", cpus=guest.queues)
    paths = [lab.saklar.vif(name)["socket"] for name in "vw"]
    twin.cmd = [word.replace(*paths).replace("/v.qmp", "/w.qmp") for word in guest.cmd]
    twin.cmd += ["-incoming", "defer"]
    return twin


@pytest.fixture(name="guest", scope="module",
                params=(("server", 1, 1500), ("client", 2, 1400)), ids=("server", "client"))
def guest_fixture(request, lab, peer, tools):
    guest = make_qemu(lab, *request.param, tools).start().ready()
    guest.addr = guest.dhcp()
    yield guest
    guest.kill()
    lab.saklar("vif", "del", "v")


def talk(guest, peer):
    for addr in (GATEWAY, PEER, INTERNET):
        ping(guest, addr)
        ping(guest, addr, f"-s {guest.mtu - 28}")
    wait_ping(peer, guest.addr)


def test_the_guest_has_its_address_and_offloads(lab, peer, guest):
    assert guest.addr.startswith("10.62.0.")
    assert lab.saklar.vif("v")["mac"] in guest.out("cat /sys/class/net/eth0/address")
    shown = lab.saklar.vif("v")
    assert shown["state"] == "up" and shown["memory_sealed"] is True
    assert shown["queues_live"] == guest.queues
    assert int(guest.out("cat /sys/class/net/eth0/mtu")) == guest.mtu
    features = guest.out("cat /sys/bus/virtio/devices/virtio0/features")
    assert features[RING_PACKED] == str(int(guest.mode == "client"))
    talk(guest, peer)


@pytest.mark.parametrize("other", (INTERNET, PEER), ids=("nat", "netdev"))
def test_64_mib_pass_both_ways(guest, other):
    if other == INTERNET and guest.mode == "client":
        return  # what is fetched over a killed engine is as much
    said = guest.out(f"wget -q -O /srv/data http://{other}/data && sha256sum </srv/data")
    assert SUM in said
    assert guest.out(f"nc {other} 9 </srv/data").strip() == SUM


def test_every_queue_is_used(guest):
    """The guest sends on its CPU's queue; what it is sent may come by either."""
    assert guest.out("ls -d /sys/class/net/eth0/queues/tx-*").count("tx-") == guest.queues
    for queue in range(guest.queues):
        guest.out(f"taskset {1 << queue:x} wget -q -O /dev/null http://{INTERNET}/part")


def test_queues_follow_the_guest(lab, guest):
    """What `ethtool -L` changes: rings that are off are not used, and come back."""
    for n in (*range(guest.queues, 0, -1), guest.queues):
        assert f"combined {n}" in guest.out(f"/set_queues {n}")
        wait_until(lambda n=n: lab.saklar.vif("v")["queues_live"] == n, 10)
        fetch_part(guest, PEER)


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


def test_the_guest_moves_to_another_qemu_in_mid_traffic(lab, internet, peer, guest):  # noqa: F811
    """What we write while it moves is told as dirty, or the sum were wrong; the network learns where it is now."""
    path = lab.saklar.dir / "move.sock"
    twin = its_twin(lab, guest).start()
    source, target = (Control(lab.saklar.dir / f"{name}.qmp") for name in "vw")
    try:
        target.ask("migrate-incoming", uri=f"unix:{path}")
        internet.may_end.clear()
        ticket = guest.begin(f"wget -q -O - http://{INTERNET}/held | sha256sum")
        before = lab.saklar.vif("v")["tx_bytes"]
        wait_until(lambda: lab.saklar.vif("v")["tx_bytes"] > before + (4 << 20), 60)
        source.ask("migrate", uri=f"unix:{path}")
        wait_until(lambda: source.ask("query-migrate")["status"] in ("completed", "failed"), 120)
        assert source.ask("query-migrate")["status"] == "completed"
        internet.may_end.set()
        assert SUM in twin.end(ticket)
        assert lab.saklar.fdb("net")[lab.saklar.vif("v")["mac"]]["vif"] == "w"
        assert lab.saklar.vif("w")["queues_live"] == guest.queues
        twin.addr, twin.mtu = guest.addr, guest.mtu
        talk(twin, peer)
    finally:
        source.close()
        target.close()
        twin.kill()
        lab.saklar("vif", "del", "w")

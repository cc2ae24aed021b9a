# SPDX-License-Identifier: Apache-2.0
"""Tap vifs: the switch makes (or waits for) the tap, a VMM opens it as QEMU does.

      vmm.py (plays QEMU) --fd-- tap "q1" (persistent, netdev side: the vif) --+-- network lan
         | guest q1's own tap                                                   +-- guest n (netdev)
"""

import json
import os
import pwd
import signal

import pytest

from lib.netns import PYTHON
from lib.traffic import iperf3, ping, wait_ping
from lib.wait import wait_until

OPEN = """
import fcntl, os, struct, sys
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x2, 0x1000, 0x4000, 0x100
name, queues, uid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (IFF_MULTI_QUEUE if queues > 1 else 0)
os.setgid(uid); os.setuid(uid)
fds = []
for _ in range(queues):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name.encode(), flags))
    fds.append(fd)
print("opened", len(fds), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def peer(lab):
    lab.network("lan", "--subnet", "10.25.0.0/24")
    return lab.guest("n", "lan", "netdev", addr="10.25.0.2/24")


def opens(lab, name, queues=1, uid=0):
    """Can a program of @uid open the tap as QEMU would?  (success, what it said)"""
    done = lab.host.run(PYTHON, "-c", OPEN, name, queues, uid, check=False, stdin="")
    return done.returncode == 0, done.stdout + done.stderr


def test_tap_is_made_with_the_name_of_the_vif_and_is_persistent(lab, peer):
    lab.saklar("vif", "add", "q0", "--network", "lan", "--type", "tap")
    wait_until(lambda: lab.host.has_link("q0"), 5, "the tap is there")
    info = lab.host.link("q0")["linkinfo"]
    assert info["info_kind"] == "tun"
    assert info["info_data"]["persist"] is True
    assert info["info_data"]["multi_queue"] is False
    lab.saklar("vif", "del", "q0")
    wait_until(lambda: not lab.host.has_link("q0"), 5, "the tap is gone")


def test_vif_without_a_vmm_has_no_carrier_and_gets_it_with_one(lab, peer):
    lab.saklar("vif", "add", "q1", "--network", "lan", "--type", "tap")
    wait_until(lambda: lab.saklar.vif("q1")["carrier"] is False, 5)
    guest = lab.host.guest("q1")
    for _ in range(2):  # the VMM may start again
        vmm = lab.vmm(lab.saklar, guest, "q1")
        guest.ip("link", "set", "eth0", "up")
        guest.ip("addr", "add", "10.25.0.11/24", "dev", "eth0")
        wait_until(lambda: lab.saklar.vif("q1")["carrier"] is True, 5, "carrier")
        wait_ping(guest, "10.25.0.2")
        vmm.stop(signal.SIGKILL)
        wait_until(lambda: lab.saklar.vif("q1")["carrier"] is False, 5, "no carrier")
        wait_until(lambda: not guest.has_link("eth0"), 5)
    lab.saklar("vif", "del", "q1")


@pytest.mark.parametrize("queues", (1, 2, 4, 8))
def test_tap_with_queues_opens_as_the_vmm_asks(lab, peer, queues):
    """QEMU sets IFF_MULTI_QUEUE when it is given several queues and only then; the flag of a
    persistent tap must be the same, or its open fails."""
    name = f"mq{queues}"
    lab.saklar("vif", "add", name, "--network", "lan", "--type", "tap", "--queues", queues)
    wait_until(lambda: lab.host.has_link(name), 5)
    assert lab.saklar.vif(name)["queues"] == queues
    assert lab.host.link(name)["linkinfo"]["info_data"]["multi_queue"] is (queues > 1)
    ok, said = opens(lab, name, queues)
    assert ok, said
    guest = lab.host.guest(name)
    lab.vmm(lab.saklar, guest, name, queues=queues)
    guest.ip("link", "set", "eth0", "up")
    guest.ip("addr", "add", f"10.25.0.{20 + queues}/24", "dev", "eth0")
    wait_ping(guest, "10.25.0.2")
    iperf3(guest, peer, "10.25.0.2", "-P", "4", size="20M")
    iperf3(peer, guest, f"10.25.0.{20 + queues}", "-P", "4", size="20M")
    lab.saklar("vif", "del", name)


def test_guest_without_offloads_gets_no_super_frames(lab, peer):
    """The tap of an emulated NIC takes none, and which NIC it is shows only when a VMM opens it."""
    guest = lab.host.guest("plain")
    lab.saklar("vif", "add", "plain", "--network", "lan", "--type", "tap")
    wait_until(lambda: lab.host.has_link("plain"), 5)
    lab.vmm(lab.saklar, guest, "plain", plain=True)
    guest.ip("link", "set", "eth0", "up")
    guest.ip("addr", "add", "10.25.0.35/24", "dev", "eth0")
    wait_ping(guest, "10.25.0.2")
    iperf3(peer, guest, "10.25.0.35", size="16M")
    iperf3(guest, peer, "10.25.0.2", size="16M")
    got = json.loads(guest.out("ip", "-j", "-s", "link", "show", "dev", "eth0"))[0]["stats64"]["rx"]
    assert got["bytes"] / got["packets"] <= 1514
    vif = lab.saklar.vif("plain")
    # Its queue may be full at times, but a frame may not be lost for its size.
    assert lab.saklar.drops("plain", "tx_queue_full") < vif["tx_packets"] / 20, vif
    lab.saklar("vif", "del", "plain")


@pytest.mark.parametrize("queues", (2, 4))
def test_host_vif_with_queues_works(lab, peer, queues):
    name = f"hq{queues}"
    guest = lab.guest(name, "lan", "host", addr=f"10.25.0.{40 + queues}/24", queues=queues)
    wait_ping(guest, "10.25.0.2")
    assert len(os.listdir(guest.root / "sys/class/net/eth0/queues")) == 2 * queues
    iperf3(guest, peer, "10.25.0.2", "-P", "4", size="20M")
    iperf3(peer, guest, f"10.25.0.{40 + queues}", "-P", "4", size="20M")
    lab.saklar("vif", "del", name)


def test_only_the_owner_may_open_the_tap(lab, peer):
    nobody = pwd.getpwnam("nobody").pw_uid
    lab.saklar("vif", "add", "own", "--network", "lan", "--type", "tap", "--owner", nobody)
    wait_until(lambda: lab.host.has_link("own"), 5)
    assert lab.host.link("own")["linkinfo"]["info_data"]["user"] in (nobody, "nobody")
    lab.host.run("chmod", "666", "/dev/net/tun", check=False)
    assert opens(lab, "own", uid=nobody)[0]
    assert not opens(lab, "own", uid=12345)[0]
    lab.saklar("vif", "del", "own")


def test_tap_of_the_vmm_is_waited_for(lab, peer):
    """--dev names a tap that a VMM makes itself: the vif waits, then takes it."""
    guest = lab.host.guest("w0")
    lab.saklar("vif", "add", "w0", "--network", "lan", "--type", "tap", "--dev", "vmtap0")
    vif = wait_until(lambda: lab.saklar.vif("w0"), 5)
    assert vif["state"] in ("waiting", "up")
    vmm = lab.host.start_python("vmm.py", "--tap", "vmtap0", "--guest-netns", "/run/netns/w0",
                                "--guest-if", "eth0")
    wait_until(lambda: "ready" in vmm.output(), 10, vmm.output)
    guest.ip("link", "set", "eth0", "up")
    guest.ip("addr", "add", "10.25.0.60/24", "dev", "eth0")
    lab.saklar.wait_vif("w0")
    wait_ping(guest, "10.25.0.2")
    lab.saklar("vif", "del", "w0")


def test_guest_keeps_its_nic_when_the_engine_is_killed(lab, peer):
    guest = lab.guest("k0", "lan", "tap", addr="10.25.0.70/24")
    wait_ping(guest, "10.25.0.2")
    index = guest.link("eth0")["ifindex"], lab.host.link("k0")["ifindex"]
    pid = lab.saklar.kill_engine()
    lab.saklar.wait_engine(other_than=pid)
    wait_ping(guest, "10.25.0.2")
    assert (guest.link("eth0")["ifindex"], lab.host.link("k0")["ifindex"]) == index


def test_qemu_args_and_libvirt_xml_name_the_tap(lab, peer):
    lab.saklar("vif", "add", "pr", "--network", "lan", "--type", "tap", "--queues", "2")
    args = lab.saklar("vif", "qemu-args", "pr")
    vif = lab.saklar.vif("pr")
    for word in (f"ifname={vif['ifname']}", "script=no", "downscript=no", "queues=2",
                 f"mac={vif['mac']}", "virtio-net"):
        assert word in args, (word, args)
    xml = lab.saklar("vif", "libvirt-xml", "pr")
    import xml.etree.ElementTree as et
    root = et.fromstring(xml)
    assert root.find("target").get("dev") == vif["ifname"]
    assert root.find("target").get("managed") == "no"
    assert root.find("mac").get("address") == vif["mac"]
    assert root.find("driver").get("queues") == "2"
    assert root.get("type") == "ethernet"
    lab.saklar("vif", "del", "pr")


def test_two_guests_on_taps_reach_each_other(lab, peer):
    a = lab.guest("ta", "lan", "tap", addr="10.25.0.81/24")
    b = lab.guest("tb", "lan", "tap", addr="10.25.0.82/24")
    wait_ping(a, "10.25.0.82")
    ping(b, "10.25.0.81", size=1472)
    iperf3(a, b, "10.25.0.82", size="20M")

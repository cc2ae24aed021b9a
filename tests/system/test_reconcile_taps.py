# SPDX-License-Identifier: Apache-2.0
"""Taps that outlive their vif, and what a VMM finds when it opens them.

      program that opens taps as QEMU does --fd-- tap --+-- network lan, 10.61.0.0/24
"""

import signal

import pytest

from lib.netns import PYTHON
from lib.traffic import wait_ping
from lib.wait import wait_until

OPEN = """
import fcntl, os, struct, sys
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x2, 0x1000, 0x4000, 0x100
name, queues = sys.argv[1], int(sys.argv[2])
flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (IFF_MULTI_QUEUE if queues > 1 else 0)
fds = []
for _ in range(queues):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name.encode(), flags))
    fds.append(fd)
print("opened", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def net(lab):
    lab.network("lan", "--subnet", "10.61.0.0/24")
    return lab.guest("peer", "lan", "netdev", addr="10.61.0.2/24")


def opens(lab, name, queues=1):
    return lab.host.run(PYTHON, "-c", OPEN, name, queues, check=False, stdin="").returncode == 0


def multi_queue(lab, name):
    return lab.host.link(name)["linkinfo"]["info_data"]["multi_queue"]


def tap(lab, name, *args):
    lab.saklar("vif", "add", name, "--network", "lan", "--type", "tap", *args)
    wait_until(lambda: lab.host.has_link(name), 5, f"{name} is there")


def test_tap_under_a_running_vmm_outlives_its_vif_and_is_taken_up_again(lab, net):
    guest = lab.guest("held", "lan", "tap", addr="10.61.0.11/24")
    wait_ping(guest, "10.61.0.2")
    index = lab.host.link("held")["ifindex"]
    lab.saklar("vif", "del", "held")
    assert lab.host.link("held")["ifindex"] == index, "the VMM keeps its tap"
    assert not guest.ok("ping", "-c1", "-W1", "10.61.0.2")
    assert "clsact" in lab.host.out("tc", "qdisc", "show", "dev", "held"), "the host stays shut"
    lab.saklar("vif", "add", "held", "--network", "lan", "--type", "tap")
    lab.saklar.wait_vif("held")
    assert lab.host.link("held")["ifindex"] == index
    wait_ping(guest, "10.61.0.2")
    lab.saklar("vif", "del", "held")
    lab.drop_guest(guest)
    for program in lab.host.programs:
        if "vmm.py" in " ".join(program.cmd):
            program.stop(signal.SIGKILL)
    wait_until(lambda: not lab.host.has_link("held"), 5, "the tap goes when the VMM closes it")


def test_tap_under_a_running_vmm_survives_the_death_of_daemon_and_engine(lab, net):
    guest = lab.guest("cold", "lan", "tap", addr="10.61.0.12/24")
    wait_ping(guest, "10.61.0.2")
    index = lab.host.link("cold")["ifindex"]
    engine = lab.saklar.engine_pid()
    lab.saklar.kill_daemon()
    lab.host.kill(engine)
    lab.saklar.start()
    lab.saklar.wait_vif("cold")
    assert lab.host.link("cold")["ifindex"] == index
    wait_ping(guest, "10.61.0.2")


def test_tap_without_a_vmm_is_deleted_with_its_vif_after_kills_too(lab, net):
    tap(lab, "idle")
    lab.saklar.wait_vif("idle", "waiting")
    engine = lab.saklar.engine_pid()
    lab.saklar.kill_daemon()
    lab.host.kill(engine)
    lab.saklar.start()
    lab.saklar.wait_vif("idle", "waiting")
    lab.saklar("vif", "del", "idle")
    assert not lab.host.has_link("idle")


def test_tap_that_was_there_before_is_never_deleted(lab, net):
    lab.host.ip("tuntap", "add", "dev", "theirs", "mode", "tap")
    lab.saklar("vif", "add", "theirs", "--network", "lan", "--type", "tap")
    lab.saklar.wait_vif("theirs", "waiting")
    assert "clsact" in lab.host.out("tc", "qdisc", "show", "dev", "theirs")
    lab.saklar("vif", "del", "theirs")
    assert lab.host.has_link("theirs")
    assert "clsact" not in lab.host.out("tc", "qdisc", "show", "dev", "theirs")
    lab.host.ip("link", "del", "theirs")


def test_tap_of_a_vif_that_waits_for_the_vmm_is_never_deleted_under_it(lab, net):
    """--dev of a tap that exists; vif del leaves device and VMM alone."""
    lab.host.ip("tuntap", "add", "dev", "vm9", "mode", "tap")
    vmm = lab.host.start(PYTHON, "-c", "import time\n" + OPEN.replace("sys.stdin.read()",
                                                                       "time.sleep(600)"), "vm9", 1)
    wait_until(lambda: "opened" in vmm.output(), 5, vmm.output)
    lab.saklar("vif", "add", "v9", "--network", "lan", "--type", "tap", "--dev", "vm9")
    lab.saklar.wait_vif("v9")
    lab.saklar("vif", "del", "v9")
    assert lab.host.has_link("vm9")
    vmm.stop(signal.SIGKILL)
    assert lab.host.has_link("vm9"), "persistent as its maker wanted"
    lab.host.ip("link", "del", "vm9")


def test_changed_number_of_queues_is_what_the_next_vmm_finds(lab, net):
    tap(lab, "mq")
    for queues in (4, 1, 2):
        lab.saklar("vif", "del", "mq")
        tap(lab, "mq", "--queues", queues)
        assert multi_queue(lab, "mq") is (queues > 1)
        assert opens(lab, "mq", queues)
        assert not opens(lab, "mq", 1 if queues > 1 else 2), "a mismatch is refused by the kernel"
    lab.saklar("vif", "del", "mq")


def test_other_queues_than_an_open_tap_has_wait_for_the_vmm(lab, net):
    tap(lab, "busy")
    vmm = lab.host.start(PYTHON, "-c", "import time\n" + OPEN.replace("sys.stdin.read()",
                                                                       "time.sleep(600)"), "busy", 1)
    wait_until(lambda: "opened" in vmm.output(), 5, vmm.output)
    lab.saklar.wait_vif("busy")
    lab.saklar("vif", "del", "busy")
    lab.saklar("vif", "add", "busy", "--network", "lan", "--type", "tap", "--queues", "2")
    vif = lab.saklar.wait_vif("busy", "failed")
    assert "stop the VMM" in vif["reason"]
    vmm.stop(signal.SIGKILL)
    lab.saklar.wait_vif("busy", "waiting")
    assert multi_queue(lab, "busy") is True
    assert opens(lab, "busy", 2)
    lab.saklar("vif", "del", "busy")


def test_host_vifs_and_legs_queue_enough_for_a_restart_of_the_engine(lab, net):
    guest = lab.guest("deep", "lan", "host", addr="10.61.0.30/24")
    assert guest.link("eth0")["txqlen"] >= 4000
    assert lab.host.link("lan")["txqlen"] >= 4000

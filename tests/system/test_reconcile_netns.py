# SPDX-License-Identifier: Apache-2.0
"""Host vifs whose namespace or device goes away, and netdevs that come and go quickly.

      guests g* (host vifs in their namespaces), n (netdev) --+-- network lan, 10.62.0.0/24
"""

import os
import time

import pytest

from lib.traffic import wait_ping
from lib.wait import wait_until

LOOPS = int(os.environ.get("SAKLAR_RECREATE_LOOPS", "20"))


@pytest.fixture(scope="module")
def net(lab):
    lab.network("lan", "--subnet", "10.62.0.0/24")
    return lab.guest("n", "lan", "netdev", addr="10.62.0.2/24")


def test_device_deleted_inside_its_namespace_is_made_again(lab, net):
    guest = lab.guest("g1", "lan", "host", addr="10.62.0.11/24")
    mac = guest.mac("eth0")
    guest.ip("link", "del", "eth0")
    wait_until(lambda: guest.has_link("eth0"), 5, "the device is back")
    assert guest.mac("eth0") == mac
    guest.ip("addr", "add", "10.62.0.11/24", "dev", "eth0")
    lab.saklar.wait_vif("g1")
    wait_ping(guest, "10.62.0.2")
    lab.saklar("vif", "del", "g1")


def test_a_device_that_its_guest_renames_is_shown_by_its_new_name(lab, net):
    guest = lab.guest("other", "lan", "host", addr="10.62.0.13/24")
    guest.ip("link", "set", "eth0", "down")
    guest.ip("link", "set", "eth0", "name", "lan0")
    guest.ip("link", "set", "lan0", "up")
    wait_until(lambda: lab.saklar.vif("other")["ifname"] == "lan0", 5, "shows the new name")
    wait_ping(guest, "10.62.0.2")
    lab.saklar("vif", "del", "other")


def test_device_of_the_host_itself_deleted_is_made_again(lab, net):
    lab.saklar("vif", "add", "h0", "--network", "lan", "--type", "host")
    lab.saklar.wait_vif("h0")
    lab.host.ip("link", "del", "h0")
    wait_until(lambda: lab.host.has_link("h0"), 5, "the device is back")
    lab.saklar.wait_vif("h0")
    lab.saklar("vif", "del", "h0")


def test_namespace_that_is_deleted_is_waited_for(lab, net):
    guest = lab.guest("g2", "lan", "host", addr="10.62.0.12/24")
    lab.drop_guest(guest)
    vif = lab.saklar.wait_vif("g2", "waiting")
    assert "g2" in vif["reason"] and "namespace" in vif["reason"]
    for _ in range(3):
        guest = lab.host.guest("g2")
        wait_until(lambda g=guest: g.has_link("eth0"), 5, "the device is in the new namespace")
        guest.ip("addr", "add", "10.62.0.12/24", "dev", "eth0")
        lab.saklar.wait_vif("g2")
        wait_ping(guest, "10.62.0.2")
        lab.drop_guest(guest)
        lab.saklar.wait_vif("g2", "waiting")
    lab.saklar("vif", "del", "g2")


def test_namespace_that_does_not_exist_yet_is_waited_for(lab, net):
    lab.saklar("vif", "add", "g3", "--network", "lan", "--type", "host", "--netns", "g3",
               "--ifname", "eth0")
    lab.saklar.wait_vif("g3", "waiting")
    guest = lab.host.guest("g3")
    wait_until(lambda: guest.has_link("eth0"), 5)
    lab.saklar.wait_vif("g3")
    lab.saklar("vif", "del", "g3")


def test_namespace_that_is_half_made_is_waited_for(lab, net):
    """`ip netns add` makes the file first and mounts the namespace over it a moment later."""
    lab.host.run("touch", "/run/netns/g4")
    lab.saklar("vif", "add", "g4", "--network", "lan", "--type", "host", "--netns", "g4")
    vif = lab.saklar.wait_vif("g4", "waiting")
    assert "/g4 is not mounted yet" in vif["reason"]
    lab.saklar("vif", "del", "g4")
    lab.host.run("rm", "/run/netns/g4")


def test_vif_that_vanished_while_no_daemon_ran_does_not_hold_up_the_others(lab, net):
    """The next daemon takes the vif over, finds it gone, and still tells the engine what is new."""
    gone = lab.guest("away", "lan", "host", addr="10.62.0.14/24")
    lab.saklar.kill_daemon()
    lab.drop_guest(gone)
    lab.saklar.start()
    lab.saklar.wait_vif("away", "waiting")
    fresh = lab.guest("fresh", "lan", "host", addr="10.62.0.15/24")
    wait_ping(fresh, "10.62.0.2")
    status = lab.saklar.json("status")
    assert status["engine"]["generation"] == status["generation"], status
    for vif in ("away", "fresh"):
        lab.saklar("vif", "del", vif)


def test_renamed_devices_are_found_again_after_a_cold_start(lab, net):
    """A leg, a guest's own device and a VMM's tap, by their mark; none is made a second time."""
    lab.network("other", "--subnet", "10.64.0.0/24")
    guest = lab.guest("ren", "other", "host", addr="10.64.0.11/24")
    vm = lab.guest("rent", "other", "tap", addr="10.64.0.12/24")
    for ns, old, new in ((lab.host, "other", "leg6"), (guest, "eth0", "lan6"),
                         (lab.host, "rent", "rent6")):
        for words in (("down",), ("name", new)):
            ns.ip("link", "set", "dev", old, *words)
        ns.ip("link", "set", "dev", new, "up")
    for who in (guest, vm):
        wait_ping(who, "10.64.0.1")
    engine = lab.saklar.engine_pid()
    lab.saklar.kill_daemon()
    lab.host.kill(engine)
    lab.saklar.start()
    for who in (guest, vm):
        wait_ping(who, "10.64.0.1")
    assert not guest.has_link("eth0")
    assert not lab.host.has_link("other") and not lab.host.has_link("rent")
    assert lab.saklar.network("other")["leg_ifname"] == "leg6"
    assert lab.saklar.vif("rent")["ifname"] == "rent6"
    lab.saklar("vif", "del", "ren", "rent")
    lab.saklar("network", "del", "other")
    assert not guest.has_link("lan6") and not lab.host.has_link("leg6")


def test_netdev_deleted_again_and_again_never_stays_up(lab, net):
    """The state follows within moments each time, also when the deletion falls into a run."""
    guest = lab.host.guest("flap")
    lab.saklar("vif", "add", "flap", "--network", "lan", "--type", "netdev", "--dev", "flap")
    slowest = 0.0
    for _ in range(LOOPS):
        lab.veth(guest, "flap")
        guest.ip("link", "set", "eth0", "up")
        lab.saklar.wait_vif("flap")
        lab.host.ip("link", "del", "dev", "flap")
        start = time.monotonic()
        lab.saklar.wait_vif("flap", "waiting", timeout=3)
        slowest = max(slowest, time.monotonic() - start)
    print(f"slowest of {LOOPS}: {slowest * 1000:.0f} ms")
    assert slowest < 0.3
    lab.saklar("vif", "del", "flap")


def test_fresh_network_and_vif_drop_nothing_at_attach(lab, net):
    """The first frames of a leg and of a vif find their port in the engine."""
    for i in range(5, 10):
        lab.network(f"new{i}", "--subnet", f"10.63.{i}.0/24", "--subnet", f"fd63:{i}::/64")
        guest = lab.guest(f"g{i}", f"new{i}", "host", addr=f"10.63.{i}.11/24")
        wait_ping(guest, f"10.63.{i}.1")
        rows = [r for r in lab.saklar.json("drops") if r["network"] == f"new{i}"]
        assert not [r for r in rows if r["reason"] == "no_network"], rows
        lab.saklar("vif", "del", f"g{i}")
        lab.saklar("network", "del", f"new{i}")

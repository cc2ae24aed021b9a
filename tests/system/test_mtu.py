# SPDX-License-Identifier: Apache-2.0
"""Frames larger than the MTU of the vif they should leave by are counted, never truncated.

      guest big (mtu 9000) --+-- network jumbo (mtu 9000) --+-- guest small (vif mtu 1400)
                             |                              +-- guest nd (netdev, mtu follows)
"""

import pytest

from lib.traffic import iperf3, ping, wait_ping
from lib.wait import wait_until
from lib.wire import has, udp_frame, wire


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("jumbo", "--mtu", "9000", "--subnet", "10.14.0.0/24")
    made = {
        "big": lab.guest("big", "jumbo", "host", addr="10.14.0.11/24"),
        "small": lab.guest("small", "jumbo", "host", addr="10.14.0.12/24", args=["--mtu", "1400"]),
        "dev": lab.guest("nd", "jumbo", "netdev", addr="10.14.0.13/24"),
    }
    return made


def test_mtu_of_the_network_and_of_the_vif_reach_the_guest(lab, guests):
    assert guests["big"].link("eth0")["mtu"] == 9000
    assert guests["small"].link("eth0")["mtu"] == 1400
    assert lab.host.link("jumbo")["mtu"] == 9000
    assert lab.saklar.vif("small")["mtu"] == 1400


def test_frame_over_the_mtu_of_the_receiver_is_mtu_exceeded(lab, guests):
    wait_ping(guests["big"], "10.14.0.12")
    before = lab.saklar.drops("small", "mtu_exceeded")
    # As on a Linux bridge there is room for one tag, used or not: 1,404 bytes of IP still pass.
    done = guests["big"].run("ping", "-c", "3", "-i", "0.05", "-W", "1", "-s", "1377", "-M", "do",
                             "10.14.0.12", check=False)
    assert " 0 received" in done.stdout
    assert lab.saklar.drops("small", "mtu_exceeded") == before + 3
    ping(guests["big"], "10.14.0.12", size=1372)
    assert lab.saklar.drops("small", "mtu_exceeded") == before + 3


def test_broadcast_over_the_mtu_reaches_those_who_can_take_it(lab, guests):
    before = lab.saklar.drops("small", "mtu_exceeded")
    guests["dev"].ip("link", "set", "eth0", "mtu", "9000")
    lab.host.ip("link", "set", "dev", "nd", "mtu", "9000")
    wait_until(lambda: lab.saklar.vif("nd")["mtu"] == 9000, 5, "mtu is followed")
    with wire(guests["big"], "eth0") as tx, wire(guests["dev"], "eth0") as rx:
        tx.write(udp_frame(guests["big"].mac("eth0"), "ff:ff:ff:ff:ff:ff", b"jumbo" + bytes(4000)))
        assert len(rx.read_until(has("jumbo"))[-1]) > 4000
    wait_until(lambda: lab.saklar.drops("small", "mtu_exceeded") == before + 1, 5, "counted once")


def test_gso_frame_passes_when_its_segments_fit_and_not_when_they_do_not(lab, guests):
    """TCP agrees on the smaller MSS; with a forced larger one every segment is mtu_exceeded."""
    iperf3(guests["big"], guests["small"], "10.14.0.12", size="8M")
    assert lab.saklar.drops("small", "tx_refused") == 0


def test_mtu_of_a_netdev_is_followed_live(lab, guests):
    lab.host.ip("link", "set", "dev", "nd", "mtu", "1300")
    wait_until(lambda: lab.saklar.vif("nd")["mtu"] == 1300, 5, "mtu 1300")
    before = lab.saklar.drops("nd", "mtu_exceeded")
    wait_ping(guests["big"], "10.14.0.13")
    assert not guests["big"].ok("ping", "-c1", "-W1", "-s", "1400", "-M", "do", "10.14.0.13")
    assert lab.saklar.drops("nd", "mtu_exceeded") > before
    lab.host.ip("link", "set", "dev", "nd", "mtu", "9000")
    wait_until(lambda: lab.saklar.vif("nd")["mtu"] == 9000, 5, "mtu 9000")
    ping(guests["big"], "10.14.0.13", size=1400)


def test_vif_set_mtu_takes_effect_live(lab, guests):
    lab.saklar("vif", "set", "small", "--mtu", "2000")
    wait_until(lambda: guests["small"].link("eth0")["mtu"] == 2000, 5, "the guest sees it")
    ping(guests["big"], "10.14.0.12", size=1900)
    lab.saklar("vif", "set", "small", "--mtu", "1400")
    wait_until(lambda: guests["small"].link("eth0")["mtu"] == 1400, 5)


def test_who_sends_too_much_is_told_when_the_network_wants_that(lab, guests):
    lab.saklar("network", "set", "jumbo", "--mtu-icmp")
    done = guests["big"].run("ping", "-c", "3", "-i", "0.05", "-W", "1", "-s", "3000", "-M", "do",
                             "10.14.0.12", check=False)
    assert "mtu=1400" in (done.stdout + done.stderr).replace("mtu = ", "mtu=")
    lab.saklar("network", "set", "jumbo", "--no-mtu-icmp")
    guests["big"].ip("route", "flush", "cache")

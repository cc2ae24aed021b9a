# SPDX-License-Identifier: Apache-2.0
"""Netdev vifs: the host's stack is kept out, and devices may be renamed, vanish and come back.

      guest a (veth a) --+-- network lan, 10.15.0.0/24 --+-- guest b (veth b)
                         |
      host namespace: 10.77.0.1 on dummy-like lo, a UDP socket there that no guest may reach
"""

import json
import signal
import socket

import pytest

from lib.traffic import ping, wait_ping
from lib.wait import wait_until
from lib.wire import has, udp_frame, wire


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.15.0.0/24", "--subnet", "fd15::/64")
    lab.host.ip("addr", "add", "10.77.0.1/32", "dev", "lo")
    return {"a": lab.guest("a", "lan", "netdev", addr=["10.15.0.11/24", "fd15::11/64"]),
            "b": lab.guest("b", "lan", "netdev", addr=["10.15.0.12/24", "fd15::12/64"])}


def assert_host_is_kept_out(lab, guest, ifname, other):
    """Frames that the host's stack would take when it saw them do not reach its socket."""
    trap = lab.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    trap.bind(("10.77.0.1", 7777))
    trap.setblocking(False)
    dst = lab.host.mac(ifname)
    try:
        with wire(guest, "eth0") as tx, wire(other, "eth0") as rx, \
                wire(lab.host, ifname, outgoing=False) as seen_by_taps:
            tx.write(udp_frame(guest.mac("eth0"), dst, "to-the-host", dst_ip="10.77.0.1"))
            tx.write(udp_frame(guest.mac("eth0"), "ff:ff:ff:ff:ff:ff", "sentinel"))
            rx.read_until(has("sentinel"))
            seen_by_taps.read_until(has("sentinel"))  # it was on the device, and packet taps saw it
        with pytest.raises(BlockingIOError):
            trap.recv(100)
    finally:
        trap.close()


def prove_the_trap_works(lab):
    """Without the switch the same frame does reach the socket."""
    guest = lab.host.guest("probe")
    lab.veth(guest, "probe0")
    guest.ip("link", "set", "eth0", "up")
    lab.host.sysctl("net.ipv4.conf.all.rp_filter", 0)
    lab.host.sysctl("net.ipv4.conf.probe0.rp_filter", 0)
    lab.host.ip("addr", "add", "10.99.0.254/24", "dev", "probe0")
    trap = lab.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    trap.bind(("10.77.0.1", 7777))
    trap.settimeout(5)
    try:
        with wire(guest, "eth0") as tx:
            def received():
                tx.write(udp_frame(guest.mac("eth0"), lab.host.mac("probe0"), "to-the-host",
                                   dst_ip="10.77.0.1"))
                trap.settimeout(0.2)
                try:
                    return trap.recv(100)
                except TimeoutError:
                    return None
            wait_until(received, 5, "the trap receives without the switch")
    finally:
        trap.close()
        lab.drop_guest(guest)


def test_host_stack_is_kept_out(lab, guests):
    prove_the_trap_works(lab)
    assert_host_is_kept_out(lab, guests["a"], "a", guests["b"])


def test_host_stack_is_kept_out_after_nft_flush_ruleset(lab, guests):
    lab.host.run("nft", "flush", "ruleset")
    assert_host_is_kept_out(lab, guests["a"], "a", guests["b"])


def test_our_nft_table_is_put_back_within_100_ms(lab, guests):
    def table():
        return "table inet saklar" in lab.host.out("nft", "list", "tables")

    wait_until(table, 5, "there is a table")
    rules = lab.host.out("nft", "list", "ruleset")
    # One shell measures, so that starting programs here does not count.
    out = lab.host.out("sh", "-c", """
        nft flush ruleset; start=$(date +%s%N)
        until nft list tables | grep -q 'table inet saklar'; do
            [ $(( $(date +%s%N) - start )) -gt 5000000000 ] && exit 1
        done
        echo $(( ($(date +%s%N) - start) / 1000000 ))""")
    assert int(out) <= 100, f"{out} ms"
    assert lab.host.out("nft", "list", "ruleset") == rules


def test_renamed_netdev_stays_connected_and_shut(lab, guests):
    lab.host.ip("link", "set", "dev", "a", "down")
    lab.host.ip("link", "set", "dev", "a", "name", "renamed0")
    lab.host.ip("link", "set", "dev", "renamed0", "up")
    try:
        assert_nothing_reaches_host = lab.host.mac("renamed0")
        trap = lab.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        trap.bind(("10.77.0.1", 7777))
        trap.setblocking(False)
        with wire(guests["a"], "eth0") as tx, wire(lab.host, "renamed0") as taps:
            wait_until(lambda: guests["a"].link("eth0")["operstate"] == "UP", 5)
            tx.write(udp_frame(guests["a"].mac("eth0"), assert_nothing_reaches_host, "to-the-host",
                               dst_ip="10.77.0.1"))
            taps.read_until(has("to-the-host"))
        with pytest.raises(BlockingIOError):
            trap.recv(100)
        trap.close()
        vif = wait_until(lambda: lab.saklar.vif("a"), 2)
        assert vif["state"] in ("up", "waiting")
        if vif["state"] == "up":
            wait_until(lambda: lab.saklar.vif("a")["ifname"] == "renamed0", 5, "shows the new name")
            wait_ping(guests["a"], "10.15.0.12")
        else:
            assert "a" in vif["reason"]
    finally:
        lab.host.ip("link", "set", "dev", "renamed0", "down")
        lab.host.ip("link", "set", "dev", "renamed0", "name", "a")
        lab.host.ip("link", "set", "dev", "a", "up")
    lab.saklar.wait_vif("a")
    wait_ping(guests["a"], "10.15.0.12")
    assert_host_is_kept_out(lab, guests["a"], "a", guests["b"])


def test_deleted_netdev_is_waited_for_and_comes_back_by_itself(lab, guests):
    a = guests["a"]
    for _ in range(3):
        lab.host.ip("link", "del", "dev", "a")
        vif = lab.saklar.wait_vif("a", "waiting")
        assert "a" in vif["reason"]
        assert vif["carrier"] in (False, None)
        lab.veth(a, "a")
        a.ip("link", "set", "eth0", "up")
        a.ip("addr", "add", "10.15.0.11/24", "dev", "eth0")
        lab.saklar.wait_vif("a", "up")
        wait_ping(a, "10.15.0.12")
    assert_host_is_kept_out(lab, a, "a", guests["b"])


def test_netdev_that_exists_later_is_attached_without_being_asked(lab, guests):
    guest = lab.host.guest("late")
    lab.saklar("vif", "add", "late", "--network", "lan", "--type", "netdev", "--dev", "late")
    assert lab.saklar.wait_vif("late", "waiting")["reason"]
    lab.veth(guest, "late")
    guest.ip("link", "set", "eth0", "up")
    guest.ip("addr", "add", "10.15.0.20/24", "dev", "eth0")
    lab.saklar.wait_vif("late", "up")
    wait_ping(guest, "10.15.0.12")
    lab.saklar("vif", "del", "late")


def test_carrier_and_link_state_are_followed_live(lab, guests):
    guests["b"].ip("link", "set", "eth0", "down")
    wait_until(lambda: lab.saklar.vif("b")["carrier"] is False, 5, "carrier gone")
    guests["b"].ip("link", "set", "eth0", "up")
    wait_until(lambda: lab.saklar.vif("b")["carrier"] is True, 5, "carrier back")
    wait_ping(guests["a"], "10.15.0.12")


def test_first_frames_behind_a_carrier_are_not_dropped(lab, guests):
    """The daemon, which tells the engine of the carrier, is held up meanwhile."""
    guests["b"].ip("link", "set", "eth0", "down")
    wait_until(lambda: lab.saklar.vif("b")["carrier"] is False, 5, "carrier gone")
    before = lab.saklar.drops("b", "link_down")
    with wire(guests["a"], "eth0") as rx:
        lab.saklar.daemon.send_signal(signal.SIGSTOP)
        try:
            guests["b"].ip("link", "set", "eth0", "up")
            wait_until(lambda: guests["b"].link("eth0")["operstate"] == "UP", 5, "carrier")
            with wire(guests["b"], "eth0") as tx:
                tx.write(udp_frame("02:00:00:00:0b:0b", "ff:ff:ff:ff:ff:ff", "first word"))
                rx.read_until(has("first word"))
        finally:
            lab.saklar.daemon.send_signal(signal.SIGCONT)
    wait_until(lambda: lab.saklar.vif("b")["carrier"] is True, 5, "carrier back")
    assert lab.saklar.drops("b", "link_down") == before


@pytest.mark.usefixtures("through_engine")
def test_tx_link_down_is_counted_while_nobody_has_told_the_engine(lab, guests):
    """A device goes down and the daemon, which would take the port out, is held up."""
    mac_b = guests["b"].mac("eth0")
    ping(guests["a"], "10.15.0.12", count=1)
    before = lab.saklar.drops("b", "tx_link_down")
    lab.saklar.daemon.send_signal(signal.SIGSTOP)
    try:
        lab.host.ip("link", "set", "dev", "b", "down")
        with wire(guests["a"], "eth0") as tx, wire(lab.host, "a") as seen:
            for _ in range(5):
                tx.write(udp_frame(guests["a"].mac("eth0"), mac_b, "into the void"))
                seen.read_until(has("into the void"))
    finally:
        lab.saklar.daemon.send_signal(signal.SIGCONT)
    wait_until(lambda: lab.saklar.drops("b", "tx_link_down") >= before + 5, 5, "counted")
    lab.host.ip("link", "set", "dev", "b", "up")
    lab.saklar.wait_vif("b")
    wait_ping(guests["a"], "10.15.0.12")


@pytest.mark.usefixtures("through_engine")
def test_tx_refused_is_counted_when_a_frame_exceeds_the_device_before_the_engine_knows(lab, guests):
    ping(guests["a"], "10.15.0.12", count=1)
    mac_b = guests["b"].mac("eth0")
    before = lab.saklar.drops("b", "tx_refused")
    lab.saklar.daemon.send_signal(signal.SIGSTOP)
    try:
        lab.host.ip("link", "set", "dev", "b", "mtu", "1280")
        with wire(guests["a"], "eth0") as tx, wire(lab.host, "a") as seen:
            for _ in range(5):
                tx.write(udp_frame(guests["a"].mac("eth0"), mac_b, "too long" + "x" * 1400))
                seen.read_until(has("too long"))
    finally:
        lab.saklar.daemon.send_signal(signal.SIGCONT)
    wait_until(lambda: lab.saklar.drops("b", "tx_refused") >= before + 5, 5, "counted")
    lab.host.ip("link", "set", "dev", "b", "mtu", "1500")
    wait_until(lambda: lab.saklar.vif("b")["mtu"] == 1500, 5)


def test_frames_for_a_device_without_carrier_go_elsewhere(lab, guests):
    """As on a Linux bridge: what was learned there is forgotten, the others get the frame."""
    guest = lab.guest("third", "lan", "host")
    mac_b = guests["b"].mac("eth0")
    ping(guests["a"], "10.15.0.12", count=1)
    lab.host.ip("link", "set", "dev", "b", "down")
    assert "carrier" in lab.saklar.wait_vif("b", "waiting")["reason"]
    with wire(guests["a"], "eth0") as tx, wire(guest, "eth0") as rx:
        tx.write(udp_frame(guests["a"].mac("eth0"), mac_b, "flooded"))
        rx.read_until(has("flooded"))
    lab.host.ip("link", "set", "dev", "b", "up")
    lab.saklar.wait_vif("b")
    wait_ping(guests["a"], "10.15.0.12")
    lab.saklar("vif", "del", "third")


def device_settings(lab, ifname):
    """What the switch may have changed on a device."""
    link = json.loads(lab.host.out("ip", "-j", "-d", "link", "show", "dev", ifname))[0]
    settings = {k: link.get(k) for k in ("flags", "mtu", "promiscuity", "allmulti", "group",
                                         "txqlen", "qdisc", "gso_max_size")}
    settings["flags"] = sorted(set(settings["flags"]) - {"LOWER_UP", "NO-CARRIER"})
    settings["features"] = lab.host.out("ethtool", "-k", ifname)
    settings["tc"] = lab.host.out("tc", "qdisc", "show", "dev", ifname) + \
        lab.host.out("tc", "filter", "show", "dev", ifname, "ingress")
    with lab.host.net():
        for family in ("ipv4", "ipv6"):
            for key in lab.host.out("sh", "-c", f"cd /proc/sys/net/{family}/conf/{ifname} && "
                                    "grep -s . * || true").splitlines():
                name, value = key.split(":", 1)
                if name not in ("stable_secret",):
                    settings[f"{family}.{name}"] = value
    return settings


def prepared_veth(lab, name):
    guest = lab.host.guest(name)
    lab.veth(guest, name)
    guest.ip("link", "set", "eth0", "up")
    wait_until(lambda: lab.host.link(name)["operstate"] == "UP", 5)
    return guest


def differences(before, after):
    return {k: (before.get(k), after.get(k)) for k in before if before.get(k) != after.get(k)}


def test_address_that_comes_later_is_a_problem_in_status(lab, guests):
    """It cannot work, and the vif would be refused when everything starts anew."""
    def problems():
        return [p for p in lab.saklar.json("status")["problems"] if p["object"] == "vif a"]

    dev = lab.saklar.vif("a")["ifname"]
    assert not problems()
    lab.host.ip("addr", "add", "10.55.0.1/24", "dev", dev)
    found = problems()
    assert "carries the address 10.55.0.1/24" in found[0]["text"], found
    lab.host.run(*found[0]["cure"].split())
    assert not problems()


def test_settings_of_a_netdev_are_put_back_on_del(lab, guests):
    prepared_veth(lab, "back1")
    before = device_settings(lab, "back1")
    lab.saklar("vif", "add", "back1", "--network", "lan", "--type", "netdev", "--dev", "back1")
    lab.saklar.wait_vif("back1")
    assert "clsact" in lab.host.out("tc", "qdisc", "show", "dev", "back1")
    lab.saklar("vif", "del", "back1")
    wait_until(lambda: not differences(before, device_settings(lab, "back1")), 5,
               "settings are back")


def test_settings_of_a_netdev_are_put_back_after_kill_and_restart(lab, guests):
    prepared_veth(lab, "back2")
    before = device_settings(lab, "back2")
    lab.saklar("vif", "add", "back2", "--network", "lan", "--type", "netdev", "--dev", "back2")
    lab.saklar.wait_vif("back2")
    lab.saklar.kill_engine()
    lab.saklar.kill_daemon()
    lab.saklar.start()
    lab.saklar.wait_vif("back2")
    lab.saklar("vif", "del", "back2")
    wait_until(lambda: not differences(before, device_settings(lab, "back2")), 5,
               "settings are back")


def test_engine_and_daemon_dead_the_host_is_still_kept_out(lab, guests):
    """Last in this module: the guard is the device's, not a process's."""
    lab.saklar.wait_vif("a")
    engine = lab.saklar.engine_pid()
    lab.saklar.daemon.send_signal(signal.SIGKILL)
    lab.host.kill(engine)
    trap = lab.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    trap.bind(("10.77.0.1", 7777))
    trap.setblocking(False)
    with wire(guests["a"], "eth0") as tx, wire(lab.host, "a") as taps:
        tx.write(udp_frame(guests["a"].mac("eth0"), lab.host.mac("a"), "to-the-host",
                           dst_ip="10.77.0.1"))
        taps.read_until(has("to-the-host"))
    with pytest.raises(BlockingIOError):
        trap.recv(100)
    trap.close()
    lab.saklar.start()
    lab.saklar.wait_vif("a")
    wait_ping(guests["a"], "10.15.0.12")

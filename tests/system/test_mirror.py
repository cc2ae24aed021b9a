# SPDX-License-Identifier: Apache-2.0
"""Copies of packets for vifs that look on, through devices of several kinds and while flows of two
netdevs would go by the kernel alone.

      guest a (host) --+-- network lan --+-- guest b (netdev)      m (host, in no network)
                       | leg: 10.44.0.1  +-- guest c (netdev)      n (netdev, in no network)
"""

import pytest

from lib.wait import wait_until
from lib.wire import has, udp_frame, wire


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.44.0.0/24")
    some = {name: lab.guest(name, "lan", kind, addr=f"10.44.0.{i}/24")
            for name, kind, i in (("a", "host", 2), ("b", "netdev", 3), ("c", "netdev", 4))}
    some["m"] = lab.guest("m")
    lab.saklar("vif", "add", "m", "--type", "host", "--netns", "m", "--ifname", "eth0")
    wait_until(lambda: some["m"].has_link("eth0"), 5, "the device is there")
    some["n"] = lab.guest("n")
    lab.veth(some["n"], "n")
    lab.saklar("vif", "add", "n", "--type", "netdev", "--dev", "n")
    for name in ("m", "n"):
        some[name].ip("link", "set", "eth0", "up")
    return some


@pytest.fixture(autouse=True)
def nothing_is_left(lab):
    yield
    for row in lab.saklar.json("mirror", "list"):
        lab.saklar("vif", "set", row["vif"], "--no-mirror")


def ping(guests, pattern, source="b", to="10.44.0.4"):
    guests[source].run("ping", "-c", "3", "-i", "0.01", "-p", pattern.encode().hex(), to)


@pytest.mark.parametrize("monitor", ["m", "n"])
def test_both_directions_of_a_vif_are_copied(lab, guests, monitor):
    ping(guests, "warm-up-0")  # the kernel knows the flow now
    lab.saklar("mirror", "add", "b", monitor)
    with wire(guests[monitor], "eth0") as rx:
        ping(guests, "both-ways")
        guests["b"].run("ping", "-c", "1", "-p", b"at-the-end".hex(), "10.44.0.4")
        frames = rx.read_until(has("at-the-end"))
        frames += rx.read_until(has("at-the-end"))
    assert lab.saklar.vif(monitor)["state"] == "up"
    copies = [frame for frame in frames if has("both-ways")(frame)]
    assert [frame[14 + 20] for frame in copies] == [8, 0] * 3  # echo, its answer
    assert copies[0][6:12] == bytes.fromhex(guests["b"].mac("eth0").replace(":", ""))
    assert lab.saklar.vif(monitor)["tx_packets"] >= 6


def test_one_direction_and_what_packets_must_have(lab, guests):
    lab.saklar("mirror", "add", "a", "m", "--direction", "rx", "--proto", "udp", "--port", "5353",
               "--ip", "10.99.0.0/24")
    with wire(guests["a"], "eth0") as tx, wire(guests["m"], "eth0") as rx:
        mac = guests["a"].mac("eth0")
        for text, port, ip in (("port", 5354, "10.99.0.2"), ("addr", 5353, "10.98.0.2"),
                               ("right", 5353, "10.99.0.2")):
            tx.write(udp_frame(mac, "ff:ff:ff:ff:ff:ff", text, port=port, dst_ip=ip,
                               src_ip="10.97.0.1"))
        frames = rx.read_until(has("right"))
    assert not [frame for frame in frames if has("port")(frame) or has("addr")(frame)]
    row = lab.saklar.json("mirror", "list", "--vif", "m")[0]
    assert (row["source"], row["direction"], row["filter"]) == (
        "a", "rx", "ip=10.99.0.0/24,proto=udp,port=5353")
    assert "ip=10.99.0.0/24" in lab.saklar("mirror", "list")


def test_a_network_is_copied_once_with_what_the_host_says(lab, guests):
    lab.saklar("mirror", "add", "lan", "n")
    with wire(guests["n"], "eth0") as rx:
        lab.host.run("ping", "-c", "2", "-i", "0.01", "-p", b"from-host".hex(), "10.44.0.2")
        guests["a"].run("ping", "-c", "1", "-p", b"at-the-end".hex(), "10.44.0.1")
        frames = rx.read_until(has("at-the-end"))
    assert [frame[14 + 20] for frame in frames if has("from-host")(frame)] == [8, 0] * 2


def test_a_mirror_ends_and_the_flow_goes_by_the_kernel_again(lab, guests):
    lab.saklar("mirror", "add", "b", "m")
    ping(guests, "mirrored")
    lab.saklar("mirror", "del", "b", "m")
    with wire(guests["m"], "eth0") as rx:
        ping(guests, "not-any-more")
        lab.saklar("mirror", "add", "a", "m")
        guests["a"].run("ping", "-c", "1", "-p", b"at-the-end".hex(), "10.44.0.4")
        frames = rx.read_until(has("at-the-end"))
    assert not [frame for frame in frames if has("not-any-more")(frame)]


def test_copies_go_on_after_the_engine_died(lab, guests):
    lab.saklar("mirror", "add", "b", "m")
    lab.saklar.kill_engine()
    with wire(guests["m"], "eth0") as rx:
        guests["b"].run("ping", "-c", "1", "-w", "10", "-p", b"new-engine".hex(), "10.44.0.4")
        rx.read_until(has("new-engine"))


@pytest.mark.parametrize("words,reason", [
    (("mirror", "add", "m", "m"), "cannot get copies of itself"),
    (("mirror", "add", "a", "b"), "a vif that gets copies is in no network"),
    (("mirror", "add", "nobody", "m"), "no vif and no network"),
    (("mirror", "add", "a", "m", "--port", "0"), "says no mirror"),
    (("mirror", "del", "a", "m"), "gets no copies of 'a'"),
])
def test_what_cannot_be_is_refused(lab, guests, words, reason):
    assert reason in lab.saklar.refused(*words)
    assert lab.saklar.json("mirror", "list") == []

# SPDX-License-Identifier: Apache-2.0
"""VLANs of vifs of every kind, set by command; what is refused, with which words.  How frames are
tagged in all cases is asked by tests/conformance.

      trunk t (netdev, 10p/20) --+
      access a (host, 10) -------+-- network seg --+-- access b (netdev, 20)
                                                   +-- access c (tap, 10)
"""

import contextlib

import pytest

from lib.wire import has, udp_frame, wire


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("seg", "--vlan-filtering", "802.1q")
    kinds = {"t": ("netdev", "10p/20"), "a": ("host", "10"), "b": ("netdev", "20"),
             "c": ("tap", "10")}
    return {name: lab.guest(name, "seg", kind, args=("--vlan", vlan))
            for name, (kind, vlan) in kinds.items()}


def with_tag(frame, tci):
    return frame[:12] + b"\x81\x00" + tci.to_bytes(2, "big") + frame[12:]


def test_tags_come_and_go_on_vifs_of_every_kind(guests):
    for name in "abc":
        reached = [other for other in "abc" if (other == "b") == (name == "b") and other != name]
        text = f"from-{name}"
        frame = udp_frame(guests[name].mac("eth0"), "ff:ff:ff:ff:ff:ff", text)
        wanted = with_tag(frame, 20) if name == "b" else frame
        with contextlib.ExitStack() as stack:
            tx, trunk, *others = [stack.enter_context(wire(guests[g], "eth0"))
                                  for g in (name, "t", *reached)]
            tx.write(frame)
            assert trunk.read_until(has(text))[-1] == wanted
            for other in others:
                assert other.read_until(has(text))[-1] == frame


def test_the_trunk_reaches_each_vlan_by_its_tag(guests):
    text = "to-b"
    frame = udp_frame(guests["t"].mac("eth0"), "ff:ff:ff:ff:ff:ff", text)
    with wire(guests["t"], "eth0") as tx, wire(guests["b"], "eth0") as rx:
        tx.write(with_tag(frame, 5 << 13 | 20))
        assert rx.read_until(has(text))[-1] == frame


def test_tables_and_vifs_show_the_vlan(lab, guests):
    frame = udp_frame(guests["b"].mac("eth0"), "ff:ff:ff:ff:ff:ff", "table")
    with wire(guests["b"], "eth0") as tx, wire(guests["t"], "eth0") as rx:
        tx.write(frame)
        rx.read_until(has("table"))
    rows = [row for row in lab.saklar.json("fdb", "list") if row["mac"] == guests["b"].mac("eth0")]
    assert [(row["vlan"], row["vif"]) for row in rows] == [(20, "b")]
    assert lab.saklar.vif("t")["vlan"] == "10p/20"
    assert lab.saklar.network("seg")["vlan_filtering"] == "802.1q"


@pytest.mark.parametrize("words,reason", [
    (("vif", "set", "a", "--vlan", "0"), "VLANs are 1 to 4094"),
    (("vif", "set", "a", "--vlan", "10p/20p"), "second native VLAN"),
    (("network", "set", "seg", "--vlan-filtering", "off"), "does not look at tags"),
    (("network", "add", "rt", "--mode", "open", "--subnet", "10.9.9.0/24", "--vlan-filtering",
      "802.1q"), "do not go together yet"),
])
def test_what_does_not_fit_is_refused(lab, guests, words, reason):
    before = lab.saklar.json("vif", "list")
    assert reason in lab.saklar.refused(*words)
    assert [v["vlan"] for v in lab.saklar.json("vif", "list")] == [v["vlan"] for v in before]

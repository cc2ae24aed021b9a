# SPDX-License-Identifier: Apache-2.0
"""The verbs of the forwarding table, locked vifs, and addresses that bridges keep to themselves, by
command, on vifs of several kinds.  Which frames go where is asked by tests/conformance.

      guest a (host) --+-- network seg --+-- guest b (netdev)
                       | leg: 10.33.0.1  +-- guest c (tap)
"""

import pytest

from lib.wire import has, udp_frame, wire

STATION = "52:54:02:00:00:09"


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("seg", "--subnet", "10.33.0.0/24")
    return {name: lab.guest(name, "seg", kind)
            for name, kind in (("a", "host"), ("b", "netdev"), ("c", "tap"))}


@pytest.fixture(autouse=True)
def nothing_is_left(lab):
    yield
    for vif in lab.saklar.json("vif", "list"):
        lab.saklar("vif", "set", vif["name"], "--no-fdb", "--no-locked", "--no-group-fwd-mask",
                   "--no-profile")
    lab.saklar("network", "set", "seg", "--no-fdb", "--no-group-fwd-mask")
    lab.saklar("fdb", "flush")


def say(guests, name, source, text, heard_by):
    """A broadcast of @source from a guest, and proof that another guest has heard it."""
    with wire(guests[name], "eth0") as tx, wire(guests[heard_by], "eth0") as rx:
        tx.write(udp_frame(source, "ff:ff:ff:ff:ff:ff", text))
        rx.read_until(has(text))


def entry(lab, mac=STATION):
    return lab.saklar.fdb("seg").get(mac)


def test_an_added_entry_is_listed_stored_and_taken_away(lab, guests):
    lab.saklar("fdb", "add", STATION, "b")
    assert (entry(lab)["vif"], entry(lab)["origin"], entry(lab)["sticky"]) == ("b", "static", False)
    assert lab.saklar.vif("b")["fdb"] == [STATION]
    assert STATION in lab.saklar("export")
    say(guests, "c", STATION, "moves", "a")
    assert (entry(lab)["vif"], entry(lab)["moves"]) == ("c", 1)
    lab.saklar("fdb", "flush", "--network", "seg")
    assert entry(lab)["vif"] == "c"
    lab.saklar("fdb", "del", STATION, "seg")
    assert entry(lab) is None and lab.saklar.vif("b")["fdb"] == []


def test_a_sticky_entry_stays(lab, guests):
    lab.saklar("fdb", "add", STATION, "b", "--sticky")
    say(guests, "c", STATION, "stays", "a")
    assert (entry(lab)["vif"], entry(lab)["sticky"]) == ("b", True)
    assert lab.saklar.vif("b")["fdb"] == [f"{STATION},sticky"]


def test_entries_of_tenants_are_sticky(lab, guests):
    lab.saklar("vif", "set", "b", "--profile", "tenant")
    lab.saklar("fdb", "add", STATION, "b")
    say(guests, "c", STATION, "mine", "a")
    assert (entry(lab)["vif"], entry(lab)["sticky"]) == ("b", True)


def test_an_entry_behind_the_host_leg_is_local(lab, guests):
    lab.saklar("fdb", "add", STATION, "seg")
    say(guests, "c", STATION, "host", "a")
    assert (entry(lab)["vif"], entry(lab)["origin"]) == ("seg", "local")
    lab.saklar("fdb", "del", STATION, "seg")
    assert entry(lab) is None


def test_a_learned_entry_is_deleted_alone(lab, guests):
    say(guests, "c", STATION, "one", "a")
    say(guests, "c", "52:54:02:00:00:0a", "two", "a")
    lab.saklar("fdb", "del", STATION, "seg")
    assert entry(lab) is None and entry(lab, "52:54:02:00:00:0a")["vif"] == "c"
    assert "no such entry" in lab.saklar.refused("fdb", "del", STATION, "seg")


def test_the_list_and_the_flush_of_one_vif(lab, guests):
    say(guests, "c", STATION, "c-says", "a")
    say(guests, "b", "52:54:02:00:00:0b", "b-says", "a")
    rows = lab.saklar.json("fdb", "list", "--vif", "c")
    assert STATION in [row["mac"] for row in rows] and {row["vif"] for row in rows} == {"c"}
    lab.saklar("fdb", "flush", "--vif", "c")
    assert entry(lab) is None and entry(lab, "52:54:02:00:00:0b")["vif"] == "b"


def test_a_locked_vif_lets_in_whom_it_knows(lab, guests):
    lab.saklar("vif", "set", "c", "--locked")
    lab.saklar("fdb", "add", STATION, "c")
    with wire(guests["c"], "eth0") as tx, wire(guests["a"], "eth0") as rx:
        tx.write(udp_frame("52:54:02:00:00:0c", "ff:ff:ff:ff:ff:ff", "stranger"))
        tx.write(udp_frame(STATION, "ff:ff:ff:ff:ff:ff", "known"))
        heard = rx.read_until(has("known"))
    assert not any(has("stranger")(frame) for frame in heard)
    drops = {row["reason"]: row["packets"] for row in lab.saklar.json("drops", "--vif", "c")}
    assert drops["port_locked"] >= 1


def test_reserved_addresses_pass_where_the_mask_says_so(lab, guests):
    def lldp(text):
        frame = udp_frame(guests["c"].mac("eth0"), "ff:ff:ff:ff:ff:ff", text)
        return bytes.fromhex("0180c200000e") + frame[6:]

    with wire(guests["c"], "eth0") as tx, wire(guests["a"], "eth0") as rx:
        tx.write(lldp("kept"))
        lab.saklar("vif", "set", "c", "--group-fwd-mask", "16384")
        tx.write(lldp("by-vif"))
        assert not any(has("kept")(frame) for frame in rx.read_until(has("by-vif")))
        lab.saklar("vif", "set", "c", "--no-group-fwd-mask")
        lab.saklar("network", "set", "seg", "--group-fwd-mask", "16384")
        tx.write(lldp("by-network"))
        rx.read_until(has("by-network"))


@pytest.mark.parametrize("words,reason", [
    (("fdb", "add", "01:00:5e:00:00:01", "b"), "is no entry: write the MAC address of one host"),
    (("fdb", "add", STATION, "nobody"), "there is no vif 'nobody'"),
    (("fdb", "add", STATION, "b", "--vlan", "10"), "network seg does not look at tags"),
    (("fdb", "add", STATION, "seg", "--sticky"), "entries of a host leg never move"),
    (("vif", "set", "b", "--fdb", STATION + ",for-ever"), "is no entry"),
    (("vif", "set", "b", "--group-fwd-mask", "2"), "pause frames, which no bridge passes on"),
    (("network", "set", "seg", "--group-fwd-mask", "4"), "cannot be set for a whole network"),
])
def test_what_cannot_be_is_refused(lab, guests, words, reason):
    before = lab.saklar.json("vif", "list")
    assert reason in lab.saklar.refused(*words)
    assert [v["fdb"] for v in lab.saklar.json("vif", "list")] == [v["fdb"] for v in before]

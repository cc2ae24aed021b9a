# SPDX-License-Identifier: Apache-2.0
"""Multicast: what networks and vifs are told, and static groups by mdb.add and mdb.del."""
import pytest

from daemon import Refused


@pytest.fixture
def client(daemon):
    one = daemon.client()
    one.call("network.add", name="lab", multicast_igmp=3)
    one.call("network.add", name="tags", vlan_filtering="802.1q")
    one.call("vif.add", name="web0", network="lab", type="netdev", dev="eth7")
    one.call("vif.add", name="tag0", network="tags", type="netdev", dev="eth8")
    return one


def groups(client, vif="web0"):
    return client.call("vif.show", name=vif)["multicast_groups"]


def test_a_network_snoops_and_does_not_ask_until_it_is_told(client):
    shown = client.call("network.show", name="tags")
    assert shown["multicast_snooping"] is True and shown["multicast_querier"] is False
    assert shown["multicast_igmp"] == 2 and shown["multicast_mld"] == 1
    client.call("network.set", name="tags", multicast_querier=True, multicast_mld=2,
                multicast_intervals="query=60,last-member=0.5", multicast_per_vlan=True)
    shown = client.call("network.show", name="tags")
    assert shown["multicast_querier"] is True and shown["multicast_mld"] == 2
    assert shown["multicast_intervals"] == "query=60,last-member=0.500"
    assert shown["multicast_mac"].startswith("52:54:00:") and shown["multicast_per_vlan"] is True
    client.call("network.set", name="tags", multicast_intervals=None, multicast_snooping=False)
    shown = client.call("network.show", name="tags")
    assert shown["multicast_intervals"] is None and shown["multicast_snooping"] is False


def test_static_groups_come_and_go_as_part_of_the_vif(client):
    client.call("mdb.add", vif="web0", group="239.1.1.1")
    client.call("mdb.add", vif="web0", group="239.1.1.1", source="10.0.0.5")
    client.call("mdb.add", vif="tag0", group="ff1e::1", vlan=10)
    assert groups(client) == ["239.1.1.1", "239.1.1.1,10.0.0.5"]
    assert groups(client, "tag0") == ["ff1e::1,vlan=10"]
    exported = client.call("export")
    assert [v.get("multicast_groups") for v in exported["vifs"]] == [
        ["ff1e::1,vlan=10"], ["239.1.1.1", "239.1.1.1,10.0.0.5"]]
    client.call("mdb.del", vif="web0", group="239.1.1.1")
    assert groups(client) == ["239.1.1.1,10.0.0.5"]
    client.call("vif.set", name="web0", multicast_groups=[])
    assert groups(client) == []


@pytest.mark.parametrize("method,params,words", [
    ("mdb.add", {"vif": "web0"}, "group is missing: name an IPv4 or IPv6 group"),
    ("mdb.add", {"vif": "web0", "group": "239.1.1.1,10.0.0.1"}, "group is missing"),
    ("mdb.add", {"vif": "web0", "group": "239.1.1.1", "vlan": "x"},
     "source is an IP address and vlan a number: leave them out"),
    ("mdb.add", {"vif": "web0", "group": "10.0.0.1"}, "10.0.0.1 is no multicast address"),
    ("mdb.add", {"vif": "nobody", "group": "239.1.1.1"}, "nobody"),
    ("mdb.add", {"vif": "web0", "group": "239.1.1.1", "vlan": 10},
     "names a VLAN, but network lab is not VLAN-aware: leave vlan= out"),
    ("mdb.add", {"vif": "tag0", "group": "239.1.1.1"},
     "names no VLAN, but network tags is VLAN-aware: add vlan=VID"),
    ("mdb.add", {"vif": "tag0", "group": "239.1.1.1", "source": "10.0.0.5", "vlan": 10},
     "names a source, but network tags does not filter by sources: 'saklar network set tags "
     "--multicast-igmp 3' first, or leave the source out"),
    ("mdb.del", {"vif": "web0", "group": "239.1.1.1"}, "vif web0 has no static group 239.1.1.1"),
    ("vif.set", {"name": "web0", "multicast_groups": ["239.1.1.1", "239.1.1.1"]},
     "239.1.1.1 stands here two times: leave one out"),
    ("vif.set", {"name": "web0", "multicast_groups": [f"239.1.1.{i}" for i in range(33)]},
     "one vif takes 32 static groups at most"),
    ("vif.set", {"name": "web0", "multicast_router": "perhaps"}, "one of auto, off, always, deny"),
    ("network.set", {"name": "lab", "multicast_intervals": "query=5,response=5"},
     "response=5 is not less than query=5"),
    ("network.set", {"name": "lab", "multicast_mac": "01:00:00:00:00:01"},
     "the MAC that asks is neither zero nor multicast"),
])
def test_what_is_refused_names_item_rule_and_cure(client, method, params, words):
    with pytest.raises(Refused) as refused:
        client.call(method, **params)
    assert words in str(refused.value), refused.value


def test_a_group_is_added_once_and_no_more_than_there_is_room_for(client):
    for i in range(32):
        client.call("mdb.add", vif="web0", group=f"239.1.1.{i}")
    with pytest.raises(Refused, match="vif web0 has got the static group 239.1.1.7 before"):
        client.call("mdb.add", vif="web0", group="239.1.1.7")
    with pytest.raises(Refused, match="vif web0 has 32 static groups, which is as many as it can"):
        client.call("mdb.add", vif="web0", group="239.2.1.1")


def test_all_static_groups_have_a_limit(client):
    names = [f"v{i}" for i in range(129)]
    vifs = [{"name": n, "network": "lab", "type": "netdev", "dev": n,
             "multicast_groups": [f"239.1.1.{k}" for k in range(32)]} for n in names]
    with pytest.raises(Refused, match="4128 static groups of all vifs are too many, at most 4096"):
        client.call("apply", networks=[{"name": "lab"}], vifs=vifs, forwards=[])

# SPDX-License-Identifier: Apache-2.0
"""Mirrors: fields of the vif that gets the copies, by mirror.add, mirror.del and vif.set."""
import pytest

from daemon import Refused


@pytest.fixture
def client(daemon):
    one = daemon.client()
    one.call("network.add", name="lab")
    one.call("network.add", name="tags", vlan_filtering="802.1q")
    one.call("vif.add", name="web0", network="lab", type="netdev", dev="eth7")
    one.call("vif.add", name="tag0", network="tags", type="netdev", dev="eth8", vlan="10/20")
    one.call("vif.add", name="mon0", type="tap")
    one.call("vif.add", name="mon1", type="tap")
    return one


def of(client, vif="mon0"):
    return client.call("vif.show", name=vif)["mirror"]


def test_mirrors_come_and_go_as_part_of_the_vif(client):
    client.call("mirror.add", vif="mon0", mirror="web0,rx,proto=6,port=443")
    client.call("mirror.add", vif="mon0", mirror="tags,vlan=10")
    client.call("mirror.add", vif="mon0", mirror="web0,rx,proto=tcp,port=443")  # the same
    assert of(client) == ["web0,rx,proto=tcp,port=443", "tags,vlan=10"]
    assert client.call("mirror.list") == [
        {"vif": "mon0", "source": "web0", "kind": "vif", "direction": "rx", "vlan": 0,
         "filter": "proto=tcp,port=443", "mirror": "web0,rx,proto=tcp,port=443"},
        {"vif": "mon0", "source": "tags", "kind": "network", "direction": "rx", "vlan": 10,
         "filter": "", "mirror": "tags,vlan=10"}]
    assert client.call("mirror.list", vif="mon1") == []
    assert [v["mirror"] for v in client.call("export")["vifs"] if v["name"] == "mon0"] == [
        ["web0,rx,proto=tcp,port=443", "tags,vlan=10"]]
    client.call("mirror.add", vif="mon1", mirror="web0")
    assert client.call("mirror.list", vif="mon1")[0]["direction"] == "both"
    client.call("mirror.del", vif="mon0", mirror="web0")
    assert of(client) == ["tags,vlan=10"] and of(client, "mon1") == ["web0"]
    client.call("vif.set", name="mon0", mirror=[])
    assert of(client) == []


@pytest.mark.parametrize("method,params,words", [
    ("mirror.add", {"vif": "mon0"}, "mirror is missing: name the vif or network to copy from"),
    ("mirror.add", {"vif": "mon0", "mirror": 7}, "mirror is missing"),
    ("mirror.add", {"vif": "nobody", "mirror": "web0"}, "nobody"),
    ("mirror.add", {"vif": "mon0", "mirror": "web0,up"}, "says no mirror: write the name of a vif"),
    ("mirror.add", {"vif": "mon0", "mirror": "web0,proto=icmp,port=1"},
     "only tcp, udp and sctp have ports"),
    ("mirror.add", {"vif": "mon0", "mirror": "mon0"},
     "vif mon0 cannot get copies of itself: name another vif, or a network"),
    ("mirror.add", {"vif": "mon0", "mirror": "db0"},
     "vif mon0 gets copies of db0, which is no vif and no network: add that first"),
    ("mirror.add", {"vif": "web0", "mirror": "mon0"},
     "vif web0 is a port of network lab, and a vif that gets copies is in no network: take it out "
     "with 'saklar vif set web0 --no-network'"),
    ("mirror.add", {"vif": "mon0", "mirror": "lab,vlan=10"},
     "network lab does not look at tags: leave vlan= out of the mirror"),
    ("mirror.add", {"vif": "mon0", "mirror": "mon1,vlan=10"}, "vif mon1 does not look at tags"),
    ("mirror.add", {"vif": "mon0", "mirror": "tag0,vlan=30"},
     "vif tag0 is not in VLAN 30, so there is nothing of it to copy"),
    ("mirror.del", {"vif": "mon0", "mirror": "web0"},
     "vif mon0 gets no copies of 'web0': 'saklar mirror list' names what it gets"),
])
def test_what_is_refused_names_item_rule_and_cure(client, method, params, words):
    with pytest.raises(Refused) as e:
        client.call(method, **params)
    assert words in e.value.message
    assert of(client) == []


def test_what_is_mirrored_or_gets_copies_is_not_changed_away(client):
    client.call("mirror.add", vif="mon0", mirror="web0")
    for method, params, words in (
            ("vif.del", {"name": "web0"}, "end it with 'saklar mirror del web0 mon0'"),
            ("vif.set", {"name": "mon0", "network": "lab"}, "a vif that gets copies is in no network"),
            ("mirror.add", {"vif": "mon1", "mirror": "mon0"}, "are not copied again"),
            ("network.add", {"name": "out", "mode": "routed", "subnets": ["10.9.0.0/24"],
                             "uplink": "vif:mon0", "uplink_addresses": ["192.0.2.2/24"]},
             "vif mon0 is the uplink of network out: let another vif get the copies")):
        with pytest.raises(Refused) as e:
            client.call(method, **params)
        assert words in e.value.message
    client.call("vif.del", name="mon0")
    client.call("vif.del", name="web0")


def test_there_is_room_for_so_many(client):
    full = [f"tag0,vlan=10,port={i}" for i in range(1, 17)]
    client.call("vif.set", name="mon0", mirror=full)
    with pytest.raises(Refused, match="copies of at most 16 sources"):
        client.call("mirror.add", vif="mon0", mirror="web0")
    for i in range(3):
        client.call("vif.add", name=f"more{i}", type="tap", mirror=full)
    with pytest.raises(Refused, match="there can be at most 64 mirrors in all"):
        client.call("mirror.add", vif="mon1", mirror="web0")

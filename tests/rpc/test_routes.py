# SPDX-License-Identifier: Apache-2.0
"""Static routes: part of their network, changed one by one by route.add and route.del."""
import pytest

from daemon import Refused


@pytest.fixture
def client(daemon):
    one = daemon.client()
    one.call("network.add", name="net", mode="nat", subnets=["10.77.0.0/24", "fd77::/64"])
    one.call("network.add", name="out", mode="routed", subnets=["10.78.0.0/24"], uplink="eth9",
             uplink_addresses=["192.0.2.2/24"])
    one.call("network.add", name="iso", mode="isolated", subnets=["10.79.0.0/24"])
    return one


def routes(client, network):
    return client.call("network.show", name=network)["routes"]


def test_routes_come_and_go_as_part_of_the_network(client):
    client.call("route.add", network="net", prefix="172.16.0.0/16", via="10.77.0.5")
    client.call("route.add", network="net", prefix="fd80::/48", via="fd77::5")
    client.call("route.add", network="iso", prefix="172.17.0.0/16", via="10.79.0.5")
    client.call("route.add", network="out", prefix="198.18.0.0/15", via="192.0.2.9")
    assert routes(client, "net") == ["172.16.0.0/16,10.77.0.5", "fd80::/48,fd77::5"]
    assert routes(client, "out") == ["198.18.0.0/15,192.0.2.9"]
    exported = client.call("export")
    assert [n.get("routes") for n in exported["networks"]] == [
        ["172.17.0.0/16,10.79.0.5"], ["172.16.0.0/16,10.77.0.5", "fd80::/48,fd77::5"],
        ["198.18.0.0/15,192.0.2.9"]]
    client.call("route.del", network="net", prefix="172.16.0.0/16")
    assert routes(client, "net") == ["fd80::/48,fd77::5"]
    client.call("network.set", name="net", routes=[])
    assert routes(client, "net") == []
    client.call("network.set", name="net", routes=["172.16.0.0/16,10.77.0.5"])
    assert routes(client, "net") == ["172.16.0.0/16,10.77.0.5"]


@pytest.mark.parametrize("network,prefix,via,words", [
    ("net", "x", "10.77.0.5", "prefix is missing or none: write a subnet such as 10.9.0.0/16"),
    ("net", "10.9.0.0/16", "x", "via is missing or no address: name the router that leads there"),
    ("none", "10.9.0.0/16", "10.77.0.5", "there is no network 'none'"),
    ("net", "0.0.0.0/0", "10.77.0.5", "is what the uplink is for: name its next router with"),
    ("net", "10.9.1.0/16", "10.77.0.5", "has host bits set: write 10.9.0.0/16"),
    ("net", "8.0.0.0/7", "10.77.0.5", "route 8.0.0.0/7 is too large: use a prefix of"),
    ("net", "224.1.0.0/16", "10.77.0.5", "is no range of hosts that are routed to"),
    ("net", "fe80::/64", "fd77::5", "is no range of hosts that are routed to"),
    ("net", "10.9.0.0/16", "fd77::5", "of another family than 10.9.0.0/16: name a router with"),
    ("net", "10.9.0.0/16", "10.77.0.1", "no router can have 10.77.0.1 in network net"),
    ("net", "10.9.0.0/16", "192.0.2.9",
     "and what is behind the host is the host's to route: name a guest's"),
    ("out", "10.9.0.0/16", "192.0.2.2", "no router can have 192.0.2.2 in network out: name a guest's, or one of the"),
    ("net", "10.77.0.128/25", "10.77.0.5", "overlaps subnet 10.77.0.0/24 of network net"),
    ("net", "10.78.0.0/23", "10.77.0.5", "overlaps subnet 10.78.0.0/24 of network out"),
    ("out", "192.0.2.128/25", "192.0.2.9", "is part of the uplink's LAN 192.0.2.2/24"),
])
def test_what_is_refused_names_item_rule_and_cure(client, network, prefix, via, words):
    with pytest.raises(Refused) as refused:
        client.call("route.add", network=network, prefix=prefix, via=via)
    assert words in str(refused.value), refused.value


def test_a_prefix_leads_one_way(client):
    client.call("route.add", network="net", prefix="172.16.0.0/16", via="10.77.0.5")
    for network, via in (("net", "10.77.0.6"), ("iso", "10.79.0.5")):
        with pytest.raises(Refused, match="172.16.0.0/16 is routed by network net already: "
                                          "'saklar route del net 172.16.0.0/16' first"):
            client.call("route.add", network=network, prefix="172.16.0.0/16", via=via)
    client.call("route.add", network="out", prefix="172.16.0.0/16", via="192.0.2.9")
    with pytest.raises(Refused, match="subnet 172.16.9.0/24 overlaps route 172.16.0.0/16 of "
                                      "network net: choose a range that is free"):
        client.call("network.add", name="a", mode="isolated", subnets=["172.16.9.0/24"])


def test_a_network_has_room_for_16_and_forgets_only_what_was_added(client):
    for i in range(16):
        client.call("route.add", network="net", prefix=f"172.{i + 16}.0.0/16", via="10.77.0.5")
    with pytest.raises(Refused, match="network net has 16 routes, which is as many as it can have"):
        client.call("route.add", network="net", prefix="10.9.0.0/16", via="10.77.0.5")
    with pytest.raises(Refused, match="network net has no static route 10.9.0.0/16: 'saklar "
                                      "network show net' names them"):
        client.call("route.del", network="net", prefix="10.9.0.0/16")

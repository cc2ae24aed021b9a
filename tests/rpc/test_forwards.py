# SPDX-License-Identifier: Apache-2.0
"""Forwards that lead to a vif: whatever address its guest has."""
import pytest

from daemon import Refused

MAC = "52:54:00:00:00:05"


@pytest.fixture
def client(daemon):
    one = daemon.client()
    one.call("network.add", name="net", mode="nat", subnets=["10.77.0.0/24"], dhcp=True)
    one.call("network.add", name="bare", mode="nat", subnets=["10.78.0.0/24"])
    one.call("vif.add", name="web0", network="net", type="netdev", dev="eth7", mac=MAC)
    one.call("vif.add", name="dumb", network="net", type="netdev", dev="eth8")
    one.call("vif.add", name="far0", network="bare", type="tap")
    return one


def forward(**fields):
    return {"network": "net", "proto": "tcp", "port": 80, "vif": "web0", **fields}


def test_a_forward_by_vif_leads_to_the_address_that_dhcp_promised(client):
    client.call("forward.add", **forward(target_port=8080))
    row = {"network": "net", "proto": "tcp", "port": 80, "target_port": 8080, "vif": "web0"}
    assert client.call("forward.list") == [{**row, "address": None}]
    client.call("network.set", name="net", dhcp_hosts=[f"{MAC},10.77.0.9"])
    assert client.call("forward.list") == [{**row, "address": "10.77.0.9"}]
    client.call("network.set", name="net", dhcp_hosts=[f"{MAC},10.77.0.10"])
    assert client.call("forward.list") == [{**row, "address": "10.77.0.10"}]
    assert client.call("export")["forwards"] == [row]


def test_it_survives_the_daemon(daemon, client):
    client.call("forward.add", **forward())
    daemon.kill()
    daemon.start()
    rows = daemon.client().call("forward.list")
    assert [(row["vif"], row["address"]) for row in rows] == [("web0", None)]


@pytest.mark.parametrize("fields, words", [
    (forward(vif="none"), "there is no vif none: 'saklar vif list' names them"),
    (forward(address="10.77.0.9"), "leads to an address or to a vif: leave one of them out"),
    (forward(vif=None), "a forward needs a guest: name its address, or its vif"),
    (forward(vif="far0"), "it leads to a vif that is not in network net: delete the forward, or"),
    (forward(vif="dumb"), "nobody knows the MAC of the guest behind vif dumb: 'saklar vif set dumb "
                          "--mac' says it"),
    (forward(network="bare", vif="far0"), "network bare gives nobody an IPv4 address: set it"),
])
def test_what_is_refused_names_item_rule_and_cure(client, fields, words):
    with pytest.raises(Refused) as refused:
        client.call("forward.add", **fields)
    assert words in str(refused.value), refused.value


def test_a_vif_that_a_forward_leads_to_stays(client):
    client.call("forward.add", **forward())
    for method, fields in (("vif.del", {}), ("vif.set", {"network": "bare"})):
        with pytest.raises(Refused, match="it leads to a vif that is not in network net"):
            client.call(method, name="web0", **fields)
    client.call("forward.del", network="net", proto="tcp", port=80)
    client.call("vif.del", name="web0")

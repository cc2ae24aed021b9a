# SPDX-License-Identifier: Apache-2.0
"""The verbs: what they change, what they refuse, and that a refusal changes nothing."""
import pytest

from daemon import Refused

LAB = {"name": "lab", "mode": "isolated", "subnets": ["192.168.77.0/24"], "dhcp": True}


def snapshot(client):
    return (client.call("network.list"), client.call("vif.list"), client.call("status")["generation"])


@pytest.fixture
def client(daemon):
    one = daemon.client()
    one.call("network.add", **LAB)
    one.call("vif.add", name="web0", network="lab", type="tap", mac="52:54:00:00:00:01")
    return one


def test_network_add_fills_in_defaults(client):
    lab = client.call("network.show", name="lab")
    assert lab["gateways"] == ["192.168.77.1"]
    assert lab["dhcp_ranges"] == ["192.168.77.2-192.168.77.254"]
    assert lab["mtu"] == 1500 and lab["ageing"] == 300 and lab["profile"] == "tenant"
    assert lab["vifs"] == ["web0"] and lab["leg_ifname"] == "lab"
    assert lab["leg_mac"].startswith("52:54:00:")


def test_keys_of_a_vif_are_stable(client):
    vif = client.call("vif.show", name="web0")
    assert {"id", "name", "type", "network", "state", "reason", "mac", "mtu", "link", "carrier",
            "ifname",
            "netns", "dev", "ifindex", "queues", "rx_packets", "rx_bytes", "tx_packets", "tx_bytes",
            "drops", "drops_total", "owner", "isolated", "neigh_suppress", "role", "learning", "flood", "mcast_flood",
            "bcast_flood", "hairpin", "fdb_limit", "connection_limit", "half_open_limit",
            "unresolved_limit", "profile", "rate", "guard", "storm", "storm_unicast",
            "storm_broadcast", "storm_multicast", "socket", "memory_sealed", "queues_live",
            "multicast_router", "multicast_fast_leave", "multicast_limit", "multicast_rate",
            "multicast_groups", "stp_priority", "stp_cost", "stp_edge", "bpdu_guard",
            "root_guard", "loop_protect", "fdb", "mirror", "locked", "group_fwd_mask"} == set(vif)
    assert client.call("vif.list") == [vif]


def test_keys_of_a_network_are_stable(client):
    assert {"name", "mode", "profile", "vlan_filtering", "state", "reason", "subnets", "gateways",
            "dhcp", "dhcp_ranges", "dhcp_hosts", "domain", "mtu", "ageing", "fdb_limit",
            "neighbour_limit", "vifs", "multicast_snooping", "multicast_querier",
            "multicast_per_vlan", "multicast_igmp", "multicast_mld", "multicast_limit",
            "multicast_intervals", "multicast_mac", "mtu_icmp", "fdb", "group_fwd_mask",
            "neighbours",
            "leg_ifname", "leg_mac", "leg", "leg_id", "uplink_port",
            "stp", "stp_priority", "hello_time", "max_age", "forward_delay",
            "routes", "dns_hosts", "dns_forwarders", "dhcp_options",
            "dnsmasq_pid"} == set(client.call("network.list")[0])


def test_keys_of_status_are_stable(client):
    status = client.call("status")
    assert {"version", "build", "generation", "daemon", "engine", "networks", "vifs", "problems",
            "run_dir", "state_dir", "fast_path"} == set(status)
    assert {"pid", "state", "reason", "uptime_s", "hugepages", "restarts", "workers", "generation",
            "taken_over", "connections_evicted"} == set(status["engine"])
    assert status["engine"]["state"] == "running"
    assert (status["networks"], status["vifs"], status["generation"]) == (1, 1, 2)


def test_a_write_tells_generation_and_state(client):
    answer = client.call("vif.add", name="db0", network="lab", type="tap")
    assert answer["generation"] == 3
    assert answer["state"] in ("pending", "up", "waiting", "failed", "down")
    assert "reason" in answer


@pytest.mark.parametrize("method, params, words", [
    ("network.add", {"name": "abcdefghijklmnop"}, "at most 15 characters"),
    ("network.add", {"name": "a b"}, "a letter, then letters"),
    ("network.add", {"name": "a/b"}, "a letter, then letters"),
    ("network.add", {"name": "..", "mode": "bridge"}, "a letter, then letters"),
    ("network.add", {"name": "na\u00efve"}, "a letter, then letters"),
    ("network.add", {"name": "a\nb"}, "'a?b'"),
    ("network.add", {"name": "lab"}, "network lab exists already"),
    ("network.add", {"name": "web0"}, "share one space of names"),
    ("network.add", {"name": "b", "subnets": ["192.168.0.0/16"]},
     "192.168.0.0/16 of network b overlaps 192.168.77.0/24 of network lab"),
    ("network.add", {"name": "b", "subnets": ["10.0.0.1/24"]}, "write 10.0.0.0/24"),
    ("network.add", {"name": "b", "subnets": ["10.0.0.0/24"], "gateways": ["10.0.0.255"]},
     "broadcast address"),
    ("network.add", {"name": "b", "dhcp": True}, "add --subnet"),
    ("network.add", {"name": "b", "subnets": ["fd00::/64"], "mtu": 1000}, "IPv6, which needs 1280"),
    ("network.add", {"name": "b", "mode": "nat"}, "needs a subnet for its guests"),
    ("network.add", {"name": "b", "mode": "bridge", "uplink": "eth0"}, "as a vif of type netdev"),
    ("network.add", {"name": "b", "mode": "open", "subnets": ["10.0.0.0/24"],
                     "uplink": "vif:nobody"}, "there is no vif nobody"),
    ("network.add", {"name": "b", "guard": "a"}, "refused for now"),
    ("network.add", {"name": "b", "stp": "rstp", "stp_priority": 100},
     "with rstp stp_priority is a multiple of 4096, such as 0"),
    ("network.add", {"name": "b", "stp": "stp", "hello_time": 10},
     "max_age 20 is too short for hello_time 10: at least 22"),
    ("network.add", {"name": "b", "stp": "rstp", "stp_mac": "01:00:00:00:00:01"},
     "a bridge's MAC is neither zero nor multicast"),
    ("network.add", {"name": "b", "mtu": "1500"}, "a number from 68 to 65535"),
    ("network.set", {"name": "lab", "subnets": []}, "add --subnet"),
    ("network.set", {"name": "lab", "gateways": ["10.0.0.1"]}, "in none of the network's subnets"),
    ("network.set", {"name": "nolab", "mtu": 1500}, "saklar network list"),
    ("network.del", {"name": "lab"}, "network lab still has 1 vif (web0)"),
    ("network.del", {"name": "lab", "force": True}, "allowed: name"),
    ("vif.add", {"name": "web0", "network": "lab", "type": "tap"}, "vif web0 exists already"),
    ("vif.add", {"name": "lab", "network": "lab", "type": "tap"}, "share one space of names"),
    ("vif.add", {"name": "v", "network": "lab", "type": "tap", "dev": "web0"},
     "device web0 is wanted by vif v and vif web0"),
    ("vif.add", {"name": "v", "network": "lab", "type": "netdev"}, "add --dev IF"),
    ("vif.add", {"name": "v", "network": "lab", "type": "tap", "mac": "52:54:00:00:00:01"},
     "is wanted by vif v and vif web0 of the same network"),
    ("vif.add", {"name": "v", "network": "lab", "type": "tap", "mac": "01:00:5e:00:00:01"},
     "neither zero nor multicast"),
    ("vif.add", {"name": "v", "network": "nolab", "type": "tap"}, "there is no network nolab"),
    ("vif.add", {"name": "v", "network": "lab"}, "type is missing"),
    ("vif.set", {"name": "web0", "queues": 2}, "cannot be changed"),
    ("vif.set", {"name": "web0", "guard": "on"}, "is neither a word nor an address"),
    ("vif.add", {"name": "v", "network": "lab", "type": "netdev", "dev": "e", "guard": "mac"},
     "who guards the MAC of a guest has to know it"),
    ("network.set", {"name": "lab", "guard": "mac"}, "a guard knows one guest"),
    ("vif.set", {"name": "web0", "storm": "many"}, "is no limit of floods"),
    ("vif.set", {"name": "web0", "rate": "1000"}, "neither direction nor unit"),
    ("vif.set", {"name": "web0", "rate": "both=10Mb/s peak=1Mb/s"}, "peak below its average"),
    ("vif.set", {"name": "web0", "flod": True}, "did you mean 'flood'?"),
    ("vif.set", {"name": "web0", "network": "nolab"}, "there is no network nolab"),
    ("vif.del", {"name": "nobody"}, "saklar vif list"),
])
def test_a_refusal_says_what_to_do_and_changes_nothing(client, method, params, words):
    before = snapshot(client)
    with pytest.raises(Refused) as e:
        client.call(method, **params)
    assert words in e.value.message
    assert snapshot(client) == before


def test_guards_that_cannot_be_kept_are_refused(client):
    guest = {"type": "tap", "mac": "52:54:00:00:00:02"}
    client.call("network.add", name="dry", mode="bridge")
    with pytest.raises(Refused) as e:
        client.call("vif.add", name="v", network="dry", guard="dhcp", **guest)
    assert "guard dhcp: network dry gives no addresses: list the guest's, or 'saklar network set" \
        in e.value.message
    client.call("vif.set", name="web0", guard="192.168.77.9")
    with pytest.raises(Refused) as e:
        client.call("vif.add", name="v", network="lab", guard="192.168.77.9", **guest)
    assert "192.168.77.9/32 is vif web0's already: give each guest its own" in e.value.message
    # Xen's emulated NIC beside the other one is the same guest
    client.call("vif.add", name="web0-emu", network="lab", type="tap", mac="52:54:00:00:00:01",
                guard="192.168.77.9")
    assert client.call("vif.show", name="web0-emu")["guard"] == "192.168.77.9"


def test_set_changes_what_is_named_only(client):
    before = client.call("vif.show", name="web0")
    client.call("vif.set", name="web0", link=False, isolated=True)
    after = client.call("vif.show", name="web0")
    assert after["link"] is False and after["isolated"] is True
    for key in ("mac", "dev", "network", "queues", "flood", "fdb_limit"):
        assert after[key] == before[key]


def test_a_guest_without_mac_gets_one_and_keeps_it(daemon, client):
    client.call("vif.add", name="db0", network="lab", type="tap")
    mac = client.call("vif.show", name="db0")["mac"]
    leg = client.call("network.show", name="lab")["leg_mac"]
    assert mac.startswith("52:54:00:") and mac != leg
    daemon.kill()
    daemon.start()
    again = daemon.client()
    assert again.call("vif.show", name="db0")["mac"] == mac
    assert again.call("network.show", name="lab")["leg_mac"] == leg


def test_lists_are_ordered_by_name(client):
    for name in ("zz", "aa", "mm"):
        client.call("vif.add", name=name, network="lab", type="tap")
    assert [v["name"] for v in client.call("vif.list")] == ["aa", "mm", "web0", "zz"]
    assert [v["name"] for v in client.call("vif.list", network="lab")] == ["aa", "mm", "web0", "zz"]


def test_deleting_ends_at_nothing(client):
    client.call("vif.del", name="web0")
    client.call("network.del", name="lab")
    assert client.call("network.list") == [] and client.call("vif.list") == []


def test_many_vifs_are_listed(client):
    client.send(b"".join(
        b'{"jsonrpc":"2.0","id":1,"method":"vif.add","params":{"name":"v%d","network":"lab",'
        b'"type":"tap"}}\n' % i for i in range(200)))
    for _ in range(200):
        assert "result" in client.line()
    assert len(client.call("vif.list")) == 201


def test_fdb_entries_have_names(daemon, client):
    row = daemon.client("ro").call("fdb.list", network="lab")[0]
    assert row == {"network": "lab", "mac": "52:54:00:00:00:01", "vlan": 0, "vif": "web0",
                   "age_s": 3, "origin": "learned", "sticky": False, "moves": 4}
    assert client.call("fdb.flush", vif="web0")["generation"] == 2


def test_entries_that_cannot_be_are_refused(client):
    full = [f"52:54:00:00:01:{i:02x}" for i in range(64)]
    client.call("vif.set", name="web0", fdb=full)
    for method, params, words in (
            ("fdb.add", {"vif": "web0"}, "mac is missing: say which address"),
            ("fdb.add", {"vif": "web0", "mac": full[0][:-2] + "ff"},
             "a vif can have at most 64 entries of its own"),
            ("fdb.del", {"network": "lab", "mac": "00:00:00:00:00:00"},
             "no host has the MAC address of zeros")):
        with pytest.raises(Refused) as e:
            client.call(method, **params)
        assert words in e.value.message
    assert client.call("vif.show", name="web0")["fdb"] == full
    client.call("network.set", name="lab", fdb=["52:54:00:00:02:01"])
    with pytest.raises(Refused) as e:
        client.call("fdb.add", vif="web0", mac="52:54:00:00:02:01")
    assert "the host leg" in e.value.message or "at most" in e.value.message


def test_reads_of_an_instance_without_drops_are_empty(client):
    assert client.call("drops") == []
    assert client.call("worker.list")[0]["worker"] == 0
    assert "stages" not in client.call("worker.list", stages=False)[0]


def test_stages_of_workers_are_named_in_their_order(client):
    stages = client.call("worker.list", stages=True)[0]["stages"]
    assert [s["stage"] for s in stages][:3] == ["RX", "PARSE", "PACE"]
    assert stages[-1] == {"stage": "DROP", "cycles": 0}
    with pytest.raises(Refused, match="stages is a boolean"):
        client.call("worker.list", stages=1)


NAT = {"name": "out", "mode": "nat", "subnets": ["10.7.0.0/24"]}
WEB = {"network": "out", "proto": "tcp", "port": 8080, "address": "10.7.0.10", "target_port": 80}


def test_a_forward_is_added_listed_kept_and_deleted(daemon, client):
    client.call("network.add", **NAT)
    client.call("forward.add", **WEB)
    client.call("forward.add", network="out", proto="udp", port=53, address="10.7.0.10")
    assert client.call("forward.list", network="out") == [
        WEB, {"network": "out", "proto": "udp", "port": 53, "address": "10.7.0.10",
              "target_port": 53}]
    assert client.call("forward.list", network="lab") == []
    with pytest.raises(Refused, match="still has forwards"):
        client.call("network.del", name="out")
    with pytest.raises(Refused, match="not of mode nat"):
        client.call("network.set", name="out", mode="routed")
    daemon.kill()
    daemon.start()
    client = daemon.client()
    assert len(client.call("forward.list")) == 2
    for proto, port in (("tcp", 8080), ("udp", 53)):
        client.call("forward.del", network="out", proto=proto, port=port)
    client.call("network.del", name="out")
    assert client.call("forward.list") == []


@pytest.mark.parametrize("params, words", [
    (dict(WEB, address="10.8.0.10"), "nobody in network out"),
    (dict(WEB, network="lab"), "not of mode nat"),
    (dict(WEB, network="nolab"), "there is no network nolab"),
    (dict(WEB, proto="sctp"), "one of tcp, udp"),
    (dict(WEB, port=0), "a number from 1 to 65535"),
    ({"network": "out", "proto": "tcp", "port": 1},
     "a forward needs a guest: name its address, or its vif"),
    (dict(WEB, last_port=8), "are inverted: write the lower one first"),
    (dict(WEB, port=9000, last_port=9999, target_port=65000), "end behind 65535"),
])
def test_a_bad_forward_is_refused(client, params, words):
    client.call("network.add", **NAT)
    with pytest.raises(Refused) as e:
        client.call("forward.add", **params)
    assert words in e.value.message
    assert client.call("forward.list") == []


def test_forwards_of_ranges_do_not_overlap(client):
    client.call("network.add", **NAT)
    many = dict(WEB, port=8000, last_port=8099, target_port=80)
    client.call("forward.add", **many)
    assert client.call("forward.list")[0]["last_port"] == 8099
    with pytest.raises(Refused, match="are forwarded already in part, with 8000-8099"):
        client.call("forward.add", **dict(WEB, port=8099))
    client.call("forward.add", **dict(WEB, port=8100, last_port=8101))
    client.call("forward.del", network=WEB["network"], proto=WEB["proto"], port=8000)
    client.call("forward.add", **dict(WEB, port=8099))


def test_timeouts_and_filtering_are_a_networks_own(client):
    client.call("network.add", **NAT)
    shown = client.call("network.show", name="out")
    assert shown["nat_filtering"] == "address-and-port-dependent"
    assert shown.get("connection_timeouts") is None
    client.call("network.set", name="out", connection_timeouts="udp=60, tcp_close=10,icmp=7")
    assert client.call("network.show", name="out")["connection_timeouts"] == "udp=60,icmp=7"
    client.call("network.set", name="out", connection_timeouts=None)
    assert client.call("network.show", name="out").get("connection_timeouts") is None
    with pytest.raises(Refused, match="uplink host translates once more, to the host's address: "
                                      "name a device or vif with --uplink, or leave out --nat-map"):
        client.call("network.set", name="out", nat_maps=["192.0.2.50,10.77.0.5"])
    with pytest.raises(Refused, match="uplink host translates once more, and lets in only whom"):
        client.call("network.set", name="out", nat_filtering="endpoint-independent")


def wide(i, **fields):
    return {"name": f"n{i}", "mode": "nat", "subnets": [f"10.{i}.0.0/24"], "uplink": f"eth{i}",
            "uplink_addresses": [f"192.0.{i}.2/24"], **fields}


def test_pools_and_maps_of_all_networks_have_a_limit(client):
    pools = [wide(i, nat_addresses=[f"192.0.{i}.{k}0-192.0.{i}.{k}9" for k in range(1, 5)])
             for i in range(1, 18)]
    with pytest.raises(Refused, match="all networks have 68 ranges of nat addresses, and there can "
                                      "be 64: join some"):
        client.call("apply", networks=pools)
    maps = [wide(i, nat_maps=[f"192.0.{i}.{k},10.{i}.0.{k}" for k in range(10, 42)])
            for i in range(1, 10)]
    with pytest.raises(Refused, match="all networks have 288 addresses of single guests, and there "
                                      "can be 256: delete some"):
        client.call("apply", networks=maps)


def test_pools_of_addresses_are_refused_with_uplink_host(client):
    with pytest.raises(Refused, match="uplink host translates once more, to the host's address: "
                                      "name a device or vif with --uplink, or leave out "
                                      "--nat-address"):
        client.call("network.add", **NAT, nat_addresses=["192.0.2.20-192.0.2.29"])


def test_an_uplink_has_a_port_with_a_mac_of_its_own(client):
    client.call("network.add", **NAT)
    network = client.call("network.show", name="out")
    assert network["uplink"] == "host" and network["uplink_port"]["name"] == "up-out"
    assert network["uplink_port"]["router_mac"] != network["leg_mac"]
    client.call("network.set", name="out", mode="isolated")
    assert client.call("network.show", name="out")["uplink_port"] is None

# SPDX-License-Identifier: Apache-2.0
"""export and apply with generated states: there and back for every field, and broken files."""
import json
import os
import random
import re
import subprocess
import sys

import pytest

from daemon import HERE, Daemon

sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from fake_saklard import program  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    one = Daemon(str(tmp_path_factory.mktemp("shared")))
    try:
        one.start()
        yield one
    finally:
        one.stop()


def some(dice, item, **fields):
    """Each field with one chance in two."""
    item.update((key, value) for key, value in fields.items() if dice.random() < .5)
    return item


def network(dice, i):
    mac = f"52:54:00:{dice.randrange(256):02x}:{i:02x}:"
    item = some(dice, {"name": f"n{i}", "mode": dice.choice(["bridge", "isolated", "nat", "routed",
                                                             "open"])},
                mtu=dice.randrange(1280, 9000), ageing=dice.randrange(1000), mtu_icmp=True,
                neighbours=[mac + f"08,10.{i}.8.8", mac + f"09,fd99:{i:x}::9,peer"],
                fdb_limit=dice.randrange(65536), neighbour_limit=dice.randrange(1025),
                profile=dice.choice(["plain", "tenant"]),
                multicast_snooping=dice.choice([True, False]),
                multicast_querier=dice.choice([True, False]),
                multicast_per_vlan=dice.choice([True, False]), multicast_igmp=3,
                multicast_mld=dice.choice([1, 2]), multicast_limit=dice.randrange(16385),
                multicast_intervals=dice.choice(["query=60,response=5", "querier=1.500"]),
                multicast_mac=mac + "03", stp=dice.choice(["off", "stp", "rstp"]),
                stp_priority=4096 * dice.randrange(16), stp_mac=mac + "04",
                hello_time=dice.choice([1, 2]), max_age=dice.randrange(6, 41),
                forward_delay=dice.randrange(2, 31),
                group_fwd_mask=dice.choice([0, 8, 16384, 65528]))
    if item["mode"] in ("bridge", "isolated"):
        some(dice, item, vlan_filtering=dice.choice(["off", "802.1q", "802.1ad"]))
    if item["mode"] == "bridge" and dice.random() < .5:
        return item
    item["subnets"] = dice.choice([[f"10.{i}.0.0/24"], [f"10.{i}.0.0/24", f"fd00:{i:x}::/64"]])
    some(dice, item, leg_mac=mac + "01", domain=f"d{i}.test", fdb=[mac + "0a", mac + "0b"])
    some(dice, item, gateways=[f"10.{i}.0.{dice.choice([1, 254])}"])
    if dice.random() < .5:
        item["dhcp"] = True
        some(dice, item, dhcp_ranges=[f"10.{i}.0.20-10.{i}.0.90"],
             dns_hosts=[f"10.{i}.0.7,db{i},db{i}.d{i}.test"], dhcp_options=[f"42,10.{i}.0.1"],
             dns_forwarders=["192.0.2.53", "corp.example/192.0.2.54"], tftp_root="/srv/tftp",
             dhcp_boot=dice.choice(["pxelinux.0", f"boot/x.efi,10.{i}.0.7"]),
             dhcp_hosts=[f"{mac}07,10.{i}.0.7,h{i}", f"{mac}08,10.{i}.0.8"])
    if item["mode"] in ("nat", "routed", "open"):
        some(dice, item, uplink_mac=mac + "02")
        if dice.random() < .5:
            item.update(uplink=dice.choice([f"eth{i}", f"vif:up{i}"]),
                        uplink_addresses=[f"192.0.{i}.2/24", f"2001:db8:{i:x}::2/64"])
            some(dice, item, uplink_gateways=[f"192.0.{i}.1", f"2001:db8:{i:x}::1"])
    some(dice, item, routes=[f"172.{16 + i}.0.0/16,10.{i}.0.5"])
    if item["mode"] == "nat":
        some(dice, item, nat_ipv6=dice.choice([True, False]), nat_ports="2000-60000",
             connection_timeouts=dice.choice(["udp=60", "tcp_established=7440,generic=9"]),
             nat_filtering="address-and-port-dependent")
        if item.get("uplink", "host") != "host":
            some(dice, item, nat_maps=[f"192.0.{i}.50,10.{i}.0.7"], nat_addresses=[f"192.0.{i}.20-192.0.{i}.29"],
                 nat_filtering="endpoint-independent")
    return item


def vif(dice, i, networks):
    kind = dice.choice(["tap", "netdev", "host", "vhost-user"])
    segment = dice.choice(networks)
    item = some(dice, {"name": f"v{i}", "type": kind}, network=segment["name"],
                mac=f"52:54:01:{dice.randrange(256):02x}:00:{i:02x}",
                mtu=dice.randrange(1280, 9000), fdb_limit=dice.randrange(65536),
                connection_limit=dice.randrange(65536), half_open_limit=dice.randrange(65536),
                unresolved_limit=dice.randrange(65),
                multicast_router=dice.choice(["auto", "off", "always", "deny"]),
                multicast_fast_leave=dice.choice([True, False]),
                multicast_limit=dice.randrange(16385), multicast_rate=dice.randrange(1000),
                storm=dice.choice(["off", "500", "1000/1"]), storm_unicast="off",
                guard=dice.choice(["off", "mac", f"10.{i}.9.9 fd00::{i:x}", "router"]),
                storm_broadcast="7", storm_multicast="100/100",
                rate=dice.choice(["10Mb/s@20ms", "inbound=1000,2000", "both=1Gb/s burst=512"]),
                profile=dice.choice(["plain", "tenant"]), stp_priority=16 * dice.randrange(16),
                stp_cost=dice.randrange(200000), stp_edge=dice.choice(["auto", "on", "off"]),
                loop_protect=dice.choice(["auto", "on", "off"]))
    if "guard" in item:
        item["mac"] = f"52:54:01:00:01:{i:02x}"
    if "network" in item:
        some(dice, item, fdb=[f"52:54:02:00:{i:02x}:{j:02x}" + tail for j, tail in
                              enumerate(dice.sample(["", ",sticky"], 2))])
    else:
        some(dice, item, mirror=[f"{segment['name']},tx,ip=10.0.0.0/8,proto=tcp,port=443",
                                 f"{segment['name']},ether=0x0806"])
    some(dice, item, group_fwd_mask=dice.choice([0, 1, 16388, 65533]))
    for key in ("link", "locked", "isolated", "learning", "flood", "mcast_flood", "bcast_flood",
                "hairpin", "bpdu_guard", "root_guard", "neigh_suppress"):
        some(dice, item, **{key: dice.choice([True, False])})
    may_lead_out = kind == "netdev" and segment["mode"] == "bridge" and "guard" not in item \
        and not item.get("isolated")
    some(dice, item, role="uplink" if may_lead_out else "guest")
    behind = ",vlan=7" if segment.get("vlan_filtering", "off") != "off" else ""
    some(dice, item, multicast_groups=[f"239.1.1.1{behind}", f"ff1e::{i + 1:x}{behind}"])
    if behind:
        some(dice, item, vlan=dice.choice(["7", "10t", "10pt/20-29", "20u/30pu", "100+10x4/1p"]))
        if "fdb" in item:
            item["fdb"] = [fdb + f",vlan={re.split('[^0-9]', item.get('vlan', '1'))[0]}"
                           for fdb in item["fdb"]]
    if kind == "netdev":
        item["dev"] = f"dev{i}"
    else:
        some(dice, item, queues=dice.randrange(1, 9))
    if kind == "host":
        some(dice, item, netns=dice.choice(["guest", "/proc/1/ns/net"]), ifname=f"if{i}")
    if kind == "tap":
        some(dice, item, owner=dice.randrange(70000), dev=f"tap{i}")
    if kind == "vhost-user":
        some(dice, item, require_sealed=dice.choice([True, False]), socket=f"/run/vms/{i}.sock")
        if "socket" in item and dice.random() < .5:
            item["client"] = True
        else:
            some(dice, item, owner=dice.randrange(70000), socket_group=dice.randrange(70000),
                 socket_mode=dice.choice(["0600", "0666"]))
    return item


def document(seed):
    dice = random.Random(seed)
    networks = [network(dice, i) for i in range(1, dice.randrange(2, 9))]
    vifs = [vif(dice, i, networks) for i in range(dice.randrange(9))]
    vifs += [{"name": n["uplink"][4:], "type": "netdev", "dev": f"lan{n['name']}"}
             for n in networks if n.get("uplink", "").startswith("vif:")]
    forwards = [some(dice, {"network": n["name"], "proto": dice.choice(["tcp", "udp"]),
                            "port": 8000 + 100 * i, "address": n["subnets"][0][:-4] + "9"},
                     target_port=dice.randrange(1, 60000), last_port=8000 + 100 * i + dice.randrange(1, 99))
                for i, n in enumerate(networks) if n["mode"] == "nat"]
    for f in forwards:
        guests = [v["name"] for v in vifs if v.get("network") == f["network"]
                  and (v["type"] != "netdev" or "mac" in v)]
        if guests and [n for n in networks if n["name"] == f["network"] and n.get("dhcp")]:
            f["vif"] = dice.choice(guests)
            del f["address"]
    return {"networks": networks, "vifs": vifs, "forwards": forwards}


def test_generated_states_have_every_field(shared):
    written = [document(seed) for seed in range(30)]
    schema = shared.client("ro").call("schema")
    for noun in ("network", "vif", "forward"):
        rows = [row for row in schema if row["name"] == noun] if isinstance(schema, list) \
            else [schema[noun]]
        fields = rows[0]["fields"] if isinstance(rows[0], dict) else rows[0]
        known = {f["key"] for f in fields if not f.get("later")}
        used = {key for doc in written for item in doc[noun + "s"] for key in item}
        assert known - used == set(), noun


@pytest.mark.parametrize("seed", range(30))
def test_what_is_exported_makes_the_same_state_of_an_empty_instance(shared, seed):
    client = shared.client()
    client.call("apply", networks=[])
    client.call("apply", **document(seed))
    exported = client.call("export")

    def state():
        rows = client.call("network.list") + client.call("vif.list") + client.call("forward.list")
        return [{key: value for key, value in row.items() if key not in
                 ("id", "state", "reason", "leg", "leg_id", "carrier", "ifindex", "uplink_port")}
                for row in rows]
    before = state()
    client.call("apply", networks=[])
    assert client.call("vif.list") == client.call("network.list") == []
    client.call("apply", **exported)
    assert client.call("export") == exported
    assert state() == before
    assert client.call("apply", **exported)["changed"] == []


@pytest.mark.parametrize("garble", ["delete", "indent", "cut", "turn"])
def test_a_broken_file_changes_nothing(shared, tmp_path, garble):
    """What is refused, at whatever line, leaves all as it was; what is not, says so."""
    def saklar(*words):
        return subprocess.run([program(), "--run-dir", shared.run_dir, *words], check=False,
                              capture_output=True, text=True, timeout=60)
    client = shared.client()
    client.call("apply", **document(3))
    lines = saklar("export").stdout.splitlines()
    whole = client.call("export")
    refusals = 0
    for i, line in enumerate(lines):
        broken = {"delete": [], "indent": [" " + line], "cut": [line[:len(line) // 2]],
                  "turn": [line[::-1]]}[garble]
        (tmp_path / "x.yaml").write_text("\n".join(lines[:i] + broken + lines[i + 1:]) + "\n")
        before = (json.dumps(client.call("export")), client.call("status")["generation"])
        done = saklar("apply", str(tmp_path / "x.yaml"))
        after = (json.dumps(client.call("export")), client.call("status")["generation"])
        if done.returncode != 0:
            assert done.returncode == 1 and done.stderr and before == after, (i, line, done)
            refusals += 1
        elif after != before:
            assert done.stdout != "nothing to change\n"
            client.call("apply", **whole)
            assert client.call("export") == whole
    assert refusals > len(lines) // 5

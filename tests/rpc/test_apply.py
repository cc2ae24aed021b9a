# SPDX-License-Identifier: Apache-2.0
"""apply and export: a document is taken whole or not at all, and what export prints, apply takes."""
import os
import sqlite3
import subprocess
import sys

import pytest

from daemon import HERE, Daemon, Refused, wait_until

from test_durability import unshared

sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from fake_saklard import program  # noqa: E402  pylint: disable=wrong-import-position

LAB = {"name": "lab", "mode": "isolated", "subnets": ["192.168.77.0/24"], "dhcp": True}
MAC = "52:54:00:00:00:07"
WEB0 = {"name": "web0", "network": "lab", "type": "tap"}
NET = {"name": "net", "mode": "nat", "subnets": ["10.77.0.0/24"]}
FORWARD = {"network": "lab", "proto": "tcp", "port": 80, "address": "10.77.0.9"}
RICH = {
    "networks": [
        {"name": "br", "ageing": 0, "mtu": 9000, "profile": "tenant", "fdb_limit": 0},
        {"name": "lab", "mode": "isolated", "subnets": ["192.168.77.0/24", "fd00:77::/64"],
         "gateways": ["192.168.77.9"], "dhcp": True, "domain": "lab.test",
         "dhcp_ranges": ["192.168.77.20-192.168.77.30"],
         "dhcp_hosts": ["52:54:00:00:00:07,192.168.77.7,seven"]},
        {"name": "n.1", "mode": "isolated", "profile": "plain"},
        {"name": "net", "mode": "nat", "subnets": ["10.77.0.0/24", "fd00:78::/64"],
         "uplink": "vif:wan", "uplink_addresses": ["192.0.2.2/24", "2001:db8::2/64"],
         "uplink_gateways": ["192.0.2.1"], "uplink_mac": "52:54:00:00:00:09", "nat_ipv6": True},
        {"name": "open", "mode": "open", "subnets": ["10.78.0.0/24"]},
    ],
    "vifs": [
        {"name": "db0", "network": "br", "type": "netdev", "dev": "eth7", "mtu": 1280,
         "learning": False, "flood": False, "hairpin": True},
        {"name": "host0", "network": "lab", "type": "host", "netns": "guest", "ifname": "eth0",
         "fdb_limit": 0},
        {"name": "n", "network": "n.1", "type": "tap", "owner": 1000, "queues": 4, "link": False,
         "mac": "52:54:00:00:00:07", "profile": "tenant", "isolated": True},
        {"name": "wan", "type": "netdev", "dev": "eth8"},
        {"name": "web0", "network": "lab", "type": "tap"},
    ],
    "forwards": [
        {"network": "net", "proto": "tcp", "port": 8080, "address": "10.77.0.9", "target_port": 80},
        {"network": "net", "proto": "udp", "port": 53, "address": "10.77.0.9"},
    ],
}


@pytest.fixture
def client(daemon):
    return daemon.client()


def state(client):
    """All that a client can see of what is wanted."""
    return (client.call("network.list"), client.call("vif.list"), client.call("export"),
            client.call("status")["generation"])


def ids(daemon):
    with sqlite3.connect(f"file:{daemon.state_dir}/saklar.db?mode=ro", uri=True) as db:
        return (dict(db.execute("SELECT name, id FROM network")),
                dict(db.execute("SELECT name, id FROM vif")))


def test_an_empty_instance_exports_empty_lists(client):
    assert client.call("export") == {"networks": [], "vifs": [], "forwards": []}


def test_apply_tells_what_it_changed(client):
    done = client.call("apply", networks=[LAB], vifs=[WEB0])
    assert done == {"generation": 1, "added": ["network lab", "vif web0"], "changed": [],
                    "deleted": []}
    done = client.call("apply", networks=[{**LAB, "mtu": 1400}], vifs=[{**WEB0, "name": "web1"}])
    assert done == {"generation": 2, "added": ["vif web1"], "changed": ["network lab"],
                    "deleted": ["vif web0"]}
    assert client.call("network.show", name="lab")["mtu"] == 1400
    assert [v["name"] for v in client.call("vif.list")] == ["web1"]


def test_a_document_that_changes_nothing_is_no_generation(client):
    client.call("apply", **RICH)
    before = state(client)
    done = client.call("apply", **RICH)
    assert done == {"generation": 1, "added": [], "changed": [], "deleted": []}
    assert client.call("apply", **client.call("export"))["generation"] == 1
    assert state(client) == before
    assert len(client.call("history")) == 1


def test_export_leaves_out_defaults_and_keeps_the_order(client):
    client.call("apply", **RICH)
    out = client.call("export")
    generated = [{key: v[key] for key in v if key != "mac" or v["name"] == "n"}
                 for v in out["vifs"]]
    networks = [{key: n[key] for key in n if key not in ("leg_mac", "uplink_mac")
                 or key in RICH["networks"][i]} for i, n in enumerate(out["networks"])]
    assert [n["name"] for n in out["networks"] if "leg_mac" in n] == ["lab", "net", "open"]
    assert [n["name"] for n in out["networks"] if "uplink_mac" in n] == ["net", "open"]
    assert generated == RICH["vifs"]
    # the gateway of the second subnet is the default, but gateways come as one list
    lab = {**RICH["networks"][1], "gateways": ["192.168.77.9", "fd00:77::1"]}
    assert networks == [RICH["networks"][0], lab, *RICH["networks"][2:]]
    assert out["forwards"] == RICH["forwards"]
    assert list(out["networks"][1])[:3] == ["name", "mode", "subnets"]


def test_what_export_prints_gives_an_empty_instance_the_same_state(client, tmp_path):
    client.call("apply", **RICH)
    (tmp_path / "two").mkdir()
    two = Daemon(str(tmp_path / "two"))
    try:
        other = two.start().client()
        other.call("apply", **client.call("export"))
        assert other.call("export") == client.call("export")
        for verb in ("network.list", "vif.list"):
            ours, theirs = client.call(verb), other.call(verb)
            for row in ours + theirs:
                for key in ("state", "reason", "id", "leg_id", "leg"):
                    row.pop(key, None)
            assert ours == theirs
    finally:
        two.stop()


def test_the_command_line_carries_a_state_to_another_instance(client, daemon, tmp_path):
    def run(run_dir, *words):
        done = subprocess.run([program(), "--run-dir", run_dir, *words], capture_output=True,
                              text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout
    client.call("apply", **RICH)
    text = run(daemon.run_dir, "export")
    (tmp_path / "two").mkdir()
    (tmp_path / "state.yaml").write_text(text)
    two = Daemon(str(tmp_path / "two"))
    try:
        two.start()
        assert run(two.run_dir, "apply", str(tmp_path / "state.yaml")).count("added ") == 12
        assert run(two.run_dir, "export") == text
        assert run(two.run_dir, "apply", str(tmp_path / "state.yaml")) == "nothing to change\n"
    finally:
        two.stop()


def test_objects_that_stay_keep_ids_and_macs(daemon, client):
    client.call("apply", networks=[LAB], vifs=[WEB0])
    before, mac = ids(daemon), client.call("vif.show", name="web0")["mac"]
    leg = client.call("network.show", name="lab")["leg_mac"]
    client.call("apply", networks=[{"name": "aa"}, {**LAB, "mtu": 1400}],
                vifs=[{**WEB0, "name": "a0"}, {**WEB0, "link": False}])
    after = ids(daemon)
    assert after[0]["lab"] == before[0]["lab"] and after[1]["web0"] == before[1]["web0"]
    assert client.call("vif.show", name="web0")["mac"] == mac
    assert client.call("network.show", name="lab")["leg_mac"] == leg


def test_a_vif_with_another_fixed_field_is_replaced_and_keeps_its_mac(daemon, client):
    client.call("apply", networks=[LAB], vifs=[WEB0])
    before, mac = ids(daemon), client.call("vif.show", name="web0")["mac"]
    done = client.call("apply", networks=[LAB], vifs=[{**WEB0, "queues": 4}])
    assert done["changed"] == ["vif web0"]
    assert ids(daemon)[1]["web0"] != before[1]["web0"]
    assert client.call("vif.show", name="web0")["mac"] == mac


def test_everything_survives_kill_9(daemon, client):
    client.call("apply", **RICH)
    before = client.call("export")
    daemon.kill()
    daemon.start()
    assert daemon.client().call("export") == before


def test_as_many_networks_as_there_can_be_are_replaced_at_once(client):
    client.call("apply", networks=[{"name": f"a{i}"} for i in range(254)])
    done = client.call("apply", networks=[{"name": f"b{i}"} for i in range(254)])
    assert len(done["added"]) == len(done["deleted"]) == 254
    assert len(client.call("network.list")) == 254


def test_the_largest_state_is_exported_and_applied(client, daemon):
    networks = [{"name": f"n{i}", "subnets": [f"10.{i}.0.0/16"], "dhcp": True, "dhcp_hosts": [
        f"52:54:00:{i:02x}:01:{j:02x},10.{i}.7.{j},{'h' * 59}{j}" for j in range(256)]}
        for i in range(1, 255)]
    vifs = [{"name": f"v{i}", "network": f"n{i % 254 + 1}", "type": "tap"} for i in range(700)]
    client.sock.settimeout(60)  # all of it is checked, and stored
    assert len(client.call("apply", networks=networks, vifs=vifs)["added"]) == 954
    done = subprocess.run(f"'{program()}' --run-dir '{daemon.run_dir}' export | "
                          f"'{program()}' --run-dir '{daemon.run_dir}' apply -", shell=True,
                          capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "nothing to change\n"), done.stderr


def test_more_routes_than_the_engine_takes_are_refused_whole(client):
    """A network that leads out needs six, and one for each subnet of the others."""
    many = [{"name": f"n{i}", "subnets": [f"10.{i}.{j}.0/24" for j in range(8)]}
            for i in range(127)]
    net, more = {**NET, "subnets": ["192.168.0.0/24"]}, {"name": "more"}
    more["subnets"] = ["192.168.1.0/24", "192.168.2.0/24"]
    client.call("apply", networks=[*many, net, more])
    before = state(client)
    more["subnets"].append("192.168.3.0/24")
    for call in (lambda: client.call("apply", networks=[*many, net, more]),
                 lambda: client.call("network.set", **more),
                 lambda: client.call("network.add", name="a", subnets=["192.168.4.0/24"])):
        with pytest.raises(Refused, match="need 1025 routes, and there can be 1024: .*delete") as e:
            call()
        assert e.value.path in ("networks[128].subnets", "network.more.subnets",
                                "network.a.subnets")
        assert e.value.code == -32000 and state(client) == before


def test_a_subnet_may_move_to_another_network(client):
    client.call("apply", networks=[LAB])
    client.call("apply", networks=[{**LAB, "name": "lan"}])
    assert [n["name"] for n in client.call("network.list")] == ["lan"]


def test_an_empty_list_deletes_everything(client):
    client.call("apply", **RICH)
    assert len(client.call("apply", networks=[])["deleted"]) == 12
    assert client.call("export") == {"networks": [], "vifs": [], "forwards": []}


@pytest.mark.parametrize("change, path, words", [
    ({"networks": None, "vifs": None}, "networks", "must be a list"),
    ({"networx": []}, "networx", "write networks, vifs and forwards"),
    ({"networks": {"name": "lab"}}, "networks", "must be a list"),
    ({"vifs": ["web0"]}, "vifs[0]", "write an object"),
    ({"networks": [LAB, {"mode": "bridge"}]}, "networks[1].name", "name is missing"),
    ({"networks": [LAB, {"name": "a b"}]}, "networks[1].name", "a letter, then letters"),
    ({"networks": [LAB, {"name": "lab"}]}, "networks[1].name", "networks[0] already"),
    ({"networks": [LAB, {"name": "x", "mtu": 5}]}, "networks[1].mtu", "from 68 to 65535"),
    ({"networks": [LAB, {"name": "x", "mut": 5}]}, "networks[1].mut", "did you mean 'mtu'"),
    ({"networks": [LAB, {"name": "x", "guard": "a"}]}, "networks[1].guard", "refused for now"),
    ({"networks": [LAB, {"name": "x", "subnets": ["10.0.0.0/24", "10.0.0/9"]}]},
     "networks[1].subnets[1]", "a subnet such as"),
    ({"networks": [LAB, {"name": "x", "subnets": ["10.0.0.1/24"]}]}, "networks[1].subnets[0]",
     "write 10.0.0.0/24"),
    ({"networks": [LAB, {"name": "lab.x", "subnets": ["192.168.0.0/16"]}]},
     "networks[1].subnets[0]", "overlaps"),
    ({"networks": [LAB, {"name": "x", "dhcp": True}]}, "networks[1].dhcp", "needs a subnet"),
    ({"vifs": [WEB0, {"name": "v", "network": "nolab", "type": "tap"}]}, "vifs[1].network",
     "no network nolab in this document"),
    ({"networks": [{"name": "lan"}], "vifs": [WEB0]}, "vifs[0].network",
     "no network lab in this document"),
    ({"vifs": [WEB0, {"name": "v", "network": "lab"}]}, "vifs[1].type", "type is missing"),
    ({"vifs": [WEB0, {"name": "v", "network": "lab", "type": "tap", "dev": "web0"}]},
     "vifs[0].dev", "is wanted by vif v and vif web0"),
    ({"vifs": [WEB0, {**WEB0, "name": "lab"}]}, "vifs[1].name", "share one space of names"),
    ({"forwards": [7]}, "forwards[0]", "write an object"),
    ({"forwards": [{"network": "lab", "proto": "tcp", "port": 80}]}, "forwards[0].address",
     "a forward needs a guest: name its address"),
    ({"forwards": [FORWARD, {**FORWARD, "port": 70000}]}, "forwards[1].port", "1 to 65535"),
    ({"networks": [LAB, NET], "forwards": [{**FORWARD, "network": "net"},
                                           {**FORWARD, "network": "net"}]},
     "forwards[1].port", "forwarded already"),
    ({"networks": [LAB, NET], "forwards": [{**FORWARD, "network": "nat"}]}, "forwards[0].network",
     "no network nat"),
    ({"networks": [LAB, NET], "forwards": [{**FORWARD, "network": "net", "address": "10.9.9.9"}]},
     "forwards[0].address", "10.9.9.9"),
    ({"networks": [LAB, {**NET, "uplink": "vif:web0"}]}, "networks[1].uplink", "web0"),
    ({"networks": [LAB, {**NET, "leg_mac": "01:00:00:00:00:00"}]}, "networks[1].leg_mac",
     "neither zero nor multicast"),
    ({"networks": [LAB, {"name": "x", "leg_mac": "52:54:00:00:00:01"}]}, "networks[1].leg_mac",
     "have a host leg"),
    ({"networks": [LAB, {"name": "x", "uplink_mac": "52:54:00:00:00:01"}]},
     "networks[1].uplink_mac", "nat, routed and open"),
    ({"vifs": [{**WEB0, "fdb": [MAC]}, {**WEB0, "name": "v", "fdb": [MAC]}]}, "vifs[0].fdb",
     "is behind v already: 'saklar fdb del 52:54:00:00:00:07 --network lab'"),
    ({"networks": [{**LAB, "fdb": [MAC]}], "vifs": [{**WEB0, "fdb": [MAC]}]}, "vifs[0].fdb",
     "is behind the host leg already"),
    ({"vifs": [WEB0, {"name": "v", "type": "tap", "fdb": [MAC]}]}, "vifs[1].fdb",
     "vif v is in no network, so no address can be behind it"),
    ({"networks": [LAB, {"name": "x", "fdb": [MAC]}]}, "networks[1].fdb",
     "has no host leg that addresses could be behind"),
    ({"vifs": [WEB0, {**WEB0, "name": "v", "fdb": ["7"]}]}, "vifs[1].fdb[0]", "is no entry"),
    ({"vifs": [{**WEB0, "fdb": [MAC + ",vlan=9"]}]}, "vifs[0].fdb", "does not look at tags"),
    ({"networks": [{**LAB, "vlan_filtering": "802.1q"}],
      "vifs": [{**WEB0, "vlan": "10/20", "fdb": [MAC]}]}, "vifs[0].fdb",
     "vif web0 is in several VLANs: say which one"),
    ({"networks": [{**LAB, "vlan_filtering": "802.1q"}],
      "vifs": [{**WEB0, "vlan": "10/20", "fdb": [MAC + ",vlan=11"]}]}, "vifs[0].fdb",
     "cannot be in VLAN 11, which vif web0 is not in"),
    ({"vifs": [{**WEB0, "name": f"v{i}", "fdb": [f"52:54:00:00:{i:02x}:{j:02x}" for j in range(64)]}
               for i in range(129)]}, "fdb", "there can be at most 8192 entries"),
    ({"networks": [LAB, {**NET, "vlan_filtering": "802.1q"}]}, "networks[1].vlan_filtering",
     "use mode bridge or isolated"),
    ({"vifs": [WEB0, {**WEB0, "name": "v", "vlan": "10"}]}, "vifs[1].vlan",
     "'saklar network set lab --vlan-filtering 802.1q'"),
    ({"vifs": [WEB0, {"name": "v", "type": "tap", "vlan": "10/4095"}]}, "vifs[1].vlan",
     "VLANs are 1 to 4094"),
    ({"networks": [LAB, {**NET, "uplink": "vif:wan", "uplink_addresses": ["192.0.2.2/24"]}],
      "vifs": [WEB0, {"name": "wan", "type": "tap", "vlan": "10"}]}, "vifs[1].vlan",
     "is the uplink of network net, which has no VLANs"),
    ({"networks": [{**LAB, "vlan_filtering": "802.1q"}],
      "vifs": [WEB0] + [{"name": f"v{i:03}", "network": "lab", "type": "tap", "vlan": "1+2x64"}
                        for i in range(257)]}, "vifs[257].vlan",
     "all vifs together name too many VLANs"),
])
def test_a_bad_document_is_refused_with_its_item_and_changes_nothing(client, change, path, words):
    client.call("apply", networks=[LAB], vifs=[WEB0])
    before = state(client)
    with pytest.raises(Refused) as e:
        client.call("apply", **{"networks": [LAB], "vifs": [WEB0], **change})
    assert words in e.value.message
    assert e.value.path == path
    assert state(client) == before


def test_an_empty_document_is_no_order_to_delete_everything(client):
    client.call("apply", networks=[LAB])
    with pytest.raises(Refused, match="networks: \\[\\]"):
        client.call("apply")
    assert len(client.call("network.list")) == 1


def test_only_rw_sock_may_apply(daemon):
    assert daemon.client("ro").call("export")["vifs"] == []
    for role in ("ro", "cap"):
        with pytest.raises(Refused) as e:
            daemon.client(role).call("apply", networks=[])
        assert e.value.code == -32003


def test_the_history_keeps_what_was_changed_and_by_whom(client):
    client.call("apply", networks=[LAB], vifs=[WEB0])
    row = client.call("history")[0]
    assert row["method"] == "apply" and row["uid"] == os.geteuid()
    assert row["params"] == {"added": ["network lab", "vif web0"], "changed": [], "deleted": []}


class Fault:
    """The @n-th and all later calls of @syscall fail while this lasts."""

    def __init__(self, daemon, syscall, n, error):
        self.words = ["strace", "-qq", "-p", str(daemon.child.pid), "-e", f"trace={syscall}", "-e",
                      f"inject={syscall}:error={error}:when={n}+"]
        self.pid = daemon.child.pid
        self.child = None

    def __enter__(self):
        self.child = subprocess.Popen(self.words, stderr=subprocess.DEVNULL)
        wait_until(lambda: b"TracerPid:\t0" not in open(f"/proc/{self.pid}/status", "rb").read(),
                   "the tracer is there")

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()


@pytest.mark.parametrize("syscall, error, least", [
    ("pwrite64", "ENOSPC", 4), ("fdatasync", "EIO", 2), ("unlink", "EIO", 1)])
def test_a_disk_that_fails_at_any_write_refuses_the_whole(daemon, client, syscall, error, least):
    client.call("apply", networks=[LAB], vifs=[WEB0])
    before = state(client)
    many = {"networks": [{**LAB, "mtu": 1400}] + [{"name": f"n{i}"} for i in range(30)],
            "vifs": [{**WEB0, "name": f"v{i}"} for i in range(100)]}
    for n in range(1, 1000):
        with Fault(daemon, syscall, n, error):
            try:
                client.call("apply", **many)
                break
            except Refused as e:
                assert e.code == -32004, e.message
        assert state(client) == before
        if n in (1, least):
            daemon.kill()
            client = daemon.start().client()
            assert client.call("export") == before[2]
            assert client.call("status")["generation"] == before[3]
            before = state(client)
    assert n > least
    assert len(client.call("vif.list")) == 100
    after = client.call("export")
    daemon.kill()
    assert daemon.start().client().call("export") == after


def test_a_full_disk_at_any_block_refuses_the_whole(tmp_path):
    """The disk has room for n blocks more, n growing until the document fits."""
    mount = tmp_path / "state"
    mount.mkdir()
    daemon = Daemon(str(tmp_path), unshared(f"mount -t tmpfs -o size=1m none {mount}"))
    refusals = 0
    try:
        client = daemon.start().client()
        client.call("apply", networks=[LAB], vifs=[WEB0])
        before = state(client)
        many = {"networks": [{**LAB, "mtu": 1400}] + [{"name": f"n{i}"} for i in range(40)],
                "vifs": [{**WEB0, "name": f"v{i}"} for i in range(60)]}
        ballast = f"/proc/{daemon.child.pid}/root{mount}/ballast"
        with open(ballast, "wb", buffering=0) as f:
            with pytest.raises(OSError):
                while True:
                    f.write(bytes(4096))
            while True:
                try:
                    client.call("apply", **many)
                    break
                except Refused as e:
                    assert e.code == -32004 and e.errno_name == "ENOSPC"
                    assert "nothing was changed" in e.message
                refusals += 1
                assert state(client) == before
                f.truncate(max(0, os.fstat(f.fileno()).st_size - 4096))
        assert refusals > 3
        assert len(client.call("vif.list")) == 60
    finally:
        daemon.stop()

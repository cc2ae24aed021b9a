# SPDX-License-Identifier: Apache-2.0
"""Bad input: each item is refused whole, with a message that says what to do, and nothing changes.

      host namespace: lan0 (veth, 192.168.70.1/24), br0 (Linux bridge with port p0),
      networks ok (10.21.0.0/24) and two vifs
"""

import json
import os
import shutil

import pytest

from lib.instance import BUILD
from lib.traffic import ping, wait_ping
from lib.wait import wait_until


@pytest.fixture(scope="module")
def site(lab):
    host = lab.host
    lab.network("ok", "--subnet", "10.21.0.0/24")
    lab.guest("v1", "ok", "host", addr="10.21.0.11/24")
    lab.guest("v2", "ok", "netdev", addr="10.21.0.12/24")
    outside = host.guest("lan")
    lab.veth(outside, "lan0")
    host.ip("addr", "add", "192.168.70.1/24", "dev", "lan0")
    host.ip("addr", "add", "fd70::1/64", "dev", "lan0")
    host.ip("link", "add", "br0", "type", "bridge")
    inside = host.guest("port")
    lab.veth(inside, "p0")
    host.ip("link", "set", "p0", "master", "br0")
    for name in ("free0", "ll0"):
        lab.veth(host.guest(name), name)
    host.ip("link", "set", "free0", "mtu", "1200")
    host.ip("route", "add", "172.30.0.0/16", "dev", "lan0")
    for taken in ("169.254.0.0/16", "198.18.0.0/15"):
        host.ip("route", "add", taken, "dev", "lan0")
    wait_ping(host.guests["v1"], "10.21.0.12")
    return lab


def snapshot(lab):
    """Configuration, without what counts on by itself."""
    def plain(objects):
        return [{k: v for k, v in o.items() if not k.startswith(("rx_", "tx_", "drops", "leg"))}
                for o in objects]

    return json.dumps([plain(lab.saklar.json("network", "list")),
                       plain(lab.saklar.json("vif", "list")),
                       lab.saklar.json("status")["generation"],
                       sorted(line.split()[0] for line in
                              lab.host.out("ip", "-br", "link").splitlines())], sort_keys=True)


NET = ("network", "add")
VIF = ("vif", "add")
# (what is wrong, command line, exit code, words of which one must be in the message)
REFUSED = [
    ("network twice", NET + ("ok",), 1, ("ok", "exist")),
    ("nat without a subnet", NET + ("n1", "--mode", "nat"), 1, ("subnet",)),
    ("routed without a subnet", NET + ("n1", "--mode", "routed"), 1, ("subnet",)),
    ("uplink that is no vif", NET + ("n1", "--mode", "open", "--subnet", "10.50.0.0/24", "--uplink",
                                     "vif:nobody"), 1, ("nobody", "add it first")),
    ("uplink that loops back", NET + ("n1", "--mode", "nat", "--subnet", "10.50.0.0/24", "--uplink",
                                      "lo", "--uplink-address", "192.0.2.2/24"), 1,
     ("lo", "loopback")),
    ("uplink too narrow for IPv6", NET + ("n1", "--mode", "routed", "--subnet", "fd50::/64",
                                          "--uplink", "free0", "--uplink-address", "fd51::2/64"),
     1, ("device free0 has mtu 1200, and IPv6 needs 1280: raise it or leave out the IPv6 subnet",)),
    ("uplink gateway outside", NET + ("n1", "--mode", "nat", "--subnet", "10.50.0.0/24", "--uplink",
                                      "eth9", "--uplink-address", "192.0.2.2/24",
                                      "--uplink-gateway", "192.0.3.1"), 1,
     ("192.0.3.1", "outside 192.0.2.2/24")),
    ("forward of a bridge", ("forward", "add", "ok", "tcp", "80", "10.50.0.5"), 1,
     ("ok", "not of mode nat")),
    ("unknown mode", NET + ("n1", "--mode", "bridged"), 2, ("bridge",)),
    ("overlap with a network", NET + ("n1", "--subnet", "10.21.0.128/25"), 1, ("10.21.0.0", "ok")),
    ("overlap with itself", NET + ("n1", "--subnet", "10.50.0.0/16", "--subnet", "10.50.1.0/24"), 1,
     ("overlap", "10.50")),
    ("subnet the host has", NET + ("n1", "--subnet", "192.168.70.0/25"), 1,
     ("the host already routes part of 192.168.70.0/25",)),
    ("subnet the host routes", NET + ("n1", "--subnet", "172.30.5.0/24"), 1, ("172.30", "lan0")),
    ("v6 subnet the host has", NET + ("n1", "--subnet", "fd70::/64"), 1, ("fd70", "lan0")),
    ("subnet without a prefix", NET + ("n1", "--subnet", "10.50.0.0"), 1,
     ("/24", "CIDR", "prefix")),
    ("subnet with host bits", NET + ("n1", "--subnet", "10.50.0.7/24"), 1,
     ("has host bits set: write 10.50.0.0/24",)),
    ("loopback subnet", NET + ("n1", "--subnet", "127.0.0.0/8"), 1, ("127",)),
    ("multicast subnet", NET + ("n1", "--subnet", "224.0.0.0/24"), 1, ("224",)),
    ("subnet too small", NET + ("n1", "--subnet", "10.50.0.1/32"), 1, ("10.50.0.1/32",)),
    ("bad subnet", NET + ("n1", "--subnet", "300.1.1.0/24"), 1, ("300.1.1.0",)),
    ("gateway outside", NET + ("n1", "--subnet", "10.50.0.0/24", "--gateway", "10.51.0.1"), 1,
     ("10.51.0.1",)),
    ("gateway is network address", NET + ("n1", "--subnet", "10.50.0.0/24", "--gateway",
                                          "10.50.0.0"), 1, ("10.50.0.0",)),
    ("dhcp without subnet", NET + ("n1", "--dhcp"), 1, ("subnet",)),
    ("range outside", NET + ("n1", "--subnet", "10.50.0.0/24", "--dhcp", "--dhcp-range",
                             "10.51.0.5-10.51.0.9"), 1, ("10.51.0.5",)),
    ("range backwards", NET + ("n1", "--subnet", "10.50.0.0/24", "--dhcp", "--dhcp-range",
                               "10.50.0.9-10.50.0.5"), 1, ("10.50.0.9", "10.50.0.5")),
    ("bad dhcp host", NET + ("n1", "--subnet", "10.50.0.0/24", "--dhcp", "--dhcp-host", "x,y"), 1,
     ("dhcp", "MAC")),
    ("name too long", NET + ("abcdefghijklmnop",), 1, ("15",)),
    ("name with a slash", NET + ("a/b",), 1, ("name", "a/b")),
    ("name with a space", NET + ("a b",), 1, ("name",)),
    ("name with a newline", NET + ("a\nb",), 1, ("name",)),
    ("name with a percent", NET + ("a%d",), 1, ("name",)),
    ("name that begins with a digit", NET + ("1a",), 1, ("name", "letter")),
    ("name with a semicolon", NET + ("a;reboot",), 1, ("name",)),
    ("empty name", NET + ("",), 1, ("name",)),
    ("name not ASCII", NET + ("späť",), 1, ("name",)),
    ("network named like a device", NET + ("lan0", "--subnet", "10.50.0.0/24"), 1,
     ("the host leg would be named lan0, but a netdev of that name is there already",)),
    ("mtu too small", NET + ("n1", "--mtu", "10"), 2, ("68",)),
    ("mtu too large", NET + ("n1", "--mtu", "70000"), 2, ("65535",)),
    ("mtu no number", NET + ("n1", "--mtu", "many"), 2, ("many", "number")),
    ("mtu too small for v6", NET + ("n1", "--mtu", "1000", "--subnet", "fd50::/64"), 1, ("1280",)),
    ("unknown flag", NET + ("n1", "--colour", "red"), 2, ("colour",)),
    ("uplink", NET + ("n1", "--uplink", "eth0"), 1, ("uplink",)),
    ("unknown spanning tree", NET + ("n1", "--stp", "fast"), 2, ("rstp",)),
    ("priority of no rstp bridge", NET + ("n1", "--stp", "rstp", "--stp-priority", "100"), 1,
     ("stp_priority", "multiple of 4096")),
    ("hello too long for max age", NET + ("n1", "--stp", "rstp", "--hello-time", "10"), 1,
     ("max_age", "at least 22")),
    ("hello out of range", NET + ("n1", "--stp", "rstp", "--hello-time", "11"), 2, ("10",)),
    ("forward delay out of range", NET + ("n1", "--stp", "rstp", "--forward-delay", "1"), 2,
     ("2",)),
    ("port priority between two steps", VIF + ("x1", "--network", "ok", "--type", "host",
                                               "--stp-priority", "20"), 1, ("multiple of 16",)),
    ("network del in use", ("network", "del", "ok"), 1, ("v1", "vif")),
    ("network del unknown", ("network", "del", "nowhere"), 1, ("nowhere",)),
    ("network set unknown", ("network", "set", "nowhere", "--mtu", "1400"), 1, ("nowhere",)),
    ("network show unknown", ("network", "show", "nowhere"), 1, ("nowhere",)),
    ("vif twice", VIF + ("v1", "--network", "ok", "--type", "host"), 1, ("v1", "exist")),
    ("vif in no network", VIF + ("x1", "--network", "nowhere", "--type", "host"), 1, ("nowhere",)),
    ("vif without type", VIF + ("x1", "--network", "ok"), None, ("type",)),
    ("unknown type", VIF + ("x1", "--network", "ok", "--type", "veth"), 2, ("netdev",)),
    ("client without socket", VIF + ("x1", "--network", "ok", "--type", "vhost-user", "--client"),
     1, ("a vhost-user client needs the path at which the VMM listens",)),
    ("netdev without dev", VIF + ("x1", "--network", "ok", "--type", "netdev"), 1, ("dev",)),
    ("netdev with addresses", VIF + ("x1", "--network", "ok", "--type", "netdev", "--dev", "lan0"),
     1, ("netdev lan0 carries the address 192.168.70.1/24, which would stop working",)),
    ("netdev in a bridge", VIF + ("x1", "--network", "ok", "--type", "netdev", "--dev", "p0"), 1,
     ("netdev p0 is a port of br0; take it out first: ip link set p0 nomaster",)),
    ("a bridge itself with address-less lo", VIF + ("x1", "--network", "ok", "--type", "netdev",
                                                    "--dev", "lo"), 1,
     ("lo is the loopback device",)),
    ("netdev of another vif", VIF + ("x1", "--network", "ok", "--type", "netdev", "--dev", "v2"), 1,
     ("v2",)),
    ("a host leg as netdev", VIF + ("x1", "--network", "ok", "--type", "netdev", "--dev", "ok"), 1,
     ("ok",)),
    ("tap that is none", VIF + ("x1", "--network", "ok", "--type", "tap", "--dev", "free0"), 1,
     ("netdev free0 is no tap; use --type netdev",)),
    ("uplink that is a bridge's port", NET + ("n1", "--mode", "nat", "--subnet", "10.50.0.0/24",
                                              "--uplink", "p0", "--uplink-address", "192.0.2.2/24"),
     1, ("netdev p0 is a port of br0; name br0 as the uplink instead",)),
    ("bad mac", VIF + ("x1", "--network", "ok", "--type", "host", "--mac", "52:54:00:12:34"), 1,
     ("52:54:00:12:34",)),
    ("multicast mac", VIF + ("x1", "--network", "ok", "--type", "host", "--mac",
                             "01:00:5e:00:00:01"), 1, ("multicast", "01:00:5e")),
    ("zero mac", VIF + ("x1", "--network", "ok", "--type", "host", "--mac", "00:00:00:00:00:00"), 1,
     ("zero",)),
    ("queues 0", VIF + ("x1", "--network", "ok", "--type", "tap", "--queues", "0"), 2, ("1", "8")),
    ("queues 99", VIF + ("x1", "--network", "ok", "--type", "tap", "--queues", "99"), 2, ("8",)),
    ("queues of a netdev", VIF + ("x1", "--network", "ok", "--type", "netdev", "--dev", "free0",
                                  "--queues", "2"), 1, ("queues",)),
    ("owner of a host vif", VIF + ("x1", "--network", "ok", "--type", "host", "--owner", "1000"), 1,
     ("owner",)),
    ("netns of a tap", VIF + ("x1", "--network", "ok", "--type", "tap", "--netns", "v1"), 1,
     ("netns",)),
    ("netns that is none", VIF + ("x1", "--network", "ok", "--type", "host", "--netns",
                                  "/etc/passwd"), 1, ("/etc/passwd", "namespace")),
    ("netns with dots", VIF + ("x1", "--network", "ok", "--type", "host", "--netns",
                               "../../etc/passwd"), 1, ("netns", "namespace")),
    ("host ifname that exists", VIF + ("x1", "--network", "ok", "--type", "host", "--ifname",
                                       "lan0"), 1,
     ("a netdev named lan0 is there already; choose another --ifname",)),
    ("vlan", VIF + ("x1", "--network", "ok", "--type", "host", "--vlan", "5"), 1, ("vlan", "VLAN")),
    ("rate", VIF + ("x1", "--network", "ok", "--type", "host", "--rate", "1G"), 1, ("rate",)),
    ("vif del unknown", ("vif", "del", "nobody"), 1, ("nobody",)),
    ("vif set unknown", ("vif", "set", "nobody", "--down"), 1, ("nobody",)),
    ("vif set of a fixed field", ("vif", "set", "v1", "--type", "tap"), None, ("type",)),
    ("vif show unknown", ("vif", "show", "nobody"), 1, ("nobody",)),
    ("fdb of unknown network", ("fdb", "list", "--network", "nowhere"), 1, ("nowhere",)),
    ("no verb", ("vif",), 2, ("add",)),
    ("unknown verb", ("vif", "create", "x"), 2, ("add", "create")),
    ("unknown noun", ("interface", "list"), 2, ("vif", "interface")),
    ("too many words", ("vif", "show", "v1", "v2"), 2, ("v2", "usage", "Usage")),
]


@pytest.mark.parametrize("what,args,code,words", REFUSED, ids=[r[0] for r in REFUSED])
def test_refused_whole_with_a_clear_message(site, what, args, code, words):
    before = snapshot(site)
    done = site.saklar.run(*args)
    text = done.stderr + done.stdout
    assert done.returncode == (code if code is not None else done.returncode), text
    assert done.returncode in (1, 2), text
    assert any(w in text for w in words), text
    assert len(done.stderr.strip()) > 15, text
    assert snapshot(site) == before, "something changed"


def test_deleting_several_deletes_none_when_one_is_unknown(site):
    for i in (1, 2):
        site.saklar("vif", "add", f"d{i}", "--network", "ok", "--type", "host")
    before = snapshot(site)
    assert "nobody" in site.saklar.refused("vif", "del", "d1", "nobody", "d2")
    assert snapshot(site) == before
    site.saklar("vif", "del", "d1", "d2")


def test_host_that_routes_every_range_for_a_transit(site):
    site.saklar("network", "add", "n9", "--mode", "nat", "--subnet", "10.59.0.0/24")
    said = [p for p in site.saklar.json("status")["problems"] if "no free range for the transit to "
            "the host: the host routes 169.254.0.0/16 and 198.18.0.0/16 (" in p["text"]]
    assert said and said[0]["object"] == "network n9", site.saklar.json("status")["problems"]
    assert "remove the route, or name a device as the uplink" in said[0]["text"]
    site.host.ip("route", "del", "169.254.0.0/16", "dev", "lan0")
    wait_until(lambda: not site.saklar.json("status")["problems"], 10, "it goes on by itself")
    site.saklar("network", "del", "n9")
    site.host.ip("route", "add", "169.254.0.0/16", "dev", "lan0")


def test_guests_are_connected_after_all_of_this(site):
    ping(site.host.guests["v1"], "10.21.0.12")


def test_netdev_with_link_local_addresses_only_is_accepted(site):
    site.host.guests["ll0"].ip("link", "set", "eth0", "up")
    wait_until(lambda: site.host.addresses("ll0", "inet6", "link"), 5, "a link-local address")
    site.saklar("vif", "add", "ll", "--network", "ok", "--type", "netdev", "--dev", "ll0")
    site.saklar.wait_vif("ll")
    site.saklar("vif", "del", "ll")


def test_what_is_not_there_yet_is_accepted_and_said(site):
    done = site.saklar.run("vif", "add", "later", "--network", "ok", "--type", "netdev", "--dev",
                           "later0")
    assert done.returncode == 0
    assert "vif later is accepted but not up yet: " in done.stderr
    assert "netdev later0 is gone or does not exist yet; the vif comes back when it" in done.stderr
    problem, = [p for p in site.saklar.json("status")["problems"] if p["object"] == "vif later"]
    assert problem["cure"] == "it comes up by itself when that changes"
    site.saklar("vif", "del", "later")


def test_netdev_of_another_instance_is_refused(site):
    other = site.second_instance("other")
    try:
        other("network", "add", "ok2", "--mode", "bridge")
        text = other.refused("vif", "add", "x1", "--network", "ok2", "--type", "netdev", "--dev",
                             "v2")
        assert "netdev v2 is in use by another instance of Saklar; delete its vif there" in text
        text = other.refused("network", "add", "n1", "--mode", "nat", "--subnet", "10.88.0.0/24",
                             "--uplink", "v2", "--uplink-address", "192.0.2.2/24")
        assert "netdev v2 belongs to a vif of Saklar, which keeps it to itself; delete" in text
        text = other.refused("network", "add", "ok", "--subnet", "10.88.0.0/24")
        assert "ok" in text
        assert other.json("vif", "list") == []
    finally:
        other("network", "del", "ok2")
        other.stop()


def test_no_daemon_is_exit_code_3(site):
    done = site.host.run(BUILD / "saklar", "--run-dir", site.workdir / "nobody", "status",
                         check=False, env=site.saklar.env)
    assert done.returncode == 3
    assert "saklard" in done.stderr


def test_second_daemon_on_the_same_directories_is_refused(site):
    args = ["--run-dir", site.saklar.run_dir, "--state-dir", site.saklar.state_dir]
    done = site.host.run(BUILD / "saklard", *args, check=False, timeout=10, env=site.saklar.env)
    assert done.returncode != 0
    assert str(site.saklar.run_dir) in done.stderr
    ping(site.host.guests["v1"], "10.21.0.12")


def test_second_daemon_on_the_same_state_dir_is_refused(site):
    done = site.host.run(BUILD / "saklard", "--run-dir", site.workdir / "elsewhere", "--state-dir",
                         site.saklar.state_dir, check=False, timeout=10, env=site.saklar.env)
    assert done.returncode != 0
    assert str(site.saklar.state_dir) in done.stderr


def test_read_only_run_dir_is_a_clear_error(site):
    done = site.host.run(BUILD / "saklard", "--run-dir", "/usr/saklar-run", "--state-dir",
                         site.workdir / "ro-state", check=False, timeout=10, env=site.saklar.env)
    assert done.returncode != 0
    assert "/usr/saklar-run" in done.stderr
    assert "ead-only" in done.stderr or "rite" in done.stderr, done.stderr


def test_read_only_state_dir_is_a_clear_error(site):
    done = site.host.run(BUILD / "saklard", "--run-dir", site.workdir / "ro-run", "--state-dir",
                         "/usr/saklar-state", check=False, timeout=10, env=site.saklar.env)
    assert done.returncode != 0
    assert "/usr/saklar-state" in done.stderr


def full_disk(site, name):
    path = site.workdir / name
    path.mkdir()
    site.host.run("mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", path)
    return path


def test_full_disk_refuses_the_verb_and_loses_nothing(site, make_lab):
    lab = make_lab(start=False, name="full")
    path = full_disk(lab, "disk")
    lab.saklar.state_dir = path / "state"
    lab.saklar.start()
    lab.network("kept", "--subnet", "10.22.0.0/24")
    lab.host.run("sh", "-c", f"dd if=/dev/zero of={path}/fill bs=1k 2>/dev/null; true")
    refused = None
    for i in range(200):
        done = lab.saklar.run("network", "add", f"n{i}", "--mode", "bridge")
        if done.returncode:
            refused = done
            break
    assert refused is not None, "200 networks on a full disk"
    assert refused.returncode == 1
    assert "disk" in refused.stderr or "full" in refused.stderr or "space" in refused.stderr
    before = [n["name"] for n in lab.saklar.json("network", "list")]
    assert "kept" in before and f"n{i}" not in before
    lab.saklar.kill_daemon()
    lab.saklar.start()
    assert [n["name"] for n in lab.saklar.json("network", "list")] == before
    lab.host.run("rm", f"{path}/fill")
    lab.network("again")
    lab.saklar.kill_daemon()
    lab.saklar.start()
    assert "again" in [n["name"] for n in lab.saklar.json("network", "list")]


def tools_but(lab, *missing):
    """A PATH with what the daemon runs, without @missing."""
    tools = lab.workdir / "bin"
    tools.mkdir()
    for name in {"nft", "ip", "sh", "tc", "dnsmasq"} - set(missing):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    return tools


def test_host_without_nft_refuses_networks_that_need_it(make_lab):
    lab = make_lab(start=False, name="nonft")
    lab.saklar.start(before=["env", f"PATH={tools_but(lab, 'nft')}"])
    for args in (("--mode", "isolated"), ("--mode", "nat"), ("--mode", "routed", "--uplink", "eth9",
                                                             "--uplink-address", "192.0.2.2/24")):
        text = lab.saklar.refused("network", "add", "lan", *args, "--subnet", "10.25.0.0/24")
        assert "network." in text and "apt-get install nftables" in text, text
    assert lab.saklar.json("network", "list") == []
    assert "lan" not in lab.host.out("ip", "-br", "link")
    lab.network("plain")
    guests = [lab.guest(f"p{i}", "plain", "host", addr=f"10.25.0.1{i}/24") for i in (1, 2)]
    wait_ping(guests[0], "10.25.0.12")


def test_missing_dnsmasq_is_said_and_the_network_works_without_dhcp(make_lab):
    lab = make_lab(start=False, name="nodns")
    tools = tools_but(lab, "dnsmasq")
    # A daemon that looks in fixed places as well finds none there either.
    for place in ("/usr/sbin/dnsmasq", "/usr/bin/dnsmasq"):
        if os.path.exists(place):
            lab.host.run("mount", "--bind", "/dev/null", place)
    lab.saklar.start(before=["env", f"PATH={tools}"])
    done = lab.saklar.run("network", "add", "lan", "--subnet", "10.23.0.0/24", "--dhcp")
    if done.returncode == 0:
        network = wait_until(lambda: lab.saklar.network("lan")["reason"]
                             and lab.saklar.network("lan"), 5, "a reason")
        text = json.dumps([network["reason"], lab.saklar.json("status")["problems"]])
    else:
        text = done.stderr
    assert "dnsmasq" in text
    assert "dnsmasq-base" in text, "says what to install"
    lab.network("plain", "--subnet", "10.24.0.0/24")
    a = lab.guest("a", "plain", "host", addr="10.24.0.11/24")
    wait_ping(a, "10.24.0.1")


def test_bad_words_on_the_daemons_command_line_are_usage_errors(site):
    for args in (("--run-dir",), ("--nonsense",), ("--run-dir", ""), ("extra",)):
        done = site.host.run(BUILD / "saklard", *args, check=False, timeout=10,
                             env=site.saklar.env)
        assert done.returncode == 2, (args, done.stderr)
        assert done.stderr.strip()

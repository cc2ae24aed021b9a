# SPDX-License-Identifier: Apache-2.0
"""Networks changed while they are in use, their tables and quotas, and the end of an instance.

      guest a (host) --+-- network lan --+-- guest b (netdev)
                       | leg: 10.29.0.1
"""

import pytest

from lib.instance import BUILD
from lib.traffic import ping, wait_ping
from lib.wait import wait_until
from lib.wire import has, udp_frame, wire


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.29.0.0/24")
    return {"a": lab.guest("a", "lan", "host", addr="10.29.0.11/24"),
            "b": lab.guest("b", "lan", "netdev", addr="10.29.0.12/24")}


def send_from(guests, macs, dst="b"):
    """Frames of many senders behind guest a, and proof that the last one arrived."""
    with wire(guests["a"], "eth0") as tx, wire(guests[dst], "eth0") as rx:
        for i, mac in enumerate(macs):
            tx.write(udp_frame(mac, guests[dst].mac("eth0"), f"sender-{i:04}"))
        rx.read_until(has(f"sender-{len(macs) - 1:04}"))


def test_subnet_added_and_taken_away_while_guests_talk(lab, guests):
    ping(guests["a"], "10.29.0.12")
    lab.saklar("network", "set", "lan", "--subnet", "10.29.0.0/24", "--subnet", "10.31.0.0/24",
               "--gateway", "10.29.0.1", "--gateway", "10.31.0.254")
    wait_until(lambda: "10.31.0.254/24" in lab.host.addresses("lan"), 5, "the second gateway")
    guests["a"].ip("addr", "add", "10.31.0.11/24", "dev", "eth0")
    wait_ping(guests["a"], "10.31.0.254")
    ping(guests["a"], "10.29.0.1")
    lab.saklar("network", "set", "lan", "--subnet", "10.29.0.0/24", "--gateway", "10.29.0.1")
    wait_until(lambda: lab.host.addresses("lan") == ["10.29.0.1/24"], 5, "only the first")
    ping(guests["a"], "10.29.0.12")


def test_mode_isolated_takes_effect_live(lab, guests):
    lab.saklar("network", "set", "lan", "--mode", "isolated")
    assert lab.saklar.network("lan")["mode"] == "isolated"
    wait_ping(guests["a"], "10.29.0.12")
    wait_ping(guests["a"], "10.29.0.1")
    lab.saklar("network", "set", "lan", "--mode", "bridge")
    wait_ping(guests["a"], "10.29.0.12")


def test_dhcp_switched_on_and_off(lab, guests):
    lab.saklar("network", "set", "lan", "--dhcp")
    wait_until(lambda: "dnsmasq-lan" in lab.saklar.processes(), 5, "dnsmasq runs")
    lab.saklar("network", "set", "lan", "--no-dhcp")
    wait_until(lambda: "dnsmasq-lan" not in lab.saklar.processes(), 5, "dnsmasq is gone")


def test_flush_forgets_what_was_learned_and_traffic_goes_on(lab, guests):
    mac = "02:00:00:00:29:02"  # of nobody, so that it is not learned again meanwhile
    send_from(guests, [mac])
    assert mac in lab.saklar.fdb("lan")
    lab.saklar("fdb", "flush", "--network", "lan")
    assert mac not in lab.saklar.fdb("lan")
    assert lab.saklar.fdb("lan")[lab.host.mac("lan")]["origin"] == "local"
    ping(guests["a"], "10.29.0.12")
    assert guests["b"].mac("eth0") in lab.saklar.fdb("lan")


def test_addresses_age(lab, guests):
    lab.saklar("network", "set", "lan", "--ageing", "1")
    send_from(guests, ["02:00:00:00:29:01"])
    assert "02:00:00:00:29:01" in lab.saklar.fdb("lan")
    wait_until(lambda: "02:00:00:00:29:01" not in lab.saklar.fdb("lan"), 10, "forgotten")
    lab.saklar("network", "set", "lan", "--ageing", "300")


def test_guest_learns_no_more_addresses_than_its_quota(lab, guests):
    lab.saklar("fdb", "flush", "--network", "lan")
    lab.saklar("vif", "set", "a", "--fdb-limit", "10")
    send_from(guests, [f"02:00:00:01:00:{i:02x}" for i in range(100)])
    learned = [m for m, e in lab.saklar.fdb("lan").items() if e["vif"] == "a"]
    assert len(learned) <= 10, learned
    wait_ping(guests["b"], "10.29.0.11")
    lab.saklar("vif", "set", "a", "--fdb-limit", "0")


def test_vif_moves_to_another_network(lab, guests):
    lab.network("other", "--subnet", "10.32.0.0/24")
    lab.saklar("vif", "set", "b", "--network", "other")
    lab.saklar.wait_vif("b")
    guests["b"].ip("addr", "add", "10.32.0.12/24", "dev", "eth0")
    wait_ping(guests["b"], "10.32.0.1")
    assert not guests["a"].ok("ping", "-c1", "-W1", "10.29.0.12")
    assert guests["b"].mac("eth0") not in lab.saklar.fdb("lan")
    lab.saklar("vif", "set", "b", "--network", "lan")
    lab.saklar.wait_vif("b")
    wait_ping(guests["a"], "10.29.0.12")
    lab.saklar("network", "del", "other")
    wait_until(lambda: not lab.host.has_link("other"), 5)


def test_drops_names_vif_reason_and_meaning(lab, guests):
    with wire(guests["a"], "eth0") as tx:
        tx.write(udp_frame("01:00:00:00:00:07", guests["b"].mac("eth0"), "from a group"))
        wait_until(lambda: lab.saklar.drops("a", "mac_invalid_source") > 0, 5)
    rows = [r for r in lab.saklar.json("drops") if r["vif"] == "a"
            and r["reason"] == "mac_invalid_source"]
    assert rows and rows[0]["packets"] >= 1 and rows[0]["network"] == "lan" and rows[0]["doc"]
    assert "mac_invalid_source" in lab.saklar("drops", "--vif", "a")


def test_leg_that_somebody_deletes_comes_back(lab, guests):
    mac = lab.host.mac("lan")
    lab.host.ip("addr", "flush", "dev", "lan")
    wait_until(lambda: "10.29.0.1/24" in lab.host.addresses("lan"), 5, "the address is back")
    wait_ping(guests["a"], "10.29.0.1")
    lab.host.ip("link", "set", "dev", "lan", "down")
    wait_until(lambda: "UP" in lab.host.link("lan")["flags"], 5, "it is up again")
    lab.host.ip("link", "del", "dev", "lan")
    wait_until(lambda: lab.host.has_link("lan") and lab.host.addresses("lan") == ["10.29.0.1/24"],
               5, "it is there again")
    assert lab.host.mac("lan") == mac
    wait_ping(guests["a"], "10.29.0.1")


def test_stop_ends_an_instance_wholly_and_keeps_what_is_wanted(lab, guests):
    """Last in this module: --stop, then a new start with everything as before."""
    other = lab.second_instance("ending")
    other("network", "add", "endnet", "--subnet", "10.33.0.0/24", "--dhcp")
    guest = lab.guest("endg", "endnet", "netdev", saklar=other, addr="10.33.0.11/24")
    wait_ping(guest, "10.33.0.1")
    pids = [other.engine_pid(), *other.processes().values()]
    tables = lab.host.out("nft", "list", "tables").count("inet saklar")
    lab.host.run(BUILD / "saklard", "--stop", "--run-dir", other.run_dir, "--state-dir",
                 other.state_dir, env=other.env)
    other.daemon.wait(10)
    wait_until(lambda: not any(lab.host.pid_alive(p) for p in pids), 5, "all programs ended")
    assert not lab.host.has_link("endnet")
    assert lab.host.out("nft", "list", "tables").count("inet saklar") == tables - 1
    assert "clsact" not in lab.host.out("tc", "qdisc", "show", "dev", "endg")
    ping(guests["a"], "10.29.0.12")  # the other instance goes on
    other.start()
    other.wait_vif("endg")
    wait_ping(guest, "10.33.0.1")
    other("vif", "del", "endg")
    other("network", "del", "endnet")

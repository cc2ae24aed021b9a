# SPDX-License-Identifier: Apache-2.0
"""udev, networkd and NetworkManager, the real ones, beside our netdevs; each is told to take all.

      udevd, networkd, NetworkManager: "everything is mine"
      host namespace --- leg lan -----+
                     --- tap vm ------+-- network lan, 10.90.0.0/24, uplink host: tap up-lan
                     --- host vif here+
      guest namespace -- host vif in -+
"""

import json
import signal

import pytest

from lib.meddlers import Meddlers
from lib.traffic import wait_ping
from lib.wait import wait_until

OURS = ("lan", "up-lan", "vm", "here")
MACS = {"here": "52:54:00:00:90:02", "in": "52:54:00:00:90:03", "vm": "52:54:00:00:90:04"}


def populate(lab):
    """A netdev of each kind that the daemon makes."""
    lab.saklar("network", "add", "lan", "--mode", "nat", "--subnet", "10.90.0.0/24", "--uplink",
               "host", "--mtu", "1450")
    lab.saklar("vif", "add", "here", "--network", "lan", "--type", "host", "--mac", MACS["here"])
    lab.saklar("vif", "add", "vm", "--network", "lan", "--type", "tap", "--mac", MACS["vm"])
    guest = lab.host.guest("in")
    lab.attach(guest, "lan", "host", addr="10.90.0.3/24", args=("--mac", MACS["in"]))
    lab.vmm(lab.saklar, lab.host.guest("box"), "vm")
    for name in ("here", "vm"):
        lab.saklar.wait_vif(name)
    return guest


def shape(host, name):
    """What others must not change."""
    link = host.link(name)
    return {key: link.get(key) for key in ("ifindex", "address", "mtu", "txqlen", "ifalias",
                                           "altnames")} | {"up": "UP" in link["flags"]}


def looked_at(meddlers, host):
    """Ask until each has seen all of ours as they are now."""
    meddlers.settle()
    for name in OURS:
        index = host.link(name)["ifindex"]
        wait_until(lambda i=index: meddlers.udev(i) is not None, 20, f"udev has seen {name}")
        wait_until(lambda i=index: meddlers.networkd_state(i) is not None, 20,
                   f"networkd has seen {name}")
        wait_until(lambda n=name: meddlers.manager_state(n) is not None, 20,
                   f"NetworkManager has seen {name}")


@pytest.fixture(scope="module")
def beset(make_lab):
    """A host whose udevd, networkd and NetworkManager take everything but what is ours."""
    lab = make_lab(start=False, name="beset")
    meddlers = Meddlers(lab.host)
    meddlers.start_udevd().start_networkd().start_network_manager()
    lab.saklar.start()
    lab.meddlers = meddlers
    lab.inside = populate(lab)
    looked_at(meddlers, lab.host)
    return lab


@pytest.fixture(scope="module")
def bare(make_lab):
    """The same without our files."""
    lab = make_lab(start=False, name="bare")
    lab.meddlers = Meddlers(lab.host, ours=False)
    lab.meddlers.start_udevd().start_networkd().start_network_manager()
    lab.saklar.start()
    return lab


def test_what_is_not_ours_is_taken_in_the_same_world(beset):
    """The catch-all files work: a tap of somebody else is renamed, gets a MTU and an address."""
    beset.host.ip("tuntap", "add", "dev", "theirs", "mode", "tap")
    wait_until(lambda: beset.host.has_link("stolen"), 20, "udev has renamed it")
    wait_until(lambda: beset.host.link("stolen")["mtu"] == 1400, 20, "and set its MTU")
    wait_until(lambda: "192.0.2.77/24" in beset.host.addresses("stolen"), 20,
               "networkd has given it an address")
    beset.host.ip("link", "del", "stolen")


def test_udev_knows_ours_and_leaves_name_and_address(beset):
    for name in OURS:
        link = beset.host.link(name)
        stored = beset.meddlers.udev(link["ifindex"])
        assert stored["ID_SAKLAR"] == "1" and stored["NM_UNMANAGED"] == "1", name
        assert stored["ID_NET_LINK_FILE"].endswith("10-saklar.link"), (name, stored)
    assert beset.host.mac("here") == MACS["here"]
    assert beset.host.mac("vm") == "fe" + MACS["vm"][2:]
    assert beset.host.mac("lan") == beset.saklar.network("lan")["leg_mac"]
    assert beset.inside.mac("eth0") == MACS["in"]


def test_networkd_and_network_manager_leave_ours_alone(beset):
    for name in OURS:
        index = beset.host.link(name)["ifindex"]
        assert beset.meddlers.networkd_state(index) == "unmanaged", name
        assert beset.meddlers.manager_state(name) == "unmanaged", name
        assert "192.0.2.77/24" not in beset.host.addresses(name)
        assert not beset.host.link(name).get("altnames")
    assert beset.host.addresses("lan") == ["10.90.0.1/24"]
    assert beset.host.link("lan")["mtu"] == 1450


def test_nothing_of_ours_changes_when_they_look_again(beset):
    """udevadm trigger, a restart of networkd, nmcli reload: as after an upgrade of the packages."""
    before = {name: shape(beset.host, name) for name in OURS}
    inside = shape(beset.inside, "eth0")
    for name in OURS:
        beset.host.run("udevadm", "trigger", "--action=add", "--settle",
                       f"/sys/class/net/{name}")
    beset.meddlers.networkd.stop()
    for path in (beset.host.root / "run/systemd/netif/links").iterdir():
        path.unlink()
    beset.meddlers.start_networkd()
    beset.host.run("nmcli", "general", "reload")
    looked_at(beset.meddlers, beset.host)
    assert {name: shape(beset.host, name) for name in OURS} == before
    assert shape(beset.inside, "eth0") == inside
    for name in OURS:
        assert beset.meddlers.networkd_state(before[name]["ifindex"]) == "unmanaged", name
        assert beset.meddlers.manager_state(name) == "unmanaged", name
    wait_ping(beset.inside, "10.90.0.1")


def test_nothing_of_ours_changes_when_engine_and_daemon_are_replaced(beset):
    before = {name: shape(beset.host, name) for name in OURS}
    engine = beset.saklar.kill_engine()
    beset.saklar.wait_engine(other_than=engine)
    beset.saklar.kill_daemon()
    beset.saklar.start()
    wait_ping(beset.inside, "10.90.0.1")
    looked_at(beset.meddlers, beset.host)
    assert {name: shape(beset.host, name) for name in OURS} == before


def test_a_tap_that_the_administrator_renames_stays_ours(beset):
    index = beset.host.link("here")["ifindex"]
    monitor = beset.meddlers.monitor()
    beset.host.ip("link", "set", "here", "down")
    beset.host.ip("link", "set", "here", "name", "there")
    beset.meddlers.settle()
    try:
        assert beset.host.has_link("there") and beset.host.mac("there") == MACS["here"]
        stored = beset.meddlers.udev(index)
        assert stored["ID_NET_LINK_FILE"].endswith("10-saklar.link"), stored
        assert beset.meddlers.networkd_state(index) == "unmanaged"
    finally:
        beset.host.ip("link", "set", "there", "name", "here")
        beset.host.ip("link", "set", "here", "up")
        beset.meddlers.settle()
    for event in beset.meddlers.events(monitor):
        assert event.get("ID_SAKLAR") == "1", event


def test_udev_s_first_look_finds_the_mark_however_slow_the_daemon_is(beset):
    """The daemon dawdles behind each ioctl(2), TUNSETIFF included: udev is done with the new netdev
    long before it has its alias.  No event that udev passes on lacks our property, and no other file
    is applied."""
    slow = beset.second_instance("slow", start=False)
    trace = beset.workdir / "slow.strace"
    monitor = beset.meddlers.monitor()
    slow.start("--stop-engine", before=("strace", "-f", "-o", trace, "-e", "trace=ioctl", "-e",
                       "inject=ioctl:delay_exit=60000"))
    slow("network", "add", "snail", "--mode", "nat", "--subnet", "10.91.0.0/24", "--uplink", "host",
         timeout=60)
    slow("vif", "add", "stap", "--network", "snail", "--type", "tap", timeout=60)
    slow("vif", "add", "shost", "--network", "snail", "--type", "host", timeout=60)
    names = ("snail", "up-snail", "stap", "shost")
    wait_until(lambda: all(beset.host.has_link(name) for name in names), 60, "they are there")
    index = {name: beset.host.link(name)["ifindex"] for name in names}
    beset.meddlers.settle()
    for name in names:
        wait_until(lambda n=name: (beset.meddlers.udev(index[n]) or {}).get(
            "ID_NET_LINK_FILE", "").endswith("10-saklar.link"), 20, f"udev knows {name}")
    events = [e for e in beset.meddlers.events(monitor) if int(e["IFINDEX"]) in index.values()]
    assert {e["ACTION"] for e in events} >= {"add", "move"}
    for event in events:
        assert event.get("ID_SAKLAR") == "1" and event.get("NM_UNMANAGED") == "1", event
        assert "10-saklar" in event.get("ID_NET_LINK_FILE", "10-saklar"), event
    assert "DELAYED" in trace.read_text()
    beset.host.kill((slow.run_dir / "saklard.pid").read_text(encoding="ascii"), signal.SIGTERM)
    slow.daemon.wait(30)


def test_without_our_files_they_take_our_netdevs(bare):
    """The control: what the files are for."""
    bare.saklar("network", "add", "lan", "--mode", "bridge", "--subnet", "10.92.0.0/24")
    bare.saklar("vif", "add", "vm", "--network", "lan", "--type", "tap")

    def links():
        return {link["ifindex"]: link for link in json.loads(bare.host.out("ip", "-j", "link"))
                if link["ifname"] != "lo"}

    wait_until(lambda: len(links()) >= 2, 20, "there are some")
    wait_until(lambda: any(bare.meddlers.networkd_state(i) in ("configuring", "configured")
                           for i in links()), 20, "networkd configures ours")
    wait_until(lambda: any(link["ifname"] == "stolen" or link["mtu"] == 1400
                           for link in links().values()), 20, "udev renames ours or sets its MTU")
    wait_until(lambda: any(bare.meddlers.manager_state(link["ifname"]) not in (None, "unmanaged")
                           for link in links().values()), 20, "NetworkManager takes ours")

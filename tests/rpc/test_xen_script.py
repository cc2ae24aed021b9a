# SPDX-License-Identifier: Apache-2.0
"""Xen's hotplug script vif-saklar, with a folder for a xenstore and programs that only pretend.

A real Xen runs it in tests/xen."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging/xen/vif-saklar"
BACKEND = "backend/vif/7/0"
PROGRAMS = {
    "xenstore-read": 'cat "$STORE/$1"',
    "xenstore-exists": '[ -e "$STORE/$1" ]',
    "xenstore-write": 'while [ $# -gt 1 ]; do printf %s "$2" >"$STORE/$1"; shift 2; done',
    "ip": '''
echo "ip $*" >>"$STORE/log"
case $* in
"link show dev "*) [ -e "$STORE/devices/$4" ] ;;
*" name "*) mv "$STORE/devices/$3" "$STORE/devices/$5" ;;
esac''',
    "saklar": '''
echo "saklar $*" >>"$STORE/log"
[ -d "$STORE/vifs" ] || { echo "saklar: there is no saklard" >&2; exit 3; }
case $1:$2 in
vif:add | vif:set)
	case $* in *"--network nowhere"*) echo "saklar: there is no network nowhere" >&2; exit 1 ;; esac
	[ $2 = set ] || printf 'name  %s\\ntype  %s\\ndev   %s\\nstate  %s\\nreason  %s\\n' \\
		$3 $7 $3 ${STATE-up} "${REASON--}" \\
		>"$STORE/vifs/$3"
	;;
vif:show) cat "$STORE/vifs/$3" 2>/dev/null ;;
vif:del) rm "$STORE/vifs/$3" ;;
esac''',
}


class World:
    def __init__(self, folder):
        self.folder = folder
        for name in ("bin", "devices", "vifs", BACKEND):
            (folder / name).mkdir(parents=True)
        for name, text in PROGRAMS.items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / "bin" / name).chmod(0o755)
        self.write("frontend", "/local/domain/7/device/vif/0")
        self.write("bridge", "net")
        self.device("vif7.0")

    def write(self, key, value):
        (self.folder / BACKEND / key).write_text(value)

    def read(self, key):
        path = self.folder / BACKEND / key
        return path.read_text() if path.exists() else None

    def device(self, name):
        (self.folder / "devices" / name).touch()

    def vifs(self):
        return sorted(p.name for p in (self.folder / "vifs").iterdir())

    def log(self):
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def run(self, command, kind="vif", **env):
        words = [f"type_if={kind}"] if kind else []
        return subprocess.run(
            ["sh", str(SCRIPT), command, *words], capture_output=True, text=True, check=False, timeout=30,
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "STORE": str(self.folder),
                 "XENBUS_PATH": BACKEND, "vif": "vif7.0", "INTERFACE": "vif7.0-emu", **env})


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_online_attaches_and_says_connected(world):
    done = world.run("online")
    assert done.returncode == 0, done.stderr
    assert world.vifs() == ["vif7.0"]
    assert world.read("hotplug-status") == "connected"
    assert "saklar vif add vif7.0 --network net --type netfront --dev vif7.0" in world.log()
    assert "ip " not in world.log()


@pytest.mark.parametrize("command, kind, name", [
    ("online", "vif", "vif7.0"), ("add", "tap", "vif7.0-emu")])
def test_rate_and_vlan_are_those_of_the_vif(world, command, kind, name):
    world.device("vif7.0-emu")
    world.write("rate", "20000,20000")
    world.write("vlan", "10p/20-29/100+10x4")
    for _ in range(2):
        assert world.run(command, kind).returncode == 0
    limits = "--rate 1000000B/s@20000us --vlan 10p/20-29/100+10x4"
    assert f"--dev {name} {limits}" in world.log()
    assert f"saklar vif set {name} --network net {limits}" in world.log()


@pytest.mark.parametrize("command, kind, name", [
    ("online", "vif", "vif7.0"), ("add", "tap", "vif7.0-emu")])
def test_mac_and_ip_become_a_guard(world, command, kind, name):
    world.device("vif7.0-emu")
    world.write("mac", "00:16:3e:00:00:01")
    world.write("ip", "10.0.0.5  fd00::5 10.1.0.0/24")
    for _ in range(2):
        assert world.run(command, kind).returncode == 0
    flags = "--mac 00:16:3e:00:00:01 --guard 10.0.0.5,fd00::5,10.1.0.0/24"
    assert f"--dev {name} {flags}" in world.log()
    assert f"saklar vif set {name} --network net {flags}" in world.log()


def test_a_vif_of_type_netdev_configured_before_takes_the_kernels_device(world):
    (world.folder / "vifs" / "web0").write_text("name  web0\ntype  netdev\ndev  web0\nstate  up\n")
    world.write("vifname", "web0")
    assert world.run("online").returncode == 0
    assert "ip link set vif7.0 name web0" in world.log()
    assert "saklar vif set web0 --network net" in world.log()


def test_the_tap_is_attached_beside_it_and_says_nothing(world):
    world.device("vif7.0-emu")
    assert world.run("add", "tap").returncode == 0
    assert world.vifs() == ["vif7.0-emu"]
    assert world.read("hotplug-status") is None


def test_a_second_online_changes_nothing(world):
    for _ in range(2):
        assert world.run("online").returncode == 0
    assert world.vifs() == ["vif7.0"]
    assert world.read("hotplug-status") == "connected"


def test_offline_detaches_and_may_come_twice_or_first(world):
    assert world.run("offline").returncode == 0
    assert world.run("online").returncode == 0
    for _ in range(2):
        assert world.run("offline").returncode == 0
    assert world.vifs() == []


def test_offline_works_when_the_guest_has_left_nothing_in_xenstore(world):
    world.run("online")
    for path in (world.folder / BACKEND).iterdir():
        path.unlink()
    (world.folder / BACKEND).rmdir()
    assert world.run("offline").returncode == 0
    assert world.vifs() == []
    assert not (world.folder / BACKEND).exists()


def test_vifname_names_device_and_vif(world):
    world.device("vif7.0-emu")
    world.write("vifname", "web0")
    assert world.run("online").returncode == 0
    assert world.run("add", "tap").returncode == 0
    assert world.vifs() == ["web0", "web0-emu"]
    assert world.run("online").returncode == 0  # renamed already
    world.run("offline")
    world.run("remove", "tap")
    assert world.vifs() == []


def test_a_vif_configured_before_outlives_the_guest(world):
    (world.folder / "vifs" / "web0").write_text(
        "name  web0\ntype  netfront\ndev  web0\nstate  up\n")
    world.write("vifname", "web0")
    assert world.run("online").returncode == 0
    assert "saklar vif set web0 --network net" in world.log()
    assert world.run("offline").returncode == 0
    assert world.vifs() == ["web0"]


@pytest.mark.parametrize("kind, dev, text", [
    ("netdev", "eth9", "another device"), ("netfront", "web1", "something else"),
    ("tap", "web0", "something else")])
def test_a_vif_configured_for_another_device_is_not_touched(world, kind, dev, text):
    (world.folder / "vifs" / "web0").write_text(
        f"name  web0\ntype  {kind}\ndev  {dev}\nstate  up\n")
    world.write("vifname", "web0")
    assert world.run("online").returncode == 1
    assert text in world.read("hotplug-error")
    assert "vif set" not in world.log()


def test_mtu_is_set(world):
    world.write("mtu", "9000")
    assert world.run("online").returncode == 0
    assert "saklar vif add vif7.0 --network net --type netfront --dev vif7.0 --mtu 9000" in world.log()


def test_mtu_of_a_tap_is_set(world):
    world.device("vif7.0-emu")
    world.write("mtu", "9000")
    assert world.run("add", "tap").returncode == 0
    assert "ip link set vif7.0-emu mtu 9000" in world.log()


@pytest.mark.parametrize("key, value, text", [
    ("bridge", "nowhere", "there is no network nowhere"),
    ("bridge", "", "bridge= has to name a network"),
    ("vlan", "10p;reboot", "vlan=10p;reboot is no list of VLANs"),
    ("rate", "fast", "rate=fast in xenstore is not BYTES,MICROSECONDS"),
    ("rate", "1000,0", "rate=1000,0 in xenstore"),
    ("rate", "1000", "rate=1000 in xenstore"),
    ("ip", "10.0.0.1;reboot", "ip=10.0.0.1;reboot is no list of addresses"),
    ("mac", "*", "mac=* is no MAC address"),
])
def test_what_cannot_be_done_is_an_error_with_its_reason(world, key, value, text):
    world.write(key, value)
    done = world.run("online")
    assert done.returncode == 1
    assert text in world.read("hotplug-error") and text in done.stderr
    assert world.read("hotplug-status") == "error"


def test_a_name_that_is_taken_is_told(world):
    world.device("web0-emu")
    world.device("vif7.0-emu")
    world.write("vifname", "web0")
    assert world.run("add", "tap").returncode == 1
    assert "there is a device web0-emu already" in world.read("hotplug-error")


def test_a_missing_device_is_told(world):
    assert world.run("add", "tap").returncode == 1
    assert "there is no device vif7.0-emu" in world.read("hotplug-error")


def test_a_vif_that_failed_is_told_with_the_reason(world):
    assert world.run("online", STATE="failed", REASON="it is a bridge").returncode == 1
    assert "vif vif7.0 is failed: it is a bridge" in world.read("hotplug-error")


def test_a_guest_whose_driver_is_not_there_yet_is_no_error(world):
    assert world.run("online", STATE="waiting",
                     REASON="waits for the guest's network driver").returncode == 0
    assert world.read("hotplug-status") == "connected"


def test_a_daemon_that_is_not_there_is_told(world):
    (world.folder / "vifs").rmdir()
    assert world.run("online").returncode == 1
    assert "there is no saklard" in world.read("hotplug-error")


def test_an_error_does_not_make_the_removed_folder_anew(world):
    (world.folder / BACKEND / "frontend").unlink()
    assert world.run("add", "tap").returncode == 1
    assert world.read("hotplug-error") is None


@pytest.mark.parametrize("command, kind", [("grow", "vif"), ("online", "moon")])
def test_a_wrong_call_is_told(world, command, kind):
    done = world.run(command, kind)
    assert done.returncode == 2 and "usage" in done.stderr

# SPDX-License-Identifier: Apache-2.0
"""The programs of a host that configure every netdev they see: systemd-udevd, systemd-networkd and
NetworkManager, the real ones, in a host namespace, with configuration that matches all devices.

The kernel delivers the events of a netdev to its network namespace, so udevd works in one.  It gets
a /dev of its own: whatever it does with devices of the machine stays inside.  NetworkManager is not
installed (that would let it take over the machine's own netdevs) but unpacked beside the build, by
tools/dev/deps-debian12.sh.
"""

import pathlib
import signal

from .instance import REPO
from .wait import wait_until

PACKAGING = REPO / "packaging"
NETWORK_MANAGER = REPO / "build" / "deps" / "network-manager"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

CATCH_ALL = {
    # Sorted behind our files and before the ones that systemd ships.
    "systemd/network/50-all.link": "[Match]\nDriver=tun\n\n[Link]\nName=stolen\n"
                                   "MACAddressPolicy=random\nMTUBytes=1400\n",
    "systemd/network/50-all.network": "[Match]\nName=*\n\n[Network]\nDHCP=yes\nLLMNR=yes\n"
                                      "LinkLocalAddressing=yes\nAddress=192.0.2.77/24\n"
                                      "ConfigureWithoutCarrier=yes\n",
    "NetworkManager/conf.d/50-all.conf": "[main]\nplugins=keyfile\n",  # which takes all that is up
}

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/>
    <allow send_type="*"/> <allow receive_type="*"/>
  </policy>
</busconfig>
"""


def _put(host, path, text):
    """A file below the host's own /run."""
    target = host.root / "run" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _ship(host):
    """What cmake --install gives, in the folders of /run that the three programs read too."""
    for folder, target in (("udev", "udev/rules.d"), ("networkd", "systemd/network"),
                           ("NetworkManager", "NetworkManager/conf.d")):
        for path in (PACKAGING / folder).iterdir():
            _put(host, f"{target}/{path.name}", path.read_text(encoding="utf-8"))


def _own_dev(host):
    host.run("sh", "-ec", f"""
        mkdir /run/dev && mount -t tmpfs -o mode=755 dev /run/dev && mkdir /run/dev/net
        for name in {' '.join(DEVICES)} net/tun; do
            touch /run/dev/$name && mount --bind /dev/$name /run/dev/$name
        done
        mount --move /run/dev /dev""")


class Meddlers:
    """All of them, in @host; @ours: with our files."""

    def __init__(self, host, ours=True):
        self.host = host
        _own_dev(host)
        for path, text in CATCH_ALL.items():
            _put(host, path, text)
        if ours:
            _ship(host)
        self.udevd = self.networkd = self.manager = None

    def start_udevd(self):
        self.udevd = self.host.start("/lib/systemd/systemd-udevd")
        wait_until(lambda: (self.host.root / "run/udev/control").exists(), 10, self.udevd.output)
        return self

    def start_networkd(self):
        self.networkd = self.host.start("/lib/systemd/systemd-networkd")
        wait_until(lambda: (self.host.root / "run/systemd/netif/state").exists(), 10,
                   self.networkd.output)
        return self

    def start_network_manager(self):
        assert (NETWORK_MANAGER / "usr/sbin/NetworkManager").exists(), \
            "NetworkManager is not unpacked: run tools/dev/deps-debian12.sh"
        self.host.run("mount", "-t", "overlay", "overlay", "-o",
                      f"lowerdir={NETWORK_MANAGER}/usr:/usr", "/usr")
        self.host.run("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
        for path in (NETWORK_MANAGER / "lib/udev/rules.d").iterdir():
            _put(self.host, f"udev/rules.d/{path.name}", path.read_text(encoding="utf-8"))
        _put(self.host, "bus.conf", BUS)
        _put(self.host, "nm.conf", "")
        (self.host.root / "run/dbus").mkdir(exist_ok=True)
        self.host.start("dbus-daemon", "--config-file=/run/bus.conf", "--nofork", "--nopidfile")
        wait_until(lambda: (self.host.root / "run/dbus/system_bus_socket").exists(), 10, "the bus")
        self.manager = self.host.start(
            "/usr/sbin/NetworkManager", "--no-daemon", "--config=/run/nm.conf",
            "--config-dir=/run/NetworkManager/conf.d", "--state-file=/run/nm.state")
        wait_until(lambda: self.host.ok("nmcli", "-t", "general"), 20, self.manager.output)
        return self

    # ---- what they think of a netdev ----

    def udev(self, ifindex):
        """Properties that udev has stored; None: it has not looked at it yet."""
        path = self.host.root / f"run/udev/data/n{ifindex}"
        if not path.exists():
            return None
        return dict(line[2:].split("=", 1) for line in path.read_text().splitlines()
                    if line.startswith("E:"))

    def networkd_state(self, ifindex):
        """Such as unmanaged, configuring; None: it has not looked at it yet."""
        path = self.host.root / f"run/systemd/netif/links/{ifindex}"
        if not path.exists():
            return None
        state = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
        return None if state["ADMIN_STATE"] in ("pending", "initialized") else state["ADMIN_STATE"]

    def manager_state(self, ifname):
        """Such as unmanaged, disconnected, connected (externally)."""
        for line in self.host.out("nmcli", "-t", "-f", "DEVICE,STATE", "device").splitlines():
            device, state = line.replace("\\:", ":").rsplit(":", 1)
            if device == ifname:
                return state
        return None

    def settle(self):
        """Wait until udev has looked at everything there is."""
        self.host.run("udevadm", "settle", "--timeout=20")

    def monitor(self):
        """Start recording what udev says about netdevs."""
        program = self.host.start("stdbuf", "-oL", "udevadm", "monitor", "--udev", "--property",
                                  "--subsystem-match=net")
        wait_until(lambda: "UDEV - the event" in program.output(), 10, program.output)
        return program

    @staticmethod
    def events(program):
        """What @program, a monitor, has recorded: one dictionary an event."""
        program.stop(signal.SIGTERM)
        events = []
        for block in pathlib.Path(program.log).read_text(encoding="utf-8").split("\n\n"):
            lines = block.splitlines()
            if any(line.startswith("UDEV  [") for line in lines):
                events.append(dict(line.split("=", 1) for line in lines if "=" in line))
        return events

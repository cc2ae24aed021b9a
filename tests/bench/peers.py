# SPDX-License-Identifier: Apache-2.0
"""The switches that are compared: each in a host namespace of its own with n guests on veth pairs,
g0, g1, ... at 10.40.0.10+i and fd40::10+i."""

import json
import os
import subprocess

from lib.instance import BUILD, Instance
from lib.netns import Host
from lib.wait import wait_until


class Peer:
    """A switch with @n guests."""

    name = ""

    def __init__(self, workdir, n):
        self.workdir = workdir / f"{self.name}-{n}".replace(" ", "-")
        self.workdir.mkdir()
        self.cpu = None  # taskset's list, or None
        self.host = Host(self.name.replace(" ", "-"), self.workdir)
        self.guests = []
        self.make_guests(n)
        self.setup(n)
        for addr in self.server_addrs():
            wait_until(lambda a=addr: self.guests[0].ok("ping", "-c1", "-W1", a), 20,
                       f"{self.name} connects its guests")

    def guest(self, name, dev, *addrs):
        """A namespace whose eth0 is the other end of the host's @dev."""
        guest = self.host.guest(name)
        self.host.ip("link", "add", dev, "type", "veth", "peer", "name", "eth0", "netns",
                     guest.name)
        self.host.ip("link", "set", dev, "up")
        guest.ip("link", "set", "eth0", "up")
        for addr in addrs:
            guest.ip("addr", "add", addr, "dev", "eth0")
        self.guests.append(guest)
        return guest

    def make_guests(self, n):
        for i in range(n):
            self.guest(f"g{i}", f"v{i}", f"10.40.0.{10 + i}/24", f"fd40::{10 + i}/64")

    def server_addrs(self):
        """Of guests[1], as guests[0] reaches it."""
        return "10.40.0.11", "fd40::11"

    def setup(self, n):
        raise NotImplementedError

    def pids(self):
        """Pids, as this program sees them, of the switch's own processes."""
        return []

    def describe(self):
        return ""

    def pin(self, cpu):
        """Everything of the switch on this CPU, or anywhere."""
        self.cpu = cpu
        for pid in self.pids():
            subprocess.run(["taskset", "-a", "-p", "-c", cpu or f"0-{os.cpu_count() - 1}",
                            str(pid)], check=True, capture_output=True)

    def prefix(self):
        """How a measuring program is started under the same pinning."""
        return ["taskset", "-c", self.cpu] if self.cpu else []

    def outer(self, inner_pid):
        """The pid here of a pid in the host's pid namespace."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                    ns = next(line for line in f if line.startswith("NSpid:")).split()[1:]
                same = os.readlink(f"/proc/{pid}/ns/pid") == \
                    os.readlink(f"/proc/{self.host.pid}/ns/pid")
            except (OSError, StopIteration):
                continue
            if same and len(ns) > 1 and int(ns[-1]) == inner_pid:
                return int(pid)
        raise AssertionError(f"no process {inner_pid} in {self.name}")

    def close(self):
        self.host.close()


class SaklarSwitch(Peer):
    """Release build, as installed: sandbox, counters, one worker."""

    name = "saklar"
    options = ()

    def setup(self, n):
        self.saklar = Instance(self.host).start(*self.options)
        self.saklar("network", "add", "lan", "--mode", "bridge")
        for i in range(n):
            self.saklar("vif", "add", f"g{i}", "--network", "lan", "--type", "netdev", "--dev",
                        f"v{i}")
        for i in range(n):
            self.saklar.wait_vif(f"g{i}")

    def pids(self):
        status = self.saklar.json("status")
        return [self.outer(status["engine"]["pid"]), self.outer(status["daemon"]["pid"])]

    def describe(self):
        engine = self.saklar.json("status")["engine"]
        return f"build {BUILD.name}, {engine['workers']} worker(s), hugepages " \
               f"{'yes' if engine['hugepages'] else 'no'}, netdev vifs (packet sockets), " \
               f"fast path {self.saklar.json('status')['fast_path']['state']}"


class SaklarEngine(SaklarSwitch):
    """The same, with every packet in the engine."""

    name = "saklar engine"
    options = ("--no-fast-path",)


class LinuxBridge(Peer):
    """The kernel's bridge, without netfilter on it."""

    name = "linux bridge"

    def setup(self, n):
        for key in ("iptables", "ip6tables", "arptables"):
            self.host.sysctl(f"net.bridge.bridge-nf-call-{key}", 0)
        self.host.ip("link", "add", "br0", "type", "bridge")
        for i in range(n):
            self.host.ip("link", "set", f"v{i}", "master", "br0")
        self.host.ip("link", "set", "br0", "up")

    def describe(self):
        return "br0, stp off, bridge-nf-call-* 0"


class OvsUserspace(Peer):
    """ovs-vswitchd without DPDK, datapath_type=netdev, userspace-tso-enable=true."""

    name = "ovs user space"

    def setup(self, n):
        d = self.workdir
        self.env = dict(os.environ, OVS_RUNDIR=str(d), OVS_LOGDIR=str(d), OVS_DBDIR=str(d),
                        OVS_SYSCONFDIR=str(d))
        # ovsdb-server insists on unnamed files in /tmp, which is read-only in a test's host.
        self.host.run("sh", "-c", "mount --bind /tmp /tmp && mount -o remount,bind,rw /tmp")
        run = lambda *cmd: self.host.run(*cmd, env=self.env)  # noqa: E731
        run("ovsdb-tool", "create", f"{d}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        self.db = self.host.start("ovsdb-server", f"{d}/conf.db", f"--remote=punix:{d}/db.sock",
                                  "--pidfile", "--no-chdir", env=self.env)
        wait_until(lambda: (d / "db.sock").exists(), 5, "ovsdb-server")
        vsctl = ["ovs-vsctl", f"--db=unix:{d}/db.sock"]
        run(*vsctl, "--no-wait", "init")
        run(*vsctl, "--no-wait", "set", "Open_vSwitch", ".",
            "other_config:userspace-tso-enable=true")
        self.vswitchd = self.host.start("ovs-vswitchd", f"unix:{d}/db.sock", "--pidfile",
                                        "--no-chdir", env=self.env)
        run(*vsctl, "--timeout=20", "add-br", "br0", "--", "set", "bridge", "br0",
            "datapath_type=netdev")
        for i in range(n):
            run(*vsctl, "--timeout=20", "add-port", "br0", f"v{i}")
        self.vsctl = vsctl

    def pids(self):
        return [self.vswitchd.pid, self.db.pid]

    def describe(self):
        version = self.host.out("ovs-vswitchd", "--version", env=self.env).splitlines()[0]
        config = self.host.out(*self.vsctl, "get", "Open_vSwitch", ".", "other_config",
                               env=self.env).strip()
        links = json.loads(self.host.out("ip", "-j", "link"))
        return f"{version}, datapath_type=netdev, {config}, {len(links)} devices"

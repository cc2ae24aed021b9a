# SPDX-License-Identifier: Apache-2.0
"""Switches with vhost-user ports: each on CPU 0 of a host namespace of its own, and stopped while another
one is measured, since those that poll would take the CPU from it."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess

from lib.instance import BUILD, REPO, Instance
from lib.wait import wait_until
from peers import Peer

NICE = -20  # the switch and its load; what else runs on the machine must not be measured
OVS_DPDK = "usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SWITCH_CPU, LOAD_CPU = 0, 1


def threads(pid):
    """Thread id -> name."""
    found = {}
    for path in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found[int(path.name)] = (path / "comm").read_text(encoding="ascii").strip()
    return found


def ran_ns(tid):
    """Nanoseconds that a thread has been on a CPU."""
    with open(f"/proc/{tid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0])


def place(tid, cpu):
    os.sched_setaffinity(tid, {cpu})
    os.setpriority(os.PRIO_PROCESS, tid, NICE)


class VhostPeer(Peer):
    """A switch with @n vhost-user ports and no other guest; the loads connect to .paths."""

    load_listens = False
    forwarder = ""  # begin of the name of the thread that forwards

    def make_guests(self, n):
        self.paths = [self.workdir / f"p{i}.sock" for i in range(n)]

    def server_addrs(self):
        return ()

    def settle(self):
        """The forwarding thread alone on the switch's CPU."""
        for pid in self.pids():
            for tid, name in threads(pid).items():
                is_forwarder = name.startswith(self.forwarder)
                place(tid, SWITCH_CPU if is_forwarder else LOAD_CPU)
                if is_forwarder:
                    self.tid = tid

    def stop(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def busy_begin(self):
        """Count from here."""

    def busy_cycles(self):
        """TSC cycles a packet in turns that found packets, since busy_begin()."""
        raise NotImplementedError


def tsc_ghz():
    """Of the time stamp counter, as the kernel found it out."""
    done = subprocess.run(["dmesg"], capture_output=True, text=True, check=False)
    found = re.findall(r"tsc: Detected ([0-9.]+) MHz", done.stdout)
    if not found:
        found = re.findall(r"cpu MHz\s*: ([0-9.]+)",
                           pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii"))
    return float(found[0]) / 1000


class SaklarVhost(VhostPeer):
    """Release build, sandbox and counters on, one worker, one network of mode bridge."""

    name = "saklar"
    forwarder = "worker"
    n_idle = 0  # vifs besides, whose guests never come

    def setup(self, n):
        self.saklar = Instance(self.host).start()
        self.saklar("network", "add", "lan", "--mode", "bridge")
        for i in range(n + self.n_idle):
            self.saklar("vif", "add", f"p{i}", "--network", "lan", "--type", "vhost-user")
        self.paths = [self.saklar.run_dir / "vhost" / f"p{i}" for i in range(n)]
        self.ghz = tsc_ghz()
        self.settle()

    def pids(self):
        return [self.outer(self.saklar.json("status")["engine"]["pid"])]

    # It sleeps when nobody speaks, and must hear when a load ends.
    def stop(self):
        pass

    def go_on(self):
        pass

    def _counters(self):
        workers = self.saklar.json("worker", "list")
        return [sum(w[key] for w in workers) for key in ("busy_ns", "packets")]

    def busy_begin(self):
        self.before = self._counters()

    def busy_cycles(self):
        busy, packets = (now - then for now, then in zip(self._counters(), self.before))
        return busy * self.ghz / max(packets, 1)

    def describe(self):
        engine = self.saklar.json("status")["engine"]
        return f"build {BUILD.name}, {engine['workers']} worker(s), hugepages " \
               f"{'yes' if engine['hugepages'] else 'no'}, {len(self.paths) + self.n_idle} vifs"


class SaklarThousand(SaklarVhost):
    """The same with vifs configured up to 1,000."""

    name = "saklar 1000"
    n_idle = 998


class Saklar32(SaklarVhost):
    name = "saklar 32"


class TestpmdIo(VhostPeer):
    """DPDK's testpmd between two vhost ports: what comes by one leaves by the other, unseen."""

    name = "testpmd io"
    forwarder = "rte-worker"

    def setup(self, n):
        vdevs = [f"--vdev=net_vhost{i},iface={path}" for i, path in enumerate(self.paths)]
        read_end, self.stdin = os.pipe()
        self.program = self.host.start(
            "stdbuf", "-oL", "dpdk-testpmd", "--no-pci", "--in-memory", "--no-telemetry",
            "-l", f"{SWITCH_CPU},{LOAD_CPU}", "--main-lcore", str(LOAD_CPU), *vdevs, "--", "-i",
            "--forward-mode=io", "--nb-cores=1", "--total-num-mbufs=16384",
            "--record-core-cycles", "--auto-start", stdin=read_end)
        os.close(read_end)
        wait_until(lambda: all(p.exists() for p in self.paths)
                   and "testpmd>" in self.program.output(), 30, self.program.output)
        self.settle()

    def pids(self):
        return [self.program.pid]

    def say(self, line):
        os.write(self.stdin, f"{line}\n".encode())

    def busy_begin(self):
        self.say("clear fwd stats all")

    def busy_cycles(self):
        n = len(self.program.output())
        self.say("show fwd stats all")
        text = wait_until(lambda: re.search(r"CPU cycles/packet=([0-9.]+)",
                                            self.program.output()[n:]), 10, "testpmd counts")
        return float(text.group(1))

    def describe(self):
        return "DPDK 22.11 testpmd, vhost PMD, forward-mode io, one core"

    def close(self):
        os.close(self.stdin)
        super().close()


class OvsDpdk(VhostPeer):
    """Debian's Open vSwitch with DPDK: one PMD, a bridge of type netdev, action NORMAL."""

    name = "ovs-dpdk"
    forwarder = "pmd-"
    load_listens = True
    other_config = ()

    def setup(self, n):
        d = self.workdir
        self.env = dict(os.environ, OVS_RUNDIR=str(d), OVS_LOGDIR=str(d), OVS_DBDIR=str(d),
                        OVS_SYSCONFDIR=str(d))
        vswitchd = next((p for p in (pathlib.Path("/") / OVS_DPDK,
                                     REPO / "build/deps/openvswitch-switch-dpdk" / OVS_DPDK)
                         if p.exists()), None)
        if vswitchd is None:
            raise RuntimeError("no Open vSwitch with DPDK: tools/dev/deps-debian12.sh --all")
        # ovsdb-server insists on unnamed files in /tmp, which is read-only in a test's host.
        self.host.run("sh", "-c", "mount --bind /tmp /tmp && mount -o remount,bind,rw /tmp")
        run = lambda *cmd: self.host.run(*cmd, env=self.env)  # noqa: E731
        run("ovsdb-tool", "create", f"{d}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        self.db = self.host.start("ovsdb-server", f"{d}/conf.db", f"--remote=punix:{d}/db.sock",
                                  "--pidfile", "--no-chdir", env=self.env)
        wait_until(lambda: (d / "db.sock").exists(), 5, "ovsdb-server")
        self.vsctl = ["ovs-vsctl", f"--db=unix:{d}/db.sock"]
        run(*self.vsctl, "--no-wait", "init")
        config = ("dpdk-init=true", f"pmd-cpu-mask={1 << SWITCH_CPU:#x}",
                  f"dpdk-lcore-mask={1 << LOAD_CPU:#x}", "dpdk-socket-mem=512",
                  "dpdk-extra=--in-memory --no-pci --no-telemetry", *self.other_config)
        for word in config:
            key, _, value = word.partition("=")
            run(*self.vsctl, "--no-wait", "set", "Open_vSwitch", ".",
                f'other_config:{key}="{value}"')
        self.vswitchd = self.host.start(vswitchd, f"unix:{d}/db.sock", f"--unixctl={d}/ctl",
                                        "--no-chdir", env=self.env)
        run(*self.vsctl, "--timeout=30", "add-br", "br0", "--", "set", "bridge", "br0",
            "datapath_type=netdev")
        for i, path in enumerate(self.paths):
            run(*self.vsctl, "--timeout=30", "add-port", "br0", f"p{i}", "--", "set", "Interface",
                f"p{i}", "type=dpdkvhostuserclient", f"options:vhost-server-path={path}")
        wait_until(lambda: any(t.startswith(self.forwarder)
                               for t in threads(self.vswitchd.pid).values()), 30,
                   lambda: f"a PMD runs: {self.vswitchd.output()[-2000:]}")
        self.tune()
        self.settle()

    def tune(self):
        pass

    def appctl(self, *args, check=True):
        return self.host.run("ovs-appctl", "-t", f"{self.workdir}/ctl", *args, env=self.env,
                             check=check).stdout

    def pids(self):
        return [self.vswitchd.pid]

    def busy_begin(self):
        self.appctl("dpif-netdev/pmd-stats-clear")

    def busy_cycles(self):
        text = self.appctl("dpif-netdev/pmd-stats-show", "-pmd", str(SWITCH_CPU))
        packets = int(re.search(r"packets received: (\d+)", text).group(1))
        cycles = int(re.search(r"processing cycles: (\d+)", text).group(1))
        return cycles / max(packets, 1)

    def describe(self):
        version = self.appctl("version").splitlines()[0]
        parts = [version, "one PMD", "NORMAL", f"{len(self.paths)} vhost-user ports",
                 *self.other_config]
        for what in ("dpif-impl-get", "miniflow-parser-get", "subtable-lookup-info-get"):
            text = self.appctl(f"dpif-netdev/{what}", check=False)
            parts.append(" ".join(text.split())[:160])
        return "; ".join(parts)


class OvsDpdkTuned(OvsDpdk):
    """With the signature cache, and with AVX-512 wherever the binary has it."""

    name = "ovs-dpdk tuned"
    other_config = ("smc-enable=true",)

    def tune(self):
        for args in (("dpif-impl-set", "dpif_avx512"), ("miniflow-parser-set", "study", "1024"),
                     ("subtable-lookup-prio-set", "avx512_gather", "5")):
            self.appctl(f"dpif-netdev/{args[0]}", *args[1:], check=False)


class Hugepages:
    """2 MiB pages for the time of a measurement."""

    PATH = pathlib.Path("/proc/sys/vm/nr_hugepages")

    def __init__(self, n):
        self.n = n

    def __enter__(self):
        self.before = int(self.PATH.read_text(encoding="ascii"))
        if self.before < self.n:
            self.PATH.write_text(f"{self.n}\n", encoding="ascii")
        got = int(self.PATH.read_text(encoding="ascii"))
        if got < self.n:
            self.__exit__()
            raise RuntimeError(f"only {got} of {self.n} hugepages are to be had")

    def __exit__(self, *_):
        self.PATH.write_text(f"{self.before}\n", encoding="ascii")

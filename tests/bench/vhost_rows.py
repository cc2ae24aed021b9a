# SPDX-License-Identifier: Apache-2.0
"""Rows of `tests/bench/run --vhost`: guests over vhost-user, the switch on one CPU and its load on the
other.

A measurement gives some figures at once: a rate is the median of windows, busy cycles are counted by the
switch itself over the same time.  It is taken again when one of the two threads did not have its CPU.
"""

import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import time

from lib.instance import REPO
from lib.wait import wait_until
from measure import cpu_seconds
from tables import markdown, spread
from vhost_peers import (LOAD_CPU, NICE, Hugepages, OvsDpdk, OvsDpdkTuned, Saklar32, SaklarThousand,
                         SaklarVhost, TestpmdIo, place, ran_ns, threads)

HUGEPAGES = 2048
SHARE = 0.97  # of its CPU that a thread must have had
TRIES = 4
WINDOWS = 6


class Load:
    """Own guests (vhost_load.c), which cost the other CPU little."""

    def __init__(self, workdir):
        self.program = str(workdir / "vhost_load")
        subprocess.run(["cc", "-O2", "-march=native", "-std=gnu2x", "-D_GNU_SOURCE", "-o",
                        self.program, str(REPO / "tests/bench/vhost_load.c")], check=True)

    @contextlib.contextmanager
    def running(self, peer, mode, *args, n_ports=None):
        """The load, its guests attached, at work."""
        listen = ("--listen",) if peer.load_listens else ()
        running = peer.host.start("nice", "-n", NICE, "taskset", "-c", LOAD_CPU, self.program,
                                  *listen, mode, *args, *peer.paths[:n_ports])
        try:
            wait_until(lambda: "ready" in running.output() or not running.is_running, 60,
                       running.output)
            yield running
        finally:
            running.stop(signal.SIGKILL)

    @staticmethod
    def windows(running):
        """Received frames a second, of each whole line so far."""
        lines = running.output().split("\n")[1:-1]
        return [int(n) * 1e9 / int(ns) for ns, _, n in (line.split() for line in lines)]

    def rates(self, peer, mode, size, macs=1):
        with self.running(peer, mode, size, macs, 600) as running:
            first = 4  # a second in which addresses are learned and caches fill
            wait_until(lambda: len(self.windows(running)) >= first, 30, running.output)

            def measured(n):
                done = len(self.windows(running))
                wait_until(lambda: len(self.windows(running)) >= done + n, 30)
                return self.windows(running)[done:]

            return undisturbed(peer, running.pid, measured)

    def rtt(self, peer, n_pings, n_ports=2):
        """Median and 99th percentile in microseconds."""
        with self.running(peer, "rtt", n_pings, n_ports=n_ports) as running:
            if running.wait(n_pings / 1000 + 30) != 0:
                raise RuntimeError(f"{peer.name}: {running.output()}")
            median, p99, lost = running.output().splitlines()[-1].split()
            if int(lost) > n_pings // 100:
                raise RuntimeError(f"{peer.name}: {lost} of {n_pings} pings lost")
            return {"median": int(median) / 1000, "p99": int(p99) / 1000}

    def idle(self, peer, seconds):
        with self.running(peer, "idle", seconds + 60) as running:
            begin = time.monotonic()
            wait_until(lambda: time.monotonic() - begin >= 2, 5)
            pids = peer.pids()
            before, begin = sum(cpu_seconds(p) for p in pids), time.monotonic()
            wait_until(lambda: time.monotonic() - begin >= seconds, seconds + 5)
            used = sum(cpu_seconds(p) for p in pids) - before
            assert running.is_running, running.output()
            return {"CPU": 100 * used / (time.monotonic() - begin)}


def pmd_rates(peer, size):
    """The load: testpmd with two virtio-user NICs, each sending to the other, 1,024 flows."""
    server = ",server=1" if peer.load_listens else ""
    vdevs = [f"--vdev=net_virtio_user{i},path={path},queues=1,mac=02:00:00:00:00:0{i + 1}{server}"
             for i, path in enumerate(peer.paths)]
    read_end, stdin = os.pipe()
    program = peer.host.start(
        "stdbuf", "-oL", "dpdk-testpmd", "--no-pci", "--in-memory", "--single-file-segments",
        "--no-telemetry", "-l", f"0,{LOAD_CPU}", "--main-lcore", "0", "--file-prefix", "load",
        "-m", "128", *vdevs, "--", "-i", "--forward-mode=flowgen",
        "--eth-peer=0,02:00:00:00:00:02", "--eth-peer=1,02:00:00:00:00:01", "--nb-cores=1",
        f"--txpkts={size}", "--total-num-mbufs=8192", "--auto-start", stdin=read_end)
    os.close(read_end)

    def window():
        n = len(program.output())
        os.write(stdin, b"show port stats all\n")
        found = wait_until(lambda: len(re.findall(r"Rx-pps:\s+(\d+)", program.output()[n:])) == 2
                           and re.findall(r"Rx-pps:\s+(\d+)", program.output()[n:]), 10,
                           program.output)
        return sum(int(word) for word in found)

    def measured(n):
        window()
        rates = []
        for _ in range(n):
            begin = time.monotonic()
            wait_until(lambda: time.monotonic() - begin >= 0.25, 5)  # noqa: B023
            rates.append(window())
        return rates

    try:
        wait_until(lambda: "testpmd>" in program.output(), 60, program.output)
        forwarder = next(tid for tid, name in threads(program.pid).items()
                         if name.startswith("rte-worker"))
        place(forwarder, LOAD_CPU)
        wait_until(lambda: window() > 10000, 30, program.output)
        return undisturbed(peer, forwarder, measured)
    finally:
        program.stop(signal.SIGKILL)
        os.close(stdin)


def undisturbed(peer, load_tid, measured):
    """{rate, cycles} of the try in which both threads had their CPU most."""
    best = None
    for _ in range(TRIES):
        before, begin = [ran_ns(t) for t in (peer.tid, load_tid)], time.monotonic_ns()
        peer.busy_begin()
        rates = measured(WINDOWS)
        cycles = peer.busy_cycles()
        took = time.monotonic_ns() - begin
        share = min((ran_ns(t) - b) / took for t, b in zip((peer.tid, load_tid), before))
        if best is None or share > best[0]:
            best = share, {"rate": statistics.median(rates) / 1e6, "cycles": cycles}
        if share >= SHARE:
            break
    if best[0] < SHARE:
        print(f"  {peer.name}: had its CPU {100 * best[0]:.0f} % of the time", file=sys.stderr)
    return best[1]


UNITS = {"rate": ("Mpps", True), "cycles": ("cycles a packet", False), "median": ("us", False),
         "p99": ("us, p99", False), "CPU": ("% of a core", False)}


class Row:
    """What is measured on each of @peers, (class, ports) each; the first is Saklar."""

    def __init__(self, name, peers, run, goals):
        self.name = name
        self.peers = peers
        self.run = run
        self.goals = goals  # {figure: text}


def rows(load, quick):
    pings = 1000 if quick else 5000
    idle_s = 5 if quick else 20
    three = [(OvsDpdk, 2), (OvsDpdkTuned, 2), (TestpmdIo, 2)]
    goal64 = ">= 3 / 2 / 0.8"
    return [
        Row("64 B, two ports, testpmd", [(SaklarVhost, 2)] + three, lambda p: pmd_rates(p, 64),
            {"rate": goal64, "cycles": goal64}),
        Row("1500 B, two ports, testpmd", [(SaklarVhost, 2)] + three, lambda p: pmd_rates(p, 1500),
            {"rate": "- / - / 1.2", "cycles": "- / - / 1.2"}),
        Row("64 B, two ports", [(SaklarVhost, 2)] + three,
            lambda p: load.rates(p, "flood", 64), {"rate": goal64, "cycles": goal64}),
        Row("1500 B, two ports", [(SaklarVhost, 2)] + three,
            lambda p: load.rates(p, "flood", 1500),
            {"rate": "- / - / 1.2", "cycles": "- / - / 1.2"}),
        Row("64 B, 32 ports all to all", [(Saklar32, 32), (SaklarVhost, 2)],
            lambda p: load.rates(p, "all", 64), {"rate": ">= 0.7", "cycles": ">= 0.7"}),
        Row("64 B, two ports, 1,000 MACs and vifs", [(SaklarThousand, 2), (SaklarVhost, 2)],
            lambda p: load.rates(p, "flood", 64, 500 if p.n_idle else 1),
            {"rate": ">= 0.9", "cycles": ">= 0.9"}),
        Row("IMIX, 8 ports all to all", [(SaklarVhost, 8), (OvsDpdk, 8)],
            lambda p: load.rates(p, "all", "imix"), {"rate": ">= 2.5", "cycles": ">= 2.5"}),
        Row("round trip, 1 kHz", [(SaklarVhost, 2), (OvsDpdk, 2)],
            lambda p: load.rtt(p, pings), {"median": ">= 1.0", "p99": ">= 1.0"}),
        Row("round trip beside a flood", [(SaklarVhost, 4), (OvsDpdk, 4)],
            lambda p: load.rtt(p, pings, 4), {"p99": "below"}),
        Row("idle, 64 ports, 10 broadcasts/s", [(SaklarVhost, 64), (OvsDpdk, 64)],
            lambda p: load.idle(p, idle_s), {"CPU": "<= 0.5 %"}),
    ]


def measure(row, workdir, n_rounds):
    """{peer: {figure: [values]}} and what the peers say of themselves."""
    peers, values, texts = [], {}, []
    try:
        for cls, n in row.peers:
            peers.append(cls(workdir, n))
            texts.append(f"{peers[-1].name}: {peers[-1].describe()}")
            peers[-1].stop()
        for i in range(n_rounds):
            for p in peers if i % 2 == 0 else reversed(peers):
                p.go_on()
                try:
                    got = row.run(p)
                finally:
                    p.stop()
                print(f"  {row.name}: {p.name} "
                      + ", ".join(f"{v:.2f} {UNITS[k][0]}" for k, v in got.items()), file=sys.stderr)
                for figure, value in got.items():
                    values.setdefault(p.name, {}).setdefault(figure, []).append(value)
        return values, texts
    finally:
        for p in peers:
            p.go_on()
            p.close()


def row_table(row, values):
    """A line for each figure; ratios within a round, above 1 better for Saklar."""
    names = list(values)
    lines = [["what", "unit"] + names + [f"{names[0]} : {n}" for n in names[1:]] + ["goal"]]
    lines.append(["---"] * len(lines[0]))
    for figure, ours in values[names[0]].items():
        unit, more = UNITS[figure]
        ratios = [spread([a / b if more else b / max(a, 1e-9)
                          for a, b in zip(ours, values[n][figure])]) for n in names[1:]]
        lines.append([row.name, unit] + [spread(values[n][figure]) for n in names] + ratios
                     + [row.goals.get(figure, "-")])
    return lines


def beside_flood(results):
    """The goal that compares two rows: the quiet round trip and the one beside a flood."""
    quiet, flooded = (next((v for r, v in results if r.name == name), None)
                      for name in ("round trip, 1 kHz", "round trip beside a flood"))
    if quiet is None or flooded is None:
        return []
    lines = []
    for name in quiet:
        ratio = statistics.median(flooded[name]["p99"]) / statistics.median(quiet[name]["p99"])
        lines.append(f"- p99 of a round trip beside a flood is {ratio:.2f} x the quiet one: {name} "
                     "(goal: <= 2)")
    return lines


def run(workdir, only, quick, n_rounds):
    """All lines of the report."""
    out, seen, results = [], set(), []
    wanted = [r for r in rows(Load(workdir), quick) if not only or only.lower() in r.name.lower()]
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    with Hugepages(HUGEPAGES):
        for i, row in enumerate(wanted):
            folder = workdir / f"r{i}"
            folder.mkdir()
            values, texts = measure(row, folder, n_rounds)
            results.append((row, values))
            out += [markdown(row_table(row, values)), ""]
            for text in texts:
                if text not in seen:
                    print(text, file=sys.stderr)
                seen.add(text)
    return out + beside_flood(results) + [""] + sorted(seen)

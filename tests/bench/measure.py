# SPDX-License-Identifier: Apache-2.0
"""What is measured on a peer: between its guests g0 and g1."""

import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

from lib.instance import REPO
from lib.netns import PYTHON
from lib.wait import wait_until

BLAST = str(pathlib.Path(__file__).resolve().parent / "udp_blast.py")


def tcp_gbits(peer, seconds, v6=False, down=False):
    """One iperf3 stream from guests[0] to guests[1] (@down: back), as its receiver saw it."""
    a, b = peer.guests[:2]
    server = b.start(*peer.prefix(), "iperf3", "-s", "-1")
    wait_until(lambda: b.listens(5201), 5, "iperf3 listens")
    done = a.run(*peer.prefix(), "iperf3", "-J", "-C", "cubic", "-t", str(seconds), "-c",
                 peer.server_addrs()[v6], *(["-R"] if down else []), timeout=seconds + 30,
                 check=False)
    server.stop(signal.SIGKILL)
    result = json.loads(done.stdout)
    if "error" in result:
        raise RuntimeError(f"{peer.name}: {result['error']}")
    return result["end"]["sum_received"]["bits_per_second"] / 1e9


def rtt_us(peer, n):
    """Mean round trip of @n pings, 2 ms apart: every one finds a sleeping switch."""
    out = peer.guests[0].out(*peer.prefix(), "ping", "-n", "-q", "-c", str(n), "-i", "0.002",
                             peer.server_addrs()[0], timeout=n * 0.01 + 20)
    assert f"{n} received" in out, out
    return float(out.rsplit("=", 1)[1].split("/")[1]) * 1000


def udp_kpps(peer, seconds):
    """Datagrams of 64 bytes that arrive at the receiver's device while the sender floods."""
    a, b = peer.guests[:2]
    receiver = b.start(PYTHON, BLAST, "sink", "9000")
    wait_until(lambda: b.listens(9000, udp=True), 5, "the sink is bound")

    def received():
        return int(b.read("/sys/class/net/eth0/statistics/rx_packets"))

    sender = a.start(*peer.prefix(), PYTHON, BLAST, "send", peer.server_addrs()[0],
                     "9000", str(seconds + 0.5))
    wait_until(lambda: received() > 0 and "sending" in sender.output(), 5, "the sender runs")
    start, begin = received(), time.monotonic()
    wait_until(lambda: time.monotonic() - begin >= seconds, seconds + 5)
    rate = (received() - start) / (time.monotonic() - begin)
    sender.stop()
    receiver.stop()
    return rate / 1000


class ConnLoad:
    """The load of new connections, built for this run.  The switch forgets them after each go."""

    GOES = 3
    TCP_PORTS = 16

    def __init__(self, workdir):
        self.program = str(workdir / "conn_load")
        subprocess.run(["cc", "-O2", "-std=gnu2x", "-D_GNU_SOURCE", "-I", str(REPO), "-o",
                        self.program, str(REPO / "tests/bench/conn_load.c")], check=True)

    def _rate(self, peer, args_of_go):
        """Connections a second, their median over some goes; a lost one is an error."""
        guest, internet = peer.guests
        server = internet.start(*peer.prefix(), self.program, "serve",
                                peer.server_addrs()[0], "9000", str(self.TCP_PORTS))
        wait_until(lambda: internet.listens(9000) and internet.listens(9000, udp=True), 5,
                   "the server listens")
        rates = []
        for go in range(self.GOES):
            peer.flush()
            out = guest.out(*peer.prefix(), self.program, *args_of_go(go), timeout=120)
            count, seconds, lost = out.split()
            if int(lost) > int(count) // 100:
                raise RuntimeError(f"{peer.name}: {lost} of {count} connections lost")
            rates.append((int(count) - int(lost)) / float(seconds))
        server.stop(signal.SIGKILL)
        peer.flush()
        return statistics.median(rates)

    def tcp_kcps(self, peer, count):
        """Connect and close, 64 at a time."""
        addr = peer.server_addrs()[0]
        return self._rate(peer, lambda go: ("tcp", addr, "9000", str(self.TCP_PORTS),
                                            str(count))) / 1000

    def udp_kcps(self, peer, count):
        """A question and an answer each, 256 at a time."""
        addr, mac = peer.server_addrs()[0], peer.gateway_mac()
        # Other ports each time: nothing of a go before helps.
        return self._rate(peer, lambda go: ("udp", "eth0", peer.guest_addr, addr, mac, "9000",
                                            str(1024 + go % 2 * count), str(count))) / 1000


def cpu_seconds(pid):
    """User and system time of a process with all its threads, exited ones too."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        field = f.read().rsplit(")", 1)[1].split()
    return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")


def idle_seconds(peer, seconds):
    """CPU time of the switch while one guest broadcasts 10 times a second."""
    sender = peer.guests[0].start(PYTHON, BLAST, "broadcast", "10.40.0.255", "10", str(seconds + 5))
    wait_until(lambda: "sending" in sender.output(), 5, "the sender runs")
    pids = peer.pids()
    before = sum(cpu_seconds(p) for p in pids)
    begin = time.monotonic()
    wait_until(lambda: time.monotonic() - begin >= seconds, seconds + 5)
    used = sum(cpu_seconds(p) for p in pids) - before
    sender.stop()
    return used


def memory(peer):
    """KiB: proportional share of all processes, what their sockets hold, hugepages."""
    result = {"pss": 0, "huge": 0, "sockets": 0}
    for pid in peer.pids():
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                field = line.split()
                if field[0] == "Pss:":
                    result["pss"] += int(field[1])
                elif field[0] in ("Private_Hugetlb:", "Shared_Hugetlb:"):
                    result["huge"] += int(field[1])
    for line in peer.host.out("ss", "-0", "-m", "-a", "-n", "-H").splitlines():
        for part in line.partition("skmem:(")[2].rstrip(")").split(","):
            if part[:1] in "rwfob" and part[1:].isdigit() and not part.startswith("rb"):
                result["sockets"] += int(part[1:]) / 1024
    result["total"] = sum(result.values())
    return result


if __name__ == "__main__":
    sys.exit("part of tests/bench/run")

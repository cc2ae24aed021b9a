# SPDX-License-Identifier: Apache-2.0
"""The load of the crash tests: bulk TCP with known bytes, 1 kHz of UDP, 50 idle connections."""

import json
import os
import random
import signal
import time

from .wait import wait_until

KILLS = int(os.environ.get("SAKLAR_CRASH_KILLS", "20"))
GAP_MS = 400
IDLE = 50
SECONDS = 600  # never reached
BULK_PORT, UDP_PORT, IDLE_PORT = 5001, 5002, 5003


def seed():
    value = int(os.environ.get("SAKLAR_CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {value} (repeat with SAKLAR_CRASH_SEED={value})")
    return random.Random(value), value


def waited_ms(task_dir):
    """For how long threads have been runnable without a CPU."""
    total = 0
    for task in task_dir.iterdir():
        total += int((task / "schedstat").read_text(encoding="ascii").split()[1])
    return total / 1e6


class Load:
    """Everything that runs from one namespace to another; finish() checks that nothing of it was
    lost for long.

    @addr is the server's as the client reaches it; @more are further ones for idle connections.
    """

    def __init__(self, client, server, addr, seed_value, more=()):
        self.client = client
        self.server = server
        self.addr = addr
        self.idle_addrs = ",".join((addr, *more))
        self.seed_value = seed_value
        self.waits_ms = []  # see finish(), one for each kill

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for guest in (self.client, self.server):
            for program in guest.programs:
                program.stop(signal.SIGKILL)

    def start(self):
        a, b = self.client, self.server
        self.servers = [b.start_python("peer.py", "tcp-recv", BULK_PORT),
                        b.start_python("peer.py", "udp-recv", UDP_PORT),
                        b.start_python("peer.py", "tcp-idle-serve", IDLE_PORT, IDLE)]
        for s in self.servers:
            wait_until(lambda s=s: "ready" in s.output(), 10, s.output)
        self.idle = a.start_python("peer.py", "tcp-idle", self.idle_addrs, IDLE_PORT, IDLE)
        self.udp = a.start_python("peer.py", "udp-send", self.addr, UDP_PORT, 1000, SECONDS)
        self.tcp = a.start_python("peer.py", "tcp-send", self.addr, BULK_PORT, self.seed_value,
                                  SECONDS)
        for c in (self.idle, self.tcp):
            wait_until(lambda c=c: "ready" in c.output(), 10, c.output)

    @staticmethod
    def result(program, timeout=60):
        program.wait(timeout)
        return json.loads(program.output().strip().splitlines()[-1])

    def kill_engine(self, saklar):
        """Kill the engine and wait for the next one."""
        before = waited_ms(saklar.daemon_task_dir())
        pid = saklar.kill_engine()
        new = saklar.wait_engine(other_than=pid)
        self.waits_ms.append(waited_ms(saklar.host.root / "proc" / str(new) / "task")
                             + waited_ms(saklar.daemon_task_dir()) - before)

    def finish(self, gap_ms=GAP_MS, lost_max=None, **kw):
        """End it all, print and check; returns server port -> {(address, port) of a peer}.

        At most @lost_max datagrams may be lost.

        Of the longest gap the machine may have its share: for how long a new engine and the daemon
        wanted to run, and other programs had every CPU.  On an idle machine that is nothing.
        """
        self.tcp.send_signal(signal.SIGTERM)
        sent = self.result(self.tcp)
        received = self.result(self.servers[0])
        self.udp.send_signal(signal.SIGTERM)
        udp_sent = self.result(self.udp)
        self.servers[1].send_signal(signal.SIGTERM)
        udp = self.result(self.servers[1])
        self.idle.send_signal(signal.SIGUSR1)
        idle = self.result(self.idle)
        self.servers[2].stop(signal.SIGKILL)
        served = json.loads(self.servers[2].output().strip().splitlines()[-1])
        lost = udp_sent["sent"] - udp["received"]
        print(f"longest UDP gap {udp['longest_gap_ms']:.1f} ms (gaps over 20 ms: "
              f"{udp['gaps_over_20_ms']}), {lost} of {udp_sent['sent']} datagrams lost; TCP "
              f"{received['bytes'] / 1e6:.0f} MB; {idle['alive']} of {idle['of']} idle "
              f"connections alive; starved for {max(self.waits_ms, default=0):.0f} ms at most",
              kw or "")
        assert lost_max is None or lost <= lost_max, f"{lost} datagrams lost, of {lost_max}"
        assert received["bytes"] == sent["bytes"] > 0
        assert received["wrong_blocks"] == 0
        assert received["digest"] == sent["digest"], "TCP bytes differ"
        assert idle["alive"] == IDLE
        if gap_ms is not None:
            assert udp["longest_gap_ms"] <= gap_ms + max(self.waits_ms, default=0), udp
        return {port: {(addr.removeprefix("::ffff:"), peer_port)
                       for addr, peer_port, *_ in result["peers"]}
                for port, result in ((BULK_PORT, received), (UDP_PORT, udp), (IDLE_PORT, served))}


def pause(rng, low, high):
    """A random moment later; the load goes on meanwhile."""
    end = time.monotonic() + rng.uniform(low, high)
    wait_until(lambda: time.monotonic() >= end, high + 1)

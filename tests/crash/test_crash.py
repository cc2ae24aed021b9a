# SPDX-License-Identifier: Apache-2.0
"""Engine and daemon killed at random moments under load: guests lose a moment, never a connection.

      guest a (netdev) --+-- network lan, 10.30.0.0/24 --+-- guest b (netdev)
                         |                               +-- guest c (host), watches for floods
      a to b: one bulk TCP stream with known bytes, 1,000 datagrams a second, 50 idle connections
"""

import json
import os
import random
import signal
import time

import pytest

from lib.traffic import ping, wait_ping
from lib.wait import wait_until
from lib.wire import wire

KILLS = int(os.environ.get("SAKLAR_CRASH_KILLS", "20"))
GAP_MS = 400
IDLE = 50


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.30.0.0/24")
    return {"a": lab.guest("a", "lan", "netdev", addr="10.30.0.11/24"),
            "b": lab.guest("b", "lan", "netdev", addr="10.30.0.12/24"),
            "c": lab.guest("c", "lan", "host", addr="10.30.0.13/24")}


def seed():
    value = int(os.environ.get("SAKLAR_CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {value} (repeat with SAKLAR_CRASH_SEED={value})")
    return random.Random(value), value


class Load:
    """Everything that runs from a to b; finish() checks that nothing of it was lost for long."""

    def __init__(self, guests, seed_value, seconds=600):
        self.guests = guests
        self.seed_value = seed_value
        self.seconds = seconds

    def __enter__(self):
        try:
            self.start(self.guests, self.seed_value, self.seconds)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for guest in self.guests.values():
            for program in guest.programs:
                program.stop(signal.SIGKILL)

    def start(self, guests, seed_value, seconds):
        a, b = guests["a"], guests["b"]
        self.servers = [b.start_python("peer.py", "tcp-recv", 5001),
                        b.start_python("peer.py", "udp-recv", 5002),
                        b.start_python("peer.py", "tcp-idle-serve", 5003, IDLE)]
        for s in self.servers:
            wait_until(lambda s=s: "ready" in s.output(), 10, s.output)
        self.idle = a.start_python("peer.py", "tcp-idle", "10.30.0.12", 5003, IDLE)
        self.udp = a.start_python("peer.py", "udp-send", "10.30.0.12", 5002, 1000, seconds)
        self.tcp = a.start_python("peer.py", "tcp-send", "10.30.0.12", 5001, seed_value, seconds)
        for c in (self.idle, self.tcp):
            wait_until(lambda c=c: "ready" in c.output(), 10, c.output)

    @staticmethod
    def result(program, timeout=60):
        program.wait(timeout)
        return json.loads(program.output().strip().splitlines()[-1])

    def finish(self, gap_ms=GAP_MS, **kw):
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
        lost = udp_sent["sent"] - udp["received"]
        print(f"longest UDP gap {udp['longest_gap_ms']:.1f} ms (gaps over 20 ms: "
              f"{udp['gaps_over_20_ms']}), {lost} of {udp_sent['sent']} datagrams lost; TCP "
              f"{received['bytes'] / 1e6:.0f} MB; {idle['alive']} of {idle['of']} idle "
              f"connections alive", kw or "")
        assert received["bytes"] == sent["bytes"] > 0
        assert received["wrong_blocks"] == 0
        assert received["digest"] == sent["digest"], "TCP bytes differ"
        assert idle["alive"] == IDLE
        if gap_ms is not None:
            assert udp["longest_gap_ms"] <= gap_ms, udp
        return udp


def pause(rng, low, high):
    """A random moment later; the load goes on meanwhile."""
    end = time.monotonic() + rng.uniform(low, high)
    wait_until(lambda: time.monotonic() >= end, high + 1)


def test_twenty_kills_of_the_engine_lose_no_connection(lab, guests):
    rng, value = seed()
    wait_ping(guests["a"], "10.30.0.12")
    ping(guests["c"], "10.30.0.12")
    fdb = {m: e["vif"] for m, e in lab.saklar.fdb("lan").items()}
    with Load(guests, value) as load:
        flooded = []
        mac_b = bytes.fromhex(guests["b"].mac("eth0").replace(":", ""))
        with wire(guests["c"], "eth0") as third:
            for _ in range(KILLS):
                pause(rng, 0.05, 0.5)
                pid = lab.saklar.kill_engine()
                lab.saklar.wait_engine(other_than=pid)
                while (frame := third.read(0)) is not None:
                    if frame[:6] == mac_b:
                        flooded.append(frame)
        assert not flooded, f"{len(flooded)} frames to a known MAC were flooded"
        load.finish(kills=KILLS)
        assert {m: e["vif"] for m, e in lab.saklar.fdb("lan").items()}.items() >= fdb.items()
        assert lab.saklar.json("status")["engine"]["restarts"] >= KILLS


def test_daemon_killed_nobody_notices(lab, guests):
    rng, value = seed()
    with Load(guests, value) as load:
        for _ in range(3):
            pause(rng, 0.1, 0.5)
            lab.saklar.kill_daemon()
            pause(rng, 0.1, 0.5)
            lab.saklar.start()
        load.finish(gap_ms=100, what="daemon")


def test_daemon_then_engine(lab, guests):
    """Nobody is there to start another engine until the daemon is back."""
    rng, value = seed()
    with Load(guests, value) as load:
        pause(rng, 0.1, 0.5)
        engine = lab.saklar.engine_pid()
        lab.saklar.kill_daemon()
        pause(rng, 0.05, 0.3)
        lab.host.kill(engine)
        lab.saklar.start()
        for name in guests:
            lab.saklar.wait_vif(name)
        load.finish(gap_ms=None, what="daemon, then engine")


def test_engine_then_daemon(lab, guests):
    """The daemon dies while it is starting the next engine."""
    rng, value = seed()
    with Load(guests, value) as load:
        for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
            lab.saklar.kill_engine()
            pause(rng, delay, delay + 0.01)
            lab.saklar.kill_daemon()
            lab.saklar.start()
            for name in guests:
                lab.saklar.wait_vif(name)
        load.finish(gap_ms=None, what="engine, then daemon")


def test_both_at_once(lab, guests):
    rng, value = seed()
    with Load(guests, value) as load:
        pause(rng, 0.1, 0.5)
        engine = lab.saklar.engine_pid()
        lab.saklar.daemon.send_signal(signal.SIGKILL)
        lab.host.kill(engine)
        lab.saklar.daemon.wait()
        lab.saklar.start()
        for name in guests:
            lab.saklar.wait_vif(name)
        load.finish(gap_ms=None, what="both")


def test_kills_while_vifs_come_and_go_leave_nothing_half_done(lab, guests):
    """Verbs and deaths interleaved: at the end everything is as the verbs said."""
    rng, _ = seed()
    present = set()
    for i in range(12):
        name = f"t{i}"
        guest = lab.host.guest(name)
        lab.saklar("vif", "add", name, "--network", "lan", "--type", "host", "--netns", name,
                   "--ifname", "eth0")
        present.add(name)
        what = rng.choice(("engine", "daemon", "both", "none"))
        if what in ("engine", "both"):
            lab.saklar.kill_engine()
        if what in ("daemon", "both"):
            lab.saklar.kill_daemon()
            lab.saklar.start()
        if rng.random() < 0.5:
            lab.saklar("vif", "del", name)
            present.discard(name)
            wait_until(lambda g=guest: not g.has_link("eth0"), 10, f"eth0 of {name} is gone")
    for i, name in enumerate(sorted(present)):
        lab.saklar.wait_vif(name)
        guest = lab.host.guests[name]
        guest.ip("link", "set", "eth0", "up")
        guest.ip("addr", "add", f"10.30.0.{100 + i}/24", "dev", "eth0")
        wait_ping(guest, "10.30.0.12")
        lab.saklar("vif", "del", name)

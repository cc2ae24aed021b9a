# SPDX-License-Identifier: Apache-2.0
"""Engine and daemon killed at random moments under load: guests lose a moment, never a connection.

      guest a (netdev) --+-- network lan, 10.30.0.0/24 --+-- guest b (netdev)
                         |                               +-- guest c (host), watches for floods
      a to b: one bulk TCP stream with known bytes, 1,000 datagrams a second, 50 idle connections
"""

import signal

import pytest

from lib.load import KILLS, Load, pause, seed
from lib.traffic import ping, wait_ping
from lib.wait import wait_until
from lib.wire import wire

@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.30.0.0/24")
    return {"a": lab.guest("a", "lan", "netdev", addr="10.30.0.11/24"),
            "b": lab.guest("b", "lan", "netdev", addr="10.30.0.12/24"),
            "c": lab.guest("c", "lan", "host", addr="10.30.0.13/24")}


def test_twenty_kills_of_the_engine_lose_no_connection(lab, guests):
    rng, value = seed()
    wait_ping(guests["a"], "10.30.0.12")
    ping(guests["c"], "10.30.0.12")
    fdb = {m: e["vif"] for m, e in lab.saklar.fdb("lan").items()}
    with Load(guests["a"], guests["b"], "10.30.0.12", value) as load:
        flooded = []
        mac_b = bytes.fromhex(guests["b"].mac("eth0").replace(":", ""))
        with wire(guests["c"], "eth0") as third:
            for _ in range(KILLS):
                pause(rng, 0.05, 0.5)
                load.kill_engine(lab.saklar)
                while (frame := third.read(0)) is not None:
                    if frame[:6] == mac_b:
                        flooded.append(frame)
        assert not flooded, f"{len(flooded)} frames to a known MAC were flooded"
        load.finish(kills=KILLS)
        assert {m: e["vif"] for m, e in lab.saklar.fdb("lan").items()}.items() >= fdb.items()
        assert lab.saklar.json("status")["engine"]["restarts"] >= KILLS


def test_daemon_killed_nobody_notices(lab, guests):
    rng, value = seed()
    with Load(guests["a"], guests["b"], "10.30.0.12", value) as load:
        for _ in range(3):
            pause(rng, 0.1, 0.5)
            lab.saklar.kill_daemon()
            pause(rng, 0.1, 0.5)
            lab.saklar.start()
        load.finish(gap_ms=100, what="daemon")


def test_daemon_then_engine(lab, guests):
    """Nobody is there to start another engine until the daemon is back."""
    rng, value = seed()
    with Load(guests["a"], guests["b"], "10.30.0.12", value) as load:
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
    with Load(guests["a"], guests["b"], "10.30.0.12", value) as load:
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
    with Load(guests["a"], guests["b"], "10.30.0.12", value) as load:
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

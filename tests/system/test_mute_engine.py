# SPDX-License-Identifier: Apache-2.0
"""An engine that hangs (SIGSTOP) holds up nobody but its guests: what reads are answered meanwhile,
what status says, and that it is replaced, or goes on when it comes back in time.

      guest a (host vif) --+-- network lan, 10.96.0.0/24, leg in the host namespace
"""

import signal
import threading
import time

import pytest

from lib.instance import BUILD
from lib.traffic import wait_ping
from lib.wait import wait_until

READ_S = 2.5  # 0.5 s of patience, and a loaded machine
VERB_S = 4.5  # the CLI gives what is pending 2 s more to come up; the engine is given 5 s


@pytest.fixture(scope="module")
def a(lab):
    lab.network("lan", "--subnet", "10.96.0.0/24")
    return lab.guest("a", "lan", "host", addr="10.96.0.11/24")


class Reader:
    """Reads again and again beside the test; remembers the longest wait."""

    def __init__(self, lab):
        self.lab = lab
        self.worst = 0
        self.n = 0
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        while not self.ends.is_set():
            began = time.monotonic()
            if self.lab.saklar.run("vif", "list", "--json").returncode == 0:
                self.n += 1
            self.worst = max(self.worst, time.monotonic() - began)

    def end(self):
        self.ends.set()
        self.thread.join(30)
        assert self.n > 3, "reads were answered"
        return self.worst


def engine_problem(lab):
    return [p for p in lab.saklar.json("status")["problems"] if p["object"] == "engine"]


def timed(call, *args, **kw):
    began = time.monotonic()
    return call(*args, **kw), time.monotonic() - began


def test_reads_and_verbs_do_not_wait_for_an_engine_that_hangs(lab, a):
    wait_ping(a, "10.96.0.1")
    pid = lab.saklar.engine_pid()
    reader = Reader(lab)
    lab.host.kill(pid, signal.SIGSTOP)
    try:
        _, took = timed(lab.saklar, "network", "add", "more", "--mode", "bridge")
        assert took < VERB_S, "the verb is done when it is durable"
        problem = wait_until(lambda: engine_problem(lab), 5)[0]
        assert "not answered" in problem["text"] and problem["cure"], problem
        assert lab.saklar.network("more")["state"] == "pending"
        assert "not answered" in lab.saklar.network("more")["reason"]
        text, took = timed(lab.saklar.refused, "fdb", "list")
        assert took < READ_S and "the engine does not answer" in text
        lab.saklar.wait_engine(other_than=pid, timeout=20)
    finally:
        worst = reader.end()
    assert worst < READ_S, f"a read waited {worst:.1f} s"
    assert not lab.host.pid_alive(pid)
    wait_until(lambda: lab.saklar.network("more")["state"] == "up", 10, "made up for by itself")
    wait_ping(a, "10.96.0.1")
    assert not engine_problem(lab)
    lab.saklar("network", "del", "more")


def test_a_hanging_engine_is_replaced_without_anybody_asking(lab, a):
    wait_ping(a, "10.96.0.1")
    pid = lab.saklar.engine_pid()
    lab.host.kill(pid, signal.SIGSTOP)
    wait_until(lambda: not lab.host.pid_alive(pid), 20, "its heartbeat is missed")
    lab.saklar.wait_engine(other_than=pid, timeout=20)
    wait_ping(a, "10.96.0.1")


def test_an_engine_that_comes_back_in_time_goes_on(lab, a):
    pid = lab.saklar.engine_pid()
    lab.host.kill(pid, signal.SIGSTOP)
    lab.saklar("network", "add", "late", "--mode", "bridge", "--subnet", "10.97.0.0/24")
    assert lab.saklar.network("late")["state"] == "pending"
    lab.host.kill(pid, signal.SIGCONT)
    wait_until(lambda: lab.saklar.network("late")["state"] == "up", 10, "the run was made up for")
    assert lab.saklar.engine_pid() == pid
    wait_ping(a, "10.96.0.1")
    lab.saklar("network", "del", "late")


def test_a_daemon_that_was_stopped_itself_does_not_blame_the_engine(lab, a):
    pid = lab.saklar.engine_pid()
    lab.saklar.daemon.send_signal(signal.SIGSTOP)
    end = time.monotonic() + 6  # longer than the engine would be given
    wait_until(lambda: time.monotonic() > end, 7)
    lab.saklar.daemon.send_signal(signal.SIGCONT)
    lab.saklar("network", "add", "after", "--mode", "bridge")
    assert lab.saklar.engine_pid() == pid
    lab.saklar("network", "del", "after")


def test_a_new_daemon_serves_while_the_old_engine_hangs_and_replaces_it(lab, a):
    wait_ping(a, "10.96.0.1")
    pid = lab.saklar.engine_pid()
    lab.saklar.kill_daemon()
    lab.host.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    lab.saklar.start(wait=False)
    wait_until(lambda: lab.saklar.run("status").returncode == 0, 20, "it answers")
    assert time.monotonic() - began < 4, "before the engine is given up"
    status = lab.saklar.json("status")
    if status["engine"]["pid"] is None:
        problem, = [p for p in status["problems"] if p["object"] == "engine"]
        assert "does not answer" in problem["text"], problem
        _, took = timed(lab.saklar, "vif", "list")
        assert took < READ_S
    lab.saklar.wait_engine(other_than=pid, timeout=20)
    assert not lab.host.pid_alive(pid)
    wait_ping(a, "10.96.0.1")
    assert not engine_problem(lab)


def test_a_new_daemon_takes_over_an_engine_that_wakes_up_late(lab, a):
    pid = lab.saklar.engine_pid()
    lab.saklar.kill_daemon()
    lab.host.kill(pid, signal.SIGSTOP)
    lab.saklar.start(wait=False)
    wait_until(lambda: lab.saklar.run("status").returncode == 0, 20, "it answers")
    lab.host.kill(pid, signal.SIGCONT)
    wait_until(lab.saklar.is_ready, 20, "taken over")
    status = lab.saklar.json("status")["engine"]
    assert status["pid"] == pid and status["taken_over"] is True
    lab.saklar.wait_vif("a")
    wait_ping(a, "10.96.0.1")


def test_stop_gets_rid_of_a_hanging_engine_and_of_what_it_held(make_lab):
    """With a daemon and without one."""
    other = make_lab(name="stopped")
    for has_daemon in (True, False):
        links = other.host.out("ip", "-br", "link")
        other.network("lan", "--subnet", "10.98.0.0/24")
        other.saklar("vif", "add", "here", "--network", "lan", "--type", "host")
        other.saklar.wait_vif("here")
        pid = other.saklar.engine_pid()
        if not has_daemon:
            other.saklar.kill_daemon()
        other.host.kill(pid, signal.SIGSTOP)
        other.host.run(BUILD / "saklard", "--stop", "--run-dir", other.saklar.run_dir,
                       "--state-dir", other.saklar.state_dir, env=other.saklar.env, timeout=40)
        assert not other.host.pid_alive(pid)
        assert other.host.out("ip", "-br", "link") == links
        other.saklar.start()
        other.saklar("vif", "del", "here")
        other.saklar("network", "del", "lan")

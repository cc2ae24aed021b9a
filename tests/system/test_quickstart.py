# SPDX-License-Identifier: Apache-2.0
"""tools/quickstart shows what it promises and leaves its machine as it was, also when it is
interrupted at any step.

      a machine of the test's own (namespaces): what others do beside the tests is not in it
        |  links, addresses, routes, rules, nft, sysctls, mounts, run files, processes: compared
        |  before and after
      tools/quickstart --build-dir BUILD  (its own namespaces inside)

The real machine's network is compared by lib/fixtures.py.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from lib.instance import BUILD, REPO
from lib.netns import Namespace
from lib.wait import wait_until

QUICKSTART = REPO / "tools/quickstart"
KEPT = "run/saklar-quickstart.pid"
PR_SET_CHILD_SUBREAPER = 36
COMMANDS = {
    "links": "ip -d -o link", "addresses": "ip -o addr", "routes": "ip route show table all",
    "routes6": "ip -6 route show table all", "rules": "ip rule", "rules6": "ip -6 rule",
    "nft": "nft list ruleset", "netns": "ip netns list", "qdiscs": "tc qdisc show",
    "mounts": "cat /proc/self/mounts", "sysctls": "sysctl -a --pattern ^net\\.",
    "modules": "cat /proc/modules", "hostname": "hostname",
    "run": "find /run -xdev -printf %p:%y:%m:%s\\n",
}
# What changes by itself: clocks that run and counters.
VOLATILE = re.compile(r"valid_lft \S+|preferred_lft \S+|expires \S+|numtxqueues \d+ numrxqueues \d+"
                      r"|^net\.netfilter\.nf_conntrack_count.*$|qlen \d+", re.M)


@pytest.fixture(scope="module", name="machine")
def machine_fixture(tmp_path_factory):
    made = Machine("machine", tmp_path_factory.mktemp("machine"),
                   ["unshare", "-n", "-m", "-u", "--"])
    yield made
    made.close()


class Machine(Namespace):
    """Has the pids of the real one, so that what is orphaned is seen."""

    def enter_cmd(self):
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-u", "--"]


def state_of(machine):
    state = {}
    for what, cmd in COMMANDS.items():
        done = machine.run(*cmd.split(), check=False)
        state[what] = sorted(VOLATILE.sub("", done.stdout).splitlines())
    return state


def my_children():
    return set(pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@contextlib.contextmanager
def unchanged(machine):
    """Whatever is orphaned meanwhile becomes a child of this process, and none may be left."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    children = my_children()
    before = state_of(machine)
    try:
        yield children
        # The kernel frees network namespaces a moment after their last program.
        end = time.monotonic() + 5
        while True:
            after = state_of(machine)
            changed = {k: sorted(set(before[k]) ^ set(after[k])) for k in before
                       if before[k] != after[k]}
            if not changed or time.monotonic() > end:
                break
        assert not changed, changed
        left = reap() - children
        assert not left, subprocess.run(["ps", "-o", "pid,stat,args", "-p", ",".join(left)],
                                        capture_output=True, text=True, check=False).stdout
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def reap():
    """Bury dead orphans; returns the children that are left."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    return my_children()


def hear_signals():
    """What runs in the background of a shell is born deaf to some, and a shell script stays so."""
    for sig in (signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, signal.SIG_DFL)


def quickstart(machine, tmp_path, *args):
    log = tmp_path / "out"
    with open(log, "wb") as out:
        program = subprocess.Popen([*machine.enter_cmd(), QUICKSTART, "--build-dir", BUILD, *args],
                                   stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env=machine.env(), start_new_session=True,
                                   preexec_fn=hear_signals)
    return program, log


def enter(machine, typed, *where):
    return machine.run(QUICKSTART, "--enter", *where, stdin=typed, check=False)


def said(log):
    return log.read_text(errors="replace")


def test_it_shows_what_it_promises_and_leaves_nothing_behind(machine, tmp_path):
    with unchanged(machine):
        program, log = quickstart(machine, tmp_path)
        code = program.wait(120)
    text = said(log)
    assert code == 0, text
    check_story(text)
    assert "3 received" in text, "ping"
    assert re.search(r"[GM]bits/sec.*receiver", text), "throughput"
    assert re.search(r"^alice .*host", text, re.M) and re.search(r"^bob .*netdev", text, re.M)
    answered = re.search(r"the pings:.* (\d+) received", text)
    assert answered and int(answered.group(1)) >= 290, text
    assert not [line for line in text.splitlines() if len(line) > 80], "fits a narrow terminal"
    assert "\x1b" not in text, "no colours in a file"


def check_story(text):
    """What both kinds of guests show."""
    assert "What to try next" in text
    own = re.search(r"alice's own address is (192\.168\.77\.\d+); out there she is 203\.0\.113\.1\.",
                    text)
    assert own, "the translated source, beside the guest's own"
    assert "Hello from the internet. You are 203.0.113.1." in text
    assert re.search(r"\$ saklar forward add lab tcp 8080 .*\n.*\nHello from bob", text), "forward"
    assert "Hello from the host" in text, "HTTP fetch from the host leg"
    rows = [line.split() for line in text.splitlines()
            if re.match(r"(alice|up-lab) +(in|out) .*\[S\.?\]$", line)]
    assert [row[:2] for row in rows] == [["alice", "in"], ["up-lab", "out"], ["up-lab", "in"],
                                         ["alice", "out"]], rows
    assert rows[0][2].startswith(own.group(1) + "."), "before the router"
    assert rows[1][2].startswith("169.254."), "behind it"
    assert rows[0][2] != rows[1][2] and rows[3][4] == rows[0][2]
    assert re.search(r"^tcp +\w+ +192\.168\.77\..*203\.0\.113\.80:80", text, re.M), "connections"
    assert "took its place" in text and "48 MiB, sha256 as sent" in text


def test_real_virtual_machines_show_the_same(machine, tmp_path):
    subprocess.run([REPO / "tools/vm-image"], check=True, timeout=300)  # may need the network
    with unchanged(machine):
        program, log = quickstart(machine, tmp_path, "--vm", "--keep")
        try:
            code = program.wait(400)
            text = said(log)
            assert code == 0, text
            check_story(text)
            assert re.search(r"^alice .*tap ", text, re.M) and "with e1000 in place" in text
            assert "3 packets received" in text, "ping"
            run = enter(machine, "hostname; uname -sm\n", "bob")
            assert run.stdout.split() == ["bob", "Linux", "x86_64"], run
        finally:
            machine.run(QUICKSTART, "--stop", check=False, timeout=20)


@pytest.mark.parametrize("missing", ("dnsmasq", "nft"))
def test_a_missing_program_is_named_with_the_cure(machine, missing):
    script = f"mount --bind /dev/null /usr/sbin/{missing}; exec {QUICKSTART} --build-dir {BUILD}"
    run = machine.run("unshare", "--mount", "--propagation", "private", "bash", "-c", script,
                      check=False, timeout=60)
    assert run.returncode == 1, run
    assert f"not installed: {missing}; install with: sudo tools/dev/deps-debian12.sh" in run.stderr


@pytest.mark.parametrize("step,sig", (
    ("== A host", signal.SIGINT), ("$ saklar network add", signal.SIGTERM),
    ("$ saklar vif add bob", signal.SIGINT), ("[alice] $ udhcpc", signal.SIGHUP),
    ("== Guest to guest", signal.SIGINT), ("$ saklar forward add", signal.SIGINT),
    ("== The same packets", signal.SIGTERM), ("$ kill -9", signal.SIGINT),
    ("== A host", signal.SIGKILL), ("== Out through", signal.SIGKILL)))
def test_interrupted_it_leaves_nothing_behind(machine, tmp_path, step, sig):
    with unchanged(machine) as children:
        program, log = quickstart(machine, tmp_path)
        wait_until(lambda: step in said(log) or program.poll() is not None, 60, step)
        assert program.poll() is None, said(log)
        program.send_signal(sig)
        code = program.wait(10)
        assert code == (-9 if sig == signal.SIGKILL else 130), said(log)
        if sig == signal.SIGKILL:  # its children die with it; they are this process's then
            wait_until(lambda: not reap() - children, 5, "all gone")


def test_keep_leaves_it_running_and_stop_ends_it(machine, tmp_path):
    with unchanged(machine):
        program, log = quickstart(machine, tmp_path, "--keep")
        try:
            assert program.wait(120) == 0, said(log)
            assert "--stop" in said(log) and "--enter" in said(log)
            assert (machine.root / KEPT).exists()
            run = enter(machine, "hostname; saklar vif list\n")
            assert "saklar-host" in run.stdout and "alice" in run.stdout, run
            run = enter(machine, "hostname; ip -br addr\n", "alice")
            assert "alice" in run.stdout and "192.168.77." in run.stdout, run
            run = enter(machine, "hostname; curl -s http://203.0.113.1:8080/\n", "internet")
            assert "internet" in run.stdout and "Hello from bob" in run.stdout, run
            second = machine.run(QUICKSTART, "--build-dir", BUILD, check=False, timeout=20)
            assert second.returncode == 1 and "--stop" in second.stderr
        finally:
            stop = machine.run(QUICKSTART, "--stop", check=False, timeout=20)
        assert stop.returncode == 0, stop
        assert not (machine.root / KEPT).exists()
    again = machine.run(QUICKSTART, "--stop", check=False)
    assert again.returncode == 1 and "nothing is running" in again.stderr


def test_wrong_words_print_the_usage(machine):
    run = machine.run(QUICKSTART, "--nonsense", check=False)
    assert run.returncode == 2 and "--keep" in run.stderr
    run = machine.run(QUICKSTART, "--enter", "mallory", check=False)
    assert run.returncode == 1 and "host, alice, bob or internet" in run.stderr
    run = machine.run(QUICKSTART, "--build-dir", "/nowhere", check=False)
    assert run.returncode == 1 and "/nowhere" in run.stderr + run.stdout


def test_script_is_short_and_shellcheck_clean():
    parts = REPO / "tools/quickstart.d"
    files = [QUICKSTART, *(parts / name for name in ("inside", "steps", "namespaces", "vm",
                                                     "console"))]
    assert all(len(f.read_text().splitlines()) < 400 for f in files)
    done = subprocess.run(["shellcheck", "-x", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

# SPDX-License-Identifier: Apache-2.0
"""One instance of Saklar in a host namespace: the daemon, its directories and the CLI."""

import json
import os
import pathlib
import signal

from .netns import CommandFailed
from .wait import wait_until

REPO = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("SAKLAR_BUILD") or REPO / "build/release").resolve()
# A sanitizer build writes its reports into the log of the program and stops it.
SANITIZER_ENV = {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0",
                 "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


class Refused(CommandFailed):
    """The CLI ended with another exit code than 0."""

    def __init__(self, cmd, done):
        super().__init__(f"saklar {' '.join(cmd)}: exit {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
        self.code = done.returncode
        self.text = done.stderr + done.stdout


class Instance:
    """saklard of the build under test, with directories of its own, in @host."""

    def __init__(self, host, name="saklar"):
        self.host = host
        self.name = name
        self.dir = host.workdir / name
        self.run_dir = self.dir / "run"
        self.state_dir = self.dir / "state"
        self.dir.mkdir()
        self.dir.chmod(0o755)
        self.log = self.dir / "saklard.log"
        self.daemon = None
        self.env = dict(os.environ, **SANITIZER_ENV)

    # ---- the daemon ----

    def start(self, *args, wait=True, env=None, before=()):
        """Start saklard; @wait: until it answers and its engine runs; @before: words in front."""
        self.daemon = self.host.start(*before, BUILD / "saklard", "--foreground", "--run-dir",
                                      self.run_dir, "--state-dir", self.state_dir, *args,
                                      log=self.log, env=env or self.env)
        if wait:
            wait_until(self.is_ready, 20,
                       lambda: f"daemon and engine of {self.name} run: {self.tail()}")
        return self

    def is_ready(self):
        if not self.daemon.is_running:
            raise RuntimeError(f"saklard ended: {self.tail()}")
        done = self.run("status", "--json")
        return done.returncode == 0 and json.loads(done.stdout)["engine"]["state"] == "running"

    def stop(self, timeout=10):
        """The polite end: SIGTERM."""
        return self.daemon.stop(signal.SIGTERM, timeout)

    def kill_daemon(self):
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait(5)

    def kill_engine(self):
        pid = self.engine_pid()
        self.host.kill(pid)
        return pid

    def daemon_task_dir(self):
        """Its threads in /proc."""
        return pathlib.Path(f"/proc/{self.daemon.pid}/task")

    def engine_pid(self):
        """From the CLI, or from the pid file when no daemon answers."""
        done = self.run("status", "--json")
        if done.returncode == 0:
            return json.loads(done.stdout)["engine"]["pid"]
        return int((self.run_dir / "engine.pid").read_text(encoding="ascii"))

    def wait_engine(self, other_than=None, timeout=10):
        """Wait until an engine runs (another one than pid @other_than); returns its pid."""

        def running():
            engine = self.json("status")["engine"]
            return engine["state"] == "running" and engine["pid"] != other_than and engine["pid"]

        return wait_until(running, timeout, "the engine runs")

    def tail(self, n=4000):
        try:
            return self.log.read_text(errors="replace")[-n:]
        except FileNotFoundError:
            return ""

    # ---- the CLI ----

    def cmd(self, *args):
        return [str(BUILD / "saklar"), "--run-dir", str(self.run_dir)] + [str(a) for a in args]

    def run(self, *args, timeout=20, **kw):
        return self.host.run(*self.cmd(*args), check=False, timeout=timeout, env=self.env, **kw)

    def __call__(self, *args, **kw):
        """Run a verb that must succeed; returns what it printed."""
        done = self.run(*args, **kw)
        if done.returncode != 0:
            raise Refused([str(a) for a in args], done)
        return done.stdout

    def refused(self, *args, code=1):
        """Run a verb that must be refused with @code; returns its message."""
        done = self.run(*args)
        assert done.returncode == code, \
            f"exit {done.returncode}, not {code}: {args}\n{done.stdout}{done.stderr}"
        text = done.stderr + done.stdout
        assert text.strip(), f"refused without a word: {args}"
        return text

    def json(self, *args):
        return json.loads(self(*args, "--json"))

    def vif(self, name):
        for vif in self.json("vif", "list"):
            if vif["name"] == name:
                return vif
        raise AssertionError(f"no vif {name}")

    def network(self, name):
        for network in self.json("network", "list"):
            if network["name"] == name:
                return network
        raise AssertionError(f"no network {name}")

    def wait_vif(self, name, state="up", timeout=10):
        """Wait until the vif is in @state; returns its JSON."""
        return wait_until(lambda: self._vif_in(name, state), timeout, f"vif {name} is {state}")

    def _vif_in(self, name, state):
        vif = self.vif(name)
        assert vif["state"] == state, f"{vif['state']}: {vif.get('reason')}"
        return vif

    def drops(self, name, reason):
        return self.vif(name)["drops"].get(reason, 0)

    def fdb(self, network):
        """MAC -> entry of a network."""
        return {e["mac"]: e for e in self.json("fdb", "list", "--network", network)}

    # ---- the end ----

    def processes(self):
        """Pids (of the host's pid namespace) of what this instance has started."""
        found = {}
        for path in self.run_dir.glob("*.pid"):
            text = path.read_text(encoding="ascii").strip()
            if text.isdigit() and self.host.pid_alive(text):
                found[path.stem] = int(text)
        return found

    def misbehaviour(self):
        """Lines of the log that no test may cause: failed checks, sanitizer reports, crashes."""
        bad = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "CHECK",
               "signal 6 ", "signal 7 ", "signal 11 ", "signal 31 ")
        log = self.tail(1 << 30)
        found = [line for line in log.splitlines() if any(word in line for word in bad)]
        return [f"{self.name}: {line}" for line in found]

    def report(self):
        """For a failed test: what each part says."""
        parts = []
        for args in (("status",), ("network", "list"), ("vif", "list"), ("drops",)):
            done = self.run(*args)
            parts.append(f"$ saklar {' '.join(args)}  (exit {done.returncode})\n"
                         f"{done.stdout}{done.stderr}")
        parts.append(f"log of daemon and engine ({self.log}):\n{self.tail(12000)}")
        return "\n".join(parts)

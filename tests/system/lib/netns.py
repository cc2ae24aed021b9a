# SPDX-License-Identifier: Apache-2.0
"""Namespaces of tests: a host (net, mount, uts, pid) and the guests inside it (net, mount, uts).

None has a name on the machine; they are found by the pid of their holder (holder.py) and vanish
with it.  Inside a host, guests are named in its own /run/netns, so that `--netns NAME` works.
"""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess

from .wait import wait_until

LIB = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(AssertionError):
    """A command of a test did not succeed; shows what it printed."""


def _setns(fd, kind):
    if _libc.setns(fd, kind) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Running:
    """A program in a namespace.  Its output goes to a file of the work directory."""

    def __init__(self, ns, cmd, log, stdin=None, env=None, stdout=None, pass_fds=()):
        self.cmd = cmd
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(ns.enter_cmd() + list(cmd), stdout=stdout or out,
                                          stderr=out, stdin=stdin or subprocess.DEVNULL,
                                          env=ns.env(env), start_new_session=True,
                                          pass_fds=pass_fds)
        ns.programs.append(self)

    @property
    def pid(self):
        """Pid of the program itself as this test sees it; nsenter is only its parent."""
        path = f"/proc/{self.popen.pid}/task/{self.popen.pid}/children"

        def child():
            try:
                with open(path, encoding="ascii") as f:
                    return f.read().split()
            except OSError:
                return None

        found = wait_until(lambda: child() or self.popen.poll() is not None, 5,
                           f"{self.cmd[0]} started")
        if found is True:
            raise CommandFailed(f"{self.cmd} ended at once: {self.output()}")
        return int(found[0])

    @property
    def is_running(self):
        return self.popen.poll() is None

    def send_signal(self, sig):
        with contextlib.suppress(ProcessLookupError, CommandFailed):
            os.kill(self.pid, sig)
            if sig == signal.SIGCONT:  # nsenter has stopped itself along with its child
                self.popen.send_signal(sig)

    def wait(self, timeout=20):
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"{self.cmd} still runs after {timeout} s: "
                                f"{self.output()[-3000:]}") from None

    def stop(self, sig=signal.SIGTERM, timeout=5):
        """End it and return its exit code."""
        if self.is_running:
            self.send_signal(sig)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.send_signal(signal.SIGKILL)
                self.popen.send_signal(signal.SIGCONT)  # nsenter stops along with its child
                self.popen.wait(timeout)
        return self.popen.returncode

    def output(self):
        return self.log.read_text(errors="replace")


class Namespace:
    """One namespace; use Host or Host.guest()."""

    def __init__(self, name, workdir, unshare_cmd):
        self.name = name
        self.workdir = pathlib.Path(workdir)
        self.programs = []
        self._n_logs = 0
        self._holder = subprocess.Popen(
            unshare_cmd + [PYTHON, str(LIB / "holder.py"), name, str(workdir)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        line = self._holder.stdout.readline()
        if not line:
            self._holder.wait(5)
            raise CommandFailed(f"namespace {name} could not be set up")
        self.inner_pid = int(line)  # as seen in the host's pid namespace
        self.pid = self._outer_pid()
        self._netns_fd = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)

    def _outer_pid(self):
        """The last descendant of what was started is the holder itself."""
        pid = self._holder.pid
        while True:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                children = f.read().split()
            if not children:
                return pid
            pid = int(children[0])

    @property
    def root(self):
        """Its file tree, proc included, as seen from the test."""
        return pathlib.Path(f"/proc/{self.pid}/root")

    def enter_cmd(self):
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-u", "-p", "--"]

    def env(self, base=None):
        """Temporary files go where this namespace may write."""
        return dict(base or os.environ, TMPDIR=str(self.workdir))

    def run(self, *cmd, check=True, timeout=30, stdin=None, env=None, binary=False):
        """Run to its end; returns CompletedProcess with text output."""
        cmd = [str(c) for c in cmd]
        try:
            done = subprocess.run(self.enter_cmd() + cmd, capture_output=True, timeout=timeout,
                                  input=stdin, stdin=None if stdin is not None else
                                  subprocess.DEVNULL, text=not binary, env=self.env(env),
                                  check=False)
        except subprocess.TimeoutExpired as exc:
            raise CommandFailed(f"{self.name}: {' '.join(cmd)}: still running after {timeout} s; "
                                f"{exc.stdout!r} {exc.stderr!r}") from None
        if check and done.returncode != 0:
            raise CommandFailed(f"{self.name}: {' '.join(cmd)}: exit {done.returncode}\n"
                                f"{done.stdout}{done.stderr}")
        return done

    def out(self, *cmd, **kw):
        return self.run(*cmd, **kw).stdout

    def ok(self, *cmd, **kw):
        """Does this command succeed?"""
        return self.run(*cmd, check=False, **kw).returncode == 0

    def ip(self, *args):
        return self.run("ip", *args)

    def start(self, *cmd, log=None, **kw):
        """Start a program that runs beside the test."""
        self._n_logs += 1
        base = os.path.basename(str(cmd[0]))
        log = log or self.workdir / f"{self.name}.{self._n_logs}.{base}.log"
        return Running(self, [str(c) for c in cmd], log, **kw)

    def start_python(self, script, *args, **kw):
        return self.start(PYTHON, str(LIB / script), *args, **kw)

    @contextlib.contextmanager
    def net(self):
        """The calling thread is in this network namespace meanwhile: for opening sockets."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _setns(self._netns_fd, CLONE_NEWNET)
            yield self
        finally:
            _setns(own, CLONE_NEWNET)
            os.close(own)

    def socket(self, *args):
        with self.net():
            return socket.socket(*args)

    def sysctl(self, key, value=None):
        path = self._sysctl_path(key)
        # Whose sysctl /proc/sys/net shows depends on who opens it.
        with self.net():
            if value is not None:
                path.write_text(f"{value}\n", encoding="ascii")
            return path.read_text(encoding="ascii").strip()

    @staticmethod
    def _sysctl_path(key):
        return pathlib.Path("/proc/sys") / key.replace(".", "/")

    def read(self, path):
        return (self.root / path.lstrip("/")).read_text(errors="replace")

    def mac(self, ifname):
        return self.link(ifname)["address"]

    def link(self, ifname):
        import json
        return json.loads(self.out("ip", "-j", "-d", "link", "show", "dev", ifname))[0]

    def has_link(self, ifname):
        return self.ok("ip", "link", "show", "dev", ifname)

    def addresses(self, ifname, family="inet", scope="global"):
        import json
        found = json.loads(self.out("ip", "-j", "addr", "show", "dev", ifname) or "[]")
        return [f"{a['local']}/{a['prefixlen']}" for link in found if link
                for a in link["addr_info"] if a["family"] == family and a["scope"] == scope]

    def listens(self, port, udp=False):
        """Is a socket bound to this port (TCP: listening)?"""
        kind = "udp" if udp else "tcp"
        want_state = "07" if udp else "0A"
        for suffix in ("", "6"):
            with open(f"/proc/{self.pid}/net/{kind}{suffix}", encoding="ascii") as f:
                for line in f.readlines()[1:]:
                    field = line.split()
                    if int(field[1].rsplit(":", 1)[1], 16) == port and field[3] == want_state:
                        return True
        return False

    def close(self):
        for program in self.programs:
            try:
                program.stop(signal.SIGKILL)
            except subprocess.TimeoutExpired:  # whatever it is, the namespace must go
                program.popen.kill()
        with contextlib.suppress(OSError):
            os.close(self._netns_fd)
        self._holder.stdin.close()
        try:
            self._holder.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._holder.pid, signal.SIGKILL)
            self._holder.wait(10)
        self._holder.stdout.close()


class Host(Namespace):
    """A namespace that plays a whole machine, with a pid namespace of its own."""

    def __init__(self, name, workdir):
        super().__init__(name, workdir, ["unshare", "-n", "-m", "-u", "-p", "--fork",
                                         "--kill-child", "--mount-proc", "--"])
        self.guests = {}

    def guest(self, name):
        """A guest: net + mount + uts, its netns named in this host's /run/netns."""
        guest = Namespace(name, self.workdir, self.enter_cmd() + ["unshare", "-n", "-m", "-u",
                                                                  "--"])
        target = f"/run/netns/{name}"
        self.run("sh", "-c", f"touch {target} && "
                 f"mount --bind /proc/{guest.inner_pid}/ns/net {target}")
        for key in ("all", "default"):
            guest.sysctl(f"net.ipv6.conf.{key}.accept_dad", 0)  # addresses usable at once
        self.guests[name] = guest
        return guest

    def drop_guest(self, guest):
        self.run("umount", f"/run/netns/{guest.name}", check=False)
        self.run("rm", "-f", f"/run/netns/{guest.name}", check=False)
        del self.guests[guest.name]
        guest.close()

    def kill(self, inner_pid, sig=signal.SIGKILL):
        """Send a signal to a pid as programs in here (and the CLI's JSON) name it."""
        self.run("kill", f"-{int(sig)}", str(int(inner_pid)))

    def pid_alive(self, inner_pid):
        stat = self.root / "proc" / str(inner_pid) / "stat"
        try:
            return stat.read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def close(self):
        for guest in list(self.guests.values()):
            guest.close()
        super().close()

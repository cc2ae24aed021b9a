# SPDX-License-Identifier: Apache-2.0
"""A machine that Debian's systemd has booted, in namespaces and a cgroup of its own.

Its root is this machine's under an overlay, so nothing that happens inside stays; Saklar is installed
there in /usr/local.  Only journald and saklard are started.
"""

import os
import pathlib
import signal
import subprocess
import tempfile

from .instance import BUILD
from .wait import wait_until

BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir up work new
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" new
cd new
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
mkdir dev/net dev/shm dev/pts
for name in null zero full random urandom tty net/tun; do
	touch dev/$name
	mount --bind /dev/$name dev/$name
done
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 run run
cmake --install "$2" --prefix "$1/new/usr/local" >/dev/null
sed -i "s|$1/new||" usr/local/lib/systemd/system/saklard.service
mount -t tmpfs tmp tmp
mkdir -p run/systemd/system
cat >run/systemd/system/test.target <<END
[Unit]
DefaultDependencies=no
Wants=systemd-journald.socket systemd-journald.service saklard.service
END
for unit in systemd-udevd systemd-networkd; do ln -s /dev/null run/systemd/system/$unit.service; done
mkdir old
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --system --unit=test.target --show-status=no
"""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _cgroup_root():
    for line in pathlib.Path("/proc/mounts").read_text(encoding="ascii").splitlines():
        if line.split()[2] == "cgroup2":
            return pathlib.Path(line.split()[1])
    raise AssertionError("no cgroup2 is mounted on this machine")


class Booted:
    """Use as a context: `with Booted(workdir) as machine: machine.out("systemctl", ...)`."""

    def __init__(self, workdir):
        self.log = workdir / "boot.log"
        self.root = pathlib.Path(tempfile.mkdtemp(dir=workdir))
        self.cgroup = _cgroup_root() / f"saklar-test-{os.getpid()}"

    def __enter__(self):
        self.cgroup.mkdir()
        script = f"echo $$ >{self.cgroup}/cgroup.procs && exec unshare -C -n -m -p -u -i --fork " \
                 f"--kill-child -- bash -c '{BOOT}' boot {self.root} {BUILD}"
        with open(self.log, "wb") as log:
            self.shell = subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, start_new_session=True)
        children = pathlib.Path(f"/proc/{self.shell.pid}/task/{self.shell.pid}/children")
        self.pid = int(wait_until(lambda: children.read_text(encoding="ascii").split(), 20)[0])
        try:
            wait_until(lambda: self.run("systemctl", "is-system-running").stdout.strip()
                       in ("running", "degraded"), 60, lambda: self.log.read_text())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)  # pid 1 of its namespace: takes all along
        self.shell.wait(20)

        def is_gone():
            for path, _, _ in os.walk(self.cgroup, topdown=False):
                try:
                    os.rmdir(path)
                except OSError:  # its last process is still on its way out
                    return False
            return not self.cgroup.exists()

        wait_until(is_gone, 20, "its cgroups are empty")

    def run(self, *cmd, timeout=60):
        return subprocess.run(["nsenter", "-t", str(self.pid), "-n", "-m", "-p", "-u", "-i", "-C",
                               "--", *[str(c) for c in cmd]], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=timeout, check=False,
                              env={"PATH": PATH, "LC_ALL": "C.UTF-8"})

    def out(self, *cmd, **kw):
        done = self.run(*cmd, **kw)
        assert done.returncode == 0, (cmd, done.stdout, done.stderr)
        return done.stdout

    def ok(self, *cmd):
        return self.run(*cmd).returncode == 0

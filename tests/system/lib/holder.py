# SPDX-License-Identifier: Apache-2.0
"""First program of a namespace: sets up its mounts and then keeps it alive.

Started by netns.py as `unshare ... python3 holder.py NAME WORKDIR`.  It lives until its standard
input closes, which also happens when the test run is killed: the pid namespace of a host then
takes every program in it along, so that nothing can be left behind.

The root file system becomes read-only in here (only WORKDIR stays writable), so that no DHCP
client, no daemon and no bug can change a file of the machine.
"""

import os
import signal
import subprocess
import sys

OWN_TMPFS = ("/run", "/var/lib/dhcpcd", "/var/lib/dhcp", "/var/lib/misc")


def run(*cmd):
    subprocess.run(cmd, check=True)


def setup_resolver(name, workdir):
    """Give the namespace a resolv.conf of its own."""
    own = f"{workdir}/{name}.resolv.conf"
    with open(own, "w", encoding="ascii") as f:
        f.write("# of a test namespace\n")
    path = os.path.realpath("/etc/resolv.conf")
    if not os.path.exists(path):  # a link into /run, which is empty now
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii"):
            pass
    run("mount", "--bind", own, path)


def main():
    name, workdir = sys.argv[1:3]
    run("mount", "--bind", workdir, workdir)
    for path in OWN_TMPFS:
        if os.path.isdir(path):
            run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    setup_resolver(name, workdir)
    run("mount", "-o", "remount,bind,ro", "/")
    run("hostname", name)
    run("ip", "link", "set", "lo", "up")
    # As pid 1 of a host this program inherits every orphan; ignoring SIGCHLD reaps them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(os.getpid(), flush=True)
    sys.stdin.buffer.read()


main()

# SPDX-License-Identifier: Apache-2.0
"""Real guests: QEMU with the image of tools/vm-image, on the taps of vifs.

The guest obeys lines on its serial port, which is QEMU's standard input and output; the protocol
is described in tools/vm-image.
"""

import os
import shlex
import signal
import subprocess

from .instance import REPO
from .netns import CommandFailed
from .wait import wait_until

BOOT_S = 180  # an emulated CPU that has to share a core with others


def vm_image(*args):
    """What tools/vm-image says; makes the image on the first call."""
    done = subprocess.run([str(REPO / "tools/vm-image"), *args], capture_output=True, text=True,
                          timeout=900, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class Qemu:
    """A guest with one NIC of model @device, on the tap of the vif that has the guest's name."""

    def __init__(self, lab, name, device="virtio-net-pci", cpus=1):
        self.lab = lab
        self.name = name
        nic = shlex.split(lab.saklar("vif", "qemu-args", name))
        self.cmd = vm_image("--qemu", name) + ["-smp", str(cpus), "-serial", "stdio"] \
            + [word.replace("virtio-net-pci", device) for word in nic]
        self.program = None
        self._stdin = None
        self._n_commands = 0
        self._n_boots = 0

    def start(self):
        """Start QEMU; ready() waits for the guest."""
        read_end, self._stdin = os.pipe()
        self.program = self.lab.host.start(*self.cmd, stdin=read_end)
        os.close(read_end)
        self._n_boots = 0
        return self

    def kill(self):
        """As a crash of QEMU would end it."""
        self.program.send_signal(signal.SIGKILL)
        self.program.wait(10)
        os.close(self._stdin)

    def _lines(self):
        """Whole lines that the guest, or QEMU itself, has said."""
        if not self.program.is_running:
            raise CommandFailed(f"QEMU of {self.name} ended: {self.program.output()[-3000:]}")
        return self.program.output().split("\n")[:-1]

    def ready(self):
        """Wait for the next boot to be done."""
        self._n_boots += 1
        wait_until(lambda: self._lines().count(f"ready {self.name}") >= self._n_boots, BOOT_S,
                   lambda: f"{self.name} has booted: {self.program.output()[-3000:]}")
        return self

    def _send(self, command):
        self._n_commands += 1
        os.write(self._stdin, f"c{self._n_commands} {command}\n".encode())
        return f"c{self._n_commands}"

    def begin(self, command):
        """Give a command; end() waits for it.  The guest runs one at a time."""
        return self._send(command)

    def end(self, ticket, timeout=150, check=True):
        """Wait for the command of @ticket and return what it printed."""

        def code():
            return next((line.split()[1] for line in self._lines()
                         if line.startswith(f"={ticket} ")), None)

        rc = wait_until(code, timeout, lambda: f"{self.name} has done {ticket}: "
                        f"{self.program.output()[-3000:]}")
        mark = f"+{ticket} "
        out = "".join(line[len(mark):] + "\n" for line in self._lines() if line.startswith(mark))
        if check and rc != "0":
            raise CommandFailed(f"{self.name}: {ticket}: exit {rc}\n{out}")
        return out

    def out(self, command, timeout=150, check=True):
        """Run a command to its end and return what it printed."""
        return self.end(self.begin(command), timeout, check)

    def dhcp(self):
        """Ask for an address; returns it without its length."""
        said = self.out("dhcp")
        return said[said.index("address ") + len("address "):].split("/")[0]

    def reboot(self):
        """Ready again after a reboot from inside."""
        self.begin("reboot -f")
        return self.ready()

# SPDX-License-Identifier: Apache-2.0
"""A real Xen in QEMU: boots it, runs commands in dom0 and in guests.

dom0's first serial port is Xen's console and goes to a file; the second one carries lines:
    dom0 -> us   ready dom0
    us -> dom0   ID COMMAND
    dom0 -> us   +ID line of output ..., then =ID EXIT-CODE
"""
import base64
import os
import select
import shlex
import subprocess
import time

# AMD, so that PV guests need no page-table isolation; npt: HVM guests; the rest is what DPDK demands.
CPU = "qemu64,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt"
XEN_ARGS = ("console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning noreboot "
            "sync_console=0 dom0_mem={dom0}M,max:{dom0}M")
# no commas here: QEMU would end the argument there
DOM0_ARGS = "console=hvc0 rdinit=/init quiet panic=1 net.ifnames=0"
DEAD = ("Hardware Dom0 crashed", "Panic on CPU", "Kernel panic", "Domain 0 crashed")


class LabError(Exception):
    """The lab, or a command in it, did not do what was expected of it."""


class Lab:
    def __init__(self, image, logs, memory=1536, dom0_memory=768):
        os.makedirs(logs, exist_ok=True)
        self.console = os.path.join(logs, "console.log")
        self.journal = open(os.path.join(logs, "commands.log"), "w", encoding="utf-8")
        self.n_commands = 0
        self.lines = b""
        # it must not outlive us, whatever kills us
        command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg,tb-size=512", "-machine", "pc", "-cpu", CPU,
                   "-smp", "1", "-m", str(memory), "-nodefaults", "-no-user-config", "-nographic",
                   "-display", "none", "-no-reboot", "-kernel", f"{image}/xen",
                   "-append", XEN_ARGS.format(dom0=dom0_memory),
                   "-initrd", f"{image}/kernel {DOM0_ARGS},{logs}/dom0.cpio",
                   "-serial", f"file:{self.console}", "-serial", "stdio"]
        self.qemu = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(self.qemu.stdout.fileno(), False)

    def close(self):
        self.qemu.kill()
        self.qemu.wait()
        self.journal.close()

    def _line(self, deadline):
        """The next line of dom0; LabError when Xen or dom0 is dead or time is up."""
        while b"\n" not in self.lines:
            if self.qemu.poll() is not None:
                raise LabError(f"QEMU has ended: {self.lines.decode(errors='replace')[-300:]}")
            if time.monotonic() > deadline:
                raise LabError("no answer in time")
            if select.select([self.qemu.stdout], [], [], 1)[0]:
                self.lines += self.qemu.stdout.read() or b""
                continue
            with open(self.console, encoding="utf-8", errors="replace") as console:
                text = console.read()
            for word in DEAD:
                if word in text:
                    raise LabError(f"dom0 or Xen died: {text[text.index(word):][:300]}")
        line, self.lines = self.lines.split(b"\n", 1)
        text = line.decode(errors="replace").rstrip("\r")
        self.journal.write(f"{time.monotonic():.2f} {text}\n")
        self.journal.flush()
        return text

    def wait_ready(self, limit_s=120):
        deadline = time.monotonic() + limit_s
        while self._line(deadline) != "ready dom0":
            pass

    def run(self, command, limit_s=60):
        """(exit code, output) of the shell's command in dom0."""
        self.n_commands += 1
        number = f"c{self.n_commands}"
        self.journal.write(f"{time.monotonic():.2f} > {number} {command}\n")
        self.journal.flush()
        # It ends there as well, or it would hold up all that follow; and must not read what they are.
        line = f"{number} timeout -s KILL {limit_s} sh -c {shlex.quote(command)} </dev/null\n"
        self.qemu.stdin.write(line.encode())
        self.qemu.stdin.flush()
        output, deadline = [], time.monotonic() + limit_s + 20
        while True:
            try:
                line = self._line(deadline)
            except LabError as e:
                raise LabError(f"{command}: {e}") from e
            if line.startswith(f"+{number} "):
                output.append(line.split(" ", 1)[1])
            elif line.startswith(f"={number} "):
                return int(line.split()[1]), "\n".join(output)

    def do(self, command, limit_s=60):
        """Output of a command that has to succeed."""
        status, output = self.run(command, limit_s)
        if status:
            raise LabError(f"{command}: exit code {status}: {output}")
        return output

    def until(self, command, limit_s=60):
        """Runs it until it succeeds."""
        return self.do(f"for i in $(seq {limit_s * 4}); do {command} && exit; sleep 0.25; done; exit 1",
                       limit_s * 4)

    def put(self, path, text):
        """Makes a file in dom0."""
        packed = base64.b64encode(text.encode()).decode()
        self.do(f": >{path}")
        for start in range(0, len(packed), 1000):
            self.do(f"echo {packed[start:start + 1000]} >>{path}.b64")
        self.do(f"base64 -d {path}.b64 >{path}; rm {path}.b64")

    def guest(self, name, command, limit_s=60):
        """Output of a command that has to succeed in a PV guest."""
        return self.do(f"guest {name} {shlex.quote(command)}", limit_s)

    def create(self, name, vifs, extra=(), limit_s=120):
        """A PV guest with these vifs, and waits until it obeys."""
        config = [f'name="{name}"', 'kernel="/guest/kernel"', 'ramdisk="/guest/initrd"',
                  f'extra="console=hvc0 quiet loglevel=1 rdinit=/init guest={name}"',
                  'memory=160', 'on_crash="preserve"', f"vif={vifs!r}", *extra]
        if not any(line.startswith("type=") for line in extra):
            config.append('type="pv"')
        self.put(f"/tmp/{name}.cfg", "\n".join(config) + "\n")
        self.do(f"rm -f /var/log/xen/console/guest-{name}.log; xl create -q /tmp/{name}.cfg", limit_s)
        self.do(f"guest {name}", limit_s)

    def address(self, name, address, dev="eth0"):
        """Waits for the guest's PV netdev and gives it an address."""
        self.guest(name, f"until [ -e /sys/class/net/{dev} ]; do sleep 0.1; done; "
                         f"ip addr add {address} dev {dev} && ip link set {dev} up")

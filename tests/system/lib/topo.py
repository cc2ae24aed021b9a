# SPDX-License-Identifier: Apache-2.0
"""A lab: a host namespace with an instance of Saklar, and guests attached to its networks.

    lab = Lab(workdir)                          # starts the daemon
    lab.saklar("network", "add", "lan", ...)
    a = lab.guest("a", "lan", "netdev", addr="10.0.0.2/24")
    a.run("ping", ...)

A guest of type `host` has the switch's own tap inside; of type `netdev` one end of a veth pair
whose other end is the vif; of type `tap` a tap inside that a small program (vmm.py) connects to
the vif's tap as QEMU would.
"""

import signal

from .instance import Instance
from .netns import Host
from .wait import wait_until

KINDS = ("host", "netdev", "tap")


class Lab:
    """Host namespace, instance, guests."""

    def __init__(self, workdir, start=True, name="host"):
        workdir.chmod(0o755)  # the engine runs as another user
        self.workdir = workdir
        self.host = Host(name, workdir)
        self.saklar = Instance(self.host)
        self.instances = [self.saklar]
        if start:
            self.saklar.start()

    def second_instance(self, name, start=True):
        other = Instance(self.host, name)
        self.instances.append(other)
        if start:
            other.start()
        return other

    def network(self, name, *args, mode="bridge"):
        self.saklar("network", "add", name, "--mode", mode, *args)
        return name

    def guest(self, name, network=None, kind="netdev", saklar=None, **kw):
        """A new guest, attached when @network is given; see attach()."""
        guest = self.host.guest(name)
        if network:
            self.attach(guest, network, kind, saklar=saklar, **kw)
        return guest

    def attach(self, guest, network, kind="netdev", vif=None, dev="eth0", addr=(), args=(),
               saklar=None, queues=1, wait=True):
        """Add vif @vif (default: the guest's name) and give the guest device @dev with @addr."""
        saklar = saklar or self.saklar
        vif = vif or guest.name
        ATTACH[kind](self, saklar, guest, network, vif, dev, [str(a) for a in args], queues)
        guest.ip("link", "set", dev, "up")
        self.address(guest, dev, addr)
        if wait:
            saklar.wait_vif(vif)
            # A veth or tap is only usable once both sides have seen its carrier.
            wait_until(lambda: guest.link(dev)["operstate"] in ("UP", "UNKNOWN"), 5, "carrier")

    @staticmethod
    def address(guest, dev, addr):
        for a in [addr] if isinstance(addr, str) else addr:
            guest.ip("addr", "add", a, "dev", dev)

    def veth(self, guest, name, dev="eth0"):
        """A veth pair from the host (@name) into the guest (@dev)."""
        self.host.ip("link", "add", "name", name, "type", "veth", "peer", "name", dev,
                     "netns", guest.name)
        self.host.ip("link", "set", "dev", name, "up")

    def vmm(self, saklar, guest, vif, dev="eth0", queues=1, plain=False):
        """A program that plays the VMM: joins the vif's tap with a new tap in the guest; @plain: its
        NIC knows no offloads."""
        shown = saklar.vif(vif)
        args = ["--tap", shown["ifname"], "--queues", str(queues), "--guest-netns",
                f"/run/netns/{guest.name}", "--guest-if", dev]
        if shown.get("mac"):
            args += ["--guest-mac", shown["mac"]]
        if plain:
            args += ["--plain"]
        program = self.host.start_python("vmm.py", *args)
        wait_until(lambda: "ready" in program.output(), 10, f"vmm: {program.output()}")
        return program

    def drop_guest(self, guest):
        self.host.drop_guest(guest)

    def daemons_down(self):
        """Stop the daemons politely; engines and dnsmasq go with the host's pid namespace."""
        for instance in self.instances:
            if instance.daemon is not None:
                instance.daemon.stop(signal.SIGTERM, 3)

    def report(self):
        return "\n".join(f"==== instance {i.name}\n{i.report()}" for i in self.instances)

    def close(self):
        self.daemons_down()
        self.host.close()


def _attach_host(_lab, saklar, guest, network, vif, dev, args, queues):
    more = ["--queues", str(queues)] if queues > 1 else []
    saklar("vif", "add", vif, "--network", network, "--type", "host", "--netns", guest.name,
           "--ifname", dev, *more, *args)
    wait_until(lambda: guest.has_link(dev), 5, f"{dev} is in the guest")


def _attach_netdev(lab, saklar, guest, network, vif, dev, args, _queues):
    lab.veth(guest, vif, dev)
    saklar("vif", "add", vif, "--network", network, "--type", "netdev", "--dev", vif, *args)


def _attach_tap(lab, saklar, guest, network, vif, dev, args, queues):
    more = ["--queues", str(queues)] if queues > 1 else []
    saklar("vif", "add", vif, "--network", network, "--type", "tap", *more, *args)
    wait_until(lambda: saklar.vif(vif)["ifname"] and lab.host.has_link(saklar.vif(vif)["ifname"]),
               5, "the tap exists")
    lab.vmm(saklar, guest, vif, dev, queues)


ATTACH = {"host": _attach_host, "netdev": _attach_netdev, "tap": _attach_tap}

# SPDX-License-Identifier: Apache-2.0
"""A path that goes on behind the LAN of lib/world.py, with a smaller MTU in its middle.

    lan 198.51.100.1 --- MTU 1300 --- 198.51.100.2 mid 198.51.101.2 --- 198.51.101.9 far
        2001:db8:1::1                2001:db8:1::2     2001:db8:2::2    2001:db8:2::9
"""

from .world import unlimited_errors

FAR4 = "198.51.101.9"
FAR6 = "2001:db8:2::9"


def link(ns, dev, other, other_dev, mtu, addrs, other_addrs):
    ns.ip("link", "add", "name", dev, "mtu", str(mtu), "type", "veth", "peer", "name", other_dev,
          "mtu", str(mtu), "netns", str(other.inner_pid))
    for of, name, have in ((ns, dev, addrs), (other, other_dev, other_addrs)):
        of.ip("link", "set", name, "up")
        for addr in have:
            of.ip("addr", "add", addr, "dev", name, *(["nodad"] if ":" in addr else []))


def make_path(world, step=1300, far_mtu=1500):
    """Returns the namespace far."""
    lan, mid, far = world.lan, world.host.guest("mid"), world.host.guest("far")
    for ns in (lan, mid, far):
        unlimited_errors(ns)
        ns.sysctl("net.ipv4.ip_forward", 1)
        ns.sysctl("net.ipv6.conf.all.forwarding", 1)
    link(lan, "eth9", mid, "eth0", step, ["198.51.100.1/24", "2001:db8:1::1/64"],
         ["198.51.100.2/24", "2001:db8:1::2/64"])
    link(mid, "eth1", far, "eth0", far_mtu, ["198.51.101.2/24", "2001:db8:2::2/64"],
         [FAR4 + "/24", FAR6 + "/64"])
    lan.ip("route", "add", "198.51.101.0/24", "via", "198.51.100.2")
    lan.ip("-6", "route", "add", "2001:db8:2::/64", "via", "2001:db8:1::2")
    mid.ip("route", "add", "default", "via", "198.51.100.1")
    mid.ip("-6", "route", "add", "default", "via", "2001:db8:1::1")
    far.ip("route", "add", "default", "via", "198.51.101.2")
    far.ip("-6", "route", "add", "default", "via", "2001:db8:2::2")
    return far

# SPDX-License-Identifier: Apache-2.0
"""A refusal names the item exactly: the element of a list, of two objects the one that was asked for,
and with apply the line of the file."""
import subprocess
import sys
import os

import pytest

from daemon import HERE, Daemon, Refused

sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from fake_saklard import program  # noqa: E402  pylint: disable=wrong-import-position

WORLD = {
    "networks": [
        {"name": "lab", "mode": "isolated", "subnets": ["192.168.77.0/24"], "dhcp": True,
         "leg_mac": "52:54:00:00:00:aa"},
        {"name": "net", "mode": "nat", "subnets": ["10.77.0.0/24"]},
        {"name": "out", "mode": "nat", "subnets": ["10.78.0.0/24"], "uplink": "eth9",
         "uplink_addresses": ["192.0.2.2/24"]},
        {"name": "six", "mode": "isolated", "subnets": ["10.76.0.0/24", "fd00:76::/64"]},
        {"name": "via", "mode": "routed", "subnets": ["10.79.0.0/24"], "uplink": "vif:wan",
         "uplink_addresses": ["198.51.100.2/24"]},
    ],
    "vifs": [
        {"name": "n0", "network": "lab", "type": "netdev", "dev": "eth7"},
        {"name": "thin", "type": "netdev", "dev": "eth5", "mtu": 1000},
        {"name": "vm", "type": "vhost-user", "socket": "/taken"},
        {"name": "wan", "type": "netdev", "dev": "eth8"},
        {"name": "web0", "network": "lab", "type": "tap", "mac": "52:54:00:00:00:01"},
    ],
    "forwards": [{"network": "net", "proto": "tcp", "port": 80, "address": "10.77.0.9"}],
}


@pytest.fixture
def client(daemon):
    one = daemon.client()
    one.call("apply", **WORLD)
    return one


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A daemon for all that is refused, and so changes nothing."""
    one = Daemon(str(tmp_path_factory.mktemp("shared")))
    try:
        one.start().client().call("apply", **WORLD)
        yield one
    finally:
        one.stop()


def net(**fields):
    """A network whose name comes before all others."""
    return {"name": "a", "mode": "isolated", "subnets": ["10.1.0.0/24", "10.2.0.0/24"], **fields}


def up(**fields):
    return {"name": "a", "mode": "nat", "subnets": ["10.1.0.0/24", "fd00:1::/64"], "uplink": "eth6",
            "uplink_addresses": ["192.0.2.9/24", "2001:db8::9/64"], **fields}


def ranges(*which):
    return net(dhcp=True, dhcp_ranges=["10.1.0.10-10.1.0.20", *which])


def hosts(*which):
    return net(dhcp=True, dhcp_hosts=["52:54:00:00:00:07,10.1.0.7", *which])


def tap(**fields):
    return {"name": "a", "network": "lab", "type": "tap", **fields}


def forward(**fields):
    return {"network": "out", "proto": "tcp", "port": 80, "address": "10.78.0.9", **fields}


NETWORKS = [
    (net(subnets=["10.1.0.0/24", "10.2.0.1/24"]), "subnets[1]", "write 10.2.0.0/24"),
    (net(subnets=["10.1.0.0/24", "10.2.0.0/31"]), "subnets[1]", "a prefix of /30 or shorter"),
    (net(subnets=["10.1.0.0/24", "fd00::/127"]), "subnets[1]", "a prefix of /126 or shorter"),
    (net(subnets=["10.1.0.0/24", "12.0.0.0/7"]), "subnets[1]", "a prefix of /8 or longer"),
    (net(subnets=["10.1.0.0/24", "224.0.1.0/24"]), "subnets[1]", "is a multicast range"),
    (net(subnets=["10.1.0.0/24", "127.0.1.0/24"]), "subnets[1]", "is a loopback range"),
    (net(subnets=["10.1.0.0/24", "10.1.0.128/25"]), "subnets[1]", "overlaps 10.1.0.0/24"),
    (net(subnets=["10.1.0.0/24", "192.168.0.0/16"]), "subnets[1]",
     "192.168.0.0/16 of network a overlaps 192.168.77.0/24 of network lab"),
    (net(subnets=["10.1.0.0/24"] * 9), "subnets", "9 are too many, at most 8"),
    (net(gateways=["10.2.0.1", "10.3.0.1"]), "gateways[1]", "in none of the network's subnets"),
    (net(gateways=["10.2.0.1", "10.2.0.2"]), "gateways[1]", "the second one of its subnet"),
    (net(gateways=["10.2.0.1", "10.1.0.255"]), "gateways[1]", "is the broadcast address"),
    (net(gateways=["10.2.0.1", "10.1.0.0"]), "gateways[1]", "is the network's own address"),
    (ranges("10.1.0.30-10.2.0.40"), "dhcp_ranges[1]", "both ends must be in the same subnet"),
    (ranges("10.1.0.40-10.1.0.30"), "dhcp_ranges[1]", "write it as 10.1.0.30-10.1.0.40"),
    (ranges("10.2.0.1-10.2.0.3"), "dhcp_ranges[1]", "contains the gateway 10.2.0.1: leave it out"),
    (ranges("10.2.0.8-10.2.0.255"), "dhcp_ranges[1]", "or its broadcast address: leave it out"),
    (ranges("10.1.0.20-10.1.0.30"), "dhcp_ranges[1]", "overlaps another one: join them"),
    (net(subnets=["fd00:1::/48"], dhcp=True, dhcp_ranges=["fd00:1::8-fd00:1::9"]),
     "dhcp_ranges[0]", "IPv6 DHCP needs a prefix of /64 or longer"),
    (ranges("10.1.0.30-x"), "dhcp_ranges[1]", "a range FIRST-LAST"),
    (net(dhcp=True, dhcp_ranges=["10.1.0.10-10.1.0.20"] * 9), "dhcp_ranges",
     "9 are too many, at most 8"),
    (hosts("52:54:00:00:00:08,10.9.0.1"), "dhcp_hosts[1]", "is in no subnet of the network"),
    (hosts("52:54:00:00:00:08,10.1.0.1"), "dhcp_hosts[1]", "is the gateway's: choose another"),
    (hosts("52:54:00:00:00:08,10.1.0.255"), "dhcp_hosts[1]",
     "is the network's own or its broadcast address"),
    (hosts("00:00:00:00:00:00,10.1.0.8"), "dhcp_hosts[1]", "neither zero nor multicast"),
    (hosts("52:54:00:00:00:08,10.1.0.7"), "dhcp_hosts[1]", "promised to two DHCP hosts"),
    (hosts("52:54:00:00:00:07,10.1.0.8"), "dhcp_hosts[1]", "two addresses of one family"),
    (hosts(*["x"] * 256), "dhcp_hosts", "257 are too many, at most 256"),
    (hosts("x"), "dhcp_hosts[1]", "MAC,ADDRESS[,NAME]"),
    (net(dhcp_ranges=["10.1.0.10-10.1.0.20"]), "dhcp", "add --dhcp"),
    (net(tftp_root="/srv"), "dhcp", "names, options and files are served where DHCP is"),
    (net(dhcp=True, dns_hosts=["10.1.0.7,a", "10.1.0.7"]), "dns_hosts[1]",
     "'10.1.0.7' is not right: write an address and the names that lead to it, such as"),
    (net(dhcp=True, dns_hosts=["10.1.0.7,a\nserver=1.2.3.4"]), "dns_hosts[0]", "dns_hosts"),
    (net(dhcp=True, dns_hosts=["10.1.0.7,a b"]), "dns_hosts[0]", "is not right: write an address"),
    (net(dhcp=True, dns_forwarders=["corp/x"]), "dns_forwarders[0]",
     "is not right: write the address of a resolver, or DOMAIN/ADDR for one domain"),
    (net(dhcp=True, dhcp_options=["0,x"]), "dhcp_options[0]",
     "is not right: write the number of a DHCP option and its value, such as"),
    (net(dhcp=True, dhcp_options=["6,a#b"]), "dhcp_options[0]", "write the number of a DHCP option"),
    (net(dhcp=True, dhcp_boot="a,b"), "dhcp_boot",
     "is not right: write the file that guests boot and, if it is another host's"),
    (net(dhcp=True, tftp_root="srv"), "tftp_root",
     "is not right: write a directory by its whole path, of letters, digits"),
    (net(dhcp=True, tftp_root="/srv/../etc"), "tftp_root", "write a directory by its whole path"),
    (net(dhcp=True, dns_forwarders=["192.0.2.53"] * 5), "dns_forwarders[4]",
     "one network takes 4 at most"),
    (net(mtu=65522), "mtu", "too large for the host leg of a network with a subnet"),
    (up(mode="isolated"), "uplink", "an uplink is for modes nat, routed and open"),
    (up(mode="routed", nat_ipv6=True), "nat_ipv6", "nat_ipv6 is for mode nat"),
    (up(mode="routed", nat_ports="2000-3000"), "nat_ports", "only mode nat translates"),
    (up(mode="routed", nat_addresses=["192.0.2.20-192.0.2.29"]), "nat_addresses",
     "only mode nat translates"),
    (up(mode="routed", nat_filtering="endpoint-independent"), "nat_filtering",
     "only mode nat translates"),
    (up(mode="routed", connection_timeouts="udp=9"), "connection_timeouts",
     "only mode nat translates"),
    (up(mode="routed", nat_maps=["192.0.2.50,10.1.0.5"]), "nat_maps", "only mode nat translates"),
    (up(nat_addresses=["192.0.2.1-192.0.2.8"], uplink_gateways=["192.0.2.1"]),
     "nat_addresses[0]", "hold the uplink's gateway 192.0.2.1, which is another host: leave it"),
    (up(nat_maps=["192.0.2.50,10.9.0.5"]), "nat_maps[0]",
     "name a guest's inside its subnets"),
    (up(nat_maps=["192.0.2.50,10.1.0.1"]), "nat_maps[0]", "nobody in network a can have"),
    (up(nat_maps=["192.0.2.50,fd00:1::5"]), "nat_maps[0]", "OUTSIDE,GUEST such as"),
    (up(nat_maps=["2001:db8::50,fd00:1::5"]), "nat_maps[0]",
     "routes IPv6 and does not translate fd00:1::5"),
    (up(nat_maps=["192.0.2.9,10.1.0.5"]), "nat_maps[0]",
     "192.0.2.9 cannot be one guest's alone, it is the uplink's own: name another"),
    (up(nat_maps=["192.0.2.1,10.1.0.5"], uplink_gateways=["192.0.2.1"]), "nat_maps[0]",
     "it is the uplink's gateway's"),
    (up(nat_maps=["10.2.0.9,10.1.0.5"], subnets=["10.1.0.0/24", "10.2.0.0/24", "fd00:1::/64"]),
     "nat_maps[0]", "it is in the guests' own subnet"),
    (up(nat_maps=["192.0.2.50,10.1.0.5"], nat_addresses=["192.0.2.50-192.0.2.59"]), "nat_maps[0]",
     "192.0.2.50 is one of the nat addresses of network a: leave it out there"),
    (up(nat_maps=["192.0.2.50,10.1.0.5", "192.0.2.50,10.1.0.6"]), "nat_maps[1]",
     "192.0.2.50 is a guest's of network a already: name another"),
    (up(nat_maps=["192.0.2.50,10.1.0.5", "192.0.2.51,10.1.0.5"]), "nat_maps[1]",
     "guest 10.1.0.5 has an address outside already: keep one"),
    (up(nat_maps=["192.0.2.50,10.1.0.5"] * 33), "nat_maps", "33 are too many, at most 32"),
    (up(nat_filtering="none"), "nat_filtering",
     "one of address-and-port-dependent, endpoint-independent"),
    (up(connection_timeouts="udp=9,dns=5"), "connection_timeouts",
     "'dns' is no timeout: write NAME=SECONDS with NAME one of tcp_syn_sent, "),
    (up(connection_timeouts="udp=0"), "connection_timeouts",
     "udp=0 is not right: write seconds, from 1 to 432000"),
    (up(connection_timeouts="udp=432001"), "connection_timeouts",
     "udp=432001 is not right: write seconds"),
    (up(nat_ports="3000-2000"), "nat_ports", "FIRST-LAST with ports up to 65535"),
    (up(nat_ports="500-1000"), "nat_ports", "guests never get a port below 1024"),
    (up(nat_addresses=["192.0.2.29-192.0.2.20"]), "nat_addresses[0]", "are inverted or more than"),
    (up(nat_addresses=["192.0.0.0-192.0.5.0"]), "nat_addresses[0]", "are inverted or more than"),
    (up(nat_addresses=["2001:db8::20-2001:db8::29"]), "nat_addresses[0]",
     "routes IPv6 and does not translate it"),
    (up(nat_addresses=["10.1.0.20-10.1.0.29"]), "nat_addresses[0]",
     "are in the guests' own subnet"),
    (up(nat_addresses=["192.0.2.20-192.0.2.29", "192.0.2.29-192.0.2.30"]), "nat_addresses[1]",
     "are those of network"),
    (up(nat_addresses=["192.0.2.20-192.0.2.29"] * 5), "nat_addresses", "5 are too many, at most 4"),
    (up(uplink="host"), "uplink_addresses", "uplink host chooses its own addresses"),
    (up(uplink_addresses=["192.0.2.9/24", "2001:db8::/64"]), "uplink_addresses[1]",
     "is no host address"),
    (up(uplink_addresses=["192.0.2.9/24", "ff02::9/64"]), "uplink_addresses[1]",
     "is multicast or loopback"),
    (up(uplink_addresses=["192.0.2.9/24", "fd00:1::9/64"]), "uplink_addresses[1]",
     "lies in the same range as the guests' subnet fd00:1::/64"),
    (up(uplink_addresses=["192.0.2.9/24", "192.0.2.10/24"]), "uplink_addresses[1]",
     "is the second one of its family: keep one"),
    (up(uplink_addresses=["192.0.2.9/24"] * 3), "uplink_addresses", "3 are too many, at most 2"),
    (up(uplink_addresses=["192.0.2.9/24"]), "uplink_addresses", "needs an IPv6 address of its LAN"),
    (up(uplink_addresses=["2001:db8::9/64"]), "uplink_addresses",
     "needs an IPv4 address of its LAN"),
    (up(uplink_gateways=["192.0.2.1", "192.0.2.3"]), "uplink_gateways[1]",
     "is the second one of its family: keep one"),
    (up(uplink_gateways=["192.0.2.1", "2001:db8:1::1"]), "uplink_gateways[1]",
     "is outside 2001:db8::9/64"),
    (up(uplink_gateways=["192.0.2.1", "2001:db8::9"]), "uplink_gateways[1]",
     "is the uplink's own address"),
    (net(mode="nat", subnets=["10.1.0.0/24"], uplink="eth6", uplink_addresses=["192.0.2.9/24"],
         uplink_gateways=["192.0.2.1", "fd00::1"]), "uplink_gateways[1]",
     "has no uplink address of its family"),
    (up(uplink="vif:none"), "uplink", "there is no vif none: add it first"),
    (up(uplink="vif:web0"), "uplink", "vif web0 is a port of network lab: take it out first"),
    (up(uplink="vif:wan"), "uplink", "is the uplink of network via already"),
    (up(uplink="vif:thin"), "uplink", "vif thin has mtu 1000, and IPv6 needs 1280: raise it or"),
    (up(uplink="lab"), "uplink", "is the host leg of network lab: name a device"),
    (up(uplink="eth7"), "uplink", "is used by vif n0: write vif:n0"),
    (up(uplink="eth9", uplink_addresses=["192.0.2.2/24", "2001:db8::9/64"]), "uplink_addresses[0]",
     "address 192.0.2.2 on eth9 is the one of network out"),
    (net(leg_mac="01:00:00:00:00:00"), "leg_mac", "neither zero nor multicast"),
    (net(neighbours=["01:00:00:00:00:01,10.0.0.9"]), "neighbours[0]",
     "neighbour 10.0.0.9: a station's MAC is neither zero nor multicast"),
    (net(neighbours=["52:54:00:00:00:01,10.0.0.9", "52:54:00:00:00:02,10.0.0.9"]), "neighbours[1]",
     "neighbour 10.0.0.9 has two MAC addresses: leave one out"),
    (net(subnets=["10.99.0.0/24"], neighbours=["52:54:00:00:00:01,10.99.0.1"]), "neighbours[0]",
     "neighbour 10.99.0.1 is the gateway, whose MAC is --leg-mac: leave it out"),
    (net(name="web0"), "name", "web0 is the name of a network and of a vif"),
    (net(name="eth7"), "name", "device eth7 of vif n0 is the host leg of network eth7"),
    (net(name="eth9"), "name", "device eth9 is the host leg of network eth9"),
]
VIFS = [
    (tap(name="lab"), "name", "lab is the name of a network and of a vif"),
    (tap(type="netdev"), "dev", "add --dev IF"),
    (tap(type="host", dev="x"), "dev", "dev is for vifs of type tap and netdev"),
    (tap(netns="x"), "netns", "netns and ifname are for vifs of type host"),
    (tap(ifname="x"), "ifname", "netns and ifname are for vifs of type host"),
    (tap(type="host", owner=7), "owner", "owner is for vifs of type tap"),
    (tap(type="netdev", dev="x", queues=2), "queues", "queues are for vifs of type tap, host, vhost-user and netfront"),
    (tap(mtu=65522), "mtu", "too large for a tap device: at most 65521"),
    (tap(mac="01:00:00:00:00:01"), "mac", "a guest's MAC is neither zero nor multicast"),
    (tap(mac="52:54:00:00:00:aa"), "mac",
     "MAC 52:54:00:00:00:aa belongs to the host leg of network lab: choose another"),
    (tap(mac="52:54:00:00:00:01"), "mac", "is wanted by vif a and vif web0"),
    (tap(network="six", mtu=1279), "mtu", "is too small for IPv6, which network six uses"),
    (tap(dev="web0"), "dev", "device web0 is wanted by vif a and vif web0"),
    (tap(dev="lab"), "dev", "device lab of vif a is the host leg of network lab"),
    (tap(type="host", ifname="lab"), "ifname", "is the host leg of network lab"),
    (tap(type="netdev", dev="eth9"), "dev", "device eth9 is the uplink of network out"),
    (tap(role="uplink"), "role", "role uplink is for vifs of type netdev, which lead out of the host"),
    (tap(type="netdev", dev="x", role="uplink", isolated=True), "role",
     "an isolated uplink would reach no isolated guest"),
    (tap(type="netdev", dev="x", role="uplink", guard="mac", mac="52:54:00:00:00:77"), "role",
     "an uplink speaks for everybody outside: set guard off"),
    (tap(network="out", type="netdev", dev="x", role="uplink"), "role",
     "role uplink is for networks of mode bridge: modes nat, routed and open lead out by 'saklar"),
    (tap(queues=9), "queues", "a number from 1 to 8"),
    (tap(socket="/x"), "socket", "socket is for vifs of type vhost-user: leave it out"),
    (tap(require_sealed=True), "require_sealed", "is for vifs of type vhost-user: leave it out"),
    (tap(type="vhost-user", dev="x"), "dev", "a vhost-user vif has a socket"),
    (tap(type="vhost-user", client=True), "socket", "a vhost-user client needs the path at which"),
    (tap(type="vhost-user", client=True, socket="/x", owner=7), "client",
     "the socket of a client is made by the VMM, with owner, group and mode"),
    (tap(type="vhost-user", socket="/taken"), "socket", "socket /taken is wanted by vif a and vif"),
]
FORWARDS = [
    (forward(address="10.78.0.1"), "address", "is the gateway of network out"),
    (forward(address="10.78.0.255"), "address", "broadcast address: name a guest's"),
    (forward(address="10.9.0.1"), "address", "nobody in network out can have the address"),
    (forward(network="lab", address="192.168.77.9"), "network", "network lab is not of mode nat"),
    (forward(port=0), "port", "1 to 65535"),
    (forward(proto="sctp"), "proto", "one of tcp, udp"),
]
CASES = [("network", *case) for case in NETWORKS] + [("vif", *case) for case in VIFS] \
    + [("forward", *case) for case in FORWARDS]


@pytest.mark.parametrize("noun, item, key, words", CASES)
def test_a_verb_that_is_refused_names_the_item(shared, noun, item, key, words):
    client = shared.clients[0]
    before = client.call("export")
    with pytest.raises(Refused) as e:
        client.call(noun + ".add", **item)
    assert words in e.value.message
    name = f"{item['network']}.{item['proto']}/{item['port']}" if noun == "forward" else item["name"]
    assert e.value.path in (f"{noun}.{name}.{key}", f"{noun}.{key}")
    assert client.call("export") == before


def test_a_set_that_is_refused_names_the_item(client):
    client.call("vif.add", name="a", network="lab", type="tap", mac="52:54:00:00:00:02")
    client.call("network.add", **net(name="aa"))
    client.call("forward.add", network="net", proto="tcp", port=81, address="10.77.0.9")
    for method, params, path, words in (
            ("vif.set", {"name": "a", "mac": "52:54:00:00:00:01"}, "vif.a.mac", "web0"),
            ("vif.set", {"name": "web0", "mac": "52:54:00:00:00:02"}, "vif.web0.mac", "vif a"),
            ("vif.set", {"name": "wan", "network": "lab"}, "vif.wan.network",
             "is the uplink of network via"),
            ("network.set", {"name": "aa", "subnets": ["10.1.0.0/24", "10.77.0.0/16"]},
             "network.aa.subnets[1]", "network net"),
            ("network.set", {"name": "net", "subnets": ["10.77.0.0/24", "10.1.0.0/16"]},
             "network.net.subnets[1]", "network aa"),
            ("network.set", {"name": "via", "uplink": "host", "uplink_addresses": ["10.6.0.1/8"]},
             "network.via.uplink_addresses", "chooses its own addresses"),
            ("network.set", {"name": "net", "mode": "isolated"}, "forward.net.tcp/80.network",
             "delete the forward"),
            ("network.set", {"name": "net", "subnets": ["10.7.0.0/24"]},
             "forward.net.tcp/80.address", "nobody in network net"),
            ("vif.del", {"name": "wan"}, "name", "is the uplink of network via")):
        before = client.call("export")
        with pytest.raises(Refused) as e:
            client.call(method, **params)
        assert e.value.path == path
        assert words in e.value.message
        assert client.call("export") == before


def test_a_forward_that_is_refused_is_the_one_that_was_added(client):
    client.call("network.add", **net(name="nat2", mode="nat"))
    for network, address in (("nat2", "10.1.0.9"), ("net", "10.77.0.9")):
        port = 80 if network == "nat2" else 82
        if network == "net":
            client.call("forward.add", network="nat2", proto="tcp", port=82, address="10.1.0.9")
        with pytest.raises(Refused, match="is forwarded to network n") as e:
            client.call("forward.add", network=network, proto="tcp", port=port, address=address)
        assert e.value.path == f"forward.{network}.tcp/{port}.port"


def lines_of(document):
    """The document as YAML with every item and every element on a line of its own, and its lines by
    path."""
    lines, at = [], {}

    def add(path, text):
        lines.append(text)
        at[path] = len(lines)
    for key, items in document.items():
        add(key, key + ":")
        for i, item in enumerate(items):
            dash = "-"
            at[f"{key}[{i}]"] = len(lines) + 1
            for field, value in item.items():
                is_list = isinstance(value, list)
                text = "" if is_list else f'"{value}"' if isinstance(value, str) else \
                    str(value).lower()
                add(f"{key}[{i}].{field}", f"  {dash} {field}: {text}")
                dash = " "
                for j, element in enumerate(value if is_list else ()):
                    add(f"{key}[{i}].{field}[{j}]", f'    - "{element}"')
    return "\n".join(lines) + "\n", at


def line_of(at, path):
    """What is not in the file stands where it should be: in its list or item."""
    while path not in at:
        path = path[:max(path.rfind("."), path.rfind("["))]
    return at[path]


@pytest.mark.parametrize("noun, item, key, words", CASES)
def test_apply_names_item_and_line(shared, tmp_path, noun, item, key, words):
    file = tmp_path / "state.yaml"
    # whoever is named by name comes last, so that it is the later of two
    document = {list_: [*items, item] if list_ == noun + "s" else items
                for list_, items in WORLD.items()}
    text, at = lines_of(document)
    before = shared.clients[0].call("export")
    file.write_text(text)
    done = subprocess.run([program(), "--run-dir", shared.run_dir, "apply", str(file)],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    path = f"{noun}s[{len(document[noun + 's']) - 1}].{key}"
    prefix = f"saklar: {file}:"
    assert done.stderr.startswith(prefix), done.stderr
    line, item_path, said = done.stderr[len(prefix):].split(": ", 2)
    assert int(line) == line_of(at, item_path), done.stderr
    if item_path != path:  # two exclude each other, and the other one is named with the same right
        assert item["name"] in said, (path, done.stderr)
    else:
        assert words in said, (words, done.stderr)
    assert shared.clients[0].call("export") == before

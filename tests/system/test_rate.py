# SPDX-License-Identifier: Apache-2.0
"""Rates of vifs, measured by TCP through them; what they do not limit is not slowed.

      guest limited (host) --+-- network lab --+-- guest nd (netdev, GSO)
                             |                 +-- guest other (host)
"""

import pytest

from lib.traffic import iperf3, iperf3_server, wait_ping
from lib.wait import wait_until

RATE = 40e6  # bits a second, on the wire
WIRE = 1514 / 1448  # bytes of a full frame, and what TCP has in it


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("ratelab", "--subnet", "10.61.0.0/24")
    made = {
        "limited": lab.guest("limited", "ratelab", "host", addr="10.61.0.11/24"),
        "dev": lab.guest("ratend", "ratelab", "netdev", addr="10.61.0.12/24"),
        "other": lab.guest("other", "ratelab", "host", addr="10.61.0.13/24"),
    }
    wait_ping(made["limited"], "10.61.0.12")
    wait_ping(made["limited"], "10.61.0.13")
    return made


def tcp(client, server, addr, *more):
    """What TCP got in bits on the wire, the first second (slow start and burst) left out."""
    result = iperf3(client, server, addr, "-t", "2", "-O", "1", *more)
    return result["end"]["sum_received"]["bits_per_second"] * WIRE


@pytest.mark.parametrize("vif,rate,sender,receiver,addr", [
    ("limited", "40Mb/s", "limited", "other", "10.61.0.13"),
    ("limited", "inbound=40Mb/s", "dev", "limited", "10.61.0.11"),
    ("ratend", "outbound=40Mb/s@20ms", "dev", "other", "10.61.0.13"),
    ("ratend", "inbound 4883", "other", "dev", "10.61.0.12"),  # KiB/s
])
def test_tcp_reaches_its_rate_and_no_more(lab, guests, vif, rate, sender, receiver, addr):
    lab.saklar("vif", "set", vif, "--rate", rate)
    try:
        got = tcp(guests[sender], guests[receiver], addr)
        assert .95 * RATE <= got <= 1.03 * RATE, got / RATE
    finally:
        lab.saklar("vif", "set", vif, "--rate", "off")


def test_what_is_too_much_is_counted_where_it_is_limited(lab, guests):
    lab.saklar("vif", "set", "limited", "--rate", "both=1Mb/s burst=16KiB")
    try:
        flood = ["iperf3", "-u", "-b", "50M", "-l", "1000", "-t", "1", "-c"]
        with iperf3_server(guests["other"]):
            guests["limited"].run(*flood, "10.61.0.13", check=False)
        wait_until(lambda: lab.saklar.drops("limited", "rate_limit") > 0, 5)
        with iperf3_server(guests["limited"]):
            guests["other"].run(*flood, "10.61.0.11", check=False)
        wait_until(lambda: lab.saklar.drops("limited", "tx_rate_limit") > 0, 5)
        assert lab.saklar.vif("limited")["rate"] == \
            "outbound=1Mb/s burst=16KiB inbound=1Mb/s burst=16KiB"
    finally:
        lab.saklar("vif", "set", "limited", "--rate", "off")


def test_a_change_is_live_and_costs_others_nothing(lab, guests):
    """Somebody else's ping at 1 kHz loses nothing while rates come, change and go."""
    ping = guests["other"].start("ping", "-n", "-q", "-i", "0.001", "-c", "1500", "10.61.0.12")
    for rate in ("10Mb/s", "both=1Gb/s", "inbound=1000,2000,64", "off") * 3:
        lab.saklar("vif", "set", "limited", "--rate", rate)
    wait_until(lambda: "packet loss" in ping.output(), 30, "ping ends")
    assert " 0% packet loss" in ping.output()

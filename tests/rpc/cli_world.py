# SPDX-License-Identifier: Apache-2.0
"""A daemon that only pretends, and what it answers, for the tests of the CLI."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))

from fake_saklard import FakeSaklard, RpcError, program  # noqa: E402

VIFS = [
    {"name": "web0", "type": "tap", "network": "lan", "state": "up", "reason": None,
     "mac": "52:54:00:00:00:01", "mtu": 1500, "link": True, "ifname": "web0", "dev": "web0",
     "queues": 2, "rx_packets": 7, "tx_packets": 123456789, "drops": {}, "drops_total": 0},
    {"name": "db0", "type": "netdev", "network": "lan", "state": "waiting",
     "reason": "no device \x1b[31meth9", "mac": None, "mtu": 1500, "link": True, "queues": 1,
     "rx_packets": 0, "tx_packets": 0, "drops": {"link_down": 3}, "drops_total": 3},
]
NETWORKS = [{"name": "lan", "mode": "isolated", "state": "up", "reason": None,
             "subnets": ["10.0.0.0/24", "fd00::/64"], "gateways": ["10.0.0.1"], "dhcp": True,
             "vifs": ["web0", "db0"], "leg": {"rx_packets": 1},
             "uplink_port": {"id": 60, "name": "up-lan"}}]
STATUS = {"version": "0.1.0", "build": "0.1.0-gabc", "generation": 12,
          "daemon": {"pid": 10, "uptime_s": 61},
          "engine": {"pid": 11, "state": "up", "reason": None, "uptime_s": 5, "hugepages": False,
                     "restarts": 1, "workers": 1, "generation": 12, "taken_over": False},
          "networks": 1, "vifs": 2,
          "problems": [{"object": "vif db0", "text": "no device eth9", "cure": "create it"}]}
DOCUMENT = {"networks": [{"name": "lan", "mode": "nat", "subnets": ["10.0.0.0/24"], "dhcp": True}],
            "vifs": [{"name": "web0", "network": "lan", "type": "tap",
                      "mac": "52:54:00:00:00:01"}], "forwards": []}
DOCUMENT_YAML = """networks:
- name: lan
  mode: nat
  subnets:
  - 10.0.0.0/24
  dhcp: true
vifs:
- name: web0
  network: lan
  type: tap
  mac: "52:54:00:00:00:01"
forwards: []
"""
APPLIED = {"generation": 17, "added": ["vif web1"], "changed": ["network lan", "vif db0"],
           "deleted": ["vif old\x1b"]}
FORWARDS = [{"network": "lan", "proto": "tcp", "port": 8080, "address": "10.0.0.2",
             "target_port": 80}]
NEIGHBOURS = [{"network": "lan", "side": "guests", "address": "10.0.0.2",
               "mac": "52:54:00:00:00:01", "state": "reachable", "age_s": 3, "queued": 0}]
ROUTES = [{"network": "lan", "from": "guests", "prefix": "0.0.0.0/0", "kind": "via",
           "via": "192.0.2.1", "out_network": "lan", "out": "uplink"}]
CONNECTIONS = [
    {"network": "lan", "vif": "web0", "proto": "tcp", "state": "established", "timeout_s": 432000,
     "packets": 5, "bytes": 500, "reply_packets": 4, "reply_bytes": 400,
     "original": {"source": "10.0.0.2", "source_port": 40000, "destination": "198.51.100.1",
                  "destination_port": 80},
     "reply": {"source": "198.51.100.1", "source_port": 80, "destination": "192.0.2.2",
               "destination_port": 40001}},
    {"network": "lan", "vif": "web0", "proto": "udp", "state": "new", "timeout_s": 30,
     "packets": 1, "bytes": 99, "reply_packets": 0, "reply_bytes": 0,
     "original": {"source": "fd00::2", "source_port": 1, "destination": "fd00::3",
                  "destination_port": 2},
     "reply": {"source": "fd00::3", "source_port": 2, "destination": "fd00::2",
               "destination_port": 1}}]
STP_PORT = {"vif": "web0", "role": "designated", "state": "forwarding", "edge": True,
            "version": "rstp", "guarded_by": None, "cost": 2000, "priority": 128,
            "designated_bridge": "8000.525400000001", "forward_timer": 0, "message_timer": 0,
            "rx_bpdus": 0, "tx_bpdus": 7}
STP = [{"network": "lan", "version": "rstp", "bridge_id": "8000.525400000001",
        "root_id": "1000.525400000002", "is_root": False, "root_port": "up0", "root_cost": 2000,
        "hello_time": 2, "max_age": 20, "forward_delay": 15, "topology_changes": 3,
        "changed_s": 42, "ports": [STP_PORT, dict(
            STP_PORT, vif="up0", role="root", edge=False, version="stp"), dict(
            STP_PORT, vif="db0", role="disabled", state="disabled", edge=False,
            guarded_by="bpdu")]}]
FRAME = bytes.fromhex("ffffffffffff020000000001" "0806" "0001080006040001" "020000000001"
                      "0a000001" "000000000000" "0a000002") + bytes(18)


def one(rows):
    def answer(params):
        for row in rows:
            if row["name"] == params["name"]:
                return row
        raise RpcError(f"there is no {params['name']}", "name", 2)
    return answer


@pytest.fixture(name="daemon")
def daemon_fixture(tmp_path):
    daemon = FakeSaklard(tmp_path, {
        "status": STATUS, "vif.list": VIFS, "network.list": NETWORKS, "vif.show": one(VIFS),
        "network.show": one(NETWORKS), "vif.add": {"generation": 13}, "vif.set": {"generation": 14},
        "network.add": {"generation": 2}, "network.set": {"generation": 3},
        "vif.del": {"generation": 15}, "network.del": {"generation": 16},
        "fdb.list": [{"network": "lan", "mac": "52:54:00:00:00:01", "vlan": 0, "vif": "web0",
                      "age_s": 3, "origin": "learned", "moves": 0}],
        "drops": [{"vif": "db0", "network": "lan", "reason": "link_down", "packets": 3,
                   "doc": "the vif is set down"}],
        "worker.list": [{"worker": 0, "packets": 12, "bursts": 3, "busy_ns": 1500000000}],
        "export": DOCUMENT, "apply": APPLIED, "forward.list": FORWARDS,
        "forward.add": {"generation": 18}, "forward.del": {"generation": 19},
        "route.add": {"generation": 18}, "route.del": {"generation": 19},
        "neighbour.list": NEIGHBOURS, "route.list": ROUTES, "connection.list": CONNECTIONS,
        "stp.show": STP,
        "connection.flush": {"generation": 19}})
    yield daemon
    daemon.close()


def run(*words, env=None):
    return subprocess.run([program(), *words], capture_output=True, text=True, check=False,
                          timeout=30, env=dict(os.environ, **(env or {})))


def verbs():
    """[noun verb] of every line of the help that is one."""
    lines = run("--help").stdout.split("\n\n")[2].splitlines()
    words = [re.match(r"  ([a-z]+)(?: ([a-z-]+)\b)?", line) for line in lines]
    return [[w for w in m.groups() if w] for m in words if m and m[1] not in ("help",)]

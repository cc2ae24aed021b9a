# SPDX-License-Identifier: Apache-2.0
"""Other people's programs read the pcapng that the CLI writes.

    this test, as daemon and engine --ring--> saklar capture -w --> tshark, capinfos, tcpdump
"""

import json
import pathlib
import signal
import subprocess
import sys

import pytest
from scapy.all import IP, TCP, UDP, Ether, Raw  # pylint: disable=no-name-in-module

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from fake_saklard import IN, OUT, FakeSaklard, wait_until  # noqa: E402

WALL_NS = 1_700_000_000_123_456_789
DROP_MTU_EXCEEDED = 13


def frame(payload):
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1",
                 dst="10.0.0.2") / UDP(sport=1000, dport=2000) / Raw(payload))


@pytest.fixture(name="path", scope="module")
def path_fixture(tmp_path_factory):
    """A capture with two vifs, both directions, a drop, a GSO frame cut by snaplen, and losses."""
    folder = tmp_path_factory.mktemp("pcapng")
    daemon = FakeSaklard(folder, {
        "vif.list": [{"name": "web0", "type": "tap", "network": "lan"},
                     {"name": "db0", "type": "netdev", "network": "lan"}],
        "network.list": [{"name": "lan", "mode": "bridge"}]})
    path = folder / "out.pcapng"
    child = daemon.start("capture", "lan", "-w", str(path), "--snaplen", "2000", "ip")
    ring = daemon.wait_ring()
    ring.put(frame(b"first"), vif=1, direction=IN, wall_ns=WALL_NS)
    ring.put(frame(b"second"), vif=2, direction=OUT, wall_ns=WALL_NS + 1)
    ring.put(frame(b"third"), vif=1, direction=IN, reason=DROP_MTU_EXCEEDED, wall_ns=WALL_NS + 2)
    big = bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / TCP() / Raw(b"x" * 60000))
    ring.put(big[:2000], vif=1, direction=IN, orig_len=len(big), gso=(1, 1448), wall_ns=WALL_NS + 3)
    ring.lose(5)
    wait_until(lambda: b"gso tcp4" in path.read_bytes(), "the last packet is written")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode == 0
    yield path
    daemon.close()


def tool(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == 0, done
    return done.stdout


def test_tshark_shows_vif_direction_reason_and_true_length(path):
    fields = ("frame.interface_name", "frame.packet_flags_direction", "frame.comment", "frame.len",
              "frame.cap_len", "frame.time_epoch")
    args = [word for f in fields for word in ("-e", f)]
    rows = [line.split("\t") for line in
            tool("tshark", "-r", path, "-n", "-T", "fields", *args).splitlines()]
    assert [row[0] for row in rows] == ["web0", "db0", "web0", "web0"]
    assert [int(row[1], 0) for row in rows] == [1, 2, 1, 1]
    assert [row[2].split(" - ")[0] for row in rows] == ["", "", "dropped: mtu_exceeded",
                                                       "gso tcp4 size 1448"]
    assert [row[3:5] for row in rows][3] == ["60054", "2000"]
    assert [row[5] for row in rows] == [f"1700000000.12345{6789 + i}" for i in range(4)]


def test_tshark_finds_nothing_malformed(path):
    out = json.loads(tool("tshark", "-r", path, "-n", "-Y", "_ws.malformed", "-T", "json"))
    assert out == []


def test_capinfos_counts_interfaces_packets_and_losses(path):
    out = tool("capinfos", path)
    assert "Number of packets:   4" in out
    assert "Number of interfaces in file: 2" in out
    assert "Name = web0" in out and "Description = network lan, type tap" in out
    assert "Time precision = nanoseconds (9)" in out
    assert "Capture application: saklar" in out


def test_tcpdump_reads_it(path):
    assert len(tool("tcpdump", "-n", "-r", path).splitlines()) == 4


def test_empty_capture_is_a_valid_file(path):
    daemon_dir = path.parent / "empty"
    daemon_dir.mkdir()
    daemon = FakeSaklard(daemon_dir, {})
    child = daemon.start("capture", "--drops", "-w", str(daemon_dir / "out"))
    daemon.wait_ring()
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)
    daemon.close()
    assert child.returncode == 0
    assert tool("tcpdump", "-n", "-r", daemon_dir / "out") == ""
    assert "Number of packets:   0" in tool("capinfos", daemon_dir / "out")

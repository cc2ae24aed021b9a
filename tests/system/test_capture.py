# SPDX-License-Identifier: Apache-2.0
"""Captures show what the guests' own tcpdump shows, and more: directions and reasons of drops.

      guest a (netdev) --+-- network lan --+-- guest b (host)   vif mtu 1400
                         |                 +-- guest c (netdev)
              saklar capture ...
"""

import json
import signal

import pytest
from scapy.all import IP, UDP, Dot1Q, Ether, Raw  # pylint: disable=no-name-in-module

from lib.capture import Capture
from lib.pcapng import read_pcap, read_pcapng
from lib.traffic import iperf3, iperf3_server, ping, tcpdump, wait_ping
from lib.wait import wait_until
from lib.wire import has, udp_frame, wire


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.20.0.0/24", "--subnet", "fd20::/64")
    return {"a": lab.guest("a", "lan", "netdev", addr=["10.20.0.1" + "1/24", "fd20::11/64"]),
            "b": lab.guest("b", "lan", "host", addr="10.20.0.12/24", args=["--mtu", "1400"]),
            "c": lab.guest("c", "lan", "netdev", addr="10.20.0.13/24")}


def test_capture_equals_tcpdump_at_the_guest_frame_by_frame(lab, guests):
    a, b = guests["a"], guests["b"]
    wait_ping(a, "10.20.0.12")
    at_guest = lab.workdir / "a.pcap"
    dump = tcpdump(a, "eth0", at_guest)
    cap = Capture(lab, "a")
    with wire(b, "eth0") as tx:
        tx.write(udp_frame(b.mac("eth0"), a.mac("eth0"), "first-in"))
    cap.wait_for("first-in")
    with wire(a, "eth0") as tx:
        macs = a.mac("eth0"), b.mac("eth0")
        for i in range(100):
            tx.write(udp_frame(*macs, f"frame-{i:03}-" + "x" * (i * 7)))
        tx.write(bytes(Ether(src=a.mac("eth0"), dst=b.mac("eth0")) / Dot1Q(vlan=9)
                       / IP(src="1.1.1.1", dst="1.1.1.2") / UDP() / Raw(b"tagged")))
        tx.write(bytes(Ether(src=a.mac("eth0"), dst=b.mac("eth0"), type=0x88b5) / Raw(b"odd")))
    ping(a, "10.20.0.12", count=10)
    ping(a, "fd20::1", count=3)
    iperf3(a, b, "10.20.0.12", size="4M")
    for src, dst, text in ((b, a, "last-in"), (a, b, "the-last-frame")):
        with wire(src, "eth0") as tx:
            tx.write(udp_frame(src.mac("eth0"), dst.mac("eth0"), text))
        cap.wait_for(text)
        wait_until(lambda t=text.encode(): t in at_guest.read_bytes(), 5)
    dump.stop(signal.SIGINT)
    ours, lost, _ = cap.end()
    theirs = read_pcap(at_guest.read_bytes())
    assert lost == 0

    def sent_by_guest(packets):
        mac = bytes.fromhex(a.mac("eth0").replace(":", ""))
        return [(p.orig_len, p.frame) for p in packets if p.frame[6:12] == mac]

    def others(packets):
        mac = bytes.fromhex(a.mac("eth0").replace(":", ""))
        return [(p.orig_len, p.frame) for p in packets if p.frame[6:12] != mac]

    def between(frames, first, last):
        """The two tools begin and end at different moments."""
        at = {text: next(i for i, (_, f) in enumerate(frames) if text in f)
              for text in (first, last)}
        return frames[at[first]:at[last] + 1]

    # Directions apart: the two tools may see a frame in flight first.  And frames that two cores
    # sent at the same moment may pass the two places in either order; none may be missing, doubled
    # or different, and what one core sent stays in order.
    ours_sent, theirs_sent = (between(sent_by_guest(p), b"frame-000", b"the-last-frame")
                              for p in (ours, theirs))
    assert len(ours_sent) == len(theirs_sent)
    for i, (mine, guest) in enumerate(zip(sorted(ours_sent), sorted(theirs_sent))):
        assert mine == guest, f"frame {i}: {mine[0]} and {guest[0]} bytes"
    numbered = [f for _, f in ours_sent if b"frame-" in f]
    assert len(numbered) == 100 and numbered == [f for _, f in theirs_sent if b"frame-" in f]
    assert sorted(between(others(ours), b"first-in", b"last-in")) == \
        sorted(between(others(theirs), b"first-in", b"last-in"))
    assert {p.direction for p in ours if p.frame[6:12] ==
            bytes.fromhex(a.mac("eth0").replace(":", ""))} == {"in"}
    assert {p.ifname for p in ours} == {"a"}
    assert max(p.orig_len for p in ours) > 10000, "GSO frames are shown whole"


def test_directions_are_seen_from_the_switch(lab, guests):
    cap = Capture(lab, "b", "icmp")
    ping(guests["a"], "10.20.0.12", count=3)
    wait_until(lambda: len(cap.packets()) >= 6, 5)
    packets, _, _ = cap.end()
    for p in packets:
        assert p.direction == ("in" if Ether(p.frame)[IP].src == "10.20.0.12" else "out")


def test_network_capture_shows_each_frame_once(lab, guests):
    cap = Capture(lab, "lan")
    with wire(guests["a"], "eth0") as tx:
        for i in range(10):
            tx.write(udp_frame(guests["a"].mac("eth0"), "ff:ff:ff:ff:ff:ff", f"once-{i}"))
    cap.wait_for("once-9")
    packets, _, _ = cap.end()
    assert [p.ifname for p in packets if b"once-" in p.frame] == ["a"] * 10


def test_filter_selects(lab, guests):
    cap = Capture(lab, "a", "udp port 7777 and greater 100")
    a, c = guests["a"], guests["c"]
    with wire(a, "eth0") as tx:
        tx.write(udp_frame(a.mac("eth0"), c.mac("eth0"), "short"))
        tx.write(udp_frame(a.mac("eth0"), c.mac("eth0"), "other" + "x" * 200, port=7778))
        tx.write(udp_frame(a.mac("eth0"), c.mac("eth0"), "wanted" + "x" * 200))
    cap.wait_for("wanted")
    packets, _, _ = cap.end()
    assert [p for p in packets if b"wanted" not in p.frame] == []


def test_filter_sees_vlan_tags_where_they_are(lab, guests):
    cap = Capture(lab, "a", "vlan 33")
    a = guests["a"]
    with wire(a, "eth0") as tx:
        for vid in (32, 33):
            tx.write(bytes(Ether(src=a.mac("eth0"), dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=vid)
                           / IP() / UDP() / Raw(f"vid-{vid}".encode())))
    cap.wait_for("vid-33")
    packets, _, _ = cap.end()
    assert not [p for p in packets if b"vid-32" in p.frame]


@pytest.mark.parametrize("filter_", ("no such word", "port 99999", "host", "((("))
def test_bad_filter_is_refused_with_its_reason(lab, guests, filter_):
    done = lab.saklar.run("capture", "a", "-c", "1", filter_)
    assert done.returncode in (1, 2)
    assert done.stderr.strip()


def test_bad_targets_are_refused(lab, guests):
    for args in (("nobody",), (), ("a", "--snaplen", "x"), ("a", "-c", "-1")):
        done = lab.saklar.run("capture", *args, timeout=10)
        assert done.returncode in (1, 2), args
        assert done.stderr.strip(), args


def test_file_that_cannot_be_written_is_a_clear_error(lab, guests):
    done = lab.saklar.run("capture", "a", "-w", "/nowhere/x.pcapng", timeout=10)
    assert done.returncode == 1
    assert "/nowhere/x.pcapng" in done.stderr


def test_count_ends_the_capture(lab, guests):
    program = lab.host.start(*lab.saklar.cmd("capture", "a", "-c", "5", "-w",
                                             str(lab.workdir / "five.pcapng"), "icmp"),
                             env=lab.saklar.env)
    wait_until(lambda: (lab.workdir / "five.pcapng").exists(), 5)
    wait_until(lambda: guests["a"].ok("ping", "-c1", "-W1", "10.20.0.12")
               and not program.is_running, 15)
    assert program.wait() == 0
    assert len(read_pcapng((lab.workdir / "five.pcapng").read_bytes())[0]) == 5


def test_snaplen_cuts_and_keeps_the_true_length(lab, guests):
    cap = Capture(lab, "a", "--snaplen", "60")
    a = guests["a"]
    with wire(a, "eth0") as tx:
        tx.write(udp_frame(a.mac("eth0"), guests["c"].mac("eth0"), "cut" + "x" * 1000))
    packets = [p for p in cap.wait_for("cut") if b"cut" in p.frame]
    assert len(packets[0].frame) == 60
    assert packets[0].orig_len == 14 + 20 + 8 + 3 + 1000
    cap.end()


def test_drops_are_shown_with_their_reason(lab, guests):
    cap = Capture(lab, "--drops")
    a, b = guests["a"], guests["b"]
    ping(a, "10.20.0.12", count=1)
    with wire(a, "eth0") as tx:
        tx.write(udp_frame(a.mac("eth0"), b.mac("eth0"), "too-long" + "x" * 1440))
        tx.write(udp_frame("01:00:00:00:00:01", b.mac("eth0"), "multicast-source"))
    cap.wait_for("too-long")
    packets = cap.wait_for("multicast-source")
    cap.end()
    reason = {b"too-long": "mtu_exceeded", b"multicast-source": "mac_invalid_source"}
    for text, name in reason.items():
        comments = [c for p in packets if text in p.frame for c in p.comments]
        assert any(name in c for c in comments), (text, comments)


def test_slow_reader_loses_packets_is_told_and_delays_nobody(lab, guests):
    wait_ping(guests["a"], "10.20.0.13")
    cap = Capture(lab, "a")
    cap.program.send_signal(signal.SIGSTOP)
    iperf3(guests["a"], guests["c"], "10.20.0.13", size="200M")
    ping(guests["a"], "10.20.0.13", count=20)
    cap.program.send_signal(signal.SIGCONT)
    _, lost, said = cap.end()
    assert lost > 0, "the file tells how many were lost"
    assert "lost" in said, said


def test_reader_that_dies_leaves_no_capture_behind(lab, guests):
    for _ in range(10):  # more often than there are sessions
        cap = Capture(lab, "a")
        cap.program.send_signal(signal.SIGKILL)
        cap.program.wait()
    cap = Capture(lab, "a", "icmp")
    ping(guests["a"], "10.20.0.13", count=1)
    wait_until(cap.packets, 5)
    cap.end()


def test_capture_goes_on_when_the_engine_is_killed(lab, guests):
    cap = Capture(lab, "a", "udp port 7777")
    a, c = guests["a"], guests["c"]
    with wire(a, "eth0") as tx, wire(c, "eth0") as rx:
        tx.write(udp_frame(a.mac("eth0"), c.mac("eth0"), "before-the-kill"))
        cap.wait_for("before-the-kill")
        pid = lab.saklar.kill_engine()
        lab.saklar.wait_engine(other_than=pid)
        rx.drain()
        tx.write(udp_frame(a.mac("eth0"), c.mac("eth0"), "after-the-kill"))
        rx.read_until(has("after-the-kill"))
        cap.wait_for("after-the-kill")
    cap.end()


@pytest.mark.parametrize("source", ["-r", "-i"])
def test_live_into_tshark(lab, guests, source):
    """-r reads a file; -i captures from a pipe, through dumpcap, as `wireshark -k -i -` does."""
    cmd = " ".join(lab.saklar.cmd("capture", "lan", "-w", "-", "icmp"))
    program = lab.host.start("sh", "-c", f"{cmd} | tshark -l -n {source} -", env=lab.saklar.env)
    wait_until(lambda: guests["a"].ok("ping", "-c1", "-W1", "10.20.0.13")
               and "Echo (ping) request" in program.output(), 20, "tshark prints live")
    program.stop(signal.SIGKILL)


def test_without_w_one_line_a_packet(lab, guests):
    program = lab.host.start(*lab.saklar.cmd("capture", "a", "icmp"), env=lab.saklar.env)
    wait_until(lambda: guests["a"].ok("ping", "-c1", "-W1", "10.20.0.13")
               and "ICMP echo request" in program.output(), 15, program.output)
    program.stop(signal.SIGINT)


def test_written_file_is_read_by_tcpdump_and_tshark(lab, guests):
    cap = Capture(lab, "a", "icmp")
    ping(guests["a"], "10.20.0.13", count=5)
    wait_until(lambda: len(cap.packets()) >= 10, 5)
    cap.end()
    assert lab.host.out("tcpdump", "-n", "-r", cap.path).count("ICMP echo") >= 10
    found = json.loads(lab.host.out("tshark", "-n", "-r", cap.path, "-T", "json", "-e",
                                    "frame.interface_name", "-e", "frame.packet_flags_direction"))
    layers = [p["_source"]["layers"] for p in found]
    assert {v for layer in layers for v in layer["frame.interface_name"]} == {"a"}
    assert len({v for layer in layers for v in layer["frame.packet_flags_direction"]}) == 2


def test_capture_under_load_loses_nothing_when_the_reader_keeps_up(lab, guests):
    wait_ping(guests["a"], "10.20.0.13")
    cap = Capture(lab, "a", "--snaplen", "64", "udp port 5201")
    with iperf3_server(guests["c"]):
        guests["a"].out("iperf3", "-c", "10.20.0.13", "-u", "-b", "5M", "-l", "64", "-t", "2",
                        timeout=30)
    packets, lost, _ = cap.end()
    assert lost == 0
    assert len(packets) > 10000

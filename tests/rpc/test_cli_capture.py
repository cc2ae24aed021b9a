# SPDX-License-Identifier: Apache-2.0
"""Captures of the CLI, fed by a daemon and an engine that only pretend."""

import os
import pty
import shutil
import signal
import sys
import threading

import pytest

from cli_world import (FRAME, one, run, VIFS,
                       daemon_fixture)  # noqa: F401
from fake_saklard import IN, OUT, wait_until

def blocks(content):
    """(type, body) of every block of a pcapng file of this machine's byte order."""
    at, found = 0, []
    while at < len(content):
        kind, length = (int.from_bytes(content[at + i:at + i + 4], sys.byteorder) for i in (0, 4))
        assert length >= 12 and length % 4 == 0 and at + length <= len(content)
        assert content[at + length - 4:at + length] == content[at + 4:at + 8]
        found.append((kind, content[at + 8:at + length - 4]))
        at += length
    return found


def test_capture_writes_what_the_ring_gives_and_stops_after_c_packets(daemon, tmp_path):
    path = tmp_path / "out.pcapng"
    with daemon.start("capture", "web0", "-c", "3", "-w", str(path), "arp") as child:
        ring = daemon.wait_ring()
        for i in range(5):
            ring.put(FRAME, direction=OUT if i else IN, gso=(1, 1448), orig_len=60000)
        _, said = child.communicate(timeout=30)
    assert child.returncode == 0
    assert b"3 packets captured, 0 lost by the reader being slow" in said
    kinds = [kind for kind, _ in blocks(path.read_bytes())]
    assert kinds == [0x0A0D0D0A, 1, 6, 6, 6, 5]
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"gso tcp4 size 1448" in path.read_bytes()
    params = daemon.params_of("capture.open")
    assert (params["target"], params["name"], params["snaplen"]) == ("vif", "web0", 262144)
    assert all(len(row) == 4 for row in params["filter"])


def test_capture_targets(daemon):
    for words, target, name in ((["lan"], "network", "lan"), (["--drops"], "drops", None),
                                (["up-lan"], "vif", "up-lan")):
        n = len(daemon.rings)
        with daemon.start("capture", *words, "-w", "-") as child:
            daemon.wait_ring(n + 1)
            child.terminate()
            child.communicate(timeout=30)
        assert child.returncode == 0
        params = daemon.params_of("capture.open")
        assert (params["target"], params.get("name"), params.get("filter")) == (target, name, None)
    done = daemon.run("capture", "wbe0")
    assert done.returncode == 1 and "did you mean 'web0'" in done.stderr


def test_capture_of_the_port_by_which_a_network_leads_out(daemon):
    daemon.answers["network.list"] = [{"name": "lan", "uplink_port": None},
                                      {"name": "lab", "uplink_port": {"name": "up-lab"}}]
    with daemon.start("capture", "up-lab", "-w", "-") as child:
        daemon.wait_ring()
        child.terminate()
        child.communicate(timeout=30)
    assert child.returncode == 0
    params = daemon.params_of("capture.open")
    assert (params["target"], params["name"]) == ("vif", "up-lab")


def read_some(stream, want):
    """Bytes up to and with @want."""
    text = b""
    while want not in text:
        piece = os.read(stream.fileno(), 65536)
        assert piece, text
        text += piece
    return text


def test_capture_to_a_pipe_is_live_and_a_signal_ends_it_cleanly(daemon):
    for sig in (signal.SIGINT, signal.SIGTERM):
        n = len(daemon.rings)
        with daemon.start("capture", "web0", "-w", "-") as child:
            ring = daemon.wait_ring(n + 1)
            ring.put(FRAME + b"live-one")
            text = read_some(child.stdout, b"live-one")
            child.send_signal(sig)
            rest, said = child.communicate(timeout=30)
        assert child.returncode == 0
        assert [kind for kind, _ in blocks(text + rest)][-1] == 5
        assert b"1 packets captured" in said


def test_capture_whose_reader_goes_away_ends_quietly(daemon):
    with daemon.start("capture", "web0", "-w", "-") as child:
        ring = daemon.wait_ring()
        ring.put(FRAME)
        read_some(child.stdout, FRAME)
        child.stdout.close()
        ring.put(FRAME)
        said = child.stderr.read()
        assert child.wait(30) == 0
    assert said == b""


@pytest.mark.parametrize("with_tcpdump", (True, False))
def test_lines_whose_reader_goes_away_end_quietly(daemon, tmp_path, with_tcpdump):
    env = dict(os.environ) if with_tcpdump else dict(os.environ, PATH=str(tmp_path))
    with daemon.start("capture", "lan", env=env) as child:
        ring = daemon.wait_ring()
        ring.put(FRAME)
        read_some(child.stdout, b"\n")
        child.stdout.close()
        wait_until(lambda: ring.put(FRAME) and child.poll() is not None, "the capture ends")
        assert (child.returncode, child.stderr.read()) == (0, b"")


def test_output_that_cannot_be_written_is_an_error(daemon):
    with open("/dev/full", "w", encoding="ascii") as full:
        with daemon.start("vif", "list", stdout=full) as child:
            assert b"cannot write the output: No space left" in child.stderr.read()
            assert child.wait(30) == 1
    with daemon.start("capture", "lan", "-w", "/dev/full", "-c", "1") as child:
        daemon.wait_ring().put(FRAME)
        assert b"cannot write the packets: No space left" in child.stderr.read()
        assert child.wait(30) == 1


def test_losses_are_told(daemon, tmp_path):
    with daemon.start("capture", "web0", "-w", str(tmp_path / "x")) as child:
        ring = daemon.wait_ring()
        ring.lose(41)
        assert b"41 packets lost" in child.stderr.readline()
        ring.lose(1)
        child.send_signal(signal.SIGINT)
        assert b"0 packets captured, 42 lost by the reader being slow" in child.stderr.read()


def test_daemon_that_goes_away_ends_the_capture_with_what_was_there(daemon, tmp_path):
    path = tmp_path / "out.pcapng"
    with daemon.start("capture", "web0", "-w", str(path)) as child:
        ring = daemon.wait_ring()
        ring.put(FRAME)
        ring.put(FRAME)
        daemon.close()
        said = child.stderr.read()
        assert child.wait(30) == 3
    assert b"daemon went away" in said
    assert [kind for kind, _ in blocks(path.read_bytes())].count(6) == 2


def test_damaged_ring_ends_the_capture_with_what_was_good(daemon, tmp_path):
    path = tmp_path / "out.pcapng"
    with daemon.start("capture", "web0", "-w", str(path)) as child:
        ring = daemon.wait_ring()
        ring.put(FRAME)
        wait_until(lambda: FRAME in path.read_bytes(), "the good packet is written")
        ring.damage()
        said = child.stderr.read()
        assert child.wait(30) == 1
    assert b"): the engine misbehaves; see 'saklar status'" in said
    assert [kind for kind, _ in blocks(path.read_bytes())].count(6) == 1


def test_pcapng_is_not_written_to_a_terminal(daemon):
    main, sub = pty.openpty()
    with daemon.start("capture", "web0", "-w", "-", stdout=sub) as child:
        os.close(sub)
        said = child.stderr.read()
        assert child.wait(30) == 2
    os.close(main)
    assert (b"capture: pcapng is not for a terminal; leave out '-w -', or pipe it: "
            b"saklar capture ... -w - | tshark -r -") in said
    assert daemon.calls == []


def test_answer_without_a_ring_is_refused(daemon):
    daemon.answers["capture.open"] = {"capture_id": 1}
    done = daemon.run("capture", "web0", "-w", "-")
    assert done.returncode == 1 and "no capture ring" in done.stderr


def test_new_vif_gets_its_name_while_the_capture_runs(daemon):
    with daemon.start("capture", "lan", "-w", "-") as child:
        ring = daemon.wait_ring()
        daemon.answers["vif.list"] = [dict(VIFS[0], name="late0", id=9)]
        ring.put(FRAME, vif=9)
        assert b"late0" in read_some(child.stdout, b"late0")
        child.terminate()


@pytest.mark.parametrize("with_tcpdump", (True, False))
def test_lines_say_vif_direction_and_reason(daemon, tmp_path, with_tcpdump):
    if with_tcpdump and not shutil.which("tcpdump"):
        pytest.fail("tcpdump is not installed")
    env = dict(os.environ) if with_tcpdump else dict(os.environ, PATH=str(tmp_path))
    with daemon.start("capture", "--drops", "-c", "2", env=env) as child:
        ring = daemon.wait_ring()
        ring.put(FRAME, vif=1, reason=13)
        ring.put(FRAME, vif=2, direction=OUT, reason=7)
        out, said = child.communicate(timeout=30)
    lines = out.decode().splitlines()
    assert child.returncode == 0 and len(lines) == 2, (lines, said)
    assert "web0" in lines[0] and " in " in lines[0] and "dropped: mtu_exceeded" in lines[0]
    assert "db0" in lines[1] and " out " in lines[1] and "dropped: link_down" in lines[1]
    assert ("Request who-has 10.0.0.2" if with_tcpdump else "ARP") in lines[0]


def test_many_lines_through_tcpdump_keep_their_names(daemon):
    with daemon.start("capture", "lan", "-c", "3000") as child:
        ring = daemon.wait_ring()

        def feed():
            for i in range(3000):
                wait_until(lambda i=i: ring.put(FRAME, vif=1 + i % 2,
                                                wall_ns=10 ** 18 + i * 1000), "there is room")
        threading.Thread(target=feed, daemon=True).start()
        out, said = child.communicate(timeout=60)
    lines = out.decode().splitlines()
    assert len(lines) == 3000, (lines[-2:], said, child.returncode)
    assert [line.split()[0] for line in lines] == ["web0", "db0"] * 1500

# SPDX-License-Identifier: Apache-2.0
"""vifs of type vhost-user from the command line on: their states, and that guests outlive everything.

    Guest (tests/lib/vhost_guest.py) or testpmd --RUN/vhost/NAME-- engine --- network lan
"""

import os
import pathlib
import re
import signal
import socket
import stat
import struct
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import vhost_guest as vg  # noqa: E402

from lib.wait import wait_until  # noqa: E402

A, B = b"\x52\x54\0\0\0\x01", b"\x52\x54\0\0\0\x02"


def frame(to, of, n):
    return to + of + b"\x88\xb5" + struct.pack("!I", n) + bytes(46)


def path_of(lab, name):
    return str(lab.saklar.run_dir / "vhost" / name)


def add(lab, name, *args):
    lab.saklar("vif", "add", name, "--network", "lan", "--type", "vhost-user", *args)
    return path_of(lab, name)


@pytest.fixture(name="lan", scope="module")
def lan_fixture(lab):
    lab.network("lan")
    return lab


@pytest.fixture(name="pair")
def pair_fixture(lan):
    """Two guests that run; their vifs end with the test."""
    guests = [vg.Guest(add(lan, name)) for name in ("va", "vb")]
    for name in ("va", "vb"):
        lan.saklar.wait_vif(name)
    yield guests
    for guest, name in zip(guests, ("va", "vb")):
        lan.saklar("vif", "del", name)
        guest.close()


def passes(sender, receiver, frames):
    """Each frame arrives, once and in order; what was sent before may come first."""
    got = []
    for f in frames:
        wait_until(lambda f=f: sender.send(f), 10)
    wait_until(lambda: got.extend(receiver.receive()) or got[-len(frames):] == frames, 20,
               lambda: f"{len(got)} of {len(frames)} frames came")
    return got


def reason(lab, name):
    return lab.saklar.vif(name)["reason"]


def test_a_vif_waits_for_its_vmm_and_says_how_to_start_one(lan):
    path = add(lan, "w", "--owner", "1234", "--socket-group", "2345", "--socket-mode", "600")
    assert lan.saklar.vif("w")["state"] == "waiting"
    assert f"no VMM is connected to {path}: start it with what" in reason(lan, "w")
    st = os.lstat(path)
    assert stat.S_ISSOCK(st.st_mode)
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (1234, 2345, 0o600)
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    wait_until(lambda: "its guest has not started" in reason(lan, "w"), 10)
    sock.close()
    wait_until(lambda: "no VMM is connected" in reason(lan, "w"), 10)
    guest = vg.Guest(path)
    lan.saklar.wait_vif("w")
    shown = lan.saklar.vif("w")
    assert shown["carrier"] and shown["queues_live"] == 1 and shown["memory_sealed"] is False
    guest.close()
    wait_until(lambda: lan.saklar.vif("w")["state"] == "waiting", 10)
    lan.saklar("vif", "del", "w")
    assert not os.path.lexists(path)


def test_guests_notice_nothing_of_a_killed_engine(lan, pair):
    """Frames in the rings meanwhile arrive, once and in order, and no VMM connects anew."""
    a, b = pair
    passes(a, b, [frame(B, A, i) for i in range(10)])
    for turn in range(1, 4):
        old = lan.saklar.kill_engine()
        waiting = [frame(B, A, 100 * turn + i) for i in range(20)]
        for f in waiting:
            wait_until(lambda f=f: a.send(f), 20)
        lan.saklar.wait_engine(other_than=old)
        got = []
        wait_until(lambda got=got: got.extend(b.receive()) or len(got) >= 20, 20)
        assert got == waiting
        passes(b, a, [frame(A, B, turn)])
    assert lan.saklar.vif("va")["state"] == "up"


def test_guests_notice_nothing_of_a_killed_daemon(lan, pair):
    """And what the engine had deposited with the dead daemon it gives the next one."""
    a, b = pair
    lan.saklar.kill_daemon()
    passes(a, b, [frame(B, A, i) for i in range(10)])
    a.say(vg.CALL, struct.pack("=Q", 1), [a.call[1]])  # heard, with nobody to keep it
    a.sync()
    lan.saklar.start()
    lan.saklar.wait_vif("va")
    passes(b, a, [frame(A, B, i) for i in range(10)])
    old = lan.saklar.kill_engine()
    lan.saklar.wait_engine(other_than=old)
    passes(a, b, [frame(B, A, i) for i in range(20, 30)])


def test_a_vif_that_is_down_hangs_up_and_refuses(lan, pair):
    a, b = pair
    lan.saklar("vif", "set", "va", "--down")
    assert lan.saklar.vif("va")["state"] == "down"
    assert a.sock.recv(1) == b""
    with pytest.raises(OSError):
        a.connect()
    lan.saklar("vif", "set", "va", "--up")
    a.connect()
    lan.saklar.wait_vif("va")
    passes(a, b, [frame(B, A, i) for i in range(10)])


def test_a_client_reaches_its_vmm_and_again(lan, tmp_path, pair):
    path = str(tmp_path / "vmm.sock")
    lan.saklar("vif", "add", "cl", "--network", "lan", "--type", "vhost-user", "--client",
               "--socket", path)
    wait_until(lambda: f"there is no {path}: start the VMM" in (reason(lan, "cl") or ""), 10)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(4)
        guest = vg.Guest(path, listener=listener)
        lan.saklar.wait_vif("cl")
        passes(guest, pair[1], [frame(B, A, i) for i in range(10)])
        old = lan.saklar.kill_engine()
        lan.saklar.wait_engine(other_than=old)
        passes(guest, pair[1], [frame(B, A, i) for i in range(10, 20)])
        guest.sock.close()  # the VMM starts again
        guest.connect()
        lan.saklar.wait_vif("cl")
        passes(guest, pair[1], [frame(B, A, i) for i in range(20, 30)])
        assert "server=on" in lan.saklar("vif", "qemu-args", "cl")
        assert "mode='server'" in lan.saklar("vif", "libvirt-xml", "cl")
        guest.close()
    lan.saklar("vif", "del", "cl")
    assert os.path.lexists(path)  # the VMM's, not ours


def test_what_is_in_the_way_is_named_and_the_vif_recovers(lan):
    """A file, another program's socket, a directory that is not there."""
    path = str(lan.saklar.dir / "deep" / "s.sock")
    lan.saklar("vif", "add", "bad", "--network", "lan", "--type", "vhost-user", "--socket", path)
    assert lan.saklar.vif("bad")["state"] == "failed"
    assert f"the directory of {path} does not exist: make it" in reason(lan, "bad")
    os.mkdir(os.path.dirname(path))
    lan.saklar.wait_vif("bad", "waiting")
    lan.saklar("vif", "del", "bad")

    pathlib.Path(path).write_text("precious", encoding="ascii")
    lan.saklar("vif", "add", "bad", "--network", "lan", "--type", "vhost-user", "--socket", path)
    assert "exists and is no socket: remove it, or name another path" in reason(lan, "bad")
    assert pathlib.Path(path).read_text(encoding="ascii") == "precious"
    os.unlink(path)
    lan.saklar.wait_vif("bad", "waiting")
    lan.saklar("vif", "del", "bad")

    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen(1)
        lan.saklar("vif", "add", "bad", "--network", "lan", "--type", "vhost-user", "--socket", path)
        assert f"a program listens at {path} already: stop it" in reason(lan, "bad")
    lan.saklar.wait_vif("bad", "waiting")  # what it left is stale, and replaced
    os.unlink(path)
    wait_until(lambda: os.path.lexists(path), 10, "the socket is made again")
    vg.Guest(path).close()
    lan.saklar("vif", "del", "bad")


def test_a_read_only_directory_is_named(lan, tmp_path):
    """The lab's host may write to a directory of its own only, as a systemd unit may."""
    path = tmp_path / "s.sock"
    lan.saklar("vif", "add", "ro", "--network", "lan", "--type", "vhost-user", "--socket", path)
    said = reason(lan, "ro")
    lan.saklar("vif", "del", "ro")
    assert "is read-only: name another path with --socket, or, under systemd, add" in said


def test_memory_that_can_shrink_is_refused_where_that_is_asked_for(lan):
    path = add(lan, "sealed", "--require-sealed")
    with pytest.raises(OSError):
        vg.Guest(path)
    wait_until(lambda: lan.saklar.vif("sealed")["state"] == "failed", 10)
    assert "the VMM was hung up on: SET_MEM_TABLE" in reason(lan, "sealed")
    guest = vg.Guest(path, seals=vg.SEAL_SHRINK)
    lan.saklar.wait_vif("sealed")
    assert lan.saklar.vif("sealed")["memory_sealed"] is True
    guest.close()
    lan.saklar("vif", "del", "sealed")


def test_more_queues_than_the_vif_has_are_refused_with_the_cure(lan):
    guest = vg.Guest(add(lan, "narrow"))
    guest.say(vg.NUM, struct.pack("=II", 2, 64))
    wait_until(lambda: "the vif has 1 queues: start the VMM with as many"
               in (reason(lan, "narrow") or ""), 10)
    guest.close()
    lan.saklar("vif", "del", "narrow")


def test_a_guest_that_has_moved_here_is_announced(lan, pair):
    """SEND_RARP: what a VMM asks for behind a migration when the guest cannot speak for itself."""
    a, b = pair
    mac = b"\x52\x54\0\0\0\x77"
    a.say(vg.SEND_RARP, mac + bytes(2))
    head = b"\xff" * 6 + mac + b"\x80\x35"
    got = []
    wait_until(lambda: got.extend(b.receive()) or any(f.startswith(head) for f in got), 10)
    rarp = next(f for f in got if f.startswith(head))
    assert rarp[14:22] == b"\0\x01\x08\0\x06\x04\0\x03"  # Ethernet, IPv4, "reverse request"
    assert rarp[22:28] == rarp[32:38] == mac
    assert lan.saklar.fdb("lan")["52:54:00:00:00:77"]["vif"] == "va"


def start_pmd(lab, name, mac, *args):
    """A process with a virtio-user NIC of its own, without a VM."""
    return lab.host.start(
        "dpdk-testpmd", "-l", "0,1", "--no-huge", "-m", "64", "--no-pci", "--file-prefix", name,
        "--no-telemetry", "--single-file-segments",
        f"--vdev=net_virtio_user0,path={path_of(lab, name)},mac={mac}", "--", "--auto-start",
        "--total-num-mbufs=2048", "--stats-period=1", *args)


def received(program):
    found = re.findall(r"RX-packets: (\d+)", program.output())
    return int(found[-1]) if found else 0


def test_testpmd_sends_and_receives_over_a_killed_engine(lan):
    """virtio-user cannot connect again by itself: its rings go on, or nothing does."""
    add(lan, "p1")
    add(lan, "p2")
    rx = start_pmd(lan, "p1", "52:54:00:00:00:01", "--forward-mode=rxonly")
    lan.saklar.wait_vif("p1", timeout=30)
    tx = start_pmd(lan, "p2", "52:54:00:00:00:02", "--forward-mode=txonly",
                 "--eth-peer=0,52:54:00:00:00:01")
    lan.saklar.wait_vif("p2", timeout=30)
    for _ in range(2):
        before = received(rx)
        wait_until(lambda before=before: received(rx) > before + 1000, 30, rx.output)
        old = lan.saklar.kill_engine()
        lan.saklar.wait_engine(other_than=old)
    before = received(rx)
    wait_until(lambda: received(rx) > before + 1000, 30, rx.output)
    for program, name in ((tx, "p2"), (rx, "p1")):
        program.send_signal(signal.SIGKILL)
        program.wait(10)
        wait_until(lambda name=name: lan.saklar.vif(name)["state"] == "waiting", 10)
        lan.saklar("vif", "del", name)

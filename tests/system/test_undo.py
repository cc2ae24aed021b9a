# SPDX-License-Identifier: Apache-2.0
"""What was changed on netdevs of others is put back, whatever became of the list of it; and files
that cannot be written or are damaged: the undo list, dnsmasq's configuration, leases.

      namespace g -- eth0 === veth, MTU 1500 -> 1400, IPv6 off, tc program -- vif -- network lan
"""

import pathlib
import signal

import pytest

from lib.instance import BUILD
from lib.wait import wait_until


def problems(saklar, word):
    return [p for p in saklar.json("status")["problems"] if word in p["object"]]


def snapshot(host, dev):
    link = host.link(dev)
    return (link["mtu"], "UP" in link["flags"], link.get("promiscuity", 0),
            host.sysctl(f"net.ipv6.conf.{dev}.disable_ipv6"),
            "clsact" in host.out("tc", "qdisc", "show", "dev", dev))


@pytest.fixture
def changed(make_lab, request):
    """A lab with netdev `wire`, which was changed by a vif; daemon and engine are killed."""
    lab = make_lab(name="undo")
    lab.saklar("network", "add", "lan", "--mode", "bridge")
    lab.wire_ns = lab.host.guest("g")
    lab.host.ip("link", "add", "name", "wire", "type", "veth", "peer", "name", "eth0", "netns", "g")
    lab.before = snapshot(lab.host, "wire")
    lab.saklar("vif", "add", "wire", "--network", "lan", "--type", "netdev", "--dev", "wire",
               "--mtu", "1400")
    wait_until(lambda: snapshot(lab.host, "wire") != lab.before, 10, "the netdev is changed")
    lab.saklar.wait_vif("wire", "waiting")  # its other end is down
    engine = lab.saklar.engine_pid()
    lab.saklar.kill_daemon()
    lab.host.kill(engine)
    return lab


def flip(path):
    text = bytearray(path.read_bytes())
    at = text.index(b" mtu 1500")
    text[at + 6] ^= 1
    path.write_bytes(text)


def other_version(path):
    path.write_text("saklar-undo 3 {}\n", encoding="ascii")


def directory(path):
    path.unlink()
    (path / "in").mkdir(parents=True)


SPOIL = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "cut in a line": lambda path: path.write_bytes(path.read_bytes()[:70]),
    "empty": lambda path: path.write_bytes(b""),
    "flipped": flip,
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 4000),
    "other version": other_version,
    "directory": directory,
    "gone": pathlib.Path.unlink,
}


@pytest.mark.parametrize("which", ["state/undo", "run/undo.copy"])
@pytest.mark.parametrize("how", SPOIL)
def test_one_bad_copy_loses_nothing(changed, which, how):
    saklar, host = changed.saklar, changed.host
    SPOIL[how](saklar.dir / which)
    saklar.start()
    found = problems(saklar, "undo list")
    assert bool(found) is (how != "gone")
    for problem in found:
        assert which in problem["text"] and "nothing is lost" in problem["text"], problem
        assert problem["cure"]
    saklar("vif", "del", "wire")
    assert snapshot(host, "wire") == changed.before
    saklar.kill_daemon()
    saklar.start()
    assert not problems(saklar, "undo list"), "both copies were made good"


@pytest.mark.parametrize("how", ["cut", "flipped", "noise", "other version"])
def test_two_bad_copies_are_said_and_whole_lines_count(changed, how):
    saklar, host = changed.saklar, changed.host
    for which in ("state/undo", "run/undo.copy"):
        SPOIL[how](saklar.dir / which)
    saklar.start()
    problem, = problems(saklar, "undo list")
    assert "may not get back" in problem["text"] and "ip -d link" in problem["cure"]
    saklar("vif", "del", "wire")
    now = snapshot(host, "wire")
    assert not host.out("tc", "filter", "show", "dev", "wire", "ingress"), "known without the list"
    if how == "cut":  # the last line only, which counts the others
        assert now == changed.before
    if how == "flipped":
        assert now[0] == 1400, "a MTU that is not sure is not put back"
        assert now[1:] == changed.before[1:]
    assert (saklar.dir / "state/undo.bad").exists(), "kept for a look"
    saklar("vif", "add", "wire", "--network", "lan", "--type", "netdev", "--dev", "wire")
    saklar("vif", "del", "wire")


def test_a_full_disk_forgets_nothing_and_is_said(make_lab):
    """The state directory fills up behind a vif that waits for its netdev."""
    lab = make_lab(start=False, name="full")
    saklar, host = lab.saklar, lab.host
    saklar.state_dir.mkdir()
    host.run("mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", saklar.state_dir)
    saklar.start()
    saklar("network", "add", "lan", "--mode", "bridge")
    saklar("vif", "add", "late", "--network", "lan", "--type", "netdev", "--dev", "late", "--mtu",
           "1400")
    host.run("sh", "-c", f"cat /dev/zero >{saklar.state_dir}/fill", check=False)
    host.guest("g")
    host.ip("link", "add", "name", "late", "type", "veth", "peer", "name", "eth0", "netns", "g")
    saklar.wait_vif("late", "waiting")
    wait_until(lambda: host.link("late")["mtu"] == 1400, 10, "it is attached all the same")
    problem, = problems(saklar, "undo list")
    assert "No space left" in problem["text"] and "copy alone" in problem["text"]
    assert "free some space" in problem["cure"]
    engine = saklar.engine_pid()
    saklar.kill_daemon()
    host.kill(engine)
    host.run("rm", f"{saklar.state_dir}/fill")
    saklar.start()
    assert not problems(saklar, "undo list")
    saklar("vif", "del", "late")
    assert host.link("late")["mtu"] == 1500


class Fault:
    """strace, which makes calls of the daemon fail that concern @paths, while it runs."""

    def __init__(self, lab, inject, *paths):
        self.host = lab.host
        pid = (lab.saklar.run_dir / "saklard.pid").read_text(encoding="ascii").strip()
        words = [word for path in paths for word in ("-P", str(path))]
        calls = inject.split(":")[0]
        self.log = lab.workdir / f"fault-{calls}-{len(lab.host.programs)}"
        self.tracer = lab.host.start("strace", "-o", self.log, *words, "-e", f"trace={calls}", "-e",
                                     f"inject={inject}", "-p", pid)
        wait_until(lambda: "attached" in self.tracer.output(), 10, self.tracer.output)

    def end(self):
        self.tracer.stop(signal.SIGTERM)
        assert "INJECTED" in self.log.read_text(), "nothing was made to fail"


@pytest.fixture(scope="module")
def shop(make_lab):
    """A daemon whose files are made to fail."""
    lab = make_lab(name="shop")
    lab.saklar("network", "add", "lan", "--mode", "bridge")
    lab.host.guest("g")
    lab.host.ip("link", "add", "name", "wire", "type", "veth", "peer", "name", "eth0", "netns", "g")
    return lab


FAULTS = ["openat:error=EROFS", "openat:error=EMFILE", "write:error=ENOSPC", "write:retval=5",
          "fsync:error=EIO", "rename:error=EIO"]


@pytest.mark.parametrize("inject", FAULTS)
def test_a_copy_that_cannot_be_written_is_said_and_the_other_is_enough(shop, inject):
    before = snapshot(shop.host, "wire")
    undo = shop.saklar.state_dir / "undo"
    fault = Fault(shop, inject, undo, f"{undo}.new")
    shop.saklar("vif", "add", "wire", "--network", "lan", "--type", "netdev", "--dev", "wire",
                "--mtu", "1400")
    wait_until(lambda: shop.host.link("wire")["mtu"] == 1400, 10, "it is attached")
    problem, = problems(shop.saklar, "undo list")
    assert "cannot write" in problem["text"] and "copy alone" in problem["text"]
    shop.saklar.kill_daemon()
    fault.end()
    shop.saklar.start()
    assert not problems(shop.saklar, "undo list")
    shop.saklar("vif", "del", "wire")
    assert snapshot(shop.host, "wire") == before


@pytest.mark.parametrize("inject", [f for f in FAULTS if "fsync" not in f])
def test_without_any_copy_the_netdev_is_left_alone_until_there_is_one(shop, inject):
    before = snapshot(shop.host, "wire")
    paths = [shop.saklar.state_dir / "undo", shop.saklar.run_dir / "undo.copy"]
    fault = Fault(shop, inject, *paths, *[f"{path}.new" for path in paths])
    shop.saklar("vif", "add", "wire", "--network", "lan", "--type", "netdev", "--dev", "wire",
                "--mtu", "1400")
    vif = shop.saklar.wait_vif("wire", "failed")
    assert "left alone until it can be" in vif["reason"]
    # a second attempt is not taken for one that was written down
    tries = fault.log.read_text().count("INJECTED")
    wait_until(lambda: fault.log.read_text().count("INJECTED") > tries + 2, 10, "it tries again")
    assert snapshot(shop.host, "wire")[0] == before[0]
    assert snapshot(shop.host, "wire")[3] == before[3]
    problem, = problems(shop.saklar, "undo list")
    assert "no netdev is changed" in problem["text"]
    fault.end()
    wait_until(lambda: shop.host.link("wire")["mtu"] == 1400, 40, "attached by itself")
    wait_until(lambda: not problems(shop.saklar, "undo list"), 10, "no problem any more")
    shop.saklar("vif", "del", "wire")
    assert snapshot(shop.host, "wire") == before


@pytest.mark.parametrize("name", ["conf", "resolv"])
@pytest.mark.parametrize("inject", [f for f in FAULTS if "fsync" not in f])
def test_dnsmasq_s_files_that_cannot_be_written_are_said_and_written_later(shop, inject, name):
    path = shop.saklar.run_dir / f"dnsmasq-dh.{name}"
    fault = Fault(shop, inject, path, f"{path}.new")
    shop.saklar("network", "add", "dh", "--mode", "bridge", "--subnet", "10.93.0.0/24", "--dhcp")
    network = shop.saklar.network("dh")
    assert network["state"] == "failed" and f"dnsmasq-dh.{name}" in network["reason"], network
    problem, = problems(shop.saklar, "network dh")
    assert problem["cure"]
    assert not list(shop.saklar.run_dir.glob("*.new")), "no half file is left"
    fault.end()
    wait_until(lambda: shop.saklar.network("dh")["state"] == "up", 15, "up by itself")
    wait_until(lambda: shop.host.listens(67, udp=True), 10, "dnsmasq serves")
    shop.saklar("network", "del", "dh")


LEASES = {
    "noise": bytes(range(256)) * 400,
    "cut": b"1900000000 52:54:00:00:00:05 10.94.0.50 gue",
    "wrong fields": b"9" * 100000 + b"\na b c d e f g\n\n\n-1 zz:zz 999.1.1.1 * *\nduid 00\n",
}


@pytest.mark.parametrize("how", LEASES)
def test_a_damaged_lease_file_keeps_nobody_from_an_address(shop, how):
    leases = shop.saklar.state_dir / "leases"
    leases.mkdir(exist_ok=True)
    (leases / "dl").write_bytes(LEASES[how])
    shop.saklar("network", "add", "dl", "--mode", "bridge", "--subnet", "10.94.0.0/24", "--dhcp")
    guest = shop.guest(f"l{list(LEASES).index(how)}", "dl", "host")
    try:
        done = guest.run("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true",
                         "-t", "10", "-T", "1", check=False, timeout=40)
        assert "lease of 10.94.0." in done.stdout + done.stderr, done
        assert shop.saklar.network("dl")["state"] == "up", shop.saklar.network("dl")
    finally:
        shop.saklar("vif", "del", guest.name)
        shop.saklar("network", "del", "dl")
        shop.drop_guest(guest)
        (leases / "dl").unlink(missing_ok=True)


def test_a_lease_file_that_is_none_is_said_and_the_cure_works(shop):
    """A directory in its place: dnsmasq cannot start, the other networks are not touched."""
    path = shop.saklar.state_dir / "leases" / "dd"
    path.mkdir(parents=True)
    shop.saklar("network", "add", "dd", "--mode", "bridge", "--subnet", "10.95.0.0/24", "--dhcp")
    wait_until(lambda: "dnsmasq" in (shop.saklar.network("dd")["reason"] or ""), 10, "it is said")
    problem, = problems(shop.saklar, "network dd")
    assert f"dnsmasq needs {path} for its leases, which is no plain file: remove it" \
        in problem["text"] and problem["cure"], problem
    path.rmdir()
    wait_until(lambda: shop.saklar.network("dd")["state"] == "up", 30, "up by itself")
    shop.saklar("network", "del", "dd")


def test_stop_with_a_bad_list_is_no_crash_and_says_so(changed):
    for which in ("state/undo", "run/undo.copy"):
        flip(changed.saklar.dir / which)
    done = changed.host.run(BUILD / "saklard", "--stop", "--run-dir", changed.saklar.run_dir,
                            "--state-dir", changed.saklar.state_dir, env=changed.saklar.env)
    assert "undo_bad" in done.stderr + changed.saklar.tail(), done
    now = snapshot(changed.host, "wire")
    assert now[0] == 1400 and now[1:] == changed.before[1:]

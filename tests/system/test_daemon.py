# SPDX-License-Identifier: Apache-2.0
"""The daemon's life: take-over of a running engine, restarts, instances side by side.

      guests a, b (netdev, host) -- network lan -- instance "saklar" (and others beside it)
"""

import json
import os
import signal
import socket
import stat

import pytest

from lib.instance import BUILD
from lib.traffic import ping, wait_ping
from lib.wait import wait_until


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.26.0.0/24", "--dhcp")
    return {"a": lab.guest("a", "lan", "netdev", addr="10.26.0.11/24"),
            "b": lab.guest("b", "lan", "host", addr="10.26.0.12/24")}


def configuration(saklar):
    keep = ("name", "type", "network", "mac", "mtu", "dev", "netns", "ifname", "subnets", "mode",
            "gateways", "dhcp", "leg_mac")
    return [{k: o.get(k) for k in keep} for o in
            saklar.json("network", "list") + saklar.json("vif", "list")]


def test_engine_runs_on_without_a_daemon_and_is_taken_over(lab, guests):
    wait_ping(guests["a"], "10.26.0.12")
    before, pid = configuration(lab.saklar), lab.saklar.engine_pid()
    rx = lab.saklar.vif("a")["rx_packets"]
    lab.saklar.kill_daemon()
    ping(guests["a"], "10.26.0.12", count=5)
    lab.saklar.start()
    engine = lab.saklar.json("status")["engine"]
    assert engine["pid"] == pid
    assert engine["taken_over"] is True
    assert configuration(lab.saklar) == before
    ping(guests["a"], "10.26.0.12")
    assert lab.saklar.vif("a")["rx_packets"] >= rx + 5, "counters go on"


def test_polite_end_of_the_daemon_leaves_the_engine_running(lab, guests):
    pid = lab.saklar.engine_pid()
    assert lab.saklar.stop() == 0
    assert lab.host.pid_alive(pid)
    ping(guests["a"], "10.26.0.12")
    lab.saklar.start()
    assert lab.saklar.engine_pid() == pid


def test_dead_engine_is_replaced_and_counters_and_fdb_are_kept(lab, guests):
    wait_ping(guests["a"], "10.26.0.12")
    fdb = {m: e["vif"] for m, e in lab.saklar.fdb("lan").items()}
    rx = lab.saklar.vif("a")["rx_packets"]
    pid = lab.saklar.kill_engine()
    lab.saklar.wait_engine(other_than=pid)
    assert lab.saklar.json("status")["engine"]["restarts"] >= 1
    assert {m: e["vif"] for m, e in lab.saklar.fdb("lan").items()}.items() >= fdb.items()
    wait_ping(guests["a"], "10.26.0.12")
    assert lab.saklar.vif("a")["rx_packets"] > rx


def test_both_dead_is_a_cold_start_with_the_same_configuration(lab, guests):
    before = configuration(lab.saklar)
    engine = lab.saklar.engine_pid()
    lab.saklar.daemon.send_signal(signal.SIGKILL)
    lab.host.kill(engine)
    lab.saklar.daemon.wait()
    lab.saklar.start()
    assert configuration(lab.saklar) == before
    for name in guests:
        lab.saklar.wait_vif(name)
    wait_until(lambda: guests["b"].has_link("eth0"), 5)
    guests["b"].ip("link", "set", "eth0", "up")
    if not guests["b"].addresses("eth0"):
        guests["b"].ip("addr", "add", "10.26.0.12/24", "dev", "eth0")
    wait_ping(guests["a"], "10.26.0.12")


def test_stopped_engine_is_not_the_end_of_the_daemon(lab, guests):
    """An engine that does not answer delays verbs for a while but never the daemon's reads."""
    pid = lab.saklar.engine_pid()
    lab.host.kill(pid, signal.SIGSTOP)
    try:
        assert lab.saklar.json("vif", "list")
    finally:
        lab.host.kill(pid, signal.SIGCONT)
    wait_ping(guests["a"], "10.26.0.12")


def test_change_is_durable_before_the_verb_answers(lab, guests):
    lab.network("durable", "--subnet", "10.27.0.0/24")
    lab.saklar.kill_daemon()
    lab.saklar.start()
    assert lab.saklar.network("durable")["subnets"] == ["10.27.0.0/24"]
    lab.saklar("network", "del", "durable")
    lab.saklar.kill_daemon()
    lab.saklar.start()
    assert "durable" not in [n["name"] for n in lab.saklar.json("network", "list")]


def test_generated_macs_are_kept_over_restarts(lab, guests):
    mac, leg = lab.saklar.vif("b")["mac"], lab.host.mac("lan")
    assert mac.startswith("52:54:00:")
    assert guests["b"].mac("eth0") == mac
    lab.saklar.kill_daemon()
    lab.saklar.start()
    assert lab.saklar.vif("b")["mac"] == mac
    assert lab.host.mac("lan") == leg


def test_instances_run_side_by_side(lab, guests):
    others = [lab.second_instance(f"i{i}") for i in range(2)]
    for i, other in enumerate(others):
        other("network", "add", f"net{i}", "--subnet", f"10.28.{i}.0/24", "--dhcp")
        guest = lab.guest(f"side{i}", f"net{i}", "netdev", saklar=other,
                          addr=f"10.28.{i}.11/24")
        wait_ping(guest, f"10.28.{i}.1")
    tables = lab.host.out("nft", "list", "tables")
    assert tables.count("inet saklar") == 3, tables
    assert len({s.engine_pid() for s in [lab.saklar, *others]}) == 3
    assert [v["name"] for v in others[0].json("vif", "list")] == ["side0"]
    ping(guests["a"], "10.26.0.12")
    for i, other in enumerate(others):
        other("vif", "del", f"side{i}")
        other("network", "del", f"net{i}")
        assert other.stop() == 0
    ping(guests["a"], "10.26.0.12")


def test_sockets_have_the_modes_of_their_roles(lab, guests):
    for name in ("ro.sock", "cap.sock", "rw.sock"):
        st = os.stat(lab.saklar.run_dir / name)
        assert stat.S_ISSOCK(st.st_mode)
        assert not st.st_mode & stat.S_IWOTH, f"{name} is open to everybody"


def rpc(path, method, params=None):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(10)
    s.connect(str(path))
    s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                          "params": params or {}}).encode() + b"\n")
    text = b""
    while not text.endswith(b"\n"):
        text += s.recv(65536)
    s.close()
    return json.loads(text)


def test_read_only_socket_refuses_to_write(lab, guests):
    for sock in ("ro.sock", "cap.sock"):
        answer = rpc(lab.saklar.run_dir / sock, "vif.del", {"name": "a"})
        assert "error" in answer, answer
    assert lab.saklar.vif("a")
    assert "result" in rpc(lab.saklar.run_dir / "ro.sock", "vif.list")


def test_ready_and_stopping_are_told_to_systemd(lab):
    """READY=1 comes when the daemon serves; STOPPING=1 before it ends."""
    other = lab.second_instance("notify", start=False)
    path = lab.workdir / "notify.sock"
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(str(path))
    s.settimeout(15)
    env = dict(other.env, NOTIFY_SOCKET=str(path))
    other.start(wait=False, env=env)
    said = b""
    while b"READY=1" not in said:
        said += s.recv(4096) + b"\n"
    assert other.run("status").returncode == 0
    other.daemon.send_signal(signal.SIGTERM)
    while b"STOPPING=1" not in said:
        said += s.recv(4096) + b"\n"
    s.close()
    assert other.daemon.wait() == 0


def test_engine_starts_whatever_directories_the_environment_names(lab):
    """systemd sets RUNTIME_DIRECTORY, a login session XDG_RUNTIME_DIR; the engine's root is empty."""
    other = lab.second_instance("environ", start=False)
    other.start("--stop-engine", env=dict(other.env, RUNTIME_DIRECTORY="/run/saklar",
                                          XDG_RUNTIME_DIR="/run/user/0", HOME="/root"))
    assert other.json("status")["engine"]["restarts"] == 0
    assert other.stop() == 0


def test_capabilities_of_the_engine_are_none(lab, guests):
    status = lab.host.read(f"/proc/{lab.saklar.engine_pid()}/status")
    field = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(field[name], 16) == 0, (name, field[name])
    assert field["NoNewPrivs"].strip() == "1"
    assert field["Seccomp"].strip() == "2"
    assert field["Uid"].split()[0] != "0"


def test_engine_has_an_empty_network_namespace_of_its_own(lab, guests):
    pid = lab.saklar.engine_pid()
    net = lab.host.out("readlink", f"/proc/{pid}/ns/net").strip()
    assert net != lab.host.out("readlink", "/proc/1/ns/net").strip()
    links = lab.host.out("nsenter", "-t", pid, "-n", "ip", "-br", "link").split("\n")
    assert [line.split()[0] for line in links if line.strip()] == ["lo"] or len(links) <= 4


def test_version_and_help(lab):
    for program in ("saklar", "saklard"):
        done = lab.host.run(BUILD / program, "--version", check=False, env=lab.saklar.env)
        assert done.returncode == 0, (program, done.stderr)
        assert "0.1" in done.stdout
    assert "--run-dir" in lab.host.out(BUILD / "saklard", "--help", env=lab.saklar.env)

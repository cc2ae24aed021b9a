# SPDX-License-Identifier: Apache-2.0
"""The CLI against a daemon that only pretends: exit codes, errors, JSON, help, captures."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))

from fake_saklard import (IN, OUT, FakeSaklard, RpcError, program,  # noqa: E402
                          wait_until)

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
             "vifs": ["web0", "db0"], "leg": {"rx_packets": 1}}]
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
        "neighbour.list": NEIGHBOURS, "route.list": ROUTES, "connection.list": CONNECTIONS,
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


# Exit codes


def test_no_daemon_is_exit_3_and_says_how_to_start_one(tmp_path):
    for words in (["status"], ["vif", "list"], ["vif", "del", "x"], ["capture", "--drops"],
                  ["vif", "add", "x", "--network", "lan", "--type", "tap"]):
        done = run("--run-dir", str(tmp_path), *words)
        assert done.returncode == 3, (words, done)
        assert f"saklard --run-dir {tmp_path}" in done.stderr
        assert done.stdout == ""


def test_run_dir_of_the_environment_is_taken(daemon):
    assert run("status", env={"SAKLAR_RUN_DIR": str(daemon.run_dir)}).returncode == 0


def test_refusal_is_exit_1_with_the_daemon_s_words(daemon):
    def refuse(_params):
        raise RpcError("mode nat comes with the next version", "network.lan.mode")
    daemon.answers["network.add"] = refuse
    done = daemon.run("network", "add", "lan", "--mode", "nat")
    assert done.returncode == 1
    assert done.stderr == "saklar: network.lan.mode: mode nat comes with the next version\n"
    assert daemon.run("vif", "show", "nobody").returncode == 1


@pytest.mark.parametrize("words, hint", [
    (["nettwork", "list"], "did you mean 'saklar network'"),
    (["network"], "needs a verb"),
    (["vif", "lst"], "did you mean 'saklar vif list'"),
    (["xyzzy"], "--help"),
    (["vif", "add", "x", "--netwrk", "lan"], "did you mean --network"),
    (["vif", "add", "x", "--network", "lan"], "--type"),
    (["vif", "add"], "NAME is missing"),
    (["vif", "set", "web0"], "nothing to change"),
    (["vif", "set", "web0", "--type", "tap"], "delete the vif"),
    (["network", "add", "x", "--mode", "bidge"], "bridge"),
    (["status", "now"], "unexpected word"),
    (["capture"], "--drops"),
    (["capture", "web0", "tcp prt 80"], "^"),
    (["capture", "web0", "-c", "x"], "number"),
    (["--run-dir"], "--run-dir"),
    (["drops", "-f", "--json"], "exclude"),
    ([], "Usage"),
])
def test_usage_errors_are_exit_2_with_a_hint_and_reach_nobody(daemon, words, hint):
    done = daemon.run(*words) if "--run-dir" not in words else run(*words)
    assert done.returncode == 2, done
    assert hint in done.stderr
    assert done.stdout == ""
    assert daemon.calls == []


def test_daemon_that_dies_before_it_answers_is_exit_3(daemon):
    def die(_params):
        daemon.close()
        raise OSError
    daemon.answers["vif.del"] = die
    done = daemon.run("vif", "del", "web0")
    assert done.returncode == 3
    assert "hung up" in done.stderr


def test_answers_that_make_no_sense_crash_nothing(daemon):
    for nonsense in (None, 5, "x", [], [1, "a", None, []], {"a": {"b": {"c": 1}}}, {"name": 5},
                     [{"name": 1, "vifs": {}, "subnets": [1], "rx_packets": "x", "state": []}]):
        for method in list(daemon.answers):
            daemon.answers[method] = nonsense
        for words in (["status"], ["vif", "list"], ["network", "list"], ["vif", "show", "x"],
                      ["fdb", "list"], ["drops"], ["worker", "list"], ["vif", "qemu-args", "x"]):
            assert daemon.run(*words).returncode in (0, 1), (nonsense, words)


# Reads


@pytest.mark.parametrize("words, method", [
    (["status"], "status"), (["vif", "list"], "vif.list"), (["network", "list"], "network.list"),
    (["vif", "show", "web0"], "vif.show"), (["network", "show", "lan"], "network.show"),
    (["fdb", "list"], "fdb.list"), (["drops"], "drops"), (["worker", "list"], "worker.list"),
    (["forward", "list"], "forward.list"), (["neighbour", "list"], "neighbour.list"),
    (["route", "list"], "route.list"), (["connection", "list"], "connection.list"),
    (["export"], "export")])
def test_json_is_what_the_daemon_gave(daemon, words, method):
    done = daemon.run(*words, "--json")
    assert done.returncode == 0
    want = daemon.answers[method]
    assert json.loads(done.stdout) == (want({"name": words[-1]}) if callable(want) else want)


def test_tables_are_aligned_and_harmless(daemon):
    lines = daemon.run("vif", "list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "TYPE", "NETWORK", "STATE", "MAC", "RX", "TX", "DROPS",
                                "REASON"]
    assert lines[1].index("tap") == lines[2].index("netdev") == lines[0].index("TYPE")
    assert "123.4 M" not in lines[1] and "123 M" in lines[1]
    assert "no device \\x1b[31meth9" in lines[2]


def test_status_shows_problems_with_their_cure(daemon):
    out = daemon.run("status").stdout
    assert "pid 11" in out and "restarts 1" in out
    assert "vif db0: no device eth9" in out and "cure: create it" in out


def test_drops_of_one_vif(daemon):
    assert "link_down" in daemon.run("drops", "--vif", "db0").stdout
    done = daemon.run("drops", "--vif", "web0")
    assert done.returncode == 0 and "no packets were dropped" in done.stderr


def test_drops_follow_prints_what_grew(daemon):
    count = [3]

    def drops(_params):
        count[0] += 2
        return [{"vif": "db0", "network": "lan", "reason": "link_down", "packets": count[0]}]
    daemon.answers["drops"] = drops
    with daemon.start("drops", "-f") as child:
        assert b"+2" in child.stdout.readline()
        child.terminate()


def test_colours_only_on_a_terminal_and_without_no_color(daemon):
    def on_terminal(env):
        main, sub = pty.openpty()
        with daemon.start("vif", "list", stdout=sub, env=dict(os.environ, **env)) as child:
            os.close(sub)
            child.wait(30)
            text = os.read(main, 65536)
        os.close(main)
        return text
    assert b"\x1b[32mup" in on_terminal({"NO_COLOR": "", "TERM": "xterm"})
    assert b"\x1b" not in on_terminal({"NO_COLOR": "1", "TERM": "xterm"})
    assert b"\x1b" not in on_terminal({"NO_COLOR": "", "TERM": "dumb"})
    assert b"\x1b" not in on_terminal({"NO_COLOR": "", "TERM": ""})
    assert "\x1b" not in daemon.run("vif", "list").stdout


@pytest.mark.parametrize("words", [["vif", "list"], ["vif", "list", "--json"]])
@pytest.mark.parametrize("n", [2, 2000])
def test_a_full_disk_behind_the_output_is_an_error(daemon, words, n):
    daemon.answers["vif.list"] = (VIFS * n)[:n]
    with open("/dev/full", "wb") as full, daemon.start(*words, stdout=full) as child:
        assert child.wait(30) == 1
        assert b"cannot write the output: No space left" in child.stderr.read()


@pytest.mark.parametrize("words", [["vif", "list"], ["network", "show", "lan"], ["status"]])
def test_a_reader_that_has_seen_enough_hears_no_complaint(daemon, words):
    daemon.answers["vif.list"] = VIFS * 2000
    with daemon.start(*words) as child:
        child.stdout.close()
        assert child.wait(30) in (0, -signal.SIGPIPE)
        assert child.stderr.read() == b""


def test_tables_do_not_depend_on_locale_or_width(daemon):
    want = daemon.run("vif", "list").stdout
    for env in ({"COLUMNS": "10"}, {"LC_ALL": "tr_TR.UTF-8"}, {"LC_ALL": "C"}, {"TERM": ""}):
        with daemon.start("vif", "list", env=dict(os.environ, **env)) as child:
            assert child.communicate(timeout=30)[0].decode() == want


# Changes


def test_flags_become_parameters_of_the_schema(daemon):
    done = daemon.run("network", "add", "lan", "--mode", "isolated", "--subnet", "10.0.0.0/24",
                      "--subnet", "fd00::/64", "--dhcp", "--mtu", "9000")
    assert done.returncode == 0, done.stderr
    assert daemon.params_of("network.add") == {
        "name": "lan", "mode": "isolated", "subnets": ["10.0.0.0/24", "fd00::/64"], "dhcp": True,
        "mtu": 9000}
    assert daemon.run("vif", "set", "web0", "--down").returncode == 0
    assert daemon.params_of("vif.set") == {"name": "web0", "link": False}
    assert daemon.calls[-1][0] == "rw"


def test_object_that_is_not_up_yet_is_a_warning_with_the_reason(daemon):
    done = daemon.run("vif", "add", "db0", "--network", "lan", "--type", "netdev", "--dev", "eth9")
    assert done.returncode == 0
    assert done.stdout == ""
    assert "vif db0 is accepted but not up yet: waiting: no device \\x1b[31meth9" in done.stderr
    assert daemon.run("vif", "set", "web0", "--mtu", "1400").stderr == ""


def test_pending_is_waited_for(daemon):
    states = iter(["pending", "pending", "up"])
    daemon.answers["vif.show"] = lambda _: {"name": "web0", "state": next(states)}
    done = daemon.run("vif", "set", "web0", "--up")
    assert (done.returncode, done.stderr) == (0, "")


def test_del_of_several_names_deletes_nothing_when_one_is_not_there(daemon):
    def show(params):
        if params["name"] == "b":
            raise RpcError("there is no vif b")
        return {"name": params["name"], "state": "up"}
    daemon.answers["vif.show"] = show
    daemon.answers["vif.del"] = lambda _: {"generation": 1}
    assert daemon.run("vif", "del", "a", "b", "c").returncode == 1
    assert not [m for _, m, _ in daemon.calls if m == "vif.del"]
    assert daemon.run("vif", "del", "a", "c").returncode == 0
    assert [p["name"] for _, m, p in daemon.calls if m == "vif.del"] == ["a", "c"]


def test_texts_for_vmms(daemon):
    out = daemon.run("vif", "qemu-args", "web0").stdout
    assert "ifname=web0,script=no,downscript=no" in out and "queues=2" in out
    assert "<target dev='web0' managed='no'/>" in daemon.run("vif", "libvirt-xml", "web0").stdout
    done = daemon.run("vif", "qemu-args", "db0")
    assert done.returncode == 1 and "--type tap" in done.stderr and done.stdout == ""


# Router


@pytest.mark.parametrize("words, params", [
    (["lan", "tcp", "8080", "10.0.0.2:80"],
     {"network": "lan", "proto": "tcp", "port": 8080, "address": "10.0.0.2", "target_port": 80}),
    (["lan", "udp", "53", "10.0.0.2"],
     {"network": "lan", "proto": "udp", "port": 53, "address": "10.0.0.2"}),
    (["lan", "tcp", "80", "fd00::2"],
     {"network": "lan", "proto": "tcp", "port": 80, "address": "fd00::2"}),
    (["lan", "tcp", "80", "[fd00::2]:8080"],
     {"network": "lan", "proto": "tcp", "port": 80, "address": "fd00::2", "target_port": 8080}),
    (["lan", "tcp", "80", "[fd00::2]"],
     {"network": "lan", "proto": "tcp", "port": 80, "address": "fd00::2"}),
])
def test_forward_add_says_it_as_it_is_thought(daemon, words, params):
    done = daemon.run("forward", "add", *words)
    assert done.returncode == 0, done.stderr
    assert daemon.params_of("forward.add") == params


@pytest.mark.parametrize("words, hint", [
    (["lan", "tcp", "http", "10.0.0.2"], "1 to 65535"),
    (["lan", "tcp", "0", "10.0.0.2"], "1 to 65535"),
    (["lan", "tcp", "65536", "10.0.0.2"], "1 to 65535"),
    (["lan", "tcp", "80", "10.0.0.2:"], "ADDR:PORT"),
    (["lan", "tcp", "80", "10.0.0.2:99999"], "ADDR:PORT"),
    (["lan", "tcp", "80", "[fd00::2"], "ADDR:PORT"),
    (["lan", "tcp", "80", "[fd00::2]x"], "ADDR:PORT"),
    (["lan", "tcp", "80"], "is missing"),
])
def test_a_forward_that_is_none_reaches_nobody(daemon, words, hint):
    done = daemon.run("forward", "add", *words)
    assert done.returncode == 2 and hint in done.stderr
    assert not daemon.calls


def test_forward_del_and_flush_say_which(daemon):
    assert daemon.run("forward", "del", "lan", "tcp", "8080").returncode == 0
    assert daemon.params_of("forward.del") == {"network": "lan", "proto": "tcp", "port": 8080}
    assert daemon.run("connection", "flush", "--vif", "web0").returncode == 0
    assert daemon.params_of("connection.flush") == {"vif": "web0"}
    assert daemon.run("neighbour", "flush", "--network", "lan").returncode == 0
    assert daemon.params_of("neighbour.flush") == {"network": "lan"}
    assert daemon.calls[-1][0] == "rw"


def test_tables_of_the_router(daemon):
    assert daemon.run("forward", "list").stdout.splitlines()[1].split() \
        == ["lan", "tcp", "8080", "10.0.0.2", "80"]
    assert daemon.run("neighbour", "list", "--network", "lan").stdout.splitlines()[1].split() \
        == ["10.0.0.2", "52:54:00:00:00:01", "lan", "guests", "reachable", "3", "0"]
    assert daemon.params_of("neighbour.list") == {"network": "lan"}
    assert daemon.run("route", "list").stdout.splitlines()[1].split() \
        == ["lan", "guests", "0.0.0.0/0", "via", "192.0.2.1", "lan", "uplink"]
    rows = daemon.run("connection", "list").stdout.splitlines()
    assert rows[1].split()[:7] == ["tcp", "established", "10.0.0.2:40000", "198.51.100.1:80",
                                   "192.0.2.2:40001", "-", "web0"]
    assert rows[1].split()[7:] == ["9", "900", "432", "k"]
    assert rows[2].split()[:6] == ["udp", "new", "[fd00::2]:1", "[fd00::3]:2", "-", "-"]


# The whole state


def test_export_is_yaml_that_apply_sends_back(daemon):
    out = daemon.run("export").stdout
    assert out.split("\n", 1)[1] == DOCUMENT_YAML and out.startswith("# ")
    for text in (out, daemon.run("export", "--json").stdout, json.dumps(DOCUMENT)):
        path = daemon.run_dir / "state"
        path.write_text(text)
        assert daemon.run("apply", str(path)).returncode == 0
        assert daemon.params_of("apply") == DOCUMENT
    assert daemon.calls[-2][0] == "rw"


def test_apply_reads_standard_input(daemon):
    done = subprocess.run(daemon.command("apply", "-"), input=DOCUMENT_YAML, capture_output=True,
                          text=True, check=False, timeout=30)
    assert done.returncode == 0 and daemon.params_of("apply") == DOCUMENT


def test_apply_tells_changes_and_what_is_not_up_yet(daemon, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(DOCUMENT_YAML)
    done = daemon.run("apply", str(path))
    assert done.stdout == "added vif web1\nchanged network lan\nchanged vif db0\n" \
        "deleted vif old\\x1b\n"
    assert done.stderr == "saklar: warning: vif db0 is accepted but not up yet: no device eth9\n"
    assert json.loads(daemon.run("apply", str(path), "--json").stdout) == APPLIED
    daemon.answers["apply"] = {"generation": 17, "added": [], "changed": [], "deleted": []}
    assert daemon.run("apply", str(path)).stdout == "nothing to change\n"


def test_a_refused_item_is_told_with_its_line(daemon, tmp_path):
    def refuse(_params):
        raise RpcError("subnets: 'x' is not right", "networks[0].subnets[0]")
    daemon.answers["apply"] = refuse
    path = tmp_path / "a.yaml"
    path.write_text(DOCUMENT_YAML)
    done = daemon.run("apply", str(path))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"saklar: {path}:5: networks[0].subnets[0]: subnets: 'x' is not right\n"


@pytest.mark.parametrize("text, words", [
    (b"networks:\n\t- x\n", "line 2, column 1: a tab"),
    (b"", "as 'saklar export' does"),
    (b"[]", "as 'saklar export' does"),
    (b"networks: 1\nnetworks: 2\n", "line 2, column 1: 'networks' is here for the second time"),
    (b"\x7fELF\x02\x01\x00\x00", "must be text in UTF-8"),
    ("#", "no description of networks"),  # 17 MiB of it
], ids=range(6))
def test_a_file_that_is_no_state_reaches_nobody(daemon, tmp_path, text, words):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"#" * (17 << 20) if text == "#" else text)
    done = daemon.run("apply", str(path))
    assert done.returncode == 1 and done.stderr.startswith(f"saklar: {path}: ")
    assert words in done.stderr
    assert not daemon.calls


def test_a_file_that_cannot_be_read_is_an_error(daemon, tmp_path):
    assert "No such file" in daemon.run("apply", str(tmp_path / "none")).stderr
    assert "Is a directory" in daemon.run("apply", str(tmp_path)).stderr
    assert daemon.run("apply", str(tmp_path)).returncode == 1


# Help, completion, manual


def test_every_verb_has_help_with_an_example():
    assert len(verbs()) >= 17
    for words in verbs():
        for line in ([*words, "--help"], ["help", *words]):
            done = run(*line)
            assert done.returncode == 0 and done.stderr == "", line
            assert "Example:\n  saklar " + " ".join(words) in done.stdout, line


def complete(daemon, *words):
    return daemon.run("__complete", "--", "--run-dir", str(daemon.run_dir), *words).stdout.split()


def test_completion_knows_verbs_flags_values_and_live_names(daemon):
    assert "network" in complete(daemon, "")
    assert complete(daemon, "vif", "qe") == ["qemu-args"]
    assert "--dhcp-range" in complete(daemon, "network", "add", "lan", "--d")
    assert "--type" not in complete(daemon, "vif", "set", "web0", "--")
    assert complete(daemon, "vif", "add", "x", "--type", "ne") == ["netdev", "netfront"]
    assert complete(daemon, "vif", "add", "x", "--network", "") == ["lan"]
    assert complete(daemon, "vif", "show", "") == ["web0", "db0"]
    assert complete(daemon, "capture", "") == ["web0", "db0", "lan"]
    assert complete(daemon, "capture", "web0", "-w", "") == ["@files"]
    assert complete(daemon, "vif", "add", "") == []


def test_completion_without_a_daemon_is_silent(tmp_path):
    done = run("__complete", "--", "--run-dir", str(tmp_path), "vif", "show", "")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bash_completion_uses_the_program(daemon):
    script = f"""
        source {ROOT}/tools/completion/saklar
        COMP_WORDS=({program()} --run-dir {daemon.run_dir} vif show we); COMP_CWORD=5
        _saklar; printf '%s\\n' "${{COMPREPLY[@]}}"
        """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["web0"], done


def test_manual_names_every_verb_and_flag():
    manual = (ROOT / "tools/man/saklar.1").read_text()
    for words in verbs():
        assert f"Nm Cm {' '.join(words)}" in manual or words == ["capture"], words
        for flag in run("__complete", "--", *words, "--").stdout.split():
            assert re.search(rf"Fl Fl {re.escape(flag[2:])}(?![\w-])", manual), (words, flag)


def flags_of_help(noun):
    """{"--mtu BYTES": "largest IP packet ..."} of the flags that come from the schema."""
    text = run(noun, "add", "--help").stdout
    text = text[text.index("\nFlags:\n") + 8:text.index("\nFlags of every verb:")]
    text = text.replace("Known, but refused in this version:\n", "")
    parts = re.split(r"^ {6}(--[a-z0-9-]+(?: \S+)?)", text, flags=re.M)[1:]
    return {flag: " ".join(doc.split()) for flag, doc in zip(parts[::2], parts[1::2])}


def flags_of_manual(noun):
    manual = (ROOT / "tools/man/saklar.1").read_text()
    section = manual[manual.index(f"\nThe flags of {noun}s:\n"):]
    section = section[:section.index("\n.El")]
    found = {}
    for item in section.split("\n.It Fl Fl ")[1:]:
        head, *lines = item.split("\n")
        head = re.sub(r" Ns Op Ar (\S+)", r"[\1]", head).replace(" Ar ", " ")
        # a part of the help is a sentence here, which may take several lines
        sentences = "\n".join(lines).rstrip(".").split(".\n")
        found[f"--{head}"] = "; ".join(" ".join(sentence.split()) for sentence in sentences)
    return found


@pytest.mark.parametrize("noun", ["network", "vif"])
def test_manual_says_of_each_flag_what_the_schema_says(noun):
    """Meaning, limits, default and reason of refusal, in the order of the schema."""
    helped, manual = flags_of_help(noun), flags_of_manual(noun)
    assert len(helped) > 10 and list(manual) == list(helped)
    for flag, doc in helped.items():
        assert manual[flag].casefold() == doc.casefold(), flag


@pytest.mark.parametrize("page", ["saklar.1", "saklard.8", "saklar-vswitch.8"])
def test_manual_pages_are_clean(page):
    path = str(ROOT / "tools/man" / page)
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path],
                          check=False, capture_output=True,
                          env=dict(os.environ, LC_ALL="C.UTF-8", MANROFFSEQ="", MANWIDTH="80"))
    assert done.stderr == b"" and done.returncode == 0
    if shutil.which("mandoc"):  # a stricter reader, where it is installed
        done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", path], check=False,
                              capture_output=True, text=True)
        assert done.stdout == "" and done.returncode == 0


# Captures


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
    for words, target, name in ((["lan"], "network", "lan"), (["--drops"], "drops", None)):
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
    assert b"damaged" in said
    assert [kind for kind, _ in blocks(path.read_bytes())].count(6) == 1


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

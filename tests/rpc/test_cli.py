# SPDX-License-Identifier: Apache-2.0
"""The CLI against a daemon that only pretends: exit codes, errors, JSON, changes, help."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess

import pytest

from cli_world import (APPLIED, DOCUMENT, DOCUMENT_YAML, ROOT, run, verbs, VIFS,
                       daemon_fixture)  # noqa: F401
from fake_saklard import RpcError, program

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
    assert ("the daemon hung up before it answered; whether the change was made is seen with "
            "'saklar status' once it runs again") in done.stderr


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
    (["stp", "show"], "stp.show"), (["export"], "export")])
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


def test_stages_are_what_a_second_has_added(daemon):
    asked = []

    def answer(params):
        asked.append(params)
        n = len(asked)
        return [{"worker": 0, "measured_packets": 10 * n,
                 "stages": [{"stage": "RX", "cycles": 1000 * n},
                            {"stage": "PARSE", "cycles": 55 * n}]}]
    daemon.answers["worker.list"] = answer
    lines = daemon.run("worker", "list", "--stages").stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [["0", "RX", "100.0", "10"],
                                                    ["0", "PARSE", "5.5", "10"]]
    assert asked == [{"stages": True}] * 2
    rows = json.loads(daemon.run("worker", "list", "--stages", "--json").stdout)
    assert rows[0]["stages"][1] == {"stage": "PARSE", "cycles": 55, "cycles_per_packet": 5.5}
    daemon.answers["worker.list"] = [5, {"stages": 7}, {"stages": [None, {"stage": 8}]}]
    assert daemon.run("worker", "list", "--stages").returncode == 0


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
    (["lan", "tcp", "80", "vif:web0"],
     {"network": "lan", "proto": "tcp", "port": 80, "vif": "web0"}),
    (["lan", "tcp", "80-89", "vif:web0:8080"],
     {"network": "lan", "proto": "tcp", "port": 80, "last_port": 89, "vif": "web0",
      "target_port": 8080}),
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
    (["lan", "tcp", "80", "vif:web0:x"], "vif:NAME:PORT"),
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
    assert daemon.run("route", "add", "lan", "10.9.0.0/16", "10.0.0.5").returncode == 0
    assert daemon.params_of("route.add") == {"network": "lan", "prefix": "10.9.0.0/16",
                                             "via": "10.0.0.5"}
    assert daemon.run("route", "del", "lan", "10.9.0.0/16").returncode == 0
    assert daemon.params_of("route.del") == {"network": "lan", "prefix": "10.9.0.0/16"}
    assert daemon.run("connection", "flush", "--vif", "web0").returncode == 0
    assert daemon.params_of("connection.flush") == {"vif": "web0"}
    assert daemon.run("neighbour", "flush", "--network", "lan").returncode == 0
    assert daemon.params_of("neighbour.flush") == {"network": "lan"}
    assert daemon.calls[-1][0] == "rw"


def test_connection_list_says_which(daemon):
    assert daemon.run("connection", "list", "--proto", "tcp", "--address", "10.0.0.0/24", "--port",
                      "443", "--state", "established", "--nat", "source").returncode == 0
    assert daemon.params_of("connection.list") == {
        "proto": "tcp", "address": "10.0.0.0/24", "port": 443, "state": "established",
        "nat": "source"}


def test_tables_of_the_router(daemon):
    assert daemon.run("forward", "list").stdout.splitlines()[1].split() \
        == ["lan", "tcp", "8080", "10.0.0.2", "80", "-"]
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


def test_spanning_trees_are_told_bridge_by_bridge(daemon):
    rows = daemon.run("stp", "show", "--network", "lan").stdout.splitlines()
    assert daemon.params_of("stp.show") == {"network": "lan"}
    assert rows[0] == "lan: rstp, bridge 8000.525400000001, root 1000.525400000002 by up0 at cost 2000"
    assert rows[1] == ("  hello 2 s, max age 20 s, forward delay 15 s, 3 topology changes, "
                       "the last one 42 s ago")
    assert rows[3].split() == ["web0", "designated", "forwarding", "2000", "128",
                               "8000.525400000001", "0", "0", "0", "7", "edge"]
    assert rows[4].split()[-1] == "stp" and rows[5].split()[-1] == "bpdu-guard"
    daemon.answers["stp.show"] = []
    assert "--stp rstp" in daemon.run("stp", "show").stderr


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
    assert complete(daemon, "capture", "") == ["web0", "db0", "lan", "up-lan"]
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

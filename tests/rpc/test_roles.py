# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the socket gives the role; every write is logged with its caller."""
import os
import re
import stat
import subprocess

import pytest

from daemon import HERE, SAKLARD, Refused

RO = {"status", "network.list", "network.show", "vif.list", "vif.show", "fdb.list", "drops",
      "worker.list", "schema", "history", "export", "forward.list", "neighbour.list", "route.list",
      "lease.list", "connection.list", "mdb.list", "mirror.list", "stp.show"}
CAP = {"capture.open", "capture.close"}
RW = {"network.add", "network.set", "network.del", "vif.add", "vif.set", "vif.del", "fdb.flush",
      "mdb.add", "mdb.del", "fdb.add", "fdb.del", "apply", "forward.add", "forward.del",
      "mirror.add", "mirror.del", "route.add", "route.del",
      "neighbour.flush", "connection.flush", "daemon.stop"}


def documentation():
    return subprocess.run([SAKLARD, "--dump-rpc-doc"], check=True, capture_output=True,
                          text=True).stdout


def test_the_table_of_roles_is_complete():
    assert set(re.findall(r"^### (\S+)$", documentation(), re.M)) == RO | CAP | RW


def test_docs_rpc_md_is_what_the_tables_say():
    with open(os.path.join(HERE, "..", "..", "docs", "rpc.md"), encoding="utf-8") as f:
        assert f.read() == documentation(), "run saklard --dump-rpc-doc > docs/rpc.md"


@pytest.mark.parametrize("role, allowed", [("ro", RO), ("cap", RO | CAP), ("rw", RO | CAP | RW)])
def test_each_method_on_each_socket(daemon, role, allowed):
    client = daemon.client(role)
    for method in sorted((RO | CAP | RW) - {"daemon.stop"}):
        try:
            client.call(method)
            refusal = None
        except Refused as e:
            refusal = e
        is_forbidden = refusal is not None and refusal.code == -32003
        assert is_forbidden == (method not in allowed), (method, refusal)
        if is_forbidden:
            assert "rw.sock" in refusal.message and refusal.errno_name == "EACCES"


def test_only_rw_may_stop_the_daemon(daemon):
    for role in ("ro", "cap"):
        with pytest.raises(Refused) as e:
            daemon.client(role).call("daemon.stop")
        assert e.value.code == -32003
    daemon.client().call("daemon.stop")
    assert daemon.child.wait(20) == 0


def test_modes_of_the_sockets(daemon):
    for role, mode in (("ro", 0o660), ("cap", 0o660), ("rw", 0o600)):
        assert stat.S_IMODE(os.stat(daemon.socket(role)).st_mode) == mode


def test_every_write_is_logged_with_its_caller(daemon):
    client = daemon.client()
    client.call("network.add", name="lab")
    with pytest.raises(Refused):
        client.call("network.add", name="lab")
    with pytest.raises(Refused):
        client.call("network.del", name="x\ny")
    lines = [line for line in daemon.log().splitlines() if "event=write" in line]
    assert len(lines) == 3
    for line in lines:
        assert f"uid={os.getuid()} gid={os.getgid()} pid={os.getpid()}" in line
    assert "result=ok" in lines[0] and "result=refused" in lines[1]
    assert "name=x?y" in lines[2]


def test_history_says_who_changed_what(daemon):
    client = daemon.client()
    client.call("network.add", name="lab", mtu=9000)
    client.call("network.set", name="lab", mtu=1500)
    rows = daemon.client("ro").call("history")
    assert [row["method"] for row in rows] == ["network.set", "network.add"]
    assert rows[1]["params"] == {"name": "lab", "mtu": 9000}
    assert all(row["uid"] == os.getuid() and row["pid"] == os.getpid() for row in rows)


def test_a_capture_brings_two_fds_and_ends_with_its_connection(daemon):
    daemon.client().call("network.add", name="lab")
    client = daemon.client("cap")
    result = client.call("capture.open", target="network", name="lab", ring_size=1 << 20,
                         filter=[[6, 0, 0, 65535]])
    assert result["ring_size"] == 1 << 20
    assert len(client.fds) == 2
    assert os.fstat(client.fds[0]).st_size >= 1 << 20
    client.call("capture.close", capture_id=result["capture_id"])
    with pytest.raises(Refused) as e:
        client.call("capture.close", capture_id=result["capture_id"])
    assert "no such capture" in e.value.message
    for _ in range(8):  # more than there can be at once: each ends with its connection
        one = daemon.client("cap")
        one.call("capture.open", target="drops")
        one.close()
        daemon.clients.remove(one)


@pytest.mark.parametrize("params, words", [
    ({}, "one of vif, network, drops"),
    ({"target": "vif"}, "name is missing"),
    ({"target": "vif", "name": "nobody"}, "saklar vif list"),
    ({"target": "drops", "snaplen": 0}, "from 1 to"),
    ({"target": "drops", "ring_size": 300000}, "power of two"),
    ({"target": "drops", "filter": [[1, 2, 3]]}, "instruction 0"),
    ({"target": "drops", "filter": [[70000, 0, 0, 0]]}, "instruction 0"),
    ({"target": "drops", "filter": [[6, 0, 0, 0]] * 513}, "at most 512"),
    ({"target": "drops", "colour": 1}, "unknown here"),
])
def test_a_bad_capture_is_refused_without_fds(daemon, params, words):
    client = daemon.client("cap")
    with pytest.raises(Refused) as e:
        client.call("capture.open", **params)
    assert words in e.value.message
    assert not client.fds

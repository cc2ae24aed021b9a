# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC 2.0 on the wire: what is no request, too much, too slow, or half."""
import json
import os
import resource
import socket
import time

import pytest

from daemon import Refused, wait_until

STATUS = b'{"jsonrpc":"2.0","id":1,"method":"status"}'
MIB = 1 << 20


@pytest.mark.parametrize("line, code, words", [
    (b"x", -32700, "not JSON (column "),
    (b"", -32700, "not JSON"),
    (b"{", -32700, "not JSON"),
    (b'{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"status"}', -32700, "duplicate"),
    (b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}', -32700, "not JSON"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a\\u0000b"}', -32700, "not JSON"),
    (b"[" * 5000, -32700, "not JSON"),
    (b"1", -32600, "not a JSON-RPC 2.0 request"),
    (b"null", -32600, "not a JSON-RPC 2.0 request"),
    (b"{}", -32600, "not a JSON-RPC 2.0 request"),
    (b'{"jsonrpc":"1.0","id":1,"method":"status"}', -32600, "JSON-RPC 2.0"),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600, "JSON-RPC 2.0"),
    (b'{"jsonrpc":"2.0","id":{},"method":"status"}', -32600, "JSON-RPC 2.0"),
    (b"[]", -32600, "a batch holds 1 to 64"),
    (b"[" + b",".join([STATUS] * 65) + b"]", -32600, "a batch holds 1 to 64"),
    (b'{"jsonrpc":"2.0","id":1,"method":"vif.explode"}', -32601, "docs/rpc.md"),
    (b'{"jsonrpc":"2.0","id":1,"method":"status","params":[1]}', -32602, "named fields"),
    (b'{"jsonrpc":"2.0","id":1,"method":"status","params":{"x":1}}', -32602, "takes no fields"),
    (b'{"jsonrpc":"2.0","id":1,"method":"vif.show"}', -32602, "name is missing"),
    (b'{"jsonrpc":"2.0","id":1,"method":"vif.show","params":{"name":1}}', -32602, "a string"),
    (b'{"jsonrpc":"2.0","id":1,"method":"vif.show","params":{"nome":"a"}}', -32602, "allowed: name"),
    (b'{"jsonrpc":"2.0","id":1,"method":"vif.show","params":{"name":"a"}}', -32001,
     "saklar vif list"),
    (b'{"jsonrpc":"2.0","id":1,"method":"history","params":{"max":0}}', -32602, "from 1 to 1000"),
])
def test_what_is_no_request_is_refused_and_the_connection_lives(daemon, line, code, words):
    client = daemon.client()
    answer = client.ask(line)
    assert answer["error"]["code"] == code
    assert words in answer["error"]["message"]
    if code == -32700:
        assert "send one JSON text a line" in answer["error"]["message"]
    assert client.call("status")["networks"] == 0


def test_an_id_comes_back_as_it_was(daemon):
    client = daemon.client("ro")
    for ident in ("text", 7, -1.5, None):
        request = {"jsonrpc": "2.0", "id": ident, "method": "status"}
        assert client.ask(json.dumps(request).encode())["id"] == ident


def test_a_batch_is_answered_as_a_batch(daemon):
    client = daemon.client()
    answers = client.ask(b"[" + STATUS + b', 7, {"jsonrpc":"2.0","method":"status"}]')
    assert len(answers) == 2  # the last one is a notification
    assert "result" in answers[0] and answers[1]["error"]["code"] == -32600


def test_a_batch_of_notifications_has_no_answer(daemon):
    client = daemon.client()
    client.send(b'[{"jsonrpc":"2.0","method":"status"}]\n')
    assert client.call("status")["vifs"] == 0  # the next line is the answer to this one


def test_a_notification_runs_without_answer(daemon):
    client = daemon.client()
    client.send(b'{"jsonrpc":"2.0","method":"network.add","params":{"name":"quiet"}}\n')
    assert client.call("network.show", name="quiet")["name"] == "quiet"


def test_requests_in_one_packet_are_answered_in_order(daemon):
    client = daemon.client()
    client.send(b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"status"}\n' % i for i in range(200)))
    assert [client.line()["id"] for _ in range(200)] == list(range(200))


def test_half_a_message_waits_for_its_other_half(daemon):
    slow, quick = daemon.client(), daemon.client()
    for i in range(len(STATUS)):
        slow.send(STATUS[i:i + 1])
        if i % 10 == 0:
            assert quick.call("status")
    assert slow.ask(b"")["id"] == 1


def test_a_message_of_one_mib_is_taken(daemon):
    client = daemon.client()
    line = STATUS + b" " * (MIB - len(STATUS))
    assert "result" in client.ask(line)
    assert "result" in client.ask(STATUS)


@pytest.mark.parametrize("role, mib", [("ro", 1), ("cap", 1), ("rw", 16)])
@pytest.mark.parametrize("extra", [1, 5 * MIB])
def test_a_message_that_is_too_long_is_refused_and_the_client_closed(daemon, role, mib, extra):
    client = daemon.client(role)
    try:
        client.send(STATUS + b" " * (mib * MIB - len(STATUS) + extra) + b"\n")
    except (BrokenPipeError, ConnectionResetError):
        pass
    answer = client.line()
    assert answer["error"]["code"] == -32600
    assert f"longer than {mib} MiB: send smaller requests" in answer["error"]["message"]
    assert client.is_closed()
    assert daemon.client().call("status")


def test_an_endless_line_is_refused_before_its_end(daemon):
    client = daemon.client("ro")
    try:
        client.send(b"x" * (MIB + 70000))
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert "longer than 1 MiB" in client.line()["error"]["message"]


@pytest.mark.parametrize("role", ["ro", "cap", "rw"])
def test_64_clients_are_served_and_the_65th_is_told(daemon, role):
    clients = []
    wait_until(lambda: daemon.client("rw").call("status"), "it serves")
    for client in daemon.clients:
        client.close()
    daemon.clients.clear()
    for _ in range(64):
        clients.append(daemon.client(role))
        clients[-1].call("status")
    for client in clients:
        client.send(STATUS + b"\n")
    assert all(client.line()["id"] == 1 for client in clients)
    one_more = daemon.client(role)
    answer = one_more.line()
    assert answer["error"]["code"] == -32005
    assert "64 are connected to this socket; close one" in answer["error"]["message"]
    assert one_more.is_closed()
    other = "ro" if role == "rw" else "rw"  # nobody is locked out of the other sockets
    assert daemon.client(other).call("status")
    clients[0].close()
    daemon.clients.remove(clients[0])

    def is_let_in():
        client = daemon.client(role)
        client.send(STATUS + b"\n")
        return "result" in (client.line() or {})
    wait_until(is_let_in, "there is room again")


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def test_a_client_that_does_not_read_is_closed_and_costs_little(daemon):
    client = daemon.client()
    before = rss_kib(daemon.child.pid)
    client.sock.setblocking(False)
    request = b'{"jsonrpc":"2.0","id":1,"method":"schema"}\n' * 100
    end = time.monotonic() + 60
    closed = False
    while not closed and time.monotonic() < end:
        try:
            client.sock.send(request)
        except BlockingIOError:
            assert daemon.client("ro").call("status")
            daemon.clients.pop().close()
            time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            closed = True
    assert closed
    assert rss_kib(daemon.child.pid) - before < 32 << 10
    assert "does not read its answers" in daemon.log()


def test_a_client_that_reads_late_gets_all_answers(daemon):
    client = daemon.client()
    client.send(b'{"jsonrpc":"2.0","id":1,"method":"schema"}\n' * 200)
    assert all(client.line()["result"]["network"] for _ in range(200))


def test_clients_that_vanish_in_the_middle_do_no_harm(daemon):
    for _ in range(100):
        client = daemon.client()
        client.send(STATUS[:20])
        client.close()
        daemon.clients.clear()
    for _ in range(100):
        client = daemon.client()
        client.send(STATUS + b"\n" + STATUS)
        client.close()
        daemon.clients.clear()
    assert daemon.client().call("status")


def test_a_client_that_closed_its_writing_side_gets_all_answers(daemon):
    """As `printf ... | nc -NU` does; the last line may lack its newline."""
    client = daemon.client("ro")
    client.send((b'{"jsonrpc":"2.0","id":1,"method":"schema"}\n' * 200) + STATUS)
    client.sock.shutdown(socket.SHUT_WR)
    assert all(client.line()["result"]["network"] for _ in range(200))
    assert client.line()["result"]["daemon"]["pid"] == daemon.child.pid
    assert client.is_closed()


def test_a_request_cut_off_by_the_end_does_nothing(daemon):
    client = daemon.client()
    client.send(b'{"jsonrpc":"2.0","id":1,"method":"network.add","params":{"name":"lab"}')
    client.sock.shutdown(socket.SHUT_WR)
    assert client.line()["error"]["code"] == -32700
    assert client.is_closed()
    assert daemon.client().call("network.list") == []


def test_a_batch_ends_when_its_answers_are_too_large(daemon):
    client = daemon.client()
    client.call("network.add", name="lab")
    for i in range(50):
        client.call("vif.add", name=f"v{i}", network="lab", type="tap")
    request = [{"jsonrpc": "2.0", "id": i, "method": "vif.list"} for i in range(62)]
    request.append({"jsonrpc": "2.0", "id": 62, "method": "vif.del", "params": {"name": "v0"}})
    answers = client.ask(json.dumps(request).encode())
    assert [a["id"] for a in answers] == list(range(63))
    good = [a for a in answers if "result" in a]
    assert len(good) == len(answers), "50 vifs are still few enough"
    for i in range(20):
        client.call("network.add", name=f"big{i}", subnets=[f"10.{i + 1}.0.0/16"], dhcp=True,
                    dhcp_hosts=[f"52:54:00:00:00:{j:02x},10.{i + 1}.1.{j},{'h' * 63}"
                                for j in range(250)])
    request = [{"jsonrpc": "2.0", "id": i, "method": "network.list"} for i in range(63)]
    request.append({"jsonrpc": "2.0", "id": 63, "method": "vif.del", "params": {"name": "v1"}})
    answers = client.ask(json.dumps(request).encode())
    assert [a["id"] for a in answers] == list(range(64))
    refused = [a for a in answers if "error" in a]
    assert refused and refused == answers[-len(refused):]
    assert all(a["error"]["code"] == -32005 and "send fewer" in a["error"]["message"]
               for a in refused)
    assert "v1" in [v["name"] for v in client.call("vif.list")]
    assert len(json.dumps(answers)) < 6 << 20


def test_unread_answers_of_all_clients_are_bounded(daemon):
    """Each reads a byte now and then, so none of them stalls; those with most are closed."""
    writer = daemon.client()
    for i in range(20):
        writer.call("network.add", name=f"big{i}", subnets=[f"10.{i + 1}.0.0/16"], dhcp=True,
                    dhcp_hosts=[f"52:54:00:00:00:{j:02x},10.{i + 1}.1.{j},{'h' * 63}"
                                for j in range(250)])
    request = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "network.list"}
                          for i in range(20)]).encode() + b"\n"
    before = rss_kib(daemon.child.pid)
    greedy = [daemon.client("ro") for _ in range(24)]
    for client in greedy:
        client.send(request)
    read_at = {client: time.monotonic() for client in greedy}

    def is_somebody_closed():
        for client, last in read_at.items():
            if time.monotonic() - last > 1:
                read_at[client] = time.monotonic()
                try:
                    client.sock.recv(65536, socket.MSG_DONTWAIT)
                except OSError:
                    pass
        return "too many unread answers" in daemon.log()
    wait_until(is_somebody_closed, "somebody is closed", 60)
    assert rss_kib(daemon.child.pid) - before < 400 << 10  # a sanitizer keeps 256 MiB back
    assert writer.call("status")


def test_an_error_that_quotes_half_a_character_is_still_told(daemon):
    with pytest.raises(Refused) as e:
        daemon.client().call("network.show", name="x" + "\u00e4" * 30)
    assert e.value.errno_name == "ENOENT" and "there is no network 'x??" in e.value.message


def test_connections_beyond_the_open_files_wait_without_spinning(daemon):
    n_open = len(os.listdir(f"/proc/{daemon.child.pid}/fd"))
    resource.prlimit(daemon.child.pid, resource.RLIMIT_NOFILE, (n_open + 2, n_open + 2))
    clients = [daemon.client("ro") for _ in range(6)]
    wait_until(lambda: daemon.log().count("Too many open files") >= 2, "it ran out of fds")
    since = time.monotonic()
    wait_until(lambda: daemon.log().count("Too many open files") >= 7, "it tries again")
    assert time.monotonic() - since > 0.2
    for client in clients[:4]:
        client.close()
    clients[4].send(STATUS + b"\n")
    assert clients[4].line()["result"], "it was let in when there was room"


def test_the_daemon_may_open_enough_files_for_all_vifs(daemon):
    soft, _ = resource.prlimit(daemon.child.pid, resource.RLIMIT_NOFILE)
    assert soft >= min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])

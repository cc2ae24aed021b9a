# SPDX-License-Identifier: Apache-2.0
"""Each sentence about an error that a client, a flag or a file can provoke, word by word: it says what is
wrong and what to do.  tools/dev/check-error-texts lists those that no test looks for."""
import os
import subprocess
import sys

import pytest

from cli_world import run
from daemon import HERE, SAKLARD, Daemon, Refused, wait_until
from test_items import WORLD, forward, net, tap, up

sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from fake_saklard import program  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    one = Daemon(str(tmp_path_factory.mktemp("shared")))
    try:
        one.start().client().call("apply", **WORLD)
        yield one
    finally:
        one.stop()


@pytest.mark.parametrize("method, params, words", [
    ("apply", {}, "the document is empty: write 'networks: []' to delete everything"),
    ("apply", {"x": []}, "is unknown here: write networks, vifs and forwards"),
    ("apply", {"networks": 7}, "networks must be a list of networks, such as [ { ... } ]"),
    ("apply", {"networks": [net(), net()]}, "is the name of networks[0] already: choose another"),
    ("apply", {"vifs": [tap(type=7)]}, "there is no network lab in this document: add it to"),
    ("network.add", net(dhcp=True, dhcp_hosts=["01:00:00:00:00:01,10.1.0.9"]),
     "DHCP host 01:00:00:00:00:01: a guest's MAC is neither zero nor multicast"),
    ("network.add", net(dhcp=True, dhcp_hosts=["52:54:00:00:00:09,10.1.0.0"]),
     "address 10.1.0.0 is the network's own or its broadcast address"),
    ("network.add", {"name": "a", "dhcp": True},
     "DHCP needs a subnet to give addresses from: add --subnet"),
    ("network.add", net(subnets=["10.1.0.9/24"]), "subnet 10.1.0.9/24 has host bits set: write"),
    ("network.add", net(leg_mac="00:00:00:00:00:00"), "a router's MAC is neither zero nor"),
    ("network.add", up(uplink_addresses=["192.0.2.1/24", "192.0.2.2/24"]),
     "uplink address 192.0.2.2/24 is the second one of its family: keep one"),
    ("network.add", up(uplink_gateways=["192.0.2.1", "192.0.2.3"]),
     "uplink gateway 192.0.2.3 is the second one of its family: keep one"),
    ("network.add", {"name": "a", "mode": "natt"}, "'natt' is not right: write one of"),
    ("network.add", {"name": "a", "mtu": 3}, "mtu: 3 is not right: write a number from"),
    ("network.add", {"name": "a", "mtu": 3.5}, "mtu: a fraction is not right: write"),
    ("network.add", {"name": "a", "subnet": 3}, "a network has no field 'subnet': did you mean"),
    ("network.add", {"name": "a", "qqqqqqqq": 3},
     "a network has no field 'qqqqqqqq': 'saklar network add --help' lists the fields"),
    ("network.set", {"name": "lab", "mode": "nat", "uplink": "eth7",
                     "uplink_addresses": ["192.0.2.7/24"]},
     "device eth7 is vif n0 of network lab itself: an uplink leads out, name another device"),
    ("network.set", {"name": "out", "uplink": "vif:web0"}, "vif web0 is a port of network lab"),
    ("network.show", {}, "name is missing: say which network"),
    ("network.show", {"name": 7}, "name must be a string: the name of a network"),
    ("vif.show", {"name": "nobody"}, "there is no vif 'nobody': 'saklar vif list' names them"),
    ("vif.add", tap(mac="01:00:00:00:00:09"),
     "a guest's MAC is neither zero nor multicast: the first byte must be even"),
    ("vif.add", {"name": "a", "network": "lab"}, "type is missing: add --type TYPE"),
    ("vif.add", {"name": "a", "type": None},
     "a vif needs a type: tap, netdev, host, netfront or vhost-user"),
    ("vif.add", tap(type="host", netns="../x"),
     "netns: write the name of a namespace of ip-netns, or an absolute path"),
    ("vif.set", {"name": "web0", "queues": 3}, "queues cannot be changed: delete the vif and add"),
    ("vif.set", {"name": "wan", "network": "lab"}, "vif wan is the uplink of network via: give "
     "that another uplink first with 'saklar network set via --uplink ...'"),
    ("forward.add", forward(network=None), "a forward needs a network: name one of mode nat"),
    ("forward.add", forward(network="none"),
     "there is no network none: 'saklar network list' names them"),
    ("forward.add", forward(proto=None), "a forward needs a protocol: tcp or udp"),
    ("forward.add", forward(port=None), "a forward needs a port from 1 to 65535"),
    ("forward.add", forward(address=None), "a forward needs the address of a guest"),
    ("forward.del", {"network": "net", "proto": "udp", "port": 80},
     "there is no such forward: name network, protocol and port as 'saklar forward list'"),
    ("history", {"max": 0}, "max must be a number from 1 to"),
    ("daemon.stop", {"engine": 7}, "engine must be true or false"),
    ("capture.open", {"target": "drops", "snaplen": 0}, "snaplen must be a number from 1 to"),
    ("capture.open", {"target": "drops", "filter": 7},
     "filter must be a list of at most 512 instructions"),
    ("capture.open", {"target": "drops", "ring_size": 300000}, "ring_size must be a power of two"),
])
def test_a_method_says(shared, method, params, words):
    with pytest.raises(Refused) as e:
        shared.clients[0].call(method, **params)
    assert words in e.value.message


@pytest.mark.parametrize("role, line, words", [
    ("ro", b'{"jsonrpc":"2.0","id":1,"method":"vif.del","params":{"name":"x"}}',
     "this socket may not change anything: use rw.sock for vif.del"),
    ("ro", b'{"jsonrpc":"2.0","id":1,"method":"capture.open","params":{"target":"drops"}}',
     "this socket may not capture: use cap.sock or rw.sock for capture.open"),
    ("rw", b'{"jsonrpc":"2.0","id":1,"method":"status","params":[1]}',
     "params must be an object with named fields for status"),
    ("rw", b'{"jsonrpc":"2.0","id":1,"method":"statue"}',
     "there is no such method; docs/rpc.md lists them: statue"),
    ("rw", b'{"jsonrpc', "send one JSON text a line"),
    ("cap", b'[{"jsonrpc":"2.0","id":1,"method":"capture.open","params":{"target":"drops"}}]',
     "capture.open needs an id and no batch: its answer carries fds"),
])
def test_a_socket_says(shared, role, line, words):
    answer = shared.client(role).ask(line)
    answer = answer[0] if isinstance(answer, list) else answer
    assert words in answer["error"]["message"]


def test_too_many_captures(shared):
    client = shared.client("cap")
    for _ in range(4):
        client.call("capture.open", target="drops")
    with pytest.raises(Refused, match="this connection has 4 captures already: close one"):
        client.call("capture.open", target="drops")
    with pytest.raises(Refused, match="4 captures run already, which is the most; end one"):
        shared.client("cap").call("capture.open", target="drops")
    client.close()
    shared.clients.remove(client)


@pytest.mark.parametrize("words, text", [
    (["--run-dir", ""], "--run-dir takes a directory"),
    (["vif", "add", "x", "--mtu", "x"], "--mtu takes a number, not 'x'"),
    (["vif", "add", "x", "--mtu", "1"], "--mtu takes a number from 68 to 65535, not 1"),
    (["network", "add", "x", "--mode", "nta"], "--mode takes one of bridge, isolated, nat, routed"),
    (["network", "add", "x", "--mode", "nta"], "; did you mean 'nat'?"),
    (["network", "set", "x", "--no-subnet", "--subnet", "10.0.0.0/8"],
     "--subnet and --no-subnet exclude each other"),
    (["vif", "add", "x", "--up", "--down"], "--down repeats or contradicts another flag"),
    (["vif", "add", "x", "--learning=maybe"], "--learning takes on or off, not 'maybe'"),
    (["vif", "set", "x", "--queues", "4"], "--queues cannot be changed: delete the vif and add it"),
    (["capture", "--drops", "--snaplen", "9", "--snaplen", "9"], "--snaplen is given twice"),
    (["drops", "-fx"], "-f takes no value; write '-f x'"),
    (["drops", "--follow=x"], "--follow takes no value"),
    (["vif", "nonsense"], "unknown word 'nonsense'; see 'saklar vif --help'"),
    (["vif"], "'saklar vif' needs a verb"),
    (["vif", "show", b"\xff"], "the name is not valid UTF-8"),
    (["forward", "add", b"\xff", "tcp", "80", "10.0.0.2"], "the words are not valid UTF-8"),
    (["network", "add", "x", "--domain", b"\xff"], "--domain: the value is not valid UTF-8"),
    (["drops", "--follow", "--json"], "--follow and --json exclude each other; ask again"),
    (["capture"], "name a vif or a network, or say --drops"),
    (["capture", "--drops", "prt 80"], "the filter expression is wrong: "),
    (["capture", "--drops", " or ".join(f"ip6 host fd00:{i:x}::{i:x}" for i in range(1, 130))],
     "the filter expression needs"),
    (["capture", "--drops", "tcp or " * 5000 + "tcp"], "the filter expression is too long"),
])
def test_the_command_line_says(shared, words, text):
    done = subprocess.run([program(), "--run-dir", shared.run_dir, *words], capture_output=True,
                          check=False, timeout=60)
    assert done.returncode in (1, 2)
    assert text in done.stderr.decode()


@pytest.mark.parametrize("words, text", [
    (["status"], "no daemon answers in {run}; start one with 'saklard --run-dir {run} --state-dir"),
    (["capture", "nobody"], "no daemon answers in"),
])
def test_the_command_line_says_without_a_daemon(tmp_path, words, text):
    done = run("--run-dir", str(tmp_path), *words)
    assert done.returncode == 3
    assert text.format(run=tmp_path) in done.stderr


@pytest.mark.parametrize("words, text", [
    (["capture", "wbe0"], "no vif or network is called 'wbe0'; did you mean 'web0'?"),
    (["capture", "qqqqqqqq"],
     "no vif or network is called 'qqqqqqqq'; see 'saklar vif list' and 'saklar network list'"),
    (["capture", "--drops", "-w", "/nonexistent/x"], "cannot write /nonexistent/x: No such file"),
])
def test_capture_says(shared, words, text):
    done = run("--run-dir", shared.run_dir, *words)
    assert done.returncode == 1
    assert text in done.stderr


@pytest.mark.parametrize("options, text", [
    (["--run-dir", ""], "--run-dir needs a path"),
    (["--run-dir", "/" + "x" * 5000], "--run-dir: the path is too long"),
    (["--run-dir", "{tmp}/" + "x" * 120], "is too long for a socket in it: use a path of at most"),
    (["--run-dir", "{tmp}/file/x"], "cannot make {tmp}/file/x: Not a directory; choose another"),
    (["--run-dir", "{tmp}/a/b/c/d"], "make its parent directory, or choose another with --run-dir"),
    (["--nonsense"], "see saklard --help"),
    (["x"], "'x' is too much: saklard takes options only"),
    (["--run-dir", "{tmp}/link"], "its file lock is a symbolic link: remove it"),
])
def test_the_daemon_says_at_its_start(tmp_path, options, text):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").mkdir()
    (tmp_path / "link/lock").symlink_to(tmp_path / "file")
    done = subprocess.run([SAKLARD, "--state-dir", str(tmp_path / "state"), "--test-no-system",
                           "--foreground", *[o.format(tmp=tmp_path) for o in options]],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert text.format(tmp=tmp_path) in done.stderr


def test_the_daemon_says_that_its_working_directory_is_gone(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(["sh", "-c", f"cd {gone}; rmdir {gone}; exec {SAKLARD} --run-dir x"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "the working directory is gone: give an absolute path" in done.stderr


def test_the_daemon_says_that_the_engines_user_is_not_there(tmp_path):
    daemon = Daemon(str(tmp_path))
    try:
        daemon.popen("--engine-user", "nobody-at-all")
        wait_until(lambda: "no user 'nobody-at-all' for the engine; create it, or name another"
                   in daemon.log(), "the daemon says so")
    finally:
        daemon.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become less")
def test_who_may_not_open_a_socket_is_told_what_to_do(shared):
    path = shared.socket("rw")
    before = os.stat(path)
    os.chown(path, 65534, 65534)
    os.chmod(path, 0o600)
    done = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", program(),
                           "--run-dir", shared.run_dir, "vif", "del", "x"],
                          capture_output=True, text=True, check=False, timeout=60)
    os.chown(path, before.st_uid, before.st_gid)
    os.chmod(path, before.st_mode & 0o777)
    assert done.returncode == 1
    assert "this user may not open " in done.stderr
    assert "/rw.sock; run as root, or join the group that owns it" in done.stderr

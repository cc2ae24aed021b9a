# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged is there after kill -9; what could not be stored was not done.

Disks that are full or read-only are small file systems in a mount namespace of the daemon's own."""
import os
import random
import shutil
import sqlite3
import subprocess
import threading

import pytest

from daemon import Daemon, Refused, wait_until


def unshared(script):
    """Prefix that runs `script` in a mount namespace of its own, then the command."""
    user = [] if os.geteuid() == 0 else ["-U", "-r"]
    return ["unshare", *user, "-m", "sh", "-e", "-c", script + '\nexec "$@"', "sh"]


@pytest.mark.parametrize("seed", range(10))
def test_what_was_acknowledged_survives_kill_9(idle_daemon, seed):
    daemon = idle_daemon.start()
    client = daemon.client()
    client.call("network.add", name="lab")
    acknowledged = []
    rng = random.Random(seed)
    timer = threading.Timer(rng.uniform(0.01, 0.4), daemon.child.kill)
    timer.start()
    try:
        for i in range(2000):
            client.call("vif.add", name=f"v{i}", network="lab", type="tap")
            acknowledged.append(f"v{i}")
            if i % 3 == 2:
                client.call("vif.del", name=f"v{i - 1}")
                acknowledged.remove(f"v{i - 1}")
    except (AssertionError, OSError):
        pass  # it is dead
    timer.join()
    daemon.child.wait()
    daemon.start()
    again = daemon.client()
    names = [v["name"] for v in again.call("vif.list")]
    # one more change may have become durable without anybody being told
    assert len(set(names) ^ set(acknowledged)) <= 1
    generation = again.call("status")["generation"]
    assert generation == len(again.call("history", max=1000)) or generation > 1000


def test_ids_are_not_used_again_soon(daemon):
    client = daemon.client()
    client.call("network.add", name="lab")
    seen = set()
    for _ in range(5):
        client.call("vif.add", name="v", network="lab", type="tap")
        daemon.kill()
        daemon.start()
        client = daemon.client()
        with sqlite3.connect(f"file:{daemon.state_dir}/saklar.db?mode=ro", uri=True) as db:
            seen.add(db.execute("SELECT id FROM vif").fetchone()[0])
        client.call("vif.del", name="v")
    assert len(seen) == 5


def test_a_full_disk_refuses_the_change_and_nothing_is_lost(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    daemon = Daemon(str(tmp_path), unshared(f"mount -t tmpfs -o size=256k none {state}"))
    try:
        daemon.start()
        client = daemon.client()
        client.call("network.add", name="lab")
        ballast = f"/proc/{daemon.child.pid}/root{state}/ballast"
        with open(ballast, "wb", buffering=0) as f, pytest.raises(OSError):
            while True:
                f.write(bytes(4096))
        before = client.call("network.list"), client.call("status")["generation"]
        for method, params in (("network.add", {"name": "b"}),
                               ("network.set", {"name": "lab", "mtu": 9000}),
                               ("vif.add", {"name": "v", "network": "lab", "type": "tap"})):
            with pytest.raises(Refused) as e:
                client.call(method, **params)
            assert e.value.code == -32004 and e.value.errno_name == "ENOSPC"
            assert "free some space and try again; nothing was changed" in e.value.message
        assert (client.call("network.list"), client.call("status")["generation"]) == before
        assert client.call("vif.list") == []
        os.unlink(ballast)
        client.call("vif.add", name="v", network="lab", type="tap")
        assert client.call("vif.list")[0]["name"] == "v"
    finally:
        daemon.stop()


def test_a_disk_that_is_full_at_the_start_is_an_error(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    daemon = Daemon(str(tmp_path), unshared(
        f"mount -t tmpfs -o size=16k none {state}; cat /dev/zero > {state}/ballast || true"))
    text = daemon.refused_start()
    assert "free" in text and "space" in text


@pytest.mark.parametrize("which, option", [("run", "--run-dir"), ("state", "--state-dir")])
def test_a_read_only_directory_is_an_error(tmp_path, which, option):
    path = tmp_path / which
    path.mkdir()
    daemon = Daemon(str(tmp_path), unshared(f"mount -t tmpfs -o ro none {path}"))
    text = daemon.refused_start()
    assert f"cannot write to {path}: Read-only file system" in text
    assert "make it writable" in text and option in text


@pytest.mark.parametrize("which, option", [("run", "--run-dir"), ("state", "--state-dir")])
def test_a_lock_that_points_elsewhere_is_not_followed(tmp_path, which, option):
    path, target = tmp_path / which, tmp_path / "elsewhere"
    path.mkdir()
    (path / "lock").symlink_to(target)
    text = Daemon(str(tmp_path)).refused_start()
    assert f"cannot write to {path}: " in text and f", or choose another with {option}" in text
    assert "its file lock is a symbolic link: remove it" in text
    assert not target.exists()


def test_a_run_dir_without_space_is_an_error(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    text = Daemon(str(tmp_path), unshared(
        f"mount -t tmpfs -o size=4k none {path}; cat /dev/zero > {path}/ballast || true")
        ).refused_start()
    assert f"cannot write to {path}/lock: No space left on device" in text
    assert "free some space or choose another with --run-dir" in text


def test_a_database_that_cannot_be_written_is_an_error(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    db = state / "saklar.db"
    db.touch()
    text = Daemon(str(tmp_path), unshared(
        f"mount --bind {db} {db}; mount -o remount,bind,ro {db}")).refused_start()
    assert f"{db} cannot be written" in text
    assert ": make its directory writable for saklard, or choose another with --state-dir" in text


def damage(path):
    with open(path, "r+b") as f:
        f.seek(100)
        f.write(b"\xa5" * 4000)


def edit(path, sql):
    with sqlite3.connect(path) as db:
        db.execute(sql)
    db.close()


@pytest.mark.parametrize("change, words", [
    (damage, "is damaged"),
    (lambda path: open(path, "wb").write(b"no database" * 1000), "is damaged"),
    (lambda path: sqlite3.connect(path).execute("PRAGMA user_version=77").connection.close(),
     "was written by a newer saklard"),
    (lambda path: edit(path, "UPDATE vif SET id = (SELECT leg_vif_id FROM network)"),
     "is damaged (network or vif 0: vif v has the id of another"),
    (lambda path: edit(path, "UPDATE vif SET id = id + 65536"), "is damaged (vif "),
    (lambda path: edit(path, "UPDATE network SET body = '{}'"), "is damaged (network "),
    (lambda path: edit(path, "UPDATE network SET name = 'other'"), "is damaged (network "),
    (lambda path: edit(path, "UPDATE meta SET value = -1"), "is damaged"),
    (lambda path: edit(path, "DELETE FROM meta"), "is damaged"),
    (lambda path: edit(path, "DROP TABLE vif"), "is damaged"),
])
def test_a_bad_database_is_an_error_and_stays_as_it_is(daemon, change, words):
    daemon.client().call("network.add", name="lab", subnets=["10.7.0.0/24"])
    daemon.client().call("vif.add", name="v", network="lab", type="tap")
    daemon.terminate()
    path = os.path.join(daemon.state_dir, "saklar.db")
    shutil.copy(path, path + ".good")
    change(path)
    with open(path, "rb") as f:
        before = f.read()
    text = daemon.refused_start()
    assert words in text
    assert "newer" in words or "): put back a backup, or move it away to start empty" in text
    with open(path, "rb") as f:
        assert f.read() == before
    os.replace(path + ".good", path)
    assert daemon.start().client().call("network.list")[0]["name"] == "lab"


def test_a_second_daemon_on_the_same_run_dir_is_refused(daemon, tmp_path):
    other = Daemon(str(tmp_path))
    other.state_dir = str(tmp_path / "other")
    text = other.refused_start()
    assert f"another saklard (pid {daemon.child.pid}) uses {daemon.run_dir}" in text
    assert "--run-dir" in text and "saklard --stop" in text
    assert daemon.client().call("status")


def test_a_second_daemon_on_the_same_state_dir_is_refused(daemon, tmp_path):
    other = Daemon(str(tmp_path))
    other.run_dir = str(tmp_path / "other")
    text = other.refused_start()
    assert f"another saklard (pid {daemon.child.pid}) uses {daemon.state_dir}" in text
    assert "--state-dir" in text
    assert daemon.client().call("status")


def test_two_instances_run_side_by_side(daemon, tmp_path):
    (tmp_path / "two").mkdir()
    two = Daemon(str(tmp_path / "two"))
    try:
        two.start().client().call("network.add", name="b")
        assert daemon.client().call("network.list") == []
        wait_until(two.is_engine_alive, "an engine of its own")
        assert two.engine_pid() != daemon.engine_pid()
    finally:
        two.stop()


def inject(daemon, call, error, when, log):
    """strace, which makes the daemon's n-th call from now on fail."""
    tracer = subprocess.Popen(
        ["strace", "-f", "-o", str(log), "-e", f"trace={call}",
         "-e", f"inject={call}:error={error}:when={when}", "-p", str(daemon.child.pid)],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = tracer.stderr.readline()
    assert "attached" in said, said
    return tracer


def names(client):
    return ([n["name"] for n in client.call("network.list")],
            [v["name"] for v in client.call("vif.list")])


@pytest.mark.parametrize("call, error", [
    ("fdatasync,fsync", "EIO"), ("fcntl", "EIO"), ("pwrite64", "ENOSPC"), ("pread64", "EIO"),
    ("unlink,unlinkat", "EIO"), ("openat", "EMFILE"), ("ftruncate", "EIO"),
])
@pytest.mark.parametrize("method, params", [
    ("vif.del", {"name": "a"}), ("apply", {"networks": [{"name": "lab"}]})])
def test_whatever_call_fails_the_daemon_knows_what_is_on_disk(daemon, tmp_path, call, error,
                                                              method, params):
    """The n-th call fails while a vif is deleted; afterwards it serves what a new one would."""
    client = daemon.client()
    client.call("network.add", name="lab")
    for when in range(1, 12):
        client.call("vif.add", name="a", network="lab", type="tap")
        log = tmp_path / f"strace-{when}"
        tracer = inject(daemon, call, error, when, log)
        before, refusal = names(client), None
        try:
            client.call(method, **params)
        except Refused as e:
            refusal = e.message
        finally:
            tracer.terminate()
            tracer.wait()
        after = names(client)
        if refusal and "the change is made, but" not in refusal:
            assert after == before
        else:
            assert after == (["lab"], [])
        client.call("network.add", name="more")
        expected = names(client)
        daemon.kill()
        client = daemon.start().client()
        assert names(client) == expected, (when, refusal)
        client.call("network.del", name="more")
        if expected[1]:
            client.call("vif.del", name="a")
        if "INJECTED" not in log.read_text():
            return

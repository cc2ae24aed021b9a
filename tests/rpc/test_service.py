# SPDX-License-Identifier: Apache-2.0
"""saklard as a service: start, READY, signals, take-over, stop; and its command line."""
import os
import signal
import socket
import subprocess
import sys

import pytest

from daemon import SAKLARD, wait_until


def run(*options):
    return subprocess.run([SAKLARD, *options], check=False, capture_output=True, text=True,
                          timeout=60)


def test_help_names_every_option():
    text = run("--help").stdout
    for option in ("--run-dir", "--state-dir", "--engine ", "--engine-user", "--hugepages",
                   "--log-level", "--foreground", "--stop ", "--stop-engine", "--version"):
        assert option in text


def test_version_is_printed():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("saklard 0.")


@pytest.mark.parametrize("options, words", [
    (["--hugepages", "maybe"], "write auto, on or off"),
    (["--log-level", "loud"], "write err, warn, info or debug"),
    (["--run-dir", ""], "--run-dir needs a path"),
    (["--run-dir", "/" + "x" * 5000], "too long"),
    (["--nonsense"], "see saklard --help"),
    (["extra"], "takes options only"),
])
def test_a_bad_option_is_exit_code_2(options, words):
    done = run(*options)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_run_dir_too_long_for_sockets_is_an_error(idle_daemon, tmp_path):
    idle_daemon.run_dir = str(tmp_path / ("x" * 100))
    assert "too long for a socket" in idle_daemon.refused_start()


def test_a_run_dir_that_is_a_file_is_an_error(idle_daemon, tmp_path):
    (tmp_path / "run").write_text("x")
    text = idle_daemon.refused_start()
    assert "is not a directory: choose another with --run-dir" in text


@pytest.mark.parametrize("name", ["lock", "saklard.pid"])
def test_a_link_in_the_run_dir_is_not_followed(idle_daemon, tmp_path, name):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    os.mkdir(idle_daemon.run_dir)
    os.symlink(precious, os.path.join(idle_daemon.run_dir, name))
    text = idle_daemon.refused_start()
    assert "symbolic link" in text and "remove it" in text
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("name", ["lock", "saklard.pid", "engine.pid", "rw.sock", "engine.sock"])
@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"-1\n", b"99999999999999999999\n", b"1\n"])
def test_rubbish_in_the_run_dir_is_no_obstacle(idle_daemon, name, content):
    os.mkdir(idle_daemon.run_dir)
    with open(os.path.join(idle_daemon.run_dir, name), "wb") as f:
        f.write(content)
    idle_daemon.start()
    assert idle_daemon.client().call("status")["daemon"]["pid"] == idle_daemon.child.pid


def test_a_directory_in_place_of_a_socket_is_an_error(idle_daemon):
    os.makedirs(os.path.join(idle_daemon.run_dir, "ro.sock", "x"))
    text = idle_daemon.refused_start()
    assert "cannot remove the old" in text and "remove it by hand" in text
    assert not idle_daemon.is_engine_alive(), "it started nothing that it then left behind"


@pytest.mark.parametrize("which", ["run", "state"])
def test_a_directory_that_others_can_write_is_refused(idle_daemon, tmp_path, which):
    os.mkdir(tmp_path / which)
    os.chmod(tmp_path / which, 0o777)
    text = idle_daemon.refused_start()
    assert "can be written by others" in text and "chmod o-w" in text
    assert os.listdir(tmp_path / which) == []


def test_files_are_made_for_their_owner_whatever_the_umask(idle_daemon):
    old = os.umask(0)
    try:
        idle_daemon.start()
    finally:
        os.umask(old)
    idle_daemon.client().call("network.add", name="lab")
    for folder in (idle_daemon.run_dir, idle_daemon.state_dir):
        for name in os.listdir(folder):
            mode = os.stat(os.path.join(folder, name)).st_mode & 0o777
            assert not mode & 0o022 or name in ("ro.sock", "cap.sock"), (name, oct(mode))
    assert os.stat(os.path.join(idle_daemon.state_dir, "saklar.db")).st_mode & 0o077 == 0


def test_nothing_is_lost_in_a_storm_of_signals(daemon):
    client = daemon.client()
    client.call("network.add", name="lab")
    for i in range(50):
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH):
            daemon.child.send_signal(number)
        client.call("vif.add", name=f"v{i}", network="lab", type="tap")
    assert len(client.call("vif.list")) == 50
    for _ in range(20):
        daemon.child.send_signal(signal.SIGTERM)
    assert daemon.child.wait(20) == 0
    assert len(daemon.start().client().call("vif.list")) == 50


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_ready_and_stopping_are_told(idle_daemon, tmp_path, kind):
    address = str(tmp_path / "notify") if kind == "path" else f"\0saklar-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(address)
        notify.settimeout(20)
        idle_daemon.popen(env={"NOTIFY_SOCKET": address.replace("\0", "@")})
        assert "READY=1" in notify.recv(4096).decode().split("\n")
        assert idle_daemon.client().call("status")  # it serves when it says so
        idle_daemon.terminate()
        assert "STOPPING=1" in notify.recv(4096).decode().split("\n")


def test_a_bad_notify_socket_does_no_harm(idle_daemon):
    idle_daemon.start(env={"NOTIFY_SOCKET": "relative"})
    assert "NOTIFY_SOCKET is not an address" in idle_daemon.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_and_leaves_the_engine(daemon, number):
    wait_until(daemon.is_engine_alive, "the engine runs")
    pid = daemon.engine_pid()
    daemon.child.send_signal(number)
    assert daemon.child.wait(20) == 0
    assert daemon.is_engine_alive() and daemon.engine_pid() == pid
    assert not os.path.exists(daemon.socket("rw"))
    daemon.start()
    status = daemon.client().call("status")
    assert status["engine"]["pid"] == pid and status["engine"]["taken_over"] is True


def test_after_kill_9_the_next_daemon_takes_over(daemon):
    pid = daemon.engine_pid()
    daemon.kill()
    assert os.path.exists(daemon.socket("rw"))  # stale
    daemon.start()
    assert daemon.client().call("status")["engine"]["pid"] == pid


def test_stop_ends_daemon_and_engine(daemon):
    wait_until(daemon.is_engine_alive, "the engine runs")
    done = subprocess.run(daemon.command("--stop"), check=False, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    assert daemon.child.wait(20) == 0
    wait_until(lambda: not daemon.is_engine_alive(), "the engine is gone")
    again = subprocess.run(daemon.command("--stop"), check=False, capture_output=True, timeout=60)
    assert again.returncode == 0  # nothing to do is no error


def test_stop_cleans_up_what_a_killed_daemon_left(daemon):
    wait_until(daemon.is_engine_alive, "the engine runs")
    daemon.kill()
    assert daemon.is_engine_alive()
    subprocess.run(daemon.command("--stop"), check=True, timeout=60)
    wait_until(lambda: not daemon.is_engine_alive(), "the engine is gone")


def make_unreadable(path):
    with open(path, "r+b") as f:
        f.write(b"no database " * 1000)


@pytest.mark.parametrize("spoil", [make_unreadable, os.unlink, lambda path: os.chmod(path, 0)])
def test_stop_needs_no_readable_store(daemon, spoil):
    wait_until(daemon.is_engine_alive, "the engine runs")
    daemon.client().call("network.add", name="lab")
    daemon.kill()
    path = os.path.join(daemon.state_dir, "saklar.db")
    spoil(path)
    before = os.path.exists(path) and os.stat(path)
    for _ in range(2):
        done = subprocess.run(daemon.command("--stop"), check=False, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    wait_until(lambda: not daemon.is_engine_alive(), "the engine is gone")
    assert not os.path.exists(daemon.socket("rw"))
    assert (os.path.exists(path) and os.stat(path)) == before


def test_stop_cleans_up_after_a_start_that_failed(daemon):
    """A daemon that refuses to start does not wipe out the trace of the one that was killed."""
    wait_until(daemon.is_engine_alive, "the engine runs")
    daemon.kill()
    os.kill(daemon.engine_pid(), signal.SIGKILL)
    make_unreadable(os.path.join(daemon.state_dir, "saklar.db"))
    assert "is damaged" in daemon.refused_start()
    leftover = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()",
         f"--conf-file={daemon.run_dir}/dnsmasq-lab.conf"])
    stranger = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        for name, child in (("lab", leftover), ("other", stranger)):
            with open(f"{daemon.run_dir}/dnsmasq-{name}.pid", "w", encoding="ascii") as f:
                f.write(f"{child.pid}\n")
        assert subprocess.run(daemon.command("--stop"), check=False, timeout=60).returncode == 0
        assert leftover.wait(20) == -signal.SIGTERM
        assert stranger.poll() is None  # its pid was used again by something else
        assert not [name for name in os.listdir(daemon.run_dir) if "dnsmasq" in name]
    finally:
        for child in (leftover, stranger):
            child.kill()
            child.wait()


def test_stop_gives_up_on_a_daemon_that_hangs(daemon):
    daemon.child.send_signal(signal.SIGSTOP)
    try:
        done = subprocess.run(daemon.command("--stop"), check=False, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 1 and "does not answer" in done.stderr
        assert "kill it" in done.stderr
    finally:
        daemon.child.send_signal(signal.SIGCONT)


def test_stop_finds_the_state_directory_itself(daemon):
    wait_until(daemon.is_engine_alive, "the engine runs")
    daemon.kill()
    words = daemon.command("--stop")
    at = words.index("--state-dir")
    done = subprocess.run(words[:at] + words[at + 2:], check=False, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: not daemon.is_engine_alive(), "the engine is gone")


def test_stop_engine_ends_both_on_a_signal(idle_daemon):
    idle_daemon.start("--stop-engine")
    wait_until(idle_daemon.is_engine_alive, "the engine runs")
    idle_daemon.terminate()
    wait_until(lambda: not idle_daemon.is_engine_alive(), "the engine is gone")


def test_in_the_background_it_returns_when_it_serves(idle_daemon):
    done = subprocess.run(idle_daemon.command(), check=False, capture_output=True, timeout=60,
                          text=True)
    assert done.returncode == 0, done.stderr
    assert idle_daemon.client().call("status")
    again = subprocess.run(idle_daemon.command(), check=False, capture_output=True, timeout=60,
                           text=True)
    assert again.returncode == 1 and "another saklard" in again.stderr
    with open(os.path.join(idle_daemon.run_dir, "saklard.log"), encoding="utf-8") as log:
        assert "event=ready" in log.read()


def test_inherited_fds_are_closed(idle_daemon, tmp_path):
    with open(tmp_path / "secret", "w", encoding="ascii") as secret:
        os.set_inheritable(secret.fileno(), True)
        with open(idle_daemon.log_path, "ab") as log:
            idle_daemon.child = subprocess.Popen(
                idle_daemon.command("--foreground"), close_fds=False, stderr=log)
        wait_until(idle_daemon.answers, "it serves")
        fds = f"/proc/{idle_daemon.child.pid}/fd"
        assert not any(os.readlink(f"{fds}/{fd}").endswith("secret") for fd in os.listdir(fds))


def test_a_missing_engine_is_said_in_status(idle_daemon, tmp_path):
    command = idle_daemon.command
    idle_daemon.command = lambda *options: [
        str(tmp_path / "no-engine") if word.endswith("fake_engine.py") else word
        for word in command(*options)]
    idle_daemon.start()
    engine = idle_daemon.client().call("status")["engine"]
    assert engine["state"] == "failed" and "no-engine" in engine["reason"]
    idle_daemon.client().call("network.add", name="lab")  # what is wanted can still be said


def test_a_killed_engine_is_started_again(daemon):
    wait_until(daemon.is_engine_alive, "the engine runs")
    pid = daemon.engine_pid()
    os.kill(pid, signal.SIGKILL)
    client = daemon.client()
    wait_until(lambda: client.call("status")["engine"]["pid"] not in (pid, None), "a new engine")
    assert client.call("status")["engine"]["restarts"] >= 1

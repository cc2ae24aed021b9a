# SPDX-License-Identifier: Apache-2.0
"""Start saklard against the fake engine, and talk to it."""
import array
import json
import os
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("SAKLAR_BUILD") or os.path.join(HERE, "..", "..", "build", "dev")
SAKLARD = os.environ.get("SAKLARD", os.path.join(BUILD, "saklard"))
ENGINE = os.path.join(HERE, "fake_engine.py")


def wait_until(condition, what, timeout=20):
    """Poll until condition() is true; its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"timeout: {what}"
        time.sleep(0.01)


class Refused(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]
        self.message = error["message"]
        self.path = error.get("data", {}).get("path")
        self.errno_name = error.get("data", {}).get("code")


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.settimeout(20)
        self.buffer = b""
        self.fds = []
        self.last_id = 0

    def send(self, raw):
        self.sock.sendall(raw)

    def line(self):
        """The next line, or None at the end."""
        while b"\n" not in self.buffer:
            try:
                data, ancillary, _, _ = self.sock.recvmsg(1 << 16, socket.CMSG_SPACE(16 * 4))
            except ConnectionResetError:
                return None
            for _, _, content in ancillary:
                self.fds += list(array.array("i", content))
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, raw):
        """Send one line of bytes, return the answer to it."""
        self.send(raw + b"\n")
        return self.line()

    def call(self, method, **params):
        self.last_id += 1
        answer = self.ask(json.dumps({"jsonrpc": "2.0", "id": self.last_id, "method": method,
                                      "params": params}).encode())
        assert answer is not None, "the daemon closed the connection"
        assert answer["jsonrpc"] == "2.0" and answer["id"] == self.last_id
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def is_closed(self):
        return self.line() is None

    def close(self):
        self.sock.close()
        for fd in self.fds:
            os.close(fd)


class Daemon:
    def __init__(self, root, prefix=()):
        self.run_dir = os.path.join(root, "run")
        self.state_dir = os.path.join(root, "state")
        self.log_path = os.path.join(root, "log")
        self.prefix = list(prefix)
        self.child = None
        self.clients = []

    def command(self, *options):
        return self.prefix + [SAKLARD, "--run-dir", self.run_dir, "--state-dir", self.state_dir,
                              "--engine", ENGINE, "--hugepages", "off", "--test-no-system",
                              *options]

    def popen(self, *options, env=None):
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                self.command("--foreground", *options), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, **(env or {})})
        return self.child

    def start(self, *options, env=None):
        self.popen(*options, env=env)
        wait_until(lambda: self.child.poll() is not None or self.answers(), "the daemon serves")
        assert self.child.poll() is None, self.log()
        return self

    def answers(self):
        try:
            client = Client(self.socket("rw"))
            client.call("status")
            client.close()
            return True
        except OSError:
            return False

    def socket(self, role):
        return os.path.join(self.run_dir, role + ".sock")

    def client(self, role="rw"):
        self.clients.append(Client(self.socket(role)))
        return self.clients[-1]

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def engine_pid(self):
        try:
            with open(os.path.join(self.run_dir, "engine.pid"), encoding="ascii") as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return 0

    def is_engine_alive(self):
        try:
            with open(f"/proc/{self.engine_pid()}/cmdline", "rb") as f:
                return b"fake_engine" in f.read()
        except OSError:
            return False

    def kill(self):
        self.child.kill()
        self.child.wait()

    def terminate(self):
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(20) == 0

    def stop(self):
        """End it with all it started, whatever state it is in."""
        for client in self.clients:
            client.close()
        subprocess.run(self.command("--stop"), check=False, capture_output=True, timeout=60)
        if self.child and self.child.poll() is None:
            self.child.kill()
        if self.child:
            self.child.wait()

    def refused_start(self):
        """Run it in the foreground, expecting that it refuses; what it says."""
        done = subprocess.run(self.command("--foreground"), check=False, capture_output=True,
                              timeout=60, text=True)
        assert done.returncode == 1, done.stderr
        return done.stderr

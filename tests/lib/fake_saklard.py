# SPDX-License-Identifier: Apache-2.0
"""A daemon for tests of the CLI: answers JSON-RPC from a table, and plays the engine in captures.

Layouts are those of vswitch/abi/capture_ring.h."""

import array
import fcntl
import json
import mmap
import os
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

F_ADD_SEALS, SEAL_SHRINK, SEAL_GROW = 1033, 2, 4
MAGIC = 0x31706163686C6B73
PAD = 0xFFFFFFFF
HEADER = 192
IN, OUT = 1, 2
HEAD, LOST, TAIL = 0, 1, 8  # of the words from byte 64 on


def program():
    """The CLI under test."""
    build = os.environ.get("SAKLAR_BUILD_DIR") or os.environ.get("SAKLAR_BUILD") \
        or str(Path(__file__).parents[2] / "build/release")
    for folder in ("", "bin"):
        path = Path(build) / folder / "saklar"
        if path.exists():
            return str(path)
    raise FileNotFoundError(f"no saklar in {build}: build it, or set SAKLAR_BUILD_DIR")


def wait_until(condition, what, timeout=10):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.002)


class RpcError(Exception):
    def __init__(self, message, path="", errno=22):
        super().__init__(message)
        self.path, self.errno = path, errno


class Ring:
    """The producer's side of a capture ring."""

    def __init__(self, size):
        self.size = size
        self.memfd = os.memfd_create("ring", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.memfd, HEADER + size)
        fcntl.fcntl(self.memfd, F_ADD_SEALS, SEAL_SHRINK | SEAL_GROW)
        self.eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.map = mmap.mmap(self.memfd, HEADER + size)
        # one store each: struct's packing writes byte by byte, and the reader would see half a number
        self.counters = memoryview(self.map)[64:136].cast("Q")
        struct.pack_into("=QI", self.map, 0, MAGIC, size)
        self.head = 0

    def put(self, frame, vif=1, direction=IN, reason=0, orig_len=None, gso=(0, 0), wall_ns=None):
        """One packet; like the engine, loses it when the ring is full."""
        length = 32 + (len(frame) + 7) // 8 * 8
        pos = self.head % self.size
        tail = self.counters[TAIL]
        need = length if pos + length <= self.size else self.size - pos + length
        if self.head + need - tail > self.size:
            self.lose(1)
            return False
        if pos + length > self.size:
            struct.pack_into("=II", self.map, HEADER + pos, self.size - pos, PAD)
            self.head += self.size - pos
            pos = 0
        struct.pack_into("=IIIHBBQHBBI", self.map, HEADER + pos, length, len(frame),
                         len(frame) if orig_len is None else orig_len, vif, direction, reason,
                         time.time_ns() if wall_ns is None else wall_ns, gso[1], gso[0], 0, 0)
        self.map[HEADER + pos + 32:HEADER + pos + 32 + len(frame)] = frame
        self.head += length
        self.counters[HEAD] = self.head
        os.eventfd_write(self.eventfd, 1)
        return True

    def lose(self, n):
        self.counters[LOST] += n

    def damage(self):
        self.counters[HEAD] = self.head + self.size + 8
        os.eventfd_write(self.eventfd, 1)


class FakeSaklard:
    """Sockets in @run_dir; @answers: method -> result, or a function of params."""

    def __init__(self, run_dir, answers):
        self.run_dir = Path(run_dir)
        self.answers = dict(answers)
        self.calls = []
        self.rings = []
        self.listeners, self.connections = [], []
        for name in ("ro", "cap", "rw"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(self.run_dir / f"{name}.sock"))
            listener.listen(16)
            self.listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, name), daemon=True).start()

    def close(self):
        for sock in self.listeners + self.connections:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _accept(self, listener, role):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection, role), daemon=True).start()

    def _serve(self, connection, role):
        try:
            for line in connection.makefile("rb"):
                request = json.loads(line)
                self.calls.append((role, request["method"], request.get("params", {})))
                answer, fds = self._answer(request)
                anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
                connection.sendmsg([json.dumps(answer).encode() + b"\n"], anc)
        except OSError:
            pass

    def _answer(self, request):
        answer, fds = {"jsonrpc": "2.0", "id": request["id"]}, []
        method, params = request["method"], request.get("params", {})
        try:
            if method == "capture.open" and method not in self.answers:
                ring = Ring(params["ring_size"])
                self.rings.append(ring)
                fds = [ring.memfd, ring.eventfd]
                answer["result"] = {"capture_id": len(self.rings), "vifs": [
                    {"id": i + 1, "name": row["name"]}
                    for i, row in enumerate(self.answers.get("vif.list", []))]}
            elif method in self.answers:
                result = self.answers[method]
                answer["result"] = result(params) if callable(result) else result
            else:
                answer["result"] = {}
        except RpcError as e:
            answer["error"] = {"code": -32000, "message": str(e),
                               "data": {"path": e.path, "errno": e.errno}}
        return answer, fds

    def params_of(self, method):
        """Parameters of the last call of @method."""
        return [params for _, name, params in self.calls if name == method][-1]

    def wait_ring(self, n=1, timeout=10):
        wait_until(lambda: len(self.rings) >= n, "a capture is opened", timeout)
        return self.rings[n - 1]

    def command(self, *words):
        return [program(), "--run-dir", str(self.run_dir), *words]

    def run(self, *words, timeout=30, env=None):
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False,
                              timeout=timeout, env=dict(os.environ, **(env or {})))

    def start(self, *words, **more):
        more.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen(self.command(*words), stderr=subprocess.PIPE, **more)

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An engine that moves no packets: it speaks the engine's side of vswitch/abi/engine_msg.h, keeps
what it is given, gives it back when asked, and says yes to everything.

Started by saklard as `fake_engine.py --listen-fd 3 ...`.
"""
import array
import os
import select
import socket
import struct
import sys
import time

HELLO, SEGMENT, VIF_OPEN, VIF_CLOSE, SNAPSHOT, FD_LIST, FDB_DUMP, FDB_FLUSH = range(1, 9)
CAPTURE_OPEN, CAPTURE_CLOSE, VIF_UPDATE, STOP = range(9, 13)
HELLO_OK, ACK, HELD_SEGMENT, HELD_VIF, HELD_CAPTURE, FDB_ENTRIES = range(101, 107)

HEADER = struct.Struct("=IIII")
FDB_ENTRY = struct.Struct("=6sHHHIB3xI")


class Engine:
    def __init__(self, listener):
        self.listener = listener
        self.daemon = None
        self.segments = {}
        self.vifs = {}
        self.captures = {}
        self.generation = 0
        self.started_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def send(self, kind, seq, body, fds=()):
        message = HEADER.pack(kind, seq, HEADER.size + len(body), len(fds)) + body
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.daemon.sendmsg([message], extra)

    def ack(self, seq, rc=0, text=b""):
        self.send(ACK, seq, struct.pack("=iI240s", rc, 0, text))

    def say_hello(self, seq, body):
        abi_hash, build = struct.unpack_from("=Q48s", body)
        self.send(HELLO_OK, seq, struct.pack("=Q48sIIQQI12x", abi_hash, build, os.getpid(), 0,
                                             self.generation, self.started_ns, 1))

    def give_back(self, seq):
        for kind, held in ((HELD_SEGMENT, self.segments), (HELD_VIF, self.vifs),
                           (HELD_CAPTURE, self.captures)):
            for body, fds in held.values():
                self.send(kind, seq, body, fds)
        self.ack(seq)

    def answer(self, kind, seq, body, fds):
        first = struct.unpack_from("=I", body)[0]
        if kind == HELLO:
            self.say_hello(seq, body)
            return
        if kind == FD_LIST:
            self.give_back(seq)
            return
        if kind == SEGMENT:
            self.segments[first] = (body, fds)
        elif kind == VIF_OPEN:
            self.vifs[struct.unpack_from("=H", body)[0]] = (body, fds)
        elif kind == VIF_CLOSE:
            self.vifs.pop(first, None)
        elif kind == SNAPSHOT:
            self.generation = struct.unpack_from("=Q", body)[0]
        elif kind == CAPTURE_OPEN:
            self.captures[first] = (body[:4], fds)
        elif kind == CAPTURE_CLOSE:
            self.captures.pop(first, None)
        elif kind == FDB_DUMP:
            entry = FDB_ENTRY.pack(b"\x52\x54\x00\x00\x00\x01", 0, 1, 2, 3500, 1, 4)
            self.send(FDB_ENTRIES, seq, struct.pack("=II", 0, 1) + entry)
        self.ack(seq)
        if kind == STOP:
            sys.exit(0)

    def receive(self):
        message, ancillary, _, _ = self.daemon.recvmsg(65536, socket.CMSG_SPACE(4 * 16))
        fds = []
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = list(array.array("i", content))
        if not message:
            self.daemon.close()
            self.daemon = None
            return
        kind, seq, _, _ = HEADER.unpack_from(message)
        self.answer(kind, seq, message[HEADER.size:], fds)

    def run(self):
        while True:
            sockets = [self.listener] + ([self.daemon] if self.daemon else [])
            ready = select.select(sockets, [], [])[0]
            if self.listener in ready:
                if self.daemon:
                    self.daemon.close()
                self.daemon = self.listener.accept()[0]
            elif ready:
                try:
                    self.receive()
                except (ConnectionResetError, BrokenPipeError):
                    self.daemon = None


if __name__ == "__main__":
    listen_fd = int(sys.argv[sys.argv.index("--listen-fd") + 1])
    Engine(socket.socket(fileno=listen_fd)).run()

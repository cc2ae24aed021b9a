# SPDX-License-Identifier: Apache-2.0
"""A guest behind vhost-user, VMM and driver in one: one queue of split rings, no offloads.

Layouts are those of the vhost-user protocol and virtio 1.2 chapter 2.7."""

import array
import ctypes
import fcntl
import mmap
import os
import socket
import struct

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
NUM, ADDR, BASE, GET_BASE, KICK, CALL = 8, 9, 10, 11, 12, 13
GET_PROTOCOL, SET_PROTOCOL, ENABLE, SEND_RARP = 15, 16, 18, 19
F_VERSION_1, F_PROTOCOL = 1 << 32, 1 << 30
REPLY_ACK = 1 << 3
MEM = 1 << 20
USER = 0x7F0000000000
SIZE = 64  # entries of a ring
AVAIL, USED, BUFS, BUF = 0x400, 0x800, 0x10000, 2048
HDR = 12
DESC_WRITE = 2
F_ADD_SEALS, SEAL_SHRINK = 1033, 2


class Guest:
    def __init__(self, path, seals=0, listener=None):
        """@listener: the VMM is the server."""
        self.mem_fd = os.memfd_create("guest", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.mem_fd, MEM)
        fcntl.fcntl(self.mem_fd, F_ADD_SEALS, seals)
        self.listener = listener
        self.mem = mmap.mmap(self.mem_fd, MEM)
        self.kick = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        self.call = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        self.avail = [0, 0]
        self.seen = [0, 0]
        self.path = path
        for i in range(SIZE):
            self._offer(0, i, BUF, DESC_WRITE)
        self.connect()

    def connect(self):
        if self.listener:
            self.sock, _ = self.listener.accept()
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(self.path)
        self.sock.settimeout(10)
        features = self.ask(GET_FEATURES)
        assert features & F_VERSION_1 and features & F_PROTOCOL, hex(features)
        assert self.ask(GET_PROTOCOL) & REPLY_ACK
        self.say(SET_PROTOCOL, struct.pack("=Q", REPLY_ACK))
        self.say(SET_OWNER)
        self.say(SET_FEATURES, struct.pack("=Q", F_VERSION_1 | F_PROTOCOL))
        self.say(SET_MEM_TABLE, struct.pack("=II4Q", 1, 0, 0, MEM, USER, 0), [self.mem_fd])
        for ring in range(2):
            at = USER + self._ring(ring)
            self.say(NUM, struct.pack("=II", ring, SIZE))
            self.say(BASE, struct.pack("=II", ring, self.used(ring)))
            self.say(ADDR, struct.pack("=II4Q", ring, 0, at, at + USED, at + AVAIL, 0))
            self.say(KICK, struct.pack("=Q", ring), [self.kick[ring]])
            self.say(CALL, struct.pack("=Q", ring), [self.call[ring]])
            self.say(ENABLE, struct.pack("=II", ring, 1))
        self.sync()

    def say(self, request, payload=b"", fds=(), flags=1):
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([struct.pack("=III", request, flags, len(payload)) + payload], anc)

    def ask(self, request, payload=b""):
        self.say(request, payload)
        return self.answer()

    def answer(self):
        got = self.sock.recv(20, socket.MSG_WAITALL)
        if len(got) < 20:
            raise ConnectionError("hung up on")
        return struct.unpack_from("=Q", got, 12)[0]

    def sync(self):
        """All that was said before has been done."""
        self.say(SET_OWNER, flags=1 | 8)
        assert self.answer() == 0

    @staticmethod
    def _ring(ring):
        return ring * 0x2000

    def _offer(self, ring, i, length, flags):
        """Entry and buffer @i of @ring."""
        at, buf = self._ring(ring), BUFS + ring * SIZE * BUF + i * BUF
        struct.pack_into("=QIHH", self.mem, at + 16 * i, buf, length, flags, 0)
        slot = self.avail[ring] % SIZE
        struct.pack_into("=H", self.mem, at + AVAIL + 4 + 2 * slot, i)
        self.avail[ring] = (self.avail[ring] + 1) & 0xFFFF
        # in one store, which struct.pack_into() is not: the engine reads it meanwhile
        ctypes.c_uint16.from_buffer(self.mem, at + AVAIL + 2).value = self.avail[ring]

    def used(self, ring):
        return ctypes.c_uint16.from_buffer(self.mem, self._ring(ring) + USED + 2).value

    def send(self, frame, header=bytes(HDR)):
        """False: the ring is full."""
        return self.send_bytes(header + frame)

    def send_bytes(self, content):
        """Header and frame, or less."""
        if (self.avail[1] - self.used(1)) & 0xFFFF >= SIZE:
            return False
        i = self.avail[1] % SIZE
        at = BUFS + SIZE * BUF + i * BUF
        self.mem[at:at + len(content)] = content
        self._offer(1, i, len(content), 0)
        os.eventfd_write(self.kick[1], 1)
        return True

    def receive(self):
        """The frames that have come."""
        frames = []
        while self.seen[0] != self.used(0):
            at = self._ring(0) + USED + 4 + 8 * (self.seen[0] % SIZE)
            i, length = struct.unpack_from("=II", self.mem, at)
            buf = BUFS + i * BUF
            frames.append(bytes(self.mem[buf + HDR:buf + length]))
            self._offer(0, i, BUF, DESC_WRITE)
            self.seen[0] = (self.seen[0] + 1) & 0xFFFF
        if frames:
            os.eventfd_write(self.kick[0], 1)
        return frames

    def close(self):
        self.sock.close()
        for fd in self.kick + self.call + [self.mem_fd]:
            os.close(fd)

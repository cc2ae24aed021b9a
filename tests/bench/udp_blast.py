# SPDX-License-Identifier: Apache-2.0
"""Small datagrams, many: 64 of them with each sendmmsg(2), so that the sender is not the limit.

  send ADDR PORT SECONDS      as fast as it goes
  sink PORT                   a bound socket that nobody reads: no ICMP errors, no cost
  broadcast ADDR RATE SECONDS RATE datagrams a second
"""

import ctypes
import signal
import socket
import struct
import sys
import time

BATCH = 64


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


def send(addr, port, seconds):
    libc = ctypes.CDLL(None)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    s.connect((addr, int(port)))
    text = ctypes.create_string_buffer(64)
    iov = Iovec(ctypes.addressof(text), 64)
    msgs = (Mmsghdr * BATCH)()
    for m in msgs:
        m.hdr.iov = ctypes.pointer(iov)
        m.hdr.iovlen = 1
    print("sending", flush=True)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for _ in range(50):
            libc.sendmmsg(s.fileno(), msgs, BATCH, 0)


def sink(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.bind(("", int(port)))
    signal.pause()


def broadcast(addr, rate, seconds):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    print("sending", flush=True)
    start, n = time.monotonic(), 0
    while time.monotonic() - start < float(seconds):
        s.sendto(struct.pack("!Q", n), (addr, 9))
        n += 1
        time.sleep(max(0.0, start + n / float(rate) - time.monotonic()))


{"send": send, "sink": sink, "broadcast": broadcast}[sys.argv[1]](*sys.argv[2:])

# SPDX-License-Identifier: Apache-2.0
"""Senders and receivers that notice every loss and every wrong byte; run inside namespaces.

Each prints "ready" when it waits, and one JSON line at its end.
  udp-recv PORT                    arrival gaps and senders of a numbered stream, until told to stop
  udp-send ADDR PORT RATE SECONDS  numbered datagrams at RATE a second
  tcp-recv PORT                    one bulk connection: counts bytes, checks them against the seed
  tcp-send ADDR PORT SEED SECONDS  sends the seed's byte stream until the time is over
  tcp-idle-serve PORT N            N connections that answer one byte each when asked at the end
  tcp-idle ADDR[,ADDR] PORT N      opens N connections, to one address after the other; on SIGUSR1
                                   asks each and reports
Those that receive report whom they see as their peers.
"""

import hashlib
import json
import random
import signal
import socket
import struct
import sys
import time

BLOCK = 1 << 20
_stop = False


def on_term(_sig, _frame):
    global _stop
    _stop = True


def say(**kw):
    print(json.dumps(kw), flush=True)


def ready():
    print("ready", flush=True)


def block(seed):
    return random.Random(seed).randbytes(BLOCK)


def udp_recv(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind(("0.0.0.0", int(port)))
    s.settimeout(0.05)
    ready()
    gaps, last, n, seen_last, doubled, peers = [], None, 0, -1, 0, set()
    while not _stop:
        try:
            text, peer = s.recvfrom(2048)
        except TimeoutError:
            continue
        now = time.monotonic()
        peers.add(peer)
        seq = struct.unpack("!Q", text[:8])[0]
        if seq <= seen_last:
            doubled += 1
        seen_last = max(seq, seen_last)
        if last is not None:
            gaps.append((now - last, seq))
        last = now
        n += 1
    gaps.sort(reverse=True)
    say(received=n, last_seq=seen_last, doubled=doubled, peers=sorted(peers),
        longest_gap_ms=gaps[0][0] * 1000 if gaps else None,
        gaps_over_20_ms=[round(g * 1000, 1) for g, _ in gaps if g > 0.02])


def udp_send(addr, port, rate, seconds):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((addr, int(port)))
    period, seq, refused = 1 / float(rate), 0, 0
    start = time.monotonic()
    while not _stop and time.monotonic() - start < float(seconds):
        try:
            s.send(struct.pack("!Q", seq) + bytes(24))
        except OSError:
            refused += 1
        seq += 1
        time.sleep(max(0.0, start + seq * period - time.monotonic()))
    say(sent=seq, refused=refused)


def tcp_recv(port):
    listener = socket.create_server(("0.0.0.0", int(port)))
    ready()
    conn, _ = listener.accept()
    conn.settimeout(30)
    head = b""
    while len(head) < 8:
        head += conn.recv(8 - len(head))
    want = block(struct.unpack("!Q", head)[0])
    total, wrong, at = 0, 0, 0
    digest = hashlib.blake2b()
    while True:
        got = conn.recv(BLOCK - at)
        if not got:
            break
        if want[at:at + len(got)] != got:
            wrong += 1
        digest.update(got)
        at = (at + len(got)) % BLOCK
        total += len(got)
    say(bytes=total, wrong_blocks=wrong, digest=digest.hexdigest(), peers=[conn.getpeername()])


def tcp_send(addr, port, seed, seconds):
    s = socket.create_connection((addr, int(port)), timeout=30)
    text = block(int(seed))
    s.sendall(struct.pack("!Q", int(seed)))
    ready()
    total = 0
    digest = hashlib.blake2b()
    end = time.monotonic() + float(seconds)
    while not _stop and time.monotonic() < end:
        s.sendall(text)
        digest.update(text)
        total += len(text)
    s.close()
    say(bytes=total, digest=digest.hexdigest())


def tcp_idle_serve(port, n):
    listener = socket.create_server(("", int(port)), backlog=int(n), family=socket.AF_INET6,
                                    dualstack_ipv6=True)
    ready()
    conns = [listener.accept()[0] for _ in range(int(n))]
    say(peers=[c.getpeername()[:2] for c in conns])
    for c in conns:
        c.settimeout(None)
    for c in conns:
        try:
            c.sendall(c.recv(1))
        except OSError:
            pass
    signal.pause()


def tcp_idle(addr, port, n):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    addrs = addr.split(",")
    conns = [socket.create_connection((addrs[i % len(addrs)], int(port)), timeout=30)
             for i in range(int(n))]
    ready()
    signal.sigwait({signal.SIGUSR1})
    alive = 0
    for i, c in enumerate(conns):
        c.settimeout(10)
        try:
            c.sendall(bytes([i]))
            alive += c.recv(1) == bytes([i])
        except OSError:
            pass
    say(alive=alive, of=len(conns))


MODES = {"udp-recv": udp_recv, "udp-send": udp_send, "tcp-recv": tcp_recv, "tcp-send": tcp_send,
         "tcp-idle-serve": tcp_idle_serve, "tcp-idle": tcp_idle}
signal.signal(signal.SIGTERM, on_term)
MODES[sys.argv[1]](*sys.argv[2:])

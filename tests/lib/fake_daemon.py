# SPDX-License-Identifier: Apache-2.0
"""A daemon that only does what a test asks: starts an engine and speaks its messages.

Layouts are those of vswitch/abi/*.h; the ABI hash is taken from the engine's own HELLO_OK, because
a test has no build directory to look into."""

import array
import ctypes
import fcntl
import mmap
import os
import select
import socket
import struct
import subprocess
import time

HELLO, SEGMENT, VIF_OPEN, VIF_CLOSE, SNAPSHOT, FD_LIST = 1, 2, 3, 4, 5, 6
FDB_DUMP, FDB_FLUSH, CAPTURE_OPEN, CAPTURE_CLOSE, VIF_UPDATE, STOP = 7, 8, 9, 10, 11, 12
VHOST_ATTACH, VHOST_GIVE, VHOST_RESUME, VHOST_DEPOSIT, VHOST_STATE = 18, 19, 20, 110, 111
VHOST_SLOTS = 2 + 3 * 16 + 128
VHOST_STATE_SIZE = 64 << 10
HELLO_OK, ACK, HELD_SEGMENT, HELD_VIF, HELD_CAPTURE, FDB_ENTRIES, EVENT = range(101, 108)
SEGMENT_COUNTERS, SEGMENT_FDB = 1, 2
TYPE_TAP, TYPE_NETDEV, TYPE_HOST = 1, 2, 3
VIF_ID_MAX, WORKERS_MAX = 1024, 8
VIF_SLOT = 896
STAGES_SLOT = 256
COUNTERS_SIZE = 64 + WORKERS_MAX * (128 + VIF_ID_MAX * VIF_SLOT + STAGES_SLOT)
FDB_SIZE = 4 << 20
PORT_DEFAULT = 0x1F  # up, learn, flood, mcast, bcast
FLAG_TAP_FD, FLAG_USO = 2, 4
LEN_MAX = 61440

F_ADD_SEALS = 1033
SEAL_SEAL, SEAL_SHRINK, SEAL_GROW, SEAL_WRITE = 1, 2, 4, 8
SOL_PACKET, PACKET_AUXDATA, PACKET_VNET_HDR = 263, 8, 15
PACKET_IGNORE_OUTGOING, PACKET_QDISC_BYPASS = 23, 20
SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32
TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x2, 0x1000, 0x4000, 0x100
TUN_F_ALL = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x40  # csum, TSO4, TSO6, ECN, USO4, USO6


def memfd(size, content=b"", seals=SEAL_SHRINK | SEAL_GROW | SEAL_SEAL):
    fd = os.memfd_create("fake-daemon", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    if content:
        os.pwrite(fd, content, 0)
    fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def tap_open(name, queues=1):
    """fds of a new tap in the caller's network namespace, ready for a vif of type host."""
    fds = []
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (IFF_MULTI_QUEUE if queues > 1 else 0)
    for _ in range(queues):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", 12))
        fcntl.ioctl(fd, TUNSETOFFLOAD, TUN_F_ALL)
        fds.append(fd)
    return fds


def packet_socket(ifname, rcvbuf=8 << 20):
    """fd of a packet socket on @ifname, ready for a vif of type netdev or tap."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    for opt in (PACKET_VNET_HDR, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING, PACKET_QDISC_BYPASS):
        s.setsockopt(SOL_PACKET, opt, 1)
    for opt in (SO_RCVBUFFORCE, SO_SNDBUFFORCE):
        s.setsockopt(socket.SOL_SOCKET, opt, rcvbuf)
    ifindex = socket.if_nametoindex(ifname)
    s.setsockopt(SOL_PACKET, 1, struct.pack("iHH8s", ifindex, 1, 0, b""))  # promiscuous
    s.bind((ifname, 3))
    return s.detach()


def network(network_id, name="lab", mode=1, ageing=300, leg=0, mtu=1500, leg_mac=b"\0" * 6):
    return struct.pack("=HBBIIHH6sBB16s16x", network_id, mode, 0, ageing, 0, leg, mtu, leg_mac, 0, 0,
                       name.encode())


def port(vif_id, network_id, flags=PORT_DEFAULT, mtu=1500, mac=b"\0" * 6, name=""):
    return struct.pack("=HHIIH6s20x16s", vif_id, network_id, flags, 0, mtu, mac,
                       (name or "v%d" % vif_id).encode())


def snapshot(generation, networks, ports):
    size = 96 + sum(map(len, networks)) + sum(map(len, ports))
    head = struct.pack("=QQIII68x", 0x3170616E736B6C73, generation, size, len(networks), len(ports))
    return head + b"".join(networks) + b"".join(ports)


def vif_message(vif_id, vif_type, n_queues=1, name="", mtu=1500, flags=0):
    return struct.pack("=HBBIIHHQ16s16s24x", vif_id, vif_type, n_queues, flags, 0, mtu, 0,
                       vif_id * 1000, (name or "v%d" % vif_id).encode(), b"")


class Refused(Exception):
    pass


class FakeDaemon:
    def __init__(self, engine, args=(), run_dir=None, uid=65534):
        self.path = "%s/engine.sock" % run_dir if run_dir else "\0saklar-test-%d-%d" % (
            os.getpid(), time.monotonic_ns())
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self.path)
        listener.listen(4)
        argv = [engine, "--listen-fd", str(listener.fileno()), "--uid", str(uid), "--gid", str(uid)]
        self.started = time.monotonic()
        self.child = subprocess.Popen(argv + list(args), pass_fds=[listener.fileno()],
                                      start_new_session=True)
        listener.close()
        self.seq = 0
        self.abi_hash = 0
        self.events = []
        self.segments = {}
        self.deposits = {}  # (vif, slot): fd
        self.vhost_states = {}  # vif: (flags, why)
        self.generation = 0
        self.connect()

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(20)
        self.sock.connect(self.path)
        first = self.hello()
        self.abi_hash = struct.unpack_from("=Q", first)[0]
        self.ready_s = time.monotonic() - self.started
        return self.hello()

    def send(self, kind, body, fds=(), seq=None):
        if seq is None:
            self.seq += 1
            seq = self.seq
        head = struct.pack("=IIII", kind, seq, 16 + len(body), len(fds))
        self.send_raw(head + body, fds)

    def send_raw(self, message, fds=()):
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([message], anc)

    def receive(self):
        message, anc, _, _ = self.sock.recvmsg(LEN_MAX, socket.CMSG_SPACE(16 * 4))
        if not message:
            raise ConnectionError("the engine hung up")
        fds = array.array("i")
        for _, _, content in anc:
            fds.frombytes(content)
        kind, seq, _, _ = struct.unpack_from("=IIII", message)
        return kind, seq, message[16:], list(fds)

    def hello(self):
        self.send(HELLO, struct.pack("=Q48sI20x", self.abi_hash, b"fake", os.getpid()))
        kind, _, body, _ = self.receive()
        assert kind == HELLO_OK, kind
        return body

    def request(self, kind, body, fds=()):
        """Send, collect what comes before the ACK: [(kind, body, fds)]; Refused when not 0."""
        self.send(kind, body, fds)
        answers = []
        while True:
            got, seq, content, got_fds = self.receive()
            if seq == 0:
                self.take_unasked(got, content, got_fds)
                continue
            assert seq == self.seq, (got, seq)
            if got == ACK:
                rc, _, text = struct.unpack("=iI240s", content)
                if rc:
                    raise Refused(rc, text.split(b"\0")[0].decode())
                return answers
            answers.append((got, content, got_fds))

    def take_unasked(self, kind, content, fds):
        if kind == EVENT:
            self.events.append(struct.unpack_from("=IIi", content))
        elif kind == VHOST_DEPOSIT:
            vif, slot = struct.unpack("=II", content)
            for key in list(self.deposits):
                if key[0] == vif and slot in (key[1], VHOST_SLOTS):
                    os.close(self.deposits.pop(key))
            if fds:
                self.deposits[vif, slot] = fds[0]
        else:
            assert kind == VHOST_STATE, kind
            vif, flags, _, _, _, why = struct.unpack("=IIQIHxx160s", content)
            self.vhost_states[vif] = (flags, why.split(b"\0")[0].decode())

    def hear(self):
        """Take what the engine has said by itself, of a dead one too."""
        while select.select([self.sock], [], [], 0)[0]:
            try:
                kind, seq, content, fds = self.receive()
            except OSError:
                return
            assert seq == 0, kind
            self.take_unasked(kind, content, fds)

    def vhost_resume(self, vif_id, deposits):
        """Give back what an engine before this one had deposited."""
        for (vif, slot), fd in deposits.items():
            if vif == vif_id:
                self.request(VHOST_GIVE, struct.pack("=II", vif, slot), [fd])
        self.request(VHOST_RESUME, struct.pack("=I", vif_id))

    def segments_give(self):
        for kind, size in ((SEGMENT_COUNTERS, COUNTERS_SIZE), (SEGMENT_FDB, FDB_SIZE)):
            if kind not in self.segments:
                self.segments[kind] = memfd(size)
            self.request(SEGMENT, struct.pack("=IIQ", kind, 0, size), [self.segments[kind]])

    def vif_open(self, vif_id, vif_type, fds, n_queues=0, **more):
        self.request(VIF_OPEN, vif_message(vif_id, vif_type, n_queues or len(fds), **more), fds)

    def snapshot_send(self, networks, ports):
        self.generation += 1
        content = snapshot(self.generation, networks, ports)
        fd = memfd(len(content), content, SEAL_SHRINK | SEAL_GROW | SEAL_WRITE | SEAL_SEAL)
        try:
            self.request(SNAPSHOT, struct.pack("=QQ", self.generation, len(content)), [fd])
        finally:
            os.close(fd)

    def counters(self, vif_id):
        """rx_packets, rx_bytes, tx_packets, tx_bytes, drops {reason number: n} of the first worker."""
        raw = os.pread(self.segments[SEGMENT_COUNTERS], VIF_SLOT,
                       64 + WORKERS_MAX * 128 + vif_id * VIF_SLOT)
        v = struct.unpack("=112Q", raw)
        return {"rx_packets": v[0], "rx_bytes": v[1], "tx_packets": v[2], "tx_bytes": v[3],
                "drops": {i: n for i, n in enumerate(v[16:]) if n}}

    def worker(self):
        raw = os.pread(self.segments[SEGMENT_COUNTERS], 64, 64)
        keys = ("bursts", "packets", "polls", "sleeps", "wakeups", "busy_ns", "no_mbuf", "denied")
        return dict(zip(keys, struct.unpack("=8Q", raw)))

    def stop(self):
        if self.child.poll() is None:
            try:
                self.request(STOP, b"\0" * 4)
            except (OSError, AssertionError, Refused):
                self.child.kill()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.sock.close()
        return self.child.returncode

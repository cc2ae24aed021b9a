# SPDX-License-Identifier: Apache-2.0
"""Frames as bytes, sent and received on a device of a namespace through packet sockets."""

import contextlib
import socket
import struct
import time

from scapy.all import Ether, IP, UDP, Raw  # pylint: disable=no-name-in-module

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
PACKET_VNET_HDR = 15
TP_STATUS_VLAN_VALID = 1 << 4
SO_RCVBUFFORCE = 33


class Wire:
    """All frames of one device, sent by write() and seen by read().

    The kernel strips a VLAN tag from received frames; it is put back here, so that frames look as
    they did on the wire.
    """

    def __init__(self, ns, ifname, outgoing=False):
        self.sock = ns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        if not outgoing:
            self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        with ns.net():
            self.sock.bind((ifname, ETH_P_ALL))

    def write(self, frame):
        self.sock.send(bytes(frame))

    def read(self, timeout):
        """Next frame, or None after @timeout seconds."""
        self.sock.settimeout(max(timeout, 0.0001))
        try:
            frame, anc, _, _ = self.sock.recvmsg(70000, 256)
        except (TimeoutError, BlockingIOError):
            return None
        for level, kind, value in anc:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", value[:20])
                if status & TP_STATUS_VLAN_VALID:
                    frame = frame[:12] + struct.pack("!HH", tpid or 0x8100, tci) + frame[12:]
        return frame

    def read_until(self, match, timeout=5.0):
        """All frames up to and with the first for which match(frame) is true."""
        end = time.monotonic() + timeout
        seen = []
        while time.monotonic() < end:
            frame = self.read(end - time.monotonic())
            if frame is None:
                break
            seen.append(frame)
            if match(frame):
                return seen
        raise AssertionError(f"the awaited frame did not come within {timeout} s; "
                             f"{len(seen)} others: {[show(f) for f in seen[:20]]}")

    def drain(self):
        while self.read(0) is not None:
            pass

    def close(self):
        self.sock.close()


@contextlib.contextmanager
def wire(ns, ifname, **kw):
    w = Wire(ns, ifname, **kw)
    try:
        yield w
    finally:
        w.close()


def show(frame):
    return Ether(frame).summary()


def udp_frame(src, dst, text, src_ip="10.99.0.1", dst_ip="10.99.0.2", port=7777):
    """A complete UDP frame, checksums filled in, with @text as its payload."""
    text = text.encode() if isinstance(text, str) else text
    return bytes(Ether(src=src, dst=dst) / IP(src=src_ip, dst=dst_ip)
                 / UDP(sport=port, dport=port) / Raw(text))


def has(text):
    """A matcher: the frame contains this text."""
    text = text.encode() if isinstance(text, str) else text
    return lambda frame: text in frame

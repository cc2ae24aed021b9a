# SPDX-License-Identifier: Apache-2.0
"""Frames with a virtio-net header, sent on a packet socket: what a guest's kernel may send."""

import fcntl
import os
import socket
import struct

from .wire import ETH_P_ALL, PACKET_VNET_HDR, SOL_PACKET

NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_TCPV6, GSO_UDP_L4 = 0, 1, 3, 4, 5


TUNSETIFF = 0x400454CA
TUNSETVNETHDRSZ = 0x400454D8
TAP_FLAGS = 0x2 | 0x1000 | 0x4000  # IFF_TAP, IFF_NO_PI, IFF_VNET_HDR


def open_tap(ns, name):
    """The fd of a tap, as a VMM holds it; frames carry a 10-byte virtio-net header."""
    with ns.net():
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_FLAGS))
        fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", 10))
    return fd


def vnet_header(flags=0, gso=GSO_NONE, hdr_len=0, gso_size=0, csum_start=0, csum_at=0):
    return struct.pack("=BBHHHH", flags, gso, hdr_len, gso_size, csum_start, csum_at)


def ones_sum(text):
    if len(text) % 2:
        text += b"\0"
    total = sum(struct.unpack(f"!{len(text) // 2}H", text))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def pseudo_sum(frame, l3, l4, proto):
    """Sum of the pseudo header, as a sender leaves it in the checksum field."""
    version = frame[l3] >> 4
    addresses = frame[l3 + 12:l3 + 20] if version == 4 else frame[l3 + 8:l3 + 40]
    return ones_sum(addresses + struct.pack("!HH", proto, len(frame) - l4))


class VnetWire:
    """A packet socket that takes a virtio-net header before each frame."""

    def __init__(self, ns, ifname):
        self.sock = ns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, 32, 16 << 20)  # SO_SNDBUFFORCE
        with ns.net():
            self.sock.bind((ifname, ETH_P_ALL))

    def write(self, frame, flags=0, gso=GSO_NONE, hdr_len=0, gso_size=0, csum_start=0, csum_at=0):
        self.sock.send(vnet_header(flags, gso, hdr_len, gso_size, csum_start, csum_at) + frame)

    def close(self):
        self.sock.close()


def write_partial_csum(ns, ifname, frame, l3, l4, csum_at, proto=6):
    """Send @frame with only the pseudo header summed up; the receiver side must finish it."""
    frame = bytearray(frame)
    struct.pack_into("!H", frame, l4 + csum_at, pseudo_sum(bytes(frame), l3, l4, proto))
    w = VnetWire(ns, ifname)
    try:
        w.write(bytes(frame), NEEDS_CSUM, csum_start=l4, csum_at=csum_at)
    finally:
        w.close()
    return bytes(frame)

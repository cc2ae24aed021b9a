# SPDX-License-Identifier: Apache-2.0
"""Reads pcapng (and what tcpdump writes) into plain records; strict, so that a wrong file fails."""

import dataclasses
import struct

SHB, IDB, EPB, ISB = 0x0A0D0D0A, 1, 6, 5
OPT_COMMENT, OPT_IF_NAME, OPT_EPB_FLAGS, OPT_ISB_DROP = 1, 2, 2, 5
DIRECTION = {0: None, 1: "in", 2: "out"}


@dataclasses.dataclass
class Packet:
    """One captured frame."""
    frame: bytes
    orig_len: int
    ifname: str = ""
    direction: str = None
    comments: tuple = ()
    time_ns: int = 0


def _options(body):
    at = 0
    while at + 4 <= len(body):
        code, length = struct.unpack_from("<HH", body, at)
        if code == 0:
            return
        yield code, body[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def _blocks(text):
    at = 0
    while at < len(text):
        if at + 12 > len(text):
            return  # a live file may end in the middle of a block
        kind, length = struct.unpack_from("<II", text, at)
        assert length % 4 == 0 and length >= 12, f"block at {at}: length {length}"
        if at + length > len(text):
            return
        assert struct.unpack_from("<I", text, at + length - 4)[0] == length, f"block at {at}"
        yield kind, text[at + 8:at + length - 4]
        at += length


def read_pcapng(text):
    """(packets, lost): all packets and the number of lost ones that the file tells of."""
    interfaces, packets, lost = [], [], 0
    first = True
    for kind, body in _blocks(text):
        assert not first or kind == SHB, "does not begin with a section header"
        first = False
        if kind == IDB:
            options = dict(_options(body[8:]))
            resol = options.get(9, b"\6")[0]
            assert not resol & 0x80, "power of two resolution"
            interfaces.append((options.get(OPT_IF_NAME, b"").rstrip(b"\0").decode(),
                               10 ** (9 - resol)))
        elif kind == EPB:
            index, high, low, cap_len, orig_len = struct.unpack_from("<IIIII", body)
            options = list(_options(body[20 + (cap_len + 3) // 4 * 4:]))
            flags = [struct.unpack("<I", v)[0] for c, v in options if c == OPT_EPB_FLAGS]
            comments = tuple(v.decode() for c, v in options if c == OPT_COMMENT)
            name, factor = interfaces[index]
            packets.append(Packet(body[20:20 + cap_len], orig_len, name,
                                  DIRECTION[flags[0] & 3] if flags else None, comments,
                                  ((high << 32) | low) * factor))
        elif kind == ISB:
            for code, value in _options(body[12:]):
                if code == OPT_ISB_DROP:
                    lost = max(lost, struct.unpack("<Q", value)[0])
    return packets, lost


def read_pcap(text):
    """Packets of a classic pcap file, as tcpdump writes it."""
    magic, = struct.unpack_from("<I", text)
    assert magic in (0xA1B2C3D4, 0xA1B23C4D), hex(magic)
    at, packets = 24, []
    while at + 16 <= len(text):
        _, _, cap_len, orig_len = struct.unpack_from("<IIII", text, at)
        if at + 16 + cap_len > len(text):
            break
        packets.append(Packet(text[at + 16:at + 16 + cap_len], orig_len))
        at += 16 + cap_len
    return packets

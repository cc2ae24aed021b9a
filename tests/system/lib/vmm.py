# SPDX-License-Identifier: Apache-2.0
"""Plays a VMM with one guest: opens the persistent tap of a vif the way QEMU does and joins it
with a tap inside the guest's network namespace, frames and virtio-net headers as they are.

The guest's tap is opened with the same offloads, so the guest's kernel sends GSO frames and
frames without a checksum, as a virtio-net driver would.
"""

import argparse
import ctypes
import fcntl
import os
import signal
import struct
import subprocess
import threading

TUNSETIFF = 0x400454CA
TUNSETOFFLOAD = 0x400454D0
TUNSETVNETHDRSZ = 0x400454D8
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x2, 0x1000, 0x4000, 0x100
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6 = 0x1, 0x2, 0x4, 0x20, 0x40
VNET_HDR_LEN = 12  # virtio_net_hdr_mrg_rxbuf, as QEMU sets it
CLONE_NEWNET = 0x40000000


def open_queue(name, flags, is_plain):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", VNET_HDR_LEN))
    if is_plain:
        fcntl.ioctl(fd, TUNSETOFFLOAD, 0)
        return fd
    offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
    try:
        fcntl.ioctl(fd, TUNSETOFFLOAD, offload | TUN_F_USO4 | TUN_F_USO6)
    except OSError:
        fcntl.ioctl(fd, TUNSETOFFLOAD, offload)
    return fd


def pump(src, dst):
    """Carry frames one way until the program ends; a full or closed side loses the frame."""
    while True:
        frame = os.read(src, VNET_HDR_LEN + 65553)
        try:
            os.write(dst, frame)
        except OSError:
            pass


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--tap", required=True)
    ap.add_argument("--queues", type=int, default=1)
    ap.add_argument("--guest-netns", required=True)
    ap.add_argument("--guest-if", required=True)
    ap.add_argument("--guest-mac")
    ap.add_argument("--plain", action="store_true", help="a NIC without offloads, as an e1000")
    args = ap.parse_args()
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
    if args.queues > 1:  # QEMU sets this flag only when it has been asked for several queues
        flags |= IFF_MULTI_QUEUE
    outer = [open_queue(args.tap, flags, args.plain) for _ in range(args.queues)]
    with open(args.guest_netns, "rb") as netns:
        if ctypes.CDLL(None, use_errno=True).setns(netns.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    inner = [open_queue(args.guest_if, flags, args.plain) for _ in range(args.queues)]
    if args.guest_mac:
        subprocess.run(["ip", "link", "set", args.guest_if, "address", args.guest_mac], check=True)
    for i, o in zip(inner, outer):
        for src, dst in ((i, o), (o, i)):
            threading.Thread(target=pump, args=(src, dst), daemon=True).start()
    print("ready", flush=True)
    signal.pause()


main()

# SPDX-License-Identifier: Apache-2.0
"""Captures by `saklar capture` into a file."""

import signal

from .pcapng import read_pcapng
from .wait import wait_until


class Capture:
    """A running `saklar capture ... -w FILE`."""

    def __init__(self, lab, *args):
        lab.workdir.joinpath("captures").mkdir(exist_ok=True)
        n = len(list(lab.workdir.joinpath("captures").iterdir()))
        self.path = lab.workdir / "captures" / f"{n}.pcapng"
        self.program = lab.host.start(*lab.saklar.cmd("capture", *args, "-w", str(self.path)),
                                      env=lab.saklar.env)
        # The section header is in the file as soon as the engine has taken the capture.
        wait_until(lambda: self.path.exists() and self.path.stat().st_size >= 28, 5,
                   "the capture runs")

    def packets(self):
        return read_pcapng(self.path.read_bytes())[0]

    def wait_for(self, text, timeout=5):
        """Packets up to now, as soon as one with @text is among them."""
        text = text.encode() if isinstance(text, str) else text

        def found():
            packets = self.packets()
            return packets if any(text in p.frame for p in packets) else None

        return wait_until(found, timeout, f"{text!r} is in the capture")

    def end(self):
        """SIGINT as from a terminal; returns (packets, lost, what was said)."""
        code = self.program.stop(signal.SIGINT)
        assert code == 0, (code, self.program.output())
        packets, lost = read_pcapng(self.path.read_bytes())
        return packets, lost, self.program.output()

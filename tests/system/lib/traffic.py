# SPDX-License-Identifier: Apache-2.0
"""Traffic between guests with ordinary programs."""

import contextlib
import json
import signal

from .wait import wait_until


def ping(ns, addr, count=3, size=None, more=(), timeout=10):
    """All answers must come."""
    args = ["ping", "-n", "-q", "-c", str(count), "-i", "0.02", "-W", "3", *more]
    if size:
        args += ["-s", str(size)]
    out = ns.out(*args, addr, timeout=timeout)
    assert f"{count} received" in out or f"{count} packets received" in out, out


def can_ping(ns, addr, timeout_s=1):
    return ns.ok("ping", "-n", "-q", "-c", "1", "-W", str(timeout_s), addr)


def wait_ping(ns, addr, timeout=10):
    """Wait until @addr answers: for the first packet after a change."""
    wait_until(lambda: can_ping(ns, addr), timeout, f"{ns.name} pings {addr}")


@contextlib.contextmanager
def iperf3_server(ns, port=5201):
    server = ns.start("iperf3", "-s", "-p", port, "--forceflush")
    wait_until(lambda: ns.listens(port), 5, "iperf3 listens")
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


def iperf3(client, server, addr, *more, size="64M", port=5201, timeout=60):
    """One TCP (or with -u UDP) run of @size bytes; returns iperf3's JSON."""
    with iperf3_server(server, port):
        args = ["iperf3", "-J", "-c", addr, "-p", str(port), *more]
        if "-t" not in more:
            args += ["-n", size]
        done = client.run(*args, check=False, timeout=timeout)
        result = json.loads(done.stdout)
        assert "error" not in result, result["error"]
        return result


def gbits(result):
    return result["end"]["sum_received"]["bits_per_second"] / 1e9


def tcpdump(ns, ifname, path, *expr):
    """tcpdump that has begun to capture @ifname into @path."""
    program = ns.start("tcpdump", "-i", ifname, "-n", "-U", "--immediate-mode", "-B", "65536",
                       "-w", path, *expr)
    wait_until(lambda: "listening on" in program.output(), 5, "tcpdump listens")
    return program

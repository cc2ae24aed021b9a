# SPDX-License-Identifier: Apache-2.0
"""What a running engine can still do: compared with docs/threat-model.md.

    test (fake daemon) --engine.sock--> saklar-vswitch: main, eal-intr-thread, worker(s)

The filters are read out of the kernel (PTRACE_SECCOMP_GET_FILTER) and run here, in a small
interpreter of classic BPF, over every system call number."""

import ctypes
import os
import pathlib
import re
import signal
import struct
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import fake_daemon as fd  # noqa: E402

from lib.instance import BUILD  # noqa: E402
from lib.wait import wait_until  # noqa: E402

ENGINE = str(BUILD / "saklar-vswitch")
NR_MAX = 470
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[os.uname().machine]
RET_KILL_PROCESS, RET_KILL_THREAD, RET_TRAP, RET_ERRNO = 0x80000000, 0, 0x00030000, 0x00050000
RET_ALLOW = 0x7FFF0000
EAL_LOOKS = "/sys/devices/system/cpu/cpu0/topology"  # what rte_eal_init() reads first
OTHERWISE = {"kill": RET_KILL_PROCESS, "trap": RET_TRAP}
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, PTRACE_GET_FILTER = 0x4206, 0x4207, 17, 0x420C
WALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 2
libc.ptrace.restype = ctypes.c_long
libseccomp = ctypes.CDLL("libseccomp.so.2")


def ptrace(request, tid, addr=0, buf=0):
    r = libc.ptrace(request, tid, addr, buf)
    if r < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"ptrace {request:#x}")
    return r


def filters_of(tid):
    """All filters of a thread, newest first, each a list of (code, jt, jf, k)."""
    ptrace(PTRACE_SEIZE, tid)
    try:
        ptrace(PTRACE_INTERRUPT, tid)
        os.waitpid(tid, WALL)
        found = []
        while True:
            try:
                n = ptrace(PTRACE_GET_FILTER, tid, len(found))
            except FileNotFoundError:
                return found
            buf = ctypes.create_string_buffer(8 * n)
            ptrace(PTRACE_GET_FILTER, tid, len(found), ctypes.addressof(buf))
            found.append(list(struct.iter_unpack("=HBBI", buf.raw)))
    finally:
        ptrace(PTRACE_DETACH, tid)


def run_filter(program, nr, args=(0,) * 6, arch=AUDIT_ARCH):
    """The action that a filter takes for one call; the classic BPF that seccomp accepts."""
    packet = struct.pack("=IIQ6Q", nr, arch, 0, *args)
    a = x = pc = 0
    while True:
        code, jt, jf, k = program[pc]
        pc += 1
        kind = code & 7
        if code == 0x20:  # ld [k]
            a = struct.unpack_from("=I", packet, k)[0]
        elif code == 0x06:  # ret k
            return k
        elif code == 0x05:  # ja
            pc += k
        elif kind == 5:
            b = x if code & 8 else k
            hit = {0x10: a == b, 0x20: a > b, 0x30: a >= b, 0x40: bool(a & b)}[code & 0xF0]
            pc += jt if hit else jf
        elif code == 0x54:  # and k
            a &= k
        elif code == 0x07:
            x = a
        else:
            raise AssertionError(f"instruction {code:#x} is not known here")


def resolve(name):
    return libseccomp.seccomp_syscall_resolve_name(name.encode())


def documented():
    """{thread: (otherwise, {nr: [conditions, ...]})}; a condition: {arg: (mask, value)}."""
    text = (ROOT / "docs" / "threat-model.md").read_text()
    blocks = {}
    for thread, otherwise, body in re.findall(
            r"```syscalls (\S+)(?: otherwise=(\w+))?\n(.*?)```", text, re.S):
        calls = {}
        for line in body.strip().splitlines():
            words = line.split()
            nr = resolve(words[0])
            conditions = {}
            for word in words[1:]:
                m = re.fullmatch(r"arg(\d)(?:&(\w+))?=(\w+)", word)
                if not m:
                    break
                mask = int(m[2], 0) if m[2] else (1 << 64) - 1
                conditions[int(m[1])] = (mask, int(m[3], 0))
            assert len(words) > 1 + len(conditions), f"no reason in: {line}"
            if nr >= 0:
                calls.setdefault(nr, []).append(conditions)
        blocks[thread] = (otherwise, calls)
    return blocks


def args_for(conditions, break_arg=None):
    args = [0] * 6
    for arg, (mask, value) in conditions.items():
        args[arg] = value ^ (mask & -mask) if arg == break_arg else value
    return tuple(args)


@pytest.fixture(scope="module", params=["no_hugepages", "hugepages", "three_workers"])
def engine(request):
    pages = pathlib.Path("/proc/sys/vm/nr_hugepages")
    before = pages.read_text()
    if request.param == "hugepages":
        pages.write_text(str(int(before) + 64))
    args = ["--no-huge"] if request.param != "hugepages" else []
    if request.param == "three_workers":
        args += ["--workers", "0,-,-"]
    daemon = fd.FakeDaemon(ENGINE, args)
    daemon.segments_give()
    daemon.snapshot_send([fd.network(1)], [])
    yield daemon
    status = daemon.stop()
    pages.write_text(before)
    assert status == 0


def threads(pid):
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        name = pathlib.Path(f"/proc/{pid}/task/{tid}/comm").read_text().strip()
        found.setdefault(name, []).append(int(tid))
    return found


def status_of(pid, tid):
    lines = pathlib.Path(f"/proc/{pid}/task/{tid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def is_sanitized():
    return b"__asan_init" in pathlib.Path(ENGINE).read_bytes() or \
        b"__tsan_init" in pathlib.Path(ENGINE).read_bytes()


def test_every_thread_is_documented_and_no_other_exists(engine):
    names = set(threads(engine.child.pid))
    assert names == set(documented()) - {"sanitized"}


def test_filters_allow_exactly_the_documented_calls(engine):
    blocks = documented()
    extra = blocks["sanitized"][1] if is_sanitized() else {}
    for name, tids in threads(engine.child.pid).items():
        otherwise, calls = blocks[name]
        for tid in tids:
            filters = filters_of(tid)
            assert len(filters) == 1, f"{name}: {len(filters)} filters"
            for nr in range(NR_MAX):
                allowed = [{}] if nr in extra else calls.get(nr)
                check_call(filters[0], name, nr, allowed, OTHERWISE[otherwise])


def check_call(program, name, nr, allowed, otherwise):
    ones = ((1 << 64) - 1,) * 6
    if allowed is None:
        for args in ((0,) * 6, ones):
            assert run_filter(program, nr, args) == otherwise, f"{name}: call {nr}"
        return
    for conditions in allowed:
        assert run_filter(program, nr, args_for(conditions)) == RET_ALLOW, f"{name}: {nr}"
        for arg in conditions:
            got = run_filter(program, nr, args_for(conditions, arg))
            assert got == otherwise, f"{name}: call {nr} with another argument {arg}"
    if not any(allowed):
        assert run_filter(program, nr, ones) == RET_ALLOW, f"{name}: {nr} has a condition"


def test_calls_of_other_architectures_kill(engine):
    for tids in threads(engine.child.pid).values():
        program = filters_of(tids[0])[0]
        assert run_filter(program, 1, arch=0x40000003) == RET_KILL_PROCESS  # i386
        if os.uname().machine == "x86_64":
            assert run_filter(program, 0x40000001) == RET_KILL_PROCESS  # x32


def test_no_thread_has_capabilities_privileged_ids_or_groups(engine):
    pid = engine.child.pid
    for tids in threads(pid).values():
        for tid in tids:
            status = status_of(pid, tid)
            for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(status[field], 16) == 0, field
            assert status["Uid"].split() == ["65534"] * 4
            assert status["Gid"].split() == ["65534"] * 4
            assert status["Groups"].split() == []
            assert status["NoNewPrivs"].strip() == "1"
            assert status["Seccomp"].strip() == "2"


def test_namespaces_are_its_own(engine):
    for kind in ("net", "mnt", "ipc", "uts"):
        own = os.readlink(f"/proc/{engine.child.pid}/ns/{kind}")
        assert own != os.readlink(f"/proc/self/ns/{kind}"), kind


def test_network_namespace_holds_only_loopback_and_it_is_down(engine):
    lines = pathlib.Path(f"/proc/{engine.child.pid}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in lines] == ["lo"]


def test_root_directory_holds_only_what_eal_reads_and_is_read_only(engine):
    root = pathlib.Path(f"/proc/{engine.child.pid}/root")
    assert sorted(p.name for p in root.iterdir()) == ["proc", "sys", "tmp"]
    assert sorted(p.name for p in (root / "proc").iterdir()) == ["cpuinfo", "meminfo", "mounts", "sys"]
    for line in pathlib.Path(f"/proc/{engine.child.pid}/mountinfo").read_text().splitlines():
        options = line.split()[5].split(",")
        assert {"ro", "nosuid", "nodev", "noexec"} <= set(options), line


def test_no_mapping_is_writable_and_executable(engine):
    maps = pathlib.Path(f"/proc/{engine.child.pid}/maps").read_text().splitlines()
    bad = [line for line in maps if "w" in line.split()[1] and "x" in line.split()[1]]
    assert not bad


def test_it_leaves_no_core_and_cannot_be_read_by_its_own_user(engine):
    limits = pathlib.Path(f"/proc/{engine.child.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    assert os.stat(f"/proc/{engine.child.pid}/status").st_uid == 0  # as the kernel does for dumpable 0


def test_a_daemon_of_another_user_is_refused(engine):
    pid = os.fork()
    if pid == 0:
        os.setresuid(12345, 12345, 12345)
        s = fd.socket.socket(fd.socket.AF_UNIX, fd.socket.SOCK_SEQPACKET)
        s.connect(engine.path)
        os._exit(0 if s.recv(1) == b"" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    engine.request(fd.FDB_FLUSH, struct.pack("=IIQ", 0, 0, 0))  # and the right one is still served


def test_hugepages_that_are_short_end_it_with_status_75():
    pages = pathlib.Path("/proc/sys/vm/nr_hugepages")
    before = pages.read_text()
    pages.write_text("1")
    try:
        listener = fd.socket.socket(fd.socket.AF_UNIX, fd.socket.SOCK_SEQPACKET)
        listener.bind("")
        listener.listen(1)
        done = fd.subprocess.run([ENGINE, "--listen-fd", str(listener.fileno())],
                                 pass_fds=[listener.fileno()], check=False, capture_output=True)
        assert done.returncode == 75
    finally:
        pages.write_text(before)


def test_privileges_are_gone_before_eal_looks_at_the_machine(tmp_path):
    trace = tmp_path / "trace"
    listener = fd.socket.socket(fd.socket.AF_UNIX, fd.socket.SOCK_SEQPACKET)
    listener.bind("")
    listener.listen(1)
    child = fd.subprocess.Popen(
        ["strace", "-f", "-o", str(trace), "-e", "trace=setresuid,capset,prctl,openat",
         ENGINE, "--no-huge", "--listen-fd", str(listener.fileno()), "--uid", "65534", "--gid",
         "65534"], pass_fds=[listener.fileno()], stdout=fd.subprocess.DEVNULL,
        stderr=fd.subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: trace.exists() and EAL_LOOKS in trace.read_text(), 20,
                   "EAL has looked at the processors")
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    lines = trace.read_text().splitlines()
    eal = next(i for i, line in enumerate(lines) if EAL_LOOKS in line)
    for what in (r"setresuid\(65534, 65534, 65534\) += 0", r"PR_SET_NO_NEW_PRIVS, 1.* = 0",
                 r"capset\(.*effective=0, permitted=0, inheritable=0.*= 0"):
        where = [i for i, line in enumerate(lines) if re.search(what, line)]
        assert where and where[0] < eal, (what, lines[:eal + 1])

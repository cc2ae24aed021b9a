# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel in a QEMU guest answers scenarios."""
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


MODULES = ("bridge", "tun")


def modules_of(tree):
    """The files of the modules that the oracle needs, those they depend on first."""
    folder = next((tree / "lib/modules").iterdir())
    files = []
    for line in (folder / "modules.dep").read_text(encoding="utf-8").splitlines():
        path, needs = line.split(":")
        if pathlib.Path(path).name.split(".")[0] in MODULES:
            files += [folder / need for need in [*reversed(needs.split()), path]]
    return list(dict.fromkeys(files))


def extra_archive(folder, oracle, scenarios, modules):
    """What is added to the guest's first file system, as a cpio archive."""
    (folder / "oracle").write_bytes(oracle.read_bytes())
    (folder / "oracle").chmod(0o755)
    (folder / "scenarios").write_text(scenarios, encoding="utf-8")
    load = [f"insmod /{path.name}" for path in modules]
    (folder / "ask").write_text("\n".join(["set -e", *load, "/oracle </scenarios", ""]),
                                encoding="utf-8")
    for path in modules:
        (folder / path.name).write_bytes(path.read_bytes())
    names = ["oracle", "scenarios", "ask", *(path.name for path in modules), ""]
    return subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=folder,
                          input="\n".join(names).encode(), stdout=subprocess.PIPE,
                          check=True).stdout


def lines_of(guest, wanted):
    """Lines of the guest until one that `wanted` is true of."""
    for line in guest.stdout:
        line = line.rstrip("\r\n")
        if wanted(line):
            return
        yield line
    raise AssertionError("the guest ended")


def ask(oracle, scenarios):
    """The answer of the guest's kernel, and its version."""
    command = subprocess.run([ROOT / "tools/vm-image", "--qemu", "oracle"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout.splitlines()
    initrd = command.index("-initrd") + 1
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        image = pathlib.Path(command[initrd])
        archive = extra_archive(folder, oracle, scenarios, modules_of(image.parent / "modules"))
        both = folder / "initrd"
        both.write_bytes(image.read_bytes() + archive)
        command[initrd] = str(both)
        with subprocess.Popen([*command, "-serial", "stdio"], text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as guest:
            try:
                list(lines_of(guest, lambda line: line == "ready oracle"))
                guest.stdin.write("v uname -r\nr sh /ask\n")
                guest.stdin.flush()
                version = [line[3:] for line in lines_of(guest, lambda x: x.startswith("=v "))]
                end = []
                answer = [line[3:] for line in lines_of(
                    guest, lambda x: x.startswith("=r ") and not end.append(x))]
            finally:
                guest.kill()
    assert end == ["=r 0"], (end, answer[-3:])
    return "\n".join(answer) + "\n", version[0]

# SPDX-License-Identifier: Apache-2.0
"""The kernel with the rules of libvirt's networks and Saklar are asked the same; so they answer.

The programs make a network namespace of their own; see routed_sides.h for the topology and
docs/differences.md for what is not the same on purpose."""
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("SAKLAR_BUILD", HERE.parents[1] / "build/release"))


def run(program, *arguments):
    done = subprocess.run([BUILD / "tests" / program, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    print(done.stdout[-8000:])
    assert done.returncode == 0, done.stdout[:8000]
    return done.stdout


def test_libvirts_eleven_networks_answer_as_the_kernel_does():
    text = run("routed_matrix")
    assert " 0 answered differently" in text


def test_random_conversations_are_the_same_through_both():
    seed = os.environ.get("SAKLAR_SEED", "1")
    text = run("routed_random", seed, os.environ.get("SAKLAR_STEPS", "20000"))
    rows = {tuple(line.split()[:-1]): int(line.split()[-1]) for line in text.splitlines()
            if line and line.split()[-1].isdigit() and not line.startswith("seed")}
    for rule in ("new, of a guest translated", "new, of a guest passed", "answer translated",
                 "answer passed", "goes on translated", "goes on passed", "new, from the LAN rejected",
                 "new, from the LAN passed", "new, not of NET rejected", "related error translated",
                 "related error passed"):
        assert rows[tuple(rule.split())] >= 50, (rule, rows)

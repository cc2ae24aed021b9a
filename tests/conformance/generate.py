# SPDX-License-Identifier: Apache-2.0
"""Random scenarios from a seed: the same seed gives the same text for ever."""
import random

FLAGS = ["isolated", "hairpin", "noflood", "nomcast", "nobcast", "nolearn"]
VIDS = [1, 2, 10, 20, 30, 4094]


def vlans(rng):
    """The list of one port; several kinds of ports, and some that are none of these."""
    if rng.random() < 0.15:
        return ""  # as a new port is
    some = rng.sample(VIDS, rng.randint(1, 4))
    words = [f"{vid}{'u' if rng.random() < 0.15 else ''}" for vid in some]
    if rng.random() < 0.7:
        words[0] = f"{some[0]}p{'u' if rng.random() < 0.7 else ''}"
    if rng.random() < 0.1:
        words.append("100-120")
    return " vlan=" + ",".join(words)


def port(rng, number, is_filtering):
    flags = [flag for flag in FLAGS if rng.random() < 0.12]
    if rng.random() < 0.04:
        flags.append("down")
    if rng.random() < 0.05:
        flags.append("mtu=1400")
    text = " ".join(["port", str(number), *flags])
    return text + (vlans(rng) if is_filtering else "")


def tags(rng, is_filtering):
    if rng.random() < (0.35 if is_filtering else 0.8):
        return "-"
    tag = rng.choice("qqqqs") + str(rng.choice([0, *VIDS, 110, 4095]))
    if rng.random() < 0.3:
        tag += f".{rng.randint(1, 7)}"
    if rng.random() < 0.15:
        tag += "+" + rng.choice("qqs") + str(rng.choice(VIDS))
    return tag


def address(rng, is_source):
    dice = rng.random()
    if dice < 0.08:
        return "bc" if not is_source or dice < 0.01 else "m1"
    if dice < 0.14:
        return f"g{rng.randint(1, 3)}" if not is_source or dice < 0.09 else "m2"
    if dice < 0.20 and not is_source:
        return f"l{rng.choice([0, 1, 2, 3, 14, 16])}"
    if dice < 0.21:
        return "zero"
    return f"m{rng.randint(1, 6)}"


def entry(rng, n_ports, sticky):
    """A static entry; each address has one at most, since what has moved cannot be told from here."""
    free = [f"m{i}" for i in range(1, 7) if f"m{i}" not in sticky]
    gone = [mac for mac, port in sticky.items() if port]
    if gone and rng.random() < 0.3:
        mac = rng.choice(gone)
        number, sticky[mac] = sticky[mac], 0
        return f"nofdb {number} {mac}"
    if not free:
        return None
    mac, number = rng.choice(free), rng.randint(1, n_ports)
    is_sticky = rng.random() < 0.5
    sticky[mac] = number if is_sticky else 0
    return f"{'sticky' if is_sticky else 'fdb'} {number} {mac}"


def scenario(rng, name, is_filtering, has_entries):
    n_ports = rng.randint(2, 5)
    lines = [f"scenario {name}"]
    words, sticky = [], {}
    locked = rng.randint(1, n_ports) if has_entries and rng.random() < 0.3 else 0
    if is_filtering:
        words.append("filtering=" + rng.choice(["802.1q", "802.1q", "802.1q", "802.1ad"]))
    fwd = rng.choice([0x8, 0x4000, 0xfff8]) if rng.random() < (0.4 if has_entries else 0.2) else 0
    if fwd:
        words.append(f"fwd={fwd}")
    if has_entries and rng.random() < 0.05:
        words.append("ageing=0")
    if words:
        lines.append("bridge " + " ".join(words))

    def some_port(number):
        text = port(rng, number, is_filtering)
        return text + (" locked" if number == locked else "")

    lines += [some_port(i + 1) for i in range(n_ports)]
    host = f"m{rng.randint(1, 6)}" if locked else None
    if locked:  # somebody who is let in
        lines.append(f"sticky {locked} {host}")
        sticky[host] = locked
    for _ in range(rng.randint(8, 24)):
        number = rng.randint(1, n_ports)
        if rng.random() < 0.08:
            lines.append(some_port(number))
            continue
        if has_entries and rng.random() < 0.12:
            lines += [line for line in [entry(rng, n_ports, sticky)] if line]
            continue
        length = rng.choice([46, 46, 46, 46, 1400, 1405])
        to, source = address(rng, False), address(rng, True)
        if locked and to[0] == "l":
            to = "l0"  # see docs/differences.md: what locked ports learn from the others
        elif has_entries and fwd and rng.random() < 0.1:
            to = f"l{rng.choice([n for n in range(16) if fwd >> n & 1])}"
        if number == locked and rng.random() < 0.4:
            source = host
        lines.append(f"send {number} {to} {source} {tags(rng, is_filtering)} {length}")
    return lines


def scenarios(seed, count, is_filtering, has_entries=False):
    rng = random.Random(seed)
    lines = []
    for i in range(count):
        lines += scenario(rng, f"random_{seed}_{i}", is_filtering, has_entries)
    return "\n".join(lines) + "\n"

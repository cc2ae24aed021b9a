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


def scenario(rng, name, is_filtering):
    n_ports = rng.randint(2, 5)
    lines = [f"scenario {name}"]
    words = []
    if is_filtering:
        words.append("filtering=" + rng.choice(["802.1q", "802.1q", "802.1q", "802.1ad"]))
    if rng.random() < 0.2:
        words.append(f"fwd={rng.choice([0x8, 0x4000, 0xfff8])}")
    if words:
        lines.append("bridge " + " ".join(words))
    lines += [port(rng, i + 1, is_filtering) for i in range(n_ports)]
    for _ in range(rng.randint(8, 24)):
        number = rng.randint(1, n_ports)
        if rng.random() < 0.08:
            lines.append(port(rng, number, is_filtering))
            continue
        length = rng.choice([46, 46, 46, 46, 1400, 1405])
        lines.append(f"send {number} {address(rng, False)} {address(rng, True)} "
                     f"{tags(rng, is_filtering)} {length}")
    return lines


def scenarios(seed, count, is_filtering):
    rng = random.Random(seed)
    lines = []
    for i in range(count):
        lines += scenario(rng, f"random_{seed}_{i}", is_filtering)
    return "\n".join(lines) + "\n"

# SPDX-License-Identifier: Apache-2.0
"""Which rule of the Linux bridge decided about which copy, told from a scenario and Linux' answer.

count() goes through the frames of a scenario, notes for every rule whether it let a copy pass or was
the only one that refused it, and compares what the rules say together with what Linux did: a rule that
is told wrongly here is found by that.  No STP, no snooping."""
import collections

LOCAL_DOWN, NO_HOST, PAUSE, LINK_LOCAL, TAG, LOCKED = (
    "the way in is up", "the source is a host", "no pause frame", "link-local groups by mask",
    "tag or PVID of the way in", "locked: the source is known")
SELF, UP, MEMBER, UNICAST, GROUPS, BROADCAST, ISOLATED, MTU = (
    "hairpin", "the way out is up", "VLAN of the way out", "flood", "mcast_flood", "bcast_flood",
    "isolated", "MTU")
LEARN, STAYS, STRIP = "learning", "sticky entries stay", "egress untagged"
IN = [LOCAL_DOWN, NO_HOST, PAUSE, LINK_LOCAL, TAG, LOCKED]
OUT = [SELF, UP, MEMBER, UNICAST, GROUPS, BROADCAST, ISOLATED, MTU]
ALL = IN + OUT + [LEARN, STAYS, STRIP]


class Port:
    def __init__(self, words, is_filtering):
        self.words, self.mtu, self.fwd = set(words), 1500, 0
        self.member, self.untagged, self.pvid = set(), set(), 0
        vlans = "1pu" if is_filtering else ""
        for word in words:
            key, _, value = word.partition("=")
            if key == "mtu":
                self.mtu = int(value)
            elif key == "fwd":
                self.fwd = int(value, 0)
            elif key == "vlan":
                vlans = value
        for item in vlans.split(",") if vlans else []:
            flags = item.lstrip("0123456789-")
            first, _, last = item[:len(item) - len(flags)].partition("-")
            vids = set(range(int(first), int(last or first) + 1))
            self.member |= vids
            if "u" in flags:
                self.untagged |= vids
            if "p" in flags:
                self.pvid = int(first)


class Bridge:
    """The state that the rules look at."""

    def __init__(self, counts):
        self.counts = counts
        self.filtering, self.fwd, self.is_ageless = None, 0, False
        self.port, self.fdb = {}, {}  # (MAC, VID) to (port, kind)

    def note(self, rule, passes):
        self.counts[rule][passes] += 1

    def step(self, words):
        """One line that is no frame."""
        if words[0] == "bridge":
            for word in words[1:]:
                key, _, value = word.partition("=")
                if key == "filtering":
                    self.filtering = "s" if value == "802.1ad" else "q"
                elif key == "fwd":
                    self.fwd = int(value, 0)
                elif word == "ageing=0":
                    self.is_ageless = True
        elif words[0] == "port":
            number = int(words[1])
            self.port[number] = port = Port(words[2:], self.filtering is not None)
            gone = [key for key, (at, kind) in self.fdb.items() if at == number
                    and (("down" in port.words and kind == "learned")
                         or (self.filtering and key[1] not in port.member))]
            for key in gone:
                del self.fdb[key]
        elif words[0] == "nofdb":
            del self.fdb[words[2], int((words + [0])[3])]
        else:
            self.fdb[words[2], int((words + [0])[3])] = (int(words[1]), words[0])

    def vlan_in(self, port, tags):
        """VID and whether the outer tag says it; VID None: not admitted."""
        if not self.filtering:
            return 0, bool(tags)
        is_ours = bool(tags) and tags[0][0] == self.filtering
        vid = int(tags[0][1:].split(".")[0]) if is_ours else 0
        if vid == 0:
            return port.pvid or None, is_ours
        return (vid if vid in port.member else None), True

    def learn(self, number, source, vid):
        port = self.port[number]
        at, kind = self.fdb.get((source, vid), (None, None))
        if at not in (None, number):
            self.note(STAYS, kind != "sticky")
        self.note(LEARN, "nolearn" not in port.words)
        if "nolearn" in port.words or self.is_ageless and at != number:
            return
        if kind != "sticky":
            self.fdb[source, vid] = (number, kind or "learned")

    def ingress(self, number, to, source, tags):
        """VID and whether the tag is beside the frame, or None."""
        port = self.port[number]
        nibble = int(to[1:]) if to[0] == "l" else 16
        vid, is_beside = self.vlan_in(port, tags)
        is_local = 2 <= nibble <= 15 and not (self.fwd | port.fwd) >> nibble & 1
        at, _ = self.fdb.get((source, vid), (None, None))
        verdicts = {
            LOCAL_DOWN: "down" not in port.words,
            NO_HOST: source[0] == "m",
            PAUSE: nibble != 1,
            LINK_LOCAL: not is_local,
            TAG: vid is not None,
            LOCKED: "locked" not in port.words or at == number}
        about = {LOCAL_DOWN: True, NO_HOST: True, PAUSE: to[0] == "l", LINK_LOCAL: 2 <= nibble <= 15,
                 TAG: self.filtering is not None, LOCKED: "locked" in port.words}
        refused = [rule for rule in IN if not verdicts[rule]]
        for rule in IN:
            if about[rule] and refused in ([], [rule]):
                self.note(rule, not refused)
        if refused == [LINK_LOCAL]:
            self.learn(number, source, vid)
        if refused:
            return None
        self.learn(number, source, vid)
        return vid, is_beside

    def egress(self, number, out, vid, to, length):
        """May the copy leave by @out?  A rule that it has nothing to do with says nothing."""
        port, way = self.port[number], self.port[out]
        kind = {"m": UNICAST, "z": UNICAST, "b": BROADCAST}.get(to[0], GROUPS) if self.is_flooded(to, vid) else None
        flag = {UNICAST: "noflood", GROUPS: "nomcast", BROADCAST: "nobcast"}
        verdicts = {
            SELF: out != number or "hairpin" in way.words,
            UP: "down" not in way.words,
            MEMBER: not self.filtering or vid in way.member,
            ISOLATED: not {"isolated"} <= port.words & way.words,
            MTU: length <= way.mtu + 18}
        about = {SELF: out == number, UP: True, MEMBER: bool(self.filtering),
                 ISOLATED: "isolated" in port.words | way.words, MTU: length > 1400}
        if kind:
            verdicts[kind] = flag[kind] not in way.words
            about[kind] = True
        refused = [rule for rule, passes in verdicts.items() if not passes]
        for rule in verdicts:
            if about[rule] and refused in ([], [rule]):
                self.note(rule, not refused)
        if not refused and self.filtering:
            self.note(STRIP, vid in way.untagged)
        return not refused

    def is_flooded(self, to, vid):
        return to[0] != "m" or (to, vid) not in self.fdb or (
            self.is_ageless and self.fdb[to, vid][1] == "learned")

    def send(self, words):
        """The ports that the frame comes out of."""
        number, to, source = int(words[1]), words[2], words[3]
        tags = [tag for tag in (words[4] if len(words) > 4 else "-").split("+") if tag != "-"]
        length = 14 + 4 * len(tags) + (int(words[5]) if len(words) > 5 else 46)
        admitted = self.ingress(number, to, source, tags)
        if admitted is None:
            return set()
        vid, is_beside = admitted
        ways = self.port if self.is_flooded(to, vid) else [self.fdb[to, vid][0]]
        return {out for out in ways
                if self.egress(number, out, vid, to, length - (4 if is_beside else 0))}


def count(text, answers):
    """Rule to [refused, passed]; and what the rules and the answers do not agree about."""
    counts = collections.defaultdict(lambda: [0, 0])
    differing, bridge, lines, name = [], None, None, None
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "scenario":
            name, bridge = words[1], Bridge(counts)
            lines = iter(answers[name])
        elif words[0] == "send":
            had = {int(copy.lstrip("!").split("[")[0]) for copy in next(lines).split()[1:]
                   if copy != "-"}
            if bridge.send(words) != had:
                differing.append(f"{name}: {line}: {sorted(had)}")
        else:
            bridge.step(words)
    return counts, differing


def table(counts):
    rows = [f"{'rule':32}{'passed':>9}{'refused':>9}"]
    rows += [f"{rule:32}{counts[rule][1]:>9}{counts[rule][0]:>9}" for rule in ALL]
    return "\n".join(rows)

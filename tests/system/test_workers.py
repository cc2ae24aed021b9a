# SPDX-License-Identifier: Apache-2.0
"""Three workers: guests of every type, bridged and translated, across a killed engine.

      guest h (host)   guest n (netdev)   guest t (tap)       worker = wherever the balance puts them
         | tap            | veth             | tap
         +----------------+--- network lan --+    10.44.0.0/24
      guest a (netdev) -- network net (nat) -- uplink host     10.45.0.0/24
"""

import itertools

import pytest

from lib.instance import BUILD
from lib.topo import KINDS
from lib.traffic import can_ping, gbits, iperf3, ping, wait_ping
from lib.wait import wait_until

ADDR = {kind: f"10.44.0.{11 + i}" for i, kind in enumerate(KINDS)}
PAIRS = list(itertools.permutations(KINDS, 2))


@pytest.fixture(scope="module")
def lab(make_lab):
    made = make_lab(start=False)
    made.saklar.start("--workers", "0,-,-", "--no-fast-path")
    return made


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.44.0.0/24")
    lab.network("net", "--subnet", "10.45.0.0/24", mode="nat")
    found = {kind: lab.guest(kind[0] + "0", "lan", kind, addr=[ADDR[kind] + "/24"])
             for kind in KINDS}
    found["nat"] = lab.guest("a", "net", "netdev", addr=["10.45.0.2/24"])
    found["nat"].ip("route", "add", "default", "via", "10.45.0.1")
    return found


def worker_threads(lab):
    """The status of each, as /proc shows it."""
    tasks = f"/proc/{lab.saklar.engine_pid()}/task"
    every = [lab.host.read(f"{tasks}/{tid}/status") for tid in lab.host.out("ls", tasks).split()]
    return [status for status in every if status.startswith("Name:\tworker\n")]


def test_as_many_workers_run_as_were_asked_for(lab, guests):
    assert lab.saklar.json("status")["engine"]["workers"] == 3
    assert len(worker_threads(lab)) == 3
    assert [w["worker"] for w in lab.saklar.json("worker", "list")] == [0, 1, 2]
    assert lab.saklar.json("status")["problems"] == []


def test_a_pinned_worker_stays_on_its_processor(lab, guests):
    allowed = {line.split(":")[1].strip() for status in worker_threads(lab)
               for line in status.splitlines() if line.startswith("Cpus_allowed_list")}
    assert "0" in allowed and len(allowed) == 2, allowed


@pytest.mark.parametrize("src,dst", PAIRS)
def test_guests_reach_each_other(guests, src, dst):
    wait_ping(guests[src], ADDR[dst])
    ping(guests[src], ADDR[dst], count=20)


def test_all_workers_carry_bulk_traffic_and_hops_stay_rare(lab, guests):
    before = lab.saklar.json("worker", "list")
    assert gbits(iperf3(guests["netdev"], guests["host"], ADDR["host"])) > 0
    assert gbits(iperf3(guests["host"], guests["netdev"], ADDR["netdev"])) > 0
    assert gbits(iperf3(guests["tap"], guests["netdev"], ADDR["netdev"])) > 0
    after = lab.saklar.json("worker", "list")
    packets = [b["packets"] - a["packets"] for a, b in zip(before, after)]
    hops = sum(b["hops"] - a["hops"] for a, b in zip(before, after))
    assert all(n > 100 for n in packets), packets
    assert hops < sum(packets) / 2, (hops, packets)


def test_translated_traffic_passes(lab, guests):
    lab.host.ip("addr", "add", "192.0.2.44/32", "dev", "lo")
    wait_ping(guests["nat"], "192.0.2.44")
    ping(guests["nat"], "192.0.2.44", count=20)
    assert gbits(iperf3(guests["nat"], lab.host, "192.0.2.44", size="16M")) > 0


def test_workers_are_listed_with_their_load(lab, guests):
    text = lab.saklar("worker", "list")
    assert text.splitlines()[0].split()[:3] == ["WORKER", "BUSY", "CYCLES/PKT"]
    assert sum(w["wakeups"] for w in lab.saklar.json("worker", "list")) > 0
    assert all(0 <= w["busy_percent"] <= 100 for w in lab.saklar.json("worker", "list"))


def test_stages_show_where_the_cycles_of_a_second_go(lab, guests):
    pings = guests["host"].start("ping", "-q", "-i", "0.01", ADDR["tap"])
    wait_until(lambda: sum(row["packets"] for row in lab.saklar.json("worker", "list", "--stages")),
               20, "packets were measured")
    pings.stop()
    text = lab.saklar("worker", "list", "--stages")
    assert text.splitlines()[0].split() == ["WORKER", "STAGE", "CYCLES/PKT", "PACKETS"]
    assert text.count(" LEARN ") == 3, text


def test_queues_of_a_vif_that_gets_a_rate_move_to_one_worker(lab, guests):
    def has_moved(i):
        """It has not if both queues were with one worker, because the others were busy."""
        guest = lab.guest(f"q{i}", "lan", "host", addr=[f"10.44.0.{100 + i}/24"], queues=2)
        wait_ping(guest, ADDR["netdev"])
        pings = guest.start("ping", "-q", "-i", "0.002", "-c", "300", ADDR["netdev"])
        lab.saklar("vif", "set", f"q{i}", "--rate", "outbound=100Mb/s")
        wait_until(lambda: not pings.is_running, 20, "all pings are sent")
        assert " 0% packet loss" in pings.output(), pings.output()
        return f"event=queue_moved vif=q{i} queue=1" in lab.saklar.tail(1 << 20)
    assert any(has_moved(i) for i in range(5))


def test_an_engine_killed_comes_back_with_all_its_workers(lab, guests):
    pid = lab.saklar.kill_engine()
    lab.saklar.wait_engine(other_than=pid)
    for src, dst in PAIRS:
        wait_ping(guests[src], ADDR[dst])
    wait_ping(guests["nat"], "192.0.2.44")
    assert lab.saklar.json("status")["engine"]["workers"] == 3


def test_a_captured_guest_shows_frames_of_other_workers(lab, guests):
    capture = lab.host.start(*lab.saklar.cmd("capture", "lan", "-c", "20", "icmp"))
    wait_until(lambda: "listening" in capture.output().lower()
               or can_ping(guests["host"], ADDR["netdev"]), 5, "capture begins")
    wait_until(lambda: [can_ping(guests[s], ADDR[d]) for s, d in PAIRS] and not capture.is_running,
               20, "20 frames are captured")
    assert capture.output().count("ICMP echo") >= 20, capture.output()


def test_a_new_daemon_says_that_the_engine_has_other_workers(lab, guests):
    lab.saklar.stop()
    lab.saklar.start("--workers", "-,-", "--no-fast-path")
    problems = lab.saklar.json("status")["problems"]
    assert [p["text"] for p in problems] == \
        ["it runs with 3 workers, since it was started so; --workers asks for 2"]
    assert "--stop-engine" in problems[0]["cure"]
    lab.saklar.stop()
    lab.saklar.start("--workers", "0,-,-")
    assert lab.saklar.json("status")["problems"] == []


def test_the_kernel_passes_on_what_several_workers_have_decided(lab, guests):
    """Between new guests; those of before came without the fast path and stay so."""
    new = [lab.guest(f"f{i}", "lan", "netdev", addr=[f"10.44.0.{30 + i}/24"]) for i in range(4)]

    def engines_part(i, k):
        """Of 40 packets between two of them."""
        before = lab.saklar.json("status")["fast_path"]["packets"]
        ping(new[i], f"10.44.0.{30 + k}", count=20)
        return 40 - (lab.saklar.json("status")["fast_path"]["packets"] - before)

    for i, k in itertools.combinations(range(4), 2):
        wait_ping(new[i], f"10.44.0.{30 + k}")
        wait_until(lambda i=i, k=k: engines_part(i, k) <= 0, 20, "the kernel passes on all of them")


@pytest.mark.parametrize("words,text", [
    ("999", "--workers 999: '999' is no processor that saklard may use; write numbers as in 0,1, "
            "or - for a worker that is not pinned"),
    ("0,,1", "--workers 0,,1: '' is no processor"),
    ("two", "--workers two: 'two' is no processor"),
    ("-,-,-,-,-,-,-,-,-", "--workers -,-,-,-,-,-,-,-,-: 9 workers; 1 to 8"),
])
def test_workers_that_cannot_be_are_refused(lab, words, text):
    done = lab.host.run(BUILD / "saklard", "--run-dir", lab.workdir / "none",
                        "--workers", words, check=False)
    assert done.returncode != 0
    assert text in done.stderr + done.stdout, done.stderr


def test_a_polling_engine_forwards_and_never_sleeps(lab, guests):
    other = lab.second_instance("polling", start=False)
    other.start("--poll", "--workers", "-,-")
    other("network", "add", "p", "--subnet", "10.46.0.0/24")
    one, _ = (lab.guest(f"p{i}", "p", "host", saklar=other, addr=[f"10.46.0.1{i}/24"])
              for i in (1, 2))
    wait_ping(one, "10.46.0.12")
    before = other.json("worker", "list")
    ping(one, "10.46.0.12", count=20)
    after = other.json("worker", "list")
    assert [w["sleeps"] for w in after] == [0, 0]
    assert all(b["polls"] > a["polls"] for a, b in zip(before, after))
    other.stop()
    other.kill_engine()

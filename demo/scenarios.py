"""Days with one story each and its truth, for the answer to be measured against (demo.measure)."""

import random
from collections.abc import Callable, Iterator, Mapping

from demo import machines
from demo.scenario import CONTAINED, DAY, END, GRE, HOUR, ICMP, MINUTE, SUBJECT, UDP, Scenario


def ordinary(day: Scenario, chance: random.Random) -> None:
    """What any host has: monitoring that calls it, and noise of the internet that is rejected."""
    for minute in range(3, 24 * 60, 10):
        day.talk(minute * MINUTE + chance.uniform(0, 40), "10.0.4.4", 9100, "data",
                 inbound=True, out=300, back=9_000)  # fmt: skip
    for number in range(40):
        day.talk(chance.uniform(0, END - 60), f"203.0.113.{number}", 445, "blocked at the target",
                 inbound=True, from_port=50_000 + number, story=False)  # fmt: skip


def _quiet(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"


def _busy_server(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    for number in range(600):
        at, client = chance.uniform(0, END - 60), f"10.0.{5 + number % 3}.{20 + number % 150}"
        day.talk(at, client, 8080, "data", inbound=True, out=900, back=20_000,
                 from_port=32_768 + number * 40)  # fmt: skip


def _vertical(day: Scenario, chance: random.Random) -> None:
    day.verdict = "ANSWERED"
    at = 3 * HOUR
    day.sign(at)
    for port in range(20, 60):
        at += int(chance.uniform(1, 4))
        fate = "answered" if port == 22 else "refused"
        day.talk(at, "10.0.2.21", port, fate, out=0, back=0)
    day.true("P0-5", "vertical", "10.0.2.21")


def _slow_sweep(day: Scenario, chance: random.Random) -> None:
    day.verdict = "ATTEMPTED"
    for host in range(40):
        at = host * 34 * MINUTE + chance.uniform(0, 600)
        day.talk(at, f"10.0.3.{10 + host}", 445, "no answer", out=0)
        day.sign(at)
    day.true("P0-5", "horizontal", 445)


def _get_in(day: Scenario) -> None:
    day.talk(3 * HOUR, "198.51.100.9", 22, "data", inbound=True, seconds=400, out=9_000,
             back=20_000)  # fmt: skip


def _hop(day: Scenario, chance: random.Random) -> None:
    day.verdict = "DATA"
    _get_in(day)
    day.talk(3 * HOUR + 900, "10.0.2.22", 22, "data", seconds=600, out=30_000, back=60_000)
    day.path.add((1, SUBJECT, "10.0.2.22", 22))


def _hop_and_hop(day: Scenario, chance: random.Random) -> None:
    """The second hop is between two others: no record of the subject holds it."""
    _hop(day, chance)
    entered = "10.0.2.22"
    day.names |= {SUBJECT: "web-3", entered: "app-2", "10.0.3.31": "db-1", "10.0.3.32": "db-2"}
    day.attack.add((entered, 22))
    day.path |= {(1, SUBJECT, entered, 22), (2, entered, "10.0.3.31", 5432)}
    equal = "10.0.2.21"
    day.names[equal] = "app-1"
    for hour in (1, 2, 4, 5):
        for app in (entered, equal):
            day.beyond(hour * HOUR, app, "10.0.3.32", 3306, "data", out=900, back=9_000)
    day.beyond(3 * HOUR + 1_500, entered, "10.0.3.31", 5432, "data", out=4_000, back=90_000)
    day.beyond(3 * HOUR + 1_800, entered, "10.0.3.33", 22, "blocked at the target", out=0)
    day.beyond(4 * HOUR, entered, "198.51.100.200", 443, "data", out=900, back=9_000)
    day.true("P0-9", entered, "10.0.3.31", 5432)


def _blocked_at_target(day: Scenario, chance: random.Random) -> None:
    day.verdict = "ATTEMPTED"
    for number in range(8):
        day.talk(5 * HOUR + number * chance.uniform(3, 18), "10.0.3.31", 5432,
                 "blocked at the target", out=0)  # fmt: skip


def _blocked_at_source(day: Scenario, chance: random.Random) -> None:
    day.verdict = "ATTEMPTED"
    for number in range(8):
        day.talk(5 * HOUR + number * chance.uniform(3, 18), "10.0.3.31", 5432,
                 "blocked at the source", out=0)  # fmt: skip


def _upload(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    day.talk(4 * HOUR, "192.0.2.77", 443, "data", seconds=1800, out=2_000_000_000, back=4_000_000)
    day.true("P0-8", "192.0.2.77")


def _beacon(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    at = 300.0
    while at < END - 600:
        day.talk(at, "198.51.100.50", 443, "data", out=700, back=1_400)
        at += 300 * chance.uniform(0.7, 1.3)
    day.true("P1-12", "198.51.100.50", 443)
    for _ in range(60):  # a person's browsing beside it is no beacon
        at = chance.uniform(8, 9) * HOUR + chance.expovariate(1 / 4000)
        day.talk(at, "198.51.100.60", 443, "data", out=2_000, back=80_000)


def _long_session(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    day.talk(6 * HOUR, "198.51.100.70", 443, "data", seconds=8 * HOUR, out=900_000, back=2_000_000)
    day.true("P1-12b", "198.51.100.70", 443)


def _health_checks(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    for number in range(24 * 60):
        day.talk(number * MINUTE + 7, "10.0.1.5", 8080, "data", inbound=True, out=150, back=1_200)


def _containment(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    day.contained_at = DAY.replace(hour=12)
    day.talk(CONTAINED - 2 * HOUR, "198.51.100.90", 443, "data", seconds=3 * HOUR, out=400_000,
             back=900_000)  # fmt: skip
    day.true("P1-12b", "198.51.100.90", 443)
    day.talk(CONTAINED + 600, "198.51.100.91", 443, "blocked at the source", out=0)


def _skipdata(day: Scenario, chance: random.Random) -> None:
    day.verdict = "CANNOT TELL"
    day.logged_peers = False
    day.lost = (3 * HOUR, 3 * HOUR + 20 * MINUTE)
    day.talk(3 * HOUR + 300, "10.0.2.22", 22, "data", seconds=500, out=30_000, back=60_000,
             story=False)  # fmt: skip


def _peers_not_logged(day: Scenario, chance: random.Random) -> None:
    day.verdict, day.logged_peers = "ATTEMPTED", False
    for number in range(8):
        day.talk(5 * HOUR + number * 11, "10.0.3.31", 5432, "blocked at the target", out=0)


def _version_2(day: Scenario, chance: random.Random) -> None:
    day.verdict, day.version = "DATA", 2
    _get_in(day)
    day.path.add((1, SUBJECT, "10.0.2.22", 22))
    day.talk(3 * HOUR + 900, "10.0.2.22", 22, "data", seconds=600, out=30_000, back=60_000)
    day.talk(3 * HOUR + 1_800, "10.0.3.31", 5432, "blocked at the target", out=0)
    day.talk(3 * HOUR + 1_900, "10.0.3.32", 3306, "refused", out=0)


def _rule_changed(day: Scenario, chance: random.Random) -> None:
    day.verdict = "DATA"
    for number in range(3):
        day.talk(4 * HOUR + number * 20, "10.0.3.31", 5432, "blocked at the target", out=0)
    day.talk(5 * HOUR, "10.0.3.31", 5432, "data", seconds=90, out=4_000, back=700_000)
    day.true("P1-11", "10.0.3.31", 5432)
    day.path.add((1, SUBJECT, "10.0.3.31", 5432))


def _ping_sweep(day: Scenario, chance: random.Random) -> None:
    day.verdict = "ANSWERED"
    day.sign(2 * HOUR)
    for host in range(60):
        fate = "answered" if host % 9 == 0 else "no answer"
        day.talk(2 * HOUR + host * chance.uniform(0.5, 1.5), f"10.0.2.{10 + host}", 0, fate,
                 protocol=ICMP, out=56, back=56)  # fmt: skip
    day.true("P1-17", ICMP)


def _dns_tunnel(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    for number in range(120):
        day.talk(2 * HOUR + number * chance.uniform(5, 9), "198.51.100.53", 53, "answered",
                 protocol=UDP, out=180, back=220)  # fmt: skip
    day.true("P1-14", "198.51.100.53", 53)


def _odd_protocol(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    day.talk(7 * HOUR, "198.51.100.47", 0, "data", protocol=GRE, seconds=900, out=50_000,
             back=90_000)  # fmt: skip
    day.true("P2-18", GRE, "198.51.100.47")


def _backup(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    for hour in range(0, 24, 6):
        day.talk(hour * HOUR + chance.uniform(0, 600), "52.95.128.179", 443, "data", seconds=90,
                 out=9_000_000, back=20_000, aws_service="S3")  # fmt: skip


_STORIES: Mapping[str, Callable[[Scenario, random.Random], None]] = {
    "quiet host": _quiet,
    "busy server with many clients": _busy_server,
    "vertical scan": _vertical,
    "slow sweep over a day": _slow_sweep,
    "SSH hop": _hop,
    "hop, then second hop": _hop_and_hop,
    "database, blocked at the target": _blocked_at_target,
    "database, blocked at the source": _blocked_at_source,
    "upload": _upload,
    "beacon with 30 % jitter": _beacon,
    "one long chatty session": _long_session,
    "health checks of a load balancer": _health_checks,
    "containment, a tracked connection survives": _containment,
    "SKIPDATA over the decisive minutes": _skipdata,
    "peers' interfaces not logged": _peers_not_logged,
    "version 2 only": _version_2,
    "rejected, then a rule changes": _rule_changed,
    "ICMP sweep": _ping_sweep,
    "queries to a resolver outside": _dns_tunnel,
    "a GRE tunnel to the outside": _odd_protocol,
    "a backup to S3": _backup,
    **machines.STORIES,
}


def scenarios(seed: int = 7) -> Iterator[Scenario]:
    """Every scenario; the same seed gives the same rows."""
    for name, story in _STORIES.items():
        chance = random.Random(f"{seed} {name}")
        day = Scenario(name, scored=name not in machines.STORIES)
        story(day, chance)
        ordinary(day, chance)
        day.fill_in()
        yield day

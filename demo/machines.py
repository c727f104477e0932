"""Healthy machines of each kind, what goes wrong with their compromised twins, and long chains."""

import itertools
import random
from collections.abc import Callable, Mapping

from demo.scenario import END, HOUR, MINUTE, SUBJECT, UDP, Scenario

OFFICE, ATTACKER = "203.0.113.50", "198.51.100.9"
MONITOR = "10.0.4.4"
# The subject has its equals in its own subnet, 10.0.0.0/24.
EQUALS = ("10.0.0.8", "10.0.0.9", "10.0.0.10")
APPS = ("10.0.2.21", "10.0.2.22", "10.0.2.23")
CLIENTS = ("10.0.1.11", "10.0.1.12", "10.0.1.13", "10.0.1.14")
DATABASE, STANDBY, CACHE = "10.0.3.31", "10.0.3.32", "10.0.3.40"
CONTROL, DIRECTORY = "10.0.6.10", "10.0.6.20"
BREAK_IN = 10 * HOUR


def _do(
    day: Scenario, at: float, source: str, target: str, port: int, fate: str = "data", **more: int
) -> None:
    """One conversation, whoever takes part; further arguments as in `Scenario.talk`."""
    if source == SUBJECT:
        day.talk(at, target, port, fate, **more, story=False)  # type: ignore[arg-type]
    elif target == SUBJECT:
        day.talk(at, source, port, fate, **more, inbound=True, story=False)  # type: ignore[arg-type]
    else:
        day.beyond(at, source, target, port, fate, **more)


def _often(
    day: Scenario, chance: random.Random, source: str, target: str, port: int, every: float,
    **more: int,
) -> None:  # fmt: skip
    """All day, and on the days before, at about this interval."""
    at = -day.days_before * END + chance.uniform(0, every)
    while at < END - HOUR / 2:
        _do(day, at, source, target, port, "data", **more)
        at += every * chance.uniform(0.7, 1.3)


def _fleet(day: Scenario, stem: str) -> tuple[str, ...]:
    for number, address in enumerate((SUBJECT, *EQUALS), start=1):
        day.names[address] = f"{stem}-{number}"
    return (SUBJECT, *EQUALS)


def _web(day: Scenario, chance: random.Random) -> None:
    for machine in _fleet(day, "web"):
        for app in APPS:
            _often(day, chance, machine, app, 8081, 15 * MINUTE, out=700, back=9_000)
        _often(day, chance, "10.0.1.5", machine, 8080, 20 * MINUTE, out=150, back=1_200)


def _app(day: Scenario, chance: random.Random) -> None:
    for machine in _fleet(day, "app"):
        _often(day, chance, machine, DATABASE, 5432, 12 * MINUTE, out=900, back=9_000)
        _often(day, chance, machine, CACHE, 6379, 20 * MINUTE, out=300, back=2_000)


def _database(day: Scenario, chance: random.Random) -> None:
    day.names |= {SUBJECT: "db-1", STANDBY: "db-2"}
    for client in CLIENTS:
        _often(day, chance, client, SUBJECT, 5432, 25 * MINUTE, out=400, back=9_000)
        _often(day, chance, client, STANDBY, 5432, 25 * MINUTE, out=400, back=9_000)
    _often(day, chance, SUBJECT, STANDBY, 5432, 30 * MINUTE, out=90_000, back=2_000)


def _bastion(day: Scenario, chance: random.Random) -> None:
    day.names |= {SUBJECT: "bastion", APPS[0]: "app-1", DATABASE: "db-1"}
    for number in range(-day.days_before, 1):
        for hour in (9, 14, 16):
            at = number * END + hour * HOUR + chance.uniform(0, 900)
            _do(day, at, OFFICE, SUBJECT, 22, seconds=900, out=9_000, back=40_000)
            _do(day, at + 60, SUBJECT, APPS[0], 22, seconds=600, out=8_000, back=30_000)
            _do(day, at + 90, SUBJECT, DATABASE, 22, seconds=600, out=8_000, back=30_000)


def _monitoring(day: Scenario, chance: random.Random) -> None:
    day.names[SUBJECT] = "monitoring"
    for machine in (*APPS, *CLIENTS, DATABASE):
        _often(day, chance, SUBJECT, machine, 9100, 30 * MINUTE, out=300, back=9_000)


def _nat(day: Scenario, chance: random.Random) -> None:
    day.names[SUBJECT] = "nat"
    for client in CLIENTS:
        _often(day, chance, client, SUBJECT, 443, 30 * MINUTE, out=900, back=9_000)
    _often(day, chance, SUBJECT, "151.101.130.132", 443, 20 * MINUTE, out=900, back=9_000)
    _often(day, chance, SUBJECT, "10.0.9.2", 53, 20 * MINUTE, protocol=UDP, out=60, back=200)


def _node(day: Scenario, chance: random.Random) -> None:
    nodes = _fleet(day, "node")
    for machine in nodes:
        _often(day, chance, machine, CONTROL, 6443, 15 * MINUTE, out=2_000, back=9_000)
        for other in nodes:
            if other != machine:
                _often(day, chance, machine, other, 10250, 40 * MINUTE, out=900, back=5_000)


def _member(day: Scenario, chance: random.Random) -> None:
    for machine in _fleet(day, "office"):
        for port in (88, 389, 445):
            _often(day, chance, machine, DIRECTORY, port, 30 * MINUTE, out=900, back=5_000)


KINDS: Mapping[str, tuple[Callable[[Scenario, random.Random], None], int]] = {
    "web server": (_web, 0),
    "app server": (_app, 0),
    "database": (_database, 0),
    "bastion": (_bastion, 3),
    "monitoring": (_monitoring, 3),
    "NAT instance": (_nat, 3),
    "Kubernetes node": (_node, 0),
    "domain member": (_member, 0),
}


def _enter(day: Scenario, chance: random.Random) -> None:
    """Tries from outside, then a session."""
    at = float(BREAK_IN)
    for _ in range(30):
        _do(day, at, ATTACKER, SUBJECT, 22, out=1_900, back=2_300)
        at += chance.uniform(3, 8)
    _do(day, at + 60, ATTACKER, SUBJECT, 22, seconds=3 * HOUR, out=90_000, back=90_000)


def _attack(day: Scenario, chance: random.Random) -> None:
    """A sweep, a hop and a database that refuses; the hop goes on to another machine."""
    _enter(day, chance)
    at = float(BREAK_IN + 20 * MINUTE)
    for host in range(50, 80):
        _do(day, at, SUBJECT, f"10.0.5.{host}", 445, "no answer", out=0)
        day.attack.add((f"10.0.5.{host}", 445))
        at += chance.uniform(1, 4)
    entered, onward = "10.0.5.90", "10.0.7.7"
    _do(day, at + 600, SUBJECT, entered, 22, seconds=900, out=40_000, back=90_000)
    _do(day, at + 900, SUBJECT, "10.0.3.35", 3306, "blocked at the target", out=0)
    _do(day, at + 1_200, entered, onward, 3389, seconds=900, out=40_000, back=90_000)
    day.attack |= {(entered, 22), ("10.0.3.35", 3306)}
    day.names |= {entered: "files-1", onward: "desk-7"}
    day.path |= {(1, SUBJECT, entered, 22), (2, entered, onward, 3389)}


def machine(kind: str, *, is_compromised: bool) -> Callable[[Scenario, random.Random], None]:
    """A machine of this kind, or its twin, which does the same and is broken into."""
    story, days = KINDS[kind]

    def act(day: Scenario, chance: random.Random) -> None:
        day.days_before = days
        day.verdict = "DATA" if is_compromised else "ORDINARY ONLY"
        story(day, chance)
        if is_compromised:
            _attack(day, chance)

    return act


def lone_bastion(day: Scenario, chance: random.Random) -> None:
    """A healthy bastion without days to compare with: the verdict says so."""
    day.verdict = "DATA"
    _bastion(day, chance)
    day.path |= {(1, SUBJECT, APPS[0], 22), (1, SUBJECT, DATABASE, 22)}


def chain(day: Scenario, chance: random.Random) -> None:
    """Four hops with failed tries on the way, as in OpTC: 0201 → 0402 → 0660 → DC → stations."""
    day.verdict = "DATA"
    _enter(day, chance)
    at = float(BREAK_IN + HOUR)
    names = {"10.0.5.42": "host-0402", "10.0.5.66": "host-0660", "10.0.6.20": "dc-1"}
    day.names |= {SUBJECT: "host-0201", **names}
    ends = [SUBJECT, *names]
    for hop, (source, target) in enumerate(itertools.pairwise(ends), start=1):
        for number in range(3):
            missed = f"10.0.5.{200 + 10 * hop + number}"
            _do(day, at + number * 20, source, missed, 5985, "no answer", out=0)
            if hop == 1:
                day.attack.add((missed, 5985))
        _do(day, at + 300, source, target, 5985, seconds=600, out=50_000, back=90_000)
        day.path.add((hop, source, target, 5985))
        at += 30 * MINUTE
    day.attack.add(("10.0.5.42", 5985))
    for number in range(14):
        station = f"10.0.8.{10 + number}"
        _do(day, at + 40 * number, "10.0.6.20", station, 445, seconds=60, out=9_000, back=9_000)
        day.path.add((4, "10.0.6.20", station, 445))


def slow_movement(day: Scenario, chance: random.Random) -> None:
    """One new machine a day, by SSH, over days that the baseline has: never ordinary."""
    day.verdict, day.days_before = "DATA", 4
    _web(day, chance)
    for number, host in enumerate(range(60, 65), start=-4):
        target = f"10.0.5.{host}"
        at = number * END + 11 * HOUR
        _do(day, at, SUBJECT, target, 22, seconds=600, out=9_000, back=30_000)
        if number == 0:
            day.attack.add((target, 22))
            day.names[target] = "files-5"
            day.path.add((1, SUBJECT, target, 22))


def before_the_first_sign(day: Scenario, chance: random.Random) -> None:
    """Whoever was there for hours before the first sign does not become ordinary by it."""
    day.verdict = "DATA"
    _web(day, chance)
    for hour in range(2, 20):
        _do(day, hour * HOUR + 700, SUBJECT, "10.0.5.90", 22, seconds=300, out=9_000, back=9_000)
    day.names["10.0.5.90"] = "files-1"
    day.attack.add(("10.0.5.90", 22))
    day.path.add((1, SUBJECT, "10.0.5.90", 22))
    _enter(day, chance)


def ordinary_peer_misused(day: Scenario, chance: random.Random) -> None:
    """An app server that it calls anyway, and now empties: the payload changes."""
    day.verdict = "DATA"
    _web(day, chance)
    _enter(day, chance)
    _do(day, BREAK_IN + HOUR, SUBJECT, APPS[0], 8081, seconds=900, out=90_000_000, back=9_000)
    day.names |= {app: f"app-{number}" for number, app in enumerate(APPS, start=1)}
    day.attack.add((APPS[0], 8081))
    day.path.add((1, SUBJECT, APPS[0], 8081))


STORIES: Mapping[str, Callable[[Scenario, random.Random], None]] = {
    **{f"healthy {kind}": machine(kind, is_compromised=False) for kind in KINDS},
    **{f"compromised {kind}": machine(kind, is_compromised=True) for kind in KINDS},
    "healthy bastion, nothing to compare with": lone_bastion,
    "a chain of four hops": chain,
    "slow movement over days": slow_movement,
    "there before the first sign": before_the_first_sign,
    "an ordinary peer, misused": ordinary_peer_misused,
}

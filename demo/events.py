"""What happens on the demo day: ordinary traffic, and an attack that a responder recognises."""

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal, NamedTuple

from demo.vpc import (
    APP,
    BASTION,
    BUILD,
    DATA,
    INTERFACES,
    LAB_APP,
    LAB_DATA,
    LAB_WEB,
    LOAD_BALANCER,
    MONITOR,
    NAT_GATEWAY,
    SUSPECT,
    WEB,
    Interface,
)

Fate = Literal["accepted", "rejected", "no answer"]
End = Interface | str
TCP, UDP = 6, 17
ATTACKER = "198.51.100.23"
DROP_SITE = "192.0.2.77"
S3_ADDRESS = "52.218.97.148"
MIRROR = "151.101.130.132"
HOUR = 3600


class Event(NamedTuple):
    """One connection, or one try: seconds since midnight UTC, octets of payload each way."""

    at: float
    seconds: float
    source: End
    target: End
    source_port: int
    target_port: int
    protocol: int
    octets_out: int
    octets_back: int
    fate: Fate = "accepted"
    story: str = "ordinary"
    through: Interface | None = None


class _Ports:
    """Source ports in turn, so that one five-tuple is one connection."""

    def __init__(self) -> None:
        self._used: defaultdict[str, int] = defaultdict(int)

    def next(self, source: End) -> int:
        name = source if isinstance(source, str) else source.interface_id
        self._used[name] += 1
        return 32_768 + self._used[name] % 28_000


class Day:
    """All events of one day, hour by hour; the same seed and factor give the same events."""

    def __init__(self, seed: int, factor: float) -> None:
        self._seed = seed
        self._factor = factor
        self._ports = _Ports()

    def hours(self) -> Iterator[list[Event]]:
        """Twenty-four lists of events, each in order of time."""
        attack = defaultdict(list)
        for event in self._attack(random.Random(f"{self._seed} attack")):
            attack[int(event.at // HOUR)].append(event)
        for hour in range(24):
            chance = random.Random(f"{self._seed} {hour}")
            ordinary = [*self._customers(chance, hour), *self._routine(chance, hour)]
            yield sorted([*ordinary, *attack[hour]], key=lambda event: event.at)

    def _customers(self, chance: random.Random, hour: int) -> Iterator[Event]:
        """Customers → load balancer → web → app → database; a third as many at night."""
        rate = 380 if 7 <= hour < 22 else 130
        for _ in range(round(rate * self._factor)):
            at = hour * HOUR + chance.uniform(0, HOUR - 60)
            customer = f"198.51.100.{chance.randrange(100, 250)}"
            size = chance.randrange(2_000, 90_000)
            web, app = chance.choice(WEB), chance.choice(APP)
            yield self._tcp(at, chance.uniform(0.2, 9), customer, LOAD_BALANCER, 443, 900, size)
            yield self._tcp(at + 0.01, 0.4, LOAD_BALANCER, web, 8080, 1_100, size)
            yield self._tcp(at + 0.02, 0.3, web, app, 8081, 700, size // 2)
            if chance.random() < 0.6:
                database = chance.choice(DATA)
                yield self._tcp(at + 0.03, 0.2, app, database, 5432, 400, size // 4)

    def _routine(self, chance: random.Random, hour: int) -> Iterator[Event]:
        """Monitoring, health checks, backups to S3, updates through the NAT gateway, the lab."""
        start = hour * HOUR
        for minute in range(0, 60, 10):
            for machine in (*WEB, *APP, *DATA, BASTION, BUILD):
                at = start + minute * 60 + chance.uniform(0, 20)
                yield self._tcp(at, 0.2, MONITOR, machine, 9100, 300, 9_000)
        for minute in range(0, 60, 2):
            for web in WEB:
                yield self._tcp(start + minute * 60 + 7, 0.1, LOAD_BALANCER, web, 8080, 150, 260)
        for database in DATA:
            at = start + chance.uniform(0, 1800)
            yield self._tcp(at, 240, database, S3_ADDRESS, 443, 40_000_000, 200_000)
        for machine in (*APP, *DATA, BUILD):
            if chance.random() < 0.2:
                at = start + chance.uniform(0, HOUR - 60)
                update = self._tcp(at, 20, machine, MIRROR, 443, 2_000, 4_000_000)
                yield update._replace(through=NAT_GATEWAY)
        for minute in (0, 30):
            for app in APP:  # their pools keep a connection to each database alive
                for database in DATA:
                    at = start + minute * 60 + chance.uniform(0, 600)
                    yield self._tcp(at, 0.1, app, database, 5432, 120, 90)
        if hour in (9, 14):
            for machine in (WEB[0], APP[0], DATA[0]):
                at = start + chance.uniform(0, 1200)
                yield self._tcp(at, 600, BASTION, machine, 22, 9_000, 40_000)
        for _ in range(round(30 * self._factor)):
            at = start + chance.uniform(0, HOUR - 60)
            web, app = chance.choice(LAB_WEB), chance.choice(LAB_APP)
            yield self._tcp(at, 0.4, web, app, 8081, 700, 5_000)
            yield self._tcp(at + 0.1, 0.2, app, chance.choice(LAB_DATA), 5432, 400, 3_000)

    def _attack(self, chance: random.Random) -> Iterator[Event]:
        """Brute force, a sweep of the subnets, two hops, a database that refuses, an upload."""
        at = 2 * HOUR + 600.0
        for _ in range(420):
            at += chance.uniform(2, 5)
            yield self._tcp(at, 1.5, ATTACKER, SUSPECT, 22, 1_900, 2_300, story="brute force")
        at += 300
        yield self._tcp(at, 5 * HOUR, ATTACKER, SUSPECT, 22, 700_000, 900_000, story="gets in")

        at += 900
        by_address = {machine.address: machine for machine in INTERFACES if machine.vpc == "shop"}
        for subnet in (1, 2, 3):
            for host in range(4, 60):
                address = f"10.20.{subnet}.{host}"
                if address == SUSPECT.address:
                    continue
                at += chance.uniform(0.2, 1.0)
                machine = by_address.get(address)
                target: End = machine or address
                fate: Fate = "rejected" if machine else "no answer"
                if machine in APP[:3]:
                    fate = "accepted"
                yield self._tcp(at, 0.1, SUSPECT, target, 22, 60, 60, fate, story="sweep")

        at += 1200
        app = APP[1]
        yield self._tcp(at, 1800, SUSPECT, app, 22, 60_000, 90_000, story="hop to an app server")
        yield self._tcp(
            at + 900, 600, app, BUILD, 22, 20_000, 70_000, story="hop to a build server"
        )
        at += 600
        for _ in range(12):
            at += chance.uniform(5, 30)
            yield self._tcp(at, 0.1, SUSPECT, DATA[0], 5432, 60, 0, "rejected", "database refused")
        at += 600
        yield self._tcp(at, 2700, SUSPECT, DROP_SITE, 443, 2_400_000_000, 9_000_000, story="upload")

    def _tcp(
        self, at: float, seconds: float, source: End, target: End, port: int, out: int, back: int,
        fate: Fate = "accepted", story: str = "ordinary",
    ) -> Event:  # fmt: skip
        source_port = self._ports.next(source)
        return Event(at, seconds, source, target, source_port, port, TCP, out, back, fate, story)

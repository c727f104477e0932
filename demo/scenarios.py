"""Small days with one story each and its truth, for the answer to be measured against.

Rows have the shape of the table `flows`, as one interface after the other would log them. The truth
is written by the acts that make the rows, never read from rows. `python -m demo.scenarios` prints
what was expected and what came out.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from transforms.window import Window

DAY = datetime(2026, 11, 23, tzinfo=UTC)
MIDNIGHT = int(DAY.timestamp())
MINUTE, HOUR, END = 60, 3600, 24 * 3600
SUBJECT, SUBJECT_ENI = "10.0.0.7", "eni-0aaaaaaa"
CONTAINED = 12 * HOUR
_FLOW_LOG = "fl-0aaaaaaa"
_TCP, _UDP, _ICMP, _GRE = 6, 17, 1, 47
# Services of these stories by which a machine is entered, emptied or steered.
_MATTERS = {22, 23, 25, 445, 3306, 5432}
_HEADERS = {_TCP: 40, _UDP: 28, _ICMP: 28}

Row = dict[str, object]
Key = tuple[object, ...]


@dataclass
class Scenario:
    """A day: its rows, and what is true of it."""

    name: str
    verdict: str = ""
    logged_peers: bool = True
    version: int = 5
    contained_at: datetime | None = None
    rows: list[Row] = field(default_factory=list)
    further: list[Row] = field(default_factory=list)  # of a second hop, by `followed` peers
    followed: set[str] = field(default_factory=set)
    truth: dict[str, set[Key]] = field(default_factory=dict)
    lost: tuple[int, int] | None = None
    first_sign: float | None = None  # seconds of the day
    begun: Counter[int] = field(default_factory=Counter)  # recorded conversations by hour
    _ports: Iterator[int] = field(default_factory=lambda: iter(range(40_000, 60_999)))

    @property
    def window(self) -> Window:
        """The day."""
        return Window(DAY, DAY.replace(day=24))

    def true(self, question: str, *key: object) -> None:
        """Note that the answer to a question must name this."""
        self.truth.setdefault(question, set()).add(key)

    def talk(
        self, at: float, peer: str, port: int, fate: str, *, seconds: float = 1, out: int = 60,
        back: int = 60, inbound: bool = False, protocol: int = _TCP, from_port: int | None = None,
        story: bool = True, aws_service: str | None = None,
    ) -> None:  # fmt: skip
        """One conversation; `out` and `back` are payload from and to the side that begins.

        `aws_service` is whose the peer's address is, which records say from version 5 on.
        Fates: data, answered, refused, no answer, blocked at the target or at the source.
        """
        client = from_port or (next(self._ports) if protocol in (_TCP, _UDP) else 0)
        ends = (peer, SUBJECT) if inbound else (SUBJECT, peer)
        recorded = len(self.rows)
        for interface in (SUBJECT, peer):
            if interface == peer and not (self.logged_peers and _is_internal(peer)):
                continue
            if interface == peer and fate == "blocked at the source":
                continue
            self._record(interface, at, seconds, ends, (client, port), protocol, fate, out, back)
        if aws_service is not None:
            self.true("P1-15", aws_service)
            for row in self.rows[recorded:]:
                far = "dst" if row["srcaddr"] == SUBJECT else "src"
                row |= {f"pkt_{far}_aws_service": aws_service, f"{far}_scope": "aws service"}
        if len(self.rows) > recorded:
            self.begun[int(at) // HOUR] += 1
        if self.contained_at is not None and at + seconds >= CONTAINED + MINUTE:
            self.true("P0-10", peer, "before" if at < CONTAINED else "after")
        if story:
            self._note(peer, port, protocol, fate, inbound)
            if not inbound and _is_internal(peer) and port in _MATTERS:
                self.true("P0-3", peer, port)
                self.sign(at)

    def sign(self, at: float) -> None:
        """Note that something abnormal happens; the first of it is when it started."""
        self.first_sign = at if self.first_sign is None else min(at, self.first_sign)

    def beyond(
        self, at: float, source: str, target: str, port: int, fate: str, *, seconds: float = 1,
        out: int = 60, back: int = 60,
    ) -> None:  # fmt: skip
        """What a peer of the subject does with another: only a second scan finds it."""
        kept = len(self.rows)
        for interface in (source, target):
            if _is_internal(interface):
                self._record(interface, at, seconds, (source, target), (next(self._ports), port),
                             _TCP, fate, out, back)  # fmt: skip
        for row in self.rows[kept:]:
            is_own = row["interface_id"] == _eni(source)
            self.further.append({**row, "role": "own_interface" if is_own else "other_end"})
        del self.rows[kept:]
        self.followed.add(source)

    def _note(self, peer: str, port: int, protocol: int, fate: str, inbound: bool) -> None:
        if inbound:
            if fate in ("data", "answered"):
                self.true("P0-6", peer, port)
                if self.version > 2 and protocol == _TCP:  # flags show it, or several clients
                    self.true("P1-13", port)
        elif _is_internal(peer):
            self.true("P0-2", peer, port)
            sees_target = self.logged_peers or fate != "blocked at the target"
            if fate in ("blocked at the target", "blocked at the source") and sees_target:
                self.true("P0-4", peer, port)
            if fate == "refused":
                self.true("P0-4", peer, port)
        else:
            self.true("P0-7", peer, port)

    def _record(
        self, at_end: str, at: float, seconds: float, ends: tuple[str, str],
        ports: tuple[int, int], protocol: int, fate: str, out: int, back: int,
    ) -> None:  # fmt: skip
        first, last = MIDNIGHT + int(at), MIDNIGHT + int(at + seconds)
        start = first
        while start <= last:
            stop = min(start // MINUTE * MINUTE + MINUTE - 1, last)
            if not self._is_lost(start):
                share = (stop - start + 1) / (last - first + 1)
                is_first, is_last = start == first, stop == last
                self.rows.append(
                    self._row(at_end, start, stop, ends, ports, protocol, int(out * share),
                              2 * is_first + (is_last and fate == "data"),
                              _is_rejected(at_end, ends, fate))
                )  # fmt: skip
                if fate in ("data", "answered", "refused"):
                    flags = 4 if fate == "refused" else 18 * is_first + is_last
                    size = 0 if fate == "refused" else int(back * share)
                    self.rows.append(
                        self._row(at_end, start, stop, ends[::-1], ports[::-1], protocol, size,
                                  flags, False)
                    )  # fmt: skip
            start = stop + 1

    def _is_lost(self, second: int) -> bool:
        return self.lost is not None and self.lost[0] <= second - MIDNIGHT < self.lost[1]

    def _row(
        self, at_end: str, start: int, stop: int, ends: tuple[str, str], ports: tuple[int, int],
        protocol: int, payload: int, flags: int, is_rejected: bool,
    ) -> Row:  # fmt: skip
        packets = payload // 1400 + 1
        is_own, is_egress = at_end == SUBJECT, ends[0] == at_end
        row: Row = {
            **self._place(at_end, start, stop),
            "role": "own_interface" if is_own else "other_end",
            "protocol": protocol, "srcaddr": ends[0], "dstaddr": ends[1], "srcport": ports[0],
            "dstport": ports[1], "packets": packets, "log_status": "OK",
            "bytes": payload + packets * _HEADERS.get(protocol, 20),
            "action": "REJECT" if is_rejected else "ACCEPT",
        }  # fmt: skip
        for end, address in zip(("src", "dst"), ends, strict=True):
            row[f"{end}_scope"] = "internal" if _is_internal(address) else "internet"
            row[f"{end}_basis"] = "interface" if address == at_end else "address"
            row[f"{end}_interface_id"] = _eni(address) if _is_internal(address) else None
        if self.version >= 5:
            row |= {
                "tcp_flags": flags if protocol == _TCP else 0,
                "flow_direction": "egress" if is_egress else "ingress",
                "pkt_srcaddr": ends[0], "pkt_dstaddr": ends[1],
                "vpc_id": "vpc-0aaaaaaa", "instance_id": f"i-{_eni(at_end)[4:]}",
            }  # fmt: skip
        return row

    def _place(self, at_end: str, start: int, stop: int) -> Row:
        slot = datetime.fromtimestamp(stop // 300 * 300, UTC)
        key = f"111122223333_vpcflowlogs_eu-west-1_{_FLOW_LOG}_{slot:%Y%m%dT%H%MZ}_0.log.gz"
        return {
            "interface_id": _eni(at_end), "start": start, "end": stop, "object_uri": f"s3://b/{key}",
            "start_at": datetime.fromtimestamp(start, UTC),
            "end_at": datetime.fromtimestamp(stop, UTC),
        }  # fmt: skip

    def fill_in(self) -> None:
        """NODATA for minutes without a record of the subject, SKIPDATA where some were lost.

        And what is true of the day as a whole.
        """
        if self.first_sign is not None:
            at = datetime.fromtimestamp(MIDNIGHT + int(self.first_sign), UTC)
            self.true("P1-16", f"{at:%Y-%m-%dT%H:%M}")
        for hour, conversations in self.begun.items():
            self.true("P2-19", f"{DAY.replace(hour=hour):%Y-%m-%dT%H}", conversations)
        seen = {int(str(row["end"])) // 60 for row in self.rows if row["role"] == "own_interface"}
        for minute in range(MIDNIGHT // 60, (MIDNIGHT + END) // 60):
            if minute in seen:
                continue
            status = "SKIPDATA" if self._is_lost(minute * 60) else "NODATA"
            place = self._place(SUBJECT, minute * 60, minute * 60 + 59)
            self.rows.append({**place, "role": "own_interface", "log_status": status})

    def as_tuples(
        self, number: int, columns: list[str], *, further: bool = False
    ) -> list[tuple[object, ...]]:
        """Rows with these columns, in a network and an account of this number.

        So several days can be asked in one go; `network_of` is its first octets.
        """

        def placed(value: object) -> object:
            if isinstance(value, str) and value.startswith("10.0."):
                return network_of(number) + value.removeprefix("10.0.")
            if isinstance(value, str) and value.startswith("s3://b/111122223333"):
                return value.replace("111122223333", account_of(number), 1)
            return value

        rows = self.further if further else self.rows
        return [tuple(placed(row.get(name)) for name in columns) for row in rows]


def network_of(number: int) -> str:
    """The first octets of the addresses of a day that is asked together with others."""
    return f"10.{number + 1}."


def account_of(number: int) -> str:
    """Its account."""
    return f"{number + 1:012d}"


def _is_internal(address: str) -> bool:
    return address.startswith("10.")


def _is_rejected(at_end: str, ends: tuple[str, str], fate: str) -> bool:
    at_source = at_end == ends[0]
    return fate == ("blocked at the source" if at_source else "blocked at the target")


def _eni(address: str) -> str:
    if address == SUBJECT:
        return SUBJECT_ENI
    return "eni-" + "".join(f"{int(part):02x}" for part in address.split("."))


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
    day.true("P0-5", "horizontal", 445)


def _get_in(day: Scenario) -> None:
    day.talk(3 * HOUR, "198.51.100.9", 22, "data", inbound=True, seconds=400, out=9_000,
             back=20_000)  # fmt: skip


def _hop(day: Scenario, chance: random.Random) -> None:
    day.verdict = "DATA"
    _get_in(day)
    day.talk(3 * HOUR + 900, "10.0.2.22", 22, "data", seconds=600, out=30_000, back=60_000)


def _hop_and_hop(day: Scenario, chance: random.Random) -> None:
    """The second hop is between two others: no record of the subject holds it."""
    _hop(day, chance)
    entered = "10.0.2.22"
    for hour in (1, 2, 4, 5):
        day.beyond(hour * HOUR, entered, "10.0.3.32", 3306, "data", out=900, back=9_000)
    day.beyond(3 * HOUR + 1_500, entered, "10.0.3.31", 5432, "data", out=4_000, back=90_000)
    day.beyond(3 * HOUR + 1_800, entered, "10.0.3.33", 22, "blocked at the target", out=0)
    day.beyond(4 * HOUR, entered, "198.51.100.200", 443, "data", out=900, back=9_000)
    day.true("P0-9", entered, "10.0.3.31", 5432)
    day.true("P0-9", entered, "10.0.3.33", 22)


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
    day.talk(3 * HOUR + 900, "10.0.2.22", 22, "data", seconds=600, out=30_000, back=60_000)
    day.talk(3 * HOUR + 1_800, "10.0.3.31", 5432, "blocked at the target", out=0)
    day.talk(3 * HOUR + 1_900, "10.0.3.32", 3306, "refused", out=0)


def _rule_changed(day: Scenario, chance: random.Random) -> None:
    day.verdict = "DATA"
    for number in range(3):
        day.talk(4 * HOUR + number * 20, "10.0.3.31", 5432, "blocked at the target", out=0)
    day.talk(5 * HOUR, "10.0.3.31", 5432, "data", seconds=90, out=4_000, back=700_000)
    day.true("P1-11", "10.0.3.31", 5432)


def _ping_sweep(day: Scenario, chance: random.Random) -> None:
    day.verdict = "ANSWERED"
    day.sign(2 * HOUR)
    for host in range(60):
        fate = "answered" if host % 9 == 0 else "no answer"
        day.talk(2 * HOUR + host * chance.uniform(0.5, 1.5), f"10.0.2.{10 + host}", 0, fate,
                 protocol=_ICMP, out=56, back=56)  # fmt: skip
    day.true("P1-17", _ICMP)


def _dns_tunnel(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    for number in range(120):
        day.talk(2 * HOUR + number * chance.uniform(5, 9), "198.51.100.53", 53, "answered",
                 protocol=_UDP, out=180, back=220)  # fmt: skip
    day.true("P1-14", "198.51.100.53", 53)


def _odd_protocol(day: Scenario, chance: random.Random) -> None:
    day.verdict = "NO EVIDENCE"
    day.talk(7 * HOUR, "198.51.100.47", 0, "data", protocol=_GRE, seconds=900, out=50_000,
             back=90_000)  # fmt: skip
    day.true("P2-18", _GRE, "198.51.100.47")


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
}


def scenarios(seed: int = 7) -> Iterator[Scenario]:
    """Every scenario; the same seed gives the same rows."""
    for name, story in _STORIES.items():
        chance = random.Random(f"{seed} {name}")
        day = Scenario(name)
        story(day, chance)
        ordinary(day, chance)
        day.fill_in()
        yield day

"""A small day as one interface after the other would log it, and what is true of it.

Rows have the shape of the table `flows`. The truth is written by the acts that make the rows, never
read from rows.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from transforms.label.tables import Interface, LabelTables, Version
from transforms.window import Window

DAY = datetime(2026, 11, 23, tzinfo=UTC)
MIDNIGHT = int(DAY.timestamp())
MINUTE, HOUR, END = 60, 3600, 24 * 3600
SUBJECT, SUBJECT_ENI, VPC = "10.0.0.7", "eni-0aaaaaaa", "vpc-0aaaaaaa"
CONTAINED = 12 * HOUR
_FLOW_LOG = "fl-0aaaaaaa"
TCP, UDP, ICMP, GRE = 6, 17, 1, 47
# Services of these stories by which a machine is entered, emptied or steered.
_MATTERS = {22, 23, 25, 445, 3306, 5432}
_ADMIN = {22, 23, 3389}
_HEADERS = {TCP: 40, UDP: 28, ICMP: 28}

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
    others: list[Row] = field(default_factory=list)  # at other interfaces, between other ends
    names: dict[str, str] = field(default_factory=dict)  # by address, what labels call them
    days_before: int = 0
    scored: bool = True  # by question; else by standing and path alone
    attack: set[Key] = field(default_factory=set)  # peer and port of what the subject did wrong
    path: set[Key] = field(default_factory=set)  # hop, from, to, port
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
        back: int = 60, inbound: bool = False, protocol: int = TCP, from_port: int | None = None,
        story: bool = True, aws_service: str | None = None,
    ) -> None:  # fmt: skip
        """One conversation; `out` and `back` are payload from and to the side that begins.

        `aws_service` is whose the peer's address is, which records say from version 5 on.
        Fates: data, answered, refused, no answer, blocked at the target or at the source.
        """
        client = from_port or (next(self._ports) if protocol in (TCP, UDP) else 0)
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
                row |= {f"pkt_{far}_aws_service": aws_service, f"{far}_ring": "aws service"}
        if len(self.rows) > recorded and at >= 0:
            self.begun[int(at) // HOUR] += 1
        if self.contained_at is not None and at + seconds >= CONTAINED + MINUTE:
            self.true("P0-10", peer, "before" if at < CONTAINED else "after")
        if story:
            self._note(peer, port, protocol, fate, inbound)
            if not inbound and _is_internal(peer) and port in _MATTERS:
                self.true("P0-3", peer, port)
                if fate == "blocked at the source" or (
                    fate == "blocked at the target" and self.logged_peers
                ):
                    self.sign(at)
            if inbound and not _is_internal(peer) and port in _ADMIN and fate == "data":
                self.sign(at)

    def sign(self, at: float) -> None:
        """Note a sign, as docs/reference/standing.md has them; the first is when it started."""
        self.first_sign = at if self.first_sign is None else min(at, self.first_sign)

    def beyond(
        self, at: float, source: str, target: str, port: int, fate: str, *, seconds: float = 1,
        out: int = 60, back: int = 60, protocol: int = TCP,
    ) -> None:  # fmt: skip
        """What two others do: no record of the subject holds it, only a further reading."""
        before = len(self.rows)
        client = next(self._ports) if protocol in (TCP, UDP) else 0
        for interface in (source, target):
            if _is_internal(interface):
                self._record(interface, at, seconds, (source, target), (client, port), protocol,
                             fate, out, back)  # fmt: skip
        self.others += self.rows[before:]
        del self.rows[before:]

    def rows_of(self, addresses: Collection[str]) -> list[Row]:
        """The rows that a reading of these machines finds, each with its role."""
        interfaces = {_eni(address) for address in addresses}
        found = []
        for row in [*self.rows, *self.others]:
            ends = {row.get("srcaddr"), row.get("dstaddr")}
            if row["interface_id"] in interfaces:
                found.append({**row, "role": "own_interface"})
            elif not ends.isdisjoint(addresses):
                found.append({**row, "role": "other_end"})
        return found

    def labels(self, number: int) -> LabelTables:
        """What labels say of the machines with a name, in the network of this number."""
        found = LabelTables()
        for address, name in sorted(self.names.items()):
            placed = network_of(number) + address.removeprefix("10.0.")
            subnet = f"subnet-{address.split('.')[2]}"
            version = Version(None, None, name, VPC, subnet, f"i-{_eni(address)[4:]}")
            found.interfaces.append(Interface(version, _eni(address), (placed,)))
        return found

    def _note(self, peer: str, port: int, protocol: int, fate: str, inbound: bool) -> None:
        if inbound:
            if fate in ("data", "answered"):
                self.true("P0-6", peer, port)
                if self.version > 2 and protocol == TCP:  # flags show it, or several clients
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
            row[f"{end}_ring"] = "own vpc" if _is_internal(address) else "internet"
            row[f"{end}_basis"] = "interface" if address == at_end else "address"
            row[f"{end}_interface_id"] = _eni(address) if _is_internal(address) else None
        if self.version >= 5:
            row |= {
                "tcp_flags": flags if protocol == TCP else 0,
                "flow_direction": "egress" if is_egress else "ingress",
                "pkt_srcaddr": ends[0], "pkt_dstaddr": ends[1],
                "vpc_id": VPC, "instance_id": f"i-{_eni(at_end)[4:]}",
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
        begin = MIDNIGHT - self.days_before * END
        for minute in range(begin // 60, (MIDNIGHT + END) // 60):
            if minute in seen:
                continue
            status = "SKIPDATA" if self._is_lost(minute * 60) else "NODATA"
            place = self._place(SUBJECT, minute * 60, minute * 60 + 59)
            self.rows.append({**place, "role": "own_interface", "log_status": status})
        for address in self.names:
            if address != SUBJECT and self.logged_peers:
                for second in range(begin, MIDNIGHT + END, 300):
                    place = self._place(address, second, second + 59)
                    self.others.append({**place, "role": "other_end", "log_status": "NODATA"})

    def as_tuples(
        self, number: int, columns: list[str], rows: Sequence[Row]
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

"""Two small days that are hard to label, with the truth of each: made for tests.

The terminated day: the attack of the demo day, after which the instance is gone from the inventory.
The reused address: an instance had the suspect's address until minutes before its launch.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from demo.events import ATTACKER, TCP, Day, Event
from demo.generate import DEMO_DAY, FLOW_LOGS, FlowLog, Truth
from demo.papers import finding, iso, write_json, write_labels
from demo.records import (
    Record,
    records_of,
    slot_of,
)
from demo.vpc import (
    ACCOUNT_ID,
    APP,
    DATA,
    LOAD_BALANCER,
    MONITOR,
    REGION,
    SUSPECT,
    Interface,
    made_up_id,
)

Row = dict[str, str]

# The flow log of the shop, in its own format and in that of the lab's.
FORMATS = {
    2: FLOW_LOGS["lab"]._replace(flow_log_id=FLOW_LOGS["shop"].flow_log_id),
    5: FLOW_LOGS["shop"],
}
GONE_AT = DEMO_DAY + timedelta(hours=1, minutes=58)
LAUNCHED_AT = DEMO_DAY + timedelta(hours=2, minutes=5)


class Earlier(Interface):
    """The interface that had the suspect's address before: another id, another instance."""

    @property
    def interface_id(self) -> str:
        """Its id."""
        return made_up_id("eni", f"{self.vpc}/{self.subnet}/{self.host} before")


PREDECESSOR = Earlier(
    SUSPECT.vpc, SUSPECT.subnet, SUSPECT.host, "web-old", "the one before", public_address=None
)


class Seen(NamedTuple):
    """A record by what identifies it, and whose its ends are."""

    interface_id: str
    source: str
    source_port: int
    target: str
    target_port: int
    start: int
    source_instance: str | None
    target_instance: str | None
    is_subjects: bool


def terminated_day(output: Path, version: int) -> Truth:
    """Write the attack in a format: `flow-logs/`, `finding.json`, and `labels/`.

    In version 2 the labels are those of the next day: the suspect is in none of their tables.
    """
    truth = Truth()
    events = list(_attack())
    for event in events:
        truth.note(event, len(list(records_of(event, DEMO_DAY))))
    _write_flow_logs(output, events, FORMATS[version])
    write_labels(output / "labels")
    if version == 2:
        _rewrite(output / "labels/interfaces.csv", _without_suspect)
        _rewrite(output / "labels/instances.csv", _without_suspect)
    write_json(output / "finding.json", finding(DEMO_DAY))
    return truth


def reused_address_day(output: Path) -> list[Seen]:
    """Write a night in which the suspect's address was another's first, in version 2."""
    events = list(_two_owners())
    _write_flow_logs(output, events, FORMATS[2])
    write_labels(output / "labels")
    _rewrite(output / "labels/interfaces.csv", _with_predecessor)
    before = {"instance_id": str(PREDECESSOR.instance_id), "name": str(PREDECESSOR.instance)}
    _rewrite(output / "labels/instances.csv", lambda rows: [*rows, before])
    changed = finding(DEMO_DAY)
    detail = changed["detail"]
    assert isinstance(detail, dict)
    detail["resource"]["instanceDetails"]["launchTime"] = iso(LAUNCHED_AT)
    write_json(output / "finding.json", changed)
    return [_seen(event, record) for event in events for record in records_of(event, DEMO_DAY)]


def _attack() -> Iterator[Event]:
    """The attack with a tenth of its brute force, and an hour of what is ordinary around it."""
    for hour in Day(7, 0).hours():
        for number, event in enumerate(hour):
            is_short = 2 * 3600 <= event.at < 4 * 3600 and event.seconds <= 1800
            is_told = event.story != "brute force" or number % 10 == 0
            is_near = event.story != "ordinary" or SUSPECT in (event.source, event.target)
            if is_short and is_told and is_near:
                yield event


def _two_owners() -> Iterator[Event]:
    """The same machines talk with both owners, as they only know the address."""
    ports = iter(range(40_000, 60_000))

    def talk(owner: Interface, first: int, last: int) -> Iterator[Event]:
        for at in range(first, last, 120):
            for source, target, port in (
                (MONITOR, owner, 9100),
                (LOAD_BALANCER, owner, 8080),
                (owner, APP[0], 8081),
                (owner, DATA[0], 5432),
                (ATTACKER, owner, 22),
            ):
                yield Event(at, 1, source, target, next(ports), port, TCP, 700, 900)

    minutes = 60
    yield from talk(PREDECESSOR, 80 * minutes, 117 * minutes)
    yield from talk(SUSPECT, 126 * minutes, 160 * minutes)


def _without_suspect(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["instance_id"] != SUSPECT.instance_id]


def _with_predecessor(rows: list[Row]) -> list[Row]:
    own = next(row for row in rows if row["interface_id"] == SUSPECT.interface_id)
    before = {
        **own,
        "interface_id": PREDECESSOR.interface_id,
        "instance_id": str(PREDECESSOR.instance_id),
        "description": PREDECESSOR.description,
        "public_addresses": "",
    }
    others = [{**row, "valid_from": "", "valid_to": ""} for row in rows if row is not own]
    return [
        *others,
        {**before, "valid_from": "", "valid_to": iso(GONE_AT)},
        {**own, "valid_from": iso(LAUNCHED_AT), "valid_to": ""},
    ]


def _rewrite(path: Path, change: Callable[[list[Row]], list[Row]]) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        rows = change(list(csv.DictReader(file)))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _seen(event: Event, record: Record) -> Seen:
    ends = {
        end.address: end.instance_id
        for end in (event.source, event.target)
        if isinstance(end, Interface)
    }
    return Seen(
        record.interface.interface_id, record.source, record.source_port, record.target,
        record.target_port, record.start, ends.get(record.source), ends.get(record.target),
        SUSPECT in (event.source, event.target),
    )  # fmt: skip


def _write_flow_logs(output: Path, events: Iterable[Event], flow_log: FlowLog) -> None:
    """One object for each five minutes with records, in the key layout of AWS."""
    lines: defaultdict[datetime, list[str]] = defaultdict(list)
    for event in events:
        for record in records_of(event, DEMO_DAY):
            lines[slot_of(record.end)].append(flow_log.line(record))
    for slot, texts in lines.items():
        name = f"{ACCOUNT_ID}_vpcflowlogs_{REGION}_{flow_log.flow_log_id}_{slot:%Y%m%dT%H%MZ}"
        folder = output / f"flow-logs/AWSLogs/{ACCOUNT_ID}/vpcflowlogs/{REGION}/{slot:%Y/%m/%d}"
        folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join([flow_log.header, *texts, ""])
        (folder / f"{name}_00000000.log.gz").write_bytes(gzip.compress(text.encode(), mtime=0))

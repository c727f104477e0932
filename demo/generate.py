"""Write the demo day: flow-log objects, a label snapshot, a GuardDuty finding, and the truth.

The same day, seed and factor give the same bytes.
"""

import argparse
import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from demo.events import ATTACKER, DROP_SITE, Day, Event
from demo.papers import finding, iso, write_json, write_labels
from demo.records import (
    INTERVAL,
    VERSION_2,
    VERSION_5,
    Record,
    records_of,
    slot_of,
    version_2_empty,
    version_2_line,
    version_5_empty,
    version_5_line,
)
from demo.vpc import (
    ACCOUNT_ID,
    APP,
    INTERFACES,
    REGION,
    SUSPECT,
    WEB,
    Interface,
    made_up_id,
)

DEMO_DAY = datetime(2026, 11, 23, tzinfo=UTC)
_SLOT = timedelta(minutes=5)


class FlowLog(NamedTuple):
    """One flow log of a VPC: its id, its format, and how rows are written in it."""

    flow_log_id: str
    header: str
    line: Callable[[Record], str]
    empty: Callable[[Interface, int, int, str], str]


FLOW_LOGS = {
    "shop": FlowLog(made_up_id("fl", "shop"), VERSION_5, version_5_line, version_5_empty),
    "lab": FlowLog(made_up_id("fl", "lab"), VERSION_2, version_2_line, version_2_empty),
}


class Story:
    """One act of the attack, gathered from its events."""

    def __init__(self, first: Event) -> None:
        self.source = _shown(first.source)
        self.port = first.target_port
        self.at = self.to = first.at
        self.attempts = 0
        self.targets: set[str] = set()

    def told(self) -> dict[str, object]:
        """As it stands in the truth."""
        return {
            "from": iso(DEMO_DAY + timedelta(seconds=int(self.at))),
            "to": iso(DEMO_DAY + timedelta(seconds=int(self.to))),
            "source": self.source,
            "port": self.port,
            "attempts": self.attempts,
            "targets": len(self.targets),
            "target": min(self.targets) if len(self.targets) == 1 else None,
        }


@dataclass
class Truth:
    """What happened, counted from the events as they are made, never from the written lines."""

    objects: int = 0
    lines: int = 0
    subject_records: int = 0
    nodata: int = 0
    skipdata: int = 0
    stories: dict[str, "Story"] = field(default_factory=dict)
    _attempts: dict[tuple[object, ...], list[bool]] = field(default_factory=dict)

    def note(self, event: Event, records: int) -> None:
        """Count an event that left this many records."""
        if event.story != "ordinary":
            self._note_story(event)
        if event.source is not SUSPECT and event.target is not SUSPECT:
            return
        self.subject_records += records
        is_out = event.source is SUSPECT
        peer = event.target if is_out else event.source
        if isinstance(peer, str) and not peer.startswith("10."):
            return
        name, address = (None, peer) if isinstance(peer, str) else (_name_of(peer), peer.address)
        key = (name, address, event.protocol, event.target_port, is_out, event.source_port)
        fate = self._attempts.setdefault(key, [False, False])
        fate[0] |= event.fate == "rejected"
        fate[1] |= event.fate == "accepted"

    def _note_story(self, event: Event) -> None:
        story = self.stories.setdefault(event.story, Story(event))
        story.to = event.at + event.seconds
        story.attempts += 1
        story.targets.add(_shown(event.target))

    def peers(self) -> list[dict[str, Any]]:
        """Attempts by internal peer, service port and side that began, in a fixed order."""
        peers: dict[tuple[object, ...], dict[str, Any]] = {}
        counts: defaultdict[tuple[object, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
        for attempt, (rejected, answered) in self._attempts.items():
            key = attempt[:-1]
            name, address, protocol, port, is_out = key
            peers[key] = {
                "peer_name": name,
                "peer": address,
                "protocol": protocol,
                "service_port": port,
                "started_by": "subject" if is_out else "peer",
            }
            count = counts[key]
            count[0] += not rejected
            count[1] += rejected
            count[2] += answered
        for key, peer in peers.items():
            peer["accepted"], peer["rejected"], peer["answered"] = counts[key]
        return sorted(peers.values(), key=lambda peer: json.dumps(peer, sort_keys=True))


def generate(output: Path, *, seed: int = 7, factor: float = 1.0) -> Truth:
    """Write the day below `output`: `flow-logs/`, `labels/`, `finding.json`, `truth.json`."""
    truth = Truth()
    write_day(output / "flow-logs", DEMO_DAY, Day(seed, factor).hours(), truth)
    write_labels(output / "labels")
    write_json(output / "finding.json", finding(DEMO_DAY))
    write_json(output / "truth.json", _told(truth, seed, factor))
    return truth


def write_day(
    folder: Path, midnight: datetime, hours: Iterable[Sequence[Event]], truth: Truth
) -> None:
    """Write the objects of a day, from its events by hour; notes all of them in the truth."""
    writer = _Slots(folder, truth, midnight)
    for hour, events in enumerate(hours):
        for event in events:
            records = list(records_of(event, midnight))
            truth.note(event, len(records))
            writer.add(records)
        writer.close_before(midnight + timedelta(hours=hour + 1))
    writer.close_before(midnight + timedelta(days=3))


class _Slots:
    """Lines by flow log and five-minute slot; a slot is written once nothing can join it."""

    def __init__(self, folder: Path, truth: Truth, midnight: datetime) -> None:
        self._folder = folder
        self._truth = truth
        self._lines: defaultdict[tuple[str, datetime], list[tuple[int, str]]] = defaultdict(list)
        self._seen: defaultdict[datetime, set[tuple[str, int]]] = defaultdict(set)
        self._next = midnight
        self._end = midnight + timedelta(days=1)

    def add(self, records: Iterable[Record]) -> None:
        for record in records:
            vpc = record.interface.vpc
            slot = slot_of(record.end)
            self._lines[vpc, slot].append((record.end, FLOW_LOGS[vpc].line(record)))
            self._seen[slot].add((record.interface.interface_id, record.end // INTERVAL))

    def close_before(self, until: datetime) -> None:
        while self._next < until and (self._next < self._end or self._lines):
            for vpc, flow_log in FLOW_LOGS.items():
                self._write(vpc, flow_log, self._next)
            self._seen.pop(self._next, None)
            self._next += _SLOT

    def _write(self, vpc: str, flow_log: FlowLog, slot: datetime) -> None:
        lines = [line for _, line in sorted(self._lines.pop((vpc, slot), []))]
        lines += self._empty_rows(vpc, flow_log, slot)
        text = "\n".join([flow_log.header, *lines, ""]).encode()
        stamp = f"{slot:%Y%m%dT%H%MZ}"
        digest = hashlib.sha256(f"{vpc} {stamp}".encode()).hexdigest()[:8]
        name = f"{ACCOUNT_ID}_vpcflowlogs_{REGION}_{flow_log.flow_log_id}_{stamp}_{digest}.log.gz"
        path = self._folder / f"AWSLogs/{ACCOUNT_ID}/vpcflowlogs/{REGION}/{slot:%Y/%m/%d}/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = gzip.compress(text, compresslevel=6, mtime=0)
        if not path.exists() or path.read_bytes() != data:  # keeps the etag of what is there
            path.write_bytes(data)
        self._truth.objects += 1
        self._truth.lines += 1 + len(lines)

    def _empty_rows(self, vpc: str, flow_log: FlowLog, slot: datetime) -> list[str]:
        """NODATA for every interval of an interface without traffic.

        SKIPDATA at one app server around the hop.
        """
        start = int(slot.timestamp())
        rows = []
        for interface in INTERFACES:
            for at in range(start, start + 300, INTERVAL):
                is_seen = (interface.interface_id, at // INTERVAL) in self._seen[slot]
                if interface.vpc == vpc and not is_seen:
                    rows.append(flow_log.empty(interface, at, at + INTERVAL - 1, "NODATA"))
                    self._truth.nodata += 1
                    self._truth.subject_records += interface is SUSPECT
        if vpc == "shop" and slot.hour == 3 and 30 <= slot.minute < 45:
            rows.append(flow_log.empty(APP[5], start, start + 59, "SKIPDATA"))
            self._truth.skipdata += 1
        return rows


def _told(truth: Truth, seed: int, factor: float) -> dict[str, object]:
    return {
        "day": iso(DEMO_DAY),
        "seed": seed,
        "factor": factor,
        "objects": truth.objects,
        "lines": truth.lines,
        "nodata": truth.nodata,
        "skipdata": truth.skipdata,
        "subject": {
            "instance_id": SUSPECT.instance_id,
            "interface_id": SUSPECT.interface_id,
            "address": SUSPECT.address,
            "public_address": SUSPECT.public_address,
            "vpc_id": SUSPECT.vpc_id,
            "records": truth.subject_records,
        },
        "attacker": ATTACKER,
        "drop_site": DROP_SITE,
        "healthy_twin": WEB[0].instance_id,
        "path": [["web-3", "app-2", 22], ["app-2", "admin-3", 22]],
        "stories": {name: story.told() for name, story in truth.stories.items()},
        "peers": truth.peers(),
    }


def _name_of(interface: Interface) -> str:
    return interface.instance or interface.description


def _shown(end: Interface | str) -> str:
    return end if isinstance(end, str) else _name_of(end)


def main() -> None:
    """Write the day that the flags ask for."""
    parser = argparse.ArgumentParser(prog="demo.generate", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="a folder that this may fill")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--factor", type=float, default=1.0, help="how much ordinary traffic")
    given = parser.parse_args()
    truth = generate(given.output, seed=given.seed, factor=given.factor)
    print(f"{truth.objects:,} objects with {truth.lines:,} lines are in {given.output}")


if __name__ == "__main__":
    main()

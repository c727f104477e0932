"""The command: EC2 inventory → a label snapshot, added to the history of earlier snapshots."""

import json
import logging
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jobs.cli.label_arguments import Request, parse_request
from jobs.cli.main import run_main
from jobs.errors import EXPIRED_CODES, BadInput, ExitCode, Failure
from jobs.sources.aggregator import aggregated
from jobs.sources.inventory import Inventory, Missing
from jobs.sources.label_accounts import accounts_of
from jobs.sources.labels import SNAPSHOT, aws_range_rows
from jobs.sources.several_at_once import answers_of
from jobs.storage.object_store import first_line, place_of
from jobs.storage.whole_objects import (
    NotThere,
    StorageFailed,
    below,
    read_bytes,
    reason_of,
    write_bytes,
)
from transforms.label.history import Cells, merged, one_row_each
from transforms.label.tables import KEY_COLUMNS

logger = logging.getLogger(__name__)

# Each place is throttled by itself; more of them at once would only cost memory.
_PLACES_AT_ONCE = 8


class NothingCollected(Failure):
    """AWS did not answer as needed, so that no snapshot was written."""

    def __init__(self, error: ClientError | BotoCoreError) -> None:
        super().__init__(f"{error}; nothing was written")
        response = error.response if isinstance(error, ClientError) else {}
        if response.get("Error", {}).get("Code") in EXPIRED_CODES:
            self.exit_code = ExitCode.EXPIRED


class NotStored(Failure):
    """The snapshot, or a part of it, could not be written."""

    def __init__(self, output: str, failure: StorageFailed) -> None:
        super().__init__(
            f"--output {output}: found that {failure.reason}; expected a place to write to; some "
            "tables may be new and others as they were: make it writable and collect again"
        )
        self.exit_code = failure.exit_code


class Collected(NamedTuple):
    """Rows by table, the places that answered for each, and sentences about what is missing."""

    tables: dict[str, list[Cells]]
    gone: dict[str, list[Cells]]
    covered: set[tuple[str, object, object]]
    missing: list[str]


def main(argv: Sequence[str]) -> int:
    """Collect for these flags; returns the exit code that `--help` explains."""
    return run_main(_collect, argv)


def _collect(argv: Sequence[str]) -> int:
    request = parse_request(argv)
    ranges = _aws_ranges(request.aws_ranges)
    try:
        collected = collect(request)
    except (ClientError, BotoCoreError) as error:
        raise NothingCollected(error) from error
    try:
        counts = write(request.output, collected, ranges, datetime.now(UTC))
    except StorageFailed as failure:
        raise NotStored(request.output, failure) from failure
    print(f"{request.output}: " + ", ".join(f"{n:,} {table}" for table, n in counts.items()))
    for sentence in collected.missing:
        print(f"missing: {sentence}")
    is_incomplete = request.strict and collected.missing
    return ExitCode.INCOMPLETE if is_incomplete else ExitCode.COMPLETE


def collect(request: Request) -> Collected:
    """Ask every account and region; a call that is not allowed is named, and the rest goes on."""
    if request.aggregator is not None:
        return _from_aggregator(request.aggregator, request.regions[0])
    stop = Event()
    ask = partial(_collected_from, with_history=request.config_history)
    whole = Collected({}, {}, set(), [])
    for part in answers_of(ask, _places(request, stop), stop, _PLACES_AT_ONCE):
        for tables, more in ((whole.tables, part.tables), (whole.gone, part.gone)):
            for table, rows in more.items():
                tables.setdefault(table, []).extend(rows)
        whole.covered.update(part.covered)
        whole.missing.extend(part.missing)
    return whole


def _places(request: Request, stop: Event) -> Iterator[Inventory | Missing]:
    """Every account in every region; an account that does not let us in is one place."""
    accounts = accounts_of(request.role_arns, request.organization_role, request.regions[0])
    for account in accounts:
        if isinstance(account, Missing):
            yield account
            continue
        for region in request.regions:
            yield Inventory(*account, region=region, stop=stop)


def _collected_from(place: Inventory | Missing, with_history: bool) -> Collected:
    found = Collected({}, {}, set(), [])
    if isinstance(place, Missing):
        found.missing.append(str(place))
        return found
    for table, rows in place.tables.items():
        found.tables[table] = []
        try:
            found.tables[table] += rows()
        except Missing as missing:
            found.missing.append(str(missing))
        else:
            found.covered.add((table, place.account_id, place.region))
    for table in ("interfaces", "instances") if with_history else ():
        found.gone[table] = []
        try:
            found.gone[table] += place.gone(table)
        except Missing as missing:
            found.missing.append(str(missing))
    return found


def _from_aggregator(name: str, region: str) -> Collected:
    """What an aggregator knows; of a place that it names no resource of, it says nothing."""
    found = Collected({}, {}, set(), [])
    try:
        tables, places = aggregated(name, region)
    except Missing as missing:
        found.missing.append(str(missing))
        return found
    covered: set[tuple[str, object, object]] = {
        (table, *place) for table in tables for place in places
    }
    return found._replace(tables=tables, covered=covered)


def write(output: str, collected: Collected, ranges: bytes | None, now: datetime) -> dict[str, int]:
    """Write each table of the snapshot, then `snapshot.json`; returns the rows by table."""
    place = place_of(output)
    counts: dict[str, int] = {}
    histories = {
        table: _history(table, _known(below(place, f"{table}.jsonl")), collected, now)
        for table in collected.tables
    }
    for table, rows in histories.items():
        text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        if rows:
            write_bytes(below(place, f"{table}.jsonl"), text.encode())
        counts[table] = len(rows)
    if ranges is not None:
        write_bytes(below(place, "aws_ranges.json"), ranges)
    snapshot = {
        "taken_at": now.isoformat(timespec="seconds"),
        "covered": sorted(map(list, collected.covered)),
        "rows": counts,
        "missing": collected.missing,
    }
    write_bytes(below(place, SNAPSHOT), json.dumps(snapshot, indent=1).encode())
    return counts


def _history(table: str, known: list[Cells], collected: Collected, now: datetime) -> list[Cells]:
    if table == "prefix_lists":  # entries have no id of their own: what is true now replaces them
        elsewhere = [row for row in known if not _is_covered(table, row, collected)]
        return [*elsewhere, *collected.tables[table]]
    key = KEY_COLUMNS[table]
    seen = one_row_each(collected.tables[table], key)
    rows = merged(
        known,
        seen,
        key=key,
        taken_at=now,
        is_covered=lambda row: _is_covered(table, row, collected),
    )
    # The record of AWS Config is finer than what snapshots saw of the same resource.
    gone = collected.gone.get(table, [])
    recorded = {row[key] for row in gone}
    return [row for row in rows if row[key] not in recorded] + gone


def _is_covered(table: str, row: Mapping[str, object], collected: Collected) -> bool:
    return (table, row.get("account_id"), row.get("region")) in collected.covered


def _known(uri: str) -> list[Cells]:
    """The rows of an earlier snapshot; none where there is none."""
    try:
        return [json.loads(line) for line in read_bytes(uri).decode().splitlines() if line]
    except NotThere:
        return []
    except (ValueError, RecursionError) as error:
        raise BadInput(
            [f"{uri}: found no snapshot to add to: {first_line(error)}; choose another --output"]
        ) from error


def _aws_ranges(uri: str | None) -> bytes | None:
    if uri is None:
        return None
    try:
        if uri.startswith("https://"):
            with urllib.request.urlopen(uri, timeout=60) as answer:
                data: bytes = answer.read()
        else:
            data = read_bytes(uri)
        list(aws_range_rows("aws_ranges.json", data))
    except (OSError, ValueError, RecursionError, StorageFailed) as error:
        raise BadInput(
            [f"--aws_ranges {uri}: {reason_of(error)}; expected AWS's ip-ranges.json"]
        ) from error
    return data


if __name__ == "__main__":
    if status := main(sys.argv[1:]):  # Glue takes even an exit with 0 for a failure
        sys.exit(status)

"""The listing that a flow table makes of itself, where no prefix is given: no Spark, no bucket."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from jobs.errors import BadInput
from jobs.flow_table.tables import FlowTable
from jobs.sources.listing import FlowLogObject, Listing
from jobs.storage.aws_access import OWN, Access
from jobs.storage.delta_log import LOG_ERRORS
from jobs.storage.object_store import place_of
from jobs.storage.whole_objects import reason_of
from transforms.scan.object_key import reason_to_skip
from transforms.utc import in_utc
from transforms.window import Window

_Row = dict[str, Any]
_OF_RUN = ("run_id", "number", "began_at")
_OF_OBJECT = ("uri", "etag", "size", "last_modified", "run_id")
_DAY = timedelta(days=1)


def listed_by(table: FlowTable, *windows: Window, access: Access = OWN) -> tuple[Listing, ...]:
    """For each window every object that a complete run has seen, as the last of them saw it.

    It ends with the last run: what came since is not in it. Raises BadInput where no run is
    complete, the tables cannot be read, or nothing concerns the first window.
    """
    first = f"{min(window.first_slot for window in windows) - _DAY:%Y-%m-%d}"
    try:
        runs = {row["run_id"]: row for row in _rows(table, "runs", _OF_RUN)}
        newest = _newest(runs, _rows(table, "objects", _OF_OBJECT, first) if runs else ())
    except LOG_ERRORS as error:
        why = f"--flow_table {table.uri}: found a table that cannot be read ({reason_of(error)})"
        raise BadInput([f"{why}; expected what ingest_flows wrote"]) from error
    if not runs:
        raise BadInput([_no_run(table)])
    known_until = in_utc(max(runs.values(), key=_number)["began_at"])
    rows = [row for _, row in sorted(newest.items())]
    listings = tuple(
        Listing(tuple(_as_listed(row, window, access) for row in rows), (), known_until)
        for window in windows
    )
    if not listings[0].selected:
        raise BadInput(
            [
                f"--flow_table {table.uri}: found no object that may hold records of "
                f"{windows[0]}; expected some; check --from and --to, or give --flow_logs too"
            ]
        )
    return listings


def _no_run(table: FlowTable) -> str:
    return (
        f"--flow_table {table.uri}: found no complete run; expected one, as no --flow_logs is "
        "given; run ingest_flows first"
    )


def _newest(runs: Mapping[str, _Row], objects: Iterable[_Row]) -> dict[str, _Row]:
    """Of each object the row of the last complete run that has one."""
    found: dict[str, _Row] = {}
    for row in objects:
        if row["run_id"] in runs:
            before = found.get(row["uri"])
            if before is None or _number(runs[before["run_id"]]) < _number(runs[row["run_id"]]):
                found[row["uri"]] = row
    return found


def _number(run: _Row) -> int:
    return int(run["number"])


def _rows(table: FlowTable, name: str, columns: tuple[str, ...], first: str = "") -> Iterator[_Row]:
    """The rows of a table, of days from `first` on.

    Later days too: an object without a slot lies under its last change, which comes after its
    records.
    """
    files = [file for file in table.files(name) if (file.partition.get("day") or first) >= first]

    for batch in table.read(name, files, columns).to_batches():
        yield from batch.to_pylist()


def _as_listed(row: _Row, window: Window, access: Access) -> FlowLogObject:
    place = place_of(row["uri"], access)
    return FlowLogObject(
        bucket=place.bucket,
        path=place.path,
        etag=row["etag"],
        size=row["size"],
        last_modified=in_utc(row["last_modified"]),
        skipped=reason_to_skip(place.path, window),
    )

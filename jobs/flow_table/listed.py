"""The listing that a flow table makes of itself, where no prefix is given: no Spark, no bucket."""

import io
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.errors import BadInput
from jobs.flow_table.tables import FlowTable
from jobs.sources.listing import FlowLogObject, Listing
from jobs.storage.aws_access import OWN, Access
from jobs.storage.delta_log import LOG_ERRORS, CurrentFile, DeltaLog
from jobs.storage.object_store import place_of
from jobs.storage.whole_objects import read_bytes, reason_of
from transforms.scan.object_key import reason_to_skip
from transforms.window import Window

_Row = dict[str, Any]
_OF_RUN = ("run_id", "number", "began_at")
_OF_OBJECT = ("uri", "etag", "size", "last_modified", "run_id")
_READERS = 16
_DAY = timedelta(days=1)


def listed_by(
    table: FlowTable, window: Window, *, access: Access = OWN, may_be_empty: bool = False
) -> Listing:
    """Every object that a complete run has seen, as the last of them saw it.

    It ends with the last run: what came since is not in it. Raises BadInput where no run is
    complete, the tables cannot be read, or nothing concerns the window, unless `may_be_empty`.
    """
    try:
        runs = {row["run_id"]: row for row in _rows(table, "runs", _OF_RUN)}
        newest = _newest(runs, _rows(table, "objects", _OF_OBJECT, window) if runs else ())
    except LOG_ERRORS as error:
        why = f"--flow_table {table.uri}: found a table that cannot be read ({reason_of(error)})"
        raise BadInput([f"{why}; expected what ingest_flows wrote"]) from error
    if not runs:
        raise BadInput([_no_run(table)])
    objects = (_as_listed(row, window, access) for _, row in sorted(newest.items()))
    last = max(runs.values(), key=_number)
    listing = Listing(tuple(objects), (), _in_utc(last["began_at"]))
    if not may_be_empty and not listing.selected:
        raise BadInput(
            [
                f"--flow_table {table.uri}: found no object that may hold records of {window}; "
                "expected some; check --from and --to, or give --flow_logs too"
            ]
        )
    return listing


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


def _rows(
    table: FlowTable, name: str, columns: tuple[str, ...], window: Window | None = None
) -> Iterator[_Row]:
    """The rows of a table; of days that may have objects of the window."""
    uri = table.table(name)
    files = [file for file in DeltaLog(uri).current_files() if _may_hold(file, window)]

    def read(file: CurrentFile) -> pa.Table:
        data = io.BytesIO(read_bytes(f"{uri}/{unquote(file.path)}"))
        # Spark writes times as INT96, which pyarrow would read as nanoseconds.
        return pq.ParquetFile(data, coerce_int96_timestamp_unit="us").read(columns=[*columns])

    with ThreadPoolExecutor(_READERS) as readers:
        for found in readers.map(read, files):
            yield from found.to_pylist()


def _may_hold(file: CurrentFile, window: Window | None) -> bool:
    """Whether a day may have objects of the window: one without a slot lies under its last change,
    which comes after its records.
    """
    day = file.partition.get("day")
    return window is None or day is None or day >= f"{window.first_slot - _DAY:%Y-%m-%d}"


def _as_listed(row: _Row, window: Window, access: Access) -> FlowLogObject:
    place = place_of(row["uri"], access)
    return FlowLogObject(
        bucket=place.bucket,
        path=place.path,
        etag=row["etag"],
        size=row["size"],
        last_modified=_in_utc(row["last_modified"]),
        skipped=reason_to_skip(place.path, window),
    )


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

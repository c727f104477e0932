"""Read a label snapshot: a folder with the tables of `transforms.label.tables.KEY_COLUMNS`."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet
from pyspark import Broadcast, SparkContext
from pyspark.sql import SparkSession

from jobs.errors import BadInput
from jobs.storage.object_store import first_line, place_of
from jobs.storage.whole_objects import NotThere, StorageFailed, below, read_bytes
from transforms.finding.guardduty import Finding
from transforms.finding.interface_labels import with_findings
from transforms.label.build import build_label_tables
from transforms.label.columns import column_names
from transforms.label.lookups import Lookups, lookups_of
from transforms.label.tables import KEY_COLUMNS, LabelRow, LabelTables
from transforms.separated import decoded, separated_table
from transforms.text import sanitise

_ENDINGS = ("csv", "jsonl", "parquet")
_CONFLICTS_SHOWN = 20
_AWS_RANGES = "aws_ranges.json"  # as AWS publishes it
SNAPSHOT = "snapshot.json"  # what collect_labels says of a snapshot
_MOST_OF_SNAPSHOT = 64 * 1024 * 1024


class _Shared(NamedTuple):
    """Lookups that were sent to the executors, and what they were made of."""

    tables: LabelTables
    context: SparkContext
    lookups: Broadcast[Lookups]


_shared: _Shared | None = None


class LabelFiles(NamedTuple):
    """The rows of a snapshot by table, the SHA-256 of each file, and every problem so far.

    `taken_at` is when the snapshot was taken, where it says so.
    """

    uri: str
    tables: dict[str, list[LabelRow]]
    sources: dict[str, str]
    problems: tuple[str, ...]
    taken_at: datetime | None = None


def read_labels(uri: str | None, *findings: Finding) -> LabelTables:
    """What a snapshot says, and what findings know of interfaces that are not in it.

    Raises BadInput with every problem found.
    """
    return label_tables(read_label_files(uri), *findings)


def read_label_files(uri: str | None) -> LabelFiles | None:
    """The rows of a snapshot; raises BadInput where there is no label file at all."""
    if uri is None:
        return None
    place = place_of(uri)
    tables: dict[str, list[LabelRow]] = {}
    sources: dict[str, str] = {}
    problems: list[str] = []
    for table in KEY_COLUMNS:
        for ending in (*_ENDINGS, *(["json"] if table == "aws_ranges" else [])):
            name = f"{table}.{ending}"
            try:
                data = read_bytes(below(place, name))
            except NotThere:
                continue
            except StorageFailed as error:
                problems.append(f"--labels {uri}/{name}: {error.reason}")
                continue
            sources[below(place, name)] = sha256(data).hexdigest()
            try:
                rows, columns = _rows(name, data)
            except (ValueError, RecursionError, OSError, pa.ArrowException, csv.Error) as error:
                problems.append(f"--labels {uri}/{name}: not readable: {first_line(error)}")
                continue
            missing = list(_missing_key(uri, name, KEY_COLUMNS[table], columns))
            problems += missing
            tables.setdefault(table, []).extend([] if missing else rows)
    if not tables and not problems:
        names = ", ".join(KEY_COLUMNS)
        raise BadInput(
            [f"--labels {uri}: found no label file; expected {names} as .csv, .jsonl or .parquet"]
        )
    return LabelFiles(uri, tables, sources, tuple(problems), _taken_at(below(place, SNAPSHOT)))


def _taken_at(uri: str) -> datetime | None:
    """When a snapshot was taken; None where no file of collect_labels says so."""
    try:
        content = json.loads(read_bytes(uri, _MOST_OF_SNAPSHOT))
        taken_at = datetime.fromisoformat(content["taken_at"])
    except (StorageFailed, ValueError, RecursionError, TypeError, KeyError):
        return None  # the labels themselves are whole: only their age is not known
    return taken_at.astimezone(UTC) if taken_at.tzinfo is not None else None


def label_tables(files: LabelFiles | None, *findings: Finding) -> LabelTables:
    """What the rows say, and what findings add; raises BadInput with every problem."""
    if files is None:
        built, _ = build_label_tables(with_findings({}, findings))
        return built
    built, found = build_label_tables(with_findings(files.tables, findings))
    problems = [
        *files.problems,
        *(sanitise(f"--labels {files.uri}/{problem}", 400) for problem in found),
    ]
    if problems:
        raise BadInput(problems)
    return replace(built, sources=files.sources, taken_at=files.taken_at)


def label_warnings(conflicts: Sequence[str]) -> list[str]:
    """The first conflicts inside the label data, and how many more there are."""
    shown = list(conflicts[:_CONFLICTS_SHOWN])
    hidden = len(conflicts) - len(shown)
    return [*shown, f"{hidden:,} more conflicts inside the label data"] if hidden else shown


def as_lookups(spark: SparkSession, tables: LabelTables) -> Broadcast[Lookups]:
    """The lookups, once in each process of the executors; the last ones are remembered."""
    global _shared
    context = spark.sparkContext
    if _shared is None or _shared.tables is not tables or _shared.context is not context:
        _shared = _Shared(tables, context, context.broadcast(lookups_of(tables)))
    return _shared.lookups


def _rows(name: str, data: bytes) -> tuple[list[LabelRow], set[str] | None]:
    """Rows of a label file and its columns; no columns where a file without rows has none."""
    if name == _AWS_RANGES:
        rows = list(aws_range_rows(name, data))
        return rows, _columns_of(rows)
    if name.endswith(".csv"):
        headings, lines = separated_table(decoded(data))
        names = column_names(_table_of(name), headings)
        columns = [names[heading] for heading in headings]
        # A spreadsheet may leave empty columns at the end.
        if twice := {column for column in columns if column and columns.count(column) > 1}:
            raise ValueError(f"{name} line 1 has column {min(twice)} twice")
        return [_row(f"{name} line {number}", cells) for number, cells in lines], set(columns)
    if name.endswith(".jsonl"):
        rows = list(_jsonl_rows(name, data))
        return rows, _columns_of(rows)
    table = pyarrow.parquet.read_table(io.BytesIO(data))
    numbered = enumerate(table.to_pylist(), start=1)
    return (
        [_row(f"{name} row {number}", cells) for number, cells in numbered],
        set(column_names(_table_of(name), tuple(table.column_names)).values()),
    )


def _jsonl_rows(name: str, data: bytes) -> Iterator[LabelRow]:
    for number, line in enumerate(decoded(data).splitlines(), start=1):
        if line.strip():
            try:
                cells = json.loads(line)
            except ValueError:
                cells = None
            if not isinstance(cells, dict):
                raise ValueError(f"line {number} is not a JSON object")
            yield _row(f"{name} line {number}", cells)


def _columns_of(rows: list[LabelRow]) -> set[str] | None:
    return {column for row in rows for column in row.cells} if rows else None


def aws_range_rows(name: str, data: bytes) -> Iterator[LabelRow]:
    """Rows of AWS's ip-ranges.json as published; a ValueError says what is wrong with it."""
    published = json.loads(data)
    if not isinstance(published, dict) or not isinstance(published.get("prefixes"), list):
        raise ValueError(f"{name}: found no list of prefixes; expected AWS's ip-ranges.json")
    for kind, column in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        ranges = published.get(kind, [])
        if not isinstance(ranges, list):
            raise ValueError(f"{name}: {kind} is no list; expected AWS's ip-ranges.json")
        for number, cells in enumerate(ranges, start=1):
            place = f"{name} {kind} {number}"
            if not isinstance(cells, dict):
                raise ValueError(f"{place} is not a JSON object")
            yield _row(place, {**cells, "cidr": cells.get(column)})


def _row(place: str, cells: dict[str, object]) -> LabelRow:
    """Cells that say something."""
    if None in cells:
        raise ValueError(f"{place} has more cells than the first line has columns")
    names = column_names(_table_of(place), tuple(cells))
    return LabelRow(
        place,
        {
            names[heading]: value
            for heading, value in cells.items()
            if value is not None and value != "" and value != []
        },
    )


def _table_of(place: str) -> str:
    """The table that a file name, or the place of a row, belongs to."""
    return place.partition(".")[0]


def _missing_key(uri: str, name: str, key: str, columns: set[str] | None) -> Iterator[str]:
    if columns is not None and key not in columns:
        found = sanitise(", ".join(sorted(columns)) or "nothing", 400)
        yield f"--labels {uri}/{name}: found columns {found}; expected {key} among them; add it"

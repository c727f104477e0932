"""The executor side of reading: each object scanned once, out as Arrow batches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.cli.arguments import MAX_OBJECT_BYTES
from jobs.sources.listing import FlowLogObject
from jobs.sources.object_fetch import ObjectToRead, fetch_ahead, spooled
from jobs.storage.object_store import Bucket, Place
from transforms.scan.inflate import MAX_RATIO
from transforms.scan.lines import SHOWN_BYTES, Lines, ObjectScan, RefusedLine
from transforms.scan.needles import Needle
from transforms.scan.object_key import partitions_of
from transforms.scan.parse import RECORD_TYPE, Parsed, parse_lines, within
from transforms.scan.tally import Account
from transforms.schemas import ACCOUNT_COLUMNS, SCANNED
from transforms.window import Window

_TO_READ = "bucket STRING, path STRING, etag STRING, size BIGINT"
# Parsing costs a millisecond a call, whatever the size: lines of many objects are parsed together.
_LINES_TOGETHER = 100_000
_BYTES_TOGETHER = 16 * 1024 * 1024
_OBJECTS_TOGETHER = 2_000
_ROWS_TO_SPARK = 10_000
# A task takes this much, so that starting it is worth while.
_TASK_BYTES = 64 * 1024 * 1024
_TASK_OBJECTS = 4_000

_REFUSED_TYPE = pa.struct([("text", pa.string()), ("reason", pa.string())])
_TEXT_OF_ACCOUNT = ("sha256", "version_id", "header", "outcome", "reason")
_ACCOUNT_TYPE = pa.struct(
    [(name, pa.string() if name in _TEXT_OF_ACCOUNT else pa.int64()) for name in ACCOUNT_COLUMNS]
)
_SCANNED_TYPE = pa.schema(
    [
        ("object_uri", pa.string()),
        ("object_version", pa.string()),
        ("object_line", pa.int64()),
        ("record", RECORD_TYPE),
        ("refused", _REFUSED_TYPE),
        ("account", _ACCOUNT_TYPE),
    ]
)


class ScanSettings(NamedTuple):
    """What a scan looks for; travels to the executors. Without needles every line is taken."""

    needles: tuple[Needle, ...] | None
    window: Window
    max_line_bytes: int
    reads_in_flight: int
    record_format: tuple[str, ...] = ()
    max_ratio: int = MAX_RATIO
    max_object_bytes: int = MAX_OBJECT_BYTES


def scan_objects(
    spark: SparkSession, objects: Sequence[FlowLogObject], settings: ScanSettings
) -> DataFrame:
    """Rows of `schemas.SCANNED`: records in the window, refused lines, and one account per object.

    Lines of an object whose account says refused may be among them: see `of_read_objects`.
    """
    buckets = {item.place.bucket.name: item.place.bucket for item in objects if item.place.bucket}
    rows = [
        (
            item.place.bucket.name if item.place.bucket else None,
            item.place.path,
            item.etag,
            item.size,
        )
        for item in objects
    ]

    def scan(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return scan_batches(_objects_of(batches, buckets), settings)

    tasks = _number_of_tasks(spark, objects)
    to_read = spark.createDataFrame(rows, _TO_READ, verifySchema=False).repartition(tasks)
    return to_read.mapInArrow(scan, SCANNED)


def start_workers(spark: SparkSession) -> None:
    """Have Python workers import this module while the driver still plans what they will do."""
    cores = spark.sparkContext.defaultParallelism
    spark.range(0, cores, 1, cores).mapInArrow(_unchanged, "id BIGINT").collect()


def _unchanged(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """In this module, so that a worker imports it to run this."""
    yield from batches


def of_read_objects(scanned: DataFrame) -> DataFrame:
    """Drop the rows of refused objects but for their accounts: no line of them is evidence."""
    is_refused = "account IS NOT NULL AND account.outcome = 'refused'"
    refused_objects = scanned.where(is_refused).select("object_uri")
    lines = scanned.where("account IS NULL")
    # Spark takes the refused ones for as many as all lines, and would shuffle those to join them.
    return lines.join(F.broadcast(refused_objects), on="object_uri", how="left_anti")


def _number_of_tasks(spark: SparkSession, objects: Sequence[FlowLogObject]) -> int:
    cores = spark.sparkContext.defaultParallelism
    by_bytes = sum(item.size for item in objects) // _TASK_BYTES
    by_count = len(objects) // _TASK_OBJECTS
    return min(max(cores, by_bytes, by_count), max(len(objects), 1))


def _objects_of(
    batches: Iterable[pa.RecordBatch], buckets: Mapping[str, Bucket]
) -> Iterator[ObjectToRead]:
    for batch in batches:
        for row in batch.to_pylist():
            bucket = buckets[row["bucket"]] if row["bucket"] else None
            yield ObjectToRead(Place(bucket, row["path"]), row["etag"], row["size"])


def scan_batches(
    objects: Iterable[ObjectToRead], settings: ScanSettings
) -> Iterator[pa.RecordBatch]:
    """Fetch, scan and parse objects; bounded batches of `schemas.SCANNED`."""
    together = _Together(settings.window)
    fetching = fetch_ahead(objects, settings.reads_in_flight, settings.max_object_bytes)
    for wanted, fetched in fetching:
        scan = ObjectScan(
            settings.needles,
            settings.max_line_bytes,
            settings.record_format,
            settings.max_ratio,
            partitions_of(wanted.place.path),
            spooled,
        )
        source = _Source(wanted.place.uri_of(wanted.place.path), wanted.etag, scan)
        together.begin(source)
        if isinstance(fetched, str):
            scan.account.refuse(fetched)
        else:
            scan.account.version_id = fetched.version
            source.version = fetched.version or wanted.etag
            for lines in scan.lines(fetched.chunks):
                together.add(lines)
                if together.is_full():
                    yield from together.flush()
        source.is_finished = True
        if together.has_many_objects():
            yield from together.flush()
    yield from together.flush()


@dataclass
class _Source:
    """One object on its way through a task."""

    uri: str
    version: str | None
    scan: ObjectScan
    is_finished: bool = False

    @property
    def account(self) -> Account:
        return self.scan.account


class _Together:
    """Lines of several objects, kept until there are enough to parse, and their accounts."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._sources: list[_Source] = []
        self._parts: dict[tuple[str, ...], list[tuple[int, Lines]]] = {}
        self._lines = self._bytes = 0

    def begin(self, source: _Source) -> None:
        self._sources.append(source)

    def add(self, lines: Lines) -> None:
        """Keep lines of the source that began last."""
        self._parts.setdefault(lines.columns, []).append((len(self._sources) - 1, lines))
        self._lines += len(lines.numbers)
        self._bytes += len(lines.text)

    def is_full(self) -> bool:
        """Whether enough lines are kept, to parse or refused already."""
        lines = self._lines + len(self._sources[-1].scan.refused)
        return lines >= _LINES_TOGETHER or self._bytes >= _BYTES_TOGETHER

    def has_many_objects(self) -> bool:
        """Whether so many objects have ended that their accounts are worth a batch."""
        return len(self._sources) >= _OBJECTS_TOGETHER

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Rows of all kept lines, the refused ones, then the accounts of the finished objects."""
        for columns, parts in self._parts.items():
            evidence = [part for part in parts if self._account(part[0]).outcome == "read"]
            if evidence:
                yield from self._parse(columns, evidence)
        finished = [source for source in self._sources if source.is_finished]
        refusing = [source for source in self._sources if source.scan.refused]
        if refusing:
            yield from self._refusals(
                [source for source in refusing for _ in source.scan.refused],
                [line for source in refusing for line in source.scan.refused],
            )
        for source in refusing:
            source.scan.refused.clear()
        if finished:
            yield from _batches(
                finished,
                account=pa.array([_account_row(s.account) for s in finished], _ACCOUNT_TYPE),
            )
        self._sources = [source for source in self._sources if not source.is_finished]
        self._parts.clear()
        self._lines = self._bytes = 0

    def _account(self, index: int) -> Account:
        return self._sources[index].account

    def _parse(
        self, columns: tuple[str, ...], parts: list[tuple[int, Lines]]
    ) -> Iterator[pa.RecordBatch]:
        text = b"".join(lines.text for _, lines in parts)
        numbers = np.concatenate([lines.numbers for _, lines in parts])
        owners = np.repeat([owner for owner, _ in parts], [len(p.numbers) for _, p in parts])
        parsed = parse_lines(text, columns)
        is_in = within(parsed.records, self._window)
        self._count(owners, parsed, is_in)

        refused = parsed.refused
        if len(refused.rows):
            texts = text.split(b"\n")
            yield from self._refusals(
                [self._sources[owner] for owner in owners[refused.rows].tolist()],
                [
                    RefusedLine(
                        int(numbers[row]),
                        texts[row][:SHOWN_BYTES].decode("ascii", "backslashreplace"),
                        reason,
                    )
                    for row, reason in zip(refused.rows.tolist(), refused.reasons, strict=True)
                ],
            )
        rows = parsed.rows[is_in]
        records = parsed.records.filter(pa.array(is_in)).combine_chunks()
        struct = pa.StructArray.from_arrays(
            [column.combine_chunks() for column in records.columns], fields=list(RECORD_TYPE)
        )
        yield from _batches(
            self._sources, owners=owners[rows], numbers=numbers[rows], record=struct
        )

    def _count(
        self, owners: npt.NDArray[np.int64], parsed: Parsed, is_in: npt.NDArray[np.bool_]
    ) -> None:
        """Add to the accounts what parsing found; every count by object, over whole columns."""
        size = len(self._sources)
        owner = owners[parsed.rows]
        parsed_lines = np.bincount(owner, minlength=size)
        refused_lines = np.bincount(owners[parsed.refused.rows], minlength=size)
        in_window = np.bincount(owner[is_in], minlength=size)
        out_of_window = np.bincount(owner[~is_in], minlength=size)
        first, last = np.full(size, _FAR), np.full(size, -1)
        start = parsed.records["start"].fill_null(_FAR).to_numpy()
        end = parsed.records["end"].fill_null(-1).to_numpy()
        np.minimum.at(first, owner, start)
        np.maximum.at(last, owner, end)
        for index in np.unique(owners).tolist():
            account = self._account(index)
            account.parsed_lines += int(parsed_lines[index])
            account.refused_lines += int(refused_lines[index])
            account.in_window_lines += int(in_window[index])
            account.out_of_window_lines += int(out_of_window[index])
            if first[index] != _FAR:
                account.first_start = min(int(first[index]), account.first_start or _FAR)
            if last[index] != -1:
                account.last_end = max(int(last[index]), account.last_end or -1)

    def _refusals(
        self, sources: list[_Source], lines: list[RefusedLine]
    ) -> Iterator[pa.RecordBatch]:
        rows = [{"text": line.text, "reason": line.reason} for line in lines]
        numbers = np.array([line.number for line in lines], dtype=np.int64)
        yield from _batches(sources, numbers=numbers, refused=pa.array(rows, _REFUSED_TYPE))


_FAR = 2**62


def _account_row(account: Account) -> dict[str, object]:
    return {name: getattr(account, name) for name in ACCOUNT_COLUMNS}


def _batches(
    sources: Sequence[_Source],
    *,
    owners: npt.NDArray[np.int64] | None = None,
    numbers: npt.NDArray[np.int64] | None = None,
    **column: pa.Array,
) -> Iterator[pa.RecordBatch]:
    """Rows with one of record, refused and account; `owners` points into the sources."""
    uris = pa.array([source.uri for source in sources], pa.string())
    versions = pa.array([source.version for source in sources], pa.string())
    if owners is not None:
        uris, versions = uris.take(pa.array(owners)), versions.take(pa.array(owners))
    given = {
        "object_uri": uris,
        "object_version": versions,
        "object_line": pa.array(numbers, pa.int64()) if numbers is not None else None,
        **column,
    }
    arrays = [
        given[name] if given.get(name) is not None else pa.nulls(len(uris), kind)
        for name, kind in zip(_SCANNED_TYPE.names, _SCANNED_TYPE.types, strict=True)
    ]
    yield from pa.table(arrays, schema=_SCANNED_TYPE).to_batches(max_chunksize=_ROWS_TO_SPARK)

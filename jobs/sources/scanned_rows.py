"""Lines of many objects on their way to Spark: parsed together, with the account of each object."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.coded import flat
from transforms.scan.blocks import Lines, RefusedLine
from transforms.scan.lines import SHOWN_BYTES, ObjectScan
from transforms.scan.parse import RECORD_TYPE, Parsed, parse_lines, within
from transforms.scan.tally import EVIDENCE, TRANSIT, Account
from transforms.scan.transit import TRANSIT_TYPE, transit_maps
from transforms.schemas import ACCOUNT_COLUMNS
from transforms.window import Window

# Parsing costs a millisecond a call, whatever the size: lines of many objects are parsed together.
_LINES_TOGETHER = 100_000
_BYTES_TOGETHER = 16 * 1024 * 1024
_OBJECTS_TOGETHER = 2_000

# Unsearched: refused before anything was looked for in it, so that it may concern anybody.
_REFUSED_TYPE = pa.struct(
    [("text", pa.string()), ("reason", pa.string()), ("is_unsearched", pa.bool_())]
)
_TEXT_OF_ACCOUNT = ("sha256", "version_id", "header", "outcome", "reason")
ACCOUNT_TYPE = pa.struct(
    [(name, pa.string() if name in _TEXT_OF_ACCOUNT else pa.int64()) for name in ACCOUNT_COLUMNS]
)
SCANNED_TYPE = pa.schema(
    [
        ("object_uri", pa.string()),
        ("object_version", pa.string()),
        ("object_line", pa.int64()),
        ("record", RECORD_TYPE),
        ("transit", TRANSIT_TYPE),
        ("refused", _REFUSED_TYPE),
        ("account", ACCOUNT_TYPE),
    ]
)
# The same with codes for the few long texts of their sources, as a pass makes them.
CODED_TEXT = pa.dictionary(pa.int32(), pa.string())
CODED_TYPE = pa.schema(
    [
        field.with_type(CODED_TEXT) if field.name in ("object_uri", "object_version") else field
        for field in SCANNED_TYPE
    ]
)
SOURCE = ("object_uri", "object_version", "object_line")


class Others(Protocol):
    """Where the rows of a pass go that are no records."""

    def add(self, rows: pa.RecordBatch) -> None:
        """Keep rows of `CODED_TYPE`."""

    def handed_on(self, uris: pa.Array) -> None:
        """Note the objects of records that are part of the result."""


def decoded(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows of `CODED_TYPE` as `SCANNED_TYPE`."""
    arrays = [
        column.cast(kind) if pa.types.is_dictionary(column.type) else column
        for column, kind in zip(rows.columns, SCANNED_TYPE.types, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCANNED_TYPE)


def records_in(batches: Iterable[pa.RecordBatch], others: Others) -> Iterator[pa.Table]:
    """The records of a pass, a column for each field beside their source; all else to `others`."""
    for batch in batches:
        record = batch["record"]
        if record.null_count == len(batch):
            others.add(batch)
        else:
            others.handed_on(batch["object_uri"])
            columns = dict(zip(RECORD_TYPE.names, record.flatten(), strict=True))
            yield pa.table({**columns, **{name: batch[name] for name in SOURCE}})


@dataclass
class Source:
    """One object on its way through a task."""

    uri: str
    version: str | None
    scan: ObjectScan
    is_finished: bool = False

    @property
    def account(self) -> Account:
        """What is counted of it so far."""
        return self.scan.account


class RowCollector:
    """Lines of several objects, kept until there are enough to parse, and their accounts."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._sources: list[Source] = []
        self._parts: dict[tuple[str, ...], list[tuple[int, Lines]]] = {}
        self._lines = self._bytes = 0

    def begin(self, source: Source) -> None:
        """An object of which lines will come."""
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
        """Whether enough objects have ended for a batch of their accounts."""
        return len(self._sources) >= _OBJECTS_TOGETHER

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Rows of all kept lines, the refused ones, then the accounts of the finished objects."""
        for columns, parts in self._parts.items():
            for outcome in EVIDENCE:
                evidence = [part for part in parts if self._account(part[0]).outcome == outcome]
                if evidence:
                    yield from self._parse(columns, evidence, outcome == TRANSIT)
        finished = [source for source in self._sources if source.is_finished]
        refusing = [source for source in self._sources if source.scan.refused]
        if refusing:
            yield from self._refusals(
                [source for source in refusing for _ in source.scan.refused],
                [line for source in refusing for line in source.scan.refused],
                is_unsearched=True,
            )
        for source in refusing:
            source.scan.refused.clear()
        if finished:
            yield from _batches(
                finished,
                account=pa.array([_account_row(s.account) for s in finished], ACCOUNT_TYPE),
            )
        self._sources = [source for source in self._sources if not source.is_finished]
        self._parts.clear()
        self._lines = self._bytes = 0

    def _account(self, index: int) -> Account:
        return self._sources[index].account

    def _parse(
        self, columns: tuple[str, ...], parts: list[tuple[int, Lines]], is_transit: bool
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
                is_unsearched=False,
            )
        rows = parsed.rows[is_in]
        records = parsed.records
        if not is_in.all():
            records = records.filter(pa.array(is_in))
        found = (
            {"transit": transit_maps(records, columns)}
            if is_transit
            else {"record": _as_structs(records)}
        )
        yield from _batches(self._sources, owners=owners[rows], numbers=numbers[rows], **found)

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
        self, sources: list[Source], lines: list[RefusedLine], *, is_unsearched: bool
    ) -> Iterator[pa.RecordBatch]:
        rows = [(line.text, line.reason, is_unsearched) for line in lines]
        numbers = np.array([line.number for line in lines], dtype=np.int64)
        yield from _batches(sources, numbers=numbers, refused=_as_refused(rows))


def _as_refused(rows: list[tuple[str, str, bool]]) -> pa.Array:
    named = [dict(zip(_REFUSED_TYPE.names, row, strict=True)) for row in rows]
    return pa.array(named, _REFUSED_TYPE)


def _as_structs(records: pa.Table) -> pa.StructArray:
    return pa.StructArray.from_arrays(
        [flat(column) for column in records.columns], fields=list(RECORD_TYPE)
    )


_FAR = 2**62


def _account_row(account: Account) -> dict[str, object]:
    return {name: getattr(account, name) for name in ACCOUNT_COLUMNS}


def _batches(
    sources: Sequence[Source],
    *,
    owners: npt.NDArray[np.int64] | None = None,
    numbers: npt.NDArray[np.int64] | None = None,
    **column: pa.Array,
) -> Iterator[pa.RecordBatch]:
    """Rows with one of record, transit, refused and account; `owners` points into the sources."""
    owner = pa.array(range(len(sources)) if owners is None else owners, pa.int32())
    given = {
        "object_uri": _coded(owner, [source.uri for source in sources]),
        "object_version": _coded(owner, [source.version for source in sources]),
        "object_line": pa.array(numbers, pa.int64()) if numbers is not None else None,
        **column,
    }
    arrays = [
        given[name] if given.get(name) is not None else pa.nulls(len(owner), kind)
        for name, kind in zip(CODED_TYPE.names, CODED_TYPE.types, strict=True)
    ]
    yield from pa.table(arrays, schema=CODED_TYPE).combine_chunks().to_batches()


def _coded(numbers: pa.Array, texts: Sequence[str | None]) -> pa.DictionaryArray:
    """The text of each number; a text is in the dictionary once."""
    place: dict[str, int] = {}
    of_number = [None if t is None else place.setdefault(t, len(place)) for t in texts]
    codes = pa.array(of_number, pa.int32()).take(numbers)
    return pa.DictionaryArray.from_arrays(codes, pa.array([*place], pa.string()))

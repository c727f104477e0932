"""Text of one object → the lines that may concern the subject, and an account of every line."""

import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

import numpy as np

from transforms.scan.blocks import (
    Lines,
    Positions,
    RecordBlock,
    RefusedLine,
    line_ends,
    lines_at,
    text_of_lines,
    whole_lines,
    without_long_lines,
)
from transforms.scan.envelopes import Envelope, envelope_of
from transforms.scan.first_record import check_first_record
from transforms.scan.formats import OtherKind, check_columns, header_columns, is_header_of
from transforms.scan.inflate import (
    MAX_RATIO,
    Damaged,
    refuse_other_formats,
    text_blocks,
    with_first_bytes_together,
)
from transforms.scan.json_records import JsonRecords
from transforms.scan.needles import Finder, Needle, finder_for
from transforms.scan.parquet import MAGIC, ParquetRows
from transforms.scan.placed import NO_TIME, PLACED, TIME_COLUMNS, placed_in_slot, with_time
from transforms.scan.tally import TRANSIT, Account
from transforms.scan.transit import is_of_transit_gateway

# AWS's longest values are percent-encoded tags and ARNs; a line of every field stays below 16 KiB.
MAX_LINE_BYTES = 16 * 1024
# How much of a refused line is kept.
SHOWN_BYTES = 1024
# A hostile object may hold nothing but lines to refuse: they are handed on before they pile up.
_REFUSALS_KEPT = 10_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Enough to see what an object is, behind white space and a byte order mark.
_FIRST_BYTES = 64


@dataclass
class ObjectScan:
    """One pass over the bytes of one object.

    Iterate `lines(chunks)` to its end; then `account` is complete but for what parsing adds
    (parsed, in window, first and last time, refusals by content). `refused` holds the lines that
    were refused before parsing; whoever iterates may take them out as they come. Without needles
    every line is taken. `record_format` names the columns of objects that have no header. Parquet
    is not read from front to back, so that `spool` says where its bytes are kept meanwhile;
    `partitions` are fields that its key holds, and `slot` is the second from its name in which
    records are placed whose format has neither start nor end.
    """

    needles: tuple[Needle, ...] | None
    max_line_bytes: int = MAX_LINE_BYTES
    record_format: tuple[str, ...] = ()
    max_ratio: int = MAX_RATIO
    partitions: Mapping[str, str] = field(default_factory=dict)
    slot: int | None = None
    spool: Callable[[Iterable[bytes]], IO[bytes]] = lambda chunks: io.BytesIO(b"".join(chunks))
    account: Account = field(default_factory=Account)
    refused: list[RefusedLine] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    _placed: bytes = b""
    _envelope: Envelope | None = None
    _finder: Finder | None = None
    _refused_in_block: set[int] = field(default_factory=set)

    def lines(self, chunks: Iterable[bytes]) -> Iterator[Lines]:
        """Yield the lines to parse, or none of them where only refused lines have gathered.

        A damaged or foreign object ends with outcome refused, one of another kind with other_kind.
        """
        digest = hashlib.sha256()
        try:
            measured = with_first_bytes_together(self._measured(chunks, digest.update), len(MAGIC))
            first = next(measured)
            measured = itertools.chain([first], measured)
            if first.startswith(MAGIC):
                with self.spool(measured) as file:
                    yield from self._scan_rows(file)
            else:
                yield from self._scan_text(text_blocks(measured, self.max_ratio))
        except Damaged as damage:
            self.account.refuse(str(damage), damage.outcome)
            self.refused.clear()
        except OtherKind as kind:
            self.account.refuse(str(kind), outcome="other_kind")
            self.refused.clear()
        else:
            if not self.account.lines:
                self.account.outcome, self.account.reason = "empty", "the object holds no line"
        self.account.sha256 = digest.hexdigest()

    def _measured(
        self, chunks: Iterable[bytes], update: Callable[[bytes], object]
    ) -> Iterator[bytes]:
        for chunk in chunks:
            update(chunk)
            self.account.bytes_read += len(chunk)
            yield chunk

    def _scan_text(self, blocks: Iterable[bytes]) -> Iterator[Lines]:
        """Tell by its first bytes what the text is, once for each object."""
        blocks = with_first_bytes_together(blocks, _FIRST_BYTES)
        first = next(blocks)
        refuse_other_formats(first)
        if first.startswith(_BYTE_ORDER_MARK):
            self.account.bytes_inflated += len(_BYTE_ORDER_MARK)
            first = first[len(_BYTE_ORDER_MARK) :]
        blocks = itertools.chain([first], blocks)
        if first.startswith(MAGIC):
            with self.spool(blocks) as file:
                yield from self._scan_rows(file)
        elif first[:_FIRST_BYTES].lstrip().startswith((b"{", b"[")):
            yield from self._scan_json(blocks)
        else:
            for block in whole_lines(self._inflated(blocks), self.max_line_bytes):
                yield from self._scan(block)

    def _scan_json(self, blocks: Iterable[bytes]) -> Iterator[Lines]:
        """A record in JSON is a line, and so is each line that holds none."""
        records = JsonRecords(self.max_line_bytes, has_format=bool(self.record_format))
        for block in records.blocks(self._inflated(blocks)):
            if records.columns and not self.columns:
                first_name = records.columns[0].encode()
                self._set_columns(records.columns, first_name, named=records.named)
            yield from self._scan_records(block)

    def _inflated(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.account.bytes_inflated += len(block)
            yield block

    def _scan_records(self, block: RecordBlock) -> Iterator[Lines]:
        self._refused_in_block.clear()
        first_number, ends = self.account.lines + 1, line_ends(block.text)
        self.account.lines += len(ends)
        for at, shown, reason in block.refused:
            self._refuse_line(first_number + at, shown, reason)
        yield from self._scan_bare(block.text, first_number, ends)

    def _scan(self, block: bytes) -> Iterator[Lines]:
        first_number = self.account.lines + 1
        ends = line_ends(block)
        self.account.lines += len(ends)
        self._refused_in_block.clear()
        is_first = not self.columns
        whole = block
        block = self._without_long_lines(block, ends, first_number)
        if is_first:
            self._envelope = envelope_of(block[: block.index(b"\n")], self.record_format)
        if self._envelope is not None:
            block = self._unwrapped(block, first_number, self._envelope)
        if block is not whole:
            ends = line_ends(block)
        yield from self._scan_bare(block, first_number, ends)

    def _scan_bare(self, block: bytes, first_number: int, ends: Positions) -> Iterator[Lines]:
        """Lines with nothing around their records; the first of an object may be its header."""
        if not self.columns:
            header = self._begin(block)
            if header:
                block, first_number, ends = block[header:], first_number + 1, ends[1:] - header
        if block:
            yield from self._take(block, first_number, ends)

    def _scan_rows(self, file: IO[bytes]) -> Iterator[Lines]:
        """A row of Parquet is a line; there is no header among them."""
        rows = ParquetRows(file, self.account.bytes_read, self.max_ratio, self.partitions)
        self._set_columns(rows.columns, rows.columns[0].encode("utf-8", "replace"))
        for block in rows.blocks(self.max_line_bytes):
            self.account.bytes_inflated += len(block.text)
            yield from self._scan_records(block)

    def _set_columns(
        self, columns: tuple[str, ...], first_name: bytes, *, named: Iterable[str] = ()
    ) -> None:
        """Learn the columns of the lines to come; `named` are those that its records name."""
        if is_of_transit_gateway(named or columns):
            self.account.outcome = TRANSIT
        if {"start", "end"}.isdisjoint(columns):
            if self.slot is None:
                raise Damaged(NO_TIME)
            self.account.reason = PLACED
            self._placed = placed_in_slot(self.slot)
        self.columns = columns
        self._finder = finder_for(self.needles or (), first_name)

    def _begin(self, block: bytes) -> int:
        """Learn the columns from the first line; returns where the lines behind the header begin.

        A record format is for objects whose first line is a record of as many columns.
        """
        if self._refused_in_block:
            self._refuse_by_first_line()
        line = block[: block.index(b"\n")]
        columns = header_columns(line)
        if columns is not None:
            check_columns(columns)
            self.account.header = line.decode("ascii")
            self.account.header_lines += 1
            named = self._envelope.columns if self._envelope else None
            self._set_columns(named or columns, line.split()[0])
            return len(line) + 1
        check_first_record(line, self.record_format)
        self._set_columns(self.record_format, self.record_format[0].encode())
        return 0

    def _refuse_by_first_line(self) -> None:
        first = min(self.refused, key=lambda line: line.number)
        if first.number == 1:
            raise Damaged(f"its first line cannot be read: {first.reason}")

    def _without_long_lines(self, block: bytes, ends: Positions, first_number: int) -> bytes:
        """Refuse lines over the limit and leave a blank line in the place of each."""
        block, long = without_long_lines(block, ends, self.max_line_bytes)
        for line, start in long:
            shown = start[:SHOWN_BYTES].decode("ascii", "backslashreplace")
            self._refuse_line(
                first_number + line, shown, f"longer than {self.max_line_bytes} bytes"
            )
        return block

    def _unwrapped(self, block: bytes, first_number: int, envelope: Envelope) -> bytes:
        """The records in a block of wrapped lines; a line that holds none is refused."""
        unwrapped = envelope.unwrap(block)
        if unwrapped.refused:
            lines = block.split(b"\n")
            for at, reason in unwrapped.refused:
                shown = lines[at][:SHOWN_BYTES].decode("ascii", "backslashreplace")
                self._refuse_line(first_number + at, shown, reason)
        return unwrapped.text

    def _refuse_line(self, number: int, shown: str, reason: str) -> None:
        """Note a refused line, in whose place a blank one is left."""
        self.refused.append(RefusedLine(number, shown, reason))
        self._refused_in_block.add(number)

    def _take(self, block: bytes, first_number: int, ends: Positions) -> Iterator[Lines]:
        assert self._finder is not None
        count = len(ends)
        hits = self._finder.find(block)
        everything = self.needles is None
        touched = (hits.needles, hits.nodata, hits.skipdata, hits.odd)
        if not everything and not any(len(positions) for positions in touched):
            self.account.set_aside_lines += count
            return

        self.account.nodata_lines += len(lines_at(hits.nodata, ends))
        self.account.skipdata_lines += len(lines_at(hits.skipdata, ends))
        odd = lines_at(hits.odd, ends)
        set_apart = self._set_apart(block, first_number, odd, ends)

        taken = np.arange(count) if everything else lines_at(hits.needles, ends)
        if len(set_apart):
            taken = np.setdiff1d(taken, set_apart, assume_unique=True)
        self.account.set_aside_lines += count - len(taken) - len(set_apart)
        if len(taken):
            text = text_of_lines(block, taken, ends)
            columns = self.columns
            if self._placed:
                text, columns = with_time(text, self._placed), (*columns, *TIME_COLUMNS)
            yield Lines(columns, taken + first_number, text)
        elif len(self.refused) > _REFUSALS_KEPT:
            yield Lines(self.columns, taken, b"")

    def _set_apart(
        self, block: bytes, first_number: int, odd: Positions, ends: Positions
    ) -> Positions:
        """Of the lines that need a look, those that are blank, a repeated header or refused.

        Raises Damaged at the header of another format: what follows it has other columns.
        """
        apart = []
        for line in odd.tolist():
            start = int(ends[line - 1]) + 1 if line else 0
            text = block[start : int(ends[line])]
            if first_number + line in self._refused_in_block:
                self.account.refused_lines += 1
            elif not text.strip():
                self.account.blank_lines += 1
            elif (columns := header_columns(text)) is not None:
                if not is_header_of(columns, self.columns):
                    raise Damaged(f"line {first_number + line} is the header of another format")
                self.account.header_lines += 1
            else:
                continue
            apart.append(line)
        return np.array(apart, dtype=np.int64)

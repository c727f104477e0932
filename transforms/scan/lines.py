"""Text of one object → the lines that may concern the subject, and an account of every line."""

import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.scan.formats import OtherKind, Unwrap, check_columns, header_columns, unwrap_of
from transforms.scan.inflate import MAX_RATIO, Damaged, text_blocks, with_first_bytes_together
from transforms.scan.needles import Finder, Needle, Positions, finder_for
from transforms.scan.parquet import MAGIC, ParquetRows
from transforms.scan.tally import Account

# AWS's longest values are percent-encoded tags and ARNs; a line of every field stays below 16 KiB.
MAX_LINE_BYTES = 16 * 1024
# How much of a refused line is kept.
SHOWN_BYTES = 1024
# A hostile object may hold nothing but lines to refuse: they are handed on before they pile up.
_REFUSALS_KEPT = 10_000
# For words of eight bytes of which each is 0 or 1, least first: a product's top byte is how many
# are 1, or the place of the only one.
_COUNT_OF_BYTES, _PLACE_OF_BYTE = np.uint64(0x0101010101010101), np.uint64(0x0001020304050607)
_TOP_BYTE = np.uint64(56)


class Lines(NamedTuple):
    """Whole lines, each ended by a newline, with the columns that their header names."""

    columns: tuple[str, ...]
    numbers: npt.NDArray[np.int64]
    text: bytes


class RefusedLine(NamedTuple):
    """A line that is not parsed: its number, its text (capped) and the reason."""

    number: int
    text: str
    reason: str


@dataclass
class ObjectScan:
    """One pass over the bytes of one object.

    Iterate `lines(chunks)` to its end; then `account` is complete but for what parsing adds
    (parsed, in window, first and last time, refusals by content). `refused` holds the lines that
    were refused before parsing; whoever iterates may take them out as they come. Without needles
    every line is taken. `record_format` names the columns of objects that have no header. Parquet
    is not read from front to back, so that `spool` says where its bytes are kept meanwhile.
    """

    needles: tuple[Needle, ...] | None
    max_line_bytes: int = MAX_LINE_BYTES
    record_format: tuple[str, ...] = ()
    max_ratio: int = MAX_RATIO
    spool: Callable[[Iterable[bytes]], IO[bytes]] = lambda chunks: io.BytesIO(b"".join(chunks))
    account: Account = field(default_factory=Account)
    refused: list[RefusedLine] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    _unwrap: Unwrap | None = None
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
                for block in self._whole_lines(text_blocks(measured, self.max_ratio)):
                    yield from self._scan(block)
        except Damaged as damage:
            self.account.refuse(str(damage))
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

    def _whole_lines(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Cut blocks at line ends, so that each block begins and ends with a line."""
        carried = b""
        for block in blocks:
            self.account.bytes_inflated += len(block)
            cut = block.rfind(b"\n") + 1
            if cut:
                yield b"".join((carried, memoryview(block)[:cut]))
                carried = block[cut:]
            else:
                carried += block
            if len(carried) > self.max_line_bytes:
                # Stay over the limit, so that the rest of this line is refused with it.
                carried = carried[: self.max_line_bytes + 1]
        if carried:
            yield carried + b"\n"

    def _scan(self, block: bytes) -> Iterator[Lines]:
        first_number = self.account.lines + 1
        ends = line_ends(block)
        self.account.lines += len(ends)
        self._refused_in_block.clear()
        is_first = not self.columns
        whole = block
        block = self._without_long_lines(block, ends, first_number)
        if is_first:
            self._unwrap = unwrap_of(block[: block.index(b"\n")])
        if self._unwrap is not None:
            block = self._unwrapped(block, first_number)
        if block is not whole:
            ends = line_ends(block)
        if is_first:
            header = self._begin(block)
            if header:
                block, first_number, ends = block[header:], first_number + 1, ends[1:] - header
        if block:
            yield from self._take(block, first_number, ends)

    def _scan_rows(self, file: IO[bytes]) -> Iterator[Lines]:
        """A row of Parquet is a line; there is no header among them."""
        rows = ParquetRows(file, self.account.bytes_read, self.max_ratio)
        columns = header_columns(" ".join(rows.names).encode("utf-8", "replace"))
        if columns is None or len(columns) != len(rows.names):
            raise Damaged("its columns are not fields of flow logs")
        check_columns(columns)
        self._set_columns(columns, columns[0].encode())
        for block in rows.blocks(self.max_line_bytes):
            self._refused_in_block.clear()
            first_number, ends = self.account.lines + 1, line_ends(block.text)
            self.account.lines += len(ends)
            self.account.bytes_inflated += len(block.text)
            for at, shown, reason in block.refused:
                self._refuse_line(first_number + at, shown, reason)
            yield from self._take(block.text, first_number, ends)

    def _set_columns(self, columns: tuple[str, ...], first_name: bytes) -> None:
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
        elif not self.record_format:
            raise Damaged("its first line is not a header of flow log fields")
        elif len(line.split()) != len(self.record_format):
            raise Damaged(
                f"its first line is neither a header nor a record of the {len(self.record_format)} "
                "columns of the record format"
            )
        if columns is not None:
            self._set_columns(columns, line.split()[0])
        else:
            self._set_columns(self.record_format, self.record_format[0].encode())
        return len(line) + 1 if columns else 0

    def _refuse_by_first_line(self) -> None:
        first = min(self.refused, key=lambda line: line.number)
        if first.number == 1:
            raise Damaged(f"its first line cannot be read: {first.reason}")

    def _without_long_lines(self, block: bytes, ends: Positions, first_number: int) -> bytes:
        """Refuse lines over the limit and leave a blank line in the place of each."""
        limit = self.max_line_bytes
        if ends[0] <= limit and (ends[1:] - ends[:-1]).max(initial=0) - 1 <= limit:
            return block
        long = np.flatnonzero(np.diff(ends, prepend=-1) - 1 > limit)
        kept, at = [], 0
        for line in long.tolist():
            start, end = int(ends[line - 1]) + 1 if line else 0, int(ends[line])
            shown = block[start : start + min(SHOWN_BYTES, limit)]
            self._refuse_line(
                first_number + line,
                shown.decode("ascii", "backslashreplace"),
                f"longer than {limit} bytes",
            )
            kept += [block[at:start], b" \n"]
            at = end + 1
        return b"".join([*kept, block[at:]])

    def _unwrapped(self, block: bytes, first_number: int) -> bytes:
        """The records in a block of wrapped lines; a line that holds none is refused."""
        assert self._unwrap is not None
        unwrapped = self._unwrap(block)
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

        self.account.nodata_lines += len(_lines_at(hits.nodata, ends))
        self.account.skipdata_lines += len(_lines_at(hits.skipdata, ends))
        odd = _lines_at(hits.odd, ends)
        set_apart = self._set_apart(block, first_number, odd, ends)

        taken = np.arange(count) if everything else _lines_at(hits.needles, ends)
        if len(set_apart):
            taken = np.setdiff1d(taken, set_apart, assume_unique=True)
        self.account.set_aside_lines += count - len(taken) - len(set_apart)
        if len(taken):
            yield Lines(self.columns, taken + first_number, _gather(block, taken, ends))
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
                if columns != self.columns:
                    raise Damaged(f"line {first_number + line} is the header of another format")
                self.account.header_lines += 1
            else:
                continue
            apart.append(line)
        return np.array(apart, dtype=np.int64)


def line_ends(block: bytes) -> Positions:
    """Where each line ends: found once for each block, as all lines go through it.

    Eight bytes are looked at together, in two thirds of the time of one by one: of words with one
    newline a product tells which byte it is. Where newlines stand closer, each byte is looked at.
    """
    is_end = np.frombuffer(block, np.uint8) == 0x0A
    whole = len(is_end) & ~7
    words = is_end[:whole].view(np.uint64)
    at = np.flatnonzero(words != 0)
    ended = words[at]
    if (ended * _COUNT_OF_BYTES >> _TOP_BYTE).max(initial=0) > 1:
        return np.flatnonzero(is_end)
    ends = at * 8 + (ended * _PLACE_OF_BYTE >> _TOP_BYTE).astype(np.int64)
    return np.concatenate([ends, np.flatnonzero(is_end[whole:]) + whole])


def _lines_at(positions: Positions, ends: Positions) -> Positions:
    """Index of the line of each position, each once, in order."""
    return np.unique(np.searchsorted(ends, positions)) if len(positions) else positions


def _gather(block: bytes, taken: Positions, ends: Positions) -> bytes:
    """The text of some lines; neighbours are cut out together."""
    breaks = np.flatnonzero(np.diff(taken) > 1) + 1
    firsts = taken[np.concatenate([[0], breaks])]
    lasts = taken[np.concatenate([breaks - 1, [len(taken) - 1]])]
    starts = np.where(firsts > 0, ends[firsts - 1] + 1, 0)
    pairs = zip(starts.tolist(), (ends[lasts] + 1).tolist(), strict=True)
    return b"".join([block[start:end] for start, end in pairs])

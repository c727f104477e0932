"""Text of one object → the lines that may concern the subject, and an account of every line."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.inflate import Damaged, text_blocks
from transforms.needles import Finder, Needle, Positions, finder_for
from transforms.schemas import FIELD_NAMES

# AWS's longest values are percent-encoded tags and ARNs; a line of every field stays below 16 KiB.
MAX_LINE_BYTES = 16 * 1024
# How much of a refused line is kept.
SHOWN_BYTES = 1024

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


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
class Account:
    """The counts of one object; see `schemas.ACCOUNT` for the meaning of each."""

    sha256: str | None = None
    version_id: str | None = None
    bytes_read: int = 0
    bytes_inflated: int = 0
    header: str | None = None
    lines: int = 0
    header_lines: int = 0
    blank_lines: int = 0
    set_aside_lines: int = 0
    parsed_lines: int = 0
    refused_lines: int = 0
    nodata_lines: int = 0
    skipdata_lines: int = 0
    in_window_lines: int = 0
    out_of_window_lines: int = 0
    first_start: int | None = None
    last_end: int | None = None
    outcome: str = "read"
    reason: str | None = None

    def refuse(self, reason: str) -> None:
        """Say why the object is no evidence: none of its lines counts any more."""
        self.lines = self.header_lines = self.blank_lines = self.set_aside_lines = 0
        self.parsed_lines = self.refused_lines = 0
        self.in_window_lines = self.out_of_window_lines = 0
        self.nodata_lines = self.skipdata_lines = 0
        self.first_start = self.last_end = None
        self.outcome, self.reason = "refused", reason


@dataclass
class ObjectScan:
    """One pass over the bytes of one object.

    Iterate `lines(chunks)` to its end; then `account` is complete but for what parsing adds
    (parsed, in window, first and last time, refusals by content). `refused` holds the lines that
    were refused before parsing. Without needles every line is taken.
    """

    needles: tuple[Needle, ...] | None
    max_line_bytes: int = MAX_LINE_BYTES
    account: Account = field(default_factory=Account)
    refused: list[RefusedLine] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    _header_bytes: bytes = b""
    _long: set[int] = field(default_factory=set)

    def lines(self, chunks: Iterable[bytes]) -> Iterator[Lines]:
        """Yield the lines to parse; a damaged or foreign object ends with outcome refused."""
        digest = hashlib.sha256()
        try:
            for block in self._whole_lines(text_blocks(self._measured(chunks, digest.update))):
                yield from self._scan(block)
        except Damaged as damage:
            self.account.refuse(str(damage))
            self.refused.clear()
        else:
            if self.account.header is None:
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
            text = carried + block
            cut = text.rfind(b"\n") + 1
            if cut:
                yield text[:cut]
            carried = text[cut:]
            if len(carried) > self.max_line_bytes:
                # Stay over the limit, so that the rest of this line is refused with it.
                carried = carried[: self.max_line_bytes + 1]
        if carried:
            yield carried + b"\n"

    def _scan(self, block: bytes) -> Iterator[Lines]:
        first_number = self.account.lines + 1
        count = block.count(b"\n")
        self.account.lines += count
        block = self._without_long_lines(block, first_number)
        if not self.columns:
            end = block.index(b"\n") + 1
            self._read_header(block[: end - 1])
            block, first_number, count = block[end:], first_number + 1, count - 1
        if not block:
            return
        finder = finder_for(self.needles or (), self._header_bytes)
        yield from self._take(block, first_number, count, finder)

    def _without_long_lines(self, block: bytes, first_number: int) -> bytes:
        """Refuse lines over the limit and leave a blank line in the place of each.

        Such a line crosses a multiple of the limit, so only those places are looked at.
        """
        limit = self.max_line_bytes
        kept, at = [], 0
        for place in range(limit, len(block), limit):
            if place < at:
                continue
            start = block.rfind(b"\n", at, place) + 1 or at
            end = block.index(b"\n", place)
            if end - start > limit:
                number = first_number + block.count(b"\n", 0, start)
                shown = block[start : start + min(SHOWN_BYTES, limit)].decode(
                    "ascii", "backslashreplace"
                )
                self.refused.append(RefusedLine(number, shown, f"longer than {limit} bytes"))
                self._long.add(number)
                kept += [block[at:start], b" \n"]
                at = end + 1
        return b"".join([*kept, block[at:]]) if kept else block

    def _read_header(self, line: bytes) -> None:
        if 1 in self._long:
            raise Damaged("its first line is too long to be a header")
        self.account.header = line[: self.max_line_bytes].decode("ascii", "backslashreplace")
        self._header_bytes = line.rstrip(b"\r")
        self.columns = columns_of_header(line)
        self.account.header_lines += 1

    def _take(self, block: bytes, first_number: int, count: int, finder: Finder) -> Iterator[Lines]:
        hits = finder.find(block)
        everything = self.needles is None
        touched = (hits.needles, hits.nodata, hits.skipdata, hits.odd)
        if not everything and not any(len(positions) for positions in touched):
            self.account.set_aside_lines += count
            return

        ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 0x0A)
        self.account.nodata_lines += len(_lines_at(hits.nodata, ends))
        self.account.skipdata_lines += len(_lines_at(hits.skipdata, ends))
        odd = _lines_at(hits.odd, ends)
        set_apart = self._set_apart(block, first_number, odd, ends)

        taken = np.arange(count) if everything else _lines_at(hits.needles, ends)
        taken = np.setdiff1d(taken, set_apart, assume_unique=True)
        self.account.set_aside_lines += count - len(taken) - len(set_apart)
        if len(taken):
            yield Lines(self.columns, taken + first_number, _gather(block, taken, ends))

    def _set_apart(
        self, block: bytes, first_number: int, odd: Positions, ends: Positions
    ) -> Positions:
        """Of the lines that need a look, those that are blank, a repeated header or too long."""
        apart = []
        for line in odd.tolist():
            start = int(ends[line - 1]) + 1 if line else 0
            text = block[start : int(ends[line])]
            if first_number + line in self._long:
                self.account.refused_lines += 1
            elif not text.strip():
                self.account.blank_lines += 1
            elif text.rstrip(b"\r") == self._header_bytes:
                self.account.header_lines += 1
            else:
                continue
            apart.append(line)
        return np.array(apart, dtype=np.int64)


def columns_of_header(line: bytes) -> tuple[str, ...]:
    """Column names of a header line, with `-` as `_`.

    Raises Damaged when the line is no header, names a column twice, or is of another kind of log.
    """
    if line.startswith(b"PAR1"):
        raise Damaged("it is a Parquet object; only text objects are read")
    names = line.decode("ascii", "replace").split()
    columns = tuple(name.replace("-", "_") for name in names)
    if not columns or not all(_NAME.fullmatch(name) for name in names):
        raise Damaged("its first line is not a header of flow log fields")
    if "tgw_id" in columns or "resource_type" in columns:
        raise Damaged("it holds transit gateway flow records, not VPC flow records")
    if not set(columns) & set(FIELD_NAMES):
        raise Damaged("its first line names no field of VPC flow logs")
    if len(set(columns)) < len(columns):
        raise Damaged("its header names a column twice")
    return columns


def _lines_at(positions: Positions, ends: Positions) -> Positions:
    """Index of the line of each position, each once, in order."""
    return np.unique(np.searchsorted(ends, positions))


def _gather(block: bytes, taken: Positions, ends: Positions) -> bytes:
    """The text of some lines; neighbours are cut out together."""
    breaks = np.flatnonzero(np.diff(taken) > 1) + 1
    firsts = taken[np.concatenate([[0], breaks])]
    lasts = taken[np.concatenate([breaks - 1, [len(taken) - 1]])]
    starts = np.where(firsts > 0, ends[firsts - 1] + 1, 0)
    pairs = zip(starts.tolist(), (ends[lasts] + 1).tolist(), strict=True)
    return b"".join([block[start:end] for start, end in pairs])

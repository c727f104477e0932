"""Blocks of whole lines: where lines end, and some lines cut out of many."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]

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


class RecordBlock(NamedTuple):
    """Records as lines, each ended by a newline; a blank line stands where one is refused."""

    text: bytes
    refused: list[tuple[int, str, str]]  # index of the record, its text (capped), the reason


def whole_lines(blocks: Iterable[bytes], max_line_bytes: int) -> Iterator[bytes]:
    """Cut blocks at line ends, so that each block begins and ends with a line.

    Of a line over the limit a part that is over it stays, too, so that it can be refused.
    """
    carried = b""
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join((carried, memoryview(block)[:cut]))
            carried = block[cut:]
        else:
            carried += block
        if len(carried) > max_line_bytes:
            carried = carried[: max_line_bytes + 1]
    if carried:
        yield carried + b"\n"


def without_long_lines(
    block: bytes, ends: Positions, limit: int
) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The block with a blank line in the place of each that is too long, and how those begin."""
    if ends[0] <= limit and (ends[1:] - ends[:-1]).max(initial=0) - 1 <= limit:
        return block, []
    pieces, at, long = [], 0, []
    for line in np.flatnonzero(np.diff(ends, prepend=-1) - 1 > limit).tolist():
        start, end = int(ends[line - 1]) + 1 if line else 0, int(ends[line])
        long.append((line, block[start : start + limit]))
        pieces += [block[at:start], b" \n"]
        at = end + 1
    return b"".join([*pieces, block[at:]]), long


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


def lines_at(positions: Positions, ends: Positions) -> Positions:
    """Index of the line of each position, each once, in order."""
    return np.unique(np.searchsorted(ends, positions)) if len(positions) else positions


def text_of_lines(block: bytes, taken: Positions, ends: Positions) -> bytes:
    """The text of some lines; neighbours are cut out together."""
    breaks = np.flatnonzero(np.diff(taken) > 1) + 1
    firsts = taken[np.concatenate([[0], breaks])]
    lasts = taken[np.concatenate([breaks - 1, [len(taken) - 1]])]
    starts = np.where(firsts > 0, ends[firsts - 1] + 1, 0)
    pairs = zip(starts.tolist(), (ends[lasts] + 1).tolist(), strict=True)
    return b"".join([block[start:end] for start, end in pairs])

"""Rows that are found by a key and a moment, many at a time."""

from collections.abc import Sequence

import numpy as np

from transforms.coded import Flags, Numbers
from transforms.network.ranges import Span

# Every second that a flow record can tell is less (the year 9999), and so a key fits above it.
_SECOND_BITS = 38
_LAST_SECOND = 2**_SECOND_BITS - 1
_OPEN = 2**62


class Timed:
    """Rows of (key, span): of one key at one moment at most one, so that a question has one answer.

    The caller's rows are numbered in the order in which they were given.
    """

    def __init__(self, rows: Sequence[tuple[int, Span]]) -> None:
        keys = np.array([key for key, _ in rows], dtype=np.int64)
        starts = np.array([-1 if s.valid_from is None else s.valid_from for _, s in rows], np.int64)
        ends = np.array([_OPEN if s.valid_to is None else s.valid_to for _, s in rows], np.int64)
        order = np.lexsort((starts, keys))
        self._keys, codes = np.unique(keys, return_inverse=True)
        self._code = codes[order].astype(np.int64)
        seconds = np.clip(starts[order], 0, _LAST_SECOND)
        self._moments = (self._code << _SECOND_BITS) | seconds
        self._until = ends[order]
        self._is_always = (starts[order] < 0) & (self._until == _OPEN)
        self._row = order.astype(np.int64)
        self._is_timeless = bool(self._is_always.all()) and len(self._keys) == len(rows)

    def find(self, keys: Numbers, at: Numbers, has_time: Flags) -> Numbers:
        """The row of each key at its moment (Unix seconds), -1 where there is none.

        A row without a start held always before its end; one with a start or an end never holds
        where there is no time.
        """
        if not len(self._keys):
            return np.full(len(keys), -1, np.int64)
        code = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        is_known = self._keys[code] == keys
        if self._is_timeless:  # the rows are in the order of their keys
            return np.where(is_known, self._row[code], -1)
        wanted = (code << _SECOND_BITS) | np.where(has_time, at, 0)
        index = np.searchsorted(self._moments, wanted, side="right") - 1
        holds = is_known & (index >= 0) & (self._code[index] == code)
        holds &= (at < self._until[index]) | ~has_time
        holds &= has_time | self._is_always[index]
        return np.where(holds, self._row[index], -1)

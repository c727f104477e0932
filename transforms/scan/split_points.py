"""Where the rest of a folder may be split, guessed from names that were seen.

A guess need not be right: it only says where a second listing begins. Names of AWS's flow logs
share a long beginning and then differ in hexadecimal digits, the flow log's id, and in decimal
ones, the time; nothing else is assumed of them.

A level is a place in the last name of a page. Names behind it that keep more of it than the page's
first and last name share are too near to be worth a page of their own.
"""

import string
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_HEX = "0123456789abcdef"
_WORD = string.digits + string.ascii_uppercase + "_" + string.ascii_lowercase


class Levels(NamedTuple):
    """The levels worth a guess: `far` from where names may differ, `near` from where they do."""

    far: range
    near: range


def levels_of(first: str, last: str, *, upto: str | None, known: str | None, shared: int) -> Levels:
    """Where names behind a page may differ from its last one.

    They end at `upto`. Where a name is `known` there, the levels begin where it differs: names in
    order have in common what the two have. Else nobody knows where they begin; that names of this
    folder differ behind the `shared` characters is what was seen so far.
    """
    name = _without_slash(last)
    end = min(len(shared_by(first, name)), len(name) - 1) + 1
    bound = known or upto
    far = len(shared_by(name, bound)) if bound is not None else 0
    near = far if known is not None else max(far, min(shared, end))
    return Levels(range(far, near), range(near, end))


def split_points(last: str, upto: str | None, levels: Levels, wanted: int) -> list[str]:
    """At most `wanted` names after `last` and before `upto`, in order; without slashes.

    Up to half of them find out whether names differ farther out than was seen; the others are
    spread over the characters that may follow where they do differ.
    """
    name = _without_slash(last)

    def within(points: Iterable[str]) -> list[str]:
        return [point for point in points if upto is None or point < upto]

    ends = within(name[:at] + char for at in levels.far if (char := _next(name[at])))
    found = _evenly(ends, (wanted + 1) // 2)
    for at in levels.near:
        chars = (_next(name[at]) or "") + _later(name[at])
        points = within(name[:at] + char for char in sorted(set(chars)))
        found += _evenly(points, wanted - len(found))
    return sorted(found)


def shared_by(one: str, other: str) -> str:
    """What both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))]


def _without_slash(name: str) -> str:
    return name.removesuffix("/")


def _next(char: str) -> str | None:
    """The character after one, where that is a plain one, and no slash."""
    after = chr(ord(char) + 1)
    return after if "!" <= after <= "~" and after != "/" else None


def _later(char: str) -> str:
    """What may stand in the place of a character and sorts behind it."""
    alphabet = _HEX if char in _HEX else _WORD if char in _WORD else ""
    return alphabet[alphabet.find(char) + 1 :]


def _evenly(points: Sequence[str], wanted: int) -> list[str]:
    if len(points) <= wanted:
        return list(points)
    return [points[(2 * turn + 1) * len(points) // (2 * wanted)] for turn in range(wanted)]

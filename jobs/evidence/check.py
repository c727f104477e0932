"""One check of a case: what holds, every place where something does not, and notes."""

from collections.abc import Sequence
from typing import NamedTuple


class Check(NamedTuple):
    """`holds` is printed only where there are no problems."""

    holds: str
    problems: Sequence[str] = ()
    notes: Sequence[str] = ()

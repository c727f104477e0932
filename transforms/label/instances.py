"""Instances in the rows of a label snapshot: by id, and by name at a time."""

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from transforms import patterns
from transforms.label.cells import clean, moment_of
from transforms.label.tables import LabelRow
from transforms.network.ranges import Span, overlap
from transforms.text import quoted, sanitise

_INSTANCE_ID = re.compile(patterns.resource_id("i"))
_MOST_SHOWN = 5
_MOST_CLOSE = 3
# Two random ids of 17 digits are half alike; one with a digit or two wrong is far more so.
_ALIKE = 0.8
# Comparing one id with a hundred thousand takes a second.
_MOST_COMPARED = 5


class _Naming(NamedTuple):
    instance_id: str
    span: Span


class LabelledInstances:
    """Every instance that a snapshot mentions, with its names."""

    def __init__(self, tables: Mapping[str, Sequence[LabelRow]]) -> None:
        self._names: dict[str, list[tuple[Span, str]]] = {}
        self._by_name: dict[str, list[_Naming]] = defaultdict(list)
        self._by_folded_name: dict[str, set[str]] = defaultdict(set)
        for row in tables.get("instances", ()):
            self._add(row, clean(row.cells.get("name")))
        for row in tables.get("interfaces", ()):
            self._add(row, None)

    def _add(self, row: LabelRow, name: str | None) -> None:
        instance_id = clean(row.cells.get("instance_id"))
        if instance_id is None or not _INSTANCE_ID.fullmatch(instance_id):
            return
        names = self._names.setdefault(instance_id, [])
        if name is not None:
            span = Span(_second(row, "valid_from"), _second(row, "valid_to"))
            names.append((span, name))
            self._by_name[name].append(_Naming(instance_id, span))
            self._by_folded_name[name.casefold()].add(name)

    def name_of(self, instance_id: str, span: Span) -> str | None:
        """The last name of an instance in a span of time."""
        named = [each for each in self._names.get(instance_id, ()) if overlap(each[0], span)]
        return max(named, key=lambda each: each[0].valid_from or 0)[1] if named else None

    def ids_of(self, names: Sequence[str], span: Span) -> tuple[dict[str, str], list[str]]:
        """The id of the one instance that had each name in a span of time, and all problems.

        A name in other upper and lower case counts where nothing has it exactly as it is given.
        """
        found: dict[str, str] = {}
        problems: list[str] = []
        for name in names:
            folded = self._by_folded_name.get(name.casefold(), set())
            namings = [
                naming
                for spelled in ([name] if name in folded else sorted(folded))
                for naming in self._by_name[spelled]
            ]
            ids = dict.fromkeys(n.instance_id for n in namings if overlap(n.span, span))
            if len(ids) == 1:
                found[name] = next(iter(ids))
            else:
                problems.append(self._refused_name(name, list(ids), namings))
        return found, problems

    def _refused_name(self, name: str, ids: list[str], namings: list[_Naming]) -> str:
        told = f"found {quoted(name)}"
        if ids:
            return (
                f"{told}; expected the name of one instance, and {len(ids):,} have it in the "
                f"window: {_listed(ids)}; give the id"
            )
        if namings:
            others = list(dict.fromkeys(naming.instance_id for naming in namings))
            return (
                f"{told}; expected a name that an instance had in the window; at another time it "
                f"was that of {_listed(others)}; give the id"
            )
        close = difflib.get_close_matches(name, self._by_name, _MOST_CLOSE)
        return f"{told}; expected the name of an instance in the labels{self._closest(close)}"

    def unknown(self, instance_ids: Collection[str]) -> Iterator[str]:
        """A problem for each id that the snapshot does not mention, unless it mentions none."""
        unknown = [each for each in instance_ids if each not in self._names] if self._names else []
        for number, instance_id in enumerate(unknown):
            close = (
                difflib.get_close_matches(instance_id, self._names, _MOST_CLOSE, _ALIKE)
                if number < _MOST_COMPARED
                else []
            )
            yield (
                f"found {instance_id}, which the labels do not know{self._closest(close)}; correct "
                "it, or give its --interface_ids or --addresses too"
            )

    def _closest(self, close: Sequence[str]) -> str:
        """The known names or ids that are nearest, each with the other of the two."""
        told = []
        for each in close:
            if each in self._names:
                names = self._names[each]
                other = sanitise(names[-1][1], 64) if names else None
            else:
                other = self._by_name[each][-1].instance_id
            told.append(f"{sanitise(each, 64)} ({other})" if other else each)
        known = f"; they know {len(self._names):,} instances"
        return f"; the closest: {', '.join(told)}" if told else known


def _second(row: LabelRow, column: str) -> int | None:
    moment = moment_of(row.cells.get(column))
    return int(moment.timestamp()) if moment else None


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:_MOST_SHOWN])
    more = len(ids) - _MOST_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown

"""The path: whom the subject reached, whom they reached, until nothing new is found.

Each further reading serves the whole next level at once: it holds what the reached machines did,
what the equals of all of them did, and who else uses the services in question.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.levels import (
    Level,
    Near,
    Path,
    Start,
    Traced,
    collected,
    is_reached,
    judged,
    level_of,
    open_rows,
    timed,
)
from jobs.spark.frames import union_of
from transforms.label.tables import LabelTables
from transforms.questions.expected import unexpected_sql
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.sql import BY_SUBJECT, IS_OUTSIDE
from transforms.standing.history import History
from transforms.standing.path import Followed, PathStep, in_order, step_of
from transforms.subject.identity import Subject
from transforms.subject.machines import Fleet, Machine
from transforms.vocabulary import Ring

Reader = Callable[[int, Sequence[Machine]], tuple[DataFrame, History]]
"""Number of the reading, machines → conversations of these, computed, and their history."""


def follow(
    spark: SparkSession, start: Start, labels: LabelTables, span: tuple[int, int],
    options: QuestionOptions, limits: Thresholds, read: Reader,
) -> Path:  # fmt: skip
    """Follow every machine inside that was reached and is not ordinary, level by level.

    Ends when nothing new is found, after `max_hops` hops or `max_peers` machines.
    """
    walk = _Walk(spark, start, labels, span, options, limits, read)
    level = walk.first_level()
    while True:
        frontier = walk.judge(level)
        if not frontier:
            return walk.path()
        level = walk.next_level(level.hop + 1, frontier)


class _Walk:
    """The state of one walk along the path."""

    def __init__(
        self, spark: SparkSession, start: Start, labels: LabelTables, span: tuple[int, int],
        options: QuestionOptions, limits: Thresholds, read: Reader,
    ) -> None:  # fmt: skip
        self._spark, self._start = spark, start
        self._options, self._limits, self._read = options, limits, read
        self._fleet = Fleet(labels, span)
        self._near = Near()
        self._judged: list[DataFrame] = []
        self._conversations = [start.conversations]
        self._held = [start.conversations]
        self._steps: list[PathStep] = []
        self._names: dict[str, str | None] = {"": start.name}
        self._known = set(start.subject.addresses)
        self._outside: list[str] = []
        self._followed = Followed(ended="no further machine was reached")

    def first_level(self) -> Level:
        """The subject; days before the window count as history."""
        start = self._start
        traced = Traced(
            machine=Machine("", start.subject),
            keys=("",),
            moment_s=start.moment_s,
            has_sign=start.has_sign,
            contact_s=start.contact_s,
            history_h=start.history_h,
            equals=self._equals_of(start.subject),
        )
        before = [start.before] if start.before is not None else []
        return self._level(1, [traced], union_of([*before, start.conversations]))

    def next_level(self, hop: int, frontier: Mapping[str, int]) -> Level:
        """The machines that were reached, each from its contact on; times are Unix seconds."""
        traced = [self._traced(*contact) for contact in frontier.items()]
        self._known |= {key for each in traced for key in each.keys}
        everything = self._near.conversations()
        assert everything is not None
        return self._level(hop, traced, everything.withColumn("hop", F.lit(hop)))

    def judge(self, level: Level) -> dict[str, int]:
        """Judge a level, reading more where that may help; returns whom to follow since when."""
        final, rows = self._judged_now(level)
        may_read = level.hop < self._options.max_hops
        if may_read:
            # What is decided already is followed in the reading that compares the rest; what is
            # open after that is read as well, and its crowd may still say that it is ordinary.
            compared = self._to_compare(level, rows)
            if self._read_near([*self._machines_at(_decided(rows)), *compared]) or compared:
                final, rows = self._judged_now(level, rows)
            if self._read_near(self._machines_at(rows)):
                final, rows = self._judged_now(level, rows)
        self._judged.append(final)
        self._note_steps(level, final, rows)
        reached = self._reached(rows)
        if reached and not may_read:
            self._end(f"--max_hops {self._options.max_hops} ended it")
        if not may_read:
            return {}
        if left_out := max(len(reached) - self._options.max_peers, 0):
            self._followed = replace(self._followed, left_out=self._followed.left_out + left_out)
            self._end(f"--max_peers {self._options.max_peers} ended it")
        return dict(list(reached.items())[: self._options.max_peers])

    def path(self) -> Path:
        """Everything that was found."""
        return Path(
            judged=union_of(self._judged),
            conversations=union_of(self._conversations),
            steps=in_order(self._steps),
            followed=self._followed,
            is_small=self._start.is_small,
            held=tuple(self._held),
        )

    def _level(self, hop: int, traced: Sequence[Traced], conversations: DataFrame) -> Level:
        rows = timed(self._spark, traced, conversations)
        level = level_of(self._spark, hop, traced, rows, self._start.is_small)
        self._held.append(level.activity)
        if hop > 1:
            from_at = datetime.fromtimestamp(self._start.from_s, UTC)
            after = rows.where("NOT is_before").where(F.col("first_at") >= from_at)
            self._conversations.append(after.drop("machine", "is_before"))
            self._note_followed(traced)
        return level

    def _judged_now(self, level: Level, rows: Iterable[Any] = ()) -> tuple[DataFrame, list[Any]]:
        """The level by what is known now, where the peers of open `rows` may have been read."""
        servers = dict.fromkeys(row["peer"] for row in rows if row["is_open"])
        final = judged(self._spark, level, self._near, self._limits, list(servers))
        self._held.append(final)
        return final, open_rows(final, self._unexpected_at(level))

    def _unexpected_at(self, level: Level) -> str:
        """SQL text. What is expected of the subject is so of nobody else."""
        return unexpected_sql(self._options.expected_peers) if level.hop == 1 else "true"

    def _traced(self, address: str, contact_s: int) -> Traced:
        machine = self._machine_at(address, contact_s)
        return Traced(
            machine=machine,
            keys=machine.subject.addresses,
            moment_s=contact_s,
            has_sign=True,
            contact_s=None,
            history_h=self._near.history.hours_before(machine.subject.interface_ids, contact_s),
            equals=self._equals_of(machine.subject),
        )

    def _equals_of(self, subject: Subject) -> tuple[Machine, ...]:
        return self._fleet.equals_of(subject, self._limits.equals_max, self._near.read)

    def _machine_at(self, address: str, second: int) -> Machine:
        return self._fleet.machine_at(address, second, self._start.subject.vpc_ids)

    def _reached(self, rows: Iterable[Any]) -> dict[str, int]:
        """Who may be followed, the foremost first, and since when: new, and reached by a row."""
        found: dict[str, int] = {}
        for row in rows:
            if is_reached(row) and row["peer"] not in self._known:
                at = int(row["reached_s"])
                found[row["peer"]] = min(at, found.get(row["peer"], at))
        return found

    def _machines_at(self, rows: Iterable[Any]) -> list[Machine]:
        """The machines that may be followed, at most `max_peers`."""
        reached = list(self._reached(rows).items())[: self._options.max_peers]
        return [self._machine_at(*contact) for contact in reached]

    def _to_compare(self, level: Level, rows: Sequence[Any]) -> list[Machine]:
        """Equals of machines with open rows; for those without, the peers whose crowd may tell."""
        open_keys = {row["machine"] for row in rows if row["is_open"]}
        found: dict[str, Machine] = {}
        alone: set[str] = set()
        for each in level.traced:
            if open_keys.intersection(each.keys):
                found |= {equal.key: equal for equal in each.equals}
                alone |= set() if each.equals else set(each.keys)
        for row in rows:
            if row["is_open"] and row["machine"] in alone and len(found) < self._options.max_peers:
                found.setdefault(row["peer"], self._machine_at(row["peer"], self._start.moment_s))
        return list(found.values())

    def _read_near(self, machines: Iterable[Machine]) -> bool:
        """Read those that are not read yet, in one reading; whether there was anybody."""
        new = {
            machine.key: machine
            for machine in machines
            if not self._near.read.issuperset(machine.subject.addresses)
        }
        if not new:
            return False
        number = self._followed.readings
        conversations, history = self._read(number, list(new.values()))
        self._near.add(conversations, history, new.values())
        self._followed = replace(self._followed, readings=number + 1)
        return True

    def _end(self, why: str) -> None:
        self._followed = replace(self._followed, ended=why)

    def _note_followed(self, traced: Sequence[Traced]) -> None:
        logged, least_h = self._near.history.interfaces, self._limits.history_hours
        silent = [
            m.machine.key for m in traced if logged.isdisjoint(m.machine.subject.interface_ids)
        ]
        short = [each.machine.key for each in traced if each.history_h < least_h]
        self._followed = replace(
            self._followed,
            machines=self._followed.machines + len(traced),
            unlogged=(*self._followed.unlogged, *silent),
            without_history=(*self._followed.without_history, *short),
        )

    def _note_steps(self, level: Level, final: DataFrame, rows: Iterable[Any]) -> None:
        contacts = {
            key: datetime.fromtimestamp(each.moment_s, UTC)
            for each in level.traced
            for key in each.keys
        }
        reached = [row for row in rows if is_reached(row)]
        for row in [*reached, *self._outside_rows(level, final)]:
            step = step_of(row, self._names, contacts.get(row["machine"]))
            self._steps.append(step)
            if step.is_inside:
                self._names.setdefault(step.to_address, step.to_name)

    def _outside_rows(self, level: Level, final: DataFrame) -> list[Any]:
        """Calls of followed machines to addresses outside that the subject calls as well."""
        called = final.where(IS_OUTSIDE).where(BY_SUBJECT).where("reached_after > 0")
        called = called.where(self._unexpected_at(level))
        if level.hop > 1:
            return collected(called.where(F.col("peer").isin(self._outside)))
        of_internet = called.where(F.col("peer_ring") == Ring.INTERNET.value)
        self._outside = sorted({row["peer"] for row in collected(of_internet)})
        return []


def _decided(rows: Iterable[Any]) -> list[Any]:
    """The rows of which neither equals nor a crowd could say that they are ordinary."""
    return [row for row in rows if not row["is_open"]]

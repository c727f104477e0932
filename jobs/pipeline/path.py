"""The path: whom the subject reached, whom they reached, until nothing new is found.

Each further reading serves the whole next level at once: it holds what the reached machines did,
what the equals of all of them did, and who else uses the services in question.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.levels import (
    SECONDS,
    Level,
    Near,
    Path,
    Start,
    Traced,
    is_reached,
    judged,
    level_of,
    machine_of_subject,
    moments_of,
    open_rows,
)
from transforms.label.tables import LabelTables
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.standing.activity import only_of, with_moment
from transforms.standing.history import History
from transforms.standing.path import Followed, PathStep, in_order, step_of
from transforms.subject.identity import Subject
from transforms.subject.machines import Fleet, Machine
from transforms.vocabulary import Initiator, Ring, Standing

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
        self._steps: list[PathStep] = []
        self._names: dict[str, str | None] = {"": start.name}
        self._known = set(start.subject.addresses)
        self._outside: set[str] = set()
        self._is_small = start.is_small
        self._held: list[DataFrame] = []
        self._followed = Followed(ended="nothing new was found")

    def first_level(self) -> Level:
        """The subject; days before the window count as history."""
        start = self._start
        machine = machine_of_subject(start.subject)
        traced = Traced(
            machine=machine,
            keys=("",),
            moment_s=start.moment_s,
            has_sign=start.has_sign,
            contact_s=start.contact_s,
            history_h=start.history_h,
            equals=self._equals_of(start.subject),
        )
        conversations = start.conversations
        if start.before is not None:
            conversations = start.before.unionByName(conversations)
        return level_of(self._spark, 1, [traced], conversations, start.is_small)

    def judge(self, level: Level) -> list[tuple[Machine, int]]:
        """Judge a level, reading more where that may help; returns whom to follow from when."""
        final = self._judged_now(level)
        rows = open_rows(final)
        if level.hop >= self._options.max_hops:
            if self._candidates(rows):
                self._end(f"--max_hops {self._options.max_hops} ended it")
            return self._close(level, final, rows, [])
        # What is decided already is followed in the reading that compares the rest; what is open
        # after that is read as well, and its crowd may still say that it is ordinary.
        compared = self._to_compare(level, rows)
        for machines in ([*self._candidates(rows, decided=True), *compared], None):
            read = self._read_near(self._candidates(rows) if machines is None else machines)
            if read or (machines and compared):
                final = self._judged_now(level, _open_peers(rows))
                rows = open_rows(final)
        return self._close(level, final, rows, self._candidates(rows, counted=True))

    def _judged_now(self, level: Level, servers: Sequence[str] = ()) -> DataFrame:
        rows = judged(self._spark, level, self._near, self._limits, servers)
        self._held += [level.activity, rows]
        return rows

    def _close(
        self, level: Level, final: DataFrame, rows: Sequence[Any], candidates: Sequence[Machine]
    ) -> list[tuple[Machine, int]]:
        self._judged.append(final)
        self._note_steps(level, final, rows)
        return self._frontier(rows, candidates)

    def next_level(self, hop: int, frontier: Sequence[tuple[Machine, int]]) -> Level:
        """The machines that were reached, each from its contact on."""
        traced = [self._traced(machine, contact_s) for machine, contact_s in frontier]
        addresses = [key for each in traced for key in each.keys]
        everything = self._near.conversations()
        assert everything is not None
        theirs = only_of(everything, addresses).withColumn("hop", F.lit(hop))
        level = level_of(self._spark, hop, traced, theirs, self._is_small)
        moments = moments_of(self._spark, traced)
        after = with_moment(theirs, moments).where("NOT is_before").drop("machine", "is_before")
        self._conversations.append(after.where(F.col("first_at") >= self._from_at))
        silent = [
            each.machine.key
            for each in traced
            if not self._near.history.interfaces.intersection(each.machine.subject.interface_ids)
        ]
        short = [each.machine.key for each in traced if each.history_h < self._limits.history_hours]
        self._followed = replace(
            self._followed,
            machines=self._followed.machines + len(traced),
            unlogged=(*self._followed.unlogged, *silent),
            without_history=(*self._followed.without_history, *short),
        )
        return level

    def path(self) -> Path:
        """Everything that was found."""
        both = [*self._judged]
        found, *others = both
        for other in others:
            found = found.unionByName(other)
        conversations, *more = self._conversations
        for other in more:
            conversations = conversations.unionByName(other)
        return Path(
            judged=found,
            conversations=conversations,
            steps=in_order(self._steps),
            followed=self._followed,
            is_small=self._is_small,
            held=tuple(self._held),
        )

    @property
    def _from_at(self) -> datetime:
        return datetime.fromtimestamp(self._start.from_s, UTC)

    def _traced(self, machine: Machine, contact_s: int) -> Traced:
        history = self._near.history.hours_before(machine.subject.interface_ids, contact_s)
        return Traced(
            machine=machine,
            keys=machine.subject.addresses,
            moment_s=contact_s,
            has_sign=True,
            contact_s=None,
            history_h=history,
            equals=self._equals_of(machine.subject),
        )

    def _equals_of(self, subject: Subject) -> tuple[Machine, ...]:
        return self._fleet.equals_of(subject, self._limits.equals_max, self._near.read)

    def _machine_at(self, address: str, second: int) -> Machine:
        return self._fleet.machine_at(address, second, self._start.subject.vpc_ids)

    def _candidates(
        self, rows: Iterable[Any], *, decided: bool = False, counted: bool = False
    ) -> list[Machine]:
        """Whom to follow: reached inside and not ordinary; at most `max_peers`.

        `decided` leaves out those of which equals or a crowd may still say that they are ordinary;
        `counted` notes how many are left out.
        """
        found: dict[str, Machine] = {}
        for row in rows:
            is_new = row["peer"] not in self._known and row["peer"] not in found
            if is_reached(row) and is_new and not (decided and row["is_open"]):
                found[row["peer"]] = self._machine_at(row["peer"], int(row["reached_s"]))
        taken = list(found.values())[: self._options.max_peers]
        if (left_out := len(found) - len(taken)) and counted:
            self._followed = replace(self._followed, left_out=self._followed.left_out + left_out)
            self._end(f"--max_peers {self._options.max_peers} ended it")
        return taken

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

    def _note_steps(self, level: Level, final: DataFrame, rows: Iterable[Any]) -> None:
        contacts = {
            key: datetime.fromtimestamp(each.moment_s, UTC)
            for each in level.traced
            for key in each.keys
        }
        reached = [row for row in rows if is_reached(row)]
        reached += self._outside_rows(level, final)
        for row in reached:
            step = step_of(row, self._names, contacts.get(row["machine"]))
            self._steps.append(step)
            if step.is_inside:
                self._names.setdefault(step.to_address, step.to_name)

    def _outside_rows(self, level: Level, final: DataFrame) -> list[Any]:
        """Calls of followed machines to addresses outside that the subject calls as well."""
        outside = [Ring.INTERNET.value, Ring.AWS_SERVICE.value]
        rows = (
            final.where(F.col("peer_ring").isin(outside))
            .where(F.col("initiator") == Initiator.SUBJECT.value)
            .where(F.col("standing") != Standing.ORDINARY.value)
            .where("attempts_after > 0 AND reached_after > 0")
        )
        if level.hop == 1:
            named = rows.where(F.col("peer_ring") == Ring.INTERNET.value).select("peer").distinct()
            self._outside = {row["peer"] for row in named.limit(10_000).collect()}
            return []
        called = rows.where(F.col("peer").isin(sorted(self._outside)))
        return (
            called.withColumns({name: F.expr(text) for name, text in SECONDS.items()})
            .limit(1_000)
            .collect()
        )

    def _frontier(
        self, rows: Iterable[Any], candidates: Sequence[Machine]
    ) -> list[tuple[Machine, int]]:
        by_key = {machine.key: machine for machine in candidates}
        first: dict[str, int] = {}
        for row in rows:
            if is_reached(row) and row["peer"] in by_key:
                at = int(row["reached_s"])
                first[row["peer"]] = min(at, first.get(row["peer"], at))
        self._known |= {a for key in first for a in by_key[key].subject.addresses}
        return [(by_key[key], at) for key, at in first.items()]


def _open_peers(rows: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(row["peer"] for row in rows if row["is_open"]))

"""One level of the path: machines at a moment each, and their activity, judged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.spark.session import for_few_rows
from transforms.questions.options import Thresholds
from transforms.standing.activity import activity_of, with_moment
from transforms.standing.equals import EqualOf, crowd_at, equal_activity
from transforms.standing.history import History
from transforms.standing.judge import Contrasts, with_standing
from transforms.standing.path import Followed, PathStep
from transforms.subject.identity import Subject
from transforms.subject.machines import Machine
from transforms.vocabulary import Initiator, Standing, is_inside

_MACHINES = """machine STRING, moment_s BIGINT, has_sign BOOLEAN, history_h DOUBLE,
    contact_s BIGINT, compared BIGINT"""
_PAIRS = "machine STRING, equal STRING, address STRING"
_MEMBERS = "machine STRING, address STRING"
# Times as seconds: a datetime would pass through the time zone of this process.
SECONDS = {
    "reached_s": "unix_timestamp(reached_at)",
    "data_s": "unix_timestamp(data_at)",
}
# Rows named to the driver: with more, the first by outcome and time.
_ROWS_NAMED = 20_000


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A machine of a level: what it is, from when on it counts, and what is known of it before.

    `keys` are the values of `machine` that its rows have. `has_sign` says that a sign made that
    moment; `contact_s` is a suspicious contact from outside.
    """

    machine: Machine
    keys: tuple[str, ...]
    moment_s: int
    has_sign: bool
    contact_s: int | None
    history_h: float
    equals: tuple[Machine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Level:
    """Machines at one distance from the subject, and what they did; computed."""

    hop: int
    traced: tuple[Traced, ...]
    activity: DataFrame
    is_small: bool


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where the path begins: the subject at the first sign (else at the start of the window)."""

    subject: Subject
    name: str | None
    conversations: DataFrame
    before: DataFrame | None
    from_s: int
    moment_s: int
    has_sign: bool
    contact_s: int | None
    history_h: float
    is_small: bool


@dataclass(frozen=True, kw_only=True)
class Path:
    """What was found on it: judged activity and conversations of all levels, and the steps.

    `held` are frames in memory that the others are made from.
    """

    judged: DataFrame
    conversations: DataFrame
    steps: tuple[PathStep, ...]
    followed: Followed
    is_small: bool
    held: tuple[DataFrame, ...]


@dataclass
class Near:
    """Everything that was read of machines beside the subject, over all readings so far."""

    frames: list[DataFrame] = field(default_factory=list)
    history: History = field(default_factory=lambda: History(()))
    read: set[str] = field(default_factory=set)  # addresses

    def conversations(self) -> DataFrame | None:
        """One frame of all; None where nothing was read."""
        if not self.frames:
            return None
        first, *others = self.frames
        for other in others:
            first = first.unionByName(other)
        return first

    def add(self, conversations: DataFrame, history: History, machines: Iterable[Machine]) -> None:
        """Add what one reading found of these machines."""
        self.frames.append(conversations)
        self.history = self.history.together(history)
        self.read |= {address for each in machines for address in each.subject.addresses}


def moments_of(spark: SparkSession, traced: Sequence[Traced]) -> DataFrame:
    """A row for each key of a machine, as `with_moment` and `with_standing` take it."""
    rows = [
        (key, each.moment_s, each.has_sign, each.history_h, each.contact_s, None)
        for each in traced
        for key in each.keys
    ]
    return spark.createDataFrame(rows, _MACHINES)


def level_of(
    spark: SparkSession,
    hop: int,
    traced: Sequence[Traced],
    conversations: DataFrame,
    is_small: bool,
) -> Level:
    """The activity of these machines; `conversations` have their rows under this hop."""
    with for_few_rows(spark, is_small):
        rows = activity_of(with_moment(conversations, moments_of(spark, traced)))
        return Level(
            hop=hop, traced=tuple(traced), activity=_kept(rows, is_small), is_small=is_small
        )


def judged(
    spark: SparkSession, level: Level, near: Near, limits: Thresholds, servers: Sequence[str] = ()
) -> DataFrame:
    """The activity of a level with its standing, by everything that has been read; computed."""
    with for_few_rows(spark, level.is_small):
        contrasts = _contrasts(spark, level, near, servers)
        return _kept(with_standing(level.activity, contrasts, limits), level.is_small)


def _contrasts(spark: SparkSession, level: Level, near: Near, servers: Sequence[str]) -> Contrasts:
    pairs, members, machines = [], [], []
    for each in level.traced:
        seen = [
            equal
            for equal in each.equals
            if near.history.interfaces.intersection(equal.subject.interface_ids)
        ]
        compared = len(seen) if each.equals else None
        for key in each.keys:
            known = (each.has_sign, each.history_h, each.contact_s, compared)
            machines.append((key, each.moment_s, *known))
            for equal in seen:
                pairs += [EqualOf(key, equal.key, a) for a in equal.subject.addresses]
                members += [(key, address) for address in equal.subject.addresses]
            members += [(key, address) for address in each.machine.subject.addresses]
    frame = spark.createDataFrame(machines, _MACHINES).drop("moment_s")
    conversations = near.conversations()
    if conversations is None:
        return Contrasts(frame)
    own = {address for each in level.traced for address in each.machine.subject.addresses}
    logged = [address for address in servers if address in near.read]
    crowd = crowd_at(conversations, logged, sorted(own)) if logged else None
    if not pairs:
        return Contrasts(frame, crowd=crowd)
    member_rows = spark.createDataFrame(sorted(set(members)), _MEMBERS)
    equals = equal_activity(conversations, spark.createDataFrame(pairs, _PAIRS), member_rows)
    return Contrasts(frame, member_rows, equals, crowd)


def open_rows(judged_rows: DataFrame) -> list[Any]:
    """Rows inside that are not ordinary, or of which more could be learnt; the foremost first."""
    wanted = f"{is_inside()} AND attempts_after > 0 AND standing <> '{Standing.ORDINARY}'"
    return (
        judged_rows.where(wanted)
        .withColumns({name: F.expr(text) for name, text in SECONDS.items()})
        .orderBy(F.desc("data_after"), F.desc("reached_after"), "began_at", "peer")
        .limit(_ROWS_NAMED)
        .collect()
    )


def is_reached(row: Any) -> bool:
    """Whether the machine began it and got an answer."""
    return bool(row["initiator"] == Initiator.SUBJECT and row["reached_after"] > 0)


def machine_of_subject(subject: Subject) -> Machine:
    """The subject as a machine; its rows have the key ''."""
    return Machine("", subject)


def _kept(frame: DataFrame, is_small: bool) -> DataFrame:
    if is_small:
        return frame.coalesce(1).localCheckpoint()
    held = frame.persist()
    held.count()
    return held

"""One level of the path: machines at a moment each, and their activity, judged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.spark.frames import computed, union_of
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

_MOMENTS = "machine STRING, moment_s BIGINT"
_MACHINES = """machine STRING, has_sign BOOLEAN, history_h DOUBLE, contact_s BIGINT,
    compared BIGINT"""
_PAIRS = "machine STRING, equal STRING, address STRING"
_MEMBERS = "machine STRING, address STRING"
# Times as seconds: a datetime would pass through the time zone of this process.
_SECONDS = {
    "reached_s": "unix_timestamp(reached_at)",
    "data_s": "unix_timestamp(data_at)",
}
# Rows named to the driver: with more, the first by outcome and time.
_ROWS_NAMED = 20_000


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A machine of a level: what it is, from when on it counts, and what is known of it before.

    `keys` are the values of `machine` that its rows have; the subject's is empty. `has_sign` says
    that a sign made that moment; `contact_s` is a suspicious contact from outside.
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
        return union_of(self.frames) if self.frames else None

    def add(self, conversations: DataFrame, history: History, machines: Iterable[Machine]) -> None:
        """Add what one reading found of these machines."""
        self.frames.append(conversations)
        self.history = self.history.together(history)
        self.read |= {address for each in machines for address in each.subject.addresses}


def timed(spark: SparkSession, traced: Sequence[Traced], conversations: DataFrame) -> DataFrame:
    """The conversations of these machines, each with whether it is before its machine's moment."""
    rows = [(key, each.moment_s) for each in traced for key in each.keys]
    return with_moment(conversations, spark.createDataFrame(rows, _MOMENTS))


def level_of(
    spark: SparkSession,
    hop: int,
    traced: Sequence[Traced],
    conversations: DataFrame,
    is_small: bool,
) -> Level:
    """The activity of these machines in `timed` conversations, which are of this hop."""
    with for_few_rows(spark, is_small):
        activity = computed(activity_of(conversations), is_small)
    return Level(hop=hop, traced=tuple(traced), activity=activity, is_small=is_small)


def judged(
    spark: SparkSession, level: Level, near: Near, limits: Thresholds, servers: Sequence[str] = ()
) -> DataFrame:
    """The activity of a level with its standing, by everything that has been read; computed."""
    with for_few_rows(spark, level.is_small):
        contrasts = _contrasts(spark, level, near, servers)
        return computed(with_standing(level.activity, contrasts, limits), level.is_small)


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
            machines.append((key, each.has_sign, each.history_h, each.contact_s, compared))
            for equal in seen:
                pairs += [EqualOf(key, equal.key, a) for a in equal.subject.addresses]
                members += [(key, address) for address in equal.subject.addresses]
            members += [(key, address) for address in each.machine.subject.addresses]
    frame = spark.createDataFrame(machines, _MACHINES)
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


def open_rows(judged_rows: DataFrame, unexpected: str) -> list[Any]:
    """Rows inside that are not ordinary, or of which more could be learnt; the foremost first.

    Only those that meet the condition `unexpected`.
    """
    order = (F.desc("data_after"), F.desc("reached_after"), "began_at", "peer")
    tried = judged_rows.where(is_inside()).where("attempts_after > 0").where(unexpected)
    return collected(tried.orderBy(*order))


def collected(judged_rows: DataFrame) -> list[Any]:
    """The first rows that are not ordinary, with `reached_s` and `data_s` (Unix seconds)."""
    return (
        judged_rows.where(F.col("standing") != Standing.ORDINARY.value)
        .withColumns({name: F.expr(text) for name, text in _SECONDS.items()})
        .limit(_ROWS_NAMED)
        .collect()
    )


def is_reached(row: Any) -> bool:
    """Whether the machine began it and got an answer."""
    return bool(row["initiator"] == Initiator.SUBJECT and row["reached_after"] > 0)

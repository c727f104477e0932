"""Many cases in one Spark job, through the transforms of a run; and what is wrong with the result.

Each case has addresses of its own, so that conversations and peers are told apart by them. The
verdict is then judged for each case by itself, as if coverage were FULL: the hardest test.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from tests.redteam.records import rows_of
from tests.redteam.stories import DAY_S, MIDNIGHT, Case, Talk
from transforms.conversations.build import conversations_of
from transforms.conversations.rules import Recorded, Rules
from transforms.questions.context import QuestionContext
from transforms.questions.judgement import Unseen, judge
from transforms.questions.options import QuestionOptions
from transforms.questions.verdict import DID_IT_TRY, peers_of
from transforms.schemas import FLOWS

WINDOW = Recorded(from_s=MIDNIGHT, to_s=MIDNIGHT + DAY_S)
_CASE = """CASE WHEN instr({0}, ':') > 0 THEN CAST(conv(split({0}, ':')[1], 16, 10) AS INT)
    ELSE CAST(split({0}, '[.]')[1] AS INT) * 256 + CAST(split({0}, '[.]')[2] AS INT) END"""


class Fault(NamedTuple):
    """A case that came out wrong, and how."""

    case: Case
    law: str
    found: str


class Tried(NamedTuple):
    """What came out: faults, and how often `likely` was right."""

    faults: tuple[Fault, ...]
    conversations: int
    proven: int
    likely: int
    likely_right: int


def try_cases(spark: SparkSession, cases: Sequence[Case]) -> Tried:
    """Run the cases together and compare each with its truth."""
    flows = flows_of_cases(spark, cases)
    addresses = [case.address(host) for case in cases for host in (1, 2)]
    conversations = conversations_of(flows, addresses, Rules(), recorded=WINDOW)
    conversations = conversations.coalesce(1).localCheckpoint()
    rows: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for found in conversations.select(
        F.expr(_CASE.format("subject_address")).alias("number"),
        "subject_address", "protocol", "subject_port", "peer", "peer_port", "initiator",
        "initiator_basis", "certainty", "outcome",
        F.unix_timestamp("first_at").alias("first_s"), F.unix_timestamp("last_at").alias("last_s"),
    ).collect():  # fmt: skip
        rows[found["number"]].append(found.asDict())
    figures = _figures(spark, conversations)
    faults: list[Fault] = []
    counts = [0, 0, 0]
    for case in cases:
        faults += _silences(case, figures.get(case.number, {}))
        for row in rows[case.number]:
            faults += _wrong_sides(case, row)
            began = {talk.began for talk in _matching(case, row)}
            counts[0] += row["certainty"] == "proven"
            if row["certainty"] == "likely" and "nobody" not in began:
                counts[1] += 1
                counts[2] += row["initiator"] in began
    talks = sum(len(case.talks) for case in cases)
    return Tried(tuple(faults), talks, *counts)


def flows_of_cases(spark: SparkSession, cases: Sequence[Case]) -> DataFrame:
    """The records in the shape of the table; columns that no record has skip Python."""
    rows = [row for case in cases for row in rows_of(case)]
    shape = spark.createDataFrame([], FLOWS).schema
    used = {name for row in rows for name in row}
    narrow = StructType([field for field in shape if field.name in used])
    frame = spark.createDataFrame(
        [tuple(row.get(name) for name in narrow.names) for row in rows], narrow, verifySchema=False
    )
    return frame.select(
        *(
            F.col(field.name)
            if field.name in used
            else F.lit(None).cast(field.dataType).alias(field.name)
            for field in shape
        )
    )


def _figures(spark: SparkSession, conversations: DataFrame) -> dict[int, dict[str, int]]:
    """The figures of P0-1 by case; what counts over all peers of the table is left out."""
    peers_of(conversations).createOrReplaceTempView("peers")
    known = QuestionContext.of_options(QuestionOptions()).placeholders()
    own = {name: text for name, text in DID_IT_TRY.figures.items() if "SELECT" not in text}
    summed = ", ".join(f"CAST({text} AS BIGINT) AS {name}" for name, text in own.items())
    rows = DID_IT_TRY.sql.format_map(known)
    found = spark.sql(
        f"SELECT {_CASE.format('peer')} AS number, {summed} FROM ({rows}) GROUP BY 1"
    ).collect()
    nothing = dict.fromkeys(DID_IT_TRY.figures, 0)
    figures = {
        row["number"]: {**nothing, **{name: row[name] for name in own}} for row in found
    }  # fmt: skip
    return defaultdict(lambda: nothing, figures)


def _silences(case: Case, figures: Mapping[str, int]) -> list[Fault]:
    """The law of silence: the subject began something inside, so silence is a lie."""
    nothing = dict.fromkeys(DID_IT_TRY.figures, 0)
    verdict = judge({**nothing, **figures}, Unseen("FULL", known_v4=True, known_v6=True))
    if verdict.step == "NO EVIDENCE" or not verdict.sentence:
        return [Fault(case, "silence", f"{verdict.step}: {verdict.sentence[:60]}")]
    return []


def _matching(case: Case, row: Mapping[str, Any]) -> list[Talk]:
    """The conversations that a row can be: same ends and ports, at the same time."""
    return [
        talk
        for talk in case.talks
        if (row["protocol"], row["subject_port"], row["peer_port"], row["peer"])
        == (talk.protocol, talk.subject_port, talk.peer_port, case.address(talk.peer))
        and row["first_s"] - MIDNIGHT <= talk.began_s + talk.lasts_s + 5 * talk.tries
        and row["last_s"] - MIDNIGHT >= talk.began_s
    ]


def _wrong_sides(case: Case, row: Mapping[str, Any]) -> list[Fault]:
    talks = _matching(case, row)
    began = {talk.began for talk in talks}
    if "nobody" in began and case.fields != "full":
        return []  # without flags an answer to somebody else looks like a packet of its own
    told = f"{row['initiator']} by {row['initiator_basis']}, {row['certainty']}, {row['outcome']}"
    if not talks:
        return [Fault(case, "a conversation that nobody had", told)]
    if row["certainty"] == "proven" and row["initiator"] not in began:
        return [Fault(case, "proven, but wrong", told)]
    senders = {talk.began for talk in talks} if all(talk.is_one_sided for talk in talks) else set()
    if senders == {"subject"} and row["initiator"] == "peer":
        return [Fault(case, "only the subject sent, the peer is named", told)]
    if senders == {"peer"} and row["initiator"] == "subject":
        return [Fault(case, "only the peer sent, the subject is named", told)]
    return []

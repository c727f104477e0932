"""`make scenarios`: what the answers say of days whose truth is known.

Every scenario goes through the transforms that the job uses, with the defaults of every threshold.
A question is measured by what it names: precision is the share of it that is true, recall the share
of the truth that it names, over all scenarios.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from demo.scenario import SUBJECT, SUBJECT_ENI, Scenario, account_of, network_of
from demo.scenarios import scenarios
from jobs.pipeline.answer import answer_questions
from jobs.pipeline.conversations import CaseTables
from jobs.spark.session import for_few_rows
from transforms.conversations.build import conversations_of
from transforms.conversations.rules import Recorded
from transforms.coverage.facts import records_by_slot, touches_by_minute
from transforms.coverage.judged import Coverage, judge_coverage
from transforms.coverage.slots import Delivered, by_interface, cover, slots_of
from transforms.questions.catalogue import Answer, the_one_in
from transforms.questions.context import FollowedPeers, QuestionContext
from transforms.questions.judgement import Unseen
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.question import Place
from transforms.questions.verdict import peers_of
from transforms.schemas import FLOWS

Key = tuple[object, ...]

# What an answer names, as keys that a truth can hold.
NAMED: Mapping[str, tuple[str, ...]] = {
    "P0-2": ("peer", "service_port"),
    "P0-3": ("peer", "service_port"),
    "P0-4": ("peer", "service_port"),
    "P0-5": ("kind", "target"),
    "P0-6": ("peer", "service_port"),
    "P0-7": ("peer", "service_port"),
    "P0-8": ("peer",),
    "P0-9": ("via", "peer", "service_port"),
    "P0-10": ("peer", "began"),
    "P1-11": ("peer", "service_port"),
    "P1-12": ("peer", "service_port"),
    "P1-12b": ("peer", "service_port"),
    "P1-13": ("service_port",),
    "P1-14": ("peer", "service_port"),
    "P1-15": ("service",),
    "P1-16": ("minute",),
    "P1-17": ("protocol",),
    "P2-18": ("protocol", "peer"),
    "P2-19": ("in_hour", "conversations"),
}


class Measured(NamedTuple):
    """A scenario, the verdict on it, and what each question named."""

    scenario: Scenario
    verdict: str
    coverage: str
    named: dict[str, set[Key]]


class Score(NamedTuple):
    """Of one question over all scenarios: named and true, named but not, true but not named."""

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of what was named that is true."""
        return self.hits / (self.hits + self.false) if self.hits + self.false else 1.0

    @property
    def recall(self) -> float:
        """Share of what is true that was named."""
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else 1.0


def measure(spark: SparkSession, days: Iterable[Scenario]) -> list[Measured]:
    """Every day through conversations, coverage, questions and verdict."""
    days = list(days)
    flows = _flows(spark, dict(enumerate(days))).persist()
    subjects = [network_of(number) + SUBJECT.removeprefix("10.0.") for number in range(len(days))]
    rules = Thresholds().rules()
    recorded = Recorded(days[0].window.from_s, days[0].window.to_s)
    slots = [row.asDict() for row in records_by_slot(flows, days[0].window).collect()]
    touches = [row.asDict() for row in touches_by_minute(flows).collect()]
    measured = []
    with for_few_rows(spark, is_small=True):
        made = conversations_of(flows, subjects, rules, recorded=recorded)
        conversations = made.coalesce(1).localCheckpoint()
    for number, (day, subject) in enumerate(zip(days, subjects, strict=True)):
        of_day = conversations.where(f"subject_address = '{subject}'")
        followed = [
            network_of(number) + address.removeprefix("10.0.") for address in sorted(day.followed)
        ]
        options, hops = QuestionOptions(contained_at=day.contained_at), None
        with for_few_rows(spark, is_small=True):
            if followed:
                further = _flows(spark, {number: day}, further=True)
                theirs = conversations_of(further, followed, rules, hop=2, are_several=True)
                of_day = of_day.unionByName(theirs).coalesce(1).localCheckpoint()
                own = tuple((address, address) for address in followed)
                options, hops = replace(options, hops=2), FollowedPeers(own, len(own))
            peers = peers_of(of_day).coalesce(1).localCheckpoint()
        tables = CaseTables(conversations=of_day, peers=peers, is_small=True)
        judged = _coverage(
            day,
            [row for row in slots if row["account_id"] == account_of(number)],
            [row for row in touches if row["account_id"] == account_of(number)],
        )
        context = QuestionContext(
            options=options,
            thresholds=options.thresholds,
            followed=hops,
            coverage=judged,
            unseen=Unseen(known_v4=True),
        )
        answers = answer_questions(spark, tables=tables, context=context)
        verdict = the_one_in(answers, Place.HEADLINE).verdict
        measured.append(Measured(day, verdict, judged.verdict, _named(answers, number)))
    flows.unpersist()
    return measured


def _flows(
    spark: SparkSession, days: Mapping[int, Scenario], *, further: bool = False
) -> DataFrame:
    """Days, by number, in the shape of the table; columns that no row has skip Python."""
    shape = spark.createDataFrame([], FLOWS).schema
    used = sorted({name for day in days.values() for row in day.rows for name in row})
    rows = [
        row for number, day in days.items() for row in day.as_tuples(number, used, further=further)
    ]
    narrow = StructType([shape[name] for name in used])
    frame = spark.createDataFrame(rows, narrow, verifySchema=False).coalesce(1)
    return frame.select(
        *(
            F.col(field.name)
            if field.name in used
            else F.lit(None).cast(field.dataType).alias(field.name)
            for field in shape
        )
    )


def _coverage(
    day: Scenario, slots: list[dict[str, Any]], touches: list[dict[str, Any]]
) -> Coverage:
    flow_log = (slots[0]["account_id"], slots[0]["region"], slots[0]["flow_log_id"])
    delivered = Delivered({flow_log: frozenset(slots_of(day.window))})
    found, _ = cover(slots, touches, delivered, [SUBJECT_ENI], day.window)
    return judge_coverage(by_interface(found))


def _named(answers: Iterable[Answer], number: int) -> dict[str, set[Key]]:
    def own(value: object) -> object:
        text = str(value)
        is_inside = isinstance(value, str) and text.startswith(network_of(number))
        return "10.0." + text.removeprefix(network_of(number)) if is_inside else value

    named: dict[str, set[Key]] = {}
    for answer in answers:
        for row in answer.rows:
            if answer.question.id not in NAMED or not _counts(answer, row):
                continue
            row = {
                **row,
                "target": row.get("peer", row.get("service_port")),
                "minute": str(row.get("first_at"))[:16],
                "in_hour": str(row.get("hour"))[:13],
            }
            key = tuple(own(row[name]) for name in NAMED[answer.question.id])
            named.setdefault(answer.question.id, set()).add(key)
    return named


def _counts(answer: Answer, row: Mapping[str, object]) -> bool:
    """Some answers list more than they claim: hours below a threshold, regular callers inbound,
    later signs.
    """
    if answer.question.id == "P0-8":
        return int(str(row["payload_out"])) > int(answer.parameters["transfer_bytes"])
    if answer.question.id == "P1-16":
        return row is answer.rows[0]
    return answer.question.id != "P1-12" or row["initiator"] == "subject"


def scores(measured: Iterable[Measured]) -> dict[str, Score]:
    """By question."""
    found = {question: [0, 0, 0] for question in NAMED}
    for day in measured:
        for question, counts in found.items():
            named = day.named.get(question, set())
            true = day.scenario.truth.get(question, set())
            for at, keys in enumerate((named & true, named - true, true - named)):
                counts[at] += len(keys)
    return {question: Score(*counts) for question, counts in found.items()}


def table_of_verdicts(measured: Iterable[Measured]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["| scenario | coverage | verdict expected | verdict got |", "|---|---|---|---|"]
    for day in measured:
        lines.append(
            f"| {day.scenario.name} | {day.coverage} | {day.scenario.verdict} | {day.verdict} |"
        )
    return lines


def table_of_scores(found: Mapping[str, Score]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [
        "| question | named and true | named, not true | true, not named | precision | recall |"
    ]
    lines.append("|---|---|---|---|---|---|")
    for question, score in found.items():
        lines.append(
            f"| {question} | {score.hits} | {score.false} | {score.missed} "
            f"| {score.precision:.2f} | {score.recall:.2f} |"
        )
    return lines


def main() -> int:
    """Print both tables, and what was named wrongly or not at all."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", 1)
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    measured = measure(spark, scenarios())
    print("\n".join(table_of_verdicts(measured)), end="\n\n")
    print("\n".join(table_of_scores(scores(measured))))
    for day in measured:
        for question in NAMED:
            named, true = day.named.get(question, set()), day.scenario.truth.get(question, set())
            for word, keys in (("not true", named - true), ("not named", true - named)):
                if keys:
                    shown = ", ".join(map(str, sorted(keys, key=repr)[:5]))
                    print(f"{day.scenario.name}: {question} {word}: {shown}")
    spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`make scenarios`: what the answers say of days whose truth is known.

Every scenario goes through the transforms that the job uses, with the defaults of every threshold.
A question is measured by what it names: precision is the share of it that is true, recall the share
of the truth that it names, over all scenarios.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from demo.scenario import SUBJECT, SUBJECT_ENI, VPC, Row, Scenario, account_of, network_of
from demo.scenarios import scenarios
from jobs.pipeline.answer import answer_questions
from jobs.pipeline.conversations import CaseTables
from jobs.pipeline.first_sign import first_sign_in
from jobs.pipeline.levels import Start
from jobs.pipeline.path import follow
from jobs.spark.frames import computed
from jobs.spark.session import for_few_rows
from transforms.conversations.build import conversations_of
from transforms.conversations.rules import Recorded
from transforms.coverage.facts import records_by_slot, touches_by_minute
from transforms.coverage.judged import Coverage, judge_coverage
from transforms.coverage.slots import Delivered, by_interface, cover, slots_of
from transforms.label.tables import LabelTables
from transforms.questions.catalogue import Answer, the_one_in
from transforms.questions.context import QuestionContext
from transforms.questions.judgement import Unseen
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.question import Place
from transforms.questions.verdict import peers_of
from transforms.schemas import FLOWS
from transforms.standing.history import History
from transforms.standing.path import PATH, path_row
from transforms.subject.identity import Part, subject_of
from transforms.subject.machines import Machine
from transforms.vocabulary import is_inside

RULES = Thresholds().rules()
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
    "P0-9": ("from_address", "peer", "service_port"),
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
    """A scenario, the verdict on it, what each question named, and what was judged how.

    `standings` are those of what the subject began inside, by peer and port; `path` are its steps:
    hop, from, to, port.
    """

    scenario: Scenario
    verdict: str
    sentence: str
    coverage: str
    named: dict[str, set[Key]]
    standings: dict[Key, str]
    path: set[Key]


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
    """Every day through conversations, path, coverage, questions and verdict."""
    days = list(days)
    flows = _flows(spark, {n: (day, day.rows) for n, day in enumerate(days)}).persist()
    subjects = [_placed(SUBJECT, number) for number in range(len(days))]
    window = days[0].window
    of_window = flows.where(F.col("end") >= window.from_s)
    slots = [row.asDict() for row in records_by_slot(of_window, window).collect()]
    touches = [row.asDict() for row in touches_by_minute(of_window).collect()]
    with for_few_rows(spark, is_small=True):
        made = conversations_of(
            flows, subjects, RULES, recorded=Recorded(window.from_s, window.to_s)
        )
        conversations = computed(made, is_small=True)
    measured = []
    for number, day in enumerate(days):
        of_day = conversations.where(F.col("subject_address") == subjects[number])
        is_of_day = F.unix_timestamp("first_at") >= window.from_s
        judged = _coverage(
            day,
            [row for row in slots if row["account_id"] == account_of(number)],
            [row for row in touches if row["account_id"] == account_of(number)],
        )
        context = QuestionContext(
            options=QuestionOptions(contained_at=day.contained_at),
            thresholds=Thresholds(),
            coverage=judged,
            unseen=Unseen(known_v4=True),
        )
        before = of_day.where(~is_of_day) if day.days_before else None
        measured.append(_measure(spark, number, day, of_day.where(is_of_day), before, context))
    flows.unpersist()
    return measured


def _measure(
    spark: SparkSession, number: int, day: Scenario, conversations: DataFrame,
    before: DataFrame | None, context: QuestionContext,
) -> Measured:  # fmt: skip
    """One day, as the job does it once the flows are read."""
    known = peers_of(before) if before is not None else None
    sign = first_sign_in(spark, conversations, context, known)

    def read(_: int, machines: Sequence[Machine]) -> tuple[DataFrame, History]:
        placed = [address for each in machines for address in each.subject.addresses]
        own = ["10.0." + address.removeprefix(network_of(number)) for address in placed]
        rows = day.rows_of(own)
        frame = conversations_of(
            _flows(spark, {number: (day, rows)}), placed, RULES, are_several=True
        )
        return computed(frame, is_small=True), _history(rows)

    moment_s = day.window.from_s if sign.at_s is None else sign.at_s
    address = _placed(SUBJECT, number)
    start = Start(
        subject=subject_of((), [VPC], [Part(SUBJECT_ENI, address, None, None, "labels")],
                           LabelTables()),
        name=day.names.get(SUBJECT),
        conversations=conversations,
        before=before,
        from_s=day.window.from_s,
        moment_s=moment_s,
        has_sign=sign.at_s is not None,
        contact_s=sign.contact_s,
        history_h=_history(day.rows).hours_before([SUBJECT_ENI], moment_s),
        is_small=True,
    )  # fmt: skip
    span = (day.window.from_s, day.window.to_s)
    with for_few_rows(spark, is_small=True):
        path = follow(
            spark, start, day.labels(number), span, context.options, context.thresholds, read
        )
        found = computed(path.conversations, is_small=True)
        peers = computed(peers_of(found, known, path.judged), is_small=True)
    steps = spark.createDataFrame([path_row(step, "") for step in path.steps], PATH)
    tables = CaseTables(conversations=found, peers=peers, path=steps, is_small=True)
    known_now = replace(context, followed=path.followed, first_sign=sign.at)
    answers = answer_questions(spark, tables=tables, context=known_now)
    headline = the_one_in(answers, Place.HEADLINE)
    ranks: dict[Key, str] = {
        (_own(row["peer"], number), row["service_port"]): row["standing"]
        for row in peers.where("hop = 1 AND initiator = 'subject'").where(is_inside()).collect()
    }
    walked: set[Key] = {
        (step.hop, _own(step.from_address, number) or SUBJECT, _own(step.to_address, number),
         step.service_port)
        for step in path.steps
    }  # fmt: skip
    coverage = context.coverage.verdict if context.coverage else ""
    named = _named(answers, number)
    return Measured(day, headline.verdict, headline.sentence, coverage, named, ranks, walked)


def _placed(address: str, number: int) -> str:
    return network_of(number) + address.removeprefix("10.0.")


def _history(rows: Iterable[Row]) -> History:
    """Minutes with a record of each interface, counted row by row."""
    slots = {
        (row["interface_id"], int(str(row["start"])) // 300)
        for row in rows
        if row["role"] == "own_interface" and row.get("log_status") != "SKIPDATA"
    }
    hours = Counter((interface, slot // 12 * 3_600) for interface, slot in slots)
    return History(
        {"interface_id": interface, "hour_s": hour, "seconds": 300 * count}
        for (interface, hour), count in hours.items()
    )


def _flows(spark: SparkSession, days: Mapping[int, tuple[Scenario, Sequence[Row]]]) -> DataFrame:
    """Rows of days, by number, in the shape of the table; columns that no row has skip Python."""
    shape = spark.createDataFrame([], FLOWS).schema
    used = sorted({name for _, rows in days.values() for row in rows for name in row})
    rows = [
        row for number, (day, of_day) in days.items() for row in day.as_tuples(number, used, of_day)
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
            key = tuple(_own(row[name], number) for name in NAMED[answer.question.id])
            named.setdefault(answer.question.id, set()).add(key)
    return named


def _own(value: object, number: int) -> object:
    """An address as the scenario has it."""
    text = str(value)
    is_placed = isinstance(value, str) and text.startswith(network_of(number))
    return "10.0." + text.removeprefix(network_of(number)) if is_placed else value


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
        if not day.scenario.scored:
            continue
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


def table_of_standings(measured: Iterable[Measured]) -> list[str]:
    """Lines of a Markdown table: days with ordinary machines, and what of them was suspicious."""
    lines = [
        "| scenario | verdict | attack rows | not ordinary | precision | recall | path |",
        "|---|---|---|---|---|---|---|",
    ]
    for day in measured:
        if not day.scenario.names:
            continue
        attack = day.scenario.attack
        found = {key for key, standing in day.standings.items() if standing != "ordinary"}
        hits = len(found & attack)
        is_right = "as it was" if day.path == day.scenario.path else "NOT as it was"
        lines.append(
            f"| {day.scenario.name} | {day.verdict} | {len(attack)} | {len(found)} "
            f"| {hits / len(found) if found else 1:.2f} "
            f"| {hits / len(attack) if attack else 1:.2f} | {is_right} |"
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
    print("\n".join(["", *table_of_standings(measured), ""]))
    for day in measured:
        if day.path != day.scenario.path:
            print(f"{day.scenario.name}: path {sorted(day.path, key=repr)}, "
                  f"true {sorted(day.scenario.path, key=repr)}")  # fmt: skip
        for question in NAMED if day.scenario.scored else ():
            named, true = day.named.get(question, set()), day.scenario.truth.get(question, set())
            for word, keys in (("not true", named - true), ("not named", true - named)):
                if keys:
                    shown = ", ".join(map(str, sorted(keys, key=repr)[:5]))
                    print(f"{day.scenario.name}: {question} {word}: {shown}")
    spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Answers come from the frames that are handed in, and leave nothing behind."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.cli.arguments import parse_arguments
from jobs.pipeline.answer import answer_questions
from jobs.pipeline.case import Case
from jobs.pipeline.conversations import CaseTables
from jobs.sources.listing import Listing
from jobs.spark.frames import computed
from tests.support.flow_rows import S, back, flows_of, out
from transforms.conversations.build import conversations_of
from transforms.conversations.rules import Rules
from transforms.coverage.judged import Coverage
from transforms.label.tables import LabelTables
from transforms.questions.catalogue import QUESTIONS
from transforms.questions.context import QuestionContext
from transforms.questions.judgement import Unseen
from transforms.questions.options import QuestionOptions
from transforms.questions.verdict import peers_of
from transforms.standing.path import PATH
from transforms.subject.identity import resolve_subject
from transforms.vocabulary import Reading

REASONS: dict[str, tuple[str, ...]] = {"FULL": (), "PARTIAL": ("a minute is lost",)}


def tables_of(spark: SparkSession, *rows: dict[str, object]) -> CaseTables:
    made = conversations_of(flows_of(spark, rows), [S], Rules())
    conversations = computed(made, is_small=True)  # as the job does: planned once
    peers = computed(peers_of(conversations), is_small=True)
    path = spark.createDataFrame([], PATH)
    return CaseTables(conversations=conversations, peers=peers, path=path, is_small=True)


def context_of(verdict: str) -> QuestionContext:
    return dataclasses.replace(
        QuestionContext.of_options(QuestionOptions()),
        coverage=Coverage(verdict, REASONS[verdict], {}),  # type: ignore[arg-type]
        unseen=Unseen(known_v4=True),
    )


def test_every_question_is_answered_from_frames_and_no_view_stays(spark: SparkSession) -> None:
    before = {table.name for table in spark.catalog.listTables()}
    tables = tables_of(spark, out(), back())

    answers = answer_questions(spark, tables=tables, context=context_of("FULL"))

    assert [answer.question.id for answer in answers] == [each.id for each in QUESTIONS]
    by_slug = {answer.question.slug: answer for answer in answers}
    assert by_slug["did_it_try"].verdict == "ANSWERED"
    assert by_slug["services_tried"].rows[0]["service_port"] == 22
    assert by_slug["spread"].verdict == "not asked"
    assert by_slug["spread"].figures == dict.fromkeys(
        ("machines", "services", "targets", "with_data", "outside", "most_hops"), 0
    )
    assert {table.name for table in spark.catalog.listTables()} <= before


@pytest.mark.parametrize(
    ("coverage", "verdict"), [("FULL", "NO EVIDENCE"), ("PARTIAL", "CANNOT TELL")]
)
def test_silence_is_told_by_the_coverage_that_is_handed_in(
    spark: SparkSession, coverage: str, verdict: str
) -> None:
    outside = out(dstaddr="198.51.100.1", dst_ring="internet")

    answers = answer_questions(
        spark, tables=tables_of(spark, outside), context=context_of(coverage)
    )

    assert answers[0].verdict == verdict


def test_a_case_is_input_that_nothing_changes(tmp_path: Path) -> None:
    arguments = parse_arguments(
        ["--flow_logs", "logs", "--case_id", "case-1", "--output", str(tmp_path), "--addresses", S,
         "--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T01:00:00Z"]
    )  # fmt: skip
    labels = LabelTables()
    case = Case(
        arguments=arguments,
        prefixes=("logs",),
        labels=labels,
        subject=resolve_subject((), (), (S,), None, labels),
        listing=Listing((), ()),
        run_id="r",
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
    )

    for name in ("subject", "listing", "finding"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(case, name, None)
    assert case.table("flows") == f"{tmp_path}/case-1/flows"
    assert case.table("flows", Reading.BASELINE) == f"{tmp_path}/case-1/baseline/flows"

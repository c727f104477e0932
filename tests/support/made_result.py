"""What a run found out, made by hand: a few rows of answers, steps of a path, no Spark."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from jobs.cli.arguments import parse_arguments
from jobs.pipeline.books import Books
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import CaseCoverage
from jobs.pipeline.result import Investigation, RunResult
from jobs.sources.findings import FindingFile
from jobs.sources.listing import Listing
from transforms.coverage.judged import Coverage
from transforms.finding.read import read_finding
from transforms.label.tables import LabelTables
from transforms.questions.catalogue import QUESTIONS, Answer, answers_of
from transforms.questions.context import QuestionContext
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.silence import weighed
from transforms.standing.path import Followed, PathStep
from transforms.story import tell_story
from transforms.subject.identity import Holding, Subject
from transforms.vocabulary import Reading

INSTANCE, RUN = "i-0839de4aa2b2f82cb", "20261128t115628z-d8e0"
Row = Mapping[str, object]
# Slug of a question → figures that are not zero, and rows.
Found = Mapping[str, tuple[Mapping[str, int], Sequence[Row]]]

FULL = Coverage("FULL", (), {"slots": 288, "seen": 288, "nodata": 0, "interfaces": 1})
NONE = Coverage(
    "NONE", ("no record of eni-9086b4ee9d767242d in any of 288 slots",),
    {"slots": 288, "seen": 0, "nodata": 0, "interfaces": 1},
)  # fmt: skip


def made_result(
    found: Found,
    *,
    steps: Sequence[PathStep] = (),
    name: str = "web-3",
    finding: bytes | None = None,
    coverage: CaseCoverage | None = None,
    first_sign: datetime | None = None,
    to: str = "2026-11-24T00:00:00Z",
    case_id: str = "case",
) -> RunResult:
    """The result of a run that found these rows, for the machine of this name."""
    subject = Subject(
        (INSTANCE,), ("vpc-8d9001d32c6a703d9",), ("eni-9086b4ee9d767242d",),
        (Holding("10.20.1.13", None, None, ()),),
    )  # fmt: skip
    case = _case(subject, name, finding, to, case_id)
    seen = coverage or CaseCoverage(FULL, (), (), ())
    context = QuestionContext(
        options=QuestionOptions(), thresholds=Thresholds(), followed=Followed(),
        first_sign=first_sign, coverage=seen.judged,
    )  # fmt: skip
    answers = made_answers(context, found)
    books = {Reading.WINDOW: made_books()}
    return RunResult(
        case=case,
        subject=subject,
        was_scanned_twice=False,
        investigation=Investigation(
            context=context, coverage=seen, answers=answers, steps=tuple(steps),
            story=tell_story(name, answers, steps), books={},
        ),
        claims=(),
        indexed=None,
        books=books,
    )  # fmt: skip


def made_answers(context: QuestionContext, found: Found) -> tuple[Answer, ...]:
    """The answers to all questions, of rows by the question's slug."""
    rows: dict[str, Mapping[str, object]] = {}
    for question in QUESTIONS:
        figures, details = found.get(question.slug, ({}, ()))
        rows[question.id] = {
            "figures": {**dict.fromkeys(question.figures, 0), **figures},
            "details": [json.dumps(row) for row in details],
        }
    answers = answers_of(context, rows)
    assert context.coverage is not None
    return tuple(weighed(answer, context.coverage) for answer in answers)


def made_books(**counts: int) -> Books:
    """Books in which every count is zero but these."""
    zeros: dict[str, Any] = {each.name: 0 for each in fields(Books)}
    return Books(**{**zeros, "documents": None, **counts})


def _case(subject: Subject, name: str, finding: bytes | None, to: str, case_id: str) -> Case:
    flags = ["--flow_logs", "logs", "--instance_id", INSTANCE, "--from", "2026-11-23T00:00:00Z"]
    flags += ["--to", to, "--case_id", case_id, "--output", "out"]
    return Case(
        arguments=parse_arguments(flags),
        prefixes=("logs",),
        labels=LabelTables(),
        subject=subject,
        listing=Listing((), ()),
        run_id=RUN,
        started_at=datetime(2026, 11, 28, 11, 56, 28, tzinfo=UTC),
        finding=FindingFile("finding.json", finding, read_finding(finding)) if finding else None,
        instance_names={INSTANCE: name} if name else {},
    )

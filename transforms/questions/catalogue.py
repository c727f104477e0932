"""The questions of an investigation, and their answers as rows of `schemas.ANSWERS`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from transforms.network.service_classes import SERVICE_CLASSES_VERSION
from transforms.questions.activity import AFTER_CONTAINMENT, HOURS, ODD_PROTOCOLS
from transforms.questions.attempts import (
    BLOCKED,
    OPENED_LATER,
    SERVICES_TRIED,
    TARGETS_THAT_MATTER,
)
from transforms.questions.channels import CHANNELS, LONG_SESSIONS, REGULAR_CALLS
from transforms.questions.context import QuestionContext
from transforms.questions.inbound import ENTRY, LISTENING_PORTS, SOURCES
from transforms.questions.novelty import NEW_SERVICES
from transforms.questions.outbound import AWS_SERVICES, OUTSIDE_ADDRESSES, RESOLVERS, VOLUME
from transforms.questions.question import QUESTIONS_VERSION, Figures, Place, Question, Rows
from transforms.questions.scans import FIRST_SIGN, SCANS, SWEEPS
from transforms.questions.spread import SPREAD
from transforms.questions.verdict import DID_IT_TRY

# In the order of an investigation.
QUESTIONS: tuple[Question, ...] = (
    DID_IT_TRY, SERVICES_TRIED, NEW_SERVICES, TARGETS_THAT_MATTER, BLOCKED, SCANS, SOURCES, ENTRY,
    OUTSIDE_ADDRESSES, VOLUME, SPREAD, AFTER_CONTAINMENT, OPENED_LATER, REGULAR_CALLS,
    CHANNELS, LONG_SESSIONS, LISTENING_PORTS, RESOLVERS, AWS_SERVICES, FIRST_SIGN,
    SWEEPS, ODD_PROTOCOLS, HOURS,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A question, answered. The figures count every row, `rows` holds the first ones."""

    question: Question
    verdict: str
    sentence: str
    figures: Figures
    rows: Rows
    source: str
    rule: str
    parameters: Mapping[str, str]


def questions_in(context: QuestionContext) -> tuple[Question, ...]:
    """Those that are asked."""
    return tuple(question for question in QUESTIONS if question.is_asked(context))


def answers_of(
    context: QuestionContext, found: Mapping[str, Mapping[str, object]]
) -> tuple[Answer, ...]:
    """Answers to all questions from the rows of `answer_sql`, by the id of their question."""
    return tuple(_answer(question, context, found.get(question.id)) for question in QUESTIONS)


def _answer(
    question: Question, context: QuestionContext, found: Mapping[str, object] | None
) -> Answer:
    figures: Figures = dict.fromkeys(question.figures, 0)
    rows: Rows = ()
    if found is not None:
        counted, details = found["figures"], found["details"]
        assert isinstance(counted, Mapping)
        assert isinstance(details, Sequence)
        figures, rows = dict(counted), tuple(json.loads(text) for text in details)
    told = question.tell(context, figures, rows)
    return Answer(
        question=question,
        verdict=told.verdict,
        sentence=told.sentence,
        figures=figures,
        rows=rows,
        source=question.source(context),
        rule=f"{question.rule} (rules {QUESTIONS_VERSION})",
        parameters=_parameters(question, context),
    )


def _parameters(question: Question, context: QuestionContext) -> dict[str, str]:
    """The thresholds and options that the question declares, as they were in this run."""
    parameters = {name: str(getattr(context.thresholds, name)) for name in question.thresholds}
    expected = context.options.expected_peers
    if expected and question.names_used & {"attempts", "unexpected"}:
        parameters["expected_peers"] = ", ".join(each.text for each in expected)
    for name in question.options:
        if value := getattr(context.options, name):
            parameters[name] = value.isoformat() if isinstance(value, datetime) else str(value)
    if "service_class" in question.sql:
        parameters["service_classes_version"] = SERVICE_CLASSES_VERSION
    return parameters


def answer_row(answer: Answer, run_id: str) -> tuple[object, ...]:
    """A row of `schemas.ANSWERS`."""
    details = [json.dumps(row, sort_keys=True) for row in answer.rows]
    return (
        answer.question.id, answer.question.title, answer.verdict, answer.sentence, answer.figures,
        details, answer.source, answer.rule, answer.parameters, run_id,
    )  # fmt: skip


def shown_in(answers: Sequence[Answer], place: Place) -> tuple[Answer, ...]:
    """The answers that a place shows, in the order of an investigation."""
    return tuple(answer for answer in answers if place in answer.question.places)


def the_one_in(answers: Sequence[Answer], place: Place) -> Answer:
    """The answer of a place that shows exactly one."""
    (answer,) = shown_in(answers, place)
    return answer

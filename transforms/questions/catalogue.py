"""The questions of an investigation, and their answers as rows of `schemas.ANSWERS`."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from transforms.network.service_classes import SERVICE_CLASSES_VERSION
from transforms.questions.attempts import (
    first_abnormal_minute,
    ping_sweep,
    rejected_then_accepted,
    targets_that_matter,
    was_it_scanning,
    what_was_blocked,
    who_what_when,
)
from transforms.questions.beyond import never_seen_before, second_hop
from transforms.questions.question import QUESTIONS_VERSION, Asked, Question
from transforms.questions.traffic import (
    after_containment,
    aws_services,
    how_much_left,
    listening_ports,
    long_sessions,
    odd_protocols,
    other_resolvers,
    outside_addresses,
    regular_callers,
    rhythm,
    who_came_in,
)
from transforms.questions.verdict import did_it_try

_ALL = (
    did_it_try, who_what_when, never_seen_before, targets_that_matter, what_was_blocked,
    was_it_scanning, who_came_in, outside_addresses, how_much_left, second_hop, after_containment,
    rejected_then_accepted, regular_callers, long_sessions, listening_ports, other_resolvers,
    aws_services, first_abnormal_minute, ping_sweep, odd_protocols, rhythm,
)  # fmt: skip


class Answer(NamedTuple):
    """A question, answered; rows are as in the table: named ones only, figures count all."""

    question: str
    title: str
    verdict: str
    sentence: str
    figures: dict[str, int]
    rows: tuple[dict[str, object], ...]
    source: str
    rule: str
    parameters: dict[str, str]


def questions(asked: Asked) -> tuple[Question, ...]:
    """Every question, in the order of an investigation."""
    return tuple(make(asked) for make in _ALL)


def answers_of(asked: Asked, found: Mapping[str, Mapping[str, object]]) -> tuple[Answer, ...]:
    """Answers from what `question.all_answers` gave, by question."""
    return tuple(
        _answer(question, asked, found[question.question]) for question in questions(asked)
    )


def _answer(question: Question, asked: Asked, found: Mapping[str, object]) -> Answer:
    figures, details = found["figures"], found["details"]
    assert isinstance(figures, Mapping)
    assert isinstance(details, Sequence)
    rows = tuple(json.loads(text) for text in details)
    verdict, sentence = question.tell(figures, rows)
    parameters = {name: str(getattr(asked.thresholds, name)) for name in question.thresholds}
    if asked.expected_peers and asked.unexpected() in question.rows:
        parameters["expected_peers"] = ", ".join(asked.expected_peers)
    if question.question == "P0-10" and asked.contained_at:
        parameters["contained_at"] = asked.contained_at.isoformat()
    if question.question == "P0-2b" and asked.baseline_days:
        parameters["baseline_days"] = str(asked.baseline_days)
    if question.question == "P0-9":
        parameters |= {"hops": str(asked.hops), "max_peers": str(asked.max_peers)}
    if "service_class" in question.source:
        parameters["service_classes_version"] = SERVICE_CLASSES_VERSION
    rule = f"{question.rule} (rules {QUESTIONS_VERSION})"
    return Answer(
        question.question, question.title, verdict, sentence, dict(figures), rows,
        question.source, rule, parameters,
    )  # fmt: skip


def answer_row(answer: Answer, run_id: str) -> tuple[object, ...]:
    """A row of `schemas.ANSWERS`."""
    details = [json.dumps(row, sort_keys=True) for row in answer.rows]
    return (
        answer.question, answer.title, answer.verdict, answer.sentence, answer.figures, details,
        answer.source, answer.rule, answer.parameters, run_id,
    )  # fmt: skip

"""Rows come as JSON without what is unknown: where nobody knows who began, no port serves."""

from dataclasses import replace

import pytest

from transforms.questions.catalogue import QUESTIONS
from transforms.questions.context import Baseline, QuestionContext
from transforms.questions.options import QuestionOptions

BASELINE = Baseline(
    asked_days=14, first_s=1, days=14, services=5, later_services=1, is_enough=True
)  # fmt: skip
CONTEXT = replace(QuestionContext.of_options(QuestionOptions()), baseline=BASELINE)
AT = "2026-11-23T02:00:00.000Z"
FIGURES = {"services": 1, "inside": 0, "peers_inside": 0, "sessions": 1}
UNKNOWN = {"peer": "10.0.0.9", "initiator": "unknown", "first_at": AT, "seconds": 7200}


@pytest.mark.parametrize(
    ("question_id", "cells", "expected"),
    [
        (
            "P0-2b",
            {},
            "mainly 10.0.0.9 at ports of which none is known to serve, and nobody knows who began, "
            "at 2026-11-23 02:00:00 UTC.",
        ),
        (
            "P0-2b",
            {"initiator": "peer", "service_port": 22},
            "mainly 10.0.0.9 at port 22, begun by the peer at 2026-11-23 02:00:00 UTC.",
        ),
        (
            "P1-12b",
            {},
            "with 10.0.0.9 at ports of which none is known to serve from 2026-11-23 02:00:00 UTC, "
            "and nobody knows who began.",
        ),
        (
            "P1-12b",
            {"initiator": "subject", "service_port": 443},
            "with 10.0.0.9 at port 443 from 2026-11-23 02:00:00 UTC, begun by the subject.",
        ),
    ],
)
def test_a_row_of_which_nobody_knows_who_began_is_told(
    question_id: str, cells: dict[str, object], expected: str
) -> None:
    (question,) = (each for each in QUESTIONS if each.id == question_id)

    told = question.tell(CONTEXT, FIGURES, [{**UNKNOWN, **cells}])

    assert told.sentence.endswith(expected)

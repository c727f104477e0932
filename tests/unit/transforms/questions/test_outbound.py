"""What went outside, told of rows as they come from the tables: unknown cells are left out."""

from transforms.questions.catalogue import QUESTIONS
from transforms.questions.context import QuestionContext
from transforms.questions.options import QuestionOptions

CONTEXT = QuestionContext.of_options(QuestionOptions())
FIRST = {"peer": "192.0.2.77", "service_port": 443, "first_at": "2026-11-23T02:00:00.000Z",
         "hour": "2026-11-23T02:00:00.000Z"}  # fmt: skip
FIGURES = {"peers": 2, "private_unknown": 0, "payload_out": 900, "payload_in": 80, "unrecorded": 1}


def test_a_volume_that_is_not_recorded_is_no_zero() -> None:
    told = {
        question.id: question.tell(CONTEXT, FIGURES, [FIRST])
        for question in QUESTIONS
        if question.id in ("P0-7", "P0-8")
    }

    assert [each.sentence for each in told.values()] == [
        "The subject began with 2 addresses outside; most went to 192.0.2.77 at port 443: a volume "
        "that is not recorded from 2026-11-23 02:00:00 UTC.",
        "At most 900 bytes went outside to 2 addresses (80 bytes came in); most to 192.0.2.77 in "
        "the hour from 2026-11-23 02:00:00 UTC: a volume that is not recorded; the volume of 1 "
        "conversation is not recorded.",
    ]

"""How the subject may have been entered, as a sentence."""

from transforms.questions.context import QuestionContext
from transforms.questions.inbound import ENTRY
from transforms.questions.options import QuestionOptions


def test_the_sentence_names_the_longest_session_with_its_time() -> None:
    row = {
        "peer": "198.51.100.23", "service_port": 22, "tries": 421, "longest_s": 18_000,
        "first_at": "2026-11-23T02:10:02.000Z", "longest_at": "2026-11-23T02:39:32.000Z",
    }  # fmt: skip

    told = ENTRY.tell(QuestionContext.of_options(QuestionOptions()), {"clients": 1}, [row])

    assert told.sentence == (
        "198.51.100.23 at port 22: 421 conversations from 2026-11-23 02:10:02 UTC, the longest "
        "session, of 5.0 h, began 2026-11-23 02:39:32 UTC."
    )

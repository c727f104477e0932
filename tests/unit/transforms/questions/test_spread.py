"""What is said of machines that were followed and led nowhere, by what is known of them."""

import pytest

from transforms.questions.context import QuestionContext
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.spread import SPREAD
from transforms.standing.path import Followed


@pytest.mark.parametrize(
    ("machines", "unlogged", "without_history", "left_out", "headline", "sentence"),
    [
        (2, 0, 0, 0, "no", "2 machines were followed"),
        (2, 0, 0, 3, "cannot tell", "2 machines were followed, 3 more were not"),
        (1, 1, 1, 0, "cannot tell",
         "1 machine was followed; it has no record of an interface of its own, so what it did "
         "shows only where the other end has one; too little is known of it from before"),
        (3, 1, 2, 0, "cannot tell",
         "3 machines were followed; 1 of them has no record of an interface of its own, so what it "
         "did shows only where the other end has one; too little is known of 2 of them from "
         "before"),
        (3, 2, 0, 0, "cannot tell",
         "3 machines were followed; 2 of them have no record of an interface of their own, so what "
         "they did shows only where the other end has one"),
    ],
)  # fmt: skip
def test_without_a_further_step_it_is_said_what_was_not_seen(
    machines: int, unlogged: int, without_history: int, left_out: int, headline: str, sentence: str
) -> None:
    followed = Followed(
        machines=machines,
        unlogged=("10.0.0.8",) * unlogged,
        without_history=("10.0.0.9",) * without_history,
        left_out=left_out,
        ended="no further machine was reached",
    )
    context = QuestionContext(options=QuestionOptions(), thresholds=Thresholds(), followed=followed)

    told = SPREAD.tell(context, {}, [])

    assert told.verdict == headline
    assert told.sentence == f"No further step was seen: {sentence}; no further machine was reached."

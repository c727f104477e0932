"""What the questions declare: every place is covered, all that a question uses is printed."""

import dataclasses
from collections import Counter

import pytest

from transforms.questions.catalogue import QUESTIONS
from transforms.questions.context import QuestionContext
from transforms.questions.expected import ExpectedPeer
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.question import SINGLE_PLACES, Place, Question

each_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)


def test_no_id_or_slug_is_given_twice() -> None:
    for names in (
        [question.id for question in QUESTIONS],
        [question.slug for question in QUESTIONS],
    ):
        assert [name for name, times in Counter(names).items() if times > 1] == []


@pytest.mark.parametrize("place", Place, ids=lambda place: place.name)
def test_every_place_shows_a_question_and_some_exactly_one(place: Place) -> None:
    shown = [question.id for question in QUESTIONS if place in question.places]

    assert shown
    if place in SINGLE_PLACES:
        assert len(shown) == 1


def test_the_report_has_key_figures_to_show() -> None:
    assert [question.id for question in QUESTIONS if question.key_figures]


@each_question
def test_a_key_figure_is_a_figure_of_its_question(question: Question) -> None:
    assert {key.figure for key in question.key_figures} <= set(question.figures)


@each_question
def test_every_threshold_that_its_sql_uses_is_printed(question: Question) -> None:
    assert question.names_used & set(Thresholds._fields) <= set(question.thresholds)
    assert set(question.thresholds) <= set(Thresholds._fields)


@each_question
def test_every_option_that_it_prints_is_one(question: Question) -> None:
    options = {field.name for field in dataclasses.fields(QuestionOptions)}

    assert set(question.options) <= options
    assert question.names_used & options <= set(question.options)


@each_question
def test_its_sql_names_only_what_a_context_can_fill_in(question: Question) -> None:
    known = QuestionContext.of_options(QuestionOptions()).placeholders()

    assert question.names_used <= set(known)


@each_question
def test_a_question_that_is_not_asked_tells_so_without_rows(question: Question) -> None:
    context = QuestionContext.of_options(QuestionOptions())
    told = question.tell(context, dict.fromkeys(question.figures, 0), ())

    assert (told.verdict == "not asked") == (not question.is_asked(context))


def test_options_and_context_are_input_that_nothing_changes() -> None:
    options = QuestionOptions()
    for value in (options, QuestionContext.of_options(options), QUESTIONS[0]):
        name = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)


def test_an_address_that_is_more_than_one_never_becomes_sql() -> None:
    options = QuestionOptions(
        expected_peers=(ExpectedPeer("x", addresses=("fe80::1%') OR ('1' = '1",)),)
    )

    with pytest.raises(ValueError, match="expected"):
        QuestionContext.of_options(options).placeholders()

"""The verdict and the story as OpenSearch documents: the text of terminal, report and manifest."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from transforms.coverage.judged import Coverage
from transforms.questions.catalogue import Answer
from transforms.story import Story
from transforms.text import sanitise
from transforms.window import Window

_MOST_TEXT = 2_000


class StoryDocument(NamedTuple):
    """One document, by its id in the index of its run."""

    document_id: str
    content: Mapping[str, object]


def story_documents(
    *,
    case_id: str,
    run_id: str,
    subject: Sequence[str],
    window: Window,
    headline: Answer,
    story: Story,
    coverage: Coverage,
) -> tuple[StoryDocument, ...]:
    """One document for the verdict, at the window's end, and one for each act, when it began.

    `subject` are its names and ids.
    """
    of_all = {
        "case_id": case_id,
        "run_id": run_id,
        "subject": [sanitise(name, 200) for name in subject],
    }
    verdict = {
        **of_all,
        "@timestamp": window.to_s * 1_000,
        "kind": "verdict",
        "verdict": headline.verdict,
        "sentence": sanitise(headline.sentence, _MOST_TEXT),
        "headline": sanitise(story.headline, _MOST_TEXT),
        "coverage": coverage.verdict,
        "coverage_reasons": [sanitise(reason, _MOST_TEXT) for reason in coverage.reasons],
        "window_from": window.from_s * 1_000,
        "window_to": window.to_s * 1_000,
    }
    acts = (
        {
            **of_all,
            "@timestamp": act.at,
            "kind": "act",
            "nth": nth,
            "sentence": sanitise(act.sentence, _MOST_TEXT),
            "name": sanitise(act.name, 200),
            "technique": act.technique,
            "source": act.source,
            **{name: value for name, value in (("until", act.until), ("address", act.address))
               if value},
        }
        for nth, act in enumerate(story.acts, 1)
    )  # fmt: skip
    return (
        StoryDocument("verdict", verdict),
        *(StoryDocument(f"act-{act['nth']:04}", act) for act in acts),
    )

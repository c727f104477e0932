"""Verdict, story and path as OpenSearch documents: the text of terminal, report and manifest."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import NamedTuple

from transforms.acts import Act
from transforms.coverage.judged import Coverage
from transforms.questions.catalogue import Answer
from transforms.standing.path import PathStep
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
    steps: Sequence[PathStep],
    coverage: Coverage,
) -> tuple[StoryDocument, ...]:
    """One for the verdict, at the window's end, and one for each act and each step of the path.

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
    return (
        StoryDocument("verdict", verdict),
        *(
            StoryDocument(f"act-{nth:04}", {**of_all, **_of_act(act, nth)})
            for nth, act in enumerate(story.acts, 1)
        ),
        *(
            StoryDocument(f"step-{nth:04}", {**of_all, **_of_step(step, nth)})
            for nth, step in enumerate(steps, 1)
        ),
    )


def _of_act(act: Act, nth: int) -> Mapping[str, object]:
    """A line of the story."""
    found = {
        "@timestamp": act.at,
        "kind": "act",
        "nth": nth,
        "sentence": sanitise(act.sentence, _MOST_TEXT),
        "name": sanitise(act.name, 200),
        "technique": act.technique,
        "source": act.source,
        "until": act.until or None,
        "address": act.address or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _of_step(step: PathStep, nth: int) -> Mapping[str, object]:
    """A row of the table `path`."""
    found = {
        "@timestamp": f"{step.first_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "kind": "step",
        "nth": nth,
        "hop": step.hop,
        "from_address": step.from_address,
        "from_name": step.from_name and sanitise(step.from_name, 200),
        "to_address": step.to_address,
        "to_name": step.to_name and sanitise(step.to_name, 200),
        "to_ring": step.to_ring,
        "protocol": step.protocol,
        "service_port": step.service_port,
        "outcome": step.outcome,
        "standing": step.standing,
        "conversation_id": step.conversation_id,
    }
    return {name: value for name, value in found.items() if value is not None}

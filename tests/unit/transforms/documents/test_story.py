"""Verdict and story as documents: what stands in them, and that the index knows every field."""

import json
from importlib import resources

from jobs.pipeline.result import RunResult
from tests.support.made_stories import attack, unseen
from transforms.documents.story import StoryDocument, story_documents

TEMPLATE = json.loads(
    resources.files("conf").joinpath("opensearch/story-template.json").read_text()
)
MAPPING = TEMPLATE["template"]["mappings"]


def documents_of(result: RunResult) -> tuple[StoryDocument, ...]:
    found = result.investigation
    assert found is not None
    return story_documents(
        case_id="case-1",
        run_id="20261124t000000z-0000",
        subject=["web-3\x1b[2J", "i-0a1b2c3d4e5f60718"],
        window=result.case.arguments.window,
        headline=found.headline,
        story=found.story,
        steps=found.steps,
        coverage=found.coverage.judged,
    )


def test_the_verdict_is_one_document_and_every_act_another() -> None:
    result = attack()
    story = result.investigation.story  # type: ignore[union-attr]

    verdict, *others = documents_of(result)
    acts = [each for each in others if each.content["kind"] == "act"]

    assert verdict.document_id == "verdict"
    assert verdict.content["verdict"] == "DATA"
    assert verdict.content["headline"] == story.headline != ""
    assert verdict.content["coverage"] in ("FULL", "PARTIAL")
    assert [act.document_id for act in acts] == [
        f"act-{nth:04}" for nth in range(1, len(story.acts) + 1)
    ]
    assert [act.content["sentence"] for act in acts] == [act.sentence for act in story.acts]
    assert [act.content["@timestamp"] for act in acts] == sorted(act.at for act in story.acts)
    assert "T1046" in {act.content["technique"] for act in acts}


def test_every_step_of_the_path_is_a_document() -> None:
    steps = [each.content for each in documents_of(attack()) if each.content["kind"] == "step"]

    assert [(step["hop"], step["from_address"], step["to_address"]) for step in steps] == [
        (each.hop, each.from_address, each.to_address)
        for each in attack().investigation.steps  # type: ignore[union-attr]
    ]
    assert {step["standing"] for step in steps} == {"suspicious"}


def test_what_was_not_seen_is_said_by_the_verdict_alone() -> None:
    (verdict,) = documents_of(unseen())

    assert verdict.content["verdict"] == "CANNOT TELL"
    assert verdict.content["coverage"] == "NONE"
    assert verdict.content["coverage_reasons"]


def test_no_control_character_goes_into_a_document() -> None:
    for each in documents_of(attack()):
        assert "\x1b" not in json.dumps(each.content, ensure_ascii=False)


def test_the_index_knows_every_field() -> None:
    fields = {name for each in documents_of(attack()) for name in each.content}

    assert fields == set(MAPPING["properties"])
    assert MAPPING["dynamic"] == "strict"

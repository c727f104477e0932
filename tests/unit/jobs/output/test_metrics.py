"""The metric line: valid by AWS's own schema, its values those of the manifest."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema  # comes with moto
import pytest

from jobs.output.metrics import metric_line

# Amazon CloudWatch user guide, "Embedded metric format JSON schema", as far as it constrains.
NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "Name": NAME,
                                        "Unit": {"enum": ["Seconds", "Count", "Percent", "None"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def reading(*, holds: bool = True, refused: tuple[int, int, int] = (0, 0, 0)) -> dict[str, object]:
    objects, lines, documents = refused
    return {
        "identities": [
            {"what": "a = a", "left": 1, "right": 1, "holds": True},
            {"what": "a = b", "left": 1, "right": 1 if holds else 2, "holds": holds},
        ],
        "books": {
            "flows": 40,
            "quarantined_objects": objects,
            "quarantined_lines": lines,
            "quarantined_documents": documents,
        },
    }


def manifest(**differs: object) -> dict[str, object]:
    return {
        **reading(),
        "case_id": "web-3",
        "run_id": "20261124t023730z-54d7",
        "started_at": "2026-11-24T02:37:30+00:00",
        "finished_at": "2026-11-24T02:39:00+00:00",
        "parameters": {"scope": "instance"},
        "coverage": {"verdict": "PARTIAL", "figures": {"seen": 288, "slots": 320}},
        "further_readings": {},
        **differs,
    }


def values_of(said: dict[str, Any]) -> dict[str, float]:
    (directive,) = said["_aws"]["CloudWatchMetrics"]
    return {metric["Name"]: said[metric["Name"]] for metric in directive["Metrics"]}


def test_the_line_is_valid_and_every_name_in_it_has_a_value() -> None:
    line = metric_line(manifest())

    said = json.loads(line)
    assert "\n" not in line
    assert len(line.encode()) < 256 * 1024
    jsonschema.validate(said, SCHEMA)
    moment = datetime.fromtimestamp(said["_aws"]["Timestamp"] / 1000, UTC)
    assert moment.isoformat() == "2026-11-24T02:39:00+00:00"
    (directive,) = said["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Job", "Scope"]]
    assert (said["Job"], said["Scope"]) == ("trace_instance", "instance")
    assert (said["CaseId"], said["RunId"]) == ("web-3", "20261124t023730z-54d7")
    assert values_of(said) == {
        "BooksBalanced": 1, "CoveragePercent": 90.0, "Quarantined": 0, "Flows": 40,
        "DurationSeconds": 90.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("differs", "name", "value"),
    [
        pytest.param(reading(holds=False), "BooksBalanced", 0, id="a count does not match"),
        pytest.param(
            {"further_readings": {"path_1": reading(holds=False)}},
            "BooksBalanced", 0, id="one of a further reading does not match",
        ),
        pytest.param(
            {**reading(refused=(1, 2, 3)), "further_readings": {"x": reading(refused=(4, 0, 0))}},
            "Quarantined", 10, id="refusals of all readings",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_anywhere_shows(differs: dict[str, object], name: str, value: float) -> None:
    assert json.loads(metric_line(manifest(**differs)))[name] == value


def test_what_is_not_known_is_not_sent() -> None:
    everything = manifest(parameters={"scope": "everything"}, coverage=None)

    said = json.loads(metric_line(everything))

    assert said["Scope"] == "everything"
    assert "CoveragePercent" not in {**said, **values_of(said)}

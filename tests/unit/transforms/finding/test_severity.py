"""How grave a finding is, from every format that says it."""

import json
from typing import Any

import pytest

from tests.support.made_stories import finding
from transforms.finding.read import read_finding
from transforms.finding.severity import severity_of_asff, severity_of_ocsf


def severity(*values: object) -> str:
    """Of a file with a finding of each severity, all about one instance."""
    told: list[Any] = [json.loads(finding(value)) for value in values]
    return str(read_finding(json.dumps(told).encode()).severity)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "low (1)"),
        (3.9, "low (3.9)"),
        (4, "medium (4)"),
        (8, "high (8)"),
        (9.5, "critical (9.5)"),
        (10, "critical (10)"),
        ("HIGH", "high"),
        (0, "None"),
        (11, "None"),
        (True, "None"),
        (None, "None"),
        ("\x1b[31mhigh", "None"),
        ([8], "None"),
        (float("nan"), "None"),
    ],
)
def test_a_number_of_guardduty_or_a_level(value: object, words: str) -> None:
    assert severity(value) == words


def test_of_several_findings_the_gravest_counts() -> None:
    assert severity(2, 8, None, 5) == "high (8)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Product": 5, "Label": "MEDIUM", "Normalized": 50}, 5),
        ({"Label": "HIGH"}, "HIGH"),
        ({"Product": 0, "Label": "INFORMATIONAL"}, "INFORMATIONAL"),
        ("HIGH", None),
    ],
)
def test_asff_has_the_number_or_a_label(value: object, expected: object) -> None:
    assert severity_of_asff(value) == expected


@pytest.mark.parametrize(
    ("value", "level"),
    [(2, "low"), (4, "high"), (5, "critical"), (0, None), (99, None), ("4", None)],
)
def test_ocsf_has_a_number_for_each_level(value: object, level: str | None) -> None:
    assert severity_of_ocsf(value) == level

"""The first screen: who, what, when, and how sure."""

from typing import Any

import pytest

from jobs.output.report_head import coverage_box, first_screen, in_short
from jobs.pipeline.case_coverage import CaseCoverage
from tests.support.made_result import FULL, NONE, made_result
from tests.support.made_stories import PARTIAL, attack, finding, healthy, peer_row, unseen


def head(result: Any) -> dict[str, Any]:
    return first_screen(result)


def test_the_attack_is_named_with_its_finding_and_severity() -> None:
    found = head(attack())

    assert found["name"] == "web-3"
    assert found["headline"] == (
        "web-3 was entered over SSH from 198.51.100.23 at 02:39, tried 22 addresses, exchanged "
        "data with app-2, went on through app-2 to admin-3, was stopped by db-1 and sent 2.4 GB "
        "to 192.0.2.77."
    )
    assert found["finding"] == {
        "types": "UnauthorizedAccess:EC2/SSHBruteForce",
        "severity": "high (8)",
        "seen": "2026-11-23 02:10 to 02:40 UTC",
        "is_sample": False,
    }


def test_each_step_of_the_story_has_its_time_and_technique() -> None:
    acts = head(attack())["acts"]

    assert [(act["at"], act["technique"], act["technique_name"]) for act in acts] == [
        ("02:39", "T1110", "Brute Force"),
        ("02:54", "T1046", "Network Service Discovery"),
        ("03:16", "T1021.004", "SSH"),
        ("03:20", "", ""),
        ("03:31", "T1021.004", "SSH"),
        ("03:39", "T1048", "Exfiltration Over Alternative Protocol"),
    ]


def test_a_story_of_several_days_has_days() -> None:
    blocked = {
        **peer_row("10.0.0.9", 3306, "BLOCKED_DST", "03:00", service_class="database"),
        "first_at": "2026-11-24T03:00:00.000Z",
    }
    other = peer_row("10.0.0.8", 5432, "BLOCKED_DST", "02:00", service_class="database")

    acts = head(made_result({"blocked": ({"stopped": 2}, [blocked, other])}))["acts"]

    assert [act["at"] for act in acts] == ["11-23 02:00", "11-24 03:00"]


@pytest.mark.parametrize(
    ("result", "headline"),
    [
        (healthy(), "web-1 did nothing inside but what is ordinary for it."),
        (unseen(), "The records cannot tell whether web-9 tried to reach other machines."),
        (made_result({}, name="{0.__class__}"),
         "{0.__class__} began nothing inside, and its records are complete."),
    ],
)  # fmt: skip
def test_without_a_story_the_headline_says_the_verdict(result: Any, headline: str) -> None:
    found = head(result)

    assert (found["headline"], found["acts"], found["finding"]) == (headline, [], None)


def test_a_finding_without_severity_has_none() -> None:
    found = head(made_result({}, finding=finding(severity=None)))["finding"]

    assert found["severity"] == "not given"


@pytest.mark.parametrize(
    ("coverage", "verdict", "seen", "reasons"),
    [
        (FULL, "FULL", "288 of 288 five-minute slots of 1 interface seen whole", []),
        (PARTIAL, "PARTIAL", "264 of 288 five-minute slots of 1 interface seen whole",
         ["24 slots without an object: 2026-11-23 22:00 to 2026-11-24 00:00"]),
        (NONE, "NONE", "no record of eni-9086b4ee9d767242d in any of 288 slots", []),
    ],
)  # fmt: skip
def test_the_box_of_coverage(coverage: Any, verdict: str, seen: str, reasons: list[str]) -> None:
    found = coverage_box(CaseCoverage(coverage, (), (), ()))

    assert (found["verdict"], found["seen"], found["reasons"]) == (verdict, seen, reasons)


def test_peers_without_a_log_are_part_of_what_cannot_be_seen() -> None:
    found: Any = coverage_box(CaseCoverage(FULL, ("eni-1", "eni-2"), (), ()))

    assert found["reasons"] == [
        "what 2 internal peers rejected: their own interfaces have no record"
    ]


def test_one_peer_without_a_log_is_told_as_one() -> None:
    found: Any = coverage_box(CaseCoverage(FULL, ("eni-1",), (), ()))

    assert found["reasons"] == ["what 1 internal peer rejected: its own interface has no record"]


def test_conversations_without_a_known_beginner_are_a_question_that_is_left_open() -> None:
    row = {"peer": "10.20.2.22", "unclear": 3}
    result = made_result({"did_it_try": ({"unclear": 3, "unclear_peers": 1}, [row])})

    found: Any = in_short(result)

    assert found["cannot_tell"] == ["It is unknown who began 3 conversations inside."]


def test_of_an_unseen_machine_nothing_was_seen_and_nothing_is_denied() -> None:
    found: Any = in_short(unseen())

    assert (found["saw"], found["not_seen"]) == ([], [])
    assert len(found["cannot_tell"]) == 1

"""What a statement is made from is read from the manifest, and nothing else gets into it."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.evidence.asked_again import context_of
from jobs.evidence.manifest_file import Stored
from jobs.evidence.stored_case import StoredCase
from transforms.questions.options import Thresholds


def case_with(**differs: Any) -> StoredCase:
    """A case whose manifest has nothing but what the questions depend on."""
    options = {
        "thresholds": Thresholds(scan_ports=7)._asdict(),
        "expected_peers": [],
        "contained_at": None,
        **differs.pop("options", {}),
    }
    content = {
        "parameters": {"question_options": options},
        "finding": None,
        "claims": [],
        "further_readings": {},
        **differs,
    }
    parts: dict[str, Any] = dict.fromkeys(StoredCase.__dataclass_fields__)
    return StoredCase(**{**parts, "stored": Stored(content, b"")})


def test_thresholds_are_those_of_the_flags_and_what_the_run_measured() -> None:
    found = context_of(case_with(), {"window_s": "96000", "expected_peers": "10.0.0.1"})

    assert found.thresholds == Thresholds(scan_ports=7, window_s=96_000)
    assert found.baseline is None


def test_a_baseline_that_was_read_asks_what_is_new() -> None:
    assert context_of(case_with(further_readings={"baseline": {}}), {}).baseline is not None


def test_expected_peers_have_the_addresses_that_the_run_found_for_a_name() -> None:
    expected = [
        {"text": "10.0.3.5", "name": None, "addresses": ["10.9.9.9"]},
        {"text": "db-1:5432", "name": "db-1", "addresses": ["10.0.3.7", "fd00::7"]},
    ]
    found = context_of(case_with(options={"expected_peers": expected}), {}).options.expected_peers

    assert [(each.port, each.addresses) for each in found] == [
        (None, ("10.0.3.5",)),  # what it means stands in its text
        (5432, ("10.0.3.7", "fd00::7")),
    ]


def test_the_finding_gives_its_first_sight_and_its_remote_addresses_once() -> None:
    claims = [{"claim": {"remote": each}} for each in ("198.51.100.23", None, "198.51.100.23")]
    finding = {"first_seen": "2026-11-23T02:10:00+00:00", "is_sample": False}

    found = context_of(case_with(finding=finding, claims=claims), {}).finding

    assert asdict_of(found) == (datetime(2026, 11, 23, 2, 10, tzinfo=UTC), ("198.51.100.23",))


def test_a_sample_says_nothing() -> None:
    finding = {"first_seen": "2026-11-23T02:10:00+00:00", "is_sample": True}

    assert asdict_of(context_of(case_with(finding=finding), {}).finding) == (None, ())


def asdict_of(finding: Any) -> tuple[object, ...]:
    return tuple(asdict(finding).values())


HOSTILE = "fe80::1%') OR read_text('/etc/passwd') IS NOT NULL OR ('1' = '1"


@pytest.mark.parametrize(
    ("differs", "parameters"),
    [
        pytest.param({"claims": [{"claim": {"remote": HOSTILE}}],
                      "finding": {"first_seen": None}}, {}, id="a remote address"),
        pytest.param({"options": {"expected_peers": [{"text": HOSTILE}]}}, {}, id="a peer"),
        pytest.param({"options": {"expected_peers": [
            {"text": "db-1:5432", "addresses": [HOSTILE]}]}}, {}, id="an address of a name"),
        pytest.param({}, {"window_s": "1) OR (1 = 1"}, id="a measured threshold"),
        pytest.param({}, {"window_s": "\u0661"}, id="a digit of another script"),
        pytest.param({"options": {"thresholds": {"scan_ports": "7"}}}, {}, id="a threshold"),
        pytest.param({"options": {"contained_at": "') OR ('"}}, {}, id="a time"),
        pytest.param({"parameters": None}, {}, id="no parameters"),
        pytest.param({"claims": "none", "finding": {"first_seen": None}}, {}, id="claims"),
    ],
)  # fmt: skip
def test_text_that_is_none_of_these_is_refused(
    differs: dict[str, Any], parameters: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"expected|is none|isoformat"):
        context_of(case_with(**differs), parameters)

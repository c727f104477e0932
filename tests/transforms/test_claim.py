"""The verdict on a finding's claim, on sightings that can be checked by eye."""

from datetime import UTC, datetime

import pytest

from transforms.claim import Claim, Sighting, judge
from transforms.window import Window

DAY = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
FIRST, LAST = (datetime(2026, 11, 23, 2, minute, tzinfo=UTC) for minute in (10, 40))
SSH = Claim("NETWORK_CONNECTION", "INBOUND", 6, 22, "198.51.100.23")
# Records of the subject from the finding's time, none of them with the remote address.
OTHERS = Sighting(0, 0, None, None, of_remote=0, of_family=50, at_the_time=9)


def verdict(
    claim: Claim = SSH,
    seen: Sighting = OTHERS,
    window: Window = DAY,
    coverage: str | None = "FULL",
) -> tuple[str, str]:
    found = judge(claim, seen, window=window, first_seen=FIRST, last_seen=LAST, coverage=coverage)
    return found.verdict, found.sentence


def test_what_full_records_do_not_show_is_not_seen() -> None:
    assert verdict() == ("not seen", "no record of the window shows it")


def test_an_unjudged_coverage_is_said_beside_not_seen() -> None:
    assert verdict(coverage=None) == (
        "not seen",
        "no record of the window shows it (coverage was not judged)",
    )


def test_the_address_on_other_ports_is_not_the_claim_and_is_said() -> None:
    found, sentence = verdict(seen=OTHERS._replace(of_remote=1234))
    assert found == "not seen"
    assert sentence.endswith("; 1,234 records are with that address, on other ports")


@pytest.mark.parametrize("coverage", ["PARTIAL", "NONE"])
def test_what_gaps_may_hide_is_not_covered(coverage: str) -> None:
    assert verdict(coverage=coverage) == (
        "not covered",
        f"no record shows it, but coverage is {coverage}",
    )


@pytest.mark.parametrize("seen", [OTHERS._replace(at_the_time=0), OTHERS._replace(of_family=0)])
def test_without_records_of_the_time_or_the_family_it_is_not_covered(seen: Sighting) -> None:
    assert verdict(seen=seen)[0] == "not covered"


def test_a_window_beside_the_finding_does_not_cover_it() -> None:
    after = Window(datetime(2026, 11, 23, 3, tzinfo=UTC), DAY.to_at)
    until = Window(DAY.from_at, FIRST)
    for window in (after, until):
        assert verdict(window=window) == (
            "not covered",
            "the window leaves out the time of the finding",
        )


def test_what_flow_logs_never_hold_is_not_covered_whatever_was_seen() -> None:
    seen = OTHERS._replace(records=3, of_remote=3)
    for claim in (
        Claim("DNS_REQUEST", domain="bad.example"),
        Claim("AWS_API_CALL", remote="198.51.100.23"),
    ):
        assert verdict(claim, seen)[0] == "not covered"


def test_a_record_confirms_whatever_the_coverage() -> None:
    seen = OTHERS._replace(records=2, rejected=1, first_at=FIRST, last_at=LAST, of_remote=2)
    assert verdict(seen=seen, coverage="NONE") == (
        "confirmed",
        "2 records from 2026-11-23 02:10:00 to 2026-11-23 02:40:00 UTC, 1 of them rejected",
    )

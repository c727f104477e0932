"""The verdict on a finding's claim, on sightings that can be checked by eye."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.support.flow_rows import NOON, OUTSIDE, back, flows_of, out
from transforms.finding.claim import Claim, Sighting, claim_columns, judge, sightings
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


def test_each_record_counts_for_the_claims_that_it_shows(spark: SparkSession) -> None:
    claims = (
        Claim("NETWORK_CONNECTION", "INBOUND", 6, 22, OUTSIDE, 40_000),
        Claim("NETWORK_CONNECTION", "OUTBOUND", 6, 50_000, OUTSIDE, 443),
        Claim("NETWORK_CONNECTION", "UNKNOWN", None, None, "2001:db8::1", None),
    )
    to_remote = {"srcport": 22, "dstaddr": OUTSIDE}
    from_remote = {"srcaddr": OUTSIDE, "dstport": 22}
    rows: list[tuple[dict[str, Any], set[int]]] = [
        # a record, and the claims that it shows
        (out(0, **to_remote, dstport=40_000), {0}),
        (out(60, **to_remote, dstport=51_000), {0}),  # the remote port is chosen anew
        (back(120, **from_remote, srcport=40_000, action="REJECT"), {0}),
        (back(180, **from_remote, srcport=40_000, protocol=17), set()),
        (out(240, srcport=61_000, dstaddr=OUTSIDE, dstport=443), {1}),
        (back(300, srcaddr=OUTSIDE, srcport=443, dstport=61_000), {1}),
        (out(360, srcport=443, dstaddr=OUTSIDE, dstport=61_000), set()),  # the other way round
        # behind a NAT gateway, only the packet's own end tells
        (out(420, dstaddr="10.0.0.3", pkt_dstaddr=OUTSIDE, srcport=61_000, dstport=443), {1}),
        (out(480, srcaddr="2001:db8::7", dstaddr="2001:db8::1", dstport=9), {2}),
        (out(10_000, dstaddr="10.0.0.3"), set()),
        (out(540, srcaddr=None, dstaddr=None, srcport=None, dstport=None, action=None), set()),
    ]
    flows = flows_of(spark, [row for row, _ in rows], seed=1)

    counted = flows.agg(*claim_columns(claims, NOON, NOON + 600)).first()

    assert counted is not None
    found = sightings(claims, counted.asDict())
    for number, sighting in enumerate(found):
        shown = [row for row, of_claims in rows if number in of_claims]
        assert sighting.records == len(shown), claims[number]
        assert sighting.rejected == sum(row["action"] == "REJECT" for row in shown)
        assert sighting.first_at == min(row["start_at"] for row in shown)
        assert sighting.last_at == max(row["end_at"] for row in shown)
        assert sighting.at_the_time == len(rows) - 1  # all but the one of hours later
    assert [sighting.of_remote for sighting in found] == [8, 8, 1]
    assert [sighting.of_family for sighting in found] == [9, 9, 1]

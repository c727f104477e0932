"""A small fixed number of hostile conversations in every run; `make redteam` tries thousands."""

from dataclasses import replace

import pytest
from pyspark.sql import SparkSession

from tests.redteam.stories import SYN_ACK, TCP, UDP, Case, Talk, case_of
from tests.redteam.verdicts import try_cases

SEED, NUMBER = 20261123, 300

# Cases that failed once, as small as they still failed.
# Both began before the window, so that nothing shows how. In the first the peer speaks first after
# a silence; in the second the attacker adds one packet with the flags of an answer.
AWAKENED = Talk("subject", TCP, 40_000, 22, 10, -600, 2_700, answer_after_s=-3, first_seen_s=600)
CRAFTED = Talk("subject", TCP, 443, 8_000, 10, -600, 700, out=10**6, crafted=SYN_ACK)
FOUND = (
    Case(1, "older, awakened by the peer", AWAKENED),
    Case(2, "older, awakened by the peer", AWAKENED, fields="version 2"),
    Case(3, "older, awakened by the peer", replace(AWAKENED, protocol=UDP)),
    Case(4, "older, with a crafted answer", CRAFTED),
    Case(5, "older, with a crafted answer", replace(CRAFTED, subject_port=40_000, peer_port=22)),
)


@pytest.fixture(scope="module")
def faults(spark: SparkSession) -> list[tuple[str, str, Case]]:
    """Random cases and those that failed once, in one job."""
    cases = [case_of(SEED, number) for number in range(1, NUMBER + 1)]
    cases += [replace(case, number=NUMBER + 1 + at) for at, case in enumerate(FOUND)]
    return [(fault.law, fault.found, fault.case) for fault in try_cases(spark, cases).faults]


@pytest.mark.parametrize(
    "law",
    [
        "silence",
        "proven, but wrong",
        "only the subject sent, the peer is named",
        "only the peer sent, the subject is named",
        "a conversation that nobody had",
    ],
)
def test_no_hostile_conversation_breaks_a_law(
    faults: list[tuple[str, str, Case]], law: str
) -> None:
    assert [fault for fault in faults if fault[0] == law] == []

"""Hostile cases are what they claim to be, and a failing one is made as small as it still fails."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.redteam.records import rows_of
from tests.redteam.shrink import shrunk
from tests.redteam.stories import DAY_S, MIDNIGHT, RST, SYN, SYN_ACK, TCP, Case, Talk, case_of

PROBE = Talk("subject", TCP, 53, 22, 10, 600, fate="silence")


def test_the_same_seed_gives_the_same_cases_and_another_gives_others() -> None:
    assert case_of(1, 7) == case_of(1, 7)
    assert [case_of(1, n).hostile for n in range(9)] != [case_of(2, n).hostile for n in range(9)]


@given(st.integers(0, 10**6), st.integers(1, 60_000))
@settings(max_examples=200, deadline=None)
def test_what_began_in_the_window_leaves_a_record_of_the_subject_inside_it(
    seed: int, number: int
) -> None:
    case = case_of(seed, number)
    rows = list(rows_of(case))

    assert all(int(str(r["start"])) <= int(str(r["end"])) for r in rows)
    if 0 <= case.hostile.began_s < DAY_S and not case.hostile.first_seen_s:
        peer = case.address(case.hostile.peer)
        sent = [r for r in rows if r["dstaddr"] == peer and r["role"] == "own_interface"]
        assert sent
        assert all(int(str(r["start"])) < MIDNIGHT + DAY_S for r in sent)
    if case.hostile.is_one_sided and case.family == "probe":
        assert not [r for r in rows if r["srcaddr"] == case.address(case.hostile.peer)]


def flags_of(talk: Talk) -> list[tuple[str, object, object]]:
    rows = list(rows_of(Case(1, "by hand", talk)))
    return [("out" if r["dstport"] == talk.peer_port else "in", r["tcp_flags"], r["action"])
            for r in rows]  # fmt: skip


def test_flags_are_those_that_ends_would_send() -> None:
    answered = replace(PROBE, fate="answered", began_s=630, lasts_s=60)

    assert flags_of(PROBE) == [("out", SYN, "ACCEPT")]
    assert flags_of(replace(PROBE, fate="blocked near")) == [("out", SYN, "REJECT")]
    assert flags_of(replace(PROBE, fate="refused")) == [
        ("out", SYN, "ACCEPT"), ("in", RST, "ACCEPT"),
    ]  # fmt: skip
    assert flags_of(answered) == [
        ("out", SYN, "ACCEPT"), ("in", SYN_ACK, "ACCEPT"),
        ("out", 1, "ACCEPT"), ("in", 1, "ACCEPT"),
    ]  # fmt: skip
    assert flags_of(replace(PROBE, fate="blocked far", at_peer_too=True)) == [
        ("out", SYN, "ACCEPT"), ("out", SYN, "REJECT"),
    ]  # fmt: skip


def test_a_failing_case_is_shrunk_to_what_makes_it_fail() -> None:
    def fails(cases: Sequence[Case]) -> list[bool]:
        return [case.hostile.subject_port == 53 and case.fields != "full" for case in cases]

    noise = Talk("peer", TCP, 443, 50_000, 120, 100)
    hostile = replace(PROBE, protocol=17, tries=3, out=1_400, at_peer_too=True, began_s=3_599)
    large = Case(9, "by hand", hostile, (noise, noise), "version 2", is_v6=True, copies=3)

    small = shrunk(large, fails, rounds=12)

    assert replace(small, number=9) == Case(9, "by hand", replace(PROBE), (), "version 2")

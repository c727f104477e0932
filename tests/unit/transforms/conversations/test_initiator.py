"""Who began: each rule by itself, each against the rule below it, and how sure it is."""

from collections.abc import Mapping

import pytest
from pyspark.sql import SparkSession

from tests.support.flow_rows import NOON, P, Row, S, at_peer, back, flows_of, out
from transforms.conversations.build import conversations_of
from transforms.conversations.initiator import less_certain_in
from transforms.conversations.rules import Recorded, Rules

BARE = {"tcp_flags": None}
ONE = {"packets": 1, "bytes": 40}  # one packet without payload
By = tuple[str, str, str]
Stories = Mapping[int, tuple[By, list[Row]]]


def on(own: int, far: int, *rows: Row) -> list[Row]:
    """The same rows between these ports of the subject and of the peer."""
    return [
        {**row, "srcport": own, "dstport": far} if row["srcaddr"] == S
        else {**row, "srcport": far, "dstport": own}
        for row in rows
    ]  # fmt: skip


def told(
    spark: SparkSession, stories: Stories, recorded: Recorded | None = None
) -> dict[int, set[By]]:
    """By the subject's port; the stories share a frame, so a port of the peer may have a crowd."""
    rows = [row for _, records in stories.values() for row in records]
    frame = conversations_of(flows_of(spark, rows), [S], Rules(), recorded=recorded)
    found: dict[int, set[By]] = {}
    for row in frame.collect():
        by = row["initiator"], row["initiator_basis"], row["certainty"]
        found.setdefault(row["subject_port"], set()).add(by)
    return found


def expected(stories: Stories) -> dict[int, set[By]]:
    return {port: {by} for port, (by, _) in stories.items()}


SUBJECT, PEER = "subject", "peer"
# The subject's port → who began, by what, how sure; and the records that say so.
RULES: Stories = {
    # 1. One side: whatever its ports and flags, unless all that it sent are answers.
    40_001: ((SUBJECT, "one side", "proven"), on(40_001, 22, out())),
    40_002: ((PEER, "one side", "proven"), on(40_002, 22, back(tcp_flags=2))),
    443: ((SUBJECT, "one side", "proven"), on(443, 50_001, out(tcp_flags=0))),
    53: ((SUBJECT, "one side", "proven"), on(53, 1194, out(protocol=17, **BARE))),
    40_003: ((SUBJECT, "one side", "proven"), on(40_003, 22, out(tcp_flags=1))),
    40_004: ((SUBJECT, "one side", "proven"),
             on(40_004, 22, out(tcp_flags=18), out(40, tcp_flags=24))),
    40_005: (("unknown", "only a reply was seen", "unknown"), on(40_005, 22, out(tcp_flags=18))),
    40_006: (("unknown", "only a reply was seen", "unknown"),
             on(40_006, 22, back(tcp_flags=4, **ONE))),
    40_007: ((PEER, "one side", "proven"),
             on(40_007, 22, back(tcp_flags=4, packets=9, bytes=9_000))),
    # 2. SYN-ACK, also against the earlier SYN, the order and the ports.
    40_010: ((SUBJECT, "SYN-ACK", "proven"), on(40_010, 22, out(), back())),
    40_011: ((PEER, "SYN-ACK", "proven"), on(40_011, 22, back(tcp_flags=2), out(tcp_flags=18))),
    40_012: ((PEER, "SYN-ACK", "likely"), on(40_012, 22, back(tcp_flags=0), out(tcp_flags=18))),
    40_013: (("unknown", "SYN-ACK from both", "unknown"),
             on(40_013, 22, out(tcp_flags=19), back(tcp_flags=19))),
    40_014: ((PEER, "SYN-ACK", "proven"),
             on(40_014, 22, out(), back(20, tcp_flags=2), out(30, tcp_flags=18))),
    # 3. SYN times, of accepted SYNs; also against the order of first records.
    40_020: ((SUBJECT, "SYN times", "proven"), on(40_020, 22, out(), back(tcp_flags=4))),
    40_021: ((PEER, "SYN times", "proven"), on(40_021, 22, back(tcp_flags=2), out(tcp_flags=4))),
    40_022: ((SUBJECT, "SYN times", "proven"),
             on(40_022, 22, out(), back(20, tcp_flags=2))),
    40_023: ((PEER, "SYN times", "proven"),
             on(40_023, 22, back(tcp_flags=2), out(20))),
    40_024: ((SUBJECT, "SYN times", "proven"), on(40_024, 22, back(tcp_flags=0), out(20))),
    # 4. Order, against crowd and ports; a second is no order, nor is one of an older session.
    1_030: ((PEER, "order", "likely"),
            on(1_030, 50_030, back(**BARE), out(2, **BARE))),
    40_031: ((PEER, "order", "likely"), on(40_031, 22, back(**BARE), out(20, **BARE))),
    22: ((SUBJECT, "order", "likely"), on(22, 50_031, out(**BARE), back(20, **BARE))),
    40_032: ((SUBJECT, "ports", "likely"), on(40_032, 23, back(**BARE), out(1, **BARE))),
    40_033: ((SUBJECT, "ports", "likely"),
             on(40_033, 25, back(tcp_flags=0), out(20, tcp_flags=0))),
    # 5. Crowd, against ports: three ports below 32768 ask 50030; of 50040 there are but two.
    1_031: ((SUBJECT, "crowd", "likely"), on(1_031, 50_030, out(**BARE), back(**BARE))),
    1_032: ((SUBJECT, "crowd", "likely"), on(1_032, 50_030, out(**BARE), back(**BARE))),
    1_033: ((SUBJECT, "crowd", "likely"), on(1_033, 50_030, out(**BARE), back(**BARE))),
    1_040: ((PEER, "ports", "likely"), on(1_040, 50_040, out(**BARE), back(**BARE))),
    1_041: ((PEER, "ports", "likely"), on(1_041, 50_040, out(**BARE), back(**BARE))),
    # 6. Ports, against the order of a second; and nothing at all.
    40_050: ((SUBJECT, "ports", "likely"), on(40_050, 22, out(**BARE), back(**BARE))),
    80: ((PEER, "ports", "likely"), on(80, 40_050, out(**BARE), back(1, **BARE))),
    40_051: ((SUBJECT, "order of a second", "likely"),
             on(40_051, 50_051, out(**BARE), back(1, **BARE))),
    40_052: ((PEER, "order of a second", "likely"),
             on(40_052, 50_052, back(**BARE), out(1, **BARE))),
    40_053: (("unknown", "no rule", "unknown"), on(40_053, 50_053, out(**BARE), back(**BARE))),
}  # fmt: skip


def test_each_rule_decides_before_the_rules_below_it(spark: SparkSession) -> None:
    assert told(spark, RULES) == expected(RULES)


def test_a_crowd_of_the_subjects_own_port_says_that_it_was_asked(spark: SparkSession) -> None:
    """The lower port alone would say that the subject asked; three peers' ports say who serves."""
    far = [1_031, 1_032, 1_033]
    rows = [row for port in far for row in on(50_030, port, out(**BARE), back(**BARE))]
    stories: Stories = {50_030: ((PEER, "crowd", "likely"), rows)}

    assert told(spark, stories) == expected(stories)


def test_a_rejected_syn_never_competes(spark: SparkSession) -> None:
    """Neither with a later SYN nor, where no SYN was seen, with the ports."""
    rejected = back(action="REJECT", tcp_flags=2)
    stories: Stories = {
        40_001: ((SUBJECT, "SYN times", "proven"),
                 on(40_001, 22, rejected, out(60), back(60, tcp_flags=0))),
        40_002: ((SUBJECT, "ports", "likely"),
                 on(40_002, 22, rejected, out(60, tcp_flags=0), back(60, tcp_flags=0))),
    }  # fmt: skip

    got = told(spark, stories)

    own_attempt = {(PEER, "one side", "proven")}
    assert got == {port: {by} | own_attempt for port, (by, _) in stories.items()}


def test_the_end_of_an_idle_session_is_no_attempt_of_whoever_closes_it(
    spark: SparkSession,
) -> None:
    """A FIN without payload, after a silence, of ports that were in use: nobody's attempt.

    The same FIN without anything before is a scan, and one with payload is no mere end.
    """
    before = [out(packets=9, bytes=9_000), back(packets=9, bytes=9_000)]
    closes = {"tcp_flags": 17, "packets": 2, "bytes": 80}
    stories: Stories = {
        40_001: (("unknown", "only a close was seen", "unknown"),
                 on(40_001, 22, *before, back(900, **closes))),
        40_002: (("unknown", "only a close was seen", "unknown"),
                 on(40_002, 22, *before, out(900, **closes), out(960, tcp_flags=4, **ONE))),
        40_003: ((SUBJECT, "one side", "proven"),
                 on(40_003, 22, *before, out(900, tcp_flags=17, packets=9, bytes=9_000))),
        40_004: ((SUBJECT, "one side", "proven"), on(40_004, 22, *before, out(900))),
    }  # fmt: skip

    got = told(spark, stories)

    first = {(SUBJECT, "SYN-ACK", "proven")}
    assert got == {port: {by} | first for port, (by, _) in stories.items()}


def test_where_records_may_be_missing_one_side_alone_proves_nothing_but_a_syn_does(
    spark: SparkSession,
) -> None:
    """At the edges of the window, in a gap, where one action is kept only, and for ICMP."""
    inside, edge, gap, end = 300, 10, 600, 1_170
    icmp = {"protocol": 1, "srcport": 0, "dstport": 0, **BARE}
    stories: Stories = {
        40_001: ((SUBJECT, "one side", "proven"), on(40_001, 22, out(inside, **BARE))),
        40_002: ((SUBJECT, "one side", "likely"), on(40_002, 22, out(edge, **BARE))),
        40_003: ((SUBJECT, "one side", "likely"), on(40_003, 22, out(gap, **BARE))),
        40_004: ((PEER, "one side", "likely"), on(40_004, 22, back(end, **BARE))),
        40_005: ((SUBJECT, "one side", "proven"), on(40_005, 22, out(gap))),
        40_006: ((SUBJECT, "one side", "proven"), on(40_006, 22, out(gap, action="REJECT"))),
        0: ((SUBJECT, "one side", "likely"), [out(inside, **icmp)]),
        # Order at the edge says nothing, so the ports do.
        40_007: ((SUBJECT, "ports", "likely"), on(40_007, 22, back(5, **BARE), out(30, **BARE))),
    }  # fmt: skip
    span = Recorded(from_s=NOON, to_s=NOON + 1_200, gaps=((NOON + 610, NOON + 640),))

    assert told(spark, stories, span) == expected(stories)
    one_action = {port: stories[port] for port in (40_001, 40_005)}
    assert told(spark, one_action, span._replace(keeps_one_action=True)) == {
        40_001: {(SUBJECT, "one side", "likely")},
        40_005: {(SUBJECT, "one side", "proven")},
    }


@pytest.mark.parametrize(
    ("gaps", "certainty"),
    [
        ([], {40_001: "proven", 40_002: "proven", 40_003: "proven", 40_004: "likely"}),
        ([(0, 300)], {40_001: "likely", 40_002: "proven", 40_003: "proven", 40_004: "likely"}),
        ([(31, 300)], {40_001: "proven", 40_002: "proven", 40_003: "proven", 40_004: "likely"}),
        ([(300, 600), (30, 31)],
         {40_001: "likely", 40_002: "proven", 40_003: "proven", 40_004: "likely"}),
    ],
    ids=["no gap", "over it", "just after it", "over its last second"],
)  # fmt: skip
def test_a_gap_of_coverage_lowers_what_one_side_alone_proved(
    spark: SparkSession, gaps: list[tuple[int, int]], certainty: dict[int, str]
) -> None:
    """From noon, to half a minute after it: without flags, with a SYN, answered, by its ports."""
    rows = [
        *on(40_001, 22, out(**BARE)),
        *on(40_002, 22, out()),
        *on(40_003, 22, out(), back()),
        *on(40_004, 22, out(**BARE), back(**BARE)),
    ]
    frame = conversations_of(flows_of(spark, rows), [S], Rules())

    found = less_certain_in(frame, [(NOON + first, NOON + until) for first, until in gaps])

    assert {row["subject_port"]: row["certainty"] for row in found.collect()} == certainty


def test_records_of_interfaces_of_unknown_vpc_count_where_the_own_interface_knows_the_ports(
    spark: SparkSession,
) -> None:
    """Else the address may be another machine's: such records begin nothing."""
    unknown = {"role": "unknown_vpc"}
    rows = [
        *on(40_001, 22, out(), at_peer(out(), **unknown), at_peer(back(), **unknown)),
        *on(40_002, 22, at_peer(out(), **unknown)),
    ]

    frame = conversations_of(flows_of(spark, rows), [S], Rules())

    columns = "subject_port peer records initiator outcome".split()
    assert [tuple(row[name] for name in columns) for row in frame.collect()] == [
        (40_001, P, 3, "subject", "ANSWERED")
    ]


def test_two_equal_crowds_say_nothing(spark: SparkSession) -> None:
    """Three ports of the peer at one of the subject's, and three of the subject's at one of it."""
    pairs = [(50_060, 50_070), (50_060, 50_071), (50_060, 50_072), (50_061, 50_070),
             (50_062, 50_070)]  # fmt: skip
    rows = [row for own, far in pairs for row in on(own, far, out(**BARE), back(**BARE))]

    frame = conversations_of(flows_of(spark, rows), [S], Rules())

    found = {(row["subject_port"], row["peer_port"]): row["initiator"] for row in frame.collect()}
    assert found[50_060, 50_070] == "unknown"
    assert {found[50_060, 50_071], found[50_060, 50_072]} == {"peer"}
    assert {found[50_061, 50_070], found[50_062, 50_070]} == {"subject"}

"""Conversations: what the two ends did, however many interfaces and logs saw it."""

import random

from pyspark.sql import SparkSession

from tests.support.conversations_reference import conversations
from tests.support.flow_rows import (
    NAT_ENI,
    NOON,
    OUTSIDE,
    P_ENI,
    S_ENI,
    P,
    Row,
    S,
    at_peer,
    back,
    flows_of,
    out,
    version_2,
)
from transforms.conversations.build import conversations_of
from transforms.conversations.outcome import Rules

COLUMNS = "subject_port peer initiator initiator_basis outcome outcome_basis records".split()


def found(spark: SparkSession, rows: list[Row], *columns: str, rules: Rules | None = None) -> list:
    frame = conversations_of(flows_of(spark, rows), [S], rules or Rules())
    names = columns or COLUMNS
    return sorted((tuple(row) for row in frame.select(*names).collect()), key=repr)


def on_port(port: int, *rows: Row) -> list[Row]:
    """The same rows as a story of their own: the suspect's port tells them apart."""
    return [{**row, "srcport" if row["srcaddr"] == S else "dstport": port} for row in rows]


def test_each_outcome_by_its_records(spark: SparkSession) -> None:
    stories = {
        1: ("BLOCKED_SRC", "action", [out(action="REJECT")]),
        2: ("BLOCKED_DST", "action", [out(), at_peer(out(), action="REJECT")]),
        3: ("NO_ANSWER", "nothing came back", [out()]),
        4: ("NO_ANSWER", "nothing came back", [out(), at_peer(out())]),
        5: ("REFUSED", "flags", [out(), back(tcp_flags=4, bytes=40)]),
        6: ("ANSWERED", "flags", [out(packets=3, bytes=180), back()]),
        7: ("DATA", "flags", [out(packets=9, bytes=2_000), back(packets=9, bytes=1_000)]),
        8: ("DATA", "flags", [out(packets=9, bytes=1_000), back(packets=9, bytes=2_000)]),
        # After a connection is closed late packets are rejected: it had been answered before.
        9: ("ANSWERED", "flags", [out(packets=3, bytes=180), back(), back(40, action="REJECT")]),
    }
    rows = [
        row for port, (_, _, records) in stories.items() for row in on_port(40_000 + port, *records)
    ]

    got = found(spark, rows, "subject_port", "outcome", "outcome_basis", "initiator")

    assert got == [
        (40_000 + port, outcome, basis, "subject") for port, (outcome, basis, _) in stories.items()
    ]


def test_the_default_format_gives_the_same_answers_and_says_on_what_they_rest(
    spark: SparkSession,
) -> None:
    stories = {
        1: ("BLOCKED_DST", "action", [out(), at_peer(out(), action="REJECT")]),
        2: ("NO_ANSWER", "nothing came back", [out()]),
        3: ("REFUSED", "counters (likely)", [out(), back(bytes=40)]),
        4: (
            "REFUSED",
            "counters (likely)",
            [out(packets=3, bytes=180), back(packets=3, bytes=120)],
        ),
        5: ("ANSWERED", "counters", [out(packets=3, bytes=164), back(packets=2, bytes=112)]),
        6: ("DATA", "counters", [out(packets=9, bytes=2_000), back(packets=9, bytes=1_000)]),
    }
    rows = [
        row
        for port, (_, _, records) in stories.items()
        for row in map(version_2, on_port(40_000 + port, *records))
    ]

    got = found(spark, rows, "subject_port", "outcome", "outcome_basis", "initiator")

    assert got == [
        (40_000 + port, outcome, basis, "subject") for port, (outcome, basis, _) in stories.items()
    ]


def test_two_interfaces_two_flow_logs_and_a_nat_gateway_saw_one_conversation(
    spark: SparkSession,
) -> None:
    other_log = "s3://b/1_vpcflowlogs_eu-west-1_fl-0bbbbbbb_20261123T1200Z_0.log.gz"
    twice = [
        *(at for row in (out(), back()) for at in (row, at_peer(row))),
        *({**row, "object_uri": other_log} for row in (out(), back())),
    ]
    far = {"dstaddr": OUTSIDE, "dst_scope": "internet", "pkt_srcaddr": S, "pkt_dstaddr": OUTSIDE}
    leg = {**far, "dstaddr": "10.0.0.99", "dst_scope": "internal", "interface_id": NAT_ENI}
    came = {"srcaddr": OUTSIDE, "src_scope": "internet", "pkt_srcaddr": OUTSIDE, "pkt_dstaddr": S}
    went = {**came, "srcaddr": "10.0.0.99", "src_scope": "internal", "interface_id": NAT_ENI}
    through = on_port(
        41_000,
        out(dstport=443, **far),
        at_peer(out(dstport=443, **leg), instance_id=None, interface_id=NAT_ENI),
        back(srcport=443, **came),
        at_peer(back(srcport=443, **went), instance_id=None, interface_id=NAT_ENI),
    )

    columns = "peer peer_scope records bytes_out bytes_in observation_point points".split()

    assert found(spark, [*twice, *through], *columns) == [
        ("10.0.0.9", "internal", 6, 60, 60, "subject", ["peer", "subject"]),
        (OUTSIDE, "internet", 4, 60, 60, "subject", ["middle", "subject"]),
    ]


def test_bytes_are_those_of_the_peer_where_the_suspects_interface_is_not_logged(
    spark: SparkSession,
) -> None:
    rows = [at_peer(out(bytes=700)), at_peer(back(bytes=900))]

    columns = "observation_point observed_at bytes_out bytes_in outcome".split()

    assert found(spark, rows, *columns) == [("peer", P_ENI, 700, 900, "ANSWERED")]


def test_a_nat_gateways_leg_without_packet_addresses_is_no_internal_peer(
    spark: SparkSession,
) -> None:
    name = "Interface for NAT Gateway nat-0aaaaaaa"
    leg = at_peer(out(dstaddr="10.0.0.99"), interface_id=NAT_ENI, interface_name=name)

    assert found(spark, [version_2(leg)], "peer", "peer_scope") == [("10.0.0.99", "middle box")]


def test_silence_longer_than_the_gap_ends_a_conversation(spark: SparkSession) -> None:
    rows = [out(0), out(30 + 180), back(31 + 180), out(241 + 181)]

    assert found(spark, rows, "first_s", "last_s", "records") == [
        (NOON, NOON + 241, 3),
        (NOON + 422, NOON + 452, 1),
    ]
    ten_minutes = Rules(aggregation_s=600)
    assert found(spark, rows, "records", rules=ten_minutes) == [(4,)]


def test_a_short_record_inside_a_long_one_cuts_nothing(spark: SparkSession) -> None:
    rows = [out(0, end=NOON + 500), back(10), out(600)]

    assert found(spark, rows, "records") == [(3,)]


def test_the_first_rule_that_fires_says_who_began(spark: SparkSession) -> None:
    plain = {"tcp_flags": None}
    high = {"dstport": 50_000}
    stories = {
        1: ("subject", "flags", [out(), back()]),
        2: ("peer", "flags", [back(tcp_flags=2), out(tcp_flags=18)]),
        3: ("peer", "flags", [out(tcp_flags=19)]),
        4: ("subject", "reject", [out(action="REJECT", **plain)]),
        5: ("peer", "reject", [back(srcport=50_000, action="REJECT", **plain)]),
        6: ("subject", "port", [back(**plain), out(20, **plain)]),
        7: (
            "subject",
            "order",
            [out(dstport=60_000, **plain), back(1, srcport=60_000, **plain)],
        ),
        8: ("peer", "order", [out(1, dstport=60_001, **plain), back(0, srcport=60_001, **plain)]),
        9: ("unknown", "no rule", [out(dstport=60_002, **plain), back(srcport=60_002, **plain)]),
        10: ("subject", "shared port", [back(0, srcport=50_000, **plain), out(1, **high, **plain)]),
        11: ("subject", "shared port", [back(0, srcport=50_000, **plain), out(1, **high, **plain)]),
        12: ("subject", "shared port", [back(0, srcport=50_000, **plain), out(1, **high, **plain)]),
    }
    rows = [
        row for port, (_, _, records) in stories.items() for row in on_port(40_000 + port, *records)
    ]

    got = found(spark, rows, "subject_port", "initiator", "initiator_basis")

    assert got == [(40_000 + port, who, why) for port, (who, why, _) in stories.items()]


def test_random_records_give_what_a_plain_reading_of_the_rules_gives_in_any_order(
    spark: SparkSession,
) -> None:
    chance = random.Random(11)
    rows = [row for port in range(120) for row in random_story(chance, 40_000 + port)]

    names = ["subject_port", "first_s", "last_s", "records", "initiator", "initiator_basis"]
    names += ["outcome", "outcome_basis", "bytes_out", "bytes_in", "observed_at", "points"]
    expected = sorted(
        (tuple(story[name] for name in names) for story in conversations(rows, S, 180)), key=repr
    )

    for seed in (1, 2):
        frame = flows_of(spark, rows, seed=seed).repartition(3)
        got = conversations_of(frame, [S], Rules()).select(*names).collect()
        assert sorted(map(tuple, got), key=repr) == expected
    assert len({story[names.index("outcome")] for story in expected}) == 6


def random_story(chance: random.Random, port: int) -> list[Row]:
    """Up to eight records of one 5-tuple to port 22, at one or two interfaces, over minutes."""
    is_version_2 = chance.random() < 0.3
    rows: list[Row] = []
    for _ in range(chance.choice([1, 1, 2, 3, 8])):
        make = chance.choice([out, back])
        packets = chance.choice([1, 2, 5, 40])
        row = make(
            chance.randrange(0, 900),
            packets=packets,
            bytes=packets * chance.choice([40, 52, 60, 400]),
            action=chance.choice(["ACCEPT", "ACCEPT", "REJECT"]),
            tcp_flags=chance.choice([0, 1, 2, 3, 18, 19, 4, 6]),
        )
        row = at_peer(row) if chance.random() < 0.4 else row
        rows += on_port(port, version_2(row) if is_version_2 else row)
    return rows


def test_a_counter_that_no_interface_can_reach_breaks_no_sum(spark: SparkSession) -> None:
    absurd = 10**18 - 1
    rows = [out(at, packets=absurd, bytes=absurd) for at in range(0, 1200, 60)]

    assert found(spark, rows, "outcome", "packets_out", "bytes_out") == [
        ("NO_ANSWER", 20 * 10**12, 20 * 10**14)
    ]


def test_what_two_followed_peers_did_with_each_other_is_there_from_either_side(
    spark: SparkSession,
) -> None:
    """Both interfaces belong to those who are followed; each end is nearest to its own."""
    rows = [out(packets=9, bytes=2_000), back(packets=9, bytes=3_000)]
    rows += [at_peer(row, role="own_interface") for row in rows]
    columns = "subject_address peer initiator service_port outcome bytes_out bytes_in".split()
    columns += ["observed_at", "points", "hop"]

    for also in ({}, {"src_interface_id": None, "dst_interface_id": None}):  # by labels, direction
        frame = conversations_of(
            flows_of(spark, [{**row, **also} for row in rows]),
            [S, P],
            Rules(),
            hop=2,
            are_several=True,
        )
        got = sorted((tuple(row) for row in frame.select(*columns).collect()), key=repr)
        points = ["peer", "subject"]
        assert got == [
            (S, P, "subject", 22, "DATA", 2_000, 3_000, S_ENI, points, 2),
            (P, S, "peer", 22, "DATA", 3_000, 2_000, P_ENI, points, 2),
        ]


def test_a_record_of_a_followed_peer_with_a_stranger_is_there_once(spark: SparkSession) -> None:
    frame = conversations_of(
        flows_of(spark, [out(), back()]), [S], Rules(), hop=2, are_several=True
    )

    assert [(row["peer"], row["records"]) for row in frame.collect()] == [(P, 2)]

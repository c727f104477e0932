"""Conversations: what the two ends did, however many interfaces and logs saw it."""

import random
from typing import Any

from pyspark.sql import SparkSession

from jobs.spark.session import for_few_rows
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
from transforms.conversations.build import conversations_of, survey
from transforms.conversations.rules import Recorded, Rules

COLUMNS = "subject_port peer initiator initiator_basis outcome outcome_basis records".split()


def found(
    spark: SparkSession, rows: list[Row], *columns: str, rules: Rules | None = None
) -> list[tuple[Any, ...]]:
    names = columns or COLUMNS
    with for_few_rows(
        spark, is_small=True
    ):  # as the job does: compiling takes longer than it saves
        frame = conversations_of(flows_of(spark, rows), [S], rules or Rules())
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
    far = {"dstaddr": OUTSIDE, "dst_ring": "internet", "pkt_srcaddr": S, "pkt_dstaddr": OUTSIDE}
    leg = {**far, "dstaddr": "10.0.0.99", "dst_ring": "own vpc", "interface_id": NAT_ENI}
    came = {"srcaddr": OUTSIDE, "src_ring": "internet", "pkt_srcaddr": OUTSIDE, "pkt_dstaddr": S}
    went = {**came, "srcaddr": "10.0.0.99", "src_ring": "own vpc", "interface_id": NAT_ENI}
    through = on_port(
        41_000,
        out(dstport=443, **far),
        at_peer(out(dstport=443, **leg), instance_id=None, interface_id=NAT_ENI),
        back(srcport=443, **came),
        at_peer(back(srcport=443, **went), instance_id=None, interface_id=NAT_ENI),
    )

    columns = "peer peer_ring records bytes_out bytes_in observation_point points".split()

    assert found(spark, [*twice, *through], *columns) == [
        ("10.0.0.9", "own vpc", 6, 60, 60, "subject", ["peer", "subject"]),
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

    assert found(spark, [version_2(leg)], "peer", "peer_ring") == [("10.0.0.99", "middle box")]


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
    plain: dict[str, object] = {"tcp_flags": None}
    high: dict[str, object] = {"dstport": 50_000, **plain}
    udp: dict[str, object] = {"protocol": 17, **plain}

    def to(port: int, own: int, *, back_at: int = 0, **differs: object) -> list[Row]:
        """Both sides of an exchange of these ports, without flags."""
        return [
            out(srcport=own, dstport=port, **{**plain, **differs}),
            back(back_at, srcport=port, dstport=own, **{**plain, **differs}),
        ]

    crowd = [back(0, srcport=50_000, **plain), out(1, **high)]
    stories: dict[int, tuple[str, str, str, list[Row]]] = {
        1: ("subject", "SYN-ACK", "proven", [out(), back()]),
        2: ("peer", "SYN-ACK", "proven", [back(tcp_flags=2), out(tcp_flags=18)]),
        3: ("unknown", "only a reply was seen", "unknown", [out(tcp_flags=19)]),
        4: ("subject", "one side", "proven", [out(action="REJECT", **plain)]),
        5: ("peer", "one side", "proven", [back(srcport=50_000, action="REJECT", **plain)]),
        6: ("peer", "order", "likely", [back(**plain), out(20, **plain)]),
        7: ("subject", "order", "likely", to(60_000, 40_007, back_at=2)),
        8: ("subject", "order of a second", "likely", to(60_001, 40_008, back_at=1)),
        9: ("unknown", "no rule", "unknown", to(60_002, 40_009)),
        10: ("subject", "crowd", "likely", crowd),
        11: ("subject", "crowd", "likely", crowd),
        12: ("subject", "crowd", "likely", crowd),
        13: ("subject", "SYN times", "proven", [out(), back(tcp_flags=4)]),
        14: ("unknown", "SYN-ACK from both", "unknown", [out(tcp_flags=19), back(tcp_flags=19)]),
        15: ("peer", "ports", "likely", [out(dstport=51_515, srcport=22, **plain),
                                          back(srcport=51_515, dstport=22, **plain)]),
    }  # fmt: skip
    # The port of the subject is its own in these: nothing but the sender counts.
    fixed: dict[int, tuple[str, str, str, list[Row]]] = {
        53: ("subject", "one side", "proven", [out(srcport=53, dstport=1194, **udp)]),
        443: ("unknown", "no rule", "unknown", to(8000, 443)),
        161: ("subject", "order of a second", "likely", to(5353, 161, back_at=1, protocol=17)),
    }
    rows = [
        row
        for port, (*_, records) in stories.items()
        for row in (records if port == 15 else on_port(40_000 + port, *records))
    ] + [row for *_, records in fixed.values() for row in records]
    expected = {
        **{22 if port == 15 else 40_000 + port: by[:3] for port, by in stories.items()},
        **{port: by[:3] for port, by in fixed.items()},
    }

    got = found(spark, rows, "subject_port", "initiator", "initiator_basis", "certainty")

    assert {port: tuple(by) for port, *by in got} == expected


def test_a_port_that_both_sides_share_with_many_ends_is_no_service(spark: SparkSession) -> None:
    """A scan from a fixed port to a fixed port: every target has the same port."""
    scan = [
        row
        for host in range(5)
        for row in (
            out(srcport=40_000, dstport=49_152, dstaddr=f"10.0.4.{host}", tcp_flags=None),
            back(srcport=49_152, dstport=40_000, srcaddr=f"10.0.4.{host}", tcp_flags=None),
        )
    ]

    assert set(found(spark, scan, "initiator")) == {("unknown",)}


def test_a_rejected_syn_is_an_attempt_of_its_own(spark: SparkSession) -> None:
    """It never says who began what the same ports carried later; a late packet is no attempt."""
    data: dict[str, object] = {"packets": 100, "bytes": 50_000}
    before = back(0, action="REJECT", tcp_flags=2)
    later = [out(100, tcp_flags=3, **data), back(100, tcp_flags=19, **data)]
    late = back(140, action="REJECT", tcp_flags=1)
    unknown = [{**row, "tcp_flags": None} for row in (before, *later, late)]
    same_packet = [out(), at_peer(out(), action="REJECT")]
    stories = [(1, [before, *later, late]), (2, unknown), (3, same_packet)]
    rows = [row for port, records in stories for row in on_port(40_000 + port, *records)]

    got = found(spark, rows, "subject_port", "initiator", "outcome", "records")

    assert got == [
        (40_001, "peer", "BLOCKED_DST", 1),
        (40_001, "subject", "DATA", 3),
        (40_002, "peer", "BLOCKED_DST", 1),
        (40_002, "subject", "DATA", 3),
        (40_003, "subject", "BLOCKED_DST", 2),
    ]


def test_headers_are_no_data_and_unknown_volume_is_no_silence(spark: SparkSession) -> None:
    idle: dict[str, object] = {"packets": 2, "bytes": 104, "tcp_flags": 0}
    keepalives = [make(at, **idle) for at in range(0, 3_600, 60) for make in (out, back)]
    blank: dict[str, object] = {"packets": None, "bytes": None, "tcp_flags": None}
    old = {"packets": 10, "bytes": 900}
    small: dict[str, object] = {"packets": 40, "bytes": 40 * 80, "tcp_flags": 0}
    stories = {
        1: ("ANSWERED", "counters", keepalives),
        2: ("REFUSED", "flags", [out(packets=60, bytes=3_600),
                                 back(packets=60, bytes=2_400, tcp_flags=4)]),
        3: ("REFUSED", "flags", [out(bytes=1_440), back(bytes=40, tcp_flags=4)]),
        4: ("ANSWERED", "counters", [out(tcp_flags=0, **old), back(tcp_flags=4, **old)]),
        5: ("ANSWERED", "volume not recorded", [out(**blank), back(**blank)]),
        6: ("NO_ANSWER", "nothing came back", [out(**blank)]),
        7: ("NO_ANSWER", "nothing came back", [out(packets=60, bytes=3_600)]),
        8: ("DATA", "counters", [out(**small), back(**small)]),
        9: ("DATA", "flags", [out(tcp_flags=2, packets=None, bytes=None),
                              back(packets=9, bytes=9_000)]),
    }  # fmt: skip
    rows = [
        row for port, (*_, records) in stories.items() for row in on_port(40_000 + port, *records)
    ]

    got = found(spark, rows, "subject_port", "outcome", "outcome_basis")

    assert got == [(40_000 + port, *said[:2]) for port, said in stories.items()]
    sums = found(spark, [out(**blank), back(packets=1, bytes=60)], "bytes_out", "bytes_in")
    assert sums == [(None, 60)]


def test_copies_count_once_wherever_they_lie(spark: SparkSession) -> None:
    """Under another prefix, in a folder that looks like a flow log's id, or without any id."""
    name = "1_vpcflowlogs_eu-west-1_fl-0aaaaaaa_20261123T1200Z_0.log.gz"
    uris = [f"s3://b/live/{name}", f"s3://b/acme-fl-archive/{name}", "s3://b/x_fl-0aaaaaaa_again"]
    copied = [{**row, "object_uri": uri} for uri in uris for row in (out(), back())]
    exported = [
        {**row, "object_uri": uri}
        for uri in ("s3://b/one/export.csv", "s3://b/two/export.csv")
        for row in on_port(41_000, out(), back())
    ]
    # Within one object equal lines are two intervals' worth that AWS wrote twice.
    twice = on_port(42_000, out(), out(), back())

    got = found(spark, [*copied, *exported, *twice], "subject_port", "bytes_out", "records",
                "copies")  # fmt: skip

    assert got == [(40_000, 60, 2, 4), (41_000, 60, 2, 2), (42_000, 120, 3, 0)]


def test_what_only_the_peer_saw_while_the_subject_recorded_is_marked(spark: SparkSession) -> None:
    seen = on_port(40_001, out(), back())
    forged = on_port(40_002, at_peer(out(100)), at_peer(back(100)), back(100, action="REJECT"))
    late = on_port(40_003, at_peer(out(2_000)), at_peer(back(2_000)))
    frame = conversations_of(
        flows_of(spark, [*seen, *forged, *late]), [S], Rules(),
        recorded=Recorded(own_s=(NOON, NOON + 900)),
    )  # fmt: skip

    marks = {row["subject_port"]: row["is_contradicted"] for row in frame.collect()}

    assert marks == {40_001: False, 40_002: True, 40_003: False}


def test_random_records_give_what_a_plain_reading_of_the_rules_gives_in_any_order(
    spark: SparkSession,
) -> None:
    """And each record is in exactly one conversation, as a record or as a copy, or left out."""
    chance = random.Random(11)
    rows = [row for port in range(160) for row in random_story(chance, 40_000 + port)]
    nameless = [{**out(), "srcaddr": None}, {**out(), "srcaddr": "10.9.9.9", "dstaddr": "10.9.9.8",
                 "flow_direction": None, "src_basis": None, "dst_basis": None}]  # fmt: skip

    names = ["subject_port", "first_s", "last_s", "records", "copies", "initiator"]
    names += ["initiator_basis", "certainty", "outcome", "outcome_basis", "bytes_out", "bytes_in"]
    expected = sorted(
        (tuple(story[name] for name in names) for story in conversations(rows, S, 180)), key=repr
    )

    for seed in (1, 2):
        flows = flows_of(spark, [*rows, *nameless], seed=seed).repartition(3)
        with for_few_rows(spark, is_small=seed == 1):
            got = conversations_of(flows, [S], Rules()).select(*names).collect()
        assert sorted(map(tuple, got), key=repr) == expected
    left_out = survey(flows, [S]).collect()[0]["left_out"]
    assert sum(row["records"] + row["copies"] for row in got) + left_out == len(rows) + 2
    assert left_out == 2
    assert len({story[names.index("outcome")] for story in expected}) == 6
    assert {story[names.index("initiator_basis")] for story in expected} >= {
        "one side", "only a reply was seen", "SYN-ACK", "SYN-ACK from both", "SYN times", "order",
        "crowd",
    }  # fmt: skip


def random_story(chance: random.Random, port: int) -> list[Row]:
    """Up to eight records of one 5-tuple, at one or two interfaces, over minutes."""
    has_flags, service = chance.random() < 0.7, chance.choice([22, 22, 9_777, 50_000])
    protocol = chance.choice([6, 6, 6, 17])
    has_volume = chance.random() < 0.9
    rows: list[Row] = []
    for _ in range(chance.choice([1, 1, 2, 3, 8])):
        make = chance.choice([out, back])
        packets = chance.choice([1, 2, 5, 40, 90])
        row = make(
            chance.choice([0, 0, 1, 60, 120, 150, chance.randrange(0, 900)]),
            packets=packets if has_volume else None,
            bytes=packets * chance.choice([40, 52, 60, 400]) if has_volume else None,
            action=chance.choice(["ACCEPT", "ACCEPT", "REJECT"]),
            tcp_flags=chance.choice([0, 1, 2, 3, 18, 19, 4, 6]),
            protocol=protocol,
            **{"dstport" if make is out else "srcport": service},
        )
        row = at_peer(row) if chance.random() < 0.4 else row
        row = row if has_flags else version_2(row)
        rows += on_port(port, row)
        if chance.random() < 0.1:
            rows.append({**rows[-1], "object_uri": f"s3://copy/{str(rows[-1]['object_uri'])[7:]}"})
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

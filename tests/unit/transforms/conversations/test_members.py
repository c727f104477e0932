"""Each flow names the conversation that it is part of: records that can be checked by eye."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.spark.session import for_few_rows
from tests.support.flow_rows import P, Row, S, at_peer, back, flows_of, out
from transforms.conversations.build import conversations_of
from transforms.conversations.members import with_conversation, with_standing
from transforms.conversations.rules import Rules


def named(spark: SparkSession, rows: list[Row]) -> dict[str, tuple[object, ...]]:
    """Initiator, outcome and standing of the conversation of each record, by the record's id."""
    flows = flows_of(spark, [{**row, "record_id": f"r{n}"} for n, row in enumerate(rows)])
    with for_few_rows(spark, is_small=True):
        conversations = conversations_of(flows, [S], Rules())
        peers = (
            conversations.select("hop", "peer", "service_port", "protocol", "initiator")
            .distinct()
            .withColumn("standing", F.expr("IF(service_port = 22, 'suspicious', 'ordinary')"))
        )
        found = with_conversation(flows, with_standing(conversations, peers), [S]).collect()
    return {row["record_id"]: (row["initiator"], row["outcome"], row["standing"]) for row in found}


def test_a_rejected_try_inside_of_a_session_names_the_attempt_that_it_is(
    spark: SparkSession,
) -> None:
    found = named(
        spark,
        [
            out(0, packets=9, bytes=9_000),
            back(0, packets=9, bytes=9_000),
            back(40, tcp_flags=2, action="REJECT"),  # the peer tries the same ports the other way
            out(80, packets=9, bytes=9_000, tcp_flags=0),
        ],
    )

    session = ("subject", "DATA", "suspicious")
    assert found["r0"] == found["r1"] == found["r3"] == session
    assert found["r2"] == ("peer", "BLOCKED_DST", "ordinary")


def test_sessions_of_one_5_tuple_are_told_apart_by_time(spark: SparkSession) -> None:
    found = named(
        spark,
        [
            out(0),  # nothing came back
            out(5_000, packets=9, bytes=9_000),
            back(5_000, packets=9, bytes=9_000),
        ],
    )

    assert [found[each][1] for each in ("r0", "r1", "r2")] == ["NO_ANSWER", "DATA", "DATA"]


def test_a_record_of_an_unknown_vpc_is_in_no_conversation_of_the_peer_alone(
    spark: SparkSession,
) -> None:
    unknown = {**out(40), "role": "unknown_vpc", "interface_id": "eni-0ddddddd"}
    before_and_after = [at_peer(out(0)), at_peer(out(80))]

    others = named(spark, [*before_and_after, unknown])
    own = named(spark, [*before_and_after, unknown, out(0)])

    assert others["r0"] == others["r1"] == ("subject", "NO_ANSWER", "suspicious")
    assert others["r2"] == (None, None, None)  # the address may be another machine's there
    assert own["r2"] == own["r0"] == own["r3"] != (None, None, None)  # the subject knows it too


def test_a_flow_without_a_conversation_names_none(spark: SparkSession) -> None:
    nothing: Row = dict.fromkeys(("srcaddr", "dstaddr", "srcport", "dstport", "action"))
    found = named(
        spark,
        [
            {**out(0), **nothing, "log_status": "NODATA"},
            {**out(0), "srcaddr": "10.9.9.9", "dstaddr": P, "role": "other_end"},
            out(0, dstport=443),
        ],
    )

    assert found["r0"] == found["r1"] == (None, None, None)
    assert found["r2"] == ("subject", "NO_ANSWER", "ordinary")

"""The verdict: what was seen counts, silence only where coverage is full."""

import pytest
from pyspark.sql import SparkSession

from tests.support.flow_rows import OUTSIDE, Row, S, at_peer, back, flows_of, out
from transforms.conversations.build import conversations_of
from transforms.conversations.rules import Rules
from transforms.questions.context import QuestionContext
from transforms.questions.judgement import Unseen, judge
from transforms.questions.options import QuestionOptions
from transforms.questions.verdict import DID_IT_TRY, peers_of

NOTHING = dict.fromkeys(
    "attempts blocked_src blocked_dst no_answer refused answered data peers_tried peers_answered "
    "peers_with_data peers_that_matter peers_that_matter_with_data in_own_vpc in_other_vpc "
    "in_private_unknown unclear unclear_peers unclear_bytes likely contradicted volume_unknown "
    "expected ordinary ordinary_peers ordinary_ports ordinary_port uncompared uncompared_peers "
    "outside_v4 outside_v6".split(),
    0,
)
FULL = Unseen("FULL")


@pytest.mark.parametrize(
    ("differs", "unseen", "step"),
    [
        ({"attempts": 3, "answered": 2, "data": 1}, Unseen(), "DATA"),
        ({"attempts": 2, "answered": 1, "no_answer": 1}, Unseen("PARTIAL"), "ANSWERED"),
        ({"attempts": 1, "blocked_dst": 1}, FULL, "ATTEMPTED"),
        ({"attempts": 1, "no_answer": 1}, Unseen(), "ATTEMPTED"),
        ({}, FULL, "NO EVIDENCE"),
        ({}, Unseen("PARTIAL"), "CANNOT TELL"),
        ({}, Unseen("NONE"), "CANNOT TELL"),
        ({}, Unseen(), "CANNOT TELL"),
        # Whatever is unclear keeps silence from being evidence.
        ({"unclear": 1}, FULL, "CANNOT TELL"),
        ({"likely": 1}, FULL, "CANNOT TELL"),
        ({}, FULL._replace(left_out=1), "CANNOT TELL"),
        ({}, FULL._replace(assumed_addresses=("10.0.0.62",)), "CANNOT TELL"),
        # Public addresses may be of the own VPC where none of its ranges is known.
        ({"outside_v4": 1}, FULL, "CANNOT TELL"),
        ({"outside_v6": 1}, FULL._replace(known_v4=True), "CANNOT TELL"),
        ({"outside_v4": 1}, FULL._replace(known_v4=True), "NO EVIDENCE"),
    ],
)
def test_the_ladder(differs: dict[str, int], unseen: Unseen, step: str) -> None:
    assert judge({**NOTHING, **differs}, unseen).step == step


TRIED_ONE = {"attempts": 1, "peers_tried": 1, "in_own_vpc": 1}


@pytest.mark.parametrize(
    ("differs", "unseen", "sentence"),
    [
        (
            {"attempts": 201, "peers_tried": 167, "peers_answered": 9, "peers_with_data": 8,
             "data": 12, "answered": 1, "in_own_vpc": 167, "peers_that_matter": 3,
             "peers_that_matter_with_data": 1},
            FULL,
            "Yes: 167 addresses tried in 201 attempts, 8 of them answered with data; 3 of the "
            "addresses were tried at services that matter (remote admin, file sharing, directory, "
            "database, control plane, mail), 1 of these with data.",
        ),
        (
            {**TRIED_ONE, "data": 1, "peers_answered": 1, "peers_with_data": 1},
            FULL,
            "Yes: 1 address tried in 1 attempt, it answered with data.",
        ),
        (
            {**TRIED_ONE, "no_answer": 1},
            FULL,
            "Yes: 1 address tried in 1 attempt, none answered: 1 got no answer.",
        ),
        (
            {"attempts": 4, "peers_tried": 3, "answered": 2, "peers_answered": 2, "in_own_vpc": 1,
             "in_other_vpc": 2},
            FULL,
            "Yes: 3 addresses tried in 4 attempts, 2 of them answered without data; of "
            "the addresses 1 in the own VPC, 2 in other VPCs.",
        ),
        (
            {**TRIED_ONE, "blocked_dst": 1, "unclear": 1, "unclear_peers": 1,
             "unclear_bytes": 1_500_000},
            FULL._replace(unclear_peer="10.0.3.33 (db-1)", left_out=2),
            "Yes: 1 address tried in 1 attempt, none answered: 1 was blocked or refused. Who began "
            "1 conversation inside is unknown: 1.5 MB with 10.0.3.33 (db-1). 2 records of the "
            "subject are in no conversation, as an address is missing or it is unknown which end "
            "is the subject's.",
        ),
        (
            {**TRIED_ONE, "no_answer": 1},
            FULL._replace(assumed_addresses=("10.0.0.62",)),
            "Yes: 1 address tried in 1 attempt, none answered: 1 got no answer. That 10.0.0.62 is "
            "the subject's own is an assumption: of the two ends in every record, flags show it to "
            "have begun.",
        ),
        (
            {"outside_v4": 2},
            FULL,
            "Cannot tell: no attempt was seen, but no IPv4 range of the subject's VPC is known, so "
            "that any of 2 public addresses may be inside (give --labels with subnets or vpcs).",
        ),
        (
            {"likely": 3},
            Unseen("PARTIAL", ("three minutes are lost", "one object was refused")),
            "Cannot tell: no attempt was seen, but that peers began 3 conversations inside is "
            "likely, not proven; three minutes are lost; one object was refused.",
        ),
        (
            {},
            FULL,
            "No attempt was seen, and the records are complete. Session Manager, Run Command, EC2 "
            "Instance Connect and the serial console leave no flow between instances: look in "
            "CloudTrail for StartSession, SendCommand, SendSSHPublicKey and "
            "SendSerialConsoleSSHPublicKey.",
        ),
    ],
)  # fmt: skip
def test_the_sentence_says_what_was_seen_and_what_is_unclear(
    differs: dict[str, int], unseen: Unseen, sentence: str
) -> None:
    assert judge({**NOTHING, **differs}, unseen).sentence == sentence


def test_attempts_are_counted_by_peer_service_and_outcome(spark: SparkSession) -> None:
    def on(port: int, *rows: Row) -> list[Row]:
        return [{**r, "srcport" if r["srcaddr"] == S else "dstport": port} for r in rows]

    database: dict[str, object] = {"dstaddr": "10.0.0.20", "dstport": 5432, "dst_name": "db-2"}
    data = {"packets": 9, "bytes": 5_000}
    rows = [
        *on(40_001, out(**data), back(**data)),
        *on(40_002, out(), back()),
        *on(40_003, out(**database), at_peer(out(**database), action="REJECT")),
        *on(
            40_004,
            out(dstaddr=OUTSIDE, dst_ring="internet", **data),
            back(srcaddr=OUTSIDE, src_ring="internet"),
        ),
        # A client that is served at port 40000: replies are no attempts of the suspect.
        out(tcp_flags=18, dstport=22),
        back(tcp_flags=2, srcport=22),
    ]
    conversations = conversations_of(flows_of(spark, rows), [S], Rules())

    peers = peers_of(conversations).cache()
    columns = "peer service_port initiator service_class outcome attempts data answered".split()

    assert sorted(tuple(row) for row in peers.select(*columns).collect()) == [
        ("10.0.0.20", 5432, "subject", "database", "BLOCKED_DST", 1, 0, 0),
        ("10.0.0.9", 22, "subject", "remote admin", "DATA", 2, 1, 1),
        ("10.0.0.9", 40_000, "peer", None, "ANSWERED", 1, 0, 1),
        (OUTSIDE, 22, "subject", "remote admin", "DATA", 1, 1, 0),
    ]
    peers.createOrReplaceTempView("peers")
    context = QuestionContext.of_options(QuestionOptions())
    counted = spark.sql(DID_IT_TRY.source(context)).collect()[0]
    assert counted.asDict() == {
        **NOTHING, "attempts": 3, "blocked_dst": 1, "answered": 1, "data": 1, "peers_tried": 2,
        "peers_answered": 1, "peers_with_data": 1, "peers_that_matter": 2,
        "peers_that_matter_with_data": 1, "in_own_vpc": 2, "outside_v4": 1,
    }  # fmt: skip

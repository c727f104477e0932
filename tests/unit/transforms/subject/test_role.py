"""Whose flows they are, and how the subject takes part."""

from pyspark.sql import SparkSession

from tests.unit.transforms.label.test_join import Cells, flows_of, rows_of
from transforms.label.build import build_label_tables
from transforms.subject.identity import Holding, Part, Subject, resolve_subject
from transforms.subject.role import of_subject, with_role

SUSPECT = Subject(
    instance_ids=("i-1",),
    vpc_ids=("vpc-a",),
    interface_ids=("eni-1",),
    holdings=(
        Holding("10.0.1.7", None, None, ("vpc-b",)),
        Holding("10.0.1.8", 100, 200, ()),
    ),
)


def test_a_role_says_how_the_subject_takes_part(spark: SparkSession) -> None:
    cases: list[tuple[Cells, str | None]] = [
        ({"interface_id": "eni-1"}, "own_interface"),
        ({"instance_id": "i-1"}, "own_interface"),
        ({"interface_id": "eni-1", "srcaddr": "10.0.1.7"}, "own_interface"),
        ({"interface_id": "eni-2", "srcaddr": "10.0.1.7", "vpc_id": "vpc-a"}, "other_end"),
        # the same address may be another machine's in a VPC that nobody names
        ({"interface_id": "eni-2", "srcaddr": "10.0.1.7"}, "unknown_vpc"),
        ({"interface_id": "eni-2", "dstaddr": "10.0.1.7"}, "unknown_vpc"),
        ({"interface_id": "eni-2", "pkt_srcaddr": "10.0.1.7"}, "behind"),
        ({"interface_id": "eni-2", "pkt_dstaddr": "10.0.1.7"}, "behind"),
        ({"interface_id": "eni-2", "srcaddr": "10.0.1.71"}, None),
        ({"interface_id": "eni-2", "instance_id": "i-2"}, None),
        ({}, None),
        # the same range in another VPC is someone else's; in a third VPC it can only be the subject
        ({"srcaddr": "10.0.1.7", "vpc_id": "vpc-b"}, None),
        ({"srcaddr": "10.0.1.7", "vpc_id": "vpc-c"}, "other_end"),
        # the address was the subject's from 100 until before 200
        ({"srcaddr": "10.0.1.8", "start": 40, "end": 99}, None),
        ({"srcaddr": "10.0.1.8", "start": 41, "end": 100}, "unknown_vpc"),
        ({"srcaddr": "10.0.1.8", "start": 199, "end": 258}, "unknown_vpc"),
        ({"srcaddr": "10.0.1.8", "start": 200, "end": 259}, None),
    ]
    flows = flows_of(spark, *(record for record, _ in cases)).selectExpr(
        "*", "vpc_id AS record_vpc_id"
    )

    judged = flows.transform(with_role, SUSPECT).orderBy("number")

    assert [row.role for row in judged.collect()] == [role for _, role in cases]
    kept = judged.transform(of_subject).select("number").orderBy("number").collect()
    assert [number for (number,) in kept] == [
        number for number, (_, role) in enumerate(cases) if role is not None
    ]


def test_the_subject_is_what_was_asked_for_and_what_the_labels_say_of_it() -> None:
    tables, problems = build_label_tables(
        {
            "vpcs": rows_of(
                {"vpc_id": "vpc-a", "cidrs": "10.0.0.0/16"},
                {"vpc_id": "vpc-b", "cidrs": "10.0.0.0/16"},
                {"vpc_id": "vpc-c", "cidrs": "10.9.0.0/16"},
            ),
            "interfaces": rows_of(
                {"interface_id": "eni-1", "instance_id": "i-1", "vpc_id": "vpc-a",
                 "addresses": "10.0.1.7", "valid_to": "1970-01-01T00:05:00Z"},
                {"interface_id": "eni-2", "instance_id": "i-2", "vpc_id": "vpc-a",
                 "addresses": "10.0.1.9"},
            ),
        }
    )  # fmt: skip
    assert problems == []

    subject = resolve_subject(["i-1"], ["eni-7"], ["2001:db8::15"], None, tables)

    assert subject == Subject(
        ("i-1",),
        ("vpc-a",),
        ("eni-7", "eni-1"),
        (Holding("2001:db8::15", None, None, ()), Holding("10.0.1.7", None, 300, ("vpc-b",))),
        (
            Part("eni-7", None, None, None, "argument"),
            Part(None, "2001:db8::15", None, None, "argument"),
            Part("eni-1", None, None, 300, "labels"),
            Part("eni-1", "10.0.1.7", None, 300, "labels"),
        ),
    )


def test_an_interface_counts_while_it_was_the_subjects_and_a_record_may_say_otherwise(
    spark: SparkSession,
) -> None:
    subject = Subject(
        ("i-1",),
        ("vpc-a",),
        ("eni-1", "eni-2", "eni-3"),
        (),
        (
            Part("eni-1", None, 100, 200, "labels"),
            Part("eni-2", None, None, None, "finding"),
            Part("eni-3", None, None, None, "argument"),
        ),
    )
    cases: list[tuple[Cells, str | None]] = [
        ({"interface_id": "eni-1", "start": 40, "end": 99}, None),
        ({"interface_id": "eni-1", "start": 199, "end": 258}, "own_interface"),
        ({"interface_id": "eni-1", "start": 200, "end": 259}, None),
        ({"interface_id": "eni-1", "instance_id": "i-1", "start": 200}, "own_interface"),
        ({"interface_id": "eni-2"}, "own_interface"),
        ({"interface_id": "eni-2", "instance_id": "i-2"}, None),
        ({"interface_id": "eni-3", "instance_id": "i-2"}, "own_interface"),
    ]
    flows = flows_of(spark, *(record for record, _ in cases)).selectExpr(
        "*", "vpc_id AS record_vpc_id"
    )

    judged = flows.transform(with_role, subject).orderBy("number")

    assert [row.role for row in judged.collect()] == [role for _, role in cases]

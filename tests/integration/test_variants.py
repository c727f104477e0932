"""Days that are hard to label: each flow is whose the generator says, in a run from the finding."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import boto3
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from demo.variants import PREDECESSOR, Seen, reused_address_day, terminated_day
from demo.vpc import SUSPECT
from jobs.trace_instance import main

PEER = "peer_name peer protocol service_port started_by".split()


def trace(spark: SparkSession, day: Path, output: Path, *more: str) -> DataFrame:
    flags = ["--flow_logs", str(day / "flow-logs"), "--labels", str(day / "labels")]
    flags += [] if "everything" in more else ["--max_hops", "1"]
    assert main([*flags, "--output", str(output), "--case_id", day.name, *more]) == 0
    return spark.read.format("delta").load(str(output / day.name / "flows"))


def peers_of(spark: SparkSession, case: Path) -> list[tuple[object, ...]]:
    """Attempts (5-tuples) and how many of them were stopped, by peer and service."""
    conversations = spark.read.format("delta").load(str(case / "conversations"))
    tuple_5 = F.struct("subject_address", "subject_port", "peer_port")
    stopped = F.when(F.col("outcome").startswith("BLOCKED"), tuple_5)
    peers = (
        conversations.where("hop = 1 AND peer_ring IN ('own vpc', 'other vpc', 'private, unknown')")
        .groupBy("peer_name", "peer", "protocol", "service_port", "initiator")
        .agg(F.countDistinct(tuple_5), F.countDistinct(stopped))
    )
    return sorted(map(tuple, peers.collect()), key=repr)


def test_version_2_records_of_a_terminated_instance_give_the_same_peers(
    spark: SparkSession, bucket: str, tmp_path: Path
) -> None:
    truth = terminated_day(tmp_path / "now", 5)
    terminated_day(tmp_path / "gone", 2)
    assert SUSPECT.interface_id not in (tmp_path / "gone/labels/interfaces.csv").read_text()
    finding = (tmp_path / "now/finding.json").read_bytes()
    boto3.client("s3").put_object(Bucket=bucket, Key="a/finding.json", Body=finding)
    in_s3 = f"s3://{bucket}/a/finding.json"

    now = trace(spark, tmp_path / "now", tmp_path / "out", "--finding", in_s3)
    gone = trace(
        spark, tmp_path / "gone", tmp_path / "out", "--finding", str(tmp_path / "gone/finding.json")
    )

    expected = sorted(
        (
            (*(peer[key] for key in PEER), peer["accepted"] + peer["rejected"], peer["rejected"])
            for peer in truth.peers()
        ),
        key=repr,
    )
    assert len(expected) > 100
    assert peers_of(spark, tmp_path / "out/now") == expected
    assert peers_of(spark, tmp_path / "out/gone") == expected
    for flows in (now, gone):
        assert flows.count() == truth.subject_records
    own = gone.where(f"interface_id = '{SUSPECT.interface_id}' AND srcaddr = '{SUSPECT.address}'")
    names = own.select("src_name", "src_vpc_name", "src_subnet_name", "src_basis").distinct()
    assert [tuple(row) for row in names.collect()] == [("web-3", "shop", "shop-web", "interface")]
    parts = json.loads((tmp_path / "out/gone/manifest.json").read_text())["subject"]["parts"]
    assert {part["source"] for part in parts} == {"finding"}
    described = json.loads((tmp_path / "out/now/manifest.json").read_text())["finding"]
    assert (described["uri"], described["sha256"]) == (in_s3, hashlib.sha256(finding).hexdigest())
    assert (tmp_path / "out/now/finding.json").read_bytes() == finding


def test_each_flow_of_a_reused_address_is_its_owners_of_that_time(
    spark: SparkSession, tmp_path: Path
) -> None:
    truth = reused_address_day(tmp_path / "night")
    finding = str(tmp_path / "night/finding.json")
    window = ["--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T04:00:00Z"]

    flows = trace(
        spark, tmp_path / "night", tmp_path / "out", "--finding", finding, *window,
        "--scope", "everything",
    )  # fmt: skip

    found = flows.selectExpr(
        "interface_id", "srcaddr", "srcport", "dstaddr", "dstport", "start", "src_instance_id",
        "dst_instance_id", "role IS NOT NULL",
    )  # fmt: skip
    assert {row.source_instance for row in truth} >= {PREDECESSOR.instance_id, SUSPECT.instance_id}
    assert Counter(Seen(*row) for row in found.collect()) == Counter(truth)


def test_an_interface_that_only_records_know_is_found_and_its_peers_are_read_again(
    spark: SparkSession, tmp_path: Path
) -> None:
    truth = terminated_day(tmp_path / "day", 5)
    terminated_day(tmp_path / "gone", 2)
    (tmp_path / "gone/labels").rename(tmp_path / "day/labels-without")
    # The labels remember the instance, and none of its interfaces.
    with (tmp_path / "day/labels-without/instances.csv").open("a") as instances:
        instances.write(f"{SUSPECT.instance_id},web-3\n")
    window = ["--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z"]

    flows = trace(
        spark, tmp_path / "day", tmp_path / "out", "--instance_id", str(SUSPECT.instance_id),
        *window, "--labels", str(tmp_path / "day/labels-without"),
    )  # fmt: skip

    assert flows.count() == truth.subject_records
    at_peers = flows.where("role = 'other_end'")
    assert at_peers.count() > 0  # none of them has an id of the subject: only its address
    assert at_peers.where(f"instance_id = '{SUSPECT.instance_id}'").count() == 0
    parts = json.loads((tmp_path / "out/day/manifest.json").read_text())["subject"]["parts"]
    assert {(part["interface_id"], part["address"], part["source"]) for part in parts} == {
        (SUSPECT.interface_id, None, "records"),
        (SUSPECT.interface_id, SUSPECT.address, "records"),
    }

"""A published capture with known truth, read where it lies: it is not part of the repository.

MITRE's emulation of APT29, day 1, as flow records (from OTRF Security-Datasets d9d40ef, MIT).
CAPTURES names the folder that holds `apt29-day1`.
"""

import json
import os
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.trace_instance import main
from transforms.questions.sql import LEAST_USUAL_FIRST

DAY = Path(os.environ.get("CAPTURES", "captures")) / "apt29-day1"
pytestmark = pytest.mark.skipif(
    not DAY.is_dir(), reason="CAPTURES names no folder with the capture apt29-day1"
)
LATERAL = {("10.0.1.6", port) for port in (5985, 445, 135, 55121, 80)}


@pytest.fixture(scope="module", params=["flowlogs-day1", "flowlogs-day1-rfc1918-c2"])
def case(
    spark: SparkSession, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("captures")
    flags = ["--flow_logs", str(DAY / request.param), "--labels", str(DAY / "labels")]
    flags += ["--instance_id", "i-05c4a470000000001", "--case_id", "day", "--output", str(folder)]
    flags += ["--from", "2020-04-30T00:05:00Z", "--to", "2020-04-30T00:50:00Z"]
    assert main(flags) == 0
    return folder / "day"


def table(spark: SparkSession, case: Path, name: str) -> DataFrame:
    return spark.read.format("delta").load(str(case / name))


def test_the_five_lateral_rows_are_first_among_those_of_the_vpc(
    spark: SparkSession, case: Path
) -> None:
    begun = table(spark, case, "peers").where("hop = 1 AND initiator = 'subject'")
    inside = begun.where("peer_ring = 'own vpc'")
    ordered = inside.orderBy(F.expr(LEAST_USUAL_FIRST), "peer").select("peer", "service_port")

    assert {tuple(row) for row in ordered.take(5)} == LATERAL
    assert inside.where("standing = 'suspicious'").count() == 5
    assert inside.count() > 5


def test_the_second_host_and_its_command_server_are_in_path_and_headline(
    spark: SparkSession, case: Path
) -> None:
    steps = table(spark, case, "path").where("from_address = '10.0.1.6' AND service_port = 8443")
    (server,) = {row["to_address"] for row in steps.collect()}
    story = json.loads((case / "manifest.json").read_text())["story"]

    assert server in ("198.51.100.4", "192.168.0.4")
    assert f"went on through NASHUA to {server}" in story["headline"]
    assert steps.where("first_at < contact_at").count() == 0


def test_the_command_servers_are_named_as_channels(spark: SparkSession, case: Path) -> None:
    (row,) = table(spark, case, "answers").where("question = 'P1-12c'").collect()
    found = {(each["peer"][-2:], each["service_port"]) for each in map(json.loads, row["details"])}

    assert {(".5", 1234), (".5", 443), (".4", 80)} <= found

"""Every flow in one pass: what the objects hold beside flows is accounted for all the same."""

import gzip
import json
import random
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.trace_instance import main
from tests.support.paths import DATA

NOON = 1763985600  # 2025-11-24T12:00:00Z
HEADER = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
HEADER += "start end action log-status\n"
WINDOW = ["--from", "2025-11-24T00:00:00Z", "--to", "2025-11-25T00:00:00Z"]


def lines(number: int, seed: int) -> str:
    """So many flow records that do not compress to nothing."""
    drawn = random.Random(seed)
    return HEADER + "".join(
        f"2 123456789012 eni-1 10.0.{drawn.randrange(256)}.{drawn.randrange(256)} 10.0.1.7 "
        f"{drawn.randrange(65536)} 443 6 1 {drawn.randrange(10**6)} {NOON} {NOON + 60} ACCEPT OK\n"
        for _ in range(number)
    )


def persisted(spark: SparkSession) -> dict[int, str]:
    """What Spark keeps in memory or on disk for later, by id; many have no name."""
    held = spark.sparkContext._jsc.getPersistentRDDs()
    return {key: str(rdd.name()) for key, rdd in held.items()}


def test_records_of_an_object_that_breaks_late_are_no_evidence(
    spark: SparkSession, tmp_path: Path
) -> None:
    earlier = set(persisted(spark))
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "good.log.gz").write_bytes(gzip.compress((lines(50, 1) + "no record\n").encode()))
    # So many that they are parsed, and on their way to Delta, before the end is found missing.
    broken = gzip.compress(lines(250_000, 2).encode())
    (logs / "broken.log.gz").write_bytes(broken[:-1_000])

    code = main([
        "--scope", "everything", "--flow_logs", str(logs), "--labels", str(DATA / "labels"),
        "--case_id", "late", "--output", str(tmp_path / "out"), *WINDOW,
    ])  # fmt: skip

    case = tmp_path / "out/late"
    manifest = json.loads((case / "manifest.json").read_text())
    flows = spark.read.format("delta").load(str(case / "flows"))
    assert code == 0
    sources = {row.object_uri for row in flows.select("object_uri").distinct().collect()}
    assert sources == {(logs / "good.log.gz").as_uri()}
    assert flows.count() == 50
    objects = spark.read.format("delta").load(str(case / "objects"))
    told = {Path(row.uri).name: row for row in objects.collect()}
    assert told["broken.log.gz"].outcome == "refused"
    versions = spark.sql(f"DESCRIBE HISTORY delta.`{case}/flows`").orderBy("version").collect()
    operations = [row.operation for row in versions]
    assert operations == ["WRITE", "Manual Update", "DELETE"]  # emptied, written, deleted again
    assert int(versions[2].operationMetrics["numDeletedRows"]) > 100_000
    assert (told["good.log.gz"].outcome, told["good.log.gz"].in_window_lines) == ("read", 50)
    refused = spark.read.format("delta").load(str(case / "quarantine")).collect()
    assert sorted((row.stage, Path(row.object_uri).name) for row in refused) == [
        ("line", "good.log.gz"), ("object", "broken.log.gz"),
    ]  # fmt: skip
    assert all(each["holds"] for each in manifest["identities"])
    assert not (case / ".side_rows").exists()
    # Nothing is in memory but what Delta remembers of its own logs.
    held = [name for key, name in persisted(spark).items() if key not in earlier]
    assert not [name for name in held if "Delta Table State" not in name]


def write_object(logs: Path, flow_log: str, interface: str, hour: int) -> None:
    """An object of ten records, under the key that AWS gives it."""
    begin = NOON + (hour - 12) * 3600
    text = HEADER + "".join(
        f"2 123456789012 {interface} 10.0.1.7 10.0.2.9 {port} 443 6 1 60 {begin} {begin + 60} "
        "ACCEPT OK\n"
        for port in range(40_000, 40_010)
    )
    name = f"123456789012_vpcflowlogs_eu-west-1_{flow_log}_20251124T{hour:02}00Z_0a1b2c3d.log.gz"
    path = logs / "AWSLogs/123456789012/vpcflowlogs/eu-west-1/2025/11/24" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()))


@pytest.mark.parametrize(
    ("written", "wanted", "rows"),
    [
        (
            [("fl-0a", "eni-0a", hour) for hour in range(0, 24, 2)],
            "start_at < '2025-11-24 06:00'",
            30,
        ),
        (
            [(f"fl-0{each}", f"eni-0{each}", hour) for each in "ab" for hour in range(0, 24, 4)],
            "interface_id = 'eni-0b'",
            60,
        ),
    ],
    ids=["time", "interface"],
)
def test_a_query_opens_the_files_of_its_time_and_of_its_interface_alone(
    spark: SparkSession,
    tmp_path: Path,
    written: list[tuple[str, str, int]],
    wanted: str,
    rows: int,
) -> None:
    """Tasks read neighbours of the listing, which is in order of flow logs, then of time."""
    for flow_log, interface, hour in written:
        write_object(tmp_path / "logs", flow_log, interface, hour)

    code = main([
        "--scope", "everything", "--flow_logs", str(tmp_path / "logs"), "--case_id", "files",
        "--labels", str(DATA / "labels"), "--output", str(tmp_path / "out"), *WINDOW,
    ])  # fmt: skip

    flows = spark.read.format("delta").load(str(tmp_path / "out/files/flows"))
    assert code == 0
    assert len(flows.inputFiles()) == 2
    assert len(flows.where(wanted).inputFiles()) == 1
    assert flows.where(wanted).count() == rows

"""Flow logs of three accounts in two regions: a finding of one account reads that one's, and those
of the accounts that the path leads to.

web (10.0.0.7, account 1) enters app (10.1.0.9, account 2) and old (10.3.0.9, account 4) over SSH;
app goes on to db (10.2.0.12, account 3, in the other region). Account 4 has no flow log.
"""

import gzip
import json
from datetime import datetime
from pathlib import Path

import boto3
import pytest
from pyspark.sql import SparkSession

from jobs import verify_case
from jobs.errors import ExitCode
from jobs.trace_instance import main
from tests.support.records import COLUMNS, flow_line

ONE, TWO, THREE, FOUR = "111122223333", "222233334444", "333344445555", "444455556666"
REGIONS = HERE, THERE = ("eu-west-1", "us-east-1")
WEB, APP, DB, OLD, CLIENT = "10.0.0.7", "10.1.0.9", "10.2.0.12", "10.3.0.9", "198.51.100.5"
HOME = {WEB: (ONE, HERE), APP: (TWO, HERE), DB: (THREE, THERE), OLD: (FOUR, HERE)}
LETTER = {WEB: "a", APP: "b", DB: "d", OLD: "e"}
NAMES = ("web", "app", "db", "old")


def second(clock: str) -> int:
    return int(datetime.fromisoformat(f"2026-11-23T{clock}:00Z").timestamp())


def seen_by(address: str, clock: str, source: str, target: str, port: int) -> list[bytes]:
    """Both directions of a conversation with data, as the interface of one end recorded them."""
    at = second(clock)
    return [
        flow_line(
            account_id=HOME[address][0], interface_id=f"eni-{LETTER[address] * 17}",
            instance_id=f"i-{LETTER[address] * 17}", vpc_id=f"vpc-{HOME[address][0][:8]}",
            srcaddr=src, dstaddr=dst, pkt_srcaddr=src, pkt_dstaddr=dst, srcport=str(sport),
            dstport=str(dport), tcp_flags=str(flags), packets="20", bytes="9000",
            start=str(at), end=str(at + 50),
            flow_direction="egress" if src == address else "ingress",
        )
        for src, dst, sport, dport, flags in (
            (source, target, 40_000 + port, port, 2),
            (target, source, port, 40_000 + port, 18),
        )
    ]  # fmt: skip


LINES = {
    HOME[WEB]: [
        *seen_by(WEB, "01:00", CLIENT, WEB, 443),
        *seen_by(WEB, "03:00", WEB, APP, 22),
        *seen_by(WEB, "03:05", WEB, OLD, 22),
    ],
    HOME[APP]: [
        *seen_by(APP, "03:00", WEB, APP, 22),
        *seen_by(APP, "03:10", APP, DB, 22),
    ],
    HOME[DB]: [*seen_by(DB, "03:10", APP, DB, 22)],
}


@pytest.fixture
def flow_logs(bucket: str) -> str:
    """One object for each of three accounts and two regions; three hold nothing of the story."""
    client = boto3.client("s3")
    for account in (ONE, TWO, THREE):
        for region in REGIONS:
            log = f"{account}_vpcflowlogs_{region}_fl-0{account[:8]}"
            lines = LINES.get((account, region)) or [flow_line(account_id=account)]
            client.put_object(
                Bucket=bucket,
                Key=f"AWSLogs/{account}/vpcflowlogs/{region}/2026/11/23/{log}_20261123T0400Z_0badcafe.log.gz",
                Body=gzip.compress(" ".join(COLUMNS).encode() + b"\n" + b"".join(lines)),
            )
    return f"s3://{bucket}/AWSLogs/{{account}}/vpcflowlogs/{{region}}"


@pytest.fixture
def flags(flow_logs: str, tmp_path: Path) -> list[str]:
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "interfaces.csv").write_text(
        "interface_id,instance_id,addresses,name,vpc_id,account_id,region\n"
        + "".join(
            f"eni-{letter * 17},i-{letter * 17},{address},{name},vpc-{HOME[address][0][:8]},"
            f"{','.join(HOME[address])}\n"
            for (address, letter), name in zip(LETTER.items(), NAMES, strict=True)
        )
    )
    finding = tmp_path / "finding.json"
    finding.write_text(
        json.dumps({
            "id": "f-1", "accountId": ONE, "region": "eu-west-1",
            "type": "UnauthorizedAccess:EC2/SSHBruteForce",
            "resource": {"resourceType": "Instance", "instanceDetails": {
                "instanceId": f"i-{'a' * 17}",
                "networkInterfaces": [
                    {"networkInterfaceId": f"eni-{'a' * 17}", "privateIpAddress": WEB}
                ],
            }},
            "service": {
                "eventFirstSeen": "2026-11-23T02:30:00Z", "eventLastSeen": "2026-11-23T02:40:00Z",
                "action": {},
            },
        })
    )  # fmt: skip
    return [
        *("--flow_logs", flow_logs, "--labels", str(labels), "--finding", str(finding)),
        *("--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T04:00:00Z"),
        *("--case_id", "accounts", "--output", str(tmp_path / "cases")),
    ]


def homes_read(spark: SparkSession, case: Path, folder: str = "") -> list[tuple[str, str]]:
    """Account and region of each object that a reading listed, by the names of its folders."""
    rows = spark.read.format("delta").load(str(case / folder / "objects")).select("uri").collect()
    parts = [row["uri"].split("/") for row in rows]
    return sorted((part[4], part[6]) for part in parts)


def test_a_finding_reads_its_own_account_and_the_path_those_that_it_leads_to(
    spark: SparkSession, flags: list[str], tmp_path: Path
) -> None:
    assert main(flags) == ExitCode.COMPLETE

    case = tmp_path / "cases/accounts"
    assert homes_read(spark, case) == [HOME[WEB]]  # of six
    assert homes_read(spark, case, "path_1") == [HOME[WEB], HOME[APP]]
    assert homes_read(spark, case, "path_2") == [HOME[WEB], HOME[APP], HOME[DB]]
    path = spark.read.format("delta").load(str(case / "path"))
    steps = path.select("hop", "from_address", "to_address", "service_port", "outcome")
    assert sorted(tuple(row) for row in steps.collect()) == [
        (1, WEB, APP, 22, "DATA"),
        (1, WEB, OLD, 22, "DATA"),
        (2, APP, DB, 22, "DATA"),
    ]
    answers = spark.read.format("delta").load(str(case / "answers"))
    (spread,) = answers.where("question = 'P0-9'").collect()
    bucket = flags[1].split("/")[2]
    assert (
        "1 prefix of where the path led could not be listed: "
        f"s3://{bucket}/AWSLogs/{FOUR}/vpcflowlogs/{HERE} (" in spread["sentence"]
    )
    assert verify_case.main(["--case", str(case)]) == 0


def test_without_finding_and_labels_nobody_knows_the_account(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*flags[:2], *flags[6:], "--addresses", WEB]

    assert main(words) == ExitCode.BAD_INPUT

    assert "and nothing that tells the account and the region" in capsys.readouterr().err

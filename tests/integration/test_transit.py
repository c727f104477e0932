"""A run over flow logs of a VPC and of the transit gateway behind it."""

import gzip
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.storage.delta_read import read_table
from jobs.trace_instance import main
from jobs.verify_case import main as verify

pytestmark = pytest.mark.integration

START = 1_795_435_200  # 2026-11-23 12:00:00 UTC
VPC = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action \
tcp-flags flow-direction log-status vpc-id"
TGW = "tgw-id tgw-attachment-id tgw-pair-attachment-id flow-direction tgw-src-vpc-id \
tgw-dst-vpc-id tgw-dst-vpc-account-id srcaddr dstaddr srcport dstport protocol packets tcp-flags \
start end log-status"


def write(folder: Path, flow_log: str, header: str, *lines: str) -> None:
    folder.mkdir(exist_ok=True)
    name = f"111122223333_vpcflowlogs_eu-west-1_{flow_log}_20261123T1200Z_0a.log.gz"
    (folder / name).write_bytes(gzip.compress("\n".join([header, *lines, ""]).encode()))


def test_an_attempt_that_left_through_a_gateway_is_shown_and_counts_in_no_flow(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = f"{START} {START + 50}"
    write(
        tmp_path / "logs", "fl-0aaaaaaa", VPC,
        f"eni-0aaaaaaa 10.20.1.13 10.30.1.4 40000 22 6 3 180 {times} ACCEPT 2 egress OK "
        "vpc-0a0a0a0a",
    )  # fmt: skip
    vpcs = "vpc-0a0a0a0a vpc-0b0b0b0b 444455556666"
    write(
        tmp_path / "logs", "fl-0bbbbbbb", TGW,
        f"tgw-1 att-a att-b ingress {vpcs} 10.20.1.13 10.30.1.4 40000 22 6 3 2 {times} OK",
        f"tgw-1 att-b att-a egress {vpcs} 10.20.1.13 10.30.1.4 40000 22 6 3 2 {times} OK",
        f"tgw-1 att-a att-b ingress {vpcs} 10.20.1.130 10.30.1.4 1 22 6 3 2 {times} OK",
    )  # fmt: skip
    flags = [
        "--flow_logs", str(tmp_path / "logs"), "--output", str(tmp_path), "--case_id", "gateway",
        "--instance_id", "i-0aaaaaaaaaaaaaaaa", "--interface_ids", "eni-0aaaaaaa",
        "--addresses", "10.20.1.13", "--vpc_id", "vpc-0a0a0a0a",
        "--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T12:05:00Z",
    ]  # fmt: skip

    assert main(flags) == 0

    printed = capsys.readouterr().out
    assert (
        "Transit     1 connection of the subject passed a transit gateway; 1 connection that the "
        "peer did not begin, 1 connection of them to where no flow log of this run looks\n"
        "  - 10.30.1.4 tcp 22 through att-a to vpc-0b0b0b0b of account 444455556666: 3 packets "
        "sent, nothing came back, 2026-11-23 12:00:00 UTC\n"
    ) in printed
    case = tmp_path / "gateway"
    transit = read_table(spark, str(case / "transit")).orderBy("object_line").collect()
    assert [(row["side"], row["tgw_attachment_id"], row["tgw_dst_vpc_id"]) for row in transit] == [
        ("src", "att-a", "vpc-0b0b0b0b"),
        ("src", "att-b", "vpc-0b0b0b0b"),
    ]
    (conversation,) = read_table(spark, str(case / "conversations")).collect()
    assert (conversation["packets_out"], conversation["records"]) == (3, 1)
    objects = read_table(spark, str(case / "objects"))
    assert {row["flow_log_id"]: row["outcome"] for row in objects.collect()} == {
        "fl-0aaaaaaa": "read", "fl-0bbbbbbb": "transit",
    }  # fmt: skip
    manifest = json.loads((case / "manifest.json").read_text())
    assert manifest["tables"]["transit"]["rows"] == 2
    # The gateway's flow log is none of an interface: it says nothing of the coverage.
    coverage = read_table(spark, str(case / "coverage")).collect()
    assert {row["flow_log_id"] for row in coverage} <= {"fl-0aaaaaaa", None}

    assert verify(["--case", str(case)]) == 0

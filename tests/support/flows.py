"""One realistic flow as the table `flows` holds it; a test states only what differs from it."""

from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession

from transforms.schemas import FLOWS

FLOW: dict[str, object] = {
    "record_id": "a1",
    "start_at": datetime(2026, 11, 23, 2, 0, 5, tzinfo=UTC),
    "end_at": datetime(2026, 11, 23, 2, 0, 59, tzinfo=UTC),
    "start": 1795399205,
    "end": 1795399259,
    "role": "own_interface",
    "version": 5,
    "account_id": "111122223333",
    "interface_id": "eni-0a",
    "srcaddr": "10.0.0.7",
    "dstaddr": "10.0.0.9",
    "srcport": 49152,
    "dstport": 22,
    "protocol": 6,
    "packets": 10,
    "bytes": 840,
    "action": "ACCEPT",
    "log_status": "OK",
    "vpc_id": "vpc-0a",
    "subnet_id": "subnet-0a",
    "instance_id": "i-0a",
    "tcp_flags": 18,
    "type": "IPv4",
    "pkt_srcaddr": "10.0.0.7",
    "pkt_dstaddr": "10.0.0.9",
    "region": "eu-west-1",
    "az_id": "euw1-az1",
    "flow_direction": "egress",
    "traffic_path": 1,
    "instance_name": "web-3",
    "dst_name": "db-1",
    "object_uri": "s3://logs/one.log.gz",
    "object_line": 2,
    "run_id": "20261124t000000z-0000",
}


def flows_like(spark: SparkSession, *differs: dict[str, object]) -> DataFrame:
    """Flows that are FLOW but for some columns; None removes a value."""
    return spark.createDataFrame([{**FLOW, **other} for other in differs], FLOWS)

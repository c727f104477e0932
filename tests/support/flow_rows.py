"""Flows as a test writes them: one realistic record, with what differs."""

import random
from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession

from transforms.schemas import FLOW_COLUMNS, FLOWS

S, P, OUTSIDE = "10.0.0.7", "10.0.0.9", "198.51.100.1"
S_ENI, P_ENI, NAT_ENI = "eni-0aaaaaaa", "eni-0bbbbbbb", "eni-0cccccccc"
NOON = 1_795_435_200  # 2026-11-23 12:00:00 UTC
FL = "fl-0aaaaaaa"

Row = dict[str, object]


def out(at: int = 0, /, **differs: object) -> Row:
    """A record of a SYN from the suspect to the peer, at the suspect's interface."""
    row: Row = {
        "role": "own_interface", "interface_id": S_ENI, "instance_id": "i-0aaaaaaa",
        "vpc_id": "vpc-0aaaaaaa", "flow_direction": "egress", "protocol": 6, "srcaddr": S,
        "srcport": 40_000, "dstaddr": P, "dstport": 22, "action": "ACCEPT", "tcp_flags": 2,
        "packets": 1, "bytes": 60, "start": NOON + at, "end": NOON + at + 30, "log_status": "OK",
        "src_ring": "own vpc", "src_basis": "interface", "dst_name": "db-1",
        "dst_ring": "own vpc", "dst_basis": "address", "dst_interface_id": P_ENI,
        "src_interface_id": S_ENI,
        "object_uri": f"s3://b/1_vpcflowlogs_eu-west-1_{FL}_20261123T1200Z_0.log.gz",
    }  # fmt: skip
    return _timed({**row, **differs})


def back(at: int = 0, /, **differs: object) -> Row:
    """A record of the peer's SYN-ACK, at the suspect's interface."""
    turned = {
        "flow_direction": "ingress", "srcaddr": P, "srcport": 22, "dstaddr": S, "dstport": 40_000,
        "tcp_flags": 18, "src_name": "db-1", "dst_name": None, "src_basis": "address",
        "dst_basis": "interface", "src_interface_id": P_ENI, "dst_interface_id": S_ENI,
    }  # fmt: skip
    return out(at, **{**turned, **differs})


def at_peer(row: Row, **differs: object) -> Row:
    """The same record as the peer's interface logs it."""
    turned = {
        "role": "other_end", "interface_id": P_ENI, "instance_id": "i-0bbbbbbb",
        "flow_direction": "ingress" if row["flow_direction"] == "egress" else "egress",
    }  # fmt: skip
    return _timed({**row, **turned, **differs})


def version_2(row: Row) -> Row:
    """What the default format leaves of a record, with what labels add."""
    later = ("instance_id", "vpc_id", "tcp_flags", "flow_direction", "pkt_srcaddr", "pkt_dstaddr")
    return {**row, **dict.fromkeys(later)}


def flows_of(spark: SparkSession, rows: Iterable[Row], *, seed: int | None = None) -> DataFrame:
    """A frame of the shape of the table `flows`; a seed shuffles the rows."""
    rows = list(rows)
    if seed is not None:
        random.Random(seed).shuffle(rows)
    return spark.createDataFrame(
        [tuple(row.get(name) for name in FLOW_COLUMNS) for row in rows], FLOWS
    )


def _timed(row: Row) -> Row:
    from datetime import UTC, datetime

    start, end = (datetime.fromtimestamp(int(str(row[name])), UTC) for name in ("start", "end"))
    return {**row, "start_at": start, "end_at": end}

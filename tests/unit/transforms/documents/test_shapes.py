"""ECS and OCSF documents, checked by hand against the published attributes."""

import json
from importlib import resources
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.support.flows import flows_like
from transforms.documents.flows import DOCUMENT_ID, to_documents, to_rows

# Rejected on ingress behind a middle box, by SYN, without labels.
REJECTED: dict[str, object] = {
    "record_id": "b2",
    "action": "REJECT",
    "reject_reason": "BPA",
    "tcp_flags": 2,
    "flow_direction": "ingress",
    "traffic_path": None,
    "pkt_srcaddr": "198.51.100.4",
    "pkt_src_aws_service": "EC2",
    "instance_name": None,
    "dst_name": None,
}
# A record without traffic, of a format without direction.
NODATA: dict[str, object] = {
    name: None
    for name in (
        "srcaddr dstaddr srcport dstport protocol packets bytes action tcp_flags type pkt_srcaddr "
        "pkt_dstaddr flow_direction traffic_path instance_name dst_name"
    ).split()
} | {"record_id": "c3", "log_status": "NODATA"}


def documents(spark: SparkSession, shape: str) -> dict[str, Any]:
    flows = flows_like(spark, {}, REJECTED, NODATA)
    return {row.record_id: json.loads(row.document) for row in to_documents(flows, shape).collect()}


def test_ecs_documents(spark: SparkSession) -> None:
    found = documents(spark, "ecs")

    assert found["a1"] == {
        "@timestamp": "2026-11-23T02:00:59Z",
        "ecs": {"version": "8.11.0"},
        "source": {"ip": "10.0.0.7", "port": 49152, "bytes": 840, "packets": 10},
        "destination": {"ip": "10.0.0.9", "port": 22},
        "network": {
            "iana_number": "6", "transport": "tcp", "type": "ipv4", "bytes": 840, "packets": 10,
            "direction": "egress",
        },
        "event": {
            "kind": "event", "category": ["network"], "type": ["connection"], "action": "accept",
            "outcome": "success", "start": "2026-11-23T02:00:05Z", "end": "2026-11-23T02:00:59Z",
        },
        "cloud": {
            "provider": "aws", "account": {"id": "111122223333"}, "region": "eu-west-1",
            "availability_zone": "euw1-az1", "instance": {"id": "i-0a", "name": "web-3"},
        },
        "aws": {"vpcflow": {
            "version": 5, "interface_id": "eni-0a", "vpc_id": "vpc-0a", "subnet_id": "subnet-0a",
            "tcp_flags": 18, "tcp_flags_array": ["syn", "ack"], "pkt_srcaddr": "10.0.0.7",
            "pkt_dstaddr": "10.0.0.9", "traffic_path": 1, "log_status": "OK", "sublocation": {},
        }},
        "labels": {
            "record_id": "a1", "run_id": "20261124t000000z-0000", "role": "own_interface",
            "object_uri": "s3://logs/one.log.gz", "object_line": 2, "dst_name": "db-1",
        },
    }  # fmt: skip
    assert found["b2"]["event"] == {
        "kind": "event", "category": ["network"], "type": ["connection", "denied"],
        "action": "reject", "outcome": "failure", "reason": "BPA",
        "start": "2026-11-23T02:00:05Z", "end": "2026-11-23T02:00:59Z",
    }  # fmt: skip
    assert found["b2"]["aws"]["vpcflow"]["pkt_src_service"] == "EC2"
    assert found["c3"]["source"] == {}
    assert "outcome" not in found["c3"]["event"]


def test_ocsf_documents(spark: SparkSession) -> None:
    found = documents(spark, "ocsf")

    assert found["a1"] == {
        "time": 1795399205000, "start_time": 1795399205000, "end_time": 1795399259000,
        "category_uid": 4, "class_uid": 4001, "activity_id": 6, "type_uid": 400106,
        "action_id": 1, "disposition_id": 1, "severity_id": 1, "status_code": "OK",
        "src_endpoint": {
            "ip": "10.0.0.7", "port": 49152, "interface_uid": "eni-0a", "vpc_uid": "vpc-0a",
            "subnet_uid": "subnet-0a", "instance_uid": "i-0a",
        },
        "dst_endpoint": {"ip": "10.0.0.9", "port": 22},
        "connection_info": {
            "protocol_num": 6, "protocol_ver_id": 4, "tcp_flags": 18, "direction_id": 2,
            "boundary_id": 4,
        },
        "traffic": {"packets": 10, "bytes": 840},
        "cloud": {
            "provider": "AWS", "account": {"uid": "111122223333"}, "region": "eu-west-1",
            "zone": "euw1-az1",
        },
        "metadata": {
            "version": "1.1.0",
            "product": {
                "name": "Amazon VPC", "vendor_name": "AWS", "feature": {"name": "Flowlogs"},
                "version": "5",
            },
        },
        "unmapped": {
            "record_id": "a1", "run_id": "20261124t000000z-0000", "role": "own_interface",
            "object_uri": "s3://logs/one.log.gz", "object_line": 2, "type": "IPv4",
            "instance_name": "web-3", "dst_name": "db-1",
        },
    }  # fmt: skip
    rejected = found["b2"]
    assert rejected["src_endpoint"] == {
        "ip": "198.51.100.4", "intermediate_ips": ["10.0.0.7"], "port": 49152, "svc_name": "EC2",
    }  # fmt: skip
    assert rejected["dst_endpoint"]["interface_uid"] == "eni-0a"
    assert (rejected["activity_id"], rejected["type_uid"]) == (5, 400105)
    assert (rejected["action_id"], rejected["disposition_id"]) == (2, 2)
    assert rejected["connection_info"]["direction_id"] == 1
    assert "boundary_id" not in rejected["connection_info"]
    nodata = found["c3"]
    assert (nodata["activity_id"], nodata["type_uid"], nodata["status_code"]) == (
        0, 400100, "NODATA",
    )  # fmt: skip
    assert nodata["unmapped"]["interface_id"] == "eni-0a"


@pytest.mark.parametrize("shape", ["ecs", "ocsf"])
def test_the_index_knows_every_field_of_a_shape_and_no_other(
    spark: SparkSession, shape: str
) -> None:
    file = resources.files("conf").joinpath(f"opensearch/{shape}-template.json")
    mapping = json.loads(file.read_text())["template"]["mappings"]

    def paths(properties: dict[str, Any], above: str = "") -> set[str]:
        found = set()
        for name, kind in properties.items():
            found |= (
                paths(kind["properties"], f"{above}{name}.")
                if "properties" in kind
                else {above + name}
            )
        return found

    def fields(schema: Any, above: str = "") -> set[str]:
        found: set[str] = set()
        for field in schema:
            found |= (
                fields(field.dataType, f"{above}{field.name}.")
                if hasattr(field.dataType, "fields")
                else {above + field.name}
            )
        return found

    rows = to_rows(flows_like(spark, {}), shape).drop(DOCUMENT_ID)
    assert mapping["dynamic"] == "strict"
    assert paths(mapping["properties"]) == fields(rows.schema)

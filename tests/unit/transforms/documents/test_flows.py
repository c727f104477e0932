"""Documents: JSON that the index template understands, field by field."""

import json
from importlib import resources

from tests.support.spark import Table
from transforms.documents.flows import to_documents
from transforms.flow_fields import ADDRESS_FIELDS
from transforms.schemas import FLOW_COLUMNS, FLOWS

TEMPLATE = json.loads(
    resources.files("conf").joinpath("opensearch/flows-template.json").read_text()
)
MAPPING = TEMPLATE["template"]["mappings"]


def test_a_document_has_a_time_stamp_and_leaves_out_what_is_missing(table: Table) -> None:
    flows = table(
        "record_id STRING, start_at TIMESTAMP, end_at TIMESTAMP, bytes BIGINT, "
        "srcaddr STRING, extra MAP<STRING,STRING>",
    ).sparkSession.sql(
        """SELECT * FROM VALUES
        ('a', TIMESTAMP '2026-11-23 02:00:05', TIMESTAMP '2026-11-23 02:00:59', 7L, '10.0.0.7',
         map('colour', 'red', 'shape', NULL)),
        ('b', NULL, TIMESTAMP '2026-11-23 02:00:59', NULL, NULL, NULL)
        AS flows(record_id, start_at, end_at, bytes, srcaddr, extra)"""
    )

    documents = {row.record_id: json.loads(row.document) for row in to_documents(flows).collect()}

    assert documents == {
        "a": {
            "@timestamp": "2026-11-23T02:00:05Z", "record_id": "a",
            "start_at": "2026-11-23T02:00:05Z", "end_at": "2026-11-23T02:00:59Z", "bytes": 7,
            "srcaddr": "10.0.0.7", "extra": {"colour": "red"},
        },
        "b": {
            "@timestamp": "2026-11-23T02:00:59Z", "record_id": "b",
            "end_at": "2026-11-23T02:00:59Z",
        },
    }  # fmt: skip


def test_the_index_has_the_columns_of_a_flow_and_of_its_conversation(table: Table) -> None:
    assert MAPPING["dynamic"] == "strict"
    stored = {name for name, field in MAPPING["properties"].items() if field["type"] != "alias"}
    of_conversation = {"conversation_id", "initiator", "outcome", "standing"}
    assert stored == {"@timestamp", *of_conversation, *FLOW_COLUMNS}


def test_the_type_of_every_field_fits_its_column(table: Table) -> None:
    fitting = {
        "bigint": {"long", "integer", "short", "date"},
        "timestamp": {"date"},
        "string": {"keyword"},
        "array<string>": {"keyword"},
        "map<string,string>": {"flat_object"},
    }

    for name, kind in table(FLOWS).dtypes:
        mapped = MAPPING["properties"][name]["type"]
        assert mapped in ({"ip"} if name in ADDRESS_FIELDS else fitting[kind]), name


def test_security_analytics_finds_its_names_for_vpc_flows_in_the_index() -> None:
    """opensearch-project/security-analytics, vpcflow_logtype.json: raw field and its name."""
    aliases = {
        name: field["path"]
        for name, field in MAPPING["properties"].items()
        if field["type"] == "alias"
    }
    named = (
        "version account_id region az_id srcport dstport protocol packets bytes end tcp_flags "
        "pkt_src_aws_service pkt_dst_aws_service log_status action traffic_path flow_direction "
        "dstaddr srcaddr interface_id vpc_id instance_id subnet_id"
    ).split()
    indicators = {
        "src_endpoint.ip": "srcaddr",
        "dst_endpoint.ip": "dstaddr",
        "src_endpoint.port": "srcport",
        "dst_endpoint.port": "dstport",
    }
    assert aliases == {
        **{f"netflow.{name}": name for name in named},
        "timestamp": "start",
        **indicators,
    }

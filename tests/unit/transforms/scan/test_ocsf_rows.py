"""Security Lake's rows: the same flow records as from text, where they have the fields."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transforms.scan.lines import ObjectScan
from transforms.scan.needles import needles_of
from transforms.scan.parse import parse_lines

_ENDPOINT = pa.struct(
    [("port", pa.int32()), ("svc_name", pa.string()), ("ip", pa.string()),
     ("intermediate_ips", pa.list_(pa.string())), ("interface_uid", pa.string()),
     ("vpc_uid", pa.string()), ("instance_uid", pa.string()), ("subnet_uid", pa.string())]
)  # fmt: skip
SCHEMA = pa.schema(
    [
        ("metadata", pa.struct([("product", pa.struct([("name", pa.string())]))])),
        ("cloud", pa.struct([("account", pa.struct([("uid", pa.string())])),
                             ("region", pa.string()), ("zone", pa.string())])),
        ("src_endpoint", _ENDPOINT),
        ("dst_endpoint", _ENDPOINT),
        ("connection_info", pa.struct(
            [("protocol_num", pa.int32()), ("tcp_flags", pa.int32()), ("protocol_ver", pa.string()),
             ("boundary_id", pa.int32()), ("direction_id", pa.int32())])),
        ("traffic", pa.struct([("packets", pa.int64()), ("bytes", pa.int64())])),
        ("time", pa.int64()),
        ("start_time", pa.int64()),
        ("end_time", pa.int64()),
        ("status_code", pa.string()),
        ("class_uid", pa.int32()),
        ("activity_id", pa.int32()),
        ("action_id", pa.int32()),
    ]
)  # fmt: skip
OWN = {
    "interface_uid": "eni-0a",
    "vpc_uid": "vpc-0a",
    "instance_uid": "i-0a",
    "subnet_uid": "subnet-0a",
}
TEXT = """\
account-id region az-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr srcport dstport \
pkt-src-aws-service pkt-dst-aws-service protocol tcp-flags type packets bytes start end action \
log-status flow-direction traffic-path interface-id vpc-id subnet-id instance-id
111122223333 eu-west-1 euw1-az1 10.20.1.13 10.20.2.22 10.20.1.13 10.20.2.22 40000 22 - - 6 2 IPv4 \
10 5000 1795399200 1795399259 ACCEPT OK egress 1 eni-0a vpc-0a subnet-0a i-0a
111122223333 eu-west-1 euw1-az1 10.20.9.9 10.20.1.13 52.94.5.1 10.20.1.13 443 40001 DYNAMODB - 6 \
18 IPv4 4 400 1795399200 1795399259 REJECT OK ingress - eni-0a vpc-0a subnet-0a i-0a
111122223333 eu-west-1 euw1-az1 - - - - - - - - - - - - - 1795399260 1795399319 - NODATA - - \
eni-0a vpc-0a subnet-0a i-0a
"""


def event(**differs: object) -> dict[str, object]:
    return {
        "metadata": {"product": {"name": "Amazon VPC"}},
        "cloud": {"account": {"uid": "111122223333"}, "region": "eu-west-1", "zone": "euw1-az1"},
        "class_uid": 4001, "time": 1795399200000, "start_time": 1795399200000,
        "end_time": 1795399259000, "status_code": "OK",
    } | differs  # fmt: skip


EVENTS = [
    event(src_endpoint={"ip": "10.20.1.13", "port": 40000, "intermediate_ips": [], **OWN},
          dst_endpoint={"ip": "10.20.2.22", "port": 22},
          connection_info={"protocol_num": 6, "tcp_flags": 2, "protocol_ver": "IPv4",
                           "boundary_id": 4, "direction_id": 2},
          traffic={"packets": 10, "bytes": 5000}, activity_id=6, action_id=1),
    event(src_endpoint={"ip": "52.94.5.1", "port": 443, "svc_name": "DYNAMODB",
                        "intermediate_ips": ["10.20.9.9"]},
          dst_endpoint={"ip": "10.20.1.13", "port": 40001, **OWN},
          connection_info={"protocol_num": 6, "tcp_flags": 18, "protocol_ver": "IPv4",
                           "boundary_id": 99, "direction_id": 1},
          traffic={"packets": 4, "bytes": 400}, activity_id=5, action_id=None),
    event(src_endpoint=OWN, start_time=1795399260000, end_time=1795399319000, status_code="NODATA",
          connection_info={"boundary_id": 99, "direction_id": 99}),
]  # fmt: skip


def parquet(events: list[dict[str, object]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(events, schema=SCHEMA), file)
    return file.getvalue()


def records(data: bytes, **options: Any) -> list[dict[str, object]]:
    scan = ObjectScan(None, **options)
    found = [
        row
        for lines in scan.lines([data])
        for row in parse_lines(lines.text, lines.columns).records.to_pylist()
    ]
    assert scan.account.outcome == "read", scan.account.reason
    return found


def test_the_rows_are_those_of_the_text() -> None:
    assert records(parquet(EVENTS)) == records(TEXT.encode())


def test_the_subject_is_searched_for_in_them() -> None:
    scan = ObjectScan(needles_of([], ["10.20.2.22"]))

    assert [lines.numbers.tolist() for lines in scan.lines([parquet(EVENTS)])] == [[1]]
    assert (scan.account.lines, scan.account.set_aside_lines, scan.account.nodata_lines) == (
        3,
        2,
        1,
    )


@pytest.mark.parametrize(
    ("classes", "outcome", "reason"),
    [
        ([4003, 4001], "other_kind", "it holds OCSF events of class 4003, not 4001"),
        ([4001, 4003], "refused", "its rows are not all of OCSF class 4001"),
    ],
)
def test_events_of_another_class_are_no_flow_records(
    classes: list[int], outcome: str, reason: str
) -> None:
    scan = ObjectScan(None)
    events = [EVENTS[0] | {"class_uid": number} for number in classes]

    assert list(scan.lines([parquet(events)])) == []
    assert (scan.account.outcome, scan.account.reason) == (outcome, reason)

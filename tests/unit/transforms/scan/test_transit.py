"""Records of transit gateways, in every form that flow logs have: told apart, and read whole."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transforms.scan.formats import columns_of_format
from transforms.scan.lines import ObjectScan
from transforms.scan.parse import parse_lines
from transforms.scan.transit import transit_maps

# Every field of version 6, in AWS's order; the values are made up.
RECORD = {
    "version": "6", "resource-type": "TransitGateway", "account-id": "111122223333",
    "tgw-id": "tgw-0123456789abcdef0", "tgw-attachment-id": "tgw-attach-0aaaaaaaaaaaaaaaa",
    "tgw-src-vpc-account-id": "111122223333", "tgw-dst-vpc-account-id": "444455556666",
    "tgw-src-vpc-id": "vpc-0aaaaaaaaaaaaaaaa", "tgw-dst-vpc-id": "vpc-0bbbbbbbbbbbbbbbb",
    "tgw-src-subnet-id": "subnet-0aaaaaaaaaaaaaaaa", "tgw-dst-subnet-id": "-",
    "tgw-src-eni": "eni-0aaaaaaaaaaaaaaaa", "tgw-dst-eni": "-",
    "tgw-src-az-id": "euw1-az1", "tgw-dst-az-id": "-",
    "tgw-pair-attachment-id": "tgw-attach-0bbbbbbbbbbbbbbbb",
    "srcaddr": "10.20.1.13", "dstaddr": "10.30.1.4", "srcport": "40000", "dstport": "22",
    "protocol": "6", "packets": "3", "bytes": "180", "start": "1763892000", "end": "1763892059",
    "log-status": "OK", "type": "IPv4", "packets-lost-no-route": "0",
    "packets-lost-blackhole": "0", "packets-lost-mtu-exceeded": "0",
    "packets-lost-ttl-expired": "1", "tcp-flags": "2", "region": "eu-west-1",
    "flow-direction": "ingress", "pkt-src-aws-service": "-", "pkt-dst-aws-service": "-",
}  # fmt: skip
EXPECTED = {name.replace("-", "_"): value for name, value in RECORD.items() if value != "-"}
HEADER, LINE = " ".join(RECORD), " ".join(RECORD.values())


def read(
    data: bytes, record_format: tuple[str, ...] = (), slot: int | None = None
) -> tuple[list[dict[str, str]], list[str], ObjectScan]:
    """Maps of the records, the reasons of refused lines, and the scan."""
    scan = ObjectScan(None, record_format=record_format, slot=slot)
    maps, refused = [], []
    for lines in scan.lines([data]):
        parsed = parse_lines(lines.text, lines.columns)
        maps += [dict(row) for row in transit_maps(parsed.records, lines.columns).to_pylist()]
        refused += parsed.refused.reasons
    return maps, refused, scan


def parquet() -> bytes:
    """Numbers as numbers, as AWS writes them."""
    typed = {
        name.replace("-", "_"): [
            None if value == "-" else int(value) if value.isdecimal() and len(value) < 12 else value
        ]
        for name, value in RECORD.items()
    }
    file = io.BytesIO()
    pq.write_table(pa.table(typed), file)
    return file.getvalue()


FORMS = {
    "text": f"{HEADER}\n{LINE}\n".encode(),
    "text in Parquet's spelling": f"{HEADER.replace('-', '_')}\n{LINE}\n".encode(),
    "parquet": parquet(),
    "json": json.dumps(RECORD).encode(),
    "json with underscores": json.dumps(EXPECTED).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_field_of_a_record_is_read_in_every_form(form: str) -> None:
    maps, refused, scan = read(FORMS[form])

    assert (maps, refused) == ([EXPECTED], [])
    assert scan.account.outcome == "transit"


@pytest.mark.parametrize(
    "data",
    [
        LINE.encode(),
        json.dumps({"logEvents": [{"message": LINE}]}).encode(),
        f"2025-11-23T10:00:00.000Z {LINE}".encode(),
    ],
    ids=["text without a header", "a subscription of CloudWatch", "an export of CloudWatch"],
)
def test_a_record_format_names_the_fields_of_records_without_a_header(data: bytes) -> None:
    maps, _, scan = read(data, columns_of_format(HEADER))

    assert (maps, scan.account.outcome) == ([EXPECTED], "transit")


@pytest.mark.parametrize(
    ("header", "line", "outcome"),
    [
        # of a VPC, joined with a column of a transit gateway: a flow of its interface
        ("interface-id srcaddr start tgw-id", "eni-0a 10.20.1.13 1763892000 tgw-1", "read"),
        ("srcaddr start tgw-id", "10.20.1.13 1763892000 tgw-1", "transit"),
        ("resource-type srcaddr start", "TransitGateway 10.20.1.13 1763892000", "transit"),
        ("resource-id srcaddr start", "nat-0a 10.20.1.13 1763892000", "read"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "parquet"])
def test_a_record_without_an_interface_that_names_a_gateway_is_of_a_gateway(
    header: str, line: str, outcome: str, form: str
) -> None:
    values = dict(zip(header.split(), line.split(), strict=True))
    file = io.BytesIO()
    pq.write_table(pa.table({name: [value] for name, value in values.items()}), file)
    data = {
        "text": f"{header}\n{line}\n".encode(),
        "json": json.dumps(values).encode(),
        "parquet": file.getvalue(),
    }[form]

    _, refused, scan = read(data)

    assert (scan.account.outcome, refused) == (outcome, [])


def test_a_format_without_times_is_placed_in_the_slot_of_its_object() -> None:
    """As in AWS's own examples of transit gateway records."""
    data = b"version resource-type tgw-id srcaddr dstaddr\n6 TransitGateway tgw-1 10.0.0.7 10.9.0.5"

    (record,), _, _ = read(data, slot=1763892000)
    nothing, _, scan = read(data)

    assert (record["start"], record["end"]) == ("1763892000", "1763892299")
    assert record["time_basis"] == "object-slot"
    assert (nothing, scan.account.outcome) == ([], "refused")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("packets-lost-no-route", "many", "packets_lost_no_route is 'many', not a whole number"),
        ("packets-lost-ttl-expired", "-1", "packets_lost_ttl_expired is '-1', not a whole number"),
        ("dstaddr", "10.0.0", "dstaddr is '10.0.0', not an address"),
        ("dstport", "65536", "dstport is '65536', not a port"),
    ],
)
def test_an_impossible_value_refuses_its_line(field: str, value: str, reason: str) -> None:
    wrong = " ".join({**RECORD, field: value}.values())

    maps, refused, scan = read(f"{HEADER}\n{wrong}\n{LINE}\n".encode())

    assert (maps, refused) == ([EXPECTED], [reason])
    assert scan.account.outcome == "transit"

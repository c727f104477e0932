"""Findings of Security Hub's newer form (OCSF): what they say of an instance."""

import copy
import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transforms.finding.claim import Claim
from transforms.finding.copies import COPY_NAMES, copy_name_of
from transforms.finding.guardduty import FindingInterface
from transforms.finding.json_text import BadFinding
from transforms.finding.read import read_finding, read_findings
from transforms.scan.prefixes import Home

Json = dict[str, Any]
INSTANCE, OTHER = "i-0839de4aa2b2f82cb", "i-0f0f0f0f0f0f0f0f0"
FIRST = 1_795_399_800_000  # 2026-11-23 02:10:00 UTC


def instance(instance_id: str = INSTANCE, address: str = "10.20.1.13") -> Json:
    return {
        "type": "AWS::EC2::Instance",
        "uid": f"arn:aws:ec2:eu-west-1:111122223333:instance/{instance_id}",
        "region": "eu-west-1",
        "tags": [{"name": "Name", "value": "web-3"}],
        "data": {
            "VpcId": "vpc-0a0a0a0a",
            "SubnetId": "subnet-0a0a0a0a",
            "LaunchedAt": "2026-10-02T08:11:14.000Z",
            "NetworkInterfaces": [{
                "NetworkInterfaceId": "eni-9086b4ee9d767242d",
                "PrivateIpAddress": address,
                "Ipv6Addresses": ["2001:DB8::15"],
                "PublicIp": "203.0.113.13",
            }],
        },
    }  # fmt: skip


FINDING: Json = {
    "class_uid": 2004,
    "class_name": "Detection Finding",
    "time": FIRST + 3_600_000,
    "metadata": {"product": {"name": "GuardDuty", "vendor_name": "AWS"}, "version": "1.6.0"},
    "finding_info": {
        "uid": "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f1",
        "title": "198.51.100.23 is performing SSH brute force attacks",
        "types": ["UnauthorizedAccess:EC2/SSHBruteForce"],
        "first_seen_time": FIRST,
        "last_seen_time_dt": "2026-11-23T02:40:00.5Z",
        "created_time": FIRST + 600_000,
    },
    "resources": [instance()],
    "evidences": [{
        "src_endpoint": {"ip": "198.51.100.23", "port": 32769},
        "dst_endpoint": {"ip": "10.20.1.13", "port": 22},
        "connection_info": {"direction_id": 1, "direction": "Inbound", "protocol_num": 6},
    }],
}  # fmt: skip


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def in_parquet(*events: Json) -> bytes:
    """As Security Lake keeps it: JSON inside of a field as text, a map as pairs, null for nothing.

    https://docs.aws.amazon.com/security-lake/latest/userguide/open-cybersecurity-schema-framework.html
    """
    names = {name for event in events for name in event}
    rows = [{**dict.fromkeys(names), **copy.deepcopy(event)} for event in events]
    for row in rows:
        row["unmapped"] = [("ProductFields.aws/securityhub/ProductName", "GuardDuty")]
        for resource in row["resources"]:
            if not isinstance(resource["data"], str):
                resource["data"] = json.dumps(resource["data"])
    schema = pa.Table.from_pylist(rows).schema
    unmapped = pa.field("unmapped", pa.map_(pa.string(), pa.string()))
    fields = [unmapped if field.name == "unmapped" else field for field in schema]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), sink, compression="zstd")
    return sink.getvalue()


def changed(**differs: object) -> Json:
    return {**copy.deepcopy(FINDING), **differs}


@pytest.mark.parametrize(
    "carried",
    [
        pytest.param(FINDING, id="bare"),
        pytest.param(
            {"source": "aws.securityhub", "detail-type": "Findings Imported V2",
             "detail": {"findings": [FINDING]}},
            id="EventBridge",
        ),
        pytest.param({"Findings": [FINDING]}, id="GetFindingsV2"),
        pytest.param(
            {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:1:t",
             "Message": json.dumps({"detail": {"findings": [FINDING]}})},
            id="SNS",
        ),
    ],
)  # fmt: skip
def test_a_finding_says_the_same_in_every_envelope(carried: Json) -> None:
    assert_is_finding(encoded(carried))


def test_a_finding_says_the_same_in_parquet_beside_other_events() -> None:
    other = {"class_uid": 2003, "time": FIRST, "resources": [], "compliance": {"status": "Fail"}}

    assert_is_finding(in_parquet(FINDING))
    assert_is_finding(in_parquet(other, FINDING))


def test_a_time_in_parquet_is_in_utc() -> None:
    moment = datetime(2026, 11, 23, 2, 40, 0, 500_000)  # noqa: DTZ001
    info = {**FINDING["finding_info"], "last_seen_time_dt": moment}

    assert_is_finding(in_parquet(changed(finding_info=info)))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"PAR1", "found damaged Parquet", id="nothing more"),
        pytest.param(in_parquet(FINDING)[:-40], "found damaged Parquet", id="cut off"),
        pytest.param(in_parquet(*[FINDING] * 1_001), "found more than 1,000,000 bytes",
                     id="too many rows"),
        pytest.param(in_parquet(*[changed(comment="x" * 200_000)] * 900),
                     "found more than 1,000,000 bytes", id="a text that repeats"),
        pytest.param(in_parquet(changed(comment="x" * 40_000_000)),
                     "found more than 1,000,000 bytes", id="a long text, as the file says"),
    ],
)  # fmt: skip
def test_parquet_that_cannot_be_read_or_is_too_much_is_a_sentence(
    data: bytes, problem: str
) -> None:
    assert len(data) < 1_000_000
    with pytest.raises(BadFinding, match=problem):
        read_finding(data)


def test_a_key_that_stands_twice_is_refused_inside_of_parquet_too() -> None:
    event = changed()
    event["resources"][0]["data"] = '{"VpcId": "vpc-0a0a0a0a", "VpcId": "vpc-0b0b0b0b"}'

    with pytest.raises(BadFinding, match="found the key 'VpcId' twice in one object"):
        read_finding(in_parquet(event))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (encoded(FINDING), "finding.json"),
        (gzip.compress(encoded(FINDING)), "finding.json.gz"),
        (in_parquet(FINDING), "finding.parquet"),
        (b"", "finding.json"),
    ],
)
def test_a_copy_is_named_after_what_it_holds(data: bytes, name: str) -> None:
    assert copy_name_of(data) == name
    assert name in COPY_NAMES


def assert_is_finding(data: bytes) -> None:
    found = read_finding(data)

    assert found.ids == ("arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f1",)
    assert found.types == ("UnauthorizedAccess:EC2/SSHBruteForce",)
    assert (found.instance_id, found.instance_name) == (INSTANCE, "web-3")
    assert found.launch_at == datetime(2026, 10, 2, 8, 11, 14, tzinfo=UTC)
    assert found.first_seen == datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
    assert found.last_seen == datetime(2026, 11, 23, 2, 40, 0, 500_000, tzinfo=UTC)
    assert found.interfaces == (
        FindingInterface(
            "eni-9086b4ee9d767242d", "vpc-0a0a0a0a", "subnet-0a0a0a0a",
            ("10.20.1.13", "2001:db8::15"), ("203.0.113.13",),
        ),
    )  # fmt: skip
    assert found.claims == (Claim("NETWORK_CONNECTION", "INBOUND", 6, 22, "198.51.100.23", 32769),)
    assert (found.is_sample, found.others) == (False, 0)


@pytest.mark.parametrize("spell", [str.lower, str.upper, lambda key: key[:1].lower() + key[1:]])
def test_the_details_of_an_instance_may_be_spelled_in_any_case(spell: Any) -> None:
    def spelled(value: Any) -> Any:
        if isinstance(value, dict):
            return {spell(key): spelled(inner) for key, inner in value.items()}
        return [spelled(item) for item in value] if isinstance(value, list) else value

    other = {**instance(), "data": spelled(instance()["data"])}

    assert read_finding(encoded(changed(resources=[other]))) == read_finding(encoded(FINDING))


SSH = {"src_endpoint": {"ip": "198.51.100.23", "port": 32769},
       "dst_endpoint": {"ip": "10.20.1.13", "port": 22}}  # fmt: skip


@pytest.mark.parametrize(
    ("evidences", "claims"),
    [
        ([], ()),
        ([{"process": {"name": "xmrig"}}], ()),
        # the addresses of the instance tell more than what the direction says
        ([{**SSH, "connection_info": {"direction_id": 2}}],
         (Claim("NETWORK_CONNECTION", "INBOUND", None, 22, "198.51.100.23", 32769),)),
        ([{"src_endpoint": {"ip": "203.0.113.13", "port": 50000},
           "dst_endpoint": {"ip": "2001:db8:9::9", "port": 443},
           "connection_info": {"protocol_name": "tcp"}}],
         (Claim("NETWORK_CONNECTION", "OUTBOUND", 6, 50000, "2001:db8:9::9", 443),)),
        ([{"dst_endpoint": {"ip": "198.51.100.9", "port": 443}}],
         (Claim("NETWORK_CONNECTION", "UNKNOWN", remote="198.51.100.9", remote_port=443),)),
        ([{"query": {"hostname": "evil.example"}}],
         (Claim("DNS_REQUEST", "OUTBOUND", domain="evil.example"),)),
        ([{"api": {"operation": "RunInstances"}, "src_endpoint": {"ip": "198.51.100.7"}}],
         (Claim("AWS_API_CALL", remote="198.51.100.7"),)),
        ([SSH, {"query": {"hostname": "evil.example"}}, SSH],
         (Claim("NETWORK_CONNECTION", "INBOUND", None, 22, "198.51.100.23", 32769),
          Claim("DNS_REQUEST", "OUTBOUND", domain="evil.example"))),
    ],
)  # fmt: skip
def test_each_evidence_is_a_claim(evidences: list[Json], claims: tuple[Claim, ...]) -> None:
    assert read_finding(encoded(changed(evidences=evidences))).claims == claims


def test_each_instance_is_at_home_where_its_arn_says_or_else_the_event() -> None:
    by_arn = {**instance(OTHER), "uid": f"arn:aws:ec2:us-east-1:222233334444:instance/{OTHER}"}
    without = {**instance(), "uid": INSTANCE}
    cloud = {"account": {"uid": "111122223333"}, "region": "eu-west-1"}

    found = read_findings(encoded(changed(resources=[by_arn, without], cloud=cloud)))

    assert {each.instance_id: each.homes for each in found} == {
        OTHER: (Home("222233334444", "us-east-1"),),
        INSTANCE: (Home("111122223333", "eu-west-1"),),
    }
    (other,) = read_findings(encoded(changed(resources=[without], cloud={"account": "1"})))
    assert other.homes == ()


@pytest.mark.parametrize(
    "sample",
    [
        {"finding_info": {**FINDING["finding_info"], "title": "[SAMPLE] brute force"}},
        {"unmapped": {"service.additionalInfo.sample": True}},
        {"unmapped": {"aws/guardduty/service/additionalInfo/sample": "true"}},
    ],
)
def test_a_sample_is_one_however_it_says_so(sample: Json) -> None:
    assert read_finding(encoded(changed(**sample))).is_sample


def test_a_finding_of_many_instances_says_of_each_what_it_says() -> None:
    ids = [f"i-{number:017x}" for number in range(25)]
    resources = [instance(id_, f"10.20.1.{number}") for number, id_ in enumerate(ids)]
    resources.insert(3, {"type": "AWS::IAM::Role", "uid": "arn:aws:iam::1:role/x"})

    found = read_findings(encoded(changed(resources=resources)))

    assert [said.instance_id for said in found] == ids
    assert [said.interfaces[0].addresses[0] for said in found] == [
        f"10.20.1.{number}" for number in range(25)
    ]


@pytest.mark.parametrize(
    ("differs", "sentence"),
    [
        ({"resources": [{"type": "AWS::S3::Bucket", "uid": "b"}]},
         "found no instance in 'UnauthorizedAccess:EC2/SSHBruteForce' about 'AWS::S3::Bucket'"),
        ({"resources": None}, "about 'no resource'"),
        ({"class_uid": 2003}, "found no finding (keys:"),
        ({"resources": [{**instance(), "uid": "i-x"}]},
         "instanceId: found 'i-x'; expected i- and 8 to 17 hex digits"),
        ({"evidences": [{"src_endpoint": {"ip": "10.0.0.1\' OR 1=1"}}]},
         "expected an address"),
        ({"evidences": [{**SSH, "dst_endpoint": {"ip": "10.20.1.13", "port": "22"}}]},
         "expected a port"),
        ({"finding_info": {**FINDING["finding_info"], "first_seen_time": "yesterday"}},
         "expected a time such as"),
    ],
)  # fmt: skip
def test_what_cannot_be_believed_is_refused_with_the_reason(differs: Json, sentence: str) -> None:
    with pytest.raises(BadFinding) as caught:
        read_finding(encoded(changed(**differs)))

    assert any(sentence in problem for problem in caught.value.problems), caught.value.problems
    assert all(problem.isprintable() for problem in caught.value.problems)

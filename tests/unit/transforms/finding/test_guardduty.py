"""Findings in every envelope, and what they say of one instance."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.finding.claim import Claim
from transforms.finding.guardduty import Finding, FindingInterface
from transforms.finding.json_text import BadFinding
from transforms.finding.read import default_window, read_finding, read_findings
from transforms.scan.prefixes import Home

Json = dict[str, Any]
INSTANCE, OTHER = "i-0839de4aa2b2f82cb", "i-0f0f0f0f0f0f0f0f0"


def details(instance_id: object = INSTANCE, **differs: object) -> Json:
    interface = {
        "networkInterfaceId": "eni-9086b4ee9d767242d",
        "privateIpAddress": "10.20.1.13",
        "privateIpAddresses": [
            {"privateIpAddress": "10.20.1.13"},
            {"privateIpAddress": "10.20.1.200"},
        ],
        "ipv6Addresses": ["2001:DB8:0:0::15"],
        "publicIp": "203.0.113.13",
        "subnetId": "subnet-0a0a0a0a",
        "vpcId": "vpc-0a0a0a0a",
    }
    return {
        "instanceId": instance_id,
        "launchTime": "2026-10-02T08:11:14.000Z",
        "tags": [{"key": "Name", "value": "web-3\u202e"}],
        "networkInterfaces": [interface | differs],
    }


CONNECTION = {
    "actionType": "NETWORK_CONNECTION",
    "networkConnectionAction": {
        "connectionDirection": "INBOUND",
        "protocol": "TCP",
        "localPortDetails": {"port": 22},
        "remoteIpDetails": {"ipAddressV4": "198.51.100.23"},
        "remotePortDetails": {"port": 32769},
    },
}


def finding(
    action: Json | str | None = None, instance: Json | None = None, **service: object
) -> Json:
    times = {"eventFirstSeen": "2026-11-23T02:10:00Z", "eventLastSeen": "2026-11-23T02:40:00.5Z"}
    return {
        "id": "16afba5c5c43e07c9e3e5e2e544e95df",
        "type": "UnauthorizedAccess:EC2/SSHBruteForce",
        "resource": {"resourceType": "Instance", "instanceDetails": instance or details()},
        "service": {**times, "action": CONNECTION if action is None else action, **service},
    }


def pascal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: pascal(inner) for key, inner in value.items()}
    return [pascal(item) for item in value] if isinstance(value, list) else value


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def problem(data: bytes, instance_id: str | None = None) -> str:
    with pytest.raises(BadFinding) as caught:
        read_finding(data, instance_id)
    return "\n".join(caught.value.problems)


EXPECTED = Finding(
    ids=("16afba5c5c43e07c9e3e5e2e544e95df",),
    types=("UnauthorizedAccess:EC2/SSHBruteForce",),
    instance_id=INSTANCE,
    instance_name="web-3",
    launch_at=datetime(2026, 10, 2, 8, 11, 14, tzinfo=UTC),
    first_seen=datetime(2026, 11, 23, 2, 10, tzinfo=UTC),
    last_seen=datetime(2026, 11, 23, 2, 40, 0, 500_000, tzinfo=UTC),
    interfaces=(
        FindingInterface(
            "eni-9086b4ee9d767242d",
            "vpc-0a0a0a0a",
            "subnet-0a0a0a0a",
            ("10.20.1.13", "10.20.1.200", "2001:db8::15"),
            ("203.0.113.13",),
        ),
    ),
    claims=(Claim("NETWORK_CONNECTION", "INBOUND", 6, 22, "198.51.100.23", 32769),),
    is_sample=False,
)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(finding()), id="bare"),
        pytest.param(encoded(pascal(finding())), id="PascalCase"),
        pytest.param(
            encoded({"source": "aws.guardduty", "detail-type": "GuardDuty Finding",
                     "detail": finding()}),
            id="EventBridge event",
        ),
        pytest.param(encoded({"findings": [finding()]}), id="findings[]"),
        pytest.param(encoded({"Findings": [pascal(finding())]}), id="Findings[]"),
        pytest.param(encoded([finding()]), id="a list"),
        pytest.param(encoded(finding()) + b"\n" + encoded(finding()) + b"\n", id="JSON lines"),
        pytest.param(gzip.compress(encoded(finding())), id="gzip, as exported"),
        pytest.param(b"\xef\xbb\xbf" + encoded(finding()), id="byte order mark"),
    ],
)  # fmt: skip
def test_a_finding_says_the_same_in_every_envelope(data: bytes) -> None:
    assert read_finding(data) == EXPECTED


@pytest.mark.parametrize(
    ("action", "claims"),
    [
        pytest.param({}, (), id="empty, as Runtime Monitoring has it"),
        pytest.param(
            {"actionType": "PORT_PROBE", "portProbeAction": {"portProbeDetails": [
                {"localPortDetails": {"port": 80},
                 "remoteIpDetails": {"ipAddressV4": "198.51.100.9"}},
                {"localPortDetails": {"port": 443},
                 "remoteIpDetails": {"ipAddressV4": "", "ipAddressV6": "2001:DB8::9"}}]}},
            (Claim("PORT_PROBE", "INBOUND", None, 80, "198.51.100.9"),
             Claim("PORT_PROBE", "INBOUND", None, 443, "2001:db8::9")),
            id="port probe",
        ),
        pytest.param(
            {"actionType": "AWS_API_CALL", "awsApiCallAction": {
                "api": "GetObject", "remoteIpDetails": {"ipAddressV4": "198.51.100.9"}}},
            (Claim("AWS_API_CALL", remote="198.51.100.9"),),
            id="API call",
        ),
        pytest.param(
            {"actionType": "DNS_REQUEST", "dnsRequestAction": {"domain": "evil.example\u202e\n"}},
            (Claim("DNS_REQUEST", "OUTBOUND", domain="evil.example"),),
            id="DNS request",
        ),
        pytest.param(
            {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": {
                "connectionDirection": "OUTBOUND", "protocol": "UDP",
                "localPortDetails": {"port": 0},
                "remoteIpDetails": {"ipAddressV4": "198.51.100.9"},
                "remotePortDetails": {"port": 53}}},
            (Claim("NETWORK_CONNECTION", "OUTBOUND", 17, None, "198.51.100.9", 53),),
            id="outbound",
        ),
    ],
)  # fmt: skip
def test_each_type_of_action_has_its_claims(action: Json, claims: tuple[Claim, ...]) -> None:
    assert read_finding(encoded(finding(action))).claims == claims


def sequence(*instances: str) -> Json:
    """An attack sequence: no instanceDetails, everything in lists."""
    resources = [
        {
            "resourceType": "EC2_INSTANCE",
            "uid": f"arn:aws:ec2:eu-west-1:111122223333:instance/{instance}",
            "data": {"ec2Instance": {"ec2NetworkInterfaceUids": [f"eni-0{number}0a0a0a0a"]}},
        }
        for number, instance in enumerate(instances)
    ]
    resources += [
        {
            "resourceType": "EC2_NETWORK_INTERFACE",
            "uid": f"eni-0{number}0a0a0a0a",
            "data": {
                "ec2NetworkInterface": {
                    "privateIpAddresses": [{"privateIpAddress": f"10.20.1.{number}"}],
                    "subNetId": "subnet-0b0b0b0b",
                    "vpcId": "vpc-0b0b0b0b",
                }
            },
        }
        for number in range(len(instances))
    ]
    told = {
        "resources": resources,
        "endpoints": [
            {"ip": "198.51.100.9", "port": 443, "connection": {"direction": "OUTBOUND"}},
            {"domain": "evil.example"},
        ],
        "signals": [
            {"firstSeenAt": 1795399800, "lastSeenAt": "2026-11-23T05:00:00Z"},
            {"firstSeenAt": "2026-11-23T03:00:00Z", "lastSeenAt": "2026-11-23T06:30:00Z"},
        ],
    }
    return {
        "id": "1",
        "type": "AttackSequence:EC2/CompromisedInstanceGroup",
        "resource": {"resourceType": "AttackSequence"},
        "service": {"detection": {"sequence": told}},
    }


def test_an_attack_sequence_keeps_everything_in_lists() -> None:
    said = read_finding(encoded(sequence(INSTANCE, OTHER)), OTHER)

    assert said.instance_id == OTHER
    assert said.interfaces == (
        FindingInterface("eni-010a0a0a0a", "vpc-0b0b0b0b", "subnet-0b0b0b0b", ("10.20.1.1",), ()),
    )
    assert said.claims == (
        Claim("SEQUENCE_ENDPOINT", "OUTBOUND", remote="198.51.100.9", remote_port=443),
    )
    assert said.first_seen == datetime.fromtimestamp(1795399800, UTC)
    assert said.last_seen == datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def test_an_attack_sequence_of_25_instances_says_of_each_what_it_says() -> None:
    ids = [f"i-{number:017x}" for number in range(25)]

    found = read_findings(encoded(sequence(*ids)))

    assert [said.instance_id for said in found] == ids
    assert [said.interfaces[0].addresses for said in found] == [
        (f"10.20.1.{number}",) for number in range(25)
    ]
    assert {said.others for said in found} == {24}
    chosen = read_findings(encoded(sequence(*ids)), [ids[7], ids[3]])
    assert chosen == (found[7], found[3])
    with pytest.raises(BadFinding, match=f"expected one of {INSTANCE}, as --instance_id says"):
        read_findings(encoded(sequence(*ids)), [INSTANCE])
    with pytest.raises(BadFinding, match="found no instance in 'T:S3/X' about 'S3Bucket'"):
        read_findings(encoded(finding(instance={"x": 1}) | {"type": "T:S3/X", "resource": {
            "resourceType": "S3Bucket"}}))  # fmt: skip


def test_an_instance_is_at_home_where_its_findings_say() -> None:
    here = {"accountId": "111122223333", "region": "eu-west-1"}
    there = {"AccountId": "222233334444", "Region": "us-east-1"}
    home, other = Home("111122223333", "eu-west-1"), Home("222233334444", "us-east-1")

    assert read_finding(encoded(finding())).homes == ()
    assert read_finding(encoded([finding() | here, finding() | there])).homes == (home, other)
    assert read_finding(encoded(finding() | {**here, "region": "eu-west-1/../x"})).homes == ()
    assert read_finding(encoded(sequence(INSTANCE) | there)).homes == (home,)  # by the ARN
    assert read_finding(encoded(ASFF | {"AwsAccountId": "222233334444"})).homes == (home,)
    assert problem(encoded(finding() | {"region": ["eu-west-1"]})).endswith(
        "region: found \"['eu-west-1']\"; expected a text or a number"
    )


def test_several_findings_of_one_instance_widen_the_window() -> None:
    later = finding(eventFirstSeen="2026-11-23T01:00:00Z", eventLastSeen="2026-11-24T09:00:00Z")

    said = read_finding(encoded([finding(), later | {"id": "second", "type": "Recon:EC2/X"}]))

    assert said.types == ("UnauthorizedAccess:EC2/SSHBruteForce", "Recon:EC2/X")
    assert said.first_seen == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert said.last_seen == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert said.interfaces == EXPECTED.interfaces
    assert said.claims == EXPECTED.claims


def test_findings_of_several_instances_are_listed_and_one_can_be_chosen() -> None:
    both = encoded([finding(), finding(instance=details(OTHER)), finding(instance={"x": 1})])

    assert problem(encoded([finding(), finding(instance=details(OTHER))])) == (
        f"found findings of 2 instances: {INSTANCE}, {OTHER}; expected one; choose it with "
        "--instance_id, or trace each of them with --one_case_each true"
    )
    assert (read_finding(both, OTHER).instance_id, read_finding(both, OTHER).others) == (OTHER, 2)
    assert problem(both, "i-0123456789abcdef0") == (
        f"found findings of {INSTANCE}, {OTHER}; expected one of i-0123456789abcdef0, as "
        "--instance_id says; correct one of the two"
    )


def test_a_sample_is_accepted_and_marked() -> None:
    generated = details(
        "i-99999999", networkInterfaceId="eni-bfcffe88", vpcId="GeneratedFindingVPCId",
        subnetId="GeneratedFindingSubnetId",
    )  # fmt: skip

    said = read_finding(encoded(finding(instance=generated, additionalInfo={"sample": True})))

    assert said.is_sample
    assert said.interfaces[0][:3] == ("eni-bfcffe88", None, None)
    assert "vpcId: found 'GeneratedFindingVPCId'" in problem(encoded(finding(instance=generated)))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "found an empty file; expected a GuardDuty finding as JSON"),
        (b"{", "found that it is not (Expecting property name"),
        (encoded(finding()) + b"\n{", "found that line 2 is not JSON"),
        (b"\xff\xfe{}", "found bytes that are not UTF-8"),
        (b"[" * 100_000, "found JSON nested too deeply"),
        (b" " * 1_000_001, "found more than 1,000,000 bytes"),
        (gzip.compress(b" " * 1_000_001), "found more than 1,000,000 bytes"),
        (gzip.compress(encoded(finding()))[:-3], "found gzip data that is cut off"),
        (encoded({"a\x1b[31m": 1}), r"found no finding (keys: 'a\x1b[31m'); expected"),
        (encoded(finding(instance={"tags": []})),
         "found no instance in 'UnauthorizedAccess:EC2/SSHBruteForce' about 'Instance'; expected"),
        (encoded(finding(instance=details("i-0839de4aa2b2f82cb; rm"))),
         "instanceId: found 'i-0839de4aa2b2f82cb; rm'; expected i- and 8 to 17 hex digits"),
        (encoded(finding(instance=details(networkInterfaceId="eni-../../x"))),
         "networkInterfaceId: found 'eni-../../x'; expected eni- and 8 to 17 hex digits"),
        (encoded(finding(instance=details(publicIp="203.0.113.300"))),
         "publicIp: found '203.0.113.300'; expected an address"),
        (encoded(finding(eventFirstSeen="yesterday")),
         "eventFirstSeen: found 'yesterday'; expected a time such as"),
        (encoded(finding(instance=details(ipv6Addresses=["fe80::1%') OR true OR srcaddr IN ('"]))),
         "ipv6Addresses: found \"fe80::1%') OR true OR srcaddr IN ('\"; expected an address"),
        (encoded(finding(instance={**details(), "networkInterfaces": "none"})),
         "resource.instanceDetails.networkInterfaces: found 'none'; expected a list"),
        (encoded(finding(instance={**details(), "tags": ["Name=web"]})),
         "resource.instanceDetails.tags: found 'Name=web'; expected an object"),
        (encoded(finding(instance={**details(), "tags": [{"key": [], "value": "x"}]})),
         "resource.instanceDetails.tags.key: found '[]'; expected a text or a number"),
        (encoded(finding(action="PORT_PROBE")),
         "service.action: found 'PORT_PROBE'; expected an object"),
        (b'{"type": "T", "service": {"id": 1, "id": 2}}',
         "found the key 'id' twice in one object; expected it once"),
        (b'{"type": "T", "service": {"Id": 1, "id": 2}}',
         "found the keys 'Id' and 'id', which differ only in case, in one object; expected one"),
        (b'{"type": "T", "service": {"eventFirstSeen": 1, "eventfirstseen": 2}}',
         "found the keys 'eventFirstSeen' and 'eventfirstseen', which differ only in case"),
        (b'{"Findings": [], "findings": [{}]}',
         "found the keys 'Findings' and 'findings', which differ only in case"),
        (b'{"type": "T", "service": ' + b'{"a": ' * 100 + b"1" + b"}" * 101,
         "found JSON nested too deeply"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_finding_of_an_instance_is_refused_with_the_reason(
    data: bytes, sentence: str
) -> None:
    assert sentence in problem(data)


def test_names_of_users_in_additional_info_may_differ_in_case_only() -> None:
    anomalies = {"anomalies": {"profiles": {"Admin": 1, "admin": 2}}}

    assert read_finding(encoded(finding(additionalInfo=anomalies))).instance_id == INSTANCE


def test_members_of_gzip_follow_each_other() -> None:
    first, second = encoded(finding()) + b"\n", encoded(finding(instance=details(OTHER)))

    assert "found findings of 2 instances" in problem(gzip.compress(first) + gzip.compress(second))


def test_a_line_of_a_finding_may_hold_a_line_separator() -> None:
    named = {**details(), "tags": [{"key": "Name", "value": "a\u2028b"}]}
    lines = [finding(instance=named), finding()]
    data = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()

    assert read_finding(data).instance_name == "ab"


@given(st.binary() | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["type", "Resource", "service", "detail", "findings", "action",
                         "instanceDetails", "instanceId", "networkInterfaces", "detection",
                         "sequence", "resources", "uid", "resourceType"]), inner),
    max_leaves=20,
).map(encoded))  # fmt: skip
def test_any_bytes_are_a_finding_or_a_problem_in_printable_sentences(data: bytes) -> None:
    problems: tuple[str, ...] = ("none",)
    try:
        read_finding(data)
    except BadFinding as bad:
        problems = bad.problems
    assert problems
    assert all(sentence.isprintable() for sentence in problems)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}:00Z")


@pytest.mark.parametrize(
    ("launch", "now", "expected"),
    [
        pytest.param(None, "30T00:00", ("22T02:10", "24T02:40"), id="a day on either side"),
        pytest.param("01T00:00", "30T00:00", ("22T02:10", "24T02:40"), id="launched long before"),
        pytest.param("22T20:00", "30T00:00", ("22T20:00", "24T02:40"), id="not before launch"),
        pytest.param("23T12:00", "30T00:00", ("22T02:10", "24T02:40"), id="restarted after it"),
        pytest.param(None, "23T08:00", ("22T02:10", "23T08:00"), id="not after now"),
        pytest.param(None, "20T08:00", ("22T02:10", "24T02:40"), id="a clock that is behind"),
    ],
)
def test_the_window_is_a_day_around_the_finding_within_launch_and_now(
    launch: str | None, now: str, expected: tuple[str, str]
) -> None:
    said = EXPECTED._replace(launch_at=at(launch) if launch else None)

    assert default_window(said, at(now)) == tuple(map(at, expected))


def test_a_finding_without_times_asks_for_them() -> None:
    with pytest.raises(BadFinding, match="give --from and --to"):
        default_window(EXPECTED._replace(first_seen=None), at("30T00:00"))


def sns(message: object) -> Json:
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:1:t",
            "Message": json.dumps(message)}  # fmt: skip


EVENT = {"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": finding()}


@pytest.mark.parametrize(
    "carried",
    [
        pytest.param(sns(EVENT), id="SNS"),
        pytest.param({"Records": [{"Sns": sns(EVENT)}]}, id="SNS to Lambda"),
        pytest.param({"Records": [{"messageId": "m", "body": json.dumps(EVENT)}]},
                     id="SQS to Lambda"),
        pytest.param({"Messages": [{"MessageId": "m", "Body": json.dumps(EVENT)}]}, id="SQS"),
        pytest.param({"Messages": [{"MessageId": "m", "Body": json.dumps(sns(EVENT))}]},
                     id="SNS to SQS"),
        pytest.param(sns(finding()), id="SNS without an event"),
    ],
)  # fmt: skip
def test_a_finding_in_a_message_is_the_finding(carried: Json) -> None:
    assert read_finding(json.dumps(carried).encode()) == read_finding(
        json.dumps(finding()).encode()
    )


def test_a_message_that_holds_no_json_is_said() -> None:
    carried = sns(EVENT) | {"Message": "ALARM: db-1"}

    with pytest.raises(BadFinding, match="found a message that is not JSON"):
        read_finding(json.dumps(carried).encode())


@pytest.mark.parametrize(
    "info", [{"sample": True}, {"Value": '{"sample": true}', "Type": "default"}]
)
def test_a_sample_is_one_however_it_says_so(info: Json) -> None:
    said = finding(additionalInfo=info, instance=details(vpcId="GeneratedFindingVPCId"))

    found = read_finding(json.dumps(said).encode())

    assert (found.is_sample, found.vpc_ids) == (True, ())


@pytest.mark.parametrize(
    "info", [{"value": "not JSON"}, {"value": '{"sample": "true"}'}, {"value": 1}]
)
def test_what_does_not_say_so_is_no_sample(info: Json) -> None:
    assert not read_finding(json.dumps(finding(additionalInfo=info)).encode()).is_sample


ASFF = {
    "SchemaVersion": "2018-10-08",
    "Id": "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f1",
    "Types": ["TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce"],
    "ProductFields": {
        "aws/guardduty/service/action/actionType": "NETWORK_CONNECTION",
        "aws/guardduty/service/action/networkConnectionAction/connectionDirection": "INBOUND",
        "aws/guardduty/service/action/networkConnectionAction/protocol": "TCP",
        "aws/guardduty/service/action/networkConnectionAction/localPortDetails/port": "22",
        "aws/guardduty/service/action/networkConnectionAction/remotePortDetails/port": "32769",
        "aws/guardduty/service/action/networkConnectionAction/remoteIpDetails/ipAddressV4":
            "198.51.100.23",
        "aws/guardduty/service/eventFirstSeen": "2026-11-23T02:10:00Z",
        "aws/guardduty/service/eventLastSeen": "2026-11-23T02:40:00.5Z",
        "aws/guardduty/service/additionalInfo/sample": "true",
    },
    "Resources": [{
        "Type": "AwsEc2Instance",
        "Id": f"arn:aws:ec2:eu-west-1:111122223333:instance/{INSTANCE}",
        "Tags": {"Name": "web-3"},
        "Details": {"AwsEc2Instance": {
            "VpcId": "vpc-0a0a0a0a", "SubnetId": "subnet-0a0a0a0a",
            "LaunchedAt": "2026-10-02T08:11:14.000Z",
            "IpV4Addresses": ["203.0.113.13", "10.20.1.13"],
            "NetworkInterfaces": [{"NetworkInterfaceId": "eni-9086b4ee9d767242d"}],
        }},
    }],
}  # fmt: skip


@pytest.mark.parametrize("carried", [ASFF, {"detail": {"findings": [ASFF]}}, {"Findings": [ASFF]}])
def test_a_finding_of_security_hub_says_what_guardduty_said(carried: Json) -> None:
    found = read_finding(json.dumps(carried).encode())

    assert found.types == ("UnauthorizedAccess:EC2/SSHBruteForce",)
    assert (found.instance_id, found.instance_name) == (INSTANCE, "web-3")
    assert found.interfaces == (
        FindingInterface("eni-9086b4ee9d767242d", "vpc-0a0a0a0a", "subnet-0a0a0a0a",
                         ("10.20.1.13",), ()),
    )  # fmt: skip
    assert found.claims == (Claim("NETWORK_CONNECTION", "INBOUND", 6, 22, "198.51.100.23", 32769),)
    assert found.first_seen == datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
    assert found.is_sample

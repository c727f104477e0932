"""The inventory collector, against moto over HTTP, and against a small fake where moto is short.

moto does not page interfaces, refuses nothing and keeps no deleted resources in AWS Config.
"""

import json
from ipaddress import ip_network
from pathlib import Path
from threading import Event

import boto3
import pytest

from jobs.collect_labels import main
from jobs.sources.inventory import Inventory
from jobs.sources.labels import read_labels
from tests.support.aws_fake import aws_fake

RANGES = {
    "syncToken": "1",
    "prefixes": [{"ip_prefix": "52.95.128.0/21", "region": "eu-west-1", "service": "S3"}],
    "ipv6_prefixes": [{"ipv6_prefix": "2600:1f00::/24", "region": "GLOBAL", "service": "AMAZON"}],
}


def rows(folder: Path, table: str) -> list[dict[str, object]]:
    text = (folder / f"{table}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_what_ec2_knows_becomes_labels_and_then_a_history(s3_server: str, tmp_path: Path) -> None:
    ec2 = boto3.client("ec2", region_name="eu-central-1")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.8.0.0/16")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "Name", "Value": "shop"}])
    made = [
        ec2.create_network_interface(
            SubnetId=subnet, PrivateIpAddress=f"10.7.1.{host}", Description=f"box {host}"
        )["NetworkInterface"]["NetworkInterfaceId"]
        for host in (10, 11)
    ]
    (tmp_path / "ip-ranges.json").write_text(json.dumps(RANGES))
    folder = tmp_path / "labels"
    flags = ["--output", str(folder), "--regions", "eu-central-1"]

    assert main([*flags, "--aws_ranges", str(tmp_path / "ip-ranges.json")]) == 0

    labels = read_labels(str(folder))
    assert [version.name for version in labels.names[made[0]]] == ["box 10"]
    assert [owner.interface_id for owner in labels.owners["10.7.1.11"]] == [made[1]]
    assert (labels.names[vpc][0].name, labels.names[subnet][0].name) == ("shop", "shop")
    assert {first for v, (_, first, _) in labels.vpc_networks if v == vpc} >= {
        "0a070000", "0a080000", "0a070100",
    }  # fmt: skip
    assert [service for _, service in labels.services] == ["S3", "AMAZON"]

    ec2.delete_network_interface(NetworkInterfaceId=made[0])
    ec2.create_tags(Resources=[subnet], Tags=[{"Key": "Name", "Value": "renamed"}])
    assert main(flags) == 0

    taken_at = json.loads((folder / "snapshot.json").read_text())["taken_at"]
    found = read_labels(str(folder)).taken_at
    assert found is not None
    assert found.isoformat() == taken_at
    history = {str(row["interface_id"]): row for row in rows(folder, "interfaces")}
    assert history[made[0]]["valid_to"] == taken_at
    assert "valid_to" not in history[made[1]]
    assert [
        (row["name"], row.get("valid_from"), row.get("valid_to"))
        for row in rows(folder, "subnets")
        if row["subnet_id"] == subnet
    ] == [("shop", None, taken_at), ("renamed", taken_at, None)]
    assert len(read_labels(str(folder)).names[subnet]) == 2


def test_a_snapshot_in_s3_is_carried_on_and_knows_ipv6(bucket: str, tmp_path: Path) -> None:
    ec2 = boto3.client("ec2", region_name="ap-south-1")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    said = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    network = ip_network(said[0]["Ipv6CidrBlock"])
    folder = f"s3://{bucket}/a/labels"
    ranges = f"s3://{bucket}/ip-ranges.json"
    boto3.client("s3").put_object(
        Bucket=bucket, Key="ip-ranges.json", Body=json.dumps(RANGES).encode()
    )
    flags = ["--output", folder, "--regions", "ap-south-1", "--aws_ranges", ranges]

    assert main(flags) == 0
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "later"}])
    assert main(flags) == 0

    labels = read_labels(folder)
    assert [version.name for version in labels.names[vpc]] == [None, "later"]
    first = f"{int(network.network_address):032x}"
    assert (network.prefixlen, first) in {
        (prefix, first) for v, (prefix, first, _) in labels.vpc_networks if v == vpc
    }
    assert [service for _, service in labels.services] == ["S3", "AMAZON"]


def test_a_place_that_cannot_be_written_is_said(
    s3_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    output = str(tmp_path / "file" / "labels")

    assert main(["--output", output, "--regions", "eu-west-3"]) == 1

    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: --output {output}: found ")
    assert said.endswith("make it writable and collect again")


def test_all_pages_are_read(s3_server: str) -> None:
    ec2 = boto3.client("ec2", region_name="eu-south-1")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = {
        ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        for _ in range(7)
    }

    inventory = Inventory(boto3.Session(), "123456789012", "eu-south-1", Event(), page=5)

    assert {row["instance_id"] for row in inventory.tables["instances"]()} == made


def test_the_groups_of_machines_are_collected(s3_server: str, tmp_path: Path) -> None:
    ec2 = boto3.client("ec2", region_name="eu-west-2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2)["Instances"]
    web, node = (instance["InstanceId"] for instance in made)
    tags = {
        web: {"Name": "web-1", "aws:autoscaling:groupName": "web"},
        node: {"eks:cluster-name": "prod", "eks:nodegroup-name": "workers",
               "kubernetes.io/cluster/prod": "owned"},
    }  # fmt: skip
    for instance_id, pairs in tags.items():
        ec2.create_tags(
            Resources=[instance_id],
            Tags=[{"Key": key, "Value": value} for key, value in pairs.items()],
        )

    assert main(["--output", str(tmp_path), "--regions", "eu-west-2"]) == 0

    labels = read_labels(str(tmp_path))
    assert [labels.names[id_][0].group for id_ in (web, node)] == ["web", "prod/workers"]
    groups = {i.version.instance_id: i.version.group for i in labels.interfaces}
    assert groups == {web: "web", node: "prod/workers"}


def test_roles_lead_to_other_accounts(s3_server: str, tmp_path: Path) -> None:
    role = "arn:aws:iam::222233334444:role/reader"
    boto3.client("ec2", region_name="eu-north-1").describe_vpcs()

    assert main(["--output", str(tmp_path), "--regions", "eu-north-1", "--role_arns", role]) == 0

    assert {row["account_id"] for row in rows(tmp_path, "vpcs")} == {"222233334444"}


def test_what_is_not_allowed_is_said_and_the_rest_is_taken(
    s3_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = {"subnet_id": "subnet-1", "name": "old", "account_id": "123456789012",
             "region": "eu-west-1"}  # fmt: skip
    (tmp_path / "subnets.jsonl").write_text(json.dumps(known) + "\n")
    flags = ["--output", str(tmp_path), "--regions", "eu-west-1", "--config_history", "true"]
    with aws_fake() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONFIG_SERVICE", url)
        assert main([*flags, "--strict", "true"]) == 3

    said = capsys.readouterr().out.splitlines()[1:]
    assert [sentence.split(" is not allowed")[0] for sentence in said] == [
        f"missing: account 123456789012, eu-west-1: ec2:{call}"
        for call in ("DescribeSubnets", "DescribeVpcs", "DescribeInstances",
                     "DescribeManagedPrefixLists")
    ]  # fmt: skip
    assert rows(tmp_path, "subnets") == [known]  # not asked, so not gone
    found = rows(tmp_path, "interfaces")
    assert [row["interface_id"] for row in found] == [
        "eni-1", "eni-2", "eni-3", "eni-gone", "eni-gone",
    ]  # fmt: skip
    columns = "description name instance_id addresses public_addresses valid_from valid_to".split()
    both = ("left", "i-gone", ["10.0.0.10", "10.0.0.9"], ["203.0.113.9"])
    times = [f"1970-01-01T00:{text}+00:00" for text in ("16:40", "33:20", "50:00")]
    assert [tuple(row[column] for column in columns) for row in found[3:]] == [
        ("the one that left", *both, *times[:2]),
        ("renamed", *both, *times[1:]),
    ]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--regions", "Ireland", "--role_arns", "admin"],
         ["--output is missing", "--regions: found 'Ireland'", "--role_arns: found 'admin'"]),
        (["--output", "x", "--aws_ranges", "nowhere.json"], ["--aws_ranges nowhere.json"]),
        (["--output", "x", "--region", "eu-west-1"], ["unknown flag --region"]),
    ],
)  # fmt: skip
def test_wrong_flags_are_refused_before_anything_is_asked(
    flags: list[str], expected: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    assert main(flags) == 2

    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(expected)
    for line, start in zip(said, expected, strict=True):
        assert line.startswith(f"error: {start}")

"""Labels of an organisation: through a role in every account, or an aggregator of AWS Config."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

import boto3
import pytest

from jobs.collect_labels import main
from tests.support.aws_fake import aws_fake
from tests.support.http_server import served

REGIONS = ("eu-west-1", "sa-east-1")


def rows(folder: Path, table: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / f"{table}.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def members(s3_server: str) -> tuple[str, str]:
    """Two accounts beside ours, each with a VPC of its own name in two regions."""
    client = boto3.client("organizations")
    client.create_organization(FeatureSet="ALL")
    made = [
        client.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"][
            "AccountId"
        ]
        for name in ("shop", "data")
    ]
    for account_id in made:
        keys = boto3.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account_id}:role/labels", RoleSessionName="test"
        )["Credentials"]
        for region in REGIONS:
            ec2 = boto3.client(
                "ec2", region_name=region, aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )  # fmt: skip
            vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
            tags = [{"Key": "Name", "Value": f"{account_id} {region}"}]
            ec2.create_tags(Resources=[vpc], Tags=tags)
    return made[0], made[1]


def test_every_account_of_the_organisation_is_found_and_asked_in_every_region(
    members: tuple[str, str], tmp_path: Path
) -> None:
    flags = ["--organization_role", "labels", "--regions", ",".join(REGIONS)]

    assert main(["--output", str(tmp_path), *flags]) == 0

    found = {(row["account_id"], row["region"], row["name"]) for row in rows(tmp_path, "vpcs")}
    named = {(account, region, f"{account} {region}") for account in members for region in REGIONS}
    assert named <= found
    assert {account for account, _, _ in found} == {"123456789012", *members}
    # Not through a role, which nobody deploys to the account that does it.
    assert {region for account, region, _ in found if account == "123456789012"} == set(REGIONS)


class _OneDoorIsShut(BaseHTTPRequestHandler):
    """An STS that lets nobody into one account."""

    shut: ClassVar[str] = ""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {name: value[0] for name, value in parse_qs(body).items()}
        result = "<Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account>"
        status = 200
        if asked["Action"] == "AssumeRole":
            account = asked["RoleArn"].split(":")[4]
            status = 403 if account == self.shut else 200
            result = (
                "<Credentials><AccessKeyId>AKIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                "<SessionToken>t</SessionToken><Expiration>2026-11-24T00:00:00Z</Expiration>"
                "</Credentials>"
            )
        name = f"{asked['Action']}Re"
        text = (
            f"<{name}sponse><{name}sult>{result}</{name}sult></{name}sponse>"
            if status == 200
            else "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@contextmanager
def shut(account_id: str) -> Iterator[str]:
    _OneDoorIsShut.shut = account_id
    with served(_OneDoorIsShut) as url:
        yield url


def test_an_account_that_lets_nobody_in_is_named_and_the_rest_is_taken(
    members: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--output", str(tmp_path), "--organization_role", "labels", "--regions", "eu-west-1"]
    assert main(flags) == 0
    before = {
        str(row["vpc_id"]) for row in rows(tmp_path, "vpcs") if row["account_id"] == members[1]
    }
    capsys.readouterr()

    with shut(members[1]) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        assert main([*flags, "--strict", "true"]) == 3

    missing = [line for line in capsys.readouterr().out.splitlines() if "missing" in line]
    assert missing == [
        f"missing: account {members[1]}: sts:AssumeRole on arn:aws:iam::{members[1]}:role/labels "
        "is not allowed (AccessDenied); its labels are missing or as they were; deploy the member "
        "role there, collect again"
    ]
    after = [row for row in rows(tmp_path, "vpcs") if row["account_id"] == members[1]]
    assert {str(row["vpc_id"]) for row in after} == before
    assert [row for row in after if "valid_to" in row] == []  # nobody looked, so nothing ended


def test_an_aggregator_knows_every_account_without_a_role(
    s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"vpc_id": "vpc-00000009", "name": "gone", "account_id": "444455556666",
            "region": "eu-west-1"}  # fmt: skip
    elsewhere = {**gone, "vpc_id": "vpc-00000008", "region": "ap-south-1"}
    (tmp_path / "vpcs.jsonl").write_text(f"{json.dumps(gone)}\n{json.dumps(elsewhere)}\n")
    with aws_fake() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONFIG_SERVICE", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")  # never asked
        flags = ["--aggregator", "all-accounts", "--regions", "eu-west-1"]
        assert main(["--output", str(tmp_path), *flags]) == 0

    def of(table: str, *columns: str) -> list[tuple[object, ...]]:
        return [tuple(row.get(column) for column in columns) for row in rows(tmp_path, table)]

    assert of("interfaces", "interface_id", "account_id", "region", "name", "addresses") == [
        ("eni-00000001", "444455556666", "eu-west-1", "db", ["10.1.0.5"]),
        ("eni-00000002", "777788889999", "eu-central-1", None, ["10.2.0.5"]),
    ]
    assert of("subnets", "subnet_id", "name", "cidrs") == [
        ("subnet-00000001", "db-a", ["10.1.0.0/24"])
    ]
    assert of("instances", "instance_id", "name") == [("i-00000001", "db-1")]
    ends = {row["vpc_id"]: "valid_to" in row for row in rows(tmp_path, "vpcs")}
    # Of ap-south-1 the aggregator names nothing: it may not look there.
    assert ends == {"vpc-00000001": False, "vpc-00000008": False, "vpc-00000009": True}


@pytest.mark.parametrize(
    ("flags", "start"),
    [
        (["--aggregator", "x", "--organization_role", "y"],
         "--organization_role: found --aggregator as well; expected one of them"),
        (["--organization_role", "arn:aws:iam::1:role/x"],
         "--organization_role: found 'arn:aws:iam::1:role/x'; expected the name of a role"),
        (["--aggregator", "x' OR 'a'='a"], "--aggregator: found "),
    ],
)  # fmt: skip
def test_wrong_ways_into_an_organisation_are_refused(
    flags: list[str], start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", "labels", "--regions", "eu-west-1", *flags]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {start}")

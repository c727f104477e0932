"""The StackSet's template, deployed to moto: the role that every account gets, as a table."""

import ast
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.paths import ROOT

COLLECTOR = "arn:aws:iam::111122223333:role/vpc-flow-trace-labels"
DESCRIBE = {
    ("ec2:DescribeInstances", "*"),
    ("ec2:DescribeManagedPrefixLists", "*"),
    ("ec2:DescribeNetworkInterfaces", "*"),
    ("ec2:DescribeSubnets", "*"),
    ("ec2:DescribeVpcs", "*"),
    ("ec2:GetManagedPrefixListEntries", "arn:aws:ec2:*:*:prefix-list/*"),
}
HISTORY = {("config:GetResourceConfigHistory", "*"), ("config:ListDiscoveredResources", "*")}


def documents_of(role: str) -> list[dict[str, Any]]:
    iam = boto3.client("iam")
    found = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    # moto answers a policy that CloudFormation made as Python would print it.
    return [each if isinstance(each, dict) else ast.literal_eval(str(each)) for each in found]


@pytest.mark.parametrize(
    ("history", "expected"), [("false", DESCRIBE), ("true", DESCRIBE | HISTORY)],
    ids=["what is there", "what is gone, too"],
)  # fmt: skip
def test_the_member_role_reads_and_trusts_the_collector_alone(
    history: str, expected: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        given = {"CollectorRoleArn": COLLECTOR, "RoleName": "member", "WithConfigHistory": history}
        boto3.client("cloudformation").create_stack(
            StackName="member",
            TemplateBody=(ROOT / "infra/member_role.yaml").read_text(),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        role = boto3.client("iam").get_role(RoleName="member")["Role"]
        statements = [s for document in documents_of("member") for s in document["Statement"]]

    allowed = {
        (action, statement["Resource"])
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str)
                       else statement["Action"])
    }  # fmt: skip
    assert allowed == expected
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": COLLECTOR}}
    ]

"""What the account of a log archive is told to allow, and what a run may do there: as tables."""

import json
from typing import Any

import pytest

from jobs.cli.arguments import parse_arguments
from jobs.storage.aws_access import Access
from tests.integration.test_infra import FINDING, State, handed, values_of
from tests.support.terraform import Terraform, events_of, policies_in, what_is_missing

pytestmark = pytest.mark.skipif(what_is_missing() is not None, reason=str(what_is_missing()))

ROLE = "arn:aws:iam::444455556666:role/flow-log-reader"
READERS = (
    "arn:aws:iam::111122223333:role/incident-response/vpc-flow-trace-glue",
    "arn:aws:iam::111122223333:role/incident-response/vpc-flow-trace-emr-serverless",
    "arn:aws:iam::111122223333:role/emr-cluster",
)
IN_US = "arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555555555"
IN_INDIA = "arn:aws:kms:ap-south-1:444455556666:key/22222222-2222-3333-4444-555555555555"
OF_CASES = "arn:aws:kms:eu-west-1:111122223333:key/66666666-7777-8888-9999-000000000000"
PREFIX = "arn:aws:s3:::logs-1/AWSLogs/*/vpcflowlogs/*"

# What may be done to the flow logs and with keys: action, resource, condition's value.
Row = tuple[str, str, str]
FLOW_LOGS: set[Row] = {
    ("s3:ListBucket", "arn:aws:s3:::logs-1", "AWSLogs/*/vpcflowlogs/*"),
    ("s3:ListBucket", "arn:aws:s3:::logs-1", "AWSLogs/*/vpcflowlogs/*/*"),
    ("s3:GetObject", f"{PREFIX}/*", ""),
    ("s3:GetObjectVersion", f"{PREFIX}/*", ""),
    ("s3:ListBucket", "arn:aws:s3:::logs-2", "*"),
    ("s3:GetObject", "arn:aws:s3:::logs-2/*", ""),
    ("s3:GetObjectVersion", "arn:aws:s3:::logs-2/*", ""),
}
KEYS_OF_FLOW_LOGS: set[Row] = {
    ("kms:Decrypt", IN_US, "s3.us-east-1.amazonaws.com"),
    ("kms:Decrypt", IN_INDIA, "s3.ap-south-1.amazonaws.com"),
}
KEYS_OF_CASES: set[Row] = {
    ("kms:Decrypt", OF_CASES, "s3.eu-west-1.amazonaws.com"),
    ("kms:GenerateDataKey", OF_CASES, "s3.eu-west-1.amazonaws.com"),
}


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[str, State]:
    """What each run of the file made, with a provider that only pretends."""
    terraform = Terraform(tmp_path_factory.mktemp("archive"))
    terraform.init()
    only = "-filter=tests/log_archive.tftest.hcl"
    ended = terraform.run("test", "-json", "-verbose", only, codes=(0, 1))
    events = events_of(ended.stdout)
    wrong = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
    assert ended.returncode == 0, wrong
    return {e["@testrun"]: e["test_state"] for e in events if e["type"] == "test_state"}


def outputs_of(state: State) -> dict[str, Any]:
    value: dict[str, Any] = state["outputs"]["log_archive"]["value"]
    return value


def rows_of(statements: list[dict[str, Any]]) -> set[Row]:
    """A row for each action, resource and value of a condition."""
    return {
        (action, resource, value)
        for statement in statements
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
        for resource in statement["Resource"]
        for value in conditions_of(statement)
    }


def conditions_of(statement: dict[str, Any]) -> list[str]:
    (found,) = statement.get("Condition", {"": {"": ""}}).values()
    (values,) = found.values()
    return values if isinstance(values, list) else [values]


def of_run(state: State) -> set[Row]:
    """What the policy of a run says of flow logs, keys and roles."""
    statements = [statement for name, statement in policies_in(state) if name == "trace"]
    return {
        row
        for row in rows_of(statements)
        if "logs-" in row[1] or row[0].split(":")[0] in ("kms", "sts")
    }


def test_as_itself_a_run_may_read_the_flow_logs(states: dict[str, State]) -> None:
    assert of_run(states["read_as_oneself"]) == FLOW_LOGS | KEYS_OF_FLOW_LOGS | KEYS_OF_CASES


def test_as_a_role_a_run_may_assume_exactly_that_role_and_reads_nothing_itself(
    states: dict[str, State],
) -> None:
    assert of_run(states["read_as_a_role"]) == {("sts:AssumeRole", ROLE, "")} | KEYS_OF_CASES


def test_the_buckets_let_in_whoever_reads(states: dict[str, State]) -> None:
    for run, readers in (("read_as_oneself", [*READERS]), ("read_as_a_role", [ROLE])):
        policies = outputs_of(states[run])["bucket_policies"]
        statements = [s for text in policies.values() for s in json.loads(text)["Statement"]]

        assert policies.keys() == {"logs-1", "logs-2"}
        assert rows_of(statements) == FLOW_LOGS
        assert [s["Principal"] for s in statements] == [{"AWS": readers}] * len(statements)
        for bucket, text in policies.items():
            for statement in json.loads(text)["Statement"]:
                assert all(bucket in resource for resource in statement["Resource"])


def test_each_key_is_used_through_the_s3_of_its_own_region(states: dict[str, State]) -> None:
    for run, readers in (("read_as_oneself", [*READERS]), ("read_as_a_role", [ROLE])):
        policies = outputs_of(states[run])["key_policies"]
        found = {
            (action, key, value)
            for key, text in policies.items()
            for action, resource, value in rows_of(json.loads(text)["Statement"])
            if resource == "*"
        }
        principals = [s["Principal"] for t in policies.values() for s in json.loads(t)["Statement"]]

        assert found == KEYS_OF_FLOW_LOGS
        assert principals == [{"AWS": readers}] * 2


def test_the_role_trusts_the_readers_and_may_only_read(states: dict[str, State]) -> None:
    made = outputs_of(states["read_as_a_role"])
    (trust,) = json.loads(made["role_trust_policy"])["Statement"]
    statements = json.loads(made["role_policy"])["Statement"]

    assert trust["Principal"] == {"AWS": [*READERS]}
    assert (trust["Effect"], trust["Action"]) == ("Allow", ["sts:AssumeRole"])
    assert rows_of(statements) == FLOW_LOGS | KEYS_OF_FLOW_LOGS
    assert len({statement["Sid"] for statement in statements}) == len(statements)


def test_the_policy_of_a_run_in_china_names_china(states: dict[str, State]) -> None:
    assert of_run(states["china"]) == {
        ("sts:AssumeRole", "arn:aws-cn:iam::444455556666:role/flow-log-reader", ""),
        *(
            (
                action,
                "arn:aws-cn:kms:cn-northwest-1:111122223333:key/66666666-7777-8888-9999-000000000000",
                "s3.cn-northwest-1.amazonaws.com.cn",
            )
            for action in ("kms:Decrypt", "kms:GenerateDataKey")
        ),
    }


def test_the_job_understands_what_it_is_handed(states: dict[str, State]) -> None:
    for run, access in (("read_as_oneself", Access()), ("read_as_a_role", Access(ROLE, True))):
        defaults = values_of(states[run], "aws_glue_job.trace")["default_arguments"]

        assert parse_arguments([*handed(defaults), *FINDING]).access == access

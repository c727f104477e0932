"""Flags of how flow logs are reached: read here, and handed on to every platform as they are."""

import pytest

from jobs.cli.arguments import parse_arguments
from jobs.errors import BadInput
from jobs.storage.aws_access import OWN, Access
from jobs.submit.flags import parse_launch
from tests.unit.jobs.cli.test_arguments import FLAGS

ROLE = "arn:aws:iam::444455556666:role/flow-log-reader"
ON_S3 = [
    *("--flow_logs", "s3://logs/AWSLogs", "--case_id", "web-3", "--output", "s3://cases/cases"),
    *("--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T02:00:00Z"),
    *("--instance_id", "i-0123456789abcdef0", "--artifacts", "s3://artifacts/trace"),
]


def test_without_flags_flow_logs_are_read_as_oneself() -> None:
    assert parse_arguments(FLAGS).access == OWN == Access(None, False, None)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso-b"])
def test_a_role_of_any_partition_is_taken(partition: str) -> None:
    role = f"arn:{partition}:iam::444455556666:role/incident-response/flow-log-reader"

    assert parse_arguments([*FLAGS, "--read_role_arn", role]).access == Access(role)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso-b"])
def test_a_key_of_any_partition_signs(partition: str) -> None:
    key = (
        f"arn:{partition}:kms:eusc-de-east-1:444455556666:key/11111111-2222-3333-4444-555555555555"
    )

    assert parse_arguments([*FLAGS, "--sign_with", key]).sign_with == key


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        pytest.param(
            ["--read_role_arn", "flow-log-reader"],
            "--read_role_arn: found 'flow-log-reader'; expected arn:aws:iam::ACCOUNT:role/NAME",
            id="a name is no ARN",
        ),
        pytest.param(
            ["--read_role_arn", "arn:aws:iam::444455556666:user/me"],
            "--read_role_arn: found 'arn:aws:iam::444455556666:user/me'; expected "
            "arn:aws:iam::ACCOUNT:role/NAME",
            id="nobody assumes a user",
        ),
        pytest.param(
            ["--requester_pays", "yes"],
            "--requester_pays: found 'yes'; expected true or false",
            id="true or false",
        ),
        pytest.param(
            ["--read_endpoint", "s3-fips.us-east-1.amazonaws.com"],
            "--read_endpoint: found 's3-fips.us-east-1.amazonaws.com'; expected http://host:port "
            "or https://host:port",
            id="a host is no URL",
        ),
    ],
)
def test_what_is_none_is_refused(words: list[str], problem: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_arguments([*FLAGS, *words])

    assert refused.value.problems == (problem,)


@pytest.mark.parametrize(
    "platform",
    [
        ["glue", "--role", "tracer"],
        ["emr", "--cluster_id", "j-1ABCDEFGHIJKL"],
        ["emr-serverless", "--application_id", "00abcdefghij0k0l", "--role", ROLE],
    ],
    ids=lambda words: words[0],
)
def test_every_platform_gets_the_flags(platform: list[str]) -> None:
    given = ["--read_role_arn", ROLE, "--requester_pays", "true", "--read_endpoint", "https://s3"]

    launch = parse_launch([*platform, *ON_S3, *given])

    assert launch.job.access == Access(ROLE, True, "https://s3")
    assert list(launch.job_words[-6:]) == given

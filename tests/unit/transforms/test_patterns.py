"""Each id and name is spelled in one way, in ASCII."""

import re

import pytest

from transforms import patterns

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b")


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        (
            patterns.RUN_ID,
            [patterns.RUN_ID_EXAMPLE],
            [
                "",
                "../x",
                "20261124T023730z-54d7",
                "\u0662\u0660261124t023730z-54d7",
                "20261124t023730z-54d7\n",
            ],
        ),
        (
            patterns.CASE_ID,
            ["web-3", "0ab", "a" * 41],
            ["ab", "a" * 42, "-ab", "Web", "a/b", "\uff41bc"],
        ),
        (patterns.SHA256, ["0" * 64], ["0" * 63, "A" * 64, "0" * 65]),
        (patterns.ACCOUNT_ID, ["012345678901"], ["12345678901", "\u066012345678901"]),
        (
            patterns.REGION,
            ["eu-west-1", "us-gov-east-1", "ap-southeast-7", "eusc-de-east-1"],
            ["euwest1", "eu-west", "eu-west-123", "eu-west-1/", "EU-WEST-1"],
        ),
        (
            patterns.ROLE_ARN,
            [
                "arn:aws:iam::123456789012:role/a",
                "arn:aws-cn:iam::123456789012:role/p/a=,.@_-+",
                *(f"arn:{name}:iam::123456789012:role/a" for name in PARTITIONS),
            ],
            ["arn:aws:iam::123456789012:user/a", "arn:aws:iam::12345678901:role/a"],
        ),
        (
            patterns.resource_id("eni"),
            ["eni-01234567", "eni-0123456789abcdef0"],
            ["i-01234567", "eni-0123456", "eni-0123456789ABCDEF0", "eni-0123456789abcdef01"],
        ),
    ],
)
def test_what_a_pattern_takes(pattern: str, right: list[str], wrong: list[str]) -> None:
    assert [text for text in right if not re.fullmatch(pattern, text)] == []
    assert [text for text in wrong if re.fullmatch(pattern, text)] == []


def test_a_flow_log_object_tells_account_region_and_flow_log() -> None:
    name = "123456789012_vpcflowlogs_eu-west-1_fl-0123abcd_20261123T0005Z_1a2b3c4d.log.gz"
    found = re.match(patterns.FLOW_LOG_OBJECT, name)

    assert found is not None
    assert found.groups() == ("123456789012", "eu-west-1", "fl-0123abcd")

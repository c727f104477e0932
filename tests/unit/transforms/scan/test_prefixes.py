"""Places for account and region in prefixes, and who tells what they are."""

import pytest

from transforms.scan.prefixes import Home, filled, has_places, home_in, home_of

ONE, TWO = Home("111122223333", "eu-west-1"), Home("222233334444", "us-gov-east-1")


def test_each_home_has_its_prefix_and_each_prefix_is_there_once() -> None:
    hive = "s3://b/AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}"
    prefixes = ["s3://b/{account}", "s3://b/all", hive]

    assert filled(prefixes, [ONE, TWO, Home(ONE.account_id, "eu-west-2")]) == (
        "s3://b/111122223333",
        "s3://b/222233334444",
        "s3://b/all",
        "s3://b/AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1",
        "s3://b/AWSLogs/aws-account-id=222233334444/aws-service=vpcflowlogs/"
        "aws-region=us-gov-east-1",
        "s3://b/AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-2",
    )


def test_without_a_home_only_prefixes_without_a_place_are_left() -> None:
    assert filled(["s3://b/{region}", "s3://b/{year}"], []) == ("s3://b/{year}",)
    assert [has_places(text) for text in ("a/{account}", "a/{region}", "a/{Account}", "a")] == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("account", "region"),
    [
        ("11112222333", "eu-west-1"), ("1111222233334", "eu-west-1"),
        ("\uff1111122223333", "eu-west-1"), ("111122223333/..", "eu-west-1"),
        ("111122223333", "../other"), ("111122223333", "{region}"),
        (None, "eu-west-1"), ("111122223333", None), (["111122223333"], "eu-west-1"),
    ],
)  # fmt: skip
def test_what_is_no_account_or_no_region_is_no_home(account: object, region: object) -> None:
    assert home_of(account, region) is None


def test_a_home_stands_in_the_arn_of_an_instance() -> None:
    assert home_of("111122223333", "eu-west-1") == ONE
    assert home_in("arn:aws:ec2:eu-west-1:111122223333:instance/i-0839de4aa2b2f82cb") == ONE
    assert home_in("arn:aws-us-gov:ec2:us-gov-east-1:222233334444:instance/i-1") == TWO
    assert home_in("arn:aws:s3:eu-west-1:111122223333:x") is None
    assert home_in("i-0839de4aa2b2f82cb") is None
    assert home_in(None) is None

"""A log archive: a bucket of another account, which lets no other account in."""

from typing import Any, NamedTuple

import boto3
import pytest

from jobs.storage.aws_access import role_credentials


class Archive(NamedTuple):
    """The bucket, a client that may write to it, and that client's credentials."""

    bucket: str
    s3: Any
    keys: dict[str, str]


def archive_of(role_arn: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """A new bucket beside another one, in the account of a role."""
    role_credentials.cache_clear()  # moto forgets them whenever a test mocks AWS in this process
    monkeypatch.setenv("MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS", "false")
    assumed = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="archive")
    keys = {name: str(value) for name, value in assumed["Credentials"].items()}
    s3 = boto3.client(
        "s3",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    name = f"{bucket}-archive"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return Archive(name, s3, keys)

"""The accounts that labels are collected from: this one, those of roles, or an organisation's."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from jobs.sources.inventory import RETRIES, Missing

_DENIED = ("AccessDenied", "AccessDeniedException")

Account = tuple[boto3.Session, str]


def accounts_of(
    role_arns: tuple[str, ...], organization_role: str | None, region: str
) -> Iterator[Account | Missing]:
    """A session per account, with its account id.

    Of an organisation, an account that does not let us in stands as what is missing, and the rest
    goes on. Each role is assumed only when its account is next: a session lasts for an hour.
    """
    own = boto3.Session(region_name=region)
    sts = own.client("sts", config=RETRIES)
    if organization_role is not None:
        yield from _of_organisation(own, sts, organization_role)
        return
    if not role_arns:
        yield own, sts.get_caller_identity()["Account"]
    for arn in role_arns:
        yield _assumed(sts, arn), arn.split(":")[4]


def _of_organisation(own: boto3.Session, sts: Any, role: str) -> Iterator[Account | Missing]:
    caller = sts.get_caller_identity()
    partition = caller["Arn"].split(":")[1]
    organisation = own.client("organizations", config=RETRIES)
    pages = organisation.get_paginator("list_accounts").paginate()
    active = sorted(
        account["Id"] for page in pages for account in page["Accounts"]
        if account["Status"] == "ACTIVE"
    )  # fmt: skip
    for account_id in active:
        if account_id == caller["Account"]:
            yield own, account_id
            continue
        arn = f"arn:{partition}:iam::{account_id}:role/{role}"
        try:
            session = _assumed(sts, arn)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code not in _DENIED:
                raise
            yield Missing(
                f"account {account_id}: sts:AssumeRole on {arn} is not allowed ({code}); its "
                "labels are missing or as they were; deploy the member role there, collect again"
            )
        else:
            yield session, account_id


def _assumed(sts: Any, arn: str) -> boto3.Session:
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="vpc-flow-trace")["Credentials"]
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )

"""Who runs a command, as AWS knows them."""

import os
from collections.abc import Iterable


def aws_caller(places: Iterable[str]) -> dict[str, object] | None:
    """The caller's ARN, or why STS did not tell; None where none of the places is on AWS."""
    if not any(place.startswith("s3://") for place in places):
        return None
    import boto3  # see jobs.storage.object_store
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    patience = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
    region = boto3.Session().region_name or os.environ.get("AWS_REGION") or "us-east-1"
    try:
        caller = boto3.client("sts", region_name=region, config=patience).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return {"arn": None, "reason": f"STS did not tell: {type(error).__name__}"}
    return {"arn": caller["Arn"]}

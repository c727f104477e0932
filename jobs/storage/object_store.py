"""One way to objects on `s3://` and in folders: a URI → a store and a path in it."""

import os
import re
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from obstore.store import LocalStore, S3Store

from jobs.errors import EXPIRED_CODES, BadInput, CredentialsExpired
from jobs.storage.aws_access import (
    OWN,
    Access,
    OwnCredentials,
    as_configured,
    endpoint_of,
    first_region,
    let_requester_pay,
    role_credentials,
    session_for,
)
from transforms.text import masked, sanitise

if TYPE_CHECKING:
    from obstore.store import RetryConfig


class Bucket(NamedTuple):
    """How to reach a bucket; travels to the executors, so it holds no credential.

    `endpoint` is a URL of S3; the bucket's name goes in front of its host where `is_virtual`, else
    into the path.
    """

    name: str
    region: str
    endpoint: str
    is_virtual: bool = False
    access: Access = OWN


class Place(NamedTuple):
    """A bucket (None: this machine's files) and a path in it, without a slash in front."""

    bucket: Bucket | None
    path: str

    def uri_of(self, path: str) -> str:
        """The URI of another path in the same bucket."""
        return f"s3://{self.bucket.name}/{path}" if self.bucket else f"file:///{path}"


def place_of(uri: str, access: Access = OWN) -> Place:
    """Where a URI leads; asks S3 for the bucket's region.

    Raises BadInput for what is no URI of a folder or S3, and when S3 will not tell.
    """
    if problem := problem_of(uri):
        raise BadInput([f"found {sanitise(masked(uri), 200)!r}; {problem}"])
    if not uri.startswith("s3://"):
        path = os.path.abspath(uri.removeprefix("file://"))
        return Place(None, path.lstrip("/"))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return Place(_bucket_of(bucket, access), key)


# Amazon S3 user guide, "General purpose buckets naming rules"; older buckets have capitals and _.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


def problem_of(uri: str) -> str | None:
    """What is wrong with the URI of a folder, a file or an object; None where nothing is."""
    scheme, is_uri, rest = uri.partition("://")
    if not uri or "\0" in uri or (is_uri and scheme not in ("s3", "file")):
        return "expected a folder or s3://bucket/prefix"
    if scheme != "s3" or not is_uri:
        return None
    bucket, _, _ = rest.partition("/")
    if not bucket:
        return "expected a bucket: s3://bucket/prefix"
    if ":" in bucket or "@" in bucket:
        return "expected s3://bucket/prefix without credentials; the environment has them"
    if not _BUCKET.fullmatch(bucket):
        return "expected the name of a bucket: s3://bucket/prefix"
    return None


@lru_cache(maxsize=64)
def _bucket_of(name: str, access: Access) -> Bucket:
    # Here, not above: workers that read files start 0.3 s sooner without boto3.
    from botocore.exceptions import BotoCoreError, ClientError

    session = session_for(access.role_arn)
    try:
        client = session.client(
            "s3",
            region_name=first_region(session, access.role_arn),
            endpoint_url=access.endpoint,
            config=as_configured(),
        )
        if access.requester_pays:
            let_requester_pay(client)
        headers = client.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]
        region = headers.get("x-amz-bucket-region") or client.meta.region_name
        return Bucket(name, region, *endpoint_of(name, region, access.endpoint), access)
    except ClientError as error:
        raise BadInput([f"s3://{name}: {_refusal(error.response, access)}"]) from error
    except BotoCoreError as error:
        raise BadInput([f"s3://{name}: {error}; check credentials and network"]) from error


def _refusal(response: Any, access: Access) -> str:
    """What S3 answered, and what to check."""
    code = sanitise(str(response.get("Error", {}).get("Code", "unknown")), 80)
    check = "check the name and the s3:ListBucket permission"
    if access.role_arn is not None:
        check += f" of {access.role_arn}"
    if code == "403" and access.role_arn is None:
        check += ", the region that is set (AWS_REGION)"
    if code == "403" and not access.requester_pays:
        check += ", and --requester_pays true for flow logs in a bucket whose requesters pay"
    return f"S3 answered {code}; {check}"


# Amazon S3 user guide, "Best practices design patterns": 503 SlowDown asks for another try, later.
_RETRIES: "RetryConfig" = {
    "max_retries": 10,
    "retry_timeout": timedelta(minutes=3),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=15),
        "base": 2,
    },
}


@lru_cache(maxsize=64)
def open_store(bucket: Bucket | None) -> S3Store | LocalStore:
    """The store of a bucket, once per process; credentials are those of the machine it runs on."""
    if bucket is None:
        return LocalStore()
    role_arn = bucket.access.role_arn
    scheme, _, host = bucket.endpoint.partition("://")
    at = f"{scheme}://{bucket.name}.{host}" if bucket.is_virtual else bucket.endpoint
    # By this name of the option: obstore lets AWS_ENDPOINT_URL_S3 override `endpoint`.
    return S3Store(
        bucket.name,
        region=bucket.region,
        aws_endpoint_url_s3=at,
        virtual_hosted_style_request=bucket.is_virtual,
        client_options={"allow_http": scheme == "http"},
        retry_config=_RETRIES,
        request_payer=bucket.access.requester_pays,
        credential_provider=role_credentials(role_arn) if role_arn else OwnCredentials(),
    )


# The error numbers of Linux (errno(3)) as obstore and Java spell them.
_NO_SPACE = ("os error 28", "os error 122", "No space left on device", "Disk quota exceeded")


def is_full(text: str) -> bool:
    """Whether a message says that a disk, or the quota on it, is used up."""
    return any(sign in text for sign in _NO_SPACE)


def expired_code(answer: str) -> str | None:
    """The code of S3 or STS, alone or in an answer, that says that credentials expired, or None."""
    return next(
        (
            code
            for code in EXPIRED_CODES
            if answer == code or f"<Code>{code}</Code>" in answer or f"({code}) when" in answer
        ),
        None,
    )


def stop_if_expired(answer: str) -> None:
    """Raise CredentialsExpired for such a code of S3, alone or in its answer."""
    if (code := expired_code(answer)) is not None:
        raise CredentialsExpired(
            f"S3 answered {code}: the credentials ended before the run did; nothing was "
            "concluded; renew them and run again"
        )


def first_line(error: BaseException) -> str:
    """The first line of a message, capped: the rest of obstore's messages is for its developers."""
    return sanitise(masked(next(iter(str(error).splitlines()), type(error).__name__)[:2_000]), 200)

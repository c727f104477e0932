"""One way to objects on `s3://` and in folders: a URI → a store and a path in it."""

import os
import re
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from obstore.store import LocalStore, S3Store

from jobs.errors import EXPIRED_CODES, BadInput, CredentialsExpired
from transforms.text import masked, sanitise

if TYPE_CHECKING:
    from obstore.store import RetryConfig


class Bucket(NamedTuple):
    """How to reach a bucket; travels to the executors, so it holds no credential."""

    name: str
    region: str
    endpoint: str | None


class Place(NamedTuple):
    """A bucket (None: this machine's files) and a path in it, without a slash in front."""

    bucket: Bucket | None
    path: str

    def uri_of(self, path: str) -> str:
        """The URI of another path in the same bucket."""
        return f"s3://{self.bucket.name}/{path}" if self.bucket else f"file:///{path}"


def place_of(uri: str) -> Place:
    """Where a URI leads; asks S3 for the bucket's region.

    Raises BadInput for what is no URI of a folder or S3, and when S3 will not tell.
    """
    if problem := problem_of(uri):
        raise BadInput([f"found {sanitise(masked(uri), 200)!r}; {problem}"])
    if not uri.startswith("s3://"):
        path = os.path.abspath(uri.removeprefix("file://"))
        return Place(None, path.lstrip("/"))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return Place(_bucket_of(bucket), key)


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
def _bucket_of(name: str) -> Bucket:
    import boto3  # here, not above: workers that read files start 0.3 s sooner without it
    from botocore.exceptions import BotoCoreError, ClientError

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    session = boto3.Session()
    try:
        client = session.client("s3", region_name=session.region_name or "us-east-1")
        headers = client.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]
    except ClientError as error:
        answer = error.response.get("Error", {}).get("Code", "unknown")
        raise BadInput(
            [f"s3://{name}: S3 answered {answer}; check the name and the s3:ListBucket permission"]
        ) from error
    except BotoCoreError as error:
        raise BadInput([f"s3://{name}: {error}; check credentials and network"]) from error
    return Bucket(name, headers.get("x-amz-bucket-region") or client.meta.region_name, endpoint)


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
    from obstore.auth.boto3 import Boto3CredentialProvider  # imports boto3, see above

    return S3Store(
        bucket.name,
        region=bucket.region,
        endpoint=bucket.endpoint,
        virtual_hosted_style_request=bucket.endpoint is None,
        client_options={"allow_http": (bucket.endpoint or "").startswith("http://")},
        retry_config=_RETRIES,
        credential_provider=Boto3CredentialProvider(),
    )


# The error numbers of Linux (errno(3)) as obstore and Java spell them.
_NO_SPACE = ("os error 28", "os error 122", "No space left on device", "Disk quota exceeded")


def is_full(text: str) -> bool:
    """Whether a message says that a disk, or the quota on it, is used up."""
    return any(sign in text for sign in _NO_SPACE)


def expired_code(answer: str) -> str | None:
    """The code of S3, alone or in its answer, that says that credentials expired; None without."""
    return next(
        (code for code in EXPIRED_CODES if answer == code or f"<Code>{code}</Code>" in answer), None
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

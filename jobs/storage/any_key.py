"""Any key that S3 has: obstore where its path rules allow the key, boto3 where they do not.

Amazon S3 user guide, "Naming Amazon S3 objects": a key is any UTF-8 of at most 1,024 octets. To
obstore a key is a path: it refuses a whole listing for one key with an empty segment, `.`, `..` or
a control character, and takes a slash in front for none.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import obstore

from jobs.storage.aws_access import let_requester_pay, session_for
from jobs.storage.object_store import Bucket, Place, open_store

if TYPE_CHECKING:
    from obstore import ObjectMeta

KEY_OCTETS_MOST = 1_024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class KeyFailure(Exception):
    """S3 would not give an object of an odd key; `code` is S3's word, or the kind of failure."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class OddObject(NamedTuple):
    """An object read through boto3; `body` gives its bytes."""

    size: int
    version: str | None
    body: Any


def is_plain(key: str) -> bool:
    """Whether obstore takes a key for what it is."""
    if _CONTROL.search(key) or len(key.encode()) > KEY_OCTETS_MOST:
        return False
    return not key or not {"", ".", ".."}.intersection(key.split("/"))


def head(place: Place) -> "ObjectMeta":
    """What S3 or the folder says of an object; raises FileNotFoundError where there is none."""
    if place.bucket is None or is_plain(place.path):
        return obstore.head(open_store(place.bucket), place.path)
    with failures():
        found = client_of(place.bucket).head_object(Bucket=place.bucket.name, Key=place.path)
    return _meta(place.path, found["ContentLength"], found["LastModified"], found.get("ETag"))


def get_odd(place: Place, etag: str | None, version: str | None) -> OddObject:
    """An object whose key is not plain. Raises FileNotFoundError and KeyFailure."""
    assert place.bucket is not None
    conditions = {"IfMatch": etag, "VersionId": version}
    with failures():
        found = client_of(place.bucket).get_object(
            Bucket=place.bucket.name,
            Key=place.path,
            **{name: value for name, value in conditions.items() if value},
        )
    return OddObject(found["ContentLength"], found.get("VersionId"), found["Body"])


def put_odd(place: Place, data: bytes, *, only_new: bool = False) -> None:
    """Put an object whose key is not plain. Raises KeyFailure."""
    assert place.bucket is not None
    condition = {"IfNoneMatch": "*"} if only_new else {}
    with failures():
        client_of(place.bucket).put_object(
            Bucket=place.bucket.name, Key=place.path, Body=data, **condition
        )


def chunks_of(found: OddObject, octets: int) -> Iterator[bytes]:
    """The bytes of an object, in chunks of a fixed size."""
    with failures():
        yield from found.body.iter_chunks(octets)


def _meta(key: str, size: int, last_modified: datetime, etag: str | None) -> "ObjectMeta":
    return {
        "path": key,
        "size": size,
        "last_modified": last_modified,
        "e_tag": etag,
        "version": None,
    }


@lru_cache(maxsize=64)
def client_of(bucket: Bucket) -> Any:
    """boto3's client for a bucket, once per process, at the host that obstore calls.

    It tries again what S3 throttles.
    """
    from botocore.config import Config  # here, not above: few runs need it, and it takes 0.3 s

    retries: Any = {"max_attempts": 10, "mode": "standard"}
    # Variables of an executor may say otherwise; the driver has settled the host.
    client = session_for(bucket.access.role_arn).client(
        "s3",
        region_name=bucket.region,
        endpoint_url=bucket.endpoint,
        config=Config(
            retries=retries,
            max_pool_connections=32,
            use_fips_endpoint=False,
            use_dualstack_endpoint=False,
            s3={"addressing_style": "virtual" if bucket.is_virtual else "path"},
        ),
    )
    if bucket.access.requester_pays:
        let_requester_pay(client)
    return client


@contextmanager
def failures() -> Iterator[None]:
    """Turn what boto3 raises into FileNotFoundError or KeyFailure."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code = str(details.get("Code", "unknown"))
        if code in ("404", "NoSuchKey"):
            raise FileNotFoundError(code) from error
        raise KeyFailure(code, str(details.get("Message", ""))) from error
    except BotoCoreError as error:
        raise KeyFailure(type(error).__name__, str(error)) from error

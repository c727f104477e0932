"""Any key that S3 has: obstore where its path rules allow the key, boto3 where they do not.

Amazon S3 user guide, "Naming Amazon S3 objects": a key is any UTF-8 of at most 1,024 octets. To
obstore a key is a path: it refuses a whole listing for one key with an empty segment, `.`, `..` or
a control character, and takes a slash in front for none.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import obstore
from obstore.exceptions import InvalidPathError

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


class Folder(NamedTuple):
    """What lies in a folder; folders of odd names end in a slash, as S3 has them."""

    objects: list["ObjectMeta"]
    folders: list[str]


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


def list_folder(folder: Place) -> Folder:
    """What lies directly in a folder, whatever the keys are.

    Each folder in it has a longer name than the folder itself, so that a walk comes to an end.
    """
    store = open_store(folder.bucket)
    if is_plain(folder.path):
        try:
            found = obstore.list_with_delimiter(store, prefix=folder.path or None)
        except InvalidPathError:
            if folder.bucket is None:
                raise
        else:
            objects, below = list(found["objects"]), list(found["common_prefixes"])
            if folder.bucket is None or _is_exact(folder.path, objects, below):
                return Folder(objects, list(_possible(below)))
    if folder.bucket is None:
        return Folder([], [])
    return _list_by_prefix(folder.bucket, folder.path)


def _is_exact(folder: str, objects: list["ObjectMeta"], below: list[str]) -> bool:
    """Whether obstore lost no slash: of a folder's own mark, of a key that begins with one."""
    is_marked = any(found["path"] == folder for found in objects)
    return not is_marked and all(_is_below(folder, path) for path in below)


def _is_below(folder: str, path: str) -> bool:
    start = f"{folder}/" if folder and not folder.endswith("/") else folder
    return path.startswith(start) and path.rstrip("/") > start.rstrip("/")


def _possible(folders: Iterable[str]) -> Iterator[str]:
    """Those that can hold something: a name as long as a key can be has nothing behind it."""
    return (path for path in folders if len(path.encode()) < KEY_OCTETS_MOST)


def _list_by_prefix(bucket: Bucket, folder: str) -> Folder:
    prefix = f"{folder}/" if folder and not folder.endswith("/") else folder
    objects: list[ObjectMeta] = []
    folders: list[str] = []
    with s3_failures():
        pages = _client(bucket).get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket.name, Prefix=prefix, Delimiter="/"):
            objects += (
                _meta(found["Key"], found["Size"], found["LastModified"], found.get("ETag"))
                for found in page.get("Contents", ())
                if found["Key"] != prefix or found["Size"]  # an empty one only marks the folder
            )
            folders += (found["Prefix"] for found in page.get("CommonPrefixes", ()))
    longer = (path for path in folders if path.startswith(prefix) and len(path) > len(prefix))
    return Folder(objects, [_without_slash(path) for path in _possible(longer)])


def _without_slash(folder: str) -> str:
    """A folder as obstore names it, where it can."""
    return folder[:-1] if folder != "/" and is_plain(folder[:-1]) else folder


def head(place: Place) -> "ObjectMeta":
    """What S3 or the folder says of an object; raises FileNotFoundError where there is none."""
    if place.bucket is None or is_plain(place.path):
        return obstore.head(open_store(place.bucket), place.path)
    with s3_failures():
        found = _client(place.bucket).head_object(Bucket=place.bucket.name, Key=place.path)
    return _meta(place.path, found["ContentLength"], found["LastModified"], found.get("ETag"))


def get_odd(place: Place, etag: str | None, version: str | None) -> OddObject:
    """An object whose key is not plain. Raises FileNotFoundError and KeyFailure."""
    assert place.bucket is not None
    conditions = {"IfMatch": etag, "VersionId": version}
    with s3_failures():
        found = _client(place.bucket).get_object(
            Bucket=place.bucket.name,
            Key=place.path,
            **{name: value for name, value in conditions.items() if value},
        )
    return OddObject(found["ContentLength"], found.get("VersionId"), found["Body"])


def put_odd(place: Place, data: bytes, *, only_new: bool = False) -> None:
    """Put an object whose key is not plain. Raises KeyFailure."""
    assert place.bucket is not None
    condition = {"IfNoneMatch": "*"} if only_new else {}
    with s3_failures():
        _client(place.bucket).put_object(
            Bucket=place.bucket.name, Key=place.path, Body=data, **condition
        )


def chunks_of(found: OddObject, octets: int) -> Iterator[bytes]:
    """The bytes of an object, in chunks of a fixed size."""
    with s3_failures():
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
def _client(bucket: Bucket) -> Any:
    return s3_client(bucket)


def s3_client(bucket: Bucket) -> Any:
    """A client of boto3 that reaches a bucket as obstore does."""
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
def s3_failures() -> Iterator[None]:
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

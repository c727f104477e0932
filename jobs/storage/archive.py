"""Which objects S3 keeps in an archive, so that a GET gets nothing until somebody restores them.

obstore's listings have no storage class, so boto3 lists once more; what it would parse of a million
ordinary objects in 45 s is cut out of its answers before.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from jobs.storage.any_key import KeyFailure, failures, s3_client
from jobs.storage.object_store import Bucket

# Amazon S3 user guide, "Understanding and managing Amazon S3 storage classes": these need a
# restore; S3 Glacier Instant Retrieval (GLACIER_IR) does not.
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
# Its optional archive tiers take what nobody has read for 90 days; only HEAD tells.
_TIERING, _TIERING_DAYS = "INTELLIGENT_TIERING", 90
_CONTENTS = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)
_MAY_BE_ARCHIVED = re.compile(rb"<StorageClass>(?:GLACIER|DEEP_ARCHIVE|INTELLIGENT_TIERING)<")
_HEADS_IN_FLIGHT = 16


def archived_keys(bucket: Bucket, keys: Collection[str]) -> dict[str, str]:
    """Of these keys of one folder those that are archived, each with its storage class.

    Raises KeyFailure.
    """
    now = datetime.now(UTC)
    found: dict[str, str] = {}
    tiered: list[str] = []
    for listed in _listed(bucket, _begin_of_all(keys)):
        key, name = str(listed["Key"]), str(listed.get("StorageClass"))
        if key not in keys:
            continue
        if name in _ARCHIVES and not _is_restored(listed.get("RestoreStatus", {}), now):
            found[key] = name
        elif name == _TIERING and listed["LastModified"] < now - timedelta(days=_TIERING_DAYS):
            tiered.append(key)
    with ThreadPoolExecutor(_HEADS_IN_FLIGHT) as pool:
        tiers = pool.map(lambda key: _tier_of(bucket, key), tiered)
        found.update((key, tier) for key, tier in zip(tiered, tiers, strict=True) if tier)
    return found


def _begin_of_all(keys: Collection[str]) -> str:
    first, last = min(keys), max(keys)
    return first[: next((at for at, of in enumerate(first) if not last.startswith(of, at)), None)]


def _is_restored(status: Mapping[str, Any], now: datetime) -> bool:
    ends = status.get("RestoreExpiryDate")
    return ends is not None and ends > now and not status.get("IsRestoreInProgress")


def _listed(bucket: Bucket, prefix: str) -> Iterator[dict[str, Any]]:
    with failures():
        pages = _listing_client(bucket).get_paginator("list_objects_v2")
        for page in pages.paginate(
            Bucket=bucket.name,
            Prefix=prefix,
            Delimiter="/",
            OptionalObjectAttributes=["RestoreStatus"],
        ):
            yield from page.get("Contents", ())


@lru_cache(maxsize=64)
def _listing_client(bucket: Bucket) -> Any:
    client = s3_client(bucket)
    client.meta.events.register("before-parse.s3.ListObjectsV2", _without_ordinary_objects)
    return client


def _without_ordinary_objects(response_dict: dict[str, Any], **_: object) -> None:
    response_dict["body"] = _CONTENTS.sub(
        lambda found: found[0] if _MAY_BE_ARCHIVED.search(found[0]) else b"", response_dict["body"]
    )


def _tier_of(bucket: Bucket, key: str) -> str | None:
    """The archive tier; None where it is in none, or HEAD is refused: then reading it will tell."""
    try:
        with failures():
            head = _listing_client(bucket).head_object(Bucket=bucket.name, Key=key)
    except (KeyFailure, FileNotFoundError):
        return None
    tier = head.get("ArchiveStatus")
    return f"{_TIERING} {tier}" if tier else None

"""Which objects S3 keeps in an archive, so that a GET gets nothing until somebody restores them."""

from datetime import UTC, datetime, timedelta

from jobs.storage.any_key import KeyFailure, client_of, failures
from jobs.storage.object_store import Place

# Amazon S3 user guide, "Understanding and managing Amazon S3 storage classes": these need a
# restore; S3 Glacier Instant Retrieval (GLACIER_IR) does not.
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
# Its optional archive tiers take what nobody has read for 90 days; only HEAD tells, see `tier_of`.
TIERING = "INTELLIGENT_TIERING"
_TIERING_AFTER = timedelta(days=90)
# Of an object that is known, but not from a listing: only those tell the storage class.
NOT_TOLD = "not told"


def archived_as(
    storage_class: str, last_modified: datetime, restored_until: datetime | None = None
) -> str | None:
    """The class of an object that has to be restored, or may be in an archive tier; else None.

    `restored_until` is the end of a restore that is complete.
    """
    now = datetime.now(UTC)
    if storage_class in _ARCHIVES:
        return None if restored_until is not None and restored_until > now else storage_class
    may_sleep = storage_class == TIERING and last_modified < now - _TIERING_AFTER
    return storage_class if may_sleep else None


def tier_of(place: Place) -> str | None:
    """The archive tier; None where it is in none, or HEAD is refused: then reading it will tell."""
    assert place.bucket is not None
    try:
        with failures():
            head = client_of(place.bucket).head_object(Bucket=place.bucket.name, Key=place.path)
    except (KeyFailure, FileNotFoundError):
        return None
    tier = head.get("ArchiveStatus")
    return f"{TIERING} {tier}" if tier else None

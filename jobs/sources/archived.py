"""Flow-log objects in an archive of S3: told before anything is read, as a sentence."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple

from jobs.storage.archive import archived_keys
from jobs.storage.object_store import Bucket, Place

_FOLDERS_IN_FLIGHT = 8
_SLOT = timedelta(minutes=5)
RESTORE = (
    "restore them (aws s3api restore-object, or S3 Batch Operations for many) and run again when "
    "S3 has them back"
)


class ArchivedObject(NamedTuple):
    """Where it is, its storage class, and the start of its slot where its name tells."""

    uri: str
    storage_class: str
    slot_at: datetime | None


def archived_places(places: Iterable[Place]) -> Mapping[tuple[Bucket, str], str]:
    """By bucket and path, the storage class of those that S3 gives only after a restore.

    Folders of this machine have no archive. Raises KeyFailure.
    """
    folders: dict[tuple[Bucket, str], set[str]] = {}
    for bucket, path in places:
        if bucket is not None:
            folders.setdefault((bucket, path.rpartition("/")[0]), set()).add(path)
    found: dict[tuple[Bucket, str], str] = {}
    with ThreadPoolExecutor(_FOLDERS_IN_FLIGHT) as pool:
        each = pool.map(lambda item: archived_keys(item[0][0], item[1]), folders.items())
        for (bucket, _), keys in zip(folders, each, strict=True):
            found.update(((bucket, key), name) for key, name in keys.items())
    return found


def archived_sentence(archived: Iterable[ArchivedObject], selected: int) -> str | None:
    """How many are not read, which time they are of, and what to do; None where there is none."""
    objects = sorted(archived)
    if not objects:
        return None
    counts = Counter(item.storage_class for item in objects)
    classes = ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items()))
    are = "is" if len(objects) == 1 else "are"
    return (
        f"{len(objects):,} of {selected:,} objects {are} archived and cannot be read ({classes}), "
        f"as {objects[0].uri}; {_time_of(objects)}; {RESTORE}"
    )


def _time_of(objects: Iterable[ArchivedObject]) -> str:
    slots = {item.slot_at for item in objects}
    known = sorted(slot for slot in slots if slot is not None)
    if not known:
        return "their names do not tell which part of the window is missing"
    until = known[-1] + _SLOT
    some = ", and of times that names do not tell" if None in slots else ""
    number = f"{len(known):,} slot{'' if len(known) == 1 else 's'} of five minutes"
    return (
        f"missing of the window, by their names: {number} between {known[0]:%Y-%m-%d %H:%M} and "
        f"{until:%Y-%m-%d %H:%M} UTC{some}"
    )

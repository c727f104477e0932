"""Flow-log objects in an archive of S3: told before anything is read, as a sentence."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from jobs.storage.archive import NOT_TOLD, TIERING, tier_of
from jobs.storage.key_pages import page_of
from jobs.storage.object_store import Place
from transforms.scan.split_points import shared_by

if TYPE_CHECKING:
    from obstore import ObjectMeta

_REQUESTS_IN_FLIGHT = 16
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


def archived_in(objects: Iterable[tuple[Place, str]]) -> Mapping[Place, str | None]:
    """The class or the archive tier of objects that may be archived; None where they are in none.

    Given is what a listing said of each (see `archive`); where none did, its folder is listed.
    Raises KeyFailure.
    """
    found: dict[Place, str | None] = dict(objects)
    folders: dict[Place, set[str]] = {}
    for place, told in found.items():
        if told == NOT_TOLD:
            folder = place._replace(path=place.path.rpartition("/")[0])
            folders.setdefault(folder, set()).add(place.path)
    with ThreadPoolExecutor(_REQUESTS_IN_FLIGHT) as pool:
        for listed in pool.map(_listed, folders, folders.values()):
            found.update(listed)
        asleep = [place for place, told in found.items() if told == TIERING]
        found.update(zip(asleep, pool.map(tier_of, asleep), strict=True))
    return found


def _listed(folder: Place, keys: Collection[str]) -> Mapping[Place, str | None]:
    """What a listing of their folder says of some keys."""
    assert folder.bucket is not None
    found: dict[Place, str | None] = {folder._replace(path=key): None for key in keys}
    begin, token = shared_by(min(keys), max(keys)), None
    while True:
        page = page_of(folder.bucket, begin, _class_of, token=token)
        for key, told in page.rows:
            if key in keys:
                found[folder._replace(path=key)] = told
        token = page.token
        if token is None:
            return found


def _class_of(meta: "ObjectMeta", archived: str | None) -> tuple[str, str | None]:
    return meta["path"], archived


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

"""List flow-log objects under prefixes, leaving out what the window rules out."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from obstore.exceptions import BaseError

from jobs.errors import BadInput
from jobs.sources.archived import ArchivedObject, archived_in, archived_sentence
from jobs.sources.object_list import named_objects
from jobs.sources.walk import Walk
from jobs.storage.any_key import KeyFailure
from jobs.storage.archive import NOT_TOLD
from jobs.storage.aws_access import OWN, Access
from jobs.storage.object_store import Bucket, Place, first_line, place_of, stop_if_expired
from transforms.scan.object_key import (
    OUTSIDE_BY_DATE,
    OUTSIDE_BY_SLOT,
    parse_key,
    reason_to_leave,
    reason_to_skip,
)
from transforms.window import Window

if TYPE_CHECKING:
    from obstore import ObjectMeta

NO_OBJECT = "no object"


class FlowLogObject(NamedTuple):
    """One listed object; `skipped` is the reason why it is not read, None when it is selected.

    `archived` is the storage class of a selected one that nobody can read until it is restored;
    while the listing is made, of one of which that has yet to be found out.
    """

    bucket: Bucket | None
    path: str
    etag: str | None
    size: int
    last_modified: datetime
    skipped: str | None
    archived: str | None = None

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.bucket, self.path)

    @property
    def uri(self) -> str:
        """Where it is, as text."""
        return self.place.uri_of(self.path)


class LeftOut(NamedTuple):
    """Objects or folders that are not read for one reason, and the first of them."""

    what: str
    number: int
    reason: str
    example: str

    def sentence(self) -> str:
        """As it stands in the summary and in messages."""
        what = self.what if self.number == 1 else f"{self.what}s"
        return f"{self.number:,} {what} left out ({self.reason}), as {self.example}"


class Listing(NamedTuple):
    """What was found: every listed object, and the folders not entered, with the reason.

    `known_until` is when a flow table was last filled that made this listing of itself.
    """

    objects: tuple[FlowLogObject, ...]
    left_folders: tuple[tuple[str, str], ...]
    known_until: datetime | None = None

    @property
    def selected(self) -> list[FlowLogObject]:
        """The objects to read."""
        return [listed for listed in self.objects if listed.skipped is None]

    @property
    def skipped(self) -> list[FlowLogObject]:
        """The objects not to read."""
        return [listed for listed in self.objects if listed.skipped is not None]

    def archived(self) -> str | None:
        """What of the selected is archived, as a sentence; None where nothing is."""
        found = []
        for item in self.selected:
            if item.archived is not None:
                key = parse_key(item.path)
                found.append(ArchivedObject(item.uri, item.archived, key.slot_at if key else None))
        return archived_sentence(found, len(self.selected))

    def left_out(self) -> list[LeftOut]:
        """What is not read, by reason, each with an example."""
        found: dict[tuple[str, str], list[str]] = {}
        for folder, reason in self.left_folders:
            found.setdefault(("folder", reason), []).append(folder)
        for listed in self.skipped:
            found.setdefault(("object", str(listed.skipped)), []).append(listed.uri)
        return [
            LeftOut(what, len(names), reason, min(names))
            for (what, reason), names in sorted(found.items())
        ]


def list_objects(
    prefixes: Iterable[str],
    window: Window,
    object_list: str | None = None,
    *,
    access: Access = OWN,
    may_be_empty: bool = False,
    may_lack: Collection[str] = (),
) -> Listing:
    """Walk the folders below the prefixes, many at a time, and take what the list names.

    An object that is found twice counts once. Raises BadInput when a prefix cannot be listed, holds
    nothing (one that `may_lack` objects is left out as a folder), an object of the list is not
    there, or nothing concerns the window, unless `may_be_empty`; CredentialsExpired where S3 says
    so.
    """
    listed: list[FlowLogObject] = []
    left: dict[str, str] = {}
    problems: list[str] = []
    for prefix in prefixes:
        try:
            found = _walked(prefix, access, window)
        except BadInput as bad:
            problems += bad.problems
            continue
        listed += found.objects
        left.update(found.left_folders)
        if not found.objects and not found.left_folders:
            if prefix in may_lack:
                left[prefix] = NO_OBJECT
                continue
            problems.append(
                f"--flow_logs {prefix}: found no object; expected flow logs; check the prefix"
            )
    if object_list is not None:
        try:
            named = named_objects(object_list, access)
            listed += (
                _as_listed(place, window, meta, NOT_TOLD if place.bucket else None)
                for place, meta in named
            )
        except BadInput as bad:
            problems += bad.problems
    listing = Listing(_each_once(listed), tuple(sorted(left.items())))
    source = "--flow_logs" if object_list is None else "--flow_logs, --object_list"
    if problems:
        raise BadInput(problems)
    if not may_be_empty and not listing.selected:
        raise BadInput([_nothing_to_read(source, listing, window)])
    return _with_archived(listing, None if may_be_empty else source)


def _with_archived(listing: Listing, source: str | None) -> Listing:
    """The listing that tells what is archived; raises BadInput where a source is nothing else."""
    may_be = [(item.place, item.archived) for item in listing.selected if item.archived]
    try:
        archived = archived_in(may_be)
    except KeyFailure as error:
        stop_if_expired(error.code)
        why = f"listing storage classes failed: {first_line(error)}; run again"
        raise BadInput([why]) from error
    if not archived:
        return listing
    marked = listing._replace(
        objects=tuple(
            item._replace(archived=archived[item.place]) if item.archived else item
            for item in listing.objects
        )
    )
    if source is not None and all(item.archived for item in marked.selected):
        raise BadInput([f"{source}: {marked.archived()}"])
    return marked


def _walked(prefix: str, access: Access, window: Window) -> Listing:
    """What lies below a prefix. Raises BadInput when it cannot be listed."""
    try:
        return _walk(place_of(prefix, access), window)
    except (BaseError, KeyFailure, OSError) as error:
        stop_if_expired(error.code if isinstance(error, KeyFailure) else str(error))
        raise BadInput([f"--flow_logs {prefix}: listing failed: {first_line(error)}"]) from error


def joined(one: Listing, other: Listing) -> Listing:
    """Both listings, each object once: selected where either selects it."""
    objects = {item.uri: item for item in one.objects}
    for item in other.objects:
        if item.skipped is None or item.uri not in objects:
            objects[item.uri] = item
    folders = set(one.left_folders) & set(other.left_folders)
    in_order = tuple(objects[uri] for uri in sorted(objects))
    return Listing(in_order, tuple(sorted(folders)), one.known_until or other.known_until)


def _nothing_to_read(source: str, listing: Listing, window: Window) -> str:
    """What was found instead, by its reason; the window is named only where it is one."""
    left_out = listing.left_out()
    is_of_window = {each.reason for each in left_out} & {OUTSIDE_BY_SLOT, OUTSIDE_BY_DATE}
    check = "--from, --to and the prefix" if is_of_window else "the prefix"
    found = "; ".join(each.sentence() for each in left_out) or "nothing"
    return (
        f"{source}: found {found}; expected objects that may hold records of {window}; "
        f"check {check}"
    )


def _each_once(listed: list[FlowLogObject]) -> tuple[FlowLogObject, ...]:
    """Sorted by bucket and path, without a key per object: there may be millions."""
    listed.sort(key=attrgetter("path"))
    listed.sort(key=lambda item: item.bucket.name if item.bucket else "")
    return tuple(next(same) for _, same in groupby(listed, key=attrgetter("bucket", "path")))


def _walk(root: Place, window: Window) -> Listing:
    walk = Walk(root, partial(_as_listed, root, window), partial(reason_to_leave, window=window))
    walk.go()
    return Listing(tuple(walk.rows), tuple(walk.left))


def _as_listed(
    root: Place, window: Window, meta: "ObjectMeta", archived: str | None
) -> FlowLogObject:
    skipped = reason_to_skip(meta["path"], window)
    return FlowLogObject(
        bucket=root.bucket,
        path=meta["path"],
        etag=meta["e_tag"],
        size=meta["size"],
        last_modified=meta["last_modified"],
        skipped=skipped,
        archived=archived if skipped is None else None,
    )


OBJECT_ROW = (
    "uri STRING, etag STRING, size BIGINT, last_modified TIMESTAMP, account_id STRING, "
    "region STRING, flow_log_id STRING, slot_at TIMESTAMP"
)


def as_object_row(listed: FlowLogObject) -> tuple[object, ...]:
    """The columns of OBJECT_ROW, the last four from the key: the first columns of `objects`."""
    key = parse_key(listed.path)
    of_key = (key.account_id, key.region, key.flow_log_id, key.slot_at) if key else (None,) * 4
    return (listed.uri, listed.etag, listed.size, listed.last_modified, *of_key)


def as_folder_row(uri: str) -> tuple[object, ...]:
    """The same columns for a folder that was not entered."""
    return (uri, *(None,) * 7)

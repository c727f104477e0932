"""List flow-log objects under prefixes, leaving out what the window rules out."""

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.exceptions import BaseError

from jobs.arguments import BadInput
from jobs.object_list import named_objects
from jobs.object_store import Place, open_store, place_of
from transforms.flow_log_key import parse_key, reason_to_leave, reason_to_skip
from transforms.window import Window

if TYPE_CHECKING:
    from obstore import ListResult, ObjectMeta

_LISTINGS_IN_FLIGHT = 32


class FlowLogObject(NamedTuple):
    """One listed object; `skipped` is the reason why it is not read, None when it is selected."""

    place: Place
    etag: str | None
    size: int
    last_modified: datetime
    skipped: str | None

    @property
    def uri(self) -> str:
        """Where it is."""
        return self.place.uri_of(self.place.path)


class Listing(NamedTuple):
    """What was found: every listed object, and the folders not entered, with the reason."""

    objects: tuple[FlowLogObject, ...]
    left_folders: tuple[tuple[str, str], ...]

    @property
    def selected(self) -> list[FlowLogObject]:
        """The objects to read."""
        return [listed for listed in self.objects if listed.skipped is None]

    @property
    def skipped(self) -> list[FlowLogObject]:
        """The objects not to read."""
        return [listed for listed in self.objects if listed.skipped is not None]


def list_objects(
    prefixes: Iterable[str], window: Window, object_list: str | None = None
) -> Listing:
    """Walk the folders below the prefixes, many at a time, and take what the list names.

    An object that is found twice counts once. Raises BadInput when a prefix cannot be listed, holds
    nothing, an object of the list is not there, or nothing concerns the window.
    """
    listed: dict[str, FlowLogObject] = {}
    left: dict[str, str] = {}
    problems: list[str] = []
    for prefix in prefixes:
        try:
            found = _walk(place_of(prefix), window)
        except BadInput as bad:
            problems += bad.problems
            continue
        except (BaseError, OSError) as error:
            problems.append(f"--flow_logs {prefix}: listing failed: {first_line(error)}")
            continue
        listed.update((item.uri, item) for item in found.objects)
        left.update(found.left_folders)
        if not found.objects and not found.left_folders:
            problems.append(
                f"--flow_logs {prefix}: found no object; expected flow logs; check the prefix"
            )
    if object_list is not None:
        try:
            for place, meta in named_objects(object_list):
                item = _as_listed(place, meta, window)
                listed.setdefault(item.uri, item)
        except BadInput as bad:
            problems += bad.problems
    listing = Listing(tuple(listed[uri] for uri in sorted(listed)), tuple(sorted(left.items())))
    if not problems and not listing.selected:
        source = "--flow_logs" if object_list is None else "--flow_logs, --object_list"
        problems.append(
            f"{source}: found {len(listing.skipped)} objects and {len(left)} folders that do "
            f"not concern {window}, and none that does; check --from, --to and the prefix"
        )
    if problems:
        raise BadInput(problems)
    return listing


def first_line(error: BaseException) -> str:
    """The first line of a message, capped: the rest of obstore's messages is for its developers."""
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def _walk(root: Place, window: Window) -> Listing:
    objects: list[FlowLogObject] = []
    left: list[tuple[str, str]] = []
    with ThreadPoolExecutor(_LISTINGS_IN_FLIGHT) as pool:
        pending: set[Future[ListResult[Sequence[ObjectMeta]]]] = {pool.submit(_list_folder, root)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                folder = future.result()
                objects += (_as_listed(root, meta, window) for meta in folder["objects"])
                for path in folder["common_prefixes"]:
                    reason = reason_to_leave(path, window)
                    if reason is None:
                        pending.add(pool.submit(_list_folder, root._replace(path=path)))
                    else:
                        left.append((root.uri_of(path), reason))
    return Listing(tuple(objects), tuple(left))


def _list_folder(folder: Place) -> "ListResult[Sequence[ObjectMeta]]":
    store = open_store(folder.bucket)
    found = obstore.list_with_delimiter(store, prefix=folder.path or None)
    if not found["objects"] and not found["common_prefixes"] and folder.path:
        try:
            found["objects"] = [obstore.head(store, folder.path)]
        except FileNotFoundError:
            pass  # neither a folder nor an object: an empty listing says so
    return found


def _as_listed(root: Place, meta: "ObjectMeta", window: Window) -> FlowLogObject:
    return FlowLogObject(
        place=root._replace(path=meta["path"]),
        etag=meta["e_tag"],
        size=meta["size"],
        last_modified=meta["last_modified"],
        skipped=reason_to_skip(meta["path"], window),
    )


def as_object_row(listed: FlowLogObject) -> tuple[object, ...]:
    """uri, etag, size, last_modified, then what the key says: the first columns of `objects`."""
    key = parse_key(listed.place.path)
    said = (key.account_id, key.region, key.flow_log_id, key.slot_at) if key else (None,) * 4
    return (listed.uri, listed.etag, listed.size, listed.last_modified, *said)

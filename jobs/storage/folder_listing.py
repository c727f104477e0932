"""What lies directly in a folder, on this machine or in S3, whatever its names are."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import obstore

from jobs.storage.any_key import KEY_OCTETS_MOST, is_plain
from jobs.storage.key_pages import page_of
from jobs.storage.object_store import Place, open_store
from jobs.storage.split_listing import SplitListing

if TYPE_CHECKING:
    from obstore import ObjectMeta

Row = TypeVar("Row")


class Folder(NamedTuple, Generic[Row]):
    """A row for each object, and the folders; those of odd names end in a slash, as in S3."""

    objects: list[Row]
    folders: list[str]


def list_folder(folder: Place) -> "Folder[ObjectMeta]":
    """What lies directly in a folder, page by page. Raises KeyFailure, BaseError or OSError."""
    if folder.bucket is None:
        return list_files(folder)
    listing: SplitListing[ObjectMeta] = SplitListing(prefix_of(folder.path))
    pieces = listing.begin()
    while pieces:
        piece = pieces.pop()
        page = page_of(folder.bucket, prefix_of(folder.path), _same, token=piece.token)
        pieces += listing.take(piece, page, free=0)
    return Folder(listing.rows, list(names_of(listing.folders)))


def list_files(folder: Place) -> "Folder[ObjectMeta]":
    """A folder of this machine; a name that obstore does not take hides nothing but itself."""
    if not is_plain(folder.path):
        return Folder([], [])
    found = obstore.list_with_delimiter(open_store(None), prefix=folder.path or None)
    return Folder(list(found["objects"]), list(_possible(found["common_prefixes"])))


def prefix_of(folder: str) -> str:
    """What the keys in a folder begin with."""
    return f"{folder}/" if folder and not folder.endswith("/") else folder


def names_of(folders: Iterable[str]) -> Iterator[str]:
    """Folders that S3 names, without their slash where obstore takes them so."""
    for folder in _possible(folders):
        yield folder[:-1] if folder != "/" and is_plain(folder[:-1]) else folder


def _possible(folders: Iterable[str]) -> Iterator[str]:
    """Those that can hold something: a name as long as a key can be has nothing behind it."""
    return (path for path in folders if len(path.encode()) < KEY_OCTETS_MOST)


def _same(meta: "ObjectMeta", _: str | None) -> "ObjectMeta":
    return meta

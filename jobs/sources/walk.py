"""A walk through the folders below a place: many pages at a time, of many folders or of one."""

import gc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

from jobs.storage.any_key import KeyFailure, head, is_plain
from jobs.storage.archive import NOT_TOLD
from jobs.storage.folder_listing import list_files, names_of, prefix_of
from jobs.storage.key_pages import Page, RowOf, page_of
from jobs.storage.object_store import Place
from jobs.storage.split_listing import LIMITS, Piece, SplitListing

Row = TypeVar("Row")

# Answers wait as rows until they are ours: with 32 folders the peak was 1.2 KB an object.
_FOLDERS_OF_FILES = 8
_PAGES = 16


@contextmanager
def _not_collecting() -> Iterator[None]:
    """Rows refer to nothing in a circle: to look for circles among millions of them, again and
    again as they grow, took half of the processor's time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Walk(Generic[Row]):
    """Rows of the objects below a place, and the folders that were left out, with the reason."""

    def __init__(
        self,
        root: Place,
        row_of: RowOf[Row],
        reason_to_leave: Callable[[str], str | None],
    ) -> None:
        if root.path.endswith("/") and is_plain(root.path[:-1]):  # as people write a folder
            root = root._replace(path=root.path[:-1])
        self._root, self._row_of, self._reason_to_leave = root, row_of, reason_to_leave
        self._in_flight = _FOLDERS_OF_FILES if root.bucket is None else _PAGES
        self._then: dict[Future[Page[Row]], Callable[[Future[Page[Row]]], None]] = {}
        self.rows: list[Row] = []
        self.left: list[tuple[str, str]] = []

    def go(self) -> None:
        """Walk. Raises KeyFailure, BaseError or OSError for what cannot be listed."""
        with _not_collecting(), ThreadPoolExecutor(self._in_flight) as self._pool:
            try:
                self._enter([self._root.path])
                while self._then:
                    done, _ = wait(self._then, return_when=FIRST_COMPLETED)
                    while done:
                        future = done.pop()
                        self._then.pop(future)(future)
            finally:
                self._pool.shutdown(wait=True, cancel_futures=True)
        if not self.rows and not self.left and self._root.path:
            self._take_root_for_object()

    def _take_root_for_object(self) -> None:
        """A place that is no folder may be an object; where it is neither, nothing is found."""
        try:
            archived = None if self._root.bucket is None else NOT_TOLD
            self.rows.append(self._row_of(head(self._root), archived))
        except FileNotFoundError:
            pass

    def _enter(self, folders: Iterable[str]) -> None:
        for path in folders:
            if self._root.bucket is None:
                self._submit(partial(self._files, self._root._replace(path=path)), self._take_files)
            else:
                listing: SplitListing[Row] = SplitListing(prefix_of(path))
                self._ask(listing, listing.begin())

    def _submit(
        self, ask: Callable[[], Page[Row]], take: Callable[[Future[Page[Row]]], None]
    ) -> None:
        self._then[self._pool.submit(ask)] = take

    def _files(self, folder: Place) -> Page[Row]:
        """obstore's own rows, three times as large as ours, end here."""
        found = list_files(folder)
        return Page([], [self._row_of(meta, None) for meta in found.objects], found.folders, None)

    def _take_files(self, future: Future[Page[Row]]) -> None:
        page = future.result()
        self._take(page.rows, page.folders)

    def _ask(self, listing: SplitListing[Row], pieces: Iterable[Piece]) -> None:
        bucket = self._root.bucket
        assert bucket is not None
        for piece in pieces:
            ask = partial(
                page_of, bucket, listing.prefix, self._row_of,
                after=piece.after, token=piece.token,
            )  # fmt: skip
            self._submit(ask, partial(self._take_page, listing, piece))

    def _take_page(
        self, listing: SplitListing[Row], piece: Piece, future: Future[Page[Row]]
    ) -> None:
        if not listing.needs(piece):
            return
        try:
            page = future.result()
        except KeyFailure:  # perhaps of a server that cannot begin in the middle
            anew = listing.begin_anew() if piece.after else []
            if not anew:
                raise
            self._ask(listing, anew)
            return
        free = max(self._in_flight - len(self._then), 0)
        self._ask(listing, listing.take(piece, page, free))
        if listing.is_done:
            self._take(listing.rows, names_of(listing.folders))

    def _take(self, rows: list[Row], folders: Iterable[str]) -> None:
        """What one folder holds; the folders in it are entered or left out."""
        self.rows += rows
        if len(self.rows) > LIMITS.entries:
            raise KeyFailure(
                "EndlessListing",
                f"found more than {LIMITS.entries:,} objects; expected fewer; choose a prefix "
                "further down",
            )
        rows.clear()
        wanted = []
        for path in folders:
            if reason := self._reason_to_leave(path):
                self.left.append((self._root.uri_of(path), reason))
            else:
                wanted.append(path)
        self._enter(wanted)

"""One folder of S3, listed in several places at once: exactly what one listing would find.

A listing that goes page by page waits for each. This one begins again at names in between, which
`split_points` guesses, so that pieces are listed side by side. Guesses and servers may be wrong:

- A piece ends at the first name behind its end, and the next piece has to begin with exactly that
  name. Where all pieces meet like this, they are what one listing gives, in whatever order.
- Names go up within a piece, so that each page leads further.
- Where either does not hold, or a server cannot begin in the middle, the folder is listed anew,
  page by page. There each page has to bring something new, so that this ends, too.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import lt
from typing import Generic, NamedTuple, TypeVar

from jobs.storage.any_key import KeyFailure
from jobs.storage.key_pages import Page
from transforms.scan.split_points import levels_of, shared_by, split_points

logger = logging.getLogger(__name__)

Row = TypeVar("Row")


class Limits(NamedTuple):
    """Where a listing is given up: a driver has no room for more, or it is a game of the server."""

    entries: int = 50_000_000
    pages: int = 10_000  # and one more for every ten entries


LIMITS = Limits()
# A guess that finds nothing costs a request: each useful page pays for one, the first ones for two.
_ON_CREDIT = 8


@dataclass(eq=False)
class Piece:
    """Names behind `after`, up to and with `upto` (None: to the end); `token` leads on.

    `first`, `last` and `behind`: the first and the last name of its pages, and the first of them
    that is not its own. `promise` tells how much may be left of it, in levels of `split_points`.
    """

    after: str
    upto: str | None
    token: str | None = None
    last: str = ""
    first: str | None = None
    behind: str | None = None
    next: "Piece | None" = None
    promise: int = 0
    is_answered: bool = False


class SplitListing(Generic[Row]):
    """The pieces of one folder; asks nobody itself.

    `begin`, `take` and `begin_anew` say which pieces need a page next; their pages may come in any
    order.
    """

    def __init__(self, prefix: str, limits: Limits = LIMITS) -> None:
        self.prefix, self._limits = prefix, limits
        self.rows: list[Row] = []
        self.folders: list[str] = []
        self._whole = Piece("", None)
        self._open: set[Piece] = set()
        self._unanswered = 0
        self._is_split = True
        self._pages = self._entries = self._useful = self._useless = 0
        self._shared: str | None = None  # by all names behind the prefix
        self._names: set[str] = set()
        self._tokens: set[str] = set()

    @property
    def is_done(self) -> bool:
        """Whether `rows` and `folders` are complete."""
        return not self._open

    def needs(self, piece: Piece) -> bool:
        """Whether a page of this piece counts: not any more once the listing began anew."""
        return piece in self._open

    def begin(self) -> list[Piece]:
        """The first piece: the whole folder."""
        self._open.clear()
        self._unanswered = 0
        self._whole = self._opened(Piece("", None))
        return [self._whole]

    def begin_anew(self) -> list[Piece]:
        """Forget everything, and list page by page; nothing where that is being done already."""
        if not self._is_split:
            return []
        logger.info("folder=%r pages=%d: listed anew, page by page", self.prefix, self._pages)
        self._is_split = False
        self._pages = self._entries = 0
        self.rows.clear()
        self.folders.clear()
        return self.begin()

    def take(self, piece: Piece, page: Page[Row], free: int) -> list[Piece]:
        """Take the page of a piece; `free` is how many pages could be asked for at once.

        Raises KeyFailure for a listing that does not end.
        """
        if not self.needs(piece):
            return []
        self._count(page)
        if not self._is_split:
            return self._take_in_turn(piece, page)
        names = _ends(page)
        if names and not _goes_up(piece.last or piece.after, page):
            return self.begin_anew()
        self._keep(piece, page)
        if piece.behind is None and page.token is not None:
            piece.token = page.token
            return [piece, *(self._split(piece, names, free - 1) if names else ())]
        self._open.remove(piece)
        return self.begin_anew() if self.is_done and not self._do_meet() else []

    def _opened(self, piece: Piece) -> Piece:
        self._open.add(piece)
        self._unanswered += 1
        return piece

    def _count(self, page: Page[Row]) -> None:
        self._pages += 1
        self._entries += len(page.keys) + len(page.folders)
        most = self._limits.pages + self._entries // 10
        if self._entries > self._limits.entries or self._pages > most:
            raise KeyFailure(
                "EndlessListing",
                f"found {self._entries:,} names on {self._pages:,} pages of {self.prefix!r} and no "
                "end; expected fewer; choose a prefix further down",
            )

    def _keep(self, piece: Piece, page: Page[Row]) -> None:
        """The part of a page that is the piece's own, and the first name that is not."""
        names = sorted([*page.keys[:1], *page.folders[:1]])
        if piece.first is None and names:
            piece.first = names[0]
        keys, folders = (_up_to(piece.upto, each) for each in (page.keys, page.folders))
        self.rows += page.rows[:keys]
        self._add_folders(page.folders[:folders])
        rest = sorted([*page.keys[keys : keys + 1], *page.folders[folders : folders + 1]])
        piece.behind = rest[0] if rest else None
        if names:
            piece.last = max([*page.keys[-1:], *page.folders[-1:]])
        self._useful += bool(keys or folders)
        if not piece.is_answered:
            piece.is_answered = True
            self._unanswered -= 1
            self._useless += not (keys or folders)

    def _split(self, piece: Piece, ends: tuple[str, str], free: int) -> list[Piece]:
        """Pieces at the end of this one, if none promises more; few while few pages were useful."""
        if not all(name.startswith(self.prefix) for name in ends):
            return []
        start = len(self.prefix)
        first, last = (name[start:] for name in ends)
        upto = None if piece.upto is None else piece.upto[start:]
        known = piece.next.first[start:] if piece.next and piece.next.first else None
        self._shared = shared_by(
            first if self._shared is None else shared_by(self._shared, first), last
        )
        levels = levels_of(first, last, upto=upto, known=known, shared=len(self._shared))
        piece.promise = len(levels.near)
        paid = self._useful + min(self._useful, _ON_CREDIT) - 1
        wanted = min(free, paid - self._useless - self._unanswered)
        if wanted <= 0 or piece.promise < max(each.promise for each in self._open):
            return []
        points = split_points(last, upto, levels, wanted)
        if not points:
            piece.promise = 0
        found: list[Piece] = []
        for point in reversed(points):
            piece.next = self._opened(Piece(self.prefix + point, piece.upto, next=piece.next))
            piece.upto = piece.next.after
            found.append(piece.next)
        return found

    def _do_meet(self) -> bool:
        """Whether each piece ended where the next one began."""
        piece = self._whole
        while piece.next is not None:
            if piece.behind != piece.next.first:
                return False
            piece = piece.next
        return True

    def _take_in_turn(self, piece: Piece, page: Page[Row]) -> list[Piece]:
        names = {*page.keys, *page.folders}
        is_new = [key not in self._names for key in page.keys]
        self.rows += (row for row, new in zip(page.rows, is_new, strict=True) if new)
        self._add_folders(folder for folder in page.folders if folder not in self._names)
        if page.token is None:
            self._open.remove(piece)
            return []
        if page.token in self._tokens or (names and names <= self._names):
            raise KeyFailure(
                "EndlessListing",
                f"found the same page of {self.prefix!r} again; expected the next one; check the "
                "endpoint",
            )
        self._names |= names
        self._tokens.add(page.token)
        piece.token = page.token
        return [piece]

    def _add_folders(self, folders: Iterable[str]) -> None:
        """Those below this one, with longer names: so a walk comes to an end."""
        start = len(self.prefix)
        self.folders += (
            name for name in folders if name.startswith(self.prefix) and len(name) > start
        )


def _ends(page: Page[Row]) -> tuple[str, str] | None:
    """The first and the last name of a page whose names go up."""
    if not page.keys and not page.folders:
        return None
    first = min([*page.keys[:1], *page.folders[:1]])
    return first, max([*page.keys[-1:], *page.folders[-1:]])


def _goes_up(last: str, page: Page[Row]) -> bool:
    """Whether keys, and folders, come one after the other and behind the last name."""
    return all(_is_rising(last, names) for names in (page.keys, page.folders))


def _is_rising(last: str, names: Sequence[str]) -> bool:
    return not names or (last < names[0] and all(map(lt, names, _rest(names))))


def _rest(names: Sequence[str]) -> Iterator[str]:
    rest = iter(names)
    next(rest, None)
    return rest


def _up_to(end: str | None, names: Sequence[str]) -> int:
    """How many names are not behind an end."""
    return len(names) if end is None else sum(name <= end for name in names)

"""The books of a run on the terminal."""

from collections.abc import Iterator, Mapping

from jobs.pipeline.books import Books
from transforms.vocabulary import Reading


def books_in_short(books: Mapping[Reading, Books]) -> Iterator[str]:
    """One line where all identities of all readings hold, and one for what was refused."""
    held = sum(len(list(each.identities())) for each in books.values())
    of = "" if len(books) == 1 else f" in {len(books)} readings"
    yield f"Books       balanced: all {held} identities hold{of}"
    for reading, each in books.items():
        yield from _quarantined(each, f" ({reading.described})" if reading.folder else "")


def books_in_full(books: Mapping[Reading, Books]) -> Iterator[str]:
    """Every identity of every reading."""
    for reading, each in books.items():
        identities = list(each.identities())
        of = f" of {reading.described}" if reading.folder else ""
        verdict = "balanced" if each.balanced else "NOT BALANCED"
        held = sum(identity.holds for identity in identities)
        yield f"Books{of}".ljust(11) + f" {verdict}: {held} of {len(identities)} identities hold"
        for identity in identities:
            mark = "ok " if identity.holds else "BAD"
            yield f"  {mark} {identity.what}: {identity.left:,} = {identity.right:,}"
        yield from _quarantined(each, "")


def _quarantined(books: Books, where: str) -> Iterator[str]:
    if books.refusals:
        yield (
            f"  in quarantine{where}: {books.quarantined_objects:,} objects, "
            f"{books.quarantined_lines:,} lines, {books.quarantined_documents:,} documents"
        )

"""Objects that a run has read, read again: are they still the same bytes?"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jobs.sources.object_fetch import NotFetched, ObjectToRead, fetch_ahead
from jobs.storage.aws_access import OWN, Access
from jobs.storage.object_store import place_of
from transforms.scan.inflate import Damaged, text_blocks
from transforms.scan.tally import EVIDENCE

_ANY_SIZE = 2**63


class WasRead(NamedTuple):
    """An object as the table `objects` has it."""

    uri: str
    version_id: str | None
    size: int
    bytes_read: int
    sha256: str
    lines: int
    outcome: str


class Stale(NamedTuple):
    """Why an object is no longer what was read, as a sentence."""

    reason: str


def reread(
    objects: Iterable[WasRead], in_flight: int, max_ratio: int, access: Access = OWN
) -> Iterator[tuple[WasRead, Stale | None]]:
    """Each object with what is wrong with it now, None where nothing is; GETs run ahead.

    A version id is used where there is one, so that a later overwrite changes nothing.
    """
    queued: list[WasRead] = []

    def to_read() -> Iterator[ObjectToRead]:
        for item in objects:
            queued.append(item)
            yield ObjectToRead(place_of(item.uri, access), None, item.size, item.version_id)

    for _, fetched in fetch_ahead(to_read(), in_flight, _ANY_SIZE):
        item = queued.pop(0)
        if isinstance(fetched, NotFetched):
            yield (
                item,
                Stale(fetched.reason.replace("between listing and reading", "since it was read")),
            )
        else:
            yield item, _compare(item, fetched.chunks, max_ratio)


def _compare(item: WasRead, chunks: Iterable[bytes], max_ratio: int) -> Stale | None:
    digest = hashlib.sha256()
    left = item.bytes_read

    def measured() -> Iterator[bytes]:
        """What the run had read: of an object that was refused half-way, its first part."""
        nonlocal left
        for chunk in chunks:
            digest.update(chunk[:left])
            left -= len(chunk[:left])
            yield chunk

    counts_lines = item.outcome in EVIDENCE
    lines, ends_a_line, is_first = 0, True, True
    try:
        for block in text_blocks(measured(), max_ratio) if counts_lines else measured():
            if is_first and block.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[", b"PAR1")):
                counts_lines = False  # of JSON and of Parquet, records are counted as lines
            is_first = is_first and not block
            lines += block.count(b"\n")
            ends_a_line = block.endswith(b"\n") if block else ends_a_line
    except Damaged as damage:
        return Stale(f"its bytes are not those that were read: {damage}")
    if digest.hexdigest() != item.sha256:
        return Stale(f"its SHA-256 is {digest.hexdigest()}, it was {item.sha256}")
    lines += not ends_a_line
    if counts_lines and lines != item.lines:
        return Stale(f"it has {lines:,} lines, the table says {item.lines:,}")
    return None

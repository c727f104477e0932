"""Bytes of an object → blocks of text; says what is wrong with a damaged one."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from isal import isal_zlib
from isal.igzip_lib import IsalError

_GZIP_MAGIC = b"\x1f\x8b"
# Fed in slices whose text, some 450 KB, stays in the processor's cache: half the time of whole
# objects.
_SLICE = 64 * 1024
# Text of flow logs deflates to a seventh; deflate itself ends near 1,032 (RFC 1951). A few lines
# repeated all over may well pass 100, so that the ratio counts only where it costs something.
MAX_RATIO = 100
RATIO_COUNTS_FROM = 64_000_000
# Bounds what one slice of a compression bomb can become.
_BLOCK = 1024 * 1024


class Damaged(Exception):
    """The object cannot be read to its end; the message is the reason, as a sentence."""

    outcome = "refused"


class Unreadable(Damaged):
    """Its store did not give its bytes: of the object itself that says nothing."""

    outcome = "unreadable"


# Compressed by a subscription and once more by Firehose: two layers occur, a third is a riddle.
_LAYERS = 3
# What else an object may begin with; Firehose offers some of it. AWS, "Data transformation".
_NAMED_MAGIC = (
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"PK\x03\x04", "ZIP"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\xff\x06\x00\x00sNaPpY", "Snappy"),
    (b"Obj\x01", "Avro"),
    (b"ORC", "ORC"),
)


_CUT_OFF = "its gzip data is cut off before its end"


class _Member(Protocol):
    """A decompressor of one gzip member, of ISA-L or of zlib."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


class _Budget:
    """What all layers of an object together may become."""

    def __init__(self, max_ratio: int) -> None:
        self._max_ratio = max_ratio
        self.stored = 0

    def check(self, given: int) -> None:
        """Raise Damaged when that much came of what was stored."""
        if given > max(RATIO_COUNTS_FROM, self.stored * self._max_ratio):
            raise Damaged(f"it inflates to more than {self._max_ratio} times its size")


def text_blocks(chunks: Iterable[bytes], max_ratio: int = MAX_RATIO) -> Iterator[bytes]:
    """Inflate gzip (one member or several, also gzip in gzip) or pass text through, by first bytes.

    Raises Damaged when a member is cut, fails its check, or is followed by anything else, when more
    than RATIO_COUNTS_FROM bytes are `max_ratio` times of what was stored, and for data of another
    compression, which is named.
    """
    budget = _Budget(max_ratio)
    blocks: Iterable[bytes] = _counted(chunks, budget)
    for _ in range(_LAYERS):
        blocks = with_first_bytes_together(blocks, len(_GZIP_MAGIC))
        first = next(blocks, b"")
        blocks = _chain(first, blocks)
        if not first.startswith(_GZIP_MAGIC):
            break
        blocks = _inflate(blocks, budget)
    for block in blocks:
        for at in range(0, len(block), _BLOCK):
            yield block[at : at + _BLOCK]


def refuse_other_formats(first: bytes) -> None:
    """Raise Damaged when these first bytes of the text are those of another format, naming it."""
    for magic, name in _NAMED_MAGIC:
        if first.startswith(magic):
            raise Damaged(f"it is {name} data; expected text, gzip or Parquet")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Damaged("its text is UTF-16; expected UTF-8")
    if first.startswith(_GZIP_MAGIC):
        raise Damaged(f"it is gzip in more than {_LAYERS} layers")


def _counted(chunks: Iterable[bytes], budget: _Budget) -> Iterator[bytes]:
    for chunk in chunks:
        budget.stored += len(chunk)
        yield chunk


def with_first_bytes_together(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes, at least `size` of them in the first chunk unless there are fewer."""
    chunks = iter(chunks)
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= size:
            break
    yield first
    yield from chunks


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _inflate(chunks: Iterable[bytes], budget: _Budget) -> Iterator[bytes]:
    member: _Member | None = None
    start = b""  # of a member of which no more is there yet
    given = 0
    for chunk in _sliced(chunks):
        data: bytes | memoryview = start + bytes(chunk) if start else chunk
        start = b""
        while len(data):
            if member is None or member.eof:
                if bytes(data[:1]) != _GZIP_MAGIC[:1]:
                    raise Damaged("bytes follow the end of the gzip data")
                if len(data) < _FLAGS_END:
                    start = bytes(data)
                    break
                member = _member_of(data)
            block = _decompress(member, data)
            given += len(block)
            budget.check(given)
            yield block
            data = member.unused_data if member.eof else member.unconsumed_tail
    if start:
        raise Damaged(_CUT_OFF)
    if member is not None and not member.eof:
        yield from _drain(member)


def _sliced(chunks: Iterable[bytes]) -> Iterator[memoryview]:
    for chunk in chunks:
        view = memoryview(chunk)
        for at in range(0, len(view), _SLICE):
            yield view[at : at + _SLICE]


# RFC 1952, 2.3: magic, method and flags; FHCRC says that a checksum ends the header.
_FLAGS_END, _FHCRC = 4, 2


def _member_of(data: bytes | memoryview) -> "_Member":
    """What inflates a member that begins so.

    ISA-L finds the checksum of a header wrong where the header comes in two parts; zlib does not.
    """
    has_checksum = data[_FLAGS_END - 1] & _FHCRC
    return zlib.decompressobj(31) if has_checksum else isal_zlib.decompressobj(31)


def _decompress(member: "_Member", data: bytes | memoryview) -> bytes:
    try:
        return bytes(member.decompress(data, _BLOCK))
    except (IsalError, zlib.error) as error:  # type: ignore[misc]  # a stub calls it an instance
        raise Damaged(f"its gzip data is damaged: {error}") from error


def _drain(member: "_Member") -> Iterator[bytes]:
    """What the decompressor still holds once all input is in; a member must end here."""
    while True:
        block = _decompress(member, b"")
        if not block:
            break
        yield block
    if not member.eof:
        raise Damaged(_CUT_OFF)

"""Bytes of an object → blocks of text; says what is wrong with a damaged one."""

from collections.abc import Iterable, Iterator

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


def text_blocks(chunks: Iterable[bytes], max_ratio: int = MAX_RATIO) -> Iterator[bytes]:
    """Inflate gzip (one member or several) or pass plain text through, by its first bytes.

    Raises Damaged when a member is cut, fails its check, or is followed by anything else, and when
    more than RATIO_COUNTS_FROM bytes are `max_ratio` times of what they were inflated from.
    """
    chunks = with_first_bytes_together(chunks, len(_GZIP_MAGIC))
    first = next(chunks, b"")
    if first.startswith(_GZIP_MAGIC):
        yield from _inflate(_chain(first, chunks), max_ratio)
    else:
        for chunk in _chain(first, chunks):
            for at in range(0, len(chunk), _BLOCK):
                yield chunk[at : at + _BLOCK]


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


def _inflate(chunks: Iterable[bytes], max_ratio: int) -> Iterator[bytes]:
    member = isal_zlib.decompressobj(31)
    has_input = False
    taken = given = 0
    for chunk in chunks:
        view = memoryview(chunk)
        taken += len(view)
        for at in range(0, len(view), _SLICE):
            data: bytes | memoryview = view[at : at + _SLICE]
            while len(data):
                if member.eof:
                    member = isal_zlib.decompressobj(31)
                    has_input = False
                if not has_input and bytes(data[:1]) != _GZIP_MAGIC[:1]:
                    raise Damaged("bytes follow the end of the gzip data")
                has_input = True
                block = _decompress(member, data)
                given += len(block)
                if given > max(RATIO_COUNTS_FROM, taken * max_ratio):
                    raise Damaged(f"it inflates to more than {max_ratio} times its size")
                yield block
                data = member.unused_data if member.eof else member.unconsumed_tail
    if has_input and not member.eof:
        yield from _drain(member)


def _decompress(member: "isal_zlib.Decompress", data: bytes | memoryview) -> bytes:
    try:
        return bytes(member.decompress(data, _BLOCK))
    except IsalError as error:  # type: ignore[misc]  # its stub calls it an instance
        raise Damaged(f"its gzip data is damaged: {error}") from error


def _drain(member: "isal_zlib.Decompress") -> Iterator[bytes]:
    """What the decompressor still holds once all input is in; a member must end here."""
    while True:
        block = _decompress(member, b"")
        if not block:
            break
        yield block
    if not member.eof:
        raise Damaged("its gzip data is cut off before its end")

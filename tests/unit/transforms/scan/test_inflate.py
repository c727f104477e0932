"""gzip as RFC 1952 has it, however its bytes fall into chunks."""

import gzip
import itertools
import struct
import zlib

import pytest

from transforms.scan.inflate import Damaged, text_blocks

TEXT = b"srcaddr dstaddr\n10.0.0.1 10.0.0.2\n" * 20


def member(
    text: bytes, *, extra: bytes | None = None, name: bytes | None = None, has_checksum: bool = True
) -> tuple[bytes, int]:
    """A gzip member and the length of its header."""
    flags = has_checksum * 2 | (extra is not None) * 4 | (name is not None) * 8
    header = struct.pack("<4B4xBB", 0x1F, 0x8B, 8, flags, 0, 255)
    if extra is not None:
        header += struct.pack("<H", len(extra)) + extra
    if name is not None:
        header += name + b"\0"
    if has_checksum:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    deflater = zlib.compressobj(wbits=-15)
    body = deflater.compress(text) + deflater.flush()
    return header + body + struct.pack("<II", zlib.crc32(text), len(text)), len(header)


@pytest.mark.parametrize("extra", [None, b"", b"extra"])
@pytest.mark.parametrize("name", [None, b"", b"name.log"])
def test_a_header_with_a_checksum_may_come_in_any_two_parts(
    extra: bytes | None, name: bytes | None
) -> None:
    data, header = member(TEXT, extra=extra, name=name)
    assert gzip.decompress(data) == TEXT

    for cut in range(1, header + 20):
        assert b"".join(text_blocks([data[:cut], data[cut:]])) == TEXT, cut
    assert b"".join(text_blocks([bytes([octet]) for octet in data])) == TEXT


def test_members_with_and_without_checksum_follow_each_other_octet_by_octet() -> None:
    plain, checked = member(b"one\n", has_checksum=False)[0], member(b"two\n")[0]

    for members in itertools.permutations([plain, checked, plain]):
        whole = b"".join(members)
        octets = [bytes([octet]) for octet in whole]
        assert b"".join(text_blocks(octets)) == gzip.decompress(whole)


def test_a_wrong_checksum_of_a_header_is_damage() -> None:
    data, header = member(TEXT)
    wrong = data[: header - 1] + bytes([data[header - 1] ^ 1]) + data[header:]

    with pytest.raises(Damaged, match="its gzip data is damaged"):
        list(text_blocks([wrong]))


@pytest.mark.parametrize("kept", range(1, 40))
def test_a_member_that_is_cut_is_said_to_be_cut(kept: int) -> None:
    first, (second, _) = gzip.compress(b"one\n"), member(TEXT)

    with pytest.raises(Damaged, match="its gzip data is cut off before its end"):
        list(text_blocks([first + second[:kept]]))

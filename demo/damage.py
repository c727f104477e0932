"""Damage to a generated day, each kind once, with the word of what it is worth to a reader.

The kinds are those that were met in buckets: cut uploads, flipped bytes, foreign files, lost ones.
"""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from demo.generate import FLOW_LOGS

_SUBJECTS_LOG = FLOW_LOGS["shop"].flow_log_id
_FIRST_SLOT = "T1000Z"
_TRANSIT_GATEWAY = (
    b"version resource-type account-id tgw-id tgw-attachment-id srcaddr dstaddr\n"
    b"6 TransitGateway 111122223333 tgw-0123456789abcdef0 tgw-attach-0123456789abcdef0 "
    b"10.20.1.13 10.30.1.4\n"
)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


def _wrong_crc(data: bytes) -> bytes:
    return data[:-8] + bytes(byte ^ 0xFF for byte in data[-8:-4]) + data[-4:]


def _followed(data: bytes) -> bytes:
    return data + b"left over"


def _plain(data: bytes) -> bytes:
    return gzip.decompress(data)


def _bomb(data: bytes) -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    header = gzip.decompress(data).split(b"\n")[0] + b"\n"
    blank = b" " * 1_000_000
    return b"".join([pack.compress(header), *(pack.compress(blank) for _ in range(100)),
                     pack.flush()])  # fmt: skip


def _empty(data: bytes) -> bytes:
    return b""


def _two_members(data: bytes) -> bytes:
    lines = gzip.decompress(data).split(b"\n")
    middle = len(lines) // 2
    parts = ([*lines[:middle], b""], lines[middle:])
    return b"".join(gzip.compress(b"\n".join(part), mtime=0) for part in parts)


def _transit_gateway(data: bytes) -> bytes:
    return gzip.compress(_TRANSIT_GATEWAY, mtime=0)


def _bad_lines(data: bytes) -> bytes:
    """Three lines more, of the subject, that no reader may bend into records."""
    lines = gzip.decompress(data).split(b"\n")
    sample = next(line for line in lines[1:] if b" 10.20.1.13 " in line)
    lines[-1:] = [
        sample + b" one-more",
        sample.replace(b" 10.20.1.13 ", b" 10.20.1.13\xff\xfe "),
        sample + b" " * 20_000 + b"x",
        b"",
    ]
    return gzip.compress(b"\n".join(lines), mtime=0)


class Damage(NamedTuple):
    """A kind of damage: what is done to an object, and what a reader has to make of it."""

    name: str
    change: Callable[[bytes], bytes]
    outcome: str  # read, transit, refused, empty, or missing
    refused_lines: int = 0


DAMAGES = (
    Damage("cut in half", _cut, "refused"),
    Damage("one bit flipped", _flipped, "refused"),
    Damage("wrong check sum", _wrong_crc, "refused"),
    Damage("bytes after the end", _followed, "refused"),
    Damage("a bomb", _bomb, "refused"),
    Damage("text in spite of its name", _plain, "read"),
    Damage("two gzip members", _two_members, "read"),
    Damage("no byte at all", _empty, "empty"),
    Damage("three impossible lines", _bad_lines, "read", refused_lines=3),
    Damage("of a transit gateway", _transit_gateway, "transit"),
    Damage("deleted", _empty, "missing"),
)


def damage(day: Path) -> list[dict[str, object]]:
    """Damage every second object of the subject's flow log from 10:00 on; `damage.json` tells.

    The day has to be as `generate` writes it, and is so again after another `generate`.
    """
    objects = sorted((day / "flow-logs").rglob(f"*_{_SUBJECTS_LOG}_*.log.gz"))
    first = next((at for at, path in enumerate(objects) if _FIRST_SLOT in path.name), len(objects))
    chosen = objects[first::2][: len(DAMAGES)]
    told: list[dict[str, object]] = []
    for path, kind in zip(chosen, DAMAGES, strict=True):
        if kind.outcome == "missing":
            path.unlink()
        else:
            path.write_bytes(kind.change(path.read_bytes()))
        told.append({
            "object": path.name, "damage": kind.name, "outcome": kind.outcome,
            "refused_lines": kind.refused_lines,
        })  # fmt: skip
    (day / "damage.json").write_text(json.dumps(told, indent=2) + "\n")
    return told

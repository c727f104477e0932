"""Flow logs of any size for the benchmarks: lines like the demo day's in objects of 10 MB of text.

Peers, ports, counters and times are drawn anew, and the lines that are not the subject's come from
75 interfaces, so that the text inflates to seven times its size, as real records do.
"""

import gzip
import random
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from demo.generate import generate
from demo.vpc import SUSPECT
from transforms.scan.needles import Needle, needles_of
from transforms.window import Window

WINDOW = Window(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))
_IDS = (SUSPECT.instance_id or "", SUSPECT.interface_id)
_ADDRESSES = (SUSPECT.address, SUSPECT.public_address or "")
_PORTS, _TIMES, _PACKETS = (3, 4), 6, 9  # where they are in a version 5 line
_ADDRESSES_AT, _PACKET_ADDRESSES_AT, _MACHINE = (1, 2), (22, 23), 13
_SOUGHT = {word.encode() for word in (*_IDS, *_ADDRESSES)}
_MACHINES = 75  # and four times as many addresses
_KINDS = 8  # different objects; the rest are copies of them


class FlowText(NamedTuple):
    """Objects and how much text is in them; the subject's lines are one in a hundred."""

    folder: Path
    objects: tuple[Path, ...]
    text_bytes: int
    lines: int


def words() -> tuple[str, ...]:
    """What the subject is searched for by, as grep wants it."""
    return (*_IDS, *_ADDRESSES)


def needles() -> tuple[Needle, ...]:
    """The same as the job's scanner wants it."""
    return needles_of(_IDS, _ADDRESSES)


def write_objects(folder: Path, megabytes: int, *, object_bytes: int = 10_000_000) -> FlowText:
    """So many MB of text in gzip objects of version 5 lines, the same at every call."""
    folder.mkdir(parents=True)
    header, ours, others = _lines()
    chance = random.Random(7)
    machines = [
        [f"{kind}-{chance.getrandbits(68):017x}".encode() for kind in ("subnet", "i", "eni")]
        for _ in range(_MACHINES)
    ]
    count = object_bytes // (sum(map(len, others[:1000])) // 1000)
    texts = []
    for _ in range(min(_KINDS, max(1, megabytes * 10**6 // object_bytes))):
        lines = chance.choices(ours, k=count // 100)
        lines += chance.choices(others, k=count - len(lines))
        chance.shuffle(lines)
        slot = int(WINDOW.from_at.timestamp()) + 86_400 + 300 * chance.randrange(288)
        texts.append(header + b"".join(_drawn(line, slot, machines, chance) for line in lines))
    packed = [gzip.compress(text, 6, mtime=0) for text in texts]
    number = max(1, megabytes * 10**6 // object_bytes)
    paths = []
    for index in range(number):
        path = folder / f"{index:06d}.log.gz"
        path.write_bytes(packed[index % len(packed)])
        paths.append(path)
    sizes = [len(texts[index % len(texts)]) for index in range(number)]
    return FlowText(folder, tuple(paths), sum(sizes), number * count)


def _drawn(
    line: bytes, slot: int, machines: Sequence[Sequence[bytes]], chance: random.Random
) -> bytes:
    """The line with another peer, client port, counters, and times of the slot's five minutes."""
    fields = line.split(b" ")
    if _SOUGHT.isdisjoint(fields):
        fields[_MACHINE : _MACHINE + 3] = chance.choice(machines)
    for src, packet_src in zip(_ADDRESSES_AT, _PACKET_ADDRESSES_AT, strict=True):
        if fields[src] not in _SOUGHT and fields[src] != b"-":
            address = b"10.0.%d.%d" % divmod(chance.randrange(_MACHINES * 4), 250)
            fields[src] = fields[packet_src] = address
    if fields[_PACKETS] != b"-":
        client = _PORTS[int(fields[_PORTS[0]]) < int(fields[_PORTS[1]])]
        fields[client] = b"%d" % chance.randint(32_768, 60_999)
        packets = int(chance.lognormvariate(2, 1.5)) + 1
        fields[_PACKETS] = b"%d" % packets
        fields[_PACKETS + 1] = b"%d" % (packets * chance.randint(52, 1_400))
    start = slot + chance.randrange(240)
    fields[_TIMES] = b"%d" % start
    fields[_TIMES + 1] = b"%d" % (start + chance.randint(15, 59))
    return b" ".join(fields)


def _lines() -> tuple[bytes, list[bytes], list[bytes]]:
    """The header and the lines of the demo day, the subject's and the others'."""
    scratch = Path(tempfile.mkdtemp(prefix="bench-day-"))
    try:
        generate(scratch)
        header = b""
        found: list[bytes] = []
        for path in sorted((scratch / "flow-logs").rglob("*.log.gz")):
            first, *lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
            if first.count(b" ") > 20:  # version 5; the day holds version 2 as well
                header, found = first, found + lines
    finally:
        shutil.rmtree(scratch)
    ours = [line for line in found if not _SOUGHT.isdisjoint(line.split())]
    others = [line for line in found if _SOUGHT.isdisjoint(line.split())]
    return header, ours, others

"""What is fuzzed: a reader each, seeds that it understands, and what must hold of any bytes.

The law is the same everywhere: a value or a sentence that may be shown, never another exception.
"""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.errors import BadInput
from jobs.sources.labels import read_labels
from tests.fuzz import answers, exported, stored
from tests.unit.jobs.sources.test_scan_law import assert_one_fate_each, scan
from transforms.finding.json_text import BadFinding
from transforms.finding.read import read_finding
from transforms.network.addresses import canonical


class Target(NamedTuple):
    """One thing to fuzz; `check` raises where a law is broken. The folder is for its files."""

    seeds: Callable[[], Iterator[bytes]]
    check: Callable[[Path, bytes], None]


_HEADER = b"srcaddr dstaddr start end action log-status\n"
_LINE = b"10.0.0.7 10.0.0.9 1795435200 1795435259 ACCEPT OK\n"
_LIMITS = (32, 256, 16_384)


def _assert_shown(problems: tuple[str, ...] | list[str]) -> None:
    assert problems
    for sentence in problems:
        assert sentence.isprintable(), ascii(sentence)


def _text_seeds() -> Iterator[bytes]:
    for number in range(8):
        yield bytes([number]) + _HEADER + _LINE * 3


def _check_text(folder: Path, data: bytes) -> None:
    """One object, plain or as gzip: every line has one fate."""
    choice, content = (data[0], data[1:]) if data else (0, b"")
    body = gzip.compress(content, compresslevel=1, mtime=0) if choice & 1 else content
    rows = scan(folder, [body], needles=bool(choice & 2), limit=_LIMITS[choice // 4 % 3])
    assert_one_fate_each(rows, [body])


def _parquet_seeds() -> Iterator[bytes]:
    columns = {"srcaddr": ["10.0.0.7", None], "start": [1795435200, 5], "end": [1795435259, 6]}
    for version in ("1.0", "2.6"):
        for compression in ("none", "gzip"):
            file = io.BytesIO()
            pq.write_table(pa.table(columns), file, version=version, compression=compression)
            yield file.getvalue()


def _check_parquet(folder: Path, data: bytes) -> None:
    """One object that begins as Parquet does; read or refused."""
    scan(folder, [b"PAR1" + data[4:]], needles=False, limit=256)


_FINDING = {
    "type": "Recon:EC2/X",
    "id": "1",
    "resource": {
        "instanceDetails": {
            "instanceId": "i-0839de4aa2b2f82cb",
            "launchTime": "2026-11-23T00:00:00Z",
            "tags": [{"key": "Name", "value": "web"}],
            "networkInterfaces": [
                {"networkInterfaceId": "eni-9086b4ee", "privateIpAddress": "10.0.0.7",
                 "ipv6Addresses": ["2001:db8::1"], "publicIp": "203.0.113.1"}
            ],
        }
    },
    "service": {
        "eventFirstSeen": "2026-11-23T00:00:00Z",
        "eventLastSeen": "2026-11-23T01:00:00Z",
        "action": {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": {
            "connectionDirection": "INBOUND", "protocol": "TCP", "localPortDetails": {"port": 22},
            "remoteIpDetails": {"ipAddressV4": "198.51.100.1"}}},
    },
}  # fmt: skip


def _finding_seeds() -> Iterator[bytes]:
    for shape in (_FINDING, {"detail": _FINDING}, {"Findings": [_FINDING]}, [_FINDING]):
        yield json.dumps(shape).encode()
    yield gzip.compress(json.dumps(_FINDING).encode(), mtime=0)


def _check_finding(_: Path, data: bytes) -> None:
    try:
        found = read_finding(data)
    except BadFinding as bad:
        _assert_shown(bad.problems)
        return
    for interface in found.interfaces:
        for address in (*interface.addresses, *interface.public_addresses):
            assert canonical(address) == address
    assert (found.instance_name or "x").isprintable()
    for claim in found.claims:
        assert str(claim).isprintable()


_LABEL_FILES = ("interfaces.csv", "interfaces.jsonl", "subnets.csv", "vpcs.jsonl",
                "aws_ranges.json", "prefix_lists.csv", "interfaces.parquet")  # fmt: skip


def _label_seeds() -> Iterator[bytes]:
    table = io.BytesIO()
    pq.write_table(pa.table({"interface_id": ["eni-1"], "addresses": [["10.0.0.7"]]}), table)
    contents = [
        b"interface_id,name,addresses,valid_from\n"
        b"eni-1,web,10.0.0.7 2001:db8::1,2026-11-23T00:00:00Z\n",
        b'{"interface_id": "eni-1", "addresses": ["10.0.0.7"], "vpc_id": "vpc-1"}\n',
        b"subnet_id,vpc_id,cidrs\nsubnet-1,vpc-1,10.0.0.0/24\n",
        b'{"vpc_id": "vpc-1", "cidrs": ["10.0.0.0/16", "2001:db8::/56"]}\n',
        b'{"prefixes": [{"ip_prefix": "3.0.0.0/15", "service": "EC2"}], "ipv6_prefixes": []}',
        b"cidr,prefix_list_id,name\n10.1.0.0/16,pl-1,office\n",
        table.getvalue(),
    ]
    for number, content in enumerate(contents):
        yield bytes([number]) + content


def _check_labels(folder: Path, data: bytes) -> None:
    name = _LABEL_FILES[data[0] % len(_LABEL_FILES)] if data else _LABEL_FILES[0]
    file = folder / name
    file.write_bytes(data[1:])
    try:
        found = read_labels(str(folder))
    except BadInput as bad:
        _assert_shown(bad.problems)
        return
    finally:
        file.unlink()
    for address in found.owners:
        assert canonical(address) == address


TARGETS = {
    "text": Target(_text_seeds, _check_text),
    "parquet": Target(_parquet_seeds, _check_parquet),
    "finding": Target(_finding_seeds, _check_finding),
    "labels": Target(_label_seeds, _check_labels),
    "manifest": Target(stored.seeds, stored.check),
    "answers": Target(answers.seeds, answers.check),
    "export": Target(exported.manifest_seeds, exported.check_manifest),
    "note": Target(exported.note_seeds, exported.check_note),
}

"""What a case costs as it grows: objects, needles, addresses, and an organisation on paper.

One process, files on this machine, so that the slopes are those of a core.
`python -m bench.growth [--megabytes 250] [--rounds 3]`
"""

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.flow_text import WINDOW, FlowText, needles, write_objects
from bench.harness import in_turn, report
from jobs.cli.trace_flags import REQUESTS_PER_SECOND
from jobs.pipeline.dry_run import read_prices
from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import ScanSettings, scan_batches
from jobs.storage.object_store import place_of
from transforms.scan.needles import Needle, needles_of
from transforms.subject.identity import Holding, Subject
from transforms.subject.role import Roles

_OBJECTS, _RECORDS = 500, 500_000
_TEXTS = "interface_id instance_id record_vpc_id pkt_srcaddr pkt_dstaddr".split()
_TEXT_OF_AN_OBJECT = 165_000
# An organisation on paper; every number but the slopes is an assumption, and printed.
_INTERFACES, _DAYS = 10_000, 30
_RECORDS_A_MINUTE, _OCTETS_A_RECORD, _DEFLATED_TO = 20, 240, 1 / 7
_OBJECT_OCTETS, _LISTED_A_SECOND = 250_000, 1_000_000 / 60
_GLUE_CORES = 4


def main(argv: Sequence[str]) -> int:
    """Always 0: what is measured has no target of its own."""
    parser = argparse.ArgumentParser(prog="bench.growth", allow_abbrev=False)
    parser.add_argument("--megabytes", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(argv)
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory(prefix="bench-growth-") as folder:
        small = write_objects(Path(folder) / "small", 83 * 8, object_bytes=_TEXT_OF_AN_OBJECT)
        counts = [_OBJECTS, 2 * _OBJECTS, 4 * _OBJECTS, 8 * _OBJECTS]
        counts = [count for count in counts if count <= len(small.objects)]
        few = {str(n): partial(_scan, small.objects[:n], needles()) for n in counts}
        seconds, _ = in_turn(few, given.rounds)
        for count in counts:
            each = seconds[str(count)]
            rows.append(["objects of 24 KB", f"{count:,}", each,
                         f"{1000 * each.median / count:.2f} ms an object"])  # fmt: skip
        large = write_objects(Path(folder) / "large", given.megabytes)
        wanted = {str(n): partial(_scan, large.objects, _many(n)) for n in (3, 30, 300, 3_000)}
        found, _ = in_turn(wanted, given.rounds)
        for number, each in found.items():
            rate = large.text_bytes / each.median / 10**9
            rows.append(["needles", f"{int(number):,}", each, f"{rate:.2f} GB/s of text"])
        octets = _octets(large)
        records = _records(_RECORDS)
        owned = {str(n): partial(_roles, records, _subject(n)) for n in (3, 100, 10_000, 100_000)}
        told, _ = in_turn(owned, given.rounds)
        for number, each in told.items():
            rate = 10**6 * each.median / _RECORDS
            rows.append(["addresses of the subject", f"{int(number):,}", each,
                         f"{rate:.2f} µs a record"])  # fmt: skip
    report("growth", ["what grows", "to", "s", "that is"], rows)
    per_object = seconds[str(counts[-1])].median / counts[-1]
    per_octet = found["3"].median / octets
    print()
    _on_paper(per_octet, per_object)
    return 0


def _octets(text: FlowText) -> int:
    return sum(path.stat().st_size for path in text.objects)


def _scan(paths: Sequence[Path], wanted: tuple[Needle, ...]) -> int:
    objects = [ObjectToRead(place_of(str(path)), None, path.stat().st_size) for path in paths]
    settings = ScanSettings(wanted, WINDOW, max_line_bytes=8192, reads_in_flight=8)
    return sum(batch.num_rows for batch in scan_batches(objects, settings))


def _many(number: int) -> tuple[Needle, ...]:
    """Addresses that no line holds, beside the subject's: what is measured is the search."""
    others = [f"172.{16 + n // 65_536}.{n // 256 % 256}.{n % 256}" for n in range(number)]
    return tuple(sorted({*needles(), *needles_of([], others)}))[:number]


def _records(number: int) -> pa.Table:
    """Flow records between addresses of 10.0.0.0/8; a subject of N has the first N of them."""
    ends = np.random.default_rng(1).integers(0, 2**18, (2, number))
    empty = {name: pa.nulls(number, pa.string()) for name in _TEXTS}
    addresses = pa.array([_address(n) for n in range(2**18)])
    return pa.table({
        **empty,
        "srcaddr": addresses.take(pa.array(ends[0])),
        "dstaddr": addresses.take(pa.array(ends[1])),
        "start": pa.array(np.full(number, 1_763_985_600)),
        "end": pa.array(np.full(number, 1_763_985_660)),
    })  # fmt: skip


def _address(number: int) -> str:
    return str(IPv4Address(int(IPv4Address("10.0.0.0")) + number))


def _subject(number: int) -> Subject:
    held = (Holding(_address(n), None, None, ()) for n in range(number))
    return Subject((), (), (), tuple(held))


def _roles(records: pa.Table, subject: Subject) -> int:
    return int(len(records) - Roles(subject).of(records).null_count)


def _on_paper(s_per_octet: float, s_per_object: float) -> None:
    """Minutes and money of one case, from the slopes of one core of this machine."""
    records = _INTERFACES * _RECORDS_A_MINUTE * 1440 * _DAYS
    octets = records * _OCTETS_A_RECORD * _DEFLATED_TO
    objects = octets / _OBJECT_OCTETS
    prices = read_prices()
    glue = next(each for each in prices.platforms if each.name.startswith("Glue"))
    core_s = octets * s_per_octet + objects * s_per_object
    rows: list[list[object]] = []
    for workers, prefixes in itertools.product((10, 50, 200), ("one", "ten")):
        cores_s = core_s / ((workers - 1) * _GLUE_CORES)
        requests_s = objects / {"one": 1, "ten": 10}[prefixes] / REQUESTS_PER_SECOND
        scan_s = max(cores_s, requests_s)
        wait_s = glue.start_s + objects / _LISTED_A_SECOND + scan_s
        usd = wait_s / 3600 * glue.usd_per_hour * workers / 10 + objects / 1000 * (
            prices.usd_per_1000_gets + prices.usd_per_1000_lists / 1000
        )
        rows.append([f"{workers} workers, {prefixes} of S3's prefixes", f"{cores_s / 60:,.1f}",
                     f"{requests_s / 60:,.1f}", f"{wait_s / 60:,.1f}", f"{usd:,.2f}"])  # fmt: skip
    columns = ["on paper", "scan by the cores, minutes", "by the requests", "whole", "USD"]
    report("organisation", columns, rows)
    print(
        f"{_INTERFACES:,} interfaces, {_DAYS} days, {_RECORDS_A_MINUTE} records a minute each: "
        f"{records:,.0f} records, {octets / 10**9:,.0f} GB as stored in {objects:,.0f} objects; "
        f"G.1X: {_GLUE_CORES} cores as fast as one of this machine; {prices.as_of}; "
        f"printed at {time.strftime('%Y-%m-%d', time.gmtime())}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

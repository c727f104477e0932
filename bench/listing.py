"""A listing of a million keys: seconds to find and prune them, octets of memory for each.

Two of them over HTTP, of one day and region in one folder, from a server that answers each page of
1,000 keys after 60 ms: ours beside obstore, page by page, which makes nothing of the keys. One of
files on this machine, in many folders. Each runs in a process of its own.
`python -m bench.listing [--keys 1000000] [--delay_ms 60]`; targets for a million: 60 s over HTTP,
120 s of files, 1,024 octets a key.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import obstore

from bench.harness import report
from bench.many_keys import BUCKET, FOLDER, SHAPES, SLOTS, ManyKeys
from bench.slow_s3 import served_slowly
from jobs.sources.listing import list_objects
from jobs.storage.object_store import open_store, place_of
from transforms.window import Window

_DAY = datetime(2026, 11, 23, tzinfo=UTC)
_WINDOW = Window(_DAY + timedelta(hours=6), _DAY + timedelta(days=1))
_HTTP_S, _FILES_S, _OCTETS = 60, 120, 1024


class Found(NamedTuple):
    """What one listing found and took: keys, those to read, seconds, processor time, memory."""

    keys: int
    to_read: int | None
    seconds: float
    processor_s: float
    octets: float


def main(argv: Sequence[str]) -> int:
    """1 when a target is missed, or a listing does not find all keys."""
    parser = argparse.ArgumentParser(prog="bench.listing", allow_abbrev=False)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--delay_ms", type=int, default=60)
    given = parser.parse_args(argv)
    rows: list[list[object]] = []
    met = []
    for shape in SHAPES:
        make = partial(ManyKeys, given.keys, shape)
        with served_slowly(make, given.delay_ms) as url:
            os.environ |= {
                "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "eu-west-1",
            }  # fmt: skip
            by_page = _alone(_page_by_page)
            ours = _alone(partial(_ours, f"s3://{BUCKET}/{FOLDER}"))
        where = f"HTTP: {shape}"
        rows += [
            _row(where, "obstore, page by page", by_page, by_page),
            _row(where, "ours, in pieces", ours, by_page),
        ]
        met.append(ours.seconds <= _HTTP_S * given.keys / 1_000_000 and ours.octets < _OCTETS)
        met.append(by_page.keys == ours.keys == given.keys)
    with tempfile.TemporaryDirectory(prefix="listing-") as folder:
        _make(Path(folder), given.keys)
        files = _alone(partial(_ours, folder))
    rows.append(_row("files, 54 folders", "ours", files, None))
    met.append(files.seconds <= _FILES_S * given.keys / 1_000_000 and files.octets < _OCTETS)
    columns = ["where", "listing", "keys", "to read", "s", "times as fast", "processor, s"]
    report("listing", [*columns, "octets a key, at the peak"], rows)
    print(f"for a million: {_HTTP_S} s over HTTP, {_FILES_S} s of files, {_OCTETS:,} octets")
    return 0 if all(met) else 1


def _row(where: str, tool: str, found: Found, other: Found | None) -> list[object]:
    ratio = f"{other.seconds / found.seconds:.1f}" if other else "-"
    to_read = "-" if found.to_read is None else f"{found.to_read:,}"
    return [where, tool, f"{found.keys:,}", to_read, f"{found.seconds:.1f}", ratio,
            f"{found.processor_s:.1f}", f"{found.octets:,.0f}"]  # fmt: skip


def _alone(listing: Callable[[], tuple[int, int | None]]) -> Found:
    """A listing in a process of its own, so that its peak is its own."""
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.SimpleQueue[Found] = context.SimpleQueue()
    process = context.Process(target=_measure, args=(listing, answer))
    process.start()
    found = answer.get()
    process.join()
    return found


def _measure(
    listing: Callable[[], tuple[int, int | None]], answer: "multiprocessing.SimpleQueue[Found]"
) -> None:
    before, began, processor = _peak_octets(), time.monotonic(), time.process_time()
    keys, to_read = listing()
    seconds, used = time.monotonic() - began, time.process_time() - processor
    answer.put(Found(keys, to_read, seconds, used, (_peak_octets() - before) / keys))


def _ours(prefix: str) -> tuple[int, int]:
    listing = list_objects([prefix], _WINDOW)
    return len(listing.objects), len(listing.selected)


def _page_by_page() -> tuple[int, None]:
    store = open_store(place_of(f"s3://{BUCKET}").bucket)
    return len(obstore.list_with_delimiter(store, prefix=FOLDER)["objects"]), None


def _make(folder: Path, number: int) -> None:
    """As many flow logs as it takes, in regions of 64 of them, an object in every slot."""
    made = 0
    while made < number:
        log = made // SLOTS
        region = f"eu-west-{log // 64}"
        day = folder / f"AWSLogs/111122223333/vpcflowlogs/{region}/2026/11/23"
        day.mkdir(parents=True, exist_ok=True)
        for slot in range(min(SLOTS, number - made)):
            stamp = f"{_DAY + timedelta(minutes=5 * slot):%Y%m%dT%H%MZ}"
            name = f"111122223333_vpcflowlogs_{region}_fl-{log:017x}_{stamp}_{slot:08x}.log.gz"
            (day / name).touch()
            made += 1


def _peak_octets() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

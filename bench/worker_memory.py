"""Peak memory of one scanning worker: a large object, a bomb, and 20,000 objects in one task.

`python -m bench.worker_memory` prints one row per case; each runs in a process of its own.
"""

import gzip
import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.harness import report
from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import ScanSettings, scan_batches
from jobs.storage.object_store import place_of
from transforms.scan.needles import needles_of
from transforms.window import Window

_DAY = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
_NOON = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())
_HEADER = b"interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action\n"
_TARGET_MB = 300


def _lines(count: int) -> bytes:
    return b"".join(
        b"eni-%017x 10.0.%d.%d 10.0.0.7 %d 443 6 %d %d %d %d ACCEPT\n"
        % (n * 2_654_435_761 % 16**12, n % 250, n * 7 % 250, n * 31 % 60_000, n % 97, n * 6_364_136
           % 10**7, _NOON + n % 3_000, _NOON + n % 3_000 + 59)
        for n in range(count)
    )  # fmt: skip


def _one_large(folder: Path) -> Iterator[Path]:
    """75 MB as stored, some 250 MB of text, every line the subject's."""
    path = folder / "large.log.gz"
    block = _lines(200_000)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(_HEADER)
        while path.stat().st_size < 75_000_000:
            file.write(block)
            file.flush()
    yield path


def _bomb(folder: Path) -> Iterator[Path]:
    """A gzip of 10 GB of blanks."""
    path = folder / "bomb.log.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(_HEADER)
        for _ in range(10_000):
            file.write(b" " * 1_000_000)
    yield path


def _many(folder: Path) -> Iterator[Path]:
    """20,000 objects of 24 KB as stored."""
    data = gzip.compress(_HEADER + _lines(700), mtime=0)
    for number in range(20_000):
        path = folder / f"{number:05}.log.gz"
        path.write_bytes(data)
        yield path


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure(
    paths: list[Path], answer: "multiprocessing.SimpleQueue[tuple[float, float, int]]"
) -> None:
    settings = ScanSettings(needles_of([], ["10.0.0.7"]), _DAY, 16_384, reads_in_flight=32)
    objects = [ObjectToRead(place_of(str(path)), None, path.stat().st_size) for path in paths]
    start = _peak_mb()
    rows = sum(batch.num_rows for batch in scan_batches(objects, settings))
    answer.put((start, _peak_mb(), rows))


def main() -> int:
    """Measure the three cases; exit code 1 when one needs more than the target."""
    cases: dict[str, Callable[[Path], Iterator[Path]]] = {
        "one object of 75 MB": _one_large,
        "a bomb of 10 GB": _bomb,
        "20,000 objects in one task": _many,
    }
    spawn = multiprocessing.get_context("spawn")
    worst = 0.0
    table = []
    for name, make in cases.items():
        with tempfile.TemporaryDirectory(prefix="worker-memory-") as folder:
            answer = spawn.SimpleQueue()
            process = spawn.Process(target=_measure, args=(list(make(Path(folder))), answer))
            process.start()
            start, peak, rows = answer.get()
            process.join()
        worst = max(worst, peak - start)
        table.append([name, f"{rows:,}", f"{start:.0f}", f"{peak - start:.0f}"])
    report("worker_memory", ["one worker", "rows", "MB at start", "MB above it"], table)
    is_met = worst < _TARGET_MB
    print(f"target: less than {_TARGET_MB} MB above the start: {'met' if is_met else 'NOT MET'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())

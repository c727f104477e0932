"""What a session that lives long holds: a watch-list of many cases, and the heap after every few.

A case gives back what it took, so the heap after the last case is that after the first few. Only
the list of the results grows.
`python -m bench.watch_list [--cases 100] [--every 10] [--memory 2g]`
"""

import argparse
import gzip
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.harness import report
from bench.jvm_memory import MIB, heap_in_use, held_by
from bench.local_spark import local_spark, settings_of
from jobs.cli.arguments import parse_arguments
from jobs.pipeline.prepare import prepare
from jobs.pipeline.watch_list import cases_of
from jobs.spark.phases import Phases
from jobs.trace_instance import traced

_ROOT = Path(__file__).resolve().parent.parent
_NOON = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())
_FIELDS = (
    "interface-id instance-id srcaddr dstaddr srcport dstport protocol packets bytes start end "
    "action log-status tcp-flags"
)
# MiB a case beyond the heap after the first few.
_ALLOWED_A_CASE = 0.1


def main(argv: Sequence[str]) -> int:
    """Print a Markdown table; 1 when the heap has grown with the cases."""
    parser = argparse.ArgumentParser(prog="bench.watch_list", allow_abbrev=False)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--memory", default="2g")
    given = parser.parse_args(argv)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(prefix="bench-watch-list-") as folder:
        _write_logs(Path(folder) / "logs", given.cases)
        rows, heaps = _measure(Path(folder), given.cases, given.every, given.memory)
    report("watch_list", ["cases", "s a case", "heap in use, MiB", "threads", "held"], rows)
    grown = (heaps[-1] - heaps[0]) / MIB / max(1, given.cases - given.every)
    print(f"{grown:+.3f} MiB of heap a case; {_ALLOWED_A_CASE} are allowed")
    return int(grown > _ALLOWED_A_CASE)


def _measure(
    folder: Path, cases: int, every: int, memory: str
) -> tuple[list[list[object]], list[int]]:
    """A row after every few cases, and the heap in use then."""
    spark = local_spark(
        2,
        memory,
        {  # as the README starts it
            **settings_of(_ROOT / "conf/local.conf"),
            "spark.pyspark.python": sys.executable,
            "spark.jars": ",".join(str(jar) for jar in sorted((_ROOT / "jars").glob("*.jar"))),
        },
    )
    flags = ["--flow_logs", f"{folder}/logs", "--output", f"{folder}/cases", "--case_id", "list"]
    flags += ["--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T13:00:00Z"]
    flags += ["--instance_id", ",".join(map(_instance, range(cases))), "--one_case_each", "true"]
    case = prepare(parse_arguments(flags), datetime.now(UTC))
    rows: list[list[object]] = []
    heaps: list[int] = []
    results = []  # as the job keeps them for its last table
    began = time.perf_counter()
    for number, result in enumerate(traced(cases_of(case), Phases()), 1):
        results.append(result)
        if number % every == 0 or number == cases:
            spent = (time.perf_counter() - began) / (number % every or every)
            heaps.append(heap_in_use(spark))
            held = held_by(spark)
            rows.append([number, f"{spent:.1f}", heaps[-1] // MIB, held.threads, held])
            print(f"after {number} cases: {heaps[-1] // MIB} MiB, {held}", file=sys.stderr)
            began = time.perf_counter()
    spark.stop()
    return rows, heaps


def _instance(number: int) -> str:
    return f"i-{number:017x}"


def _write_logs(folder: Path, instances: int) -> None:
    """An hour in which each instance talks to the next one and is talked to by the one before."""
    folder.mkdir()
    lines = [_FIELDS]
    for number in range(instances):
        own, peer = (f"10.0.{n // 200}.{n % 200 + 1}" for n in (number, (number + 1) % instances))
        for turn in range(20):
            start = _NOON + 60 * turn
            for source, target, ports, flags in (
                (own, peer, f"{40_000 + turn} 22", 2),
                (peer, own, f"22 {40_000 + turn}", 18),
            ):
                lines.append(
                    f"eni-{number:017x} {_instance(number)} {source} {target} {ports} 6 20 9000 "
                    f"{start} {start + 50} ACCEPT OK {flags}"
                )
    (folder / "hour.log.gz").write_bytes(gzip.compress("\n".join(lines).encode()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Scan for one subject: the job's scanner beside the limit (inflating alone) and other tools.

Every tool finds the lines of the same subject in the same gzip objects; what they find must be
equal. Two sizes, so that the slope is free of start-up. Tools that are not installed are named.
`python -m bench.scan [--megabytes 1000,4000] [--rounds 2] [--only ours,igzip]`
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
from isal import isal_zlib
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench.flow_text import WINDOW, FlowText, needles, words, write_objects
from bench.harness import differing, in_turn, report
from bench.local_spark import local_spark
from jobs.sources.listing import FlowLogObject
from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import ScanSettings, scan_batches, scan_objects
from jobs.storage.object_store import place_of

CORES = 2
_BLOCK = 128 * 1024
_BYTES_AT, _START_AT = 10, 6  # of a version 5 line


class Found(NamedTuple):
    """What must be equal: lines, and two sums over their columns."""

    lines: int
    bytes: int
    start: int


Tool = Callable[[FlowText], Found | None]


def main(argv: Sequence[str]) -> int:
    """1 when the tools do not agree."""
    parser = argparse.ArgumentParser(prog="bench.scan", allow_abbrev=False)
    parser.add_argument("--megabytes", default="1000,4000")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="")
    given = parser.parse_args(argv)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    sizes = [int(text) for text in given.megabytes.split(",")]
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as folder, _workers() as pool:
        spark = local_spark(CORES, "4g", {"spark.sql.shuffle.partitions": CORES})
        tools = dict(_tools(spark, pool))
        if given.only:
            wanted = tuple(given.only.split(","))
            tools = {name: run for name, run in tools.items() if name.startswith(wanted)}
        texts = [write_objects(Path(folder) / str(size), size) for size in sizes]
        wrong, seconds = [], []
        for text in texts:
            timed, found = in_turn(
                {name: partial(run, text) for name, run in tools.items()}, given.rounds
            )
            seconds.append(timed)
            wrong += differing({name: each for name, each in found.items() if each[0] is not None})
        spark.stop()
    limit = next(iter(tools))
    slopes = {name: _slope(texts, [each[name].median for each in seconds]) for name in tools}
    columns = ["scan for one subject", *(f"{size} MB, s" for size in sizes)]
    report(
        "scan",
        [*columns, "s per GB of text", f"x {limit}"],
        (
            [name, *(each[name] for each in seconds), f"{slopes[name]:.2f}",
             f"{slopes[name] / slopes[limit]:.2f}"]
            for name in tools
        ),
    )  # fmt: skip
    for sentence in wrong:
        print(f"DIFFERS {sentence}")
    return 1 if wrong else 0


def _slope(texts: Sequence[FlowText], seconds: Sequence[float]) -> float:
    """Seconds per GB of text between the least and the largest size, or of the only one."""
    if len(texts) == 1:
        return seconds[0] / texts[0].text_bytes * 1e9
    more = texts[-1].text_bytes - texts[0].text_bytes
    return (seconds[-1] - seconds[0]) / more * 1e9


def _workers() -> ProcessPoolExecutor:
    pool = ProcessPoolExecutor(CORES)
    list(pool.map(_warm, range(CORES)))
    return pool


def _warm(_: int) -> None:
    needles()


def _tools(spark: SparkSession, pool: ProcessPoolExecutor) -> Iterator[tuple[str, Tool]]:
    """By name; the first is the limit that the others are compared with."""
    yield "igzip alone", partial(_halves, pool, _inflate)
    yield "ours, two processes", partial(_halves, pool, _scan)
    yield "ours, in Spark", partial(_ours_in_spark, spark)
    grep = f"grep -wF {' '.join(f'-e {word}' for word in words())}"
    yield (
        "igzip, then grep",
        partial(_shell, f"cat {{}} | {shlex.quote(sys.executable)} -m isal.igzip -dc | {grep}"),
    )
    yield "zcat, then grep", partial(_shell, f"zcat {{}} | {grep}")
    if shutil.which("rg"):
        found = f"rg -z -j1 --no-filename {grep.removeprefix('grep ')} {{}}"
        yield "ripgrep -z", partial(_shell, found)
    else:
        print("ripgrep is not installed: left out", file=sys.stderr)
    for name, run in (("polars", _polars), ("duckdb", _duckdb)):
        if find_spec(name):
            yield name, run
        else:
            print(f"{name} is not installed: left out", file=sys.stderr)
    yield "Spark, text reader", partial(_spark_text, spark)


def _halves(
    pool: ProcessPoolExecutor, work: Callable[[list[str]], Found | None], text: FlowText
) -> Found | None:
    paths = [str(path) for path in text.objects]
    return _sum(pool.map(work, [paths[at::CORES] for at in range(CORES)]))


def _sum(found: Iterable[Found | None]) -> Found | None:
    each = [part for part in found if part is not None]
    return Found(*map(sum, zip(*each, strict=True))) if each else None


def _inflate(paths: list[str]) -> None:
    """Inflate and drop: nobody who reads gzip can be faster."""
    for path in paths:
        data = memoryview(Path(path).read_bytes())
        member = isal_zlib.decompressobj(31)
        for at in range(0, len(data), _BLOCK):
            member.decompress(data[at : at + _BLOCK])


def _settings() -> ScanSettings:
    return ScanSettings(needles(), WINDOW, max_line_bytes=8192, reads_in_flight=8)


def _scan(paths: list[str]) -> Found:
    """The scanner as a task runs it, with hashes, counts and the parse of what it found."""
    objects = [ObjectToRead(place_of(path), None, os.path.getsize(path)) for path in paths]
    found = Found(0, 0, 0)
    for batch in scan_batches(objects, _settings()):
        records = batch.column("record").drop_null()
        sums = (pc.sum(records.field(name)).as_py() or 0 for name in ("bytes", "start"))
        found = Found(found.lines + len(records), *map(sum, zip(found[1:], sums, strict=True)))
    return found


def _ours_in_spark(spark: SparkSession, text: FlowText) -> Found:
    objects = [
        FlowLogObject(None, place_of(str(path)).path, None, path.stat().st_size, _NEVER, None)
        for path in text.objects
    ]
    row = (
        scan_objects(spark, objects, _settings())
        .where("record IS NOT NULL")
        .agg(F.count("*"), F.sum("record.bytes"), F.sum("record.start"))
        .first()
    )
    assert row is not None
    return Found(*row)


_NEVER = WINDOW.from_at


def _shell(command: str, text: FlowText) -> Found:
    """Two shells, each with every second object."""
    paths = [shlex.quote(str(path)) for path in text.objects]
    running = [
        subprocess.Popen(
            ["/bin/sh", "-c", command.format(" ".join(paths[at::CORES]))], stdout=subprocess.PIPE
        )
        for at in range(min(CORES, len(paths)))
    ]
    with ThreadPoolExecutor(CORES) as readers:
        outputs = list(readers.map(lambda process: process.communicate()[0], running))
    return _of_lines(line for output in outputs for line in output.splitlines())


def _of_lines(lines: Iterable[bytes]) -> Found:
    count = octets = start = 0
    for line in lines:
        fields = line.split(b" ")
        count += 1
        octets += int(fields[_BYTES_AT]) if fields[_BYTES_AT] != b"-" else 0
        start += int(fields[_START_AT])
    return Found(count, octets, start)


def _pattern() -> str:
    escaped = "|".join(word.replace(".", "[.]") for word in words())
    return f"(^| )({escaped})( |$)"


def _polars(text: FlowText) -> Found:
    pl = import_module("polars")

    lines = (
        pl.scan_csv(
            [str(path) for path in text.objects], has_header=False, separator="\x01",
            quote_char=None, new_columns=["line"], schema_overrides={"line": pl.String},
        )
        .filter(pl.col("line").str.contains(_pattern()))
        .collect()
    )  # fmt: skip
    return _of_lines(line.encode() for line in lines["line"])


def _duckdb(text: FlowText) -> Found:
    duckdb = import_module("duckdb")

    with duckdb.connect(config={"threads": CORES}) as connection:
        rows = connection.execute(
            "SELECT line FROM read_csv(?, delim='\x01', header=false, quote='', escape='', "
            "columns={'line': 'VARCHAR'}) WHERE regexp_matches(line, ?)",
            [[str(path) for path in text.objects], _pattern()],
        ).fetchall()
    return _of_lines(line.encode() for (line,) in rows)


def _spark_text(spark: SparkSession, text: FlowText) -> Found:
    rows = spark.read.text(str(text.folder)).where(F.col("value").rlike(_pattern())).collect()
    return _of_lines(row["value"].encode() for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Many objects of 24 KB behind 30 ms: the job's reader beside a bare loop of GETs and boto3.

All in one process over the same number of connections; ours also inflates, hashes and searches.
Spark's text reader over S3A is there where its jars are (`make setup-s3`), once, over 500
objects, as it has no such number: it reads one after the other on each core.
`python -m bench.small_objects [--objects 20000] [--connections 8,32,128] [--rounds 1]`
"""

import argparse
import itertools
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import obstore
from pyspark.sql import functions as F

from bench.flow_text import WINDOW, needles, words, write_objects
from bench.harness import differing, in_turn, report
from bench.local_spark import local_spark
from bench.slow_s3 import BUCKET, PREFIX, key_of, slow_s3
from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import ScanSettings, scan_batches
from jobs.storage.object_store import open_store, place_of

_DELAY_MS = 30
_TEXT_OF_AN_OBJECT = 165_000  # 24 KB as stored
_S3A_OBJECTS, _S3A_GLOB = 500, "000[0-4]*"
_ROOT = Path(__file__).resolve().parent.parent


class Took(NamedTuple):
    """Octets that arrived, and seconds of processor time of this process."""

    octets: int
    processor_s: float


def main(argv: Sequence[str]) -> int:
    """1 when the tools do not read the same octets, or do not find the same lines."""
    parser = argparse.ArgumentParser(prog="bench.small_objects", allow_abbrev=False)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--connections", default="8,32,128")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="bench-small-") as folder:
        text = write_objects(Path(folder) / "text", 8, object_bytes=_TEXT_OF_AN_OBJECT)
        bodies = [path.read_bytes() for path in text.objects[:8]]
    sizes = [len(bodies[number % len(bodies)]) for number in range(given.objects)]
    print(
        f"{given.objects:,} objects of {sum(sizes) // len(sizes):,} octets, {_DELAY_MS} ms each\n"
    )
    rows: list[list[object]] = []
    wrong: list[str] = []
    with slow_s3(bodies, given.objects, _DELAY_MS) as url:
        os.environ |= {
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "eu-west-1",
        }  # fmt: skip
        for connections in map(int, given.connections.split(",")):
            number = min(given.objects, connections * 160)
            tools: dict[str, Callable[[], Took]] = {
                name: partial(_timed, partial(read, sizes[:number], connections))
                for name, read in (("obstore, bare", _bare), ("ours", _ours), ("boto3", _boto3))
            }
            seconds, results = in_turn(tools, given.rounds)
            octets = {name: [took.octets for took in each] for name, each in results.items()}
            wrong += differing(octets)
            bare = seconds["obstore, bare"].median
            for name, spread in seconds.items():
                processor = min(took.processor_s for took in results[name])
                rows.append(
                    [name, connections, f"{number:,}", spread, f"{number / spread.median:,.0f}",
                     f"{bare / spread.median:.0%}", f"{1000 * processor / number:.2f}"]
                )  # fmt: skip
        if jars := sorted((_ROOT / "jars/s3").glob("*.jar")):
            number = min(given.objects, _S3A_OBJECTS)
            began = time.perf_counter()
            _s3a(url, jars)
            took = time.perf_counter() - began
            rows.append(["Spark text, S3A", "-", f"{number:,}", f"{took:.2f}",
                         f"{number / took:,.0f}", "-", "-"])  # fmt: skip
        else:
            print("S3A is not set up (make setup-s3): left out", file=sys.stderr)
    report(
        "small_objects",
        ["reader", "connections", "objects", "s", "objects/s", "of bare", "processor, ms/object"],
        rows,
    )
    for sentence in wrong:
        print(f"DIFFERS {sentence}")
    return 1 if wrong else 0


def _timed(read: Callable[[], int]) -> Took:
    before = _processor_s()
    octets = read()
    return Took(octets, _processor_s() - before)


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _bare(sizes: Sequence[int], connections: int) -> int:
    store = open_store(place_of(f"s3://{BUCKET}").bucket)

    def read(number: int) -> int:
        return len(obstore.get(store, key_of(number)).bytes())

    with ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(read, range(len(sizes))))


def _ours(sizes: Sequence[int], connections: int) -> int:
    place = place_of(f"s3://{BUCKET}")
    objects = (
        ObjectToRead(place._replace(path=key_of(number)), None, size)
        for number, size in enumerate(sizes)
    )
    settings = ScanSettings(needles(), WINDOW, 8192, reads_in_flight=connections)
    accounts = (batch.column("account") for batch in scan_batches(objects, settings))
    return sum(
        sum(itertools.chain(account.drop_null().field("bytes_read").to_pylist()))
        for account in accounts
        if account.null_count < len(account)
    )


def _boto3(sizes: Sequence[int], connections: int) -> int:
    config = import_module("botocore.config").Config(max_pool_connections=connections)
    client = import_module("boto3").client("s3", config=config)

    def read(number: int) -> int:
        return len(client.get_object(Bucket=BUCKET, Key=key_of(number))["Body"].read())

    with ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(read, range(len(sizes))))


def _s3a(url: str, jars: Sequence[Path]) -> int:
    """Lines of the subject by Spark's own reader, in the first `_S3A_OBJECTS`; the listing and the
    start of Spark are in its time, as in a real job.
    """
    spark = local_spark(
        2,
        "4g",
        {
            "spark.jars": ",".join(map(str, jars)),
            "spark.hadoop.fs.s3a.endpoint": url,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.access.key": "bench",
            "spark.hadoop.fs.s3a.secret.key": "bench",
        },
    )
    pattern = "|".join(word.replace(".", "[.]") for word in words())
    lines = spark.read.text(f"s3a://{BUCKET}/{PREFIX}{_S3A_GLOB}")
    return lines.where(F.col("value").rlike(f"(^| )({pattern})( |$)")).count()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

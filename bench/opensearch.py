"""Documents a second: the job's bulk writer against opensearch-py's parallel_bulk alone.

The same flows go into the same node over as many connections, in turn, in requests as large:

- `send only`: the writer sends documents that Spark has rendered and kept;
- `parallel_bulk alone`: the same documents, waiting in the memory of one Python process;
- `whole path`: the job's step, from reading Delta to an alias that shows the run.

Each ends when the node has refreshed the index and counted every document.
`python -m bench.opensearch [--writers 1,2,4,8] [--sizes 5000:5] [--rounds 3] [--copies 4]`
"""

import argparse
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from opensearchpy import OpenSearch
from opensearchpy.helpers import parallel_bulk
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench.harness import report
from bench.local_spark import delta_settings, local_spark
from demo.generate import generate
from demo.opensearch_node import opensearch_node
from demo.vpc import SUSPECT
from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.opensearch.client import endpoint_of
from jobs.opensearch.index import template_of
from jobs.opensearch.sink import index_flows, send_documents
from jobs.trace_instance import main as trace
from transforms.documents.flows import to_documents

_ROOT = Path(__file__).resolve().parent.parent
_INDEX = "flows-bench"


class Load(NamedTuple):
    """One way to load: so many connections, requests so large."""

    writers: int
    documents: int
    mebibytes: int

    def target(self, url: str) -> OpenSearchTarget:
        """The job's flags for it."""
        return OpenSearchTarget(
            url, writers=self.writers,
            request_documents=self.documents, request_bytes=self.mebibytes * 2**20,
        )  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Measure and print one Markdown table; 1 when the writer is slower than parallel_bulk: when
    its best round is behind the worst of that.
    """
    parser = argparse.ArgumentParser(prog="bench.opensearch", allow_abbrev=False)
    parser.add_argument("--writers", default="1,2,4,8", help="connections, one row each")
    parser.add_argument("--sizes", default="5000:5", help="documents:MiB a request, one row each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--copies", type=int, default=4, help="of each flow of the demo's suspect")
    given = parser.parse_args(argv)
    loads = [
        Load(int(writers), *map(int, size.split(":")))
        for size in given.sizes.split(",")
        for writers in given.writers.split(",")
    ]
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = _spark(max(load.writers for load in loads))
    with tempfile.TemporaryDirectory() as folder, opensearch_node() as url:
        flows = _flows(spark, Path(folder), given.copies)
        rows = [(row.record_id, row.document) for row in to_documents(flows).collect()]
        octets = sum(len(document.encode()) for _, document in rows)
        print(f"{len(rows):,} documents of {octets // len(rows):,} bytes; documents/s of")
        print(f"{given.rounds} rounds: median (lowest to highest)\n")
        table, slower = [], False
        for load in loads:
            with _rendered(flows, load.writers) as rendered:
                ways = {
                    "send only": partial(_send, rendered, len(rows), url, load),
                    "parallel_bulk alone": partial(_parallel_bulk, rows, url, load),
                    "whole path": partial(_whole_path, flows, url, load),
                }
                seconds = _in_turn(ways, given.rounds)
            slower |= min(seconds["send only"]) > max(seconds["parallel_bulk alone"])
            table.append(_row(load, len(rows), seconds))
    spark.stop()
    report(
        "opensearch",
        ["writers", "documents, MiB a request", "send only", "parallel_bulk alone", "ratio",
         "whole path"],
        table,
    )  # fmt: skip
    return int(slower)


def _in_turn(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way and round; a round before them warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            took = way()
            if number:
                seconds[name].append(took)
    return seconds


def _row(load: Load, documents: int, seconds: dict[str, list[float]]) -> list[object]:
    """The ratio is how much faster sending was than parallel_bulk, by the median of the rounds."""
    ratio = statistics.median(
        alone / ours
        for ours, alone in zip(seconds["send only"], seconds["parallel_bulk alone"], strict=True)
    )

    def cell(name: str) -> str:
        rates = sorted(documents / took for took in seconds[name])
        return f"{statistics.median(rates):,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})"

    return [
        load.writers, f"{load.documents:,}, {load.mebibytes}", cell("send only"),
        cell("parallel_bulk alone"), f"{ratio:.2f}", cell("whole path"),
    ]  # fmt: skip


def _whole_path(flows: DataFrame, url: str, load: Load) -> float:
    """Seconds from Delta to an alias that shows the run."""
    run_id = f"20261124t000000z-{time.monotonic_ns() % 16**4:04x}"
    of_run = flows.drop("run_id").selectExpr("*", f"'{run_id}' AS run_id")
    begun = time.monotonic()
    indexed = index_flows(of_run, load.target(url), case_id="whole", run_id=run_id)
    took = time.monotonic() - begun
    indexed.refused.unpersist()
    return took


def _send(rendered: DataFrame, expected: int, url: str, load: Load) -> float:
    """Seconds of the writer's workers for documents that are there."""
    with _fresh_index(url, load.writers) as client:
        begun = time.monotonic()
        answers, refused = send_documents(rendered, endpoint_of(load.target(url)), _INDEX)
        took = _searchable(client, begun, expected)
        answers.unpersist()
    if refused:
        raise SystemExit(f"{refused} documents were refused")
    return took


def _parallel_bulk(rows: list[tuple[str, str]], url: str, load: Load) -> float:
    """Seconds of parallel_bulk for the same documents."""
    with _fresh_index(url, load.writers) as client:
        begun = time.monotonic()
        sent = parallel_bulk(
            client, rows, index=_INDEX, thread_count=load.writers, chunk_size=load.documents,
            max_chunk_bytes=load.mebibytes * 2**20,
            expand_action_callback=lambda row: ({"index": {"_id": row[0]}}, row[1]),
        )  # fmt: skip
        deque(sent, maxlen=0)
        return _searchable(client, begun, len(rows))


@contextlib.contextmanager
def _fresh_index(url: str, connections: int) -> Iterator[OpenSearch]:
    client = OpenSearch(url, timeout=60, pool_maxsize=connections)
    body = template_of("flat")["template"]
    body["settings"]["index"]["refresh_interval"] = "-1"
    client.indices.create(index=_INDEX, body=body)
    try:
        yield client
    finally:
        client.indices.delete(index=_INDEX)
        client.close()


def _searchable(client: OpenSearch, begun: float, expected: int) -> float:
    client.indices.refresh(index=_INDEX)
    took = time.monotonic() - begun
    found = client.count(index=_INDEX)["count"]
    if found != expected:
        raise SystemExit(f"found {found:,} documents; expected {expected:,}")
    return took


@contextlib.contextmanager
def _rendered(flows: DataFrame, writers: int) -> Iterator[DataFrame]:
    """The documents, kept by Spark in one part for each writer."""
    rendered = to_documents(flows).repartition(writers).persist()
    rendered.count()
    try:
        yield rendered
    finally:
        rendered.unpersist(blocking=True)


def _flows(spark: SparkSession, folder: Path, copies: int) -> DataFrame:
    """The suspect's flows of the generated day as the job leaves them in Delta, and copies."""
    generate(folder / "day")
    words = ["--flow_logs", str(folder / "day/flow-logs"), "--labels", str(folder / "day/labels")]
    words += ["--instance_id", str(SUSPECT.instance_id)]
    words += ["--case_id", "bench", "--output", str(folder / "cases")]
    words += ["--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z"]
    with contextlib.redirect_stdout(io.StringIO()):
        if trace(words) != 0:
            raise SystemExit("the day could not be traced")
    flows = spark.read.format("delta").load(str(folder / "cases/bench/flows"))
    # The id stays 40 characters; one file, as the job writes so few rows.
    copied = flows.withColumn("copy", F.explode(F.sequence(F.lit(1), F.lit(copies))))
    other_id = F.sha1(F.concat_ws("/", "record_id", "copy"))
    copied = copied.withColumn("record_id", other_id).drop("copy").coalesce(1)
    copied.write.format("delta").save(str(folder / "copies"))
    return spark.read.format("delta").load(str(folder / "copies"))


def _spark(tasks: int) -> SparkSession:
    return local_spark(tasks, "3g", {**delta_settings(), "spark.sql.shuffle.partitions": 4})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

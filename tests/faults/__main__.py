"""`make faults`: loads through every fault, on real nodes; one table; 1 when one fails."""

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from demo.opensearch_node import running_node
from jobs.opensearch.client import OpenSearchFailed
from tests.faults.scenarios import (
    PROXY_FAULTS,
    QUEUE_OF_ONE,
    Outcome,
    full_queue,
    load_through,
    restart_during_load,
    write_flows,
)
from tests.support.paths import ROOT

DOCUMENTS = 5_000


def main() -> int:
    """Run all scenarios and print the table as Markdown, row by row."""
    spark = _spark()
    print("| fault | injected | flows in Delta | documents | lost | result |")
    print("|---|--:|--:|--:|--:|---|", flush=True)
    exact = []
    with tempfile.TemporaryDirectory() as folder:
        flows = write_flows(spark, Path(folder) / "flows", DOCUMENTS)
        with running_node() as node:
            for number, (name, fault) in enumerate(PROXY_FAULTS.items()):
                case_id = f"fault-{number}"
                exact.append(_row(name, partial(load_through, fault(), node.url, flows, case_id)))
            name = "a restart of the node during the load"
            exact.append(_row(name, partial(restart_during_load, node, flows, "restart")))
        with running_node(QUEUE_OF_ONE) as node:
            name = "a write queue of one, with others writing"
            exact.append(_row(name, partial(full_queue, node, flows, "queue")))
    spark.stop()
    return 0 if all(exact) else 1


def _row(name: str, load: Callable[[], Outcome]) -> bool:
    """Print what a load came to; whether the index equals Delta after faults."""
    try:
        outcome = load()
    except OpenSearchFailed as failure:
        print(f"| {name} | | | | | FAILED: {failure} |", flush=True)
        return False
    holds = outcome.is_exact and outcome.injected > 0
    print(
        f"| {name} | {outcome.injected:,} | {outcome.in_delta:,} | {outcome.in_index:,} "
        f"| {outcome.lost:,} | {'equal, id by id' if holds else 'FAILED'} |",
        flush=True,
    )
    return holds


def _spark() -> SparkSession:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    jars = ",".join(str(jar) for jar in sorted((ROOT / "jars").glob("*.jar")))
    spark = (
        SparkSession.builder.master("local[4]")  # four writers at a time
        .config("spark.jars", jars)
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config(
            "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"
        )
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


if __name__ == "__main__":
    sys.exit(main())

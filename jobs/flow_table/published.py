"""Which runs of a flow table are in an OpenSearch, and the loading of those that are not.

The flow table comes first: a run is loaded from Delta once it is complete, and is written down in
the table `published` once all of its documents are there. What fails is loaded by the next ingest.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.evidence.case_lock import CaseLock
from jobs.flow_table.tables import FlowTable, IngestRun
from jobs.opensearch.client import Endpoint, endpoint_of
from jobs.opensearch.day_index import DayLoaded, full_prefix, load_day, name_of_day
from jobs.opensearch.sink import connected
from jobs.spark.session import for_few_rows
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import append_rows
from transforms.flow_table.as_flows import as_flows
from transforms.flow_table.shapes import PUBLISHED
from transforms.wording import count_of

logger = logging.getLogger(__name__)

_FEW_FLOWS = 100_000
_PORTS = {"http": 9200, "https": 443}  # opensearch-py's own, where a URL has none


class Destination(NamedTuple):
    """The indices that a run is loaded into: where they are, and how their names begin."""

    node: str
    prefix: str


class Published(NamedTuple):
    """What one ingest has loaded; `reason` is that of one of the refused documents."""

    destination: Destination
    runs: int
    documents: int
    refused: int
    reason: str | None

    def sentence(self) -> str:
        """As it stands in the summary."""
        where = f"{self.destination.prefix}-* at {self.destination.node}"
        if not self.runs:
            return f"every run is in {where}"
        documents = count_of(self.documents, "document", "documents")
        told = f"{documents} of {count_of(self.runs, 'run', 'runs')} added to {where}"
        return told + (f"; {self.refused:,} refused: {self.reason}" if self.refused else "")


def destination_of(target: OpenSearchTarget, prefix: str) -> Destination:
    """Host, port and path, however the URL was written; never a user."""
    url = urlsplit(target.url)
    node = f"{url.hostname}:{url.port or _PORTS[url.scheme]}{url.path.rstrip('/')}"
    return Destination(node, full_prefix(target.shape, prefix))


def publish(
    spark: SparkSession, table: FlowTable, lock: CaseLock, target: OpenSearchTarget, prefix: str
) -> Published:
    """Load every complete run that this destination lacks, the oldest first, one at a time.

    Only for who holds the table's lock. Raises OpenSearchFailed; runs before that one are there.
    """
    destination, endpoint = destination_of(target, prefix), endpoint_of(target)
    runs = table.runs()
    known = _published(spark, table, destination)
    missing = [run for run in runs if run.run_id not in known]
    a_day = _most_of_a_day(spark, table, runs) if missing else 0
    loaded: list[DayLoaded] = []
    for number, run in enumerate(missing):
        with for_few_rows(spark, run.flows <= _FEW_FLOWS):
            days = _load_run(
                spark, table, run, target, endpoint, prefix, a_day=a_day,
                missing=len(missing) - number,
            )  # fmt: skip
        lock.check()
        _write_down(spark, table, destination, run, days)
        loaded += days
    reasons = [day.reason for day in loaded if day.reason]
    return Published(
        destination, len(missing), sum(day.documents for day in loaded),
        sum(day.refused for day in loaded), reasons[0] if reasons else None,
    )  # fmt: skip


def _published(spark: SparkSession, table: FlowTable, destination: Destination) -> set[str]:
    if not table.has("published"):
        return set()
    is_here = (F.col("node") == destination.node) & (F.col("prefix") == destination.prefix)
    rows = read_table(spark, table.table("published")).where(is_here).select("run_id").collect()
    return {row["run_id"] for row in rows}


def _most_of_a_day(spark: SparkSession, table: FlowTable, runs: Sequence[IngestRun]) -> int:
    """The flow records of the largest day: what an index is made for that a first run begins."""
    of_days = (
        table.rows(spark, "objects", runs).groupBy("day").agg(F.sum("parsed_lines").alias("n"))
    )
    largest = of_days.agg(F.coalesce(F.max("n"), F.lit(0)).alias("n")).first()
    assert largest is not None  # an aggregation without groups always has its row
    return int(largest["n"])


def _load_run(
    spark: SparkSession, table: FlowTable, run: IngestRun, target: OpenSearchTarget,
    endpoint: Endpoint, prefix: str, *, a_day: int, missing: int,
) -> list[DayLoaded]:  # fmt: skip
    """The flows that the table still has of this run, day by day."""
    # The literal, too: Delta skips files by it, and not by a join.
    flows = table.rows(spark, "flows", [run]).where(F.col("run_id") == run.run_id)
    of_days = sorted((row["day"], row["count"]) for row in flows.groupBy("day").count().collect())
    runs = count_of(missing, "run", "runs")
    holds = f"the flow table has every flow, and the next ingest loads what is missing: {runs}"
    loaded = []
    with connected(endpoint, holds) as client:
        for day, number in of_days:
            loaded.append(
                load_day(
                    client, endpoint, _of_day(flows, day), target, run_id=run.run_id,
                    name=name_of_day(target.shape, prefix, day), expected=number,
                    documents_a_day=max(a_day, number),
                )
            )  # fmt: skip
    logger.info("published run=%s days=%d of_runs_missing=%d", run.run_id, len(loaded), missing)
    return loaded


def _of_day(flows: DataFrame, day: date) -> DataFrame:
    return as_flows(flows.where(F.col("day") == F.lit(day)))


def _write_down(
    spark: SparkSession, table: FlowTable, destination: Destination, run: IngestRun,
    days: Sequence[DayLoaded],
) -> None:  # fmt: skip
    row = {
        **destination._asdict(),
        "run_id": run.run_id,
        "documents": sum(day.documents for day in days),
        "refused": sum(day.refused for day in days),
        "published_at": datetime.now(UTC),
    }
    frame = spark.createDataFrame([row], PUBLISHED).coalesce(1)
    append_rows(frame, table.table("published"), PUBLISHED)

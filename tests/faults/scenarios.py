"""Loads through faults: what was injected, and whether the index still equals Delta."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from opensearchpy import OpenSearch
from opensearchpy.exceptions import OpenSearchException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from demo.opensearch_node import Node
from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.opensearch.sink import index_flows
from tests.faults.proxy import (
    AcceptedThenSilent,
    AfterSomeRequests,
    CountingPushBack,
    DroppedConnections,
    EveryNth,
    EveryNthOfAll,
    Fault,
    ItemsOnce,
    proxy,
)
from transforms.schemas import FLOWS

# One request timeout of the loads, and a silence that is longer.
_TIMEOUT_S, _SILENCE_S = 3.0, 4.0
DOCUMENTS_A_REQUEST = 250


class Outcome(NamedTuple):
    """One load: ids and counts as the index and Delta have them."""

    injected: int
    in_delta: int
    in_index: int
    lost: int
    strange: int

    @property
    def is_exact(self) -> bool:
        return (self.lost, self.strange) == (0, 0) and self.in_index == self.in_delta


PROXY_FAULTS: dict[str, Callable[[], Fault]] = {
    "every second bulk request answered 429": lambda: EveryNth(2, 429),
    "one document in ten pushed back once": lambda: ItemsOnce(10),
    "every fourth answer lost after the node accepted (time-out)": lambda: AcceptedThenSilent(
        4, _SILENCE_S
    ),
    "every third connection dropped, before or after": lambda: DroppedConnections(3),
    "every second request of any kind answered 503": lambda: EveryNthOfAll(2, 503),
}


def write_flows(spark: SparkSession, folder: Path, count: int) -> DataFrame:
    """A Delta table of so many flows, all different; a few columns filled, the others null."""
    shape = spark.createDataFrame([], FLOWS).schema
    filled = {
        "record_id": F.substring(F.sha2(F.col("id").cast("string"), 256), 1, 40),
        "start_at": F.timestamp_seconds(F.lit(1_795_000_000) + F.col("id")),
        "start": F.lit(1_795_000_000) + F.col("id"),
        "srcaddr": F.lit("10.20.1.13"),
        "dstaddr": F.expr("concat('10.20.2.', pmod(id, 250))"),
        "dstport": F.expr("pmod(id, 60000)"),
        "bytes": F.col("id") * 40,
        "action": F.expr("IF(pmod(id, 3) = 0, 'REJECT', 'ACCEPT')"),
        "run_id": F.lit("20261124t000000z-0000"),
    }
    flows = spark.range(0, count, 1, 4).select(
        *(
            filled.get(field.name, F.lit(None)).cast(field.dataType).alias(field.name)
            for field in shape
        )
    )
    flows.write.format("delta").mode("overwrite").save(str(folder))
    return spark.read.format("delta").load(str(folder))


def load_through(
    fault: Fault, node_url: str, flows: DataFrame, case_id: str, writers: int = 4
) -> Outcome:
    """Index the flows through the fault, then compare the index with Delta, id by id."""
    with proxy(node_url, fault) as url:
        target = OpenSearchTarget(
            url, writers=writers, patience_s=600, timeout_s=_TIMEOUT_S,
            request_documents=DOCUMENTS_A_REQUEST,
        )  # fmt: skip
        indexed = index_flows(flows, target, case_id=case_id, run_id="20261124t000000z-0000")
    expected = {row.record_id for row in flows.select("record_id").collect()}
    found = ids_in(node_url, indexed.alias)
    return Outcome(
        fault.injected,
        len(expected),
        len(found),
        len(expected - set(found)),
        len(set(found) - expected) + indexed.refused_count,
    )


def restart_during_load(node: Node, flows: DataFrame, case_id: str) -> Outcome:
    """The node is stopped and started again while documents are on their way."""
    fault = AfterSomeRequests(3, node.restart)
    outcome = load_through(fault, node.url, flows, case_id)
    assert fault.acting is not None
    fault.acting.join()
    return outcome


def full_queue(node: Node, flows: DataFrame, case_id: str) -> Outcome:
    """The node has a write queue of one, and others write as well."""
    with _others_writing(node.url):
        return load_through(CountingPushBack(), node.url, flows, case_id)


QUEUE_OF_ONE = {"thread_pool.write.size": 1, "thread_pool.write.queue_size": 1}


def ids_in(url: str, alias: str) -> list[str]:
    """The ids of all documents under an alias."""
    client = OpenSearch(url, timeout=30)
    try:
        found: list[str] = []
        after: list[object] = []
        while True:
            body: dict[str, object] = {"size": 10_000, "sort": ["record_id"], "_source": False}
            if after:
                body["search_after"] = after
            hits = client.search(index=alias, body=body)["hits"]["hits"]
            if not hits:
                return found
            found += [hit["_id"] for hit in hits]
            after = hits[-1]["sort"]
    finally:
        client.close()


@contextmanager
def _others_writing(url: str) -> Iterator[None]:
    done = threading.Event()
    body = b'{"index":{}}\n{"text":"something else"}\n' * 500

    def write() -> None:
        client = OpenSearch(url, timeout=30, max_retries=0)
        while not done.is_set():
            try:
                client.transport.perform_request("POST", "/others/_bulk", body=body)
            except OpenSearchException:
                pass  # they are pushed back as well
            time.sleep(0.1)  # without a pause they would take every free place for ever
        client.close()

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()

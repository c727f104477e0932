"""OpenSearch, the view: a fresh index per run, filled from Delta, then shown by an alias."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.opensearch_arguments import OpenSearchTarget
from jobs.opensearch_bulk import SAID, send_all
from jobs.opensearch_client import Endpoint, OpenSearchFailed, endpoint_of
from jobs.opensearch_hadoop import load_with_connector
from jobs.opensearch_index import RunIndex, demand_complete
from transforms.documents import to_documents


class Indexed(NamedTuple):
    """One load: `refused` has a row (record_id, reason) per document not taken."""

    index_name: str
    alias: str
    documents: int
    refused: DataFrame
    refused_count: int

    def described(self) -> dict[str, object]:
        """What the manifest says of it."""
        return {
            "name": self.index_name,
            "alias": self.alias,
            "documents": self.documents,
            "refused": self.refused_count,
        }


def index_flows(
    flows: DataFrame, target: OpenSearchTarget, *, case_id: str, run_id: str, shown: bool = True
) -> Indexed:
    """Load flows into the run's own index and, if it is to be shown, put the case's alias on it.

    Readers see the previous run until documents and refusals add up to the flows. Raises
    OpenSearchFailed otherwise; then the new index is removed and the alias stays where it was.
    """
    endpoint = endpoint_of(target)
    expected = flows.count()
    try:
        client = endpoint.connect()
        try:
            index = RunIndex(client, endpoint, shape=target.shape, case_id=case_id, run_id=run_id)
            index.create(expected)
            try:
                said = _load(flows, target, endpoint, index.name).persist()
                refused_count = _demand_no_failure(said)
                found = index.count(expected - refused_count)
                demand_complete(index.name, found, refused_count, expected)
            except BaseException:
                index.remove()
                raise
            if shown:
                index.show()
        finally:
            client.close()
    except OpenSearchFailed as failure:
        raise OpenSearchFailed(
            f"OpenSearch at {target.url} failed: {failure}; Delta holds the flows and the alias "
            "shows what it showed before; see to the cluster and run the same command again"
        ) from None
    return Indexed(index.name, index.alias, found, said, refused_count)


def show_index(target: OpenSearchTarget, *, case_id: str, run_id: str) -> None:
    """Put the case's alias on the index of a run that is complete; delete those of earlier runs."""
    endpoint = endpoint_of(target)
    client = endpoint.connect()
    try:
        RunIndex(client, endpoint, shape=target.shape, case_id=case_id, run_id=run_id).show()
    except OpenSearchFailed as failure:
        raise OpenSearchFailed(
            f"OpenSearch at {target.url} failed: {failure}; the case is complete in Delta, but the "
            "alias may show the run before; see to the cluster and run the same command again"
        ) from None
    finally:
        client.close()


def _load(flows: DataFrame, target: OpenSearchTarget, endpoint: Endpoint, index: str) -> DataFrame:
    """Rows of SAID; the connector, which fails where a document is refused, never says any."""
    if target.writer == "opensearch-hadoop":
        load_with_connector(flows, target, endpoint, index)
        return flows.sparkSession.createDataFrame([], SAID)
    documents = to_documents(flows, target.shape).coalesce(target.writers)
    action = F.concat(
        F.lit('{"index":{"_id":"'), "record_id", F.lit('"}}\n'), "document", F.lit("\n")
    )

    def send(batches: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        return send_all(batches, index, endpoint)

    return documents.select("record_id", action.alias("text")).mapInArrow(send, SAID)


def _demand_no_failure(said: DataFrame) -> int:
    """Run the load; the number of refused documents, unless a writer gave up."""
    failed = F.col("record_id").isNull()
    counts = said.agg(
        F.count_if(~failed).alias("refused"), F.min(F.when(failed, F.col("reason"))).alias("why")
    ).first()
    assert counts is not None  # an aggregation without groups always has its row
    if counts["why"] is not None:
        raise OpenSearchFailed(counts["why"])
    return int(counts["refused"])

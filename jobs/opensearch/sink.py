"""OpenSearch, the view: a fresh index per run, filled from Delta, then shown by an alias."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow as pa
from opensearchpy import OpenSearch
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.opensearch.bulk import SAID, Line, send, send_all
from jobs.opensearch.client import Endpoint, OpenSearchFailed, endpoint_of
from jobs.opensearch.connector import load_with_connector
from jobs.opensearch.index import STORY, RunIndex, demand_complete
from jobs.spark.session import setting
from transforms.documents.flows import to_documents
from transforms.documents.story import StoryDocument

_AS_BEFORE = "Delta holds the flows and the alias shows what it showed before"
# A writer sends while Spark renders the next: its first documents come early.
_SMALL_BATCHES = ("spark.sql.execution.arrow.maxRecordsPerBatch", "2000")


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
    flows: DataFrame,
    target: OpenSearchTarget,
    *,
    case_id: str,
    run_id: str,
    told: DataFrame | None = None,
    shown: bool = True,
) -> Indexed:
    """Load flows into the run's own index and, if it is to be shown, put the case's alias on it.

    `told` are the same flows with what their conversations became, to be sent instead. Readers see
    the previous run until documents and refusals add up to the flows. Raises OpenSearchFailed
    otherwise; then the new index is removed and the alias stays where it was.
    """
    endpoint = endpoint_of(target)
    expected = flows.count()
    with connected(endpoint, _AS_BEFORE) as client:
        index = RunIndex(client, endpoint, shape=target.shape, case_id=case_id, run_id=run_id)
        with _created(index, expected):
            parts = for_writers(flows if told is None else told, target, expected)
            refused, refused_count = load(parts, target, endpoint, index.name)
            found = index.count(expected - refused_count)
            demand_complete(index.name, found, refused_count, expected)
        if shown:
            index.show()
    return Indexed(index.name, index.alias, found, refused, refused_count)


def index_story(
    documents: Sequence[StoryDocument], target: OpenSearchTarget, *, case_id: str, run_id: str
) -> None:
    """Load verdict and story into an index of their own, which nobody sees yet.

    Raises OpenSearchFailed unless every document is taken; then the new index is removed.
    """
    endpoint = endpoint_of(target)
    lines = [Line(each.document_id, _bulk_line(each)) for each in documents]
    with connected(endpoint, _AS_BEFORE) as client:
        index = RunIndex(client, endpoint, shape=STORY, case_id=case_id, run_id=run_id)
        with _created(index, len(lines)):
            refused = list(send(client, index.name, lines, endpoint.patience_s))
            found = index.count(len(lines))
            if refused or found != len(lines):
                raise OpenSearchFailed(
                    f"the index {index.name} holds {found:,} of {len(lines):,} documents"
                    + (f"; refused: {refused[0].reason}" if refused else "")
                )


def _bulk_line(document: StoryDocument) -> bytes:
    action = json.dumps({"index": {"_id": document.document_id}})
    return f"{action}\n{json.dumps(document.content)}\n".encode()


def remove_index(target: OpenSearchTarget, *, case_id: str, run_id: str) -> None:
    """Remove the indices of a run that is not complete, as far as the server lets us."""
    endpoint = endpoint_of(target)
    try:
        client = endpoint.connect()
    except OpenSearchFailed:
        return  # without credentials nothing was made either
    try:
        for shape in (target.shape, STORY):
            RunIndex(client, endpoint, shape=shape, case_id=case_id, run_id=run_id).remove()
    finally:
        client.close()


def show_index(
    target: OpenSearchTarget, *, case_id: str, run_id: str, has_story: bool = False
) -> None:
    """Put the case's aliases on the indices of a complete run; delete those of earlier runs."""
    endpoint = endpoint_of(target)
    holds = "the case is complete in Delta, but the alias may show the run before"
    with connected(endpoint, holds) as client:
        RunIndex(client, endpoint, shape=target.shape, case_id=case_id, run_id=run_id).show()
        story = RunIndex(client, endpoint, shape=STORY, case_id=case_id, run_id=run_id)
        if has_story:
            story.show()
        else:
            story.retire()


def count_index(
    target: OpenSearchTarget, *, case_id: str, run_id: str, expected: int
) -> tuple[int, list[str]]:
    """Documents in the index of a run, and the names of the indices that the alias shows."""
    endpoint = endpoint_of(target)
    client = endpoint.connect()
    try:
        index = RunIndex(client, endpoint, shape=target.shape, case_id=case_id, run_id=run_id)
        return index.count(expected), index.shown()
    finally:
        client.close()


@contextmanager
def connected(endpoint: Endpoint, holds: str) -> Iterator[OpenSearch]:
    """A client; raises OpenSearchFailed with what `holds` all the same and what to do."""
    try:
        client = endpoint.connect()
        try:
            yield client
        finally:
            client.close()
    except OpenSearchFailed as failure:
        raise OpenSearchFailed(
            f"OpenSearch at {endpoint.url} failed: {failure}; {holds}; see to the cluster and run "
            "the same command again"
        ) from None


@contextmanager
def _created(index: RunIndex, documents: int) -> Iterator[None]:
    """Make the index for this number of documents; remove it where the block cannot fill it."""
    try:
        index.create(documents)
        yield
    except BaseException:
        index.remove()
        raise


def for_writers(flows: DataFrame, target: OpenSearchTarget, expected: int) -> DataFrame:
    """The same rows in at most a part for each writer, none with less than a request.

    Delta keeps half a million flows in one file, which alone would keep one writer busy.
    """
    parts = flows.rdd.getNumPartitions()
    busy = min(target.writers, math.ceil(expected / target.request_documents))
    return flows.repartition(busy) if parts < busy else flows.coalesce(target.writers)


def load(
    flows: DataFrame, target: OpenSearchTarget, endpoint: Endpoint, index: str
) -> tuple[DataFrame, int]:
    """As send_documents; the connector fails where a document is refused and never says any."""
    if target.writer == "opensearch-hadoop":
        load_with_connector(flows, target, endpoint, index)
        return flows.sparkSession.createDataFrame([], SAID), 0
    return send_documents(to_documents(flows, target.shape), endpoint, index)


def send_documents(documents: DataFrame, endpoint: Endpoint, index: str) -> tuple[DataFrame, int]:
    """Send DOCUMENTS, each partition by a writer of its own.

    Returns the refused ones (rows of SAID, persisted) and their number; raises OpenSearchFailed
    when a writer gave up.
    """
    action = F.concat(
        F.lit('{"index":{"_id":"'), "record_id", F.lit('"}}\n'), "document", F.lit("\n")
    )

    def send(batches: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        return send_all(batches, index, endpoint)

    with setting(documents.sparkSession, *_SMALL_BATCHES):
        answers = (
            documents.select("record_id", action.alias("text")).mapInArrow(send, SAID).persist()
        )
        failed = F.col("record_id").isNull()
        counts = answers.agg(
            F.count_if(~failed).alias("refused"),
            F.min(F.when(failed, F.col("reason"))).alias("why"),
        ).first()
    assert counts is not None  # an aggregation without groups always has its row
    if counts["why"] is not None:
        raise OpenSearchFailed(counts["why"])
    return answers, int(counts["refused"])

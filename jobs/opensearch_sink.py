"""OpenSearch, the view: a fresh index per run, filled from Delta, then shown by an alias."""

import json
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import NamedTuple

import pyarrow as pa
from opensearchpy import OpenSearch
from opensearchpy.exceptions import OpenSearchException
from opensearchpy.helpers import streaming_bulk
from pyspark.sql import DataFrame

from jobs.arguments import BadInput

_RUN_ID = r"\d{8}t\d{6}z-[0-9a-f]{4}"
_TEMPLATE_NAME = "vpc-flow-trace"
_REFUSED = "record_id STRING, reason STRING"
_REFUSED_TYPE = pa.schema([("record_id", pa.string()), ("reason", pa.string())])
_DOCUMENTS_A_REQUEST = 2_000
_BYTES_A_REQUEST = 5 * 1024 * 1024
_RETRIES = 8
_TOO_MANY_REQUESTS = 429


class OpenSearchFailed(Exception):
    """The view could not be written; Delta holds the flows all the same."""


class Indexed(NamedTuple):
    """One load: `refused` has a row (record_id, reason) per document not taken."""

    index_name: str
    alias: str
    documents: int
    refused: DataFrame
    refused_count: int


def connect(url: str, timeout_s: int = 60) -> OpenSearch:
    """A client that repeats what failed in transit; documents have ids, so repeating is safe."""
    return OpenSearch(
        url,
        timeout=timeout_s,
        max_retries=5,
        retry_on_timeout=True,
        retry_on_status=(502, 503, 504),
    )


def check_reachable(url: str) -> None:
    """Raise BadInput unless an OpenSearch answers at this URL."""
    client = OpenSearch(url, timeout=5, max_retries=0)
    try:
        version = client.info()["version"]
    except OpenSearchException as error:
        raise BadInput(
            [
                f"--opensearch_url {url}: found nothing that answers ({type(error).__name__}); "
                "expected an OpenSearch node; start one with `make opensearch`, or drop the flag"
            ]
        ) from error
    finally:
        client.close()
    if version.get("distribution") != "opensearch":
        found = version.get("number", "an unknown server")
        raise BadInput([f"--opensearch_url {url}: found {found}; expected OpenSearch 2.x"])


def index_documents(
    documents: DataFrame, *, url: str, case_id: str, run_id: str, writers: int
) -> Indexed:
    """Load documents into the run's own index and show it under the case's alias.

    Readers see the previous run until the count is known. Raises OpenSearchFailed when a request
    cannot be completed; then the new index is removed and the alias stays where it was.
    """
    alias = f"flows-{case_id}"
    index = f"{alias}-{run_id}"
    client = connect(url)
    try:
        client.indices.put_index_template(name=_TEMPLATE_NAME, body=_template())
        client.indices.create(index=index, body={"settings": {"index.refresh_interval": "-1"}})
        try:
            refused = _load(documents.coalesce(writers), url, index).persist()
            refused_count = refused.count()
            client.indices.refresh(index=index)
            by_run = {"query": {"term": {"run_id": run_id}}}
            found = int(client.count(index=index, body=by_run)["count"])
        except BaseException:
            client.indices.delete(index=index, params={"ignore_unavailable": "true"})
            raise
        client.indices.put_settings(index=index, body={"index.refresh_interval": None})
        _show(client, alias, index)
    except OpenSearchException as error:
        raise OpenSearchFailed(
            f"OpenSearch at {url} failed: {type(error).__name__}; Delta holds the flows; "
            "see to the cluster and run the same command again"
        ) from error
    finally:
        client.close()
    return Indexed(index, alias, found, refused, refused_count)


def _template() -> object:
    text = resources.files("conf").joinpath("opensearch/flows-template.json").read_text()
    return json.loads(text)


def _show(client: OpenSearch, alias: str, index: str) -> None:
    """Move the alias in one step, then delete the indices of earlier runs of this case."""
    names = client.indices.get(index=f"{alias}-*")
    earlier = [name for name in names if name != index and re.fullmatch(f"{alias}-{_RUN_ID}", name)]
    actions: list[object] = [{"add": {"index": index, "alias": alias}}]
    actions += [
        {"remove": {"index": name, "alias": alias}}
        for name in earlier
        if alias in names[name]["aliases"]
    ]
    client.indices.update_aliases(body={"actions": actions})
    for name in earlier:
        client.indices.delete(index=name)


def _load(documents: DataFrame, url: str, index: str) -> DataFrame:
    """Send every partition's documents; rows (record_id, reason) of those that were refused."""

    def send(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        client = connect(url)
        try:
            for batch in batches:
                yield _send_batch(client, index, batch)
        finally:
            client.close()

    return documents.mapInArrow(send, _REFUSED)


def _send_batch(client: OpenSearch, index: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    rows = zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
    refused = []
    for is_in, item in streaming_bulk(
        client,
        rows,
        index=index,
        expand_action_callback=_as_action,
        chunk_size=_DOCUMENTS_A_REQUEST,
        max_chunk_bytes=_BYTES_A_REQUEST,
        max_retries=_RETRIES,
        initial_backoff=1,
        max_backoff=60,
        raise_on_error=False,
    ):
        if not is_in:
            refused.append(_refusal(item["index"]))
    return pa.RecordBatch.from_pylist(refused, schema=_REFUSED_TYPE)


def _as_action(row: tuple[str, str]) -> tuple[dict[str, dict[str, str]], str]:
    record_id, document = row
    return {"index": {"_id": record_id}}, document


def _refusal(item: dict[str, object]) -> dict[str, object]:
    """Why the server would not take a document; its own reason without the value that it quotes."""
    status = item["status"]
    if not isinstance(status, int) or status == _TOO_MANY_REQUESTS or status >= 500:
        raise RuntimeError(f"OpenSearch kept answering {status} to single documents")
    error = item.get("error")
    reason = str(error.get("reason", error)) if isinstance(error, dict) else str(error)
    without_values = re.sub(r"'[^']*'\Z", "'…'", reason)[:300]
    return {
        "record_id": item["_id"],
        "reason": f"OpenSearch refused it with {status}: {without_values}",
    }

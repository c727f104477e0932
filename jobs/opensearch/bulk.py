"""The executor side of the bulk writer: batches go out until each document has its answer."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from opensearchpy import OpenSearch
from opensearchpy.exceptions import OpenSearchException, TransportError

from jobs.opensearch.answers import Item, bulk_items, name_of
from jobs.opensearch.client import PASSING, Endpoint, OpenSearchFailed, Patience, passes
from transforms.text import sanitise

# What a writer says: a refused document (record_id, reason), or why it gave up (reason alone).
SAID = "record_id STRING, reason STRING"
SAID_TYPE = pa.schema([("record_id", pa.string()), ("reason", pa.string())])

_TOO_LARGE = 413
# The server's own words about the field, as far as they cannot quote what was in it.
_SAFE_REASON = re.compile(
    r"failed to parse field \[[^\]]*\] of type \[[^\]]*\]"
    r"|mapping set to strict, dynamic introduction of \[[^\]]*\] within \[[^\]]*\] is not allowed"
    r"|object mapping for \[[^\]]*\] tried to parse field \[[^\]]*\] as object"
    r'|Document contains at least one immense term in field="[^"]*"'
)


class Line(NamedTuple):
    """One document on its way: its id, and action and source as they go into the request."""

    record_id: str
    text: bytes


class Refusal(NamedTuple):
    """A document that the server will never take, and its reason."""

    record_id: str
    reason: str


def send_all(batches: Iterable[pa.RecordBatch], index: str, endpoint: Endpoint) -> Iterator[Any]:
    """Send record batches (record_id, text); yields batches of SAID.

    A failure is returned, not raised: Spark would repeat a task that raises, with all the waiting,
    and printed with everything that surrounds it.
    """
    try:
        client = endpoint.connect()
    except OpenSearchFailed as failure:
        yield _said([("", str(failure))])
        return
    try:
        for request in _requests(batches, endpoint):
            refusals = list(send(client, index, request, endpoint.patience_s))
            if refusals:
                yield _said(refusals)
    except OpenSearchFailed as failure:
        yield _said([("", str(failure))])
    finally:
        client.close()


def send(
    client: OpenSearch, index: str, lines: Sequence[Line], patience_s: float
) -> Iterator[Refusal]:
    """Repeat what is pushed back, the whole or single documents, until all have an answer.

    Documents have ids, so one that was taken unseen is only replaced by itself. Raises
    OpenSearchFailed when nothing is taken for `patience_s` or the server says no to the whole.
    """
    patience = Patience(patience_s)
    waiting = [list(lines)]
    while waiting:
        lines = waiting.pop()
        try:
            items = _ask(client, index, lines)
        except OpenSearchException as error:
            if _is_too_large(error) and len(lines) > 1:
                half = len(lines) // 2
                waiting += [list(lines[half:]), list(lines[:half])]
            elif _is_too_large(error):
                yield Refusal(lines[0].record_id, "OpenSearch refused it with 413: it is too large")
                patience.progress()
            elif passes(error) and patience.wait():
                waiting.append(list(lines))
            else:
                name = name_of(error, with_reason=False)  # a reason may quote documents
                raise OpenSearchFailed(f"bulk requests end with {name}") from None
            continue
        again = []
        pushed_back = ""
        for line, item in zip(lines, items, strict=True):
            status = item.status
            if status in PASSING:
                again.append(line)
                pushed_back = f"{status} {item.error_type}".strip()
            elif status == 400:
                yield Refusal(line.record_id, _reason(item))
            elif not 200 <= status < 300:
                told = f" ({item.error_type})" if item.error_type else ""
                raise OpenSearchFailed(f"single documents are answered with {status}{told}")
        if len(again) < len(lines):
            patience.progress()
        if again:
            if not patience.wait():
                raise OpenSearchFailed(f"single documents keep being pushed back ({pushed_back})")
            waiting.append(again)


def _ask(client: OpenSearch, index: str, lines: Sequence[Line]) -> list[Item]:
    """One request; an answer for each document, in their order."""
    answer = client.transport.perform_request(
        "POST",
        f"/{index}/_bulk",
        params={"filter_path": "errors,items.*.status,items.*.error.type,items.*.error.reason"},
        body=b"".join(line.text for line in lines),
        headers={"content-type": "application/x-ndjson"},
    )
    return bulk_items(answer, len(lines))


def _requests(batches: Iterable[pa.RecordBatch], most: Endpoint) -> Iterator[list[Line]]:
    """Cut into requests, each as full as it may be, wherever a batch ends.

    A single document may be larger than a request should be.
    """
    lines: list[Line] = []
    size = 0
    for batch in batches:
        ids, texts = batch.column(0).to_pylist(), batch.column(1).cast(pa.binary()).to_pylist()
        for line in map(Line, ids, texts):
            octets = len(line.text)
            if lines and (
                size + octets > most.request_bytes or len(lines) == most.request_documents
            ):
                yield lines
                lines, size = [], 0
            lines.append(line)
            size += octets
    if lines:
        yield lines


def _is_too_large(error: OpenSearchException) -> bool:
    return isinstance(error, TransportError) and error.status_code == _TOO_LARGE


def _reason(item: Item) -> str:
    kind = item.error_type or "no reason given"
    words = _SAFE_REASON.match(item.reason)
    return f"OpenSearch refused it with {item.status}: " + (
        f"{kind}: {sanitise(words[0], 200)}" if words else kind
    )


def _said(rows: Sequence[tuple[str, str]]) -> pa.RecordBatch:
    ids = [record_id or None for record_id, _ in rows]
    return pa.RecordBatch.from_arrays(
        [pa.array(ids, pa.string()), pa.array([reason for _, reason in rows], pa.string())],
        schema=SAID_TYPE,
    )

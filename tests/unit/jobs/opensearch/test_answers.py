"""Answers of a server that is no OpenSearch, or a hostile one: each is one sentence."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opensearchpy.exceptions import OpenSearchException

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import BadInput
from jobs.opensearch import answers
from jobs.opensearch.bulk import Line, send
from jobs.opensearch.client import Endpoint, OpenSearchFailed
from jobs.opensearch.index import RunIndex
from jobs.opensearch.preflight import check_reachable
from tests.support.http_server import served

RUN = "20261128t000000z-0001"
DEEP = b"[" * 100_000
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that gives one answer to everything; gives its URL."""
    running = ExitStack()

    def start(status: int, body: bytes, kind: str = "application/json") -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("warning", '299 - "\x1b[2J planted"')
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_DELETE = do_GET

        return running.enter_context(served(Handler))

    with running:
        yield start


SHAPES = [
    pytest.param(b"[]", "application/json", id="a list"),
    pytest.param(b"null", "application/json", id="null"),
    pytest.param(b'"text"', "application/json", id="a string"),
    pytest.param(b"{}", "application/json", id="an empty object"),
    pytest.param(b'{"version": 7}', "application/json", id="a field of another type"),
    pytest.param(DEEP, "application/json", id="deep nesting"),
    pytest.param(b"<html>log in</html>", "text/html", id="a page"),
    pytest.param(b"plain", "text/plain", id="plain text"),
    pytest.param(b"\xff\xfe\x00", "application/json", id="bytes that are no text"),
]


@pytest.mark.parametrize("status", [200, 400, 403, 500])
@pytest.mark.parametrize(("body", "kind"), SHAPES)
def test_whatever_answers_at_the_url_is_one_sentence_before_the_work(
    body: bytes, kind: str, status: int, serve: Serve
) -> None:
    url = serve(status, body, kind)

    with pytest.raises(BadInput) as caught:
        check_reachable(OpenSearchTarget(url), ["web-3"], run_id=RUN)

    (problem,) = caught.value.problems
    assert problem.startswith(f"--opensearch_url {url}: found ")
    assert problem.isprintable()


STEPS: list[Any] = [
    pytest.param(lambda index: index.create(1), id="create"),
    pytest.param(lambda index: index.count(1), id="count"),
    pytest.param(lambda index: index.show(), id="show"),
    pytest.param(lambda index: index.shown(), id="shown"),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("body", "kind"), [shape for shape in SHAPES if shape.id != "an empty object"]
)
def test_no_step_of_a_load_trips_over_an_answer(
    body: bytes, kind: str, step: Callable[[RunIndex], object], serve: Serve
) -> None:
    endpoint = Endpoint(serve(200, body, kind), patience_s=0.1)
    index = RunIndex(endpoint.connect(), endpoint, shape="flat", case_id="web-3", run_id=RUN)

    with pytest.raises(OpenSearchFailed, match="it answered with "):
        step(index)
    index.remove()


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"errors": "no"}, {"errors": True}, {"errors": True, "items": {}},
        {"errors": True, "items": []}, {"errors": True, "items": [7]},
        {"errors": True, "items": [{"create": {"status": 201}}]},
        {"errors": True, "items": [{"index": {"status": "201"}}]},
        {"errors": True, "items": [{"index": {"status": True}}]},
        {"errors": True, "items": [{"index": {}}, {"index": {}}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_bulk_answer_of_another_shape_ends_the_load(body: object, serve: Serve) -> None:
    client = Endpoint(serve(200, json.dumps(body).encode())).connect()

    with pytest.raises(OpenSearchFailed, match="bulk requests end with "):
        list(send(client, "x", [Line("a", b'{"index":{"_id":"a"}}\n{}\n')], 0.1))


def test_an_error_says_its_status_type_and_reason_on_one_clean_line(serve: Serve) -> None:
    error = {
        "type": "validation_exception",
        "reason": "this action would add [1] total shards,\x1b[2J but the cluster has [1000]",
    }
    endpoint = Endpoint(serve(400, json.dumps({"error": error, "status": 400}).encode()))
    index = RunIndex(endpoint.connect(), endpoint, shape="flat", case_id="web-3", run_id=RUN)

    with pytest.raises(OpenSearchFailed) as caught:
        index.create(1)

    assert str(caught.value) == (
        "it answered with status 400, validation_exception: this action would add [1] total "
        "shards,\N{REPLACEMENT CHARACTER}[2J but the cluster has [1000]"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["version", "_shards", "count", "errors", "items", "index", "status",
                         "error", "type", "reason", "acknowledged", "total", "failed",
                         "successful", "number", "distribution"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.integers(0, 3))
def test_any_json_is_an_answer_or_an_odd_one_and_nothing_else(value: object, number: int) -> None:
    for read in (
        answers.greeting,
        answers.shards_of,
        answers.count_of,
        lambda answer: answers.bulk_items(answer, number),
        lambda answer: answers.by_name(answer, "names"),
        lambda answer: answers.acknowledge(answer, "a change"),
    ):
        with suppress(OpenSearchException):
            read(value)

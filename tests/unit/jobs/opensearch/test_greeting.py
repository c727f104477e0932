"""What is said before the work of a server that is no OpenSearch that would let us in."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import BadInput
from jobs.opensearch.preflight import check_reachable
from tests.support.http_server import served

Serve = Callable[[int, dict[str, Any]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that gives one answer to everything; gives its URL."""
    running = ExitStack()

    def start(status: int, answer: dict[str, Any]) -> str:
        body = json.dumps(answer).encode()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return running.enter_context(served(Handler))

    with running:
        yield start


@pytest.mark.parametrize(
    ("status", "answer", "found"),
    [
        pytest.param(
            200, {"version": {"number": "8.11.0"}},
            "found another server 8.11.0; expected OpenSearch 2 or later",
            id="another product",
        ),
        pytest.param(
            200, {"version": {"number": "1.3.20", "distribution": "opensearch"}},
            "found opensearch 1.3.20; expected OpenSearch 2 or later",
            id="an OpenSearch that is too old",
        ),
        pytest.param(
            404, {"message": "no such path"},
            "found a server that answers with status 404; expected OpenSearch's greeting",
            id="something at a wrong path",
        ),
        pytest.param(
            403, {"message": "no"},
            "found that it does not let us in (status 403); expected credentials that may write",
            id="a server that does not know us",
        ),
    ],
)  # fmt: skip
def test_a_server_that_will_not_do_is_named_before_the_work(
    status: int, answer: dict[str, Any], found: str, serve: Serve
) -> None:
    url = serve(status, answer)

    with pytest.raises(BadInput) as caught:
        check_reachable(OpenSearchTarget(url))

    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"--opensearch_url {url}: {found}")


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("2.19.2", id="as it is"),
        pytest.param("7.10.2", id="a domain in compatibility mode"),
    ],
)
def test_an_opensearch_of_today_will_do(number: str, serve: Serve) -> None:
    url = serve(200, {"version": {"number": number, "distribution": "opensearch"}})

    check_reachable(OpenSearchTarget(url))

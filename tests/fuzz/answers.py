"""Answers of OpenSearch as a fuzz target: a server on loopback says what the input says."""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import BadInput
from jobs.opensearch.bulk import Line, send
from jobs.opensearch.client import PASSING, Endpoint, OpenSearchFailed
from jobs.opensearch.index import RunIndex
from jobs.opensearch.preflight import check_reachable
from tests.fuzz.altered import altered

RUN, INDEX = "20261128t000000z-0001", "flows-web-3-20261128t000000z-0001"
_STATUSES = (200, 200, 200, 400, 403, 404, 413, 429, 500, 503)
_KINDS = ("application/json", "application/json", "text/plain", "text/html")
# Of each kind of question a right answer; one place of it is another in the input.
_RIGHT: tuple[object, ...] = (
    {"version": {"distribution": "opensearch", "number": "3.3.0"}},
    {"acknowledged": True},
    {"_shards": {"total": 2, "successful": 2, "failed": 0}, "count": 7},
    {INDEX: {"aliases": {"flows-web-3": {}}, "settings": {"index": {"blocks": {"write": "true"}}},
             "mappings": {"dynamic": "false", "properties": {"bytes": {"type": "long"}}}}},
    {"errors": True, "items": [{"index": {"status": 400, "error": {
        "type": "mapper_parsing_exception", "reason": "failed to parse"}}}]},
    {"status": 400, "error": {"type": "validation_exception", "reason": "no", "root_cause": [
        {"type": "validation_exception", "reason": "too many shards"}]}},
)  # fmt: skip

_ASKED_AGAIN = {"acknowledged", "_shards"}  # false, or fewer than there are


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: tuple[int, str, bytes] = (200, "application/json", b"{}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: pieces wait for each other
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, kind, body = self.server.answer
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET


_running: list[_Server] = []


def _server() -> _Server:
    """One server for the whole run; what the index logs of an odd answer is not the question."""
    if not _running:
        logging.getLogger("jobs.opensearch.index").setLevel(logging.ERROR)
        server = _Server(("127.0.0.1", 0), _Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _running.append(server)
    return _running[0]


def seeds() -> Iterator[bytes]:
    """A right answer of each kind, whole and altered."""
    for number in range(len(_RIGHT)):
        for choice in (0, 5, 9):
            yield bytes([number, choice, 0, 1]) + b"[]"
    yield bytes([255, 0, 0, 0]) + b'{"version": 7}'


def check(_: Path, data: bytes) -> None:
    """Whatever is answered, every step ends with a value or with a sentence that may be shown."""
    if len(data) < 4:
        return
    which, status, kind, rest = data[0], data[1], data[2], data[3:]
    body = altered(_RIGHT[which % len(_RIGHT)], rest) if which < 200 else rest
    server = _server()
    server.answer = _STATUSES[status % len(_STATUSES)], _KINDS[kind % len(_KINDS)], body
    url = f"http://127.0.0.1:{server.server_port}"
    endpoint = Endpoint(url, patience_s=0, timeout_s=5)
    client = endpoint.connect()
    index = RunIndex(client, endpoint, shape="flat", case_id="web-3", run_id=RUN)
    lines = [Line("a", b'{"index":{"_id":"a"}}\n{}\n')]
    steps: tuple[Callable[[], object], ...] = (
        lambda: index.create(1),
        lambda: index.count(1),
        index.show,
        index.shown,
        index.remove,
        lambda: _demand_all_shown(
            refusal.reason for refusal in send(client, INDEX, lines, patience_s=0)
        ),
    )
    try:
        for step in steps:
            _sentence_of(step)
        if not _is_waited_for(*server.answer):
            target = OpenSearchTarget(url, patience_s=0)
            _sentence_of(lambda: check_reachable(target, ["web-3"], run_id=RUN))
    finally:
        client.close()


def _is_waited_for(status: int, kind: str, body: bytes) -> bool:
    """Whether the check before the work asks again for seconds: pushed back, or cut off."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return kind == "application/json" and status == 200
    return status in PASSING or (isinstance(value, dict) and bool({*value} & _ASKED_AGAIN))


def _sentence_of(step: Callable[[], object]) -> None:
    try:
        step()
    except BadInput as bad:
        for problem in bad.problems:
            _demand_shown(problem)
    except OpenSearchFailed as failure:
        _demand_shown(str(failure))


def _demand_all_shown(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        _demand_shown(sentence)


def _demand_shown(sentence: str) -> None:
    assert sentence.isprintable(), ascii(sentence)

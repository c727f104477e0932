"""What a writer does with each answer, against a server that follows a script."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pyarrow as pa
import pytest

from jobs.opensearch.bulk import Line, Refusal, send, send_all
from jobs.opensearch.client import Endpoint, OpenSearchFailed
from tests.support.http_server import served

Answer = tuple[int, Any]
Script = Callable[[list[str]], Answer]


class Server:
    """Answers bulk requests by a script over the ids in them; remembers all requests."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.script: Script = lambda ids: items(*(201 for _ in ids))
        self.url = ""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"]))
            ids = [json.loads(line)["index"]["_id"] for line in text.splitlines()[::2]]
            found.asked.append(ids)
            status, answer = found.script(ids)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as url:
        found.url = url
        yield found


def items(*statuses: int, error: dict[str, str] | None = None) -> Answer:
    found = [
        {"index": {"status": status, **({"error": error} if error and status >= 400 else {})}}
        for status in statuses
    ]
    return 200, {"errors": any(status >= 400 for status in statuses), "items": found}


def line(record_id: str) -> Line:
    return Line(record_id, f'{{"index":{{"_id":"{record_id}"}}}}\n{{"a":"secret"}}\n'.encode())


def sent(server: Server, *ids: str, patience_s: float = 30) -> list[Refusal]:
    client = Endpoint(server.url, patience_s=patience_s).connect()
    return list(send(client, "x", [line(record_id) for record_id in ids], patience_s))


def test_only_the_documents_that_were_pushed_back_are_sent_again(server: Server) -> None:
    answers = iter([items(201, 429, 201, 503), items(429, 201), items(201)])
    server.script = lambda ids: next(answers)

    assert sent(server, "a", "b", "c", "d") == []

    assert server.asked == [["a", "b", "c", "d"], ["b", "d"], ["b"]]


def test_a_request_that_is_pushed_back_is_sent_again_whole(server: Server) -> None:
    answers = iter([(429, {}), (502, {}), items(201, 201)])
    server.script = lambda ids: next(answers)

    assert sent(server, "a", "b") == []

    assert server.asked == [["a", "b"]] * 3


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(
            {"type": "mapper_parsing_exception",
             "reason": "failed to parse field [bytes] of type [short] in document with id 'b'. "
             "Preview of field's value: 'it's secret'"},
            "mapper_parsing_exception: failed to parse field [bytes] of type [short]",
            id="a value that does not fit its field",
        ),
        pytest.param(
            {"type": "strict_dynamic_mapping_exception",
             "reason": "mapping set to strict, dynamic introduction of [colour] within [_doc] is "
             "not allowed"},
            "strict_dynamic_mapping_exception: mapping set to strict, dynamic introduction of "
            "[colour] within [_doc] is not allowed",
            id="a field that the index does not know",
        ),
        pytest.param(
            {"type": "illegal_argument_exception",
             "reason": 'Document contains at least one immense term in field="src_name" (whose '
             "UTF8 encoding is longer than the max length 32766), prefix: '[115, 101]'"},
            'illegal_argument_exception: Document contains at least one immense term in '
            'field="src_name"',
            id="a value that is too long",
        ),
        pytest.param(
            {"type": "some_exception", "reason": "secret is not welcome"},
            "some_exception",
            id="words that may quote the document are left out",
        ),
    ],
)  # fmt: skip
def test_a_refused_document_has_the_servers_reason_without_its_content(
    error: dict[str, str], reason: str, server: Server
) -> None:
    server.script = lambda ids: items(201, 400, error=error)

    assert sent(server, "a", "b") == [Refusal("b", f"OpenSearch refused it with 400: {reason}")]

    assert len(server.asked) == 1


def test_a_request_that_is_too_large_is_halved_and_a_single_document_is_refused(
    server: Server,
) -> None:
    server.script = lambda ids: (413, {}) if "c" in ids else items(*(201 for _ in ids))

    refused = sent(server, "a", "b", "c", "d")

    assert refused == [Refusal("c", "OpenSearch refused it with 413: it is too large")]
    assert server.asked == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((403, {"error": "secret"}), "bulk requests end with status 403"),
        ((404, {"error": "secret"}), "bulk requests end with status 404"),
        (items(403, error={"type": "x", "reason": "secret"}),
         "single documents are answered with 403 (x)"),
    ],
)  # fmt: skip
def test_a_no_to_everything_ends_the_load_at_once(
    answer: Answer, sentence: str, server: Server
) -> None:
    server.script = lambda ids: answer

    with pytest.raises(OpenSearchFailed) as caught:
        sent(server, "a")

    assert str(caught.value) == sentence
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert len(server.asked) == 1


def test_patience_ends_when_nothing_is_taken(server: Server) -> None:
    server.script = lambda ids: items(*(429 for _ in ids))

    with pytest.raises(OpenSearchFailed, match="single documents keep being pushed back"):
        sent(server, "a", patience_s=1)


def test_a_writer_says_its_failure_as_a_row(server: Server) -> None:
    server.script = lambda ids: (403, {})
    batch = pa.RecordBatch.from_pydict({"id": ["a"], "text": [line("a").text.decode()]})

    said = list(send_all([batch], "x", Endpoint(server.url)))

    assert [part.to_pylist() for part in said] == [
        [{"record_id": None, "reason": "bulk requests end with status 403"}]
    ]


def test_requests_are_full_at_5000_documents_or_5_mib_wherever_a_batch_ends(server: Server) -> None:
    sizes: list[int] = []

    def script(ids: list[str]) -> Answer:
        sizes.append(len(ids))
        return items(*(201 for _ in ids))

    server.script = script
    small = [f'{{"index":{{"_id":"{n}"}}}}\n{{}}\n' for n in range(5_001)]
    filler = "x" * 2_000_000
    large = [f'{{"index":{{"_id":"{n}"}}}}\n{{"a":"{filler}"}}\n' for n in range(5)]
    batches = [
        pa.RecordBatch.from_pydict({"id": [str(n) for n in range(len(texts))], "text": texts})
        for texts in (small, large)
    ]

    assert list(send_all(batches, "x", Endpoint(server.url))) == []

    assert sizes == [5_000, 3, 2, 1]

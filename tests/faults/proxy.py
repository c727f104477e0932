"""A loopback proxy in front of an OpenSearch node that injects faults and counts them."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.http_server import served


class Request(NamedTuple):
    method: str
    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def is_bulk(self) -> bool:
        return "_bulk" in self.path


class Answer(NamedTuple):
    status: int
    body: bytes


class Dropped(Exception):
    """The connection is closed without an answer."""


Forward = Callable[[Request], Answer]


class Fault:
    """Forwards everything; kinds of faults override `answer` and count what they inject."""

    def __init__(self) -> None:
        self.injected = 0
        self._seen = 0
        self._lock = threading.Lock()

    def answer(self, request: Request, forward: Forward) -> Answer:
        return forward(request)

    def is_nth(self, n: int) -> bool:
        """True for every n-th call, and counts it as injected."""
        with self._lock:
            self._seen += 1
            hit = self._seen % n == 0
            self.injected += hit
        return hit


class EveryNth(Fault):
    """Every n-th bulk request is answered with a status, without reaching the node."""

    def __init__(self, n: int, status: int) -> None:
        super().__init__()
        self._n, self._status = n, status

    def answer(self, request: Request, forward: Forward) -> Answer:
        if request.is_bulk and self.is_nth(self._n):
            return Answer(self._status, b'{"error":"pushed back"}')
        return forward(request)


class Swallows(Fault):
    """Says that every document was taken, and forgets them."""

    def answer(self, request: Request, forward: Forward) -> Answer:
        return Answer(200, b'{"errors":false}') if request.is_bulk else forward(request)


class EveryNthOfAll(EveryNth):
    """The same for every request, whatever it asks."""

    def answer(self, request: Request, forward: Forward) -> Answer:
        if self.is_nth(self._n):
            return Answer(self._status, b'{"error":"not now"}')
        return forward(request)


def without(
    request: Request,
    forward: Forward,
    is_held: Callable[[bytes, bytes], bool],
    instead: dict[str, Any],
) -> Answer:
    """Hand on a bulk request without the documents that are held, which have the other answer."""
    if not request.is_bulk:
        return forward(request)
    lines = request.body.splitlines(keepends=True)
    pairs = list(zip(lines[::2], lines[1::2], strict=True))
    held = [is_held(action, source) for action, source in pairs]
    taken = [a + s for (a, s), back in zip(pairs, held, strict=True) if not back]
    items: Iterator[Any] = iter(())
    if taken:
        there = request._replace(body=b"".join(taken), path=request.path.partition("?")[0])
        answer = forward(there)
        if answer.status != 200:
            return answer
        items = iter(json.loads(answer.body)["items"])
    merged = [{"index": instead} if back else next(items) for back in held]
    return Answer(200, json.dumps({"errors": any(held), "items": merged}).encode())


class Refuses(Fault):
    """Documents that hold a text are refused as a node refuses a value that does not fit."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self._text = text

    def answer(self, request: Request, forward: Forward) -> Answer:
        reason = "failed to parse field [bytes] of type [short] in document with id 'x'. Preview "
        quoted = f"{reason}of field's value: '{self._text.decode()}'"
        error = {"type": "mapper_parsing_exception", "reason": quoted}
        return without(
            request,
            forward,
            lambda action, source: self._text in source,
            {"status": 400, "error": error},
        )


class ItemsOnce(Fault):
    """One document in n is pushed back the first time that it comes, the others are taken."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self._n = n
        self._pushed_back: set[bytes] = set()

    def answer(self, request: Request, forward: Forward) -> Answer:
        refused = {"status": 429, "error": {"type": "rejected_execution_exception"}}
        return without(request, forward, lambda action, source: self._pushes_back(action), refused)

    def _pushes_back(self, action: bytes) -> bool:
        with self._lock:
            if action in self._pushed_back:
                return False
        if not self.is_nth(self._n):
            return False
        with self._lock:
            self._pushed_back.add(action)
        return True


class AcceptedThenSilent(Fault):
    """Every n-th bulk request is carried out, and its answer comes too late."""

    def __init__(self, n: int, silence_s: float) -> None:
        super().__init__()
        self._n, self._silence_s = n, silence_s

    def answer(self, request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if request.is_bulk and self.is_nth(self._n):
            time.sleep(self._silence_s)
            raise Dropped
        return answer


class DroppedConnections(Fault):
    """Every n-th bulk request is cut off: one time before the node sees it, one time after."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self._n = n

    def answer(self, request: Request, forward: Forward) -> Answer:
        if not request.is_bulk or not self.is_nth(self._n):
            return forward(request)
        if self.injected % 2:
            forward(request)
        raise Dropped


class AfterSomeRequests(Fault):
    """Does something once, beside the load, when some bulk requests have passed."""

    def __init__(self, requests: int, act: Callable[[], None]) -> None:
        super().__init__()
        self._requests, self._act = requests, act
        self.acting: threading.Thread | None = None

    def answer(self, request: Request, forward: Forward) -> Answer:
        if request.is_bulk and self.acting is None and self.is_nth(self._requests):
            self.acting = threading.Thread(target=self._act)
            self.acting.start()
        return forward(request)


class CountingPushBack(Fault):
    """Injects nothing: counts what the node itself pushes back, whole requests and documents."""

    def answer(self, request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if request.is_bulk:
            with self._lock:
                self.injected += (answer.status == 429) + answer.body.count(b'"status":429')
        return answer


@contextmanager
def proxy(node_url: str, fault: Fault) -> Iterator[str]:
    """A URL that leads to the node through the fault."""
    node = urlsplit(node_url)

    def forward(request: Request) -> Answer:
        connection = http.client.HTTPConnection(str(node.hostname), node.port, timeout=120)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        except (OSError, http.client.HTTPException):
            raise Dropped from None
        finally:
            connection.close()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            kept = {"content-type": self.headers.get("content-type", "application/json")}
            try:
                answer = fault.answer(Request(self.command, self.path, body, kept), forward)
            except Dropped:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # clients that time out are part of the game

    with served(Handler, Server) as url:
        yield url

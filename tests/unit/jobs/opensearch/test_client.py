"""Signed requests and patience, against small servers on loopback."""

import datetime
import hashlib
import hmac
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

import pytest

from jobs.opensearch.client import Endpoint, OpenSearchFailed, Patience, patiently
from jobs.opensearch.index import shards_for
from tests.support.http_server import served

KEY_ID, KEY = "AKIAPLANTEDKEY", "planted-secret-access-key"


class Seen(NamedTuple):
    method: str
    path: str
    body: bytes
    headers: dict[str, str]


@pytest.fixture
def server() -> Iterator[tuple[str, list[Seen], list[int]]]:
    """A URL, what was asked, and the statuses to answer with, last one first (then 200)."""
    seen: list[Seen] = []
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.append(Seen(self.command, self.path, body, headers))
            self.send_response(statuses.pop() if statuses else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST

    with served(Handler) as url:
        yield url, seen, statuses


def signature(asked: Seen, region: str, service: str) -> str:
    """AWS, "Create a signed AWS API request", followed step by step."""
    names = asked.headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    path, _, query = asked.path.partition("?")
    canonical = "\n".join(
        [
            asked.method,
            path,
            "&".join(sorted(query.split("&"))) if query else "",
            *(f"{name}:{asked.headers[name]}" for name in names.split(";")),
            "",
            names,
            hashlib.sha256(asked.body).hexdigest(),
        ]
    )
    moment = asked.headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
    key = f"AWS4{KEY}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("service", ["es", "aoss"])
def test_a_request_is_signed_over_its_body_for_the_service_and_region(
    service: str,
    server: tuple[str, list[Seen], list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, seen, _ = server
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "planted-token")
    body = '{"index":{"_id":"a"}}\n{"name":"zürich"}\n'.encode()

    client = Endpoint(url, "sigv4", service=service, region="eu-west-1").connect()
    client.transport.perform_request("POST", "/x/_bulk", params={"filter_path": "a,b"}, body=body)

    (asked,) = seen
    authorization = asked.headers["authorization"]
    day = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
    assert authorization.startswith(
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{day}/eu-west-1/{service}/aws4_request, "
    )
    signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} <= set(signed)
    assert asked.headers["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest()
    assert asked.headers["x-amz-security-token"] == "planted-token"
    assert authorization.endswith(f"Signature={signature(asked, 'eu-west-1', service)}")


def test_an_endpoint_shows_no_secret_and_holds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSEARCH_USERNAME", "loader")
    monkeypatch.setenv("OPENSEARCH_PASSWORD", "planted-pass")
    endpoint = Endpoint("http://127.0.0.1:1", "basic")

    client = endpoint.connect()

    for text in (repr(endpoint), str(vars(endpoint)), repr(client), repr(client.transport)):
        assert "planted-pass" not in text


def test_a_request_is_repeated_while_the_server_is_busy(
    server: tuple[str, list[Seen], list[int]],
) -> None:
    url, seen, statuses = server
    statuses += [503, 429]
    endpoint = Endpoint(url, patience_s=30)
    client = endpoint.connect()

    assert patiently(endpoint, lambda: client.transport.perform_request("GET", "/x")) == {}

    assert len(seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_request_that_will_never_succeed_is_not_repeated(
    status: int, server: tuple[str, list[Seen], list[int]]
) -> None:
    url, seen, statuses = server
    statuses += [status]
    endpoint = Endpoint(url, patience_s=30)
    client = endpoint.connect()

    with pytest.raises(OpenSearchFailed, match=f"it answered with status {status}"):
        patiently(endpoint, lambda: client.transport.perform_request("GET", "/x"))

    assert len(seen) == 1


def test_patience_ends() -> None:
    endpoint = Endpoint("http://127.0.0.1:9", patience_s=1.5)
    client = endpoint.connect()
    begun = time.monotonic()

    with pytest.raises(OpenSearchFailed, match="it answered with ConnectionError"):
        patiently(endpoint, client.info)

    assert time.monotonic() - begun < 2.5


def test_waits_double_with_jitter_and_progress_sets_them_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    patience = Patience(600)

    for _ in range(8):
        assert patience.wait()
    patience.progress()
    assert patience.wait()

    longest = [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))


@pytest.mark.parametrize(
    ("documents", "shards"),
    [(0, 1), (10_000_000, 1), (68_000_000, 1), (69_000_000, 2), (1_000_000_000, 15)],
)
def test_an_index_has_a_shard_for_about_thirty_gigabytes(documents: int, shards: int) -> None:
    assert shards_for(documents) == shards


def test_the_server_is_not_asked_when_there_are_no_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENSEARCH_USERNAME", raising=False)

    with pytest.raises(OpenSearchFailed, match="found no OPENSEARCH_USERNAME"):
        Endpoint("http://127.0.0.1:9", "basic").connect()

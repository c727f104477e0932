"""Reading from an S3 that turns requests away: tried again, refused, or the end of the run."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jobs.sources.object_fetch import (
    CredentialsExpired,
    Fetched,
    ObjectToRead,
    expired_credentials,
    fetch_ahead,
)
from jobs.storage.object_store import Bucket, Place, place_of

BODY = b"start end\n1 2\n"


class _Answers(BaseHTTPRequestHandler):
    """`/b/slow`: 503 twice, then the object; `/b/denied`: 403; any other: an expired token."""

    asked = 0

    def do_GET(self) -> None:
        code, body = 400, b"<Error><Code>ExpiredToken</Code></Error>"
        if self.path == "/b/denied":
            code, body = 403, b"<Error><Code>AccessDenied</Code></Error>"
        if self.path == "/b/slow":
            type(self).asked += 1
            slow = type(self).asked <= 2
            code, body = (503, b"<Error><Code>SlowDown</Code></Error>") if slow else (200, BODY)
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"a"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucket_of_answers(s3_server: str) -> Iterator[Bucket]:
    """Beside the suite's S3, whose credentials it takes."""
    _Answers.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Bucket("b", "eu-west-1", f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(bucket: Bucket, path: str) -> Fetched | str:
    wanted = ObjectToRead(Place(bucket, path), '"a"', len(BODY))
    ((_, fetched),) = fetch_ahead([wanted], 4, 10**9)
    return fetched


def test_a_slow_down_is_tried_again_until_the_object_comes(bucket_of_answers: Bucket) -> None:
    fetched = fetch(bucket_of_answers, "slow")

    assert isinstance(fetched, Fetched)
    assert b"".join(fetched.chunks) == BODY
    assert _Answers.asked == 3


def test_an_object_that_may_not_be_read_is_refused_as_that(bucket_of_answers: Bucket) -> None:
    fetched = fetch(bucket_of_answers, "denied")

    assert isinstance(fetched, str)
    assert fetched.startswith("reading it failed: ")


def test_expired_credentials_end_the_reading_with_one_sentence(bucket_of_answers: Bucket) -> None:
    with pytest.raises(CredentialsExpired, match=r"^S3 answered ExpiredToken: ") as caught:
        fetch(bucket_of_answers, "expired")

    of_spark = f"Traceback\n  File x\njobs.object_fetch.CredentialsExpired: {caught.value}\n\n at"
    assert expired_credentials(RuntimeError(of_spark)) == str(caught.value)
    assert expired_credentials(RuntimeError("another")) is None


def test_objects_of_every_size_come_whole_and_in_order(tmp_path: Path) -> None:
    """Fetched ahead, waited for because much is waiting already, and streamed."""
    sizes = [10, *[6_000_000] * 12, 17_000_000, 20, 6_000_000]
    wanted = []
    for number, size in enumerate(sizes):
        path = tmp_path / str(number)
        path.write_bytes(bytes([number]) * size)
        wanted.append(ObjectToRead(place_of(str(path)), None, size))

    came = fetch_ahead(wanted, 32, 10**9)

    for number, (item, fetched) in enumerate(came):
        assert item == wanted[number]
        assert isinstance(fetched, Fetched)
        octets = b"".join(fetched.chunks)
        assert (len(octets), set(octets)) == (sizes[number], {number})
    assert number == len(sizes) - 1

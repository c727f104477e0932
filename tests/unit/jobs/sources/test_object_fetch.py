"""Reading from an S3 that turns requests away: tried again, refused, or the end of the run."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from jobs.errors import CredentialsExpired
from jobs.sources.object_fetch import (
    Fetched,
    NotFetched,
    ObjectToRead,
    fetch_ahead,
)
from jobs.sources.object_scan import ScanSettings, scan_batches
from jobs.spark.failures import expired_credentials_in
from jobs.storage.object_store import Bucket, Place, place_of
from tests.support.http_server import served
from transforms.window import Window

BODY = b"start end\n1 2\n"
LARGE = 20_000_000
LARGE_BODY = bytes(range(250)) * (LARGE // 250)


class _Answers(BaseHTTPRequestHandler):
    """`/b/slow`: 503 twice, then the object; `/b/denied`: 403; any other: an expired token."""

    asked = 0

    def do_GET(self) -> None:
        code, body = 400, b"<Error><Code>ExpiredToken</Code></Error>"
        if self.path == "/b/denied":
            code, body = 403, b"<Error><Code>AccessDenied</Code></Error>"
        if self.path == "/b/flaky":
            type(self).asked += 1
            code, body = (403, b"<Error/>") if type(self).asked == 1 else (200, BODY)
        if self.path == "/b/broken":
            return self._break_off()
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

    def _break_off(self) -> None:
        """The first answer ends early; whoever asks for the rest gets it."""
        said = self.headers.get("Range")
        first = int(said.removeprefix("bytes=").partition("-")[0]) if said else 0
        self.send_response(206 if said else 200)
        self.send_header("Content-Length", str(LARGE - first))
        if said:
            self.send_header("Content-Range", f"bytes {first}-{LARGE - 1}/{LARGE}")
        self.send_header("ETag", '"a"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(LARGE_BODY[first:] if said else LARGE_BODY[:3_000_000])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucket_of_answers(s3_server: str) -> Iterator[Bucket]:
    """Beside the suite's S3, whose credentials it takes."""
    _Answers.asked = 0
    with served(_Answers) as url:
        yield Bucket("b", "eu-west-1", url)


def fetch(bucket: Bucket, path: str) -> Fetched | NotFetched:
    wanted = ObjectToRead(Place(bucket, path), '"a"', len(BODY))
    ((_, fetched),) = fetch_ahead([wanted], 4, 10**9)
    return fetched


def test_a_slow_down_is_tried_again_until_the_object_comes(bucket_of_answers: Bucket) -> None:
    fetched = fetch(bucket_of_answers, "slow")

    assert isinstance(fetched, Fetched)
    assert b"".join(fetched.chunks) == BODY
    assert _Answers.asked == 3


def test_an_object_that_may_not_be_read_is_unreadable(bucket_of_answers: Bucket) -> None:
    fetched = fetch(bucket_of_answers, "denied")

    assert isinstance(fetched, NotFetched)
    assert fetched.outcome == "unreadable"
    assert fetched.reason.startswith("reading it failed: ")


def test_what_broke_off_is_taken_up_where_it_broke(bucket_of_answers: Bucket) -> None:
    """The first answer ends after three megabytes of twenty; the second begins there."""
    wanted = ObjectToRead(Place(bucket_of_answers, "broken"), '"a"', LARGE)
    ((_, fetched),) = fetch_ahead([wanted], 4, 10**9)

    assert isinstance(fetched, Fetched)
    assert b"".join(fetched.chunks) == LARGE_BODY


def test_what_is_given_at_the_second_try_is_read(bucket_of_answers: Bucket) -> None:
    """Denied at first, as by a policy that comes and goes; then it is there."""
    wanted = ObjectToRead(Place(bucket_of_answers, "flaky"), '"a"', len(BODY))
    denied = ObjectToRead(Place(bucket_of_answers, "denied"), '"a"', len(BODY))
    day = datetime(1970, 1, 1, tzinfo=UTC)
    settings = ScanSettings(None, Window(day, day + timedelta(days=1)), 16_384, 2)

    rows = [row for batch in scan_batches([denied, wanted], settings) for row in batch.to_pylist()]

    accounts = {row["object_uri"]: row["account"] for row in rows if row["account"]}
    assert [(uri, a["outcome"], a["parsed_lines"]) for uri, a in accounts.items()] == [
        ("s3://b/denied", "unreadable", 0),
        ("s3://b/flaky", "read", 1),
    ]
    assert [row["record"]["end"] for row in rows if row["record"]] == [2]


def test_expired_credentials_end_the_reading_with_one_sentence(bucket_of_answers: Bucket) -> None:
    with pytest.raises(CredentialsExpired, match=r"^S3 answered ExpiredToken: ") as caught:
        fetch(bucket_of_answers, "expired")

    of_spark = f"Traceback\n  File x\njobs.errors.CredentialsExpired: {caught.value}\n\n at"
    assert expired_credentials_in(of_spark) == str(caught.value)
    assert expired_credentials_in("another") is None


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

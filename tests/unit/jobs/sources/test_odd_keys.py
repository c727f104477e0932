"""Keys as S3 has them: each is read, none stops the others, and no walk goes on for ever."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import boto3
import pytest

from jobs.errors import BadInput
from jobs.sources.listing import list_objects
from jobs.sources.object_fetch import Fetched, NotFetched, ObjectToRead, fetch_ahead
from jobs.storage.any_key import is_plain
from jobs.storage.object_store import place_of
from tests.support.http_server import served
from tests.unit.jobs.sources.test_listing import WINDOW

KEYS = (
    "logs/plain.log",
    "logs/below/plain.log",
    "logs//empty-segment.log",
    "logs///two-of-them.log",
    "logs/./dot.log",
    "logs/../dot-dot.log",
    "logs/..",
    "logs/\x1b[31mred.log",
    "logs/\x7fdelete.log",
    "logs/cr\rreturn.log",
    "logs/below//deeper.log",
    "logs/100%41.log",
    "logs/ü \u202e?x=1#f.log",
    "logs/folder-with-content/",
    "/logs/slash-in-front.log",
    "//two-slashes.log",
)


@pytest.fixture
def odd_bucket(bucket: str) -> str:
    s3 = boto3.client("s3")
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    s3.put_object(Bucket=bucket, Key="logs/marker/", Body=b"")
    return bucket


def test_every_key_of_a_bucket_is_listed_once(odd_bucket: str) -> None:
    found = list_objects([f"s3://{odd_bucket}"], WINDOW)

    assert sorted(item.path for item in found.objects) == sorted(KEYS)


def test_the_bytes_of_every_key_are_its_own(odd_bucket: str) -> None:
    listed = list_objects([f"s3://{odd_bucket}/logs/", f"s3://{odd_bucket}"], WINDOW).objects
    wanted = [ObjectToRead(item.place, item.etag, item.size) for item in listed]

    read = {}
    for item, fetched in fetch_ahead(wanted, in_flight=4, max_bytes=1000):
        assert isinstance(fetched, Fetched), fetched
        read[item.place.path] = b"".join(fetched.chunks).decode()

    assert read == {key: key for key in read}
    assert set(read) == set(KEYS)


def test_an_odd_object_that_changed_or_vanished_is_said(odd_bucket: str) -> None:
    place = place_of(f"s3://{odd_bucket}/logs//empty-segment.log")
    gone = place._replace(path="logs//none.log")
    size = len("logs//empty-segment.log")
    wanted = [
        ObjectToRead(place, '"0123"', size),
        ObjectToRead(place, None, size + 1),
        ObjectToRead(gone, None, 1),
    ]

    tried = [fetched for _, fetched in fetch_ahead(wanted, in_flight=1, max_bytes=1000)]
    reasons = [fetched.reason for fetched in tried if isinstance(fetched, NotFetched)]

    assert reasons == [
        "it changed between listing and reading",
        "it changed between listing and reading",
        "it vanished between listing and reading",
    ]


def test_an_object_list_names_odd_keys_too(odd_bucket: str, tmp_path: Path) -> None:
    listed = tmp_path / "objects.txt"
    names = ["logs//empty-segment.log", "logs/../dot-dot.log", "/logs/slash-in-front.log"]
    listed.write_text("".join(f"s3://{odd_bucket}/{name}\n" for name in names))

    found = list_objects([], WINDOW, str(listed))

    assert sorted(item.path for item in found.selected) == sorted(names)


@pytest.mark.parametrize(
    "line", ["s3://AKIAEXAMPLE:sEcR3t@bucket/a.log", "https://host/a.log?X-Amz-Signature=sEcR3t"]
)
def test_a_secret_in_an_object_list_is_refused_and_not_repeated(line: str, tmp_path: Path) -> None:
    listed = tmp_path / "objects.txt"
    listed.write_text(f"{line}\n")

    with pytest.raises(BadInput) as refused:
        list_objects([], WINDOW, str(listed))

    assert "sEcR3t" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "is_so"),
    [
        ("", True),
        ("a/b.log", True),
        ("a/b..c/.d", True),
        ("a/%2e/b", True),
        ("a//b", False),
        ("/a", False),
        ("a/", False),
        ("a/./b", False),
        ("a/../b", False),
        ("a/\x1b", False),
        ("a/\x7f", False),
        ("a/\n", False),
        ("a" * 1024, True),
        ("a" * 1025, False),
    ],
)
def test_a_key_is_plain_when_it_is_a_path(key: str, is_so: bool) -> None:
    assert is_plain(key) is is_so


class Endless(BaseHTTPRequestHandler):
    """An S3 that names folders without end: each below the last, or the same one for ever."""

    lists = 0

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("x-amz-bucket-region", "eu-west-1")
        self.end_headers()

    def do_GET(self) -> None:
        type(self).lists += 1
        prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
        below = prefix if self.path.startswith("/same") else f"{prefix}{'x' * 60}/"
        body = (
            '<?xml version="1.0"?><ListBucketResult><Name>b</Name>'
            f"<Prefix>{escape(prefix)}</Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>"
            "<IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>"
            f"{escape(below or '/')}</Prefix></CommonPrefixes></ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch, s3_server: str) -> Iterator[type[Endless]]:
    class Counted(Endless):
        lists = 0

    with served(Counted) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield Counted


@pytest.mark.parametrize("name", ["same-folder", "deeper-folder"])
def test_a_walk_ends_whatever_the_server_says(endless: type[Endless], name: str) -> None:
    with pytest.raises(BadInput):
        list_objects([f"s3://{name}/logs"], WINDOW)

    # A key has 1,024 octets: no folder is deeper than that.
    assert endless.lists <= 2 * 1024

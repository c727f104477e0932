"""Objects in an archive of S3: told before the read, with what is missing, and never requested."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import boto3
import pytest

from jobs.errors import BadInput
from jobs.sources.listing import list_objects
from jobs.sources.object_fetch import Fetched, NotFetched, ObjectToRead, fetch_ahead
from jobs.storage.object_store import Bucket, Place
from tests.support.http_server import served
from transforms.window import Window

WINDOW = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 23, 4, tzinfo=UTC))
NAME = "111122223333_vpcflowlogs_eu-west-1_fl-0123456789abcdef0_20261123T{}Z_0badcafe.log"
DAY = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/23"
CLASSES = {
    f"{DAY}/{NAME.format('0000')}": "GLACIER",
    f"{DAY}/{NAME.format('0005')}": "DEEP_ARCHIVE",
    f"{DAY}/{NAME.format('0010')}": "GLACIER_IR",
    f"{DAY}/{NAME.format('0015')}": "STANDARD",
    f"{DAY}/{NAME.format('0020')}": "INTELLIGENT_TIERING",
    f"{DAY}//<Contents> & more.log": "GLACIER",
}
ARCHIVED = {key: name for key, name in CLASSES.items() if name in ("GLACIER", "DEEP_ARCHIVE")}


@pytest.fixture
def half_archived(bucket: str) -> str:
    s3 = boto3.client("s3")
    for key, name in CLASSES.items():
        s3.put_object(Bucket=bucket, Key=key, Body=b"abc", StorageClass=name)
    return bucket


def test_what_is_archived_is_known_from_the_listing(half_archived: str) -> None:
    listing = list_objects([f"s3://{half_archived}/AWSLogs"], WINDOW)

    assert {item.path for item in listing.selected} == CLASSES.keys()
    assert {item.path: item.archived for item in listing.selected if item.archived} == ARCHIVED


def test_the_sentence_says_how_many_what_is_missing_and_what_to_do(half_archived: str) -> None:
    listing = list_objects([f"s3://{half_archived}/AWSLogs"], WINDOW)

    assert listing.archived() == (
        "3 of 6 objects are archived and cannot be read (1 DEEP_ARCHIVE, 2 GLACIER), as "
        f"s3://{half_archived}/{DAY}//<Contents> & more.log; missing of the window, by their "
        "names: 2 slots of five minutes between 2026-11-23 00:00 and 2026-11-23 00:10 UTC, and of "
        "times that names do not tell; restore them (aws s3api restore-object, or S3 Batch "
        "Operations for many) and run again when S3 has them back"
    )


def test_objects_of_a_list_are_known_too(half_archived: str) -> None:
    names = "".join(f"s3://{half_archived}/{key}\n" for key in CLASSES)
    boto3.client("s3").put_object(Bucket=half_archived, Key="list.txt", Body=names.encode())

    found = list_objects([], WINDOW, f"s3://{half_archived}/list.txt")

    assert {item.path: item.archived for item in found.selected if item.archived} == ARCHIVED


def test_a_window_that_is_archived_whole_is_refused(bucket: str) -> None:
    key = f"{DAY}/{NAME.format('0000')}"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"abc", StorageClass="GLACIER")

    with pytest.raises(BadInput) as refused:
        list_objects([f"s3://{bucket}/AWSLogs"], WINDOW)

    assert str(refused.value) == (
        "--flow_logs: 1 of 1 objects is archived and cannot be read (1 GLACIER), as "
        f"s3://{bucket}/{key}; missing of the window, by their names: 1 slot of five minutes "
        "between 2026-11-23 00:00 and 2026-11-23 00:05 UTC; restore them (aws s3api "
        "restore-object, or S3 Batch Operations for many) and run again when S3 has them back"
    )


class Tiers(BaseHTTPRequestHandler):
    """An S3 as AWS describes it: restored objects, and archive tiers that only HEAD tells."""

    requested: list[str]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        type(self).requested.append(f"{self.command} {path.rpartition('/')[2]}")
        body = listed() if "list-type" in self.path else b"abc"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-bucket-region", "eu-west-1")
        self.send_header("ETag", '"a"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT")
        if path.endswith("asleep.log"):
            self.send_header("x-amz-archive-status", "ARCHIVE_ACCESS")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


def listed() -> bytes:
    now = datetime.now(UTC)

    def contents(name: str, days_old: int, storage_class: str, restore: str = "") -> str:
        at = f"{now - timedelta(days=days_old):%Y-%m-%dT%H:%M:%S.000Z}"
        return (
            f"<Contents><Key>logs/{name}.log</Key><LastModified>{at}</LastModified>"
            f'<ETag>"a"</ETag><Size>3</Size><StorageClass>{storage_class}</StorageClass>'
            f"{restore and f'<RestoreStatus>{restore}</RestoreStatus>'}</Contents>"
        )

    def restored(days: int, is_going_on: str) -> str:
        until = f"{now + timedelta(days=days):%Y-%m-%dT%H:%M:%S.000Z}"
        return (
            f"<IsRestoreInProgress>{is_going_on}</IsRestoreInProgress>"
            f"<RestoreExpiryDate>{until}</RestoreExpiryDate>"
        )

    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<Name>tiers</Name><Prefix>logs/</Prefix><IsTruncated>false</IsTruncated>"
        + contents("asleep", 91, "INTELLIGENT_TIERING")
        + contents("awake", 91, "INTELLIGENT_TIERING")
        + contents("being-restored", 91, "GLACIER", restored(2, "true"))
        + contents("recent", 89, "INTELLIGENT_TIERING")
        + contents("restored", 91, "GLACIER", restored(2, "false"))
        + contents("restored-once", 91, "DEEP_ARCHIVE", restored(-2, "false"))
        + contents("usual", 91, "STANDARD_IA")
        + "</ListBucketResult>"
    ).encode()


@pytest.fixture
def tiers(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of it; a new one, because a process remembers where a bucket is."""
    Tiers.requested = []
    with served(Tiers) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield f"tiers-{url.rpartition(':')[2]}"


def test_restored_objects_are_read_and_sleeping_tiers_are_not(tiers: str) -> None:
    listing = list_objects([f"s3://{tiers}/logs"], WINDOW)

    archived = {item.path: item.archived for item in listing.selected if item.archived}
    assert archived == {
        "logs/asleep.log": "INTELLIGENT_TIERING ARCHIVE_ACCESS",
        "logs/being-restored.log": "GLACIER",
        "logs/restored-once.log": "DEEP_ARCHIVE",
    }
    heads = [asked for asked in Tiers.requested if asked.startswith("HEAD") and "log" in asked]
    assert sorted(heads) == ["HEAD asleep.log", "HEAD awake.log"]


def test_an_archived_object_is_not_requested(tiers: str) -> None:
    listing = list_objects([f"s3://{tiers}/logs"], WINDOW)
    Tiers.requested.clear()

    wanted = [
        ObjectToRead(item.place, item.etag, item.size, archived=item.archived)
        for item in listing.selected
    ]
    got = {item.place.path: found for item, found in fetch_ahead(wanted, 4, 1000)}

    assert got["logs/asleep.log"] == NotFetched(
        "it is archived (INTELLIGENT_TIERING ARCHIVE_ACCESS); restore it and run again",
        "unreadable",
    )
    assert {path for path, found in got.items() if isinstance(found, Fetched)} == {
        "logs/awake.log", "logs/recent.log", "logs/restored.log", "logs/usual.log",
    }  # fmt: skip
    assert sorted(Tiers.requested) == [
        "GET awake.log", "GET recent.log", "GET restored.log", "GET usual.log",
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["archived.log", "odd//archived.log"], ids=["obstore", "boto3"])
def test_what_was_archived_after_the_listing_says_so(key: str, bucket: str, s3_server: str) -> None:
    etag = boto3.client("s3").put_object(
        Bucket=bucket, Key=key, Body=b"abc", StorageClass="GLACIER"
    )["ETag"]
    place = Place(Bucket(bucket, "eu-west-1", s3_server), key)

    ((_, got),) = fetch_ahead([ObjectToRead(place, etag, 3)], 1, 1000)

    assert got == NotFetched("it is archived; restore it and run again", "unreadable")

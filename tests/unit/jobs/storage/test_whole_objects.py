"""Small objects come whole from folders and from S3, or there is one sentence why they do not."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from jobs.errors import CredentialsExpired, ExitCode
from jobs.sources.listing import list_objects
from jobs.storage.delta_sink import check_writable
from jobs.storage.whole_objects import (
    NotThere,
    StorageFailed,
    TooLarge,
    create_bytes,
    read_bytes,
    write_bytes,
    write_chunks,
)
from tests.support.http_server import served
from transforms.window import Window

NAMES = ["manifest.json", "a b/ü%20#?.json", "deep/er/x"]
ODD = ["/begins", "a//b", "a/./b", "a/../b", "tab\tkey"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_from_a_folder(name: str, tmp_path: Path) -> None:
    write_bytes(str(tmp_path / name), b"\x00one\n")
    write_bytes(f"file://{tmp_path / name}", b"two")

    assert (tmp_path / name).read_bytes() == b"two"
    assert read_bytes(str(tmp_path / name)) == b"two"


@pytest.mark.parametrize("key", [*NAMES, *ODD])
def test_what_is_written_is_read_from_s3_whatever_the_key(key: str, bucket: str) -> None:
    write_bytes(f"s3://{bucket}/{key}", b"\x00one\n")

    found = boto3.client("s3").get_object(Bucket=bucket, Key=key)
    assert found["Body"].read() == b"\x00one\n"
    assert read_bytes(f"s3://{bucket}/{key}") == b"\x00one\n"


def test_a_file_of_any_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "new\nline").write_bytes(b"x")

    assert read_bytes(str(tmp_path / "new\nline")) == b"x"


@pytest.mark.parametrize("key", ["none.json", "a//none.json"])
def test_what_is_missing_is_told_apart(key: str, bucket: str, tmp_path: Path) -> None:
    for uri in (f"s3://{bucket}/{key}", str(tmp_path / key)):
        with pytest.raises(NotThere) as caught:
            read_bytes(uri)
        assert str(caught.value) == f"{uri}: found nothing there"
        assert caught.value.exit_code == ExitCode.FAILED


@pytest.mark.parametrize("key", ["plain.json", "odd//key.json"])
def test_what_is_too_large_is_refused_by_its_size(key: str, bucket: str, tmp_path: Path) -> None:
    for uri in (f"s3://{bucket}/{key}", str(tmp_path / key)):
        write_bytes(uri, b"12345")
        assert read_bytes(uri, 5) == b"12345"
        with pytest.raises(TooLarge) as caught:
            read_bytes(uri, 4)
        assert caught.value.reason == "found 5 bytes; expected at most 4"


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(TooLarge):
        read_bytes("/dev/zero", 1_000)


def test_a_folder_is_no_object(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed) as caught:
        read_bytes(str(tmp_path))

    assert not isinstance(caught.value, NotThere)
    assert str(caught.value) == f"{tmp_path}: it cannot be read: Is a directory"


def test_a_file_is_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageFailed) as caught:
        write_bytes(str(tmp_path / "file/x"), b"data")

    assert str(caught.value).startswith(f"{tmp_path}/file/x: it cannot be written: ")


class _Expired(BaseHTTPRequestHandler):
    """An S3 that knows the bucket, and whose credentials have just ended."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("x-amz-bucket-region", "eu-west-1")
        self.end_headers()

    def do_GET(self) -> None:
        self._refuse(b"<Error><Code>ExpiredToken</Code></Error>")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        code = b"AccessDenied" if b"ExpiredToken" in self.path.encode() else b"ExpiredToken"
        self._refuse(b"<Error><Code>" + code + b"</Code></Error>")

    def _refuse(self, body: bytes) -> None:
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def expired_s3(s3_server: str) -> Iterator[str]:
    with served(_Expired) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", url)
        yield f"s3://of-{urlsplit(url).port}"  # a bucket's endpoint is remembered


@pytest.mark.parametrize("key", ["plain.json", "odd//key.json"])
def test_expired_credentials_have_their_exit_code(key: str, expired_s3: str) -> None:
    with pytest.raises(StorageFailed) as reading:
        read_bytes(f"{expired_s3}/{key}")
    with pytest.raises(StorageFailed) as writing:
        write_bytes(f"{expired_s3}/{key}", b"data")
    with pytest.raises(StorageFailed) as denied:
        write_bytes(f"{expired_s3}/ExpiredToken/{key}", b"data")

    assert reading.value.exit_code == writing.value.exit_code == ExitCode.EXPIRED
    assert reading.value.reason.endswith(
        "no longer accepts the credentials; renew them and run again"
    )
    assert denied.value.exit_code == ExitCode.FAILED  # only the key says so


def test_credentials_that_expired_before_the_work_are_no_wrong_flag(expired_s3: str) -> None:
    window = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
    before_the_work: list[Callable[[], object]] = [
        lambda: list_objects([f"{expired_s3}/logs"], window),
        lambda: list_objects([], window, f"{expired_s3}/list.txt"),
        lambda: check_writable(f"{expired_s3}/cases"),
    ]
    for step in before_the_work:
        with pytest.raises((CredentialsExpired, StorageFailed)) as caught:
            step()
        assert caught.value.exit_code == ExitCode.EXPIRED


@pytest.mark.parametrize("key", ["plain.json", "odd//key.json"])
def test_what_is_there_is_not_created_again(key: str, bucket: str, tmp_path: Path) -> None:
    for uri in (f"s3://{bucket}/{key}", str(tmp_path / key)):
        assert create_bytes(uri, b"first")
        assert not create_bytes(uri, b"second")
        assert read_bytes(uri) == b"first"


@pytest.mark.parametrize("key", ["plain.json", "odd//key.json"])
def test_pieces_become_one_object_with_its_digest(key: str, bucket: str, tmp_path: Path) -> None:
    for uri in (f"s3://{bucket}/{key}", str(tmp_path / key)):
        written = write_chunks(uri, iter([b"a", b"", b"bc"]))

        assert read_bytes(uri) == b"abc"
        # printf abc | sha256sum
        assert written.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert written.octets == 3


@pytest.mark.parametrize("key", ["plain.json", "odd//key.json"])
def test_pieces_that_end_in_an_error_leave_nothing(key: str, bucket: str, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 6_000_000
        raise ValueError("row 7 is odd")

    for uri in (f"s3://{bucket}/{key}", str(tmp_path / key)):
        with pytest.raises(ValueError, match="row 7 is odd"):
            write_chunks(uri, broken())
        with pytest.raises(NotThere):
            read_bytes(uri)
    assert list(tmp_path.rglob("*.json*")) == []

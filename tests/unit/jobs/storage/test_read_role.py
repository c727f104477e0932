"""Reading as a role of another account: assumed, renewed, never carried along, refused in time."""

import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from time import sleep

import boto3
import pytest

from jobs.errors import BadInput, CredentialsExpired, ExitCode
from jobs.sources.listing import list_objects
from jobs.sources.object_fetch import Fetched, NotFetched, ObjectToRead, fetch_ahead
from jobs.storage.aws_access import OWN, Access, check_role, role_credentials
from jobs.storage.object_store import Bucket, Place, place_of
from jobs.trace_instance import main
from tests.support.archive_account import archive_of
from tests.support.http_server import served
from tests.unit.jobs.sources.test_listing import WINDOW

ARCHIVE = "222222222222"
ROLE = f"arn:aws:iam::{ARCHIVE}:role/flow-log-reader"
KEYS = ("logs/plain.log", "logs//odd.log")


@pytest.fixture
def archive_bucket(bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of another account, which lets no other account in."""
    name, s3, _ = archive_of(ROLE, bucket, monkeypatch)
    for key in KEYS:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


def test_a_bucket_of_another_account_is_read_as_its_role_by_both_clients(
    archive_bucket: str,
) -> None:
    access = Access(ROLE)

    listed = list_objects([f"s3://{archive_bucket}/logs"], WINDOW, access=access).objects
    wanted = [ObjectToRead(item.place, item.etag, item.size) for item in listed]
    got = {item.place.path: found for item, found in fetch_ahead(wanted, 2, 1000)}

    read = {key: b"".join(f.chunks).decode() for key, f in got.items() if isinstance(f, Fetched)}
    assert read == {key: key for key in KEYS}


def test_without_the_role_it_is_refused(archive_bucket: str) -> None:
    with pytest.raises(BadInput, match=r"S3 answered 403; check .*--requester_pays"):
        list_objects([f"s3://{archive_bucket}/logs"], WINDOW)


def test_an_object_list_is_read_as_oneself_and_its_objects_as_the_role(
    archive_bucket: str, bucket: str
) -> None:
    names = "".join(f"s3://{archive_bucket}/{key}\n" for key in KEYS)
    boto3.client("s3").put_object(Bucket=bucket, Key="list.txt", Body=names.encode())

    found = list_objects([], WINDOW, f"s3://{bucket}/list.txt", access=Access(ROLE))

    assert sorted(item.path for item in found.selected) == sorted(KEYS)


def test_what_travels_to_executors_and_into_logs_holds_no_secret(archive_bucket: str) -> None:
    place = place_of(f"s3://{archive_bucket}/logs", Access(ROLE))
    secrets = role_credentials(ROLE)()

    shown = repr(place).encode() + pickle.dumps(place)

    assert ROLE.encode() in shown
    assert secrets["secret_access_key"].encode() not in shown
    assert str(secrets["token"]).encode() not in shown
    assert secrets["access_key_id"].encode() not in shown


class ShortLived(BaseHTTPRequestHandler):
    """An STS whose credentials hold for `seconds`, and an S3 that notes which ones it got."""

    seconds = 302  # obstore asks for the next ones five minutes before these end
    error = ""
    assumed = 0
    used: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.error:
            error = f"<Error><Code>{self.error}</Code><Message>no</Message></Error>"
            return self._answer(403, f"<ErrorResponse>{error}</ErrorResponse>".encode())
        type(self).assumed += 1
        ends = datetime.now(UTC) + timedelta(seconds=self.seconds)
        return self._answer(
            200,
            f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLE{self.assumed}"
            "</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token"
            f"</SessionToken><Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
            "</AssumeRoleResult></AssumeRoleResponse>".encode(),
        )

    def do_GET(self) -> None:
        signed = re.search(r"Credential=(\w+)/", self.headers["Authorization"])
        assert signed is not None
        self.used.append(signed[1])
        self._answer(200, b"abc")

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"a"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Role(ShortLived):
    """With counts of this test."""


@pytest.fixture
def short_lived(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Role.assumed, Role.error, Role.used = 0, "", []
    with served(Role) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        yield url


def read(url: str, role: str, key: str) -> Fetched | NotFetched:
    place = Place(Bucket("b", "eu-west-1", url, access=Access(role)), key)
    ((_, got),) = fetch_ahead([ObjectToRead(place, '"a"', 3)], 1, 10)
    return got


@pytest.mark.parametrize("key", ["a", "odd//a"], ids=["obstore", "boto3"])
def test_credentials_of_the_role_are_renewed_before_they_expire(short_lived: str, key: str) -> None:
    role = f"{ROLE}-{key.count('/')}"

    read(short_lived, role, key)
    sleep(3)
    read(short_lived, role, key)

    assert len(set(Role.used)) == len(Role.used) == 2
    assert all(used.startswith("ROLE") for used in Role.used)


def test_a_run_whose_own_credentials_end_stops_when_the_role_is_to_be_renewed(
    short_lived: str,
) -> None:
    role = f"{ROLE}-ends"
    read(short_lived, role, "a")
    Role.error = "ExpiredToken"
    sleep(3)

    with pytest.raises(CredentialsExpired, match=r"^S3 answered ExpiredToken: "):
        read(short_lived, role, "a")


def test_expired_credentials_are_told_before_the_work(short_lived: str) -> None:
    Role.error = "ExpiredTokenException"

    with pytest.raises(CredentialsExpired, match="renew your own credentials and run again"):
        check_role(f"{ROLE}-expired")


def test_a_role_that_trusts_somebody_else_ends_the_run_before_spark_starts(
    short_lived: str, bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Role.error = "AccessDenied"
    role = "arn:aws:iam::222222222222:role/of-somebody-else"

    code = main([
        "--flow_logs", f"s3://{bucket}/logs", "--read_role_arn", role, "--case_id", "web-3",
        "--instance_id", "i-0839de4aa2b2f82cb", "--output", str(tmp_path),
        "--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z",
    ])  # fmt: skip

    assert code == ExitCode.BAD_INPUT
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: --read_role_arn {role}: STS answered AccessDenied; expected a role that trusts "
        "whoever runs this; check its name, its trust policy, and that sts:AssumeRole on it is "
        "allowed"
    )
    assert [*tmp_path.iterdir()] == []


class Payer(BaseHTTPRequestHandler):
    """An S3 bucket whose requesters pay: 403 to whoever does not say so."""

    def do_GET(self) -> None:
        pays = self.headers.get("x-amz-request-payer") == "requester"
        body = LISTED if "list-type" in self.path else b"abc"
        self.send_response(200 if pays else 403)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-bucket-region", "eu-west-1")
        self.send_header("ETag", '"a"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


LISTED = (
    b'<?xml version="1.0"?><ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated>'
    b"<Contents><Key>logs/a</Key><LastModified>2026-11-23T00:00:00.000Z</LastModified>"
    b'<ETag>"a"</ETag><Size>3</Size></Contents>'
    b"<Contents><Key>logs//a</Key><LastModified>2026-11-23T00:00:00.000Z</LastModified>"
    b'<ETag>"a"</ETag><Size>3</Size></Contents></ListBucketResult>'
)


@pytest.mark.parametrize("access", [Access(requester_pays=True), OWN], ids=["pays", "does not"])
def test_every_request_of_both_clients_says_who_pays(
    access: Access, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(Payer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        prefix = f"s3://payer-{access.requester_pays}/logs".lower()
        if not access.requester_pays:
            with pytest.raises(BadInput, match="--requester_pays true"):
                list_objects([prefix], WINDOW, access=access)
            return
        listed = list_objects([prefix], WINDOW, access=access).objects
        wanted = [ObjectToRead(item.place, item.etag, item.size) for item in listed]
        got = {item.place.path: found for item, found in fetch_ahead(wanted, 2, 1000)}

    assert {key: type(found) for key, found in got.items()} == {
        "logs/a": Fetched,
        "logs//a": Fetched,
    }

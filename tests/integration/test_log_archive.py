"""A log archive: the flow logs of another account, read as its role; a part of them archived."""

import gzip
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import verify_case
from jobs.errors import ExitCode
from jobs.trace_instance import main
from tests.support.archive_account import archive_of
from tests.support.records import COLUMNS, flow_line

ARCHIVE = "222222222222"
ROLE = f"arn:aws:iam::{ARCHIVE}:role/flow-log-reader"
SUBJECT = "10.0.0.7"
HOURS = range(4)
ARCHIVED_HOURS = (1, 2)


@pytest.fixture
def archive(bucket: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, str]]:
    """The prefix, and the credentials that its objects were written with.

    An object every five minutes; those of two hours of four are in Glacier, and one of the others
    has a key that only boto3 takes.
    """
    name, s3, keys = archive_of(ROLE, bucket, monkeypatch)
    midnight = 1_795_392_000  # 2026-11-23
    for hour in HOURS:
        for minute in range(0, 60, 5):
            at = midnight + hour * 3600 + minute * 60
            line = flow_line(
                interface_id="eni-" + 17 * "a", instance_id="i-" + 17 * "a", srcaddr=SUBJECT,
                pkt_srcaddr=SUBJECT, start=str(at), end=str(at + 50),
            )  # fmt: skip
            folder = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/23/"
            folder += "/" if (hour, minute) == (0, 5) else ""
            s3.put_object(
                Bucket=name,
                Key=f"{folder}111122223333_vpcflowlogs_eu-west-1_fl-0123456789abcdef0_"
                f"20261123T{hour:02}{minute:02}Z_0badcafe.log.gz",
                Body=gzip.compress(" ".join(COLUMNS).encode() + b"\n" + line),
                StorageClass="GLACIER" if hour in ARCHIVED_HOURS else "STANDARD",
            )
    return f"s3://{name}/AWSLogs", keys


def flags(prefix: str, output: Path) -> list[str]:
    return [
        "--flow_logs", prefix, "--read_role_arn", ROLE, "--instance_id", "i-" + 17 * "a",
        "--interface_ids", "eni-" + 17 * "a", "--addresses", SUBJECT, "--baseline_days", "0",
        "--max_hops", "1", "--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T04:00:00Z",
        "--case_id", "archive", "--output", str(output),
    ]  # fmt: skip


def test_an_archive_of_another_account_is_read_and_what_it_lacks_is_told_first(
    spark: SparkSession,
    archive: tuple[str, dict[str, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    prefix, _ = archive
    with caplog.at_level("INFO"):
        code = main([*flags(prefix, tmp_path), "--strict", "true"])

    printed = capsys.readouterr().out
    messages = [record.getMessage() for record in caplog.records]
    told = next(at for at, text in enumerate(messages) if "24 of 48 objects are archived" in text)
    assert (
        "24 slots of five minutes between 2026-11-23 01:00 and 2026-11-23 03:00" in messages[told]
    )
    assert "aws s3api restore-object" in messages[told]
    assert not any("scan" in text for text in messages[:told])
    assert code == ExitCode.INCOMPLETE
    assert "24 read" in printed
    assert "24 unreadable" in printed
    manifest = json.loads((tmp_path / "archive/manifest.json").read_text())
    assert manifest["coverage"]["verdict"] == "PARTIAL"
    assert any(
        "with an object that the store did not give: 2026-11-23 01:00" in reason
        for reason in manifest["coverage"]["reasons"]
    ), manifest["coverage"]["reasons"]
    assert manifest["parameters"]["access"] == {
        "role_arn": ROLE,
        "requester_pays": False,
        "endpoint": None,
    }


def test_a_dry_run_tells_it_and_reckons_with_the_rest(
    archive: tuple[str, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*flags(archive[0], tmp_path), "--dry_run", "true"])

    printed = capsys.readouterr().out
    assert code == ExitCode.COMPLETE
    assert "48 listed, 24 to read" in printed
    assert "24 of 48 objects are archived and cannot be read (24 GLACIER)" in printed


def test_a_case_of_an_archive_is_verified_as_its_role_and_holds_no_secret(
    spark: SparkSession,
    archive: tuple[str, dict[str, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prefix, keys = archive
    main([*flags(prefix, tmp_path), "--verbose", "true"])
    of_run = capsys.readouterr()
    case = str(tmp_path / "archive")

    verified = verify_case.main(["--case", case, "--read_role_arn", ROLE])
    with_role = capsys.readouterr().out
    refused = verify_case.main(["--case", case])
    without = capsys.readouterr()

    assert verified == ExitCode.COMPLETE, with_role
    assert "24 objects are, byte for byte, what was read" in with_role
    assert refused == ExitCode.BAD_INPUT
    assert "S3 answered 403" in without.err
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for name in ("SecretAccessKey", "SessionToken"):
        assert keys[name] not in of_run.out + of_run.err
        assert keys[name].encode() not in written

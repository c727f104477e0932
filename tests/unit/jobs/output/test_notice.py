"""The notice of a run: what a mail says, where its links lead, and that hostile names stay dead."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from jobs.output.notice import notice_of, store_notice
from jobs.pipeline.result import RunResult
from jobs.storage.whole_objects import read_bytes
from tests.support.made_result import INSTANCE, RUN, made_books, made_result
from tests.support.made_stories import at, attack, healthy, peer_row
from transforms.vocabulary import Reading

FINDING_ID = "16afba5c5c43e07c9e3e5e2e544e95df"
# Step Functions developer guide, "Quotas": input or output of a state.
MOST_OF_A_STATE = 256 * 1024


def finding(**differs: object) -> bytes:
    detail = {
        "id": FINDING_ID, "type": "UnauthorizedAccess:EC2/SSHBruteForce", "severity": 8,
        "accountId": "111122223333", "region": "eu-west-1",
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": INSTANCE}},
        "service": {"eventFirstSeen": at("02:10"), "eventLastSeen": at("02:40")},
        **differs,
    }  # fmt: skip
    return json.dumps(detail).encode()


def on(bucket: str, result: RunResult) -> RunResult:
    """The same with its case in a bucket."""
    arguments = replace(result.case.arguments, output=f"s3://{bucket}/cases of 2026")
    return replace(result, case=replace(result.case, arguments=arguments))


def lines_of(result: RunResult) -> list[str]:
    return str(notice_of(result)["message"]).split("\n")


def test_a_notice_says_verdict_headline_coverage_books_and_age_of_labels() -> None:
    lines = lines_of(attack())

    assert lines[0].startswith("DATA: Yes: ")
    assert lines[1].startswith("web-3 ")
    assert "Coverage: PARTIAL, 264 of 288 five-minute slots seen whole" in lines
    assert "  - 24 slots without an object: 2026-11-23 22:00 to 2026-11-24 00:00" in lines
    assert "Books: balanced; 0 flows" in lines
    assert "Labels: none were given: ids and addresses have no names" in lines
    assert lines[-1] == f"Case: case, run {RUN}"


def test_the_subject_line_is_the_verdict_and_that_books_do_not_balance_comes_first() -> None:
    broken = replace(attack(), books={Reading.WINDOW: made_books(quarantined_lines=1)})
    everything = replace(attack(), investigation=None)

    subjects = [notice_of(each)["subject"] for each in (attack(), broken, everything)]

    assert subjects == [
        "VPC Flow Trace: DATA",
        "VPC Flow Trace: the books do NOT balance",
        "VPC Flow Trace: every flow of a window",
    ]
    assert "Books: NOT BALANCED: do not use the figures; 0 flows" in lines_of(broken)


def test_the_age_of_the_labels_is_that_of_their_snapshot() -> None:
    result = healthy()
    labels = replace(result.case.labels, taken_at=datetime(2026, 11, 28, 9, 56, 28, tzinfo=UTC))
    arguments = replace(result.case.arguments, labels="s3://a/labels")
    told = replace(result, case=replace(result.case, labels=labels, arguments=arguments))

    assert "Labels: collected 2026-11-28 09:56:28 UTC, 2.0 h before this run" in lines_of(told)
    assert notice_of(told)["labels_taken_at"] == "2026-11-28T09:56:28+00:00"


def test_links_lead_to_the_report_and_to_the_finding(bucket: str) -> None:
    result = on(bucket, made_result({}, finding=finding()))

    notice = notice_of(result)
    report = urlsplit(str(notice["report_link"]))

    assert notice["finding_link"] == (
        "https://eu-west-1.console.aws.amazon.com/guardduty/home?region=eu-west-1"
        f"#/findings?search=id%3D{FINDING_ID}"
    )
    assert (report.hostname, report.path) == (
        "eu-west-1.console.aws.amazon.com", f"/s3/object/{bucket}",
    )  # fmt: skip
    assert parse_qs(report.query) == {
        "region": ["eu-west-1"], "prefix": ["cases of 2026/case/report.html"],
    }  # fmt: skip
    assert "X-Amz-Signature" not in json.dumps(notice)
    for link in (notice["report_link"], notice["finding_link"]):
        assert f"  {link}" in str(notice["message"]).split("\n")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("eusc-de-east-1", "console.amazonaws-eusc.eu"),
    ],
)
def test_every_partition_has_its_console(region: str, host: str) -> None:
    link = notice_of(made_result({}, finding=finding(region=region)))["finding_link"]

    assert urlsplit(str(link)).hostname == host


@pytest.mark.parametrize(
    "differs",
    [{"id": "x&y=https://evil.example/"}, {"region": "evil.example/#"}, {"region": None}],
    ids=["an id that is none", "a region that is a host", "no region"],
)
def test_what_is_no_id_or_region_makes_no_link(differs: dict[str, object]) -> None:
    assert notice_of(made_result({}, finding=finding(**differs)))["finding_link"] is None


HOSTILE = "https://evil.example/login <https://evil.example|Sign in> [x](http://evil.example) @all"


def test_hostile_names_make_no_link_in_a_message(bucket: str) -> None:
    rows = [
        peer_row("10.20.1.40", 22, "DATA", "02:50", peer_name=f"{HOSTILE}\r\nBcc: all@evil.example")
    ]
    found = {"services_tried": ({"data": 1, "addresses": 1}, rows)}
    result = made_result(
        found, name=HOSTILE, finding=finding(type=f"Recon:EC2/{HOSTILE}"), coverage=None
    )

    message = str(notice_of(on(bucket, result))["message"])

    ours = re.compile(r"^  https://eu-west-1\.console\.aws\.amazon\.com/\S+$", re.M)
    rest = ours.sub("", message).replace("s3://", "")
    assert "evil" in rest
    assert len(ours.findall(message)) == 2
    assert "://" not in rest
    assert "evil.example" not in rest
    assert not re.search(r"[@<>\r]", rest)
    assert "](" not in rest


def test_a_notice_is_small_however_long_names_and_reasons_are(bucket: str) -> None:
    result = on(bucket, made_result({}, name="x" * 100_000, finding=finding(type="y" * 100_000)))

    described = store_notice(result)

    stored = read_bytes(f"{result.case.arguments.case_uri}/{described['name']}")
    assert described["bytes"] == len(stored) < 16 * 1024 < MOST_OF_A_STATE
    assert described["name"] == f"notices/{RUN}.json"
    assert json.loads(stored) == notice_of(result)

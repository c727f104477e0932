"""Hostile text through every entrance at once, and what leaves: no control, no markup, no SQL."""

import io
import json
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest
from opensearchpy import OpenSearch
from pyspark.sql import SparkSession

from jobs import trace_instance, verify_case
from jobs.submit.outcome import outcome_of
from jobs.submit.runs import RunStatus
from tests.faults.proxy import Answer, Fault, Forward, Request, proxy, without

INSTANCE, ENI, OWN = "i-0a1b2c3d4e5f60718", "eni-0a1b2c3d4e5f60718", "10.20.1.13"
PEER_ENI, PEER = "eni-0b1b2c3d4e5f60718", "10.20.1.14"
FROM = 1_795_399_200  # 2026-11-23 02:00:00 UTC
FIELDS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status vpc-id instance-id tcp-flags flow-direction pkt-dst-aws-service"
)


def hostile(where: str) -> str:
    """Text that steers a terminal, turns a line around, is markup, a formula and SQL; it is named.

    ESC, OSC with BEL, C1, bidirectional control, line separator, newline, NUL.
    """
    return (
        f"={where}\x1b[2J\x1b]0;x\x07\x9b31m\u202e\u2066\u2028\n\x00"
        f"<x-planted onload=\"1\">&'%') OR raise_error('executed') --{{}}${{x}}"
    )


class RefusesWithText(Fault):
    """The document of one record is refused, for a reason that is hostile text."""

    def answer(self, request: Request, forward: Forward) -> Answer:
        error = {"type": "mapper_parsing_exception", "reason": hostile("answer")}
        return without(
            request, forward, lambda _, source: b"987654321" in source,
            {"status": 400, "error": error},
        )  # fmt: skip


class Output(NamedTuple):
    """What left, by the name of where."""

    exit_code: int
    texts: dict[str, str]


def line(at: int, source: str, target: str, octets: int, flags: int) -> str:
    is_out = source == OWN
    ports = (40_000, 22) if is_out else (22, 40_000)
    odd = "<x-planted/onload=1>%')--"  # fields end at white space, and are ASCII
    return (
        f"5 111122223333 {ENI} {source} {target} {ports[0]} {ports[1]} 6 10 {octets} {FROM + at} "
        f"{FROM + at + 50} ACCEPT OK vpc-0d0d0d0d0d0d0d0d1 {INSTANCE} {flags} "
        f"{'egress' if is_out else 'ingress'} {odd}"
    )


def put_objects() -> str:
    """A bucket whose keys are as odd as S3 takes them; gives its prefix."""
    client, name = boto3.client("s3"), f"hostile-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    odd = hostile("key").translate(dict.fromkeys(b"\x00\n"))  # moto finds no such key
    lines = [line(60, OWN, PEER, 50_000, 3), line(60, PEER, OWN, 987_654_321, 19)]
    lines.append(f"{line(90, OWN, PEER, 1, 0)}\u202e\x9b")
    for key, of in ((f"logs//{odd}.log", lines), (f"logs/{odd} refused.log", [hostile("line")])):
        client.put_object(Bucket=name, Key=key, Body="\n".join([FIELDS, *of, ""]).encode())
    return f"s3://{name}/logs"


def write_day(folder: Path) -> None:
    """Labels, and a finding of the instance."""
    labels = folder / "labels"
    labels.mkdir()
    vpc = {"vpc_id": "vpc-0d0d0d0d0d0d0d0d1"}
    rows: dict[str, list[dict[str, object]]] = {
        "interfaces": [
            {"interface_id": eni, "description": hostile(f"interface-{at}"), "addresses": [at],
             "instance_id": instance, **vpc}
            for eni, at, instance in ((ENI, OWN, INSTANCE), (PEER_ENI, PEER, "i-0b1b2c3d4e5f60718"))
        ],
        "instances": [
            {"instance_id": INSTANCE, "name": hostile("subject")},
            {"instance_id": "i-0b1b2c3d4e5f60718", "name": hostile("peer")},
        ],
        "subnets": [{"subnet_id": "subnet-0d0d0d0d0d0d0d0d1", "name": hostile("subnet"), **vpc,
                     "cidrs": ["10.20.1.0/24"]}],
        "vpcs": [{"name": hostile("vpc"), "cidrs": ["10.20.0.0/16"], **vpc}],
    }  # fmt: skip
    for name, of in rows.items():
        text = "".join(f"{json.dumps(row)}\n" for row in of)
        (labels / f"{name}.jsonl").write_text(text)
    details = {
        "instanceId": INSTANCE,
        "tags": [{"key": "Name", "value": hostile("tag")}],
        "networkInterfaces": [{"networkInterfaceId": ENI, "privateIpAddress": OWN}],
    }
    remote = {"remoteIpDetails": {"ipAddressV4": PEER}, "connectionDirection": "OUTBOUND",
              "protocol": hostile("protocol")}  # fmt: skip
    finding = {
        "id": hostile("id"),
        "type": hostile("type"),
        "resource": {"resourceType": "Instance", "instanceDetails": details},
        "service": {
            "action": {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": remote},
            "eventFirstSeen": "2026-11-23T02:01:00Z",
            "eventLastSeen": "2026-11-23T02:02:00Z",
        },
    }
    (folder / "finding.json").write_text(json.dumps(finding))


@pytest.fixture(scope="module")
def output(
    spark: SparkSession,
    s3_server: str,
    opensearch_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Output:
    """One run, a dry run, a check of the case and what `submit` shows of its manifest."""
    folder = tmp_path_factory.mktemp("hostile")
    write_day(folder)
    flags = ["--flow_logs", put_objects(), "--labels", str(folder / "labels")]
    flags += ["--finding", str(folder / "finding.json"), "--output", str(folder / "cases")]
    flags += ["--from", "2026-11-23T02:00:00Z", "--to", "2026-11-23T02:10:00Z"]
    flags += ["--case_id", "hostile"]
    case = folder / "cases/hostile"
    texts: dict[str, str] = {}
    _, texts["dry run"] = shown(trace_instance.main, [*flags, "--dry_run", "true"])
    with proxy(opensearch_url, RefusesWithText()) as url:
        code, texts["run"] = shown(trace_instance.main, [*flags, "--opensearch_url", url])
    texts["report"] = (case / "report.html").read_text()
    _, texts["verify"] = shown(verify_case.main, ["--case", str(case)])
    # A manifest as whoever may write to the bucket would write it.
    manifest = json.loads((case / "manifest.json").read_text())
    manifest["verdict"]["sentence"] = hostile("sentence")
    manifest["warnings"] = [hostile("warning")]
    manifest["tables"][hostile("table")] = manifest["tables"]["flows"]
    (case / "manifest.json").write_text(json.dumps(manifest))
    _, texts["verify, altered"] = shown(verify_case.main, ["--case", str(case)])
    _, texts["a bad flag"] = shown(
        trace_instance.main, [*flags, hostile("flag"), f"--addresses={hostile('address')}"]
    )
    status = RunStatus("SUCCEEDED", True, True, datetime(2026, 11, 23, tzinfo=UTC))
    texts["submit"] = "\n".join(outcome_of(str(case), status, str(folder / "copies")).lines)
    return Output(code, texts)


def shown(main: Callable[[Sequence[str]], int], argv: Sequence[str]) -> tuple[int, str]:
    """The exit code of a command, and everything that it writes to its two streams."""
    stream = io.StringIO()
    with redirect_stdout(stream), redirect_stderr(stream):
        code = main(list(argv))
    return code, stream.getvalue()


class _Tags(HTMLParser):
    """The tags and attributes of a page as a browser takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


NAMES = ("dry run", "run", "report", "verify", "verify, altered", "a bad flag", "submit")


def test_the_run_takes_the_text_for_what_it_is(output: Output) -> None:
    """An object and a document are refused, so it is complete but not whole; no SQL was run."""
    assert output.exit_code in (0, 3)
    assert "DATA: Yes: 1 address tried" in output.texts["run"]
    assert set(output.texts) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_leaves_steers_turns_or_hides(name: str, output: Output) -> None:
    text = output.texts[name]

    odd = {
        f"U+{ord(character):04X}"
        for character in text.replace("\n", "")
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    assert odd == set()
    assert text.strip()


@pytest.mark.parametrize(
    ("name", "planted"),
    [("run", ["=subject", "=peer"]), ("report", ["=peer"]),
     ("submit", ["=sentence", "=warning"])],
)  # fmt: skip
def test_the_text_itself_is_there_to_be_read(name: str, planted: list[str], output: Output) -> None:
    assert [word for word in planted if word not in output.texts[name]] == []


def test_no_text_of_others_is_markup_in_the_report(output: Output) -> None:
    page = _Tags()
    page.feed(output.texts["report"])

    assert "x-planted" not in page.tags
    assert "onload" not in page.attributes
    assert "&lt;x-planted" in output.texts["report"]


def test_the_index_holds_the_flow_that_was_taken(output: Output, opensearch: OpenSearch) -> None:
    found = opensearch.search(index="flows-hostile", size=10)["hits"]["hits"]

    assert [hit["_source"]["bytes"] for hit in found] == [50_000]

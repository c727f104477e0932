"""The whole path on real parts: the job's answer against what the generator says happened."""

import gzip
import hashlib
import json
import re
import shutil
from pathlib import Path

import boto3
import pytest
from opensearchpy import OpenSearch
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from demo.vpc import LAB_WEB, SUSPECT
from jobs.trace_instance import main
from tests.faults.proxy import Refuses, proxy
from tests.support.cases import TracedCase, sample_flags
from tests.support.pages import page_table
from tests.support.paths import DATA
from tests.support.services import DemoDay
from transforms.schemas import FLOW_COLUMNS

IDENTITY_OF_A_RUN = "run_id"


def rows_of(spark: SparkSession, uri: Path | str, *columns: str) -> list[tuple[object, ...]]:
    frame = spark.read.format("delta").load(str(uri))
    rows = frame.select(*columns or [c for c in frame.columns if c != IDENTITY_OF_A_RUN]).collect()
    return sorted((tuple(row) for row in rows), key=repr)


def first_objects(day: DemoDay, into: Path, count: int) -> list[Path]:
    """Copy the first objects of each flow log of the day, in its key layout."""
    source = day.folder / "flow-logs"
    copied = []
    for path in sorted(source.rglob("*.log.gz"), key=lambda path: path.name[-22:])[:count]:
        target = into / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        copied.append(Path(shutil.copy(path, target)))
    return copied


def test_the_flows_and_the_peers_are_those_that_the_generator_made(
    spark: SparkSession, demo_day: DemoDay, traced_day: TracedCase
) -> None:
    flows = spark.read.format("delta").load(str(traced_day.folder / "flows"))
    assert flows.count() == demo_day.truth["subject"]["records"]
    assert tuple(flows.columns) == FLOW_COLUMNS
    # An attempt is a 5-tuple in the truth; a 5-tuple that pauses is several conversations.
    keys = "peer_name peer protocol service_port started_by".split()
    found = (
        spark.read.format("delta")
        .load(str(traced_day.folder / "conversations"))
        .where("hop = 1 AND peer_ring IN ('own vpc', 'other vpc', 'private, unknown')")
        .groupBy("peer_name", "peer", "protocol", "service_port", "initiator")
        .agg(F.countDistinct("subject_address", "subject_port", "peer_port").alias("attempts"))
    )
    expected = [
        (*(peer[key] for key in keys), peer["accepted"] + peer["rejected"])
        for peer in demo_day.truth["peers"]
    ]
    assert sorted(map(tuple, found.collect()), key=repr) == sorted(expected, key=repr)


def test_a_finding_alone_gives_the_same_flows_and_the_answer_to_its_claim(
    spark: SparkSession, demo_day: DemoDay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = demo_day.folder / "finding.json"
    flags = ["--flow_logs", str(demo_day.folder / "flow-logs"), "--case_id", "found"]
    flags += ["--labels", str(demo_day.folder / "labels"), "--output", str(tmp_path)]

    flags += ["--max_hops", "1", "--finding", str(finding), "--verbose", "true"]
    assert main(flags) == 0

    flows = spark.read.format("delta").load(str(tmp_path / "found/flows"))
    assert flows.count() == demo_day.truth["subject"]["records"]
    of_claim = flows.where(
        "'198.51.100.23' IN (srcaddr, dstaddr) AND 22 IN (srcport, dstport)"
    ).count()
    said = capsys.readouterr().out
    assert (
        "finding   UnauthorizedAccess:EC2/SSHBruteForce, seen 2026-11-23 02:10:00 to 2026-11-23 "
        "02:40:00 UTC\n"
    ) in said
    assert f"TCP from 198.51.100.23 at port 22: CONFIRMED, {of_claim:,} records from " in said
    assert "window    2026-11-23 00:00:00 UTC to 2026-11-24 " in said
    assert f"known by  finding ({SUSPECT.interface_id}, {SUSPECT.address}, " in said
    manifest = json.loads((tmp_path / "found/manifest.json").read_text())
    assert manifest["finding"]["sha256"] == hashlib.sha256(finding.read_bytes()).hexdigest()
    assert (tmp_path / "found/finding.json").read_bytes() == finding.read_bytes()
    assert [claim["verdict"] for claim in manifest["claims"]] == ["confirmed"]
    assert {part["source"] for part in manifest["subject"]["parts"]} == {"finding", "labels"}


def test_the_summary_says_what_was_read_kept_and_refused(
    demo_day: DemoDay, traced_day: TracedCase
) -> None:
    said = traced_day.printed
    truth = demo_day.truth
    tried = r"[\d,]+ addresses tried in [\d,]+ attempts, [\d,]+ of them answered with data"
    assert re.search(rf"^DATA: Yes: {tried}", said, re.M)
    assert "window    2026-11-23 00:00:00 UTC to 2026-11-24 00:00:00 UTC" in said
    assert "objects   576 listed, 0 skipped, 576 read, 0 empty, 0 refused" in said
    assert f"lines     {truth['lines']:,}: 576 header, 0 blank" in said
    assert f"NODATA {truth['nodata']:,}, SKIPDATA {truth['skipdata']:,}" in said
    assert f"flows     {truth['subject']['records']:,} kept" in said
    hop = truth["stories"]["hop to an app server"]
    assert f"with data at 1: 10.20.2.22 ({hop['target']}) remote admin port 22, DATA;" in " ".join(
        said.split()
    )
    assert "28 attempts at 16 addresses were stopped: 28 at the target" in said
    assert "Coverage    FULL: 288 of 288 five-minute slots of 1 interface seen whole" in said
    assert "Books       balanced" in said
    assert f"Delta       {traced_day.folder}/flows" in said


def test_an_equal_address_in_another_vpc_is_someone_else(
    spark: SparkSession, traced_day: TracedCase
) -> None:
    namesake = next(machine for machine in LAB_WEB if machine.address == SUSPECT.address)

    seen_at = {
        interface for (interface,) in rows_of(spark, traced_day.folder / "flows", "interface_id")
    }
    assert SUSPECT.interface_id in seen_at
    assert namesake.interface_id not in seen_at


def test_a_second_run_leaves_the_same_tables_and_documents(
    spark: SparkSession,
    demo_day: DemoDay,
    traced_day: TracedCase,
    tmp_path: Path,
    opensearch: OpenSearch,
) -> None:
    index = f"flows-{traced_day.case_id}"
    shutil.copytree(traced_day.folder, tmp_path / traced_day.case_id)

    seen = []
    for run in range(2):
        if run:
            assert main([*traced_day.flags, "--output", str(tmp_path)]) == 0
        tables = {
            table: rows_of(spark, tmp_path / traced_day.case_id / table)
            for table in ("flows", "objects", "quarantine")
        }
        found = opensearch.search(index=index, body={"size": 10_000, "sort": ["record_id"]})
        documents = {hit["_id"]: hit["_source"] for hit in found["hits"]["hits"]}
        for document in documents.values():
            del document[IDENTITY_OF_A_RUN]
        seen.append((tables, documents))

    assert seen[0] == seen[1]
    flows = tmp_path / traced_day.case_id / "flows"
    record_ids = {record_id for (record_id,) in rows_of(spark, flows, "record_id")}
    assert set(seen[1][1]) == record_ids
    assert len(record_ids) == demo_day.truth["subject"]["records"]
    assert len(opensearch.indices.get(index=f"{index}-*")) == 1


def test_a_document_holds_the_flow_with_names_beside_the_ids(
    traced_sample: TracedCase, opensearch: OpenSearch
) -> None:
    hits = opensearch.search(
        index="flows-sample", body={"query": {"term": {"dstaddr": "52.95.0.0/16"}}}
    )["hits"]["hits"]
    assert len(hits) == 1
    document = hits[0]["_source"]
    expected = {
        "@timestamp": "2021-03-26T03:28:12Z",
        "start": 1616729292,
        "interface_id": "eni-1235b8ca123456789",
        "interface_name": "report server primary",
        "src_name": "report-1",
        "src_subnet_name": "reports-a",
        "dst_name": "S3",
        "bytes": 471,
        "traffic_path": 8,
    }
    assert {name: document[name] for name in expected} == expected
    assert "sublocation_id" not in document  # `-` in the line


def test_the_two_real_records_come_out_named_and_typed_as_the_readme_shows(
    spark: SparkSession, traced_sample: TracedCase
) -> None:
    columns = (
        "srcaddr dstaddr srcport bytes interface_name subnet_name vpc_name instance_name "
        "src_name src_ring src_basis dst_name dst_ring dst_basis sublocation_type traffic_path"
    ).split()
    names = ("report server primary", "reports-a", "reporting", "report-1")
    assert rows_of(spark, traced_sample.folder / "flows", *columns) == [
        (
            "10.0.0.71", "52.95.128.179", 34210, 471, *names,
            "report-1", "own vpc", "interface", "S3", "aws service", "record", None, 8,
        ),
        (
            "52.95.128.179", "10.0.0.71", 80, 15044, *names,
            "S3", "aws service", "record", "report-1", "own vpc", "interface", None, None,
        ),
    ]  # fmt: skip
    (fields, names_in, *_), *lines = page_table(
        "docs/reference/labels.md", "| of the record | name in |"
    )
    assert (fields, names_in) == ("of the record", "name in")
    assert [line[1] for line in lines[:5]] == [
        "interface_name", "subnet_name", "vpc_name", "src_subnet_name", "dst_subnet_name",
    ]  # fmt: skip
    for number, start in ((2, "52.95.128.179"), (3, "10.0.0.71")):
        flows = spark.read.format("delta").load(str(traced_sample.folder / "flows"))
        (flow,) = flows.where(f"srcaddr = '{start}'").collect()
        for line in lines:
            value, name = line[number].split(": ")
            assert (value, name) == (flow[line[0]], flow[line[1]] or "no name"), line


def test_objects_on_s3_give_the_same_flows_as_in_a_folder(
    spark: SparkSession, demo_day: DemoDay, tmp_path: Path, bucket: str
) -> None:
    here = tmp_path / "some-objects"
    s3 = boto3.client("s3")
    for path in first_objects(demo_day, here, 30):
        key = f"central/{path.relative_to(here)}"
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    trail = "central/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/23/trail.json.gz"
    s3.put_object(Bucket=bucket, Key=trail, Body=b"{}")
    flags = demo_day.flags(tmp_path)

    assert main([*flags, "--case_id", "folder", "--flow_logs", str(here)]) == 0
    assert main([*flags, "--case_id", "bucket", "--flow_logs", f"s3://{bucket}/central"]) == 0

    of_the_place = {"record_id", "object_uri", IDENTITY_OF_A_RUN}
    columns = [name for name in FLOW_COLUMNS if name not in of_the_place]
    in_bucket = rows_of(spark, tmp_path / "bucket/flows", *columns)
    assert in_bucket == rows_of(spark, tmp_path / "folder/flows", *columns)
    assert in_bucket
    manifest = json.loads((tmp_path / "bucket/manifest.json").read_text())
    folder = f"s3://{bucket}/central/AWSLogs/111122223333/CloudTrail"
    assert manifest["listing"]["left_folders"] == {folder: "it belongs to another AWS service"}


def test_a_damaged_object_is_quarantined_and_the_run_goes_on(
    spark: SparkSession, demo_day: DemoDay, tmp_path: Path
) -> None:
    here = tmp_path / "damaged"
    objects = first_objects(demo_day, here, 6)
    cut = objects[2]
    cut.write_bytes(cut.read_bytes()[:-9])
    text = objects[3]
    text.write_bytes(gzip.compress(b"this is no header, 1 2 3\n"))
    flags = [*demo_day.flags(tmp_path), "--flow_logs", str(here)]

    assert main([*flags, "--strict", "true"]) == 3

    quarantine = rows_of(spark, tmp_path / "case/quarantine", "object_uri", "stage", "reason")
    assert quarantine == sorted(
        [
            (f"file://{cut}", "object", "its gzip data is cut off before its end"),
            (f"file://{text}", "object", "its first line is not a header of flow log fields"),
        ],
        key=repr,
    )
    evidence = {uri for (uri,) in rows_of(spark, tmp_path / "case/flows", "object_uri")}
    assert evidence
    assert not evidence & {f"file://{cut}", f"file://{text}"}


def test_a_document_that_opensearch_refuses_is_quarantined_with_its_reason(
    spark: SparkSession,
    tmp_path: Path,
    opensearch_url: str,
    opensearch: OpenSearch,
) -> None:
    flags = [*sample_flags(tmp_path), "--case_id", "narrow"]
    here = tmp_path / "more"
    shutil.copytree(DATA / "samples", here)
    (here / "large.log").write_text(
        "interface-id start end bytes\neni-1235b8ca123456789 1616729292 1616729349 99999999\n"
    )

    with proxy(opensearch_url, Refuses(b"99999999")) as url:
        flags += ["--opensearch_url", url, "--flow_logs", str(here), "--strict", "true"]
        assert main(flags) == 3

    ((stage, record_id, reason),) = rows_of(
        spark, tmp_path / "narrow/quarantine", "stage", "record_id", "reason"
    )
    large = spark.read.format("delta").load(str(tmp_path / "narrow/flows")).where("bytes > 40000")
    assert stage == "document"
    assert [record_id] == [row.record_id for row in large.collect()]
    assert str(reason).startswith("OpenSearch refused it with 400: ")
    assert "99999999" not in str(reason)
    assert opensearch.count(index="flows-narrow")["count"] == 2


def test_the_manifest_holds_the_books(traced_sample: TracedCase) -> None:
    manifest = json.loads((traced_sample.folder / "manifest.json").read_text())
    assert manifest["books"]["lines"] == 3
    assert manifest["books"]["flows"] == 2
    assert [identity["holds"] for identity in manifest["identities"]] == [True] * 10

"""A case against its objects, tables, index and earlier manifests; a change has a place."""

import gzip
import json
import re
import shutil
from pathlib import Path

import boto3
import pytest
from opensearchpy import OpenSearch
from pyspark.sql import SparkSession

from jobs import trace_instance, verify_case
from tests.integration.test_path import first_objects
from tests.support.services import DemoDay


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    capsys.readouterr()
    code = verify_case.main(words)
    return code, capsys.readouterr().out.splitlines()


def test_a_case_holds_until_one_byte_of_one_object_changes(
    spark: SparkSession,
    demo_day: DemoDay,
    tmp_path: Path,
    opensearch_url: str,
    opensearch: OpenSearch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = tmp_path / "objects"
    objects = first_objects(demo_day, here, 12)
    damaged = objects[5]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    flags = [*demo_day.flags(tmp_path, "held"), "--flow_logs", str(here)]
    flags += ["--opensearch_url", opensearch_url]
    case = ["--case", str(tmp_path / "held"), "--opensearch_url", opensearch_url]
    for _ in range(2):
        assert trace_instance.main(flags) == 0
    flows = opensearch.count(index="flows-held")["count"]

    code, lines = said(capsys, *case)

    assert code == 0, lines
    (line,) = lines
    octets = sum(path.stat().st_size for path in objects)
    assert "everything holds: manifests of 2 runs linked; " in line
    assert re.search(r"\d+ files of the tables are, byte for byte, what was written", line)
    assert "; the report and the notice have their bytes; " in line
    assert re.search(r"versions (\w+ 1, )*flows 1, ", line)
    assert f"the books balance and equal Delta ({flows:,} flows)" in line
    assert f"12 objects are, byte for byte, what was read ({octets:,} bytes)" in line
    assert f"has its {flows:,} documents" in line

    # A byte of gzip's header that no reader of the text would notice: the time of compression.
    changed = bytearray(objects[3].read_bytes())
    changed[4] ^= 1
    assert gzip.decompress(changed) == gzip.decompress(objects[3].read_bytes())
    objects[3].write_bytes(changed)
    objects[7].unlink()
    first = next((tmp_path / "held/manifests").glob("*.json"))
    first.write_text(first.read_text().replace('"strict": false', '"strict": true'))
    (document,) = opensearch.search(index="flows-held", body={"size": 1})["hits"]["hits"]
    opensearch.delete(index=document["_index"], id=document["_id"], params={"refresh": "true"})

    manifest = json.loads((tmp_path / "held/manifest.json").read_text())
    report = tmp_path / "held/report.html"
    report.write_text(report.read_text().replace("<h2>", "<h2 >", 1))

    code, lines = said(capsys, *case)

    assert code == 4
    bad = [line.removeprefix("  BAD  ") for line in lines[:-1]]
    assert [line.split(": ")[0] for line in bad[2:4]] == [
        f"file://{path}" for path in sorted((objects[3], objects[7]))
    ]
    assert bad[0].startswith(f"{first}: its SHA-256 is ")
    assert bad[1].startswith("report.html: its SHA-256 is ")
    assert bad[1].endswith(manifest["report"]["sha256"])
    assert any("its SHA-256 is" in line for line in bad[2:4])
    assert any(line.endswith("it vanished since it was read") for line in bad[2:4])
    assert bad[4].endswith(f": {flows - 1:,} documents, the manifest says {flows:,}")
    assert re.search(r": 5 things do NOT hold; what does: \d+ files of the tables are", lines[-1])


def test_another_version_of_an_object_changes_nothing_and_one_of_a_table_is_named(
    spark: SparkSession,
    demo_day: DemoDay,
    tmp_path: Path,
    bucket: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    here = tmp_path / "objects"
    keys = {str(path.relative_to(here)): path for path in first_objects(demo_day, here, 4)}
    for key, path in keys.items():
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    flags = [*demo_day.flags(tmp_path), "--flow_logs", f"s3://{bucket}/AWSLogs"]
    assert trace_instance.main(flags) == 0
    overwritten, lost = sorted(keys)[:2]
    s3.put_object(Bucket=bucket, Key=overwritten, Body=b"something else")

    code, lines = said(capsys, "--case", str(tmp_path / "case"))
    assert code == 0, lines
    manifest = json.loads((tmp_path / "case/manifest.json").read_text())
    assert manifest["operator"]["arn"].startswith("arn:aws:sts::")

    flows = spark.read.format("delta").load(str(tmp_path / "case/flows"))
    flows.limit(1).write.format("delta").mode("append").save(str(tmp_path / "case/flows"))
    version = s3.head_object(Bucket=bucket, Key=lost)["VersionId"]
    s3.delete_object(Bucket=bucket, Key=lost, VersionId=version)
    (tmp_path / "case/quarantine/_delta_log" / f"{0:020}.json").unlink()

    code, lines = said(capsys, "--case", str(tmp_path / "case"))

    assert code == 4
    assert "  BAD  table quarantine: version 0 is gone from its log" in lines
    newer = [line for line in lines if "BAD  table flows: version 1 is newer than 0" in line]
    assert len(newer) == 1


def test_a_folder_that_is_no_complete_case_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_case.main(["--case", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: --case {tmp_path}: found no manifest.json; expected the folder of a case that a "
        "run completed: <output>/<case_id>\n"
    )
    shutil.copy(Path(__file__), tmp_path / "manifest.json")
    assert verify_case.main(["--case", str(tmp_path), "--cases", "x"]) == 2
    assert verify_case.main(["--case", str(tmp_path)]) == 2
    assert "manifest.json is not readable" in capsys.readouterr().err

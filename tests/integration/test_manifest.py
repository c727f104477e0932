"""The manifest: what went in, what came out, what ran, and the run before; recomputed by hand."""

import hashlib
import html
import json
import subprocess
from datetime import datetime
from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession

from jobs.submit.outcome import outcome_of
from jobs.submit.runs import RunStatus
from jobs.trace_instance import main
from tests.support.paths import DATA
from tests.support.spark import JARS


def in_order(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert [name for name, _ in pairs] == sorted(name for name, _ in pairs)
    return dict(pairs)


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_manifest_tells_the_whole_run_and_names_the_one_before(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENSEARCH_PASSWORD", "planted-secret")
    here = tmp_path / "objects"
    here.mkdir()
    sample = (DATA / "samples/service-path.log").read_bytes()
    (here / "service-path.log").write_bytes(sample)
    (here / "broken.log").write_bytes(b"no header, this\n")
    flags = ["--flow_logs", str(here), "--labels", str(DATA / "labels")]
    flags += ["--instance_id", "Report-1", "--case_id", "told", "--strict", "true"]
    flags += ["--from", "2021-03-26T01:00:00+01:00", "--to", "2021-03-27T00:00:00Z"]
    flags += ["--output", str(tmp_path)]

    assert main(flags) == 3
    first = (tmp_path / "told/manifest.json").read_bytes()
    first_report = (tmp_path / "told/report.html").read_text()
    printed = capsys.readouterr().out
    assert "_aws" not in printed
    assert "  subject   i-0c50d5961bcb2d47b (report-1), eni-" in printed
    assert main([*flags, "--metrics", "emf"]) == 3
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    second = (tmp_path / "told/manifest.json").read_bytes()

    told = json.loads(second, object_pairs_hook=in_order)
    assert second == json.dumps(told, indent=2).encode() + b"\n"
    earlier = json.loads(first)
    assert told["previous"] == {"run_id": earlier["run_id"], "sha256": hash_of(first)}
    assert earlier["previous"] is None
    kept = tmp_path / "told/manifests" / f"{earlier['run_id']}.json"
    assert kept.read_bytes() == first

    lines = [f"file://{path}  {hash_of(path.read_bytes())}\n" for path in sorted(here.iterdir())]
    assert told["inputs_sha256"] == hash_of("".join(lines).encode())
    assert told["labels"] == [
        {"sha256": hash_of(path.read_bytes()), "uri": f"file://{path}"}
        for path in sorted((DATA / "labels").glob("*.csv"))
    ]
    assert told["exit_status"] == 3
    # The sample is two records of S3, outside; a day of which two lines are left shows no silence.
    assert told["verdict"]["step"] == "CANNOT TELL"
    assert told["verdict"]["sentence"] in html.unescape((tmp_path / "told/report.html").read_text())
    assert told["warnings"] == ["1 objects, lines or documents are in quarantine"]
    assert told["parameters"]["window"]["from_at"] == "2021-03-26T00:00:00+00:00"
    assert told["parameters"]["strict"] is True
    assert told["subject"]["instance_ids"] == ["i-0c50d5961bcb2d47b"]
    assert told["instance_names"] == {"i-0c50d5961bcb2d47b": "report-1"}
    assert told["parameters"]["instance_names"] == ["Report-1"]
    assert told["listing"]["objects"] == told["listing"]["selected"] == 2
    rows = {name: (told["tables"][name]["version"], told["tables"][name]["rows"])
            for name in ("flows", "objects", "quarantine")}  # fmt: skip
    assert rows == {"flows": (1, 2), "objects": (1, 2), "quarantine": (1, 1)}
    assert told["books"]["flows"] == 2
    report = (tmp_path / "told/report.html").read_text()
    assert told["report"]["sha256"] == hash_of(report.encode())
    named = tmp_path / "told" / told["report"]["name"]
    assert named.read_text() == report
    for text, run_id in ((first_report, earlier["run_id"]), (report, told["run_id"])):
        assert text.count(run_id) == 1
    before_run = [text.split('<footer id="run">')[0] for text in (first_report, report)]
    assert before_run[0] == before_run[1]
    assert told["started_at"] <= told["finished_at"]
    # What the submit commands make of it.
    status = RunStatus("SUCCEEDED", True, True, datetime.fromisoformat(told["started_at"]))
    outcome = outcome_of(str(tmp_path / "told"), status, str(tmp_path / "copies"))
    assert outcome.exit_code == 3
    assert f"CANNOT TELL: {told['verdict']['sentence']}" in outcome.lines
    assert "Books       balanced" in outcome.lines
    (copy,) = (tmp_path / "copies").iterdir()
    assert copy.read_text() == report
    seconds = datetime.fromisoformat(told["finished_at"]) - datetime.fromisoformat(
        told["started_at"]
    )
    assert (metrics["CaseId"], metrics["RunId"]) == ("told", told["run_id"])
    assert (metrics["BooksBalanced"], metrics["Quarantined"], metrics["Flows"]) == (1, 1, 2)
    assert metrics["DurationSeconds"] == seconds.total_seconds()

    assert told["runtime"]["spark"] == pyspark.__version__
    (jar,) = JARS.glob("delta-spark_*.jar")
    assert told["runtime"]["delta"] == jar.stem.rpartition("-")[2]
    assert told["runtime"]["settings"]["spark.master"] == "local[2]"
    assert told["operator"] is None  # nothing of this run was on AWS
    root = DATA.parent.parent
    if (root / ".git").exists():
        head = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        assert told["tool"]["git"]["commit"] == head
    for secret in ("planted-secret", "testing"):  # the second: credentials of the tests' S3
        assert secret.encode() not in second


def test_a_manifest_that_is_something_else_is_not_replaced(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "told").mkdir()
    (tmp_path / "told/manifest.json").write_text('["a list"]\n')
    flags = ["--flow_logs", str(DATA / "samples"), "--instance_id", "i-0c50d5961bcb2d47b"]
    flags += ["--from", "2021-03-26T00:00:00Z", "--to", "2021-03-27T00:00:00Z"]

    assert main([*flags, "--case_id", "told", "--output", str(tmp_path)]) == 2

    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: {tmp_path}/told/manifest.json: found something that cannot be read (it is no "
        "manifest: it names no run); expected the manifest of an earlier run; move it away or "
        "choose another --case_id"
    )
    assert {path.name for path in (tmp_path / "told").iterdir()} == {"manifest.json"}

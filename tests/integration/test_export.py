"""A traced case in every format, against Delta, and notes in a case that is verified."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import export_case, note_case, verify_case
from tests.support.cases import TracedCase
from tests.support.export_checks import check_finding, check_layer, check_timeline, valid_bundle
from tests.support.services import DemoDay


def test_a_traced_case_is_exported_whole_and_valid(
    spark: SparkSession,
    traced_day: TracedCase,
    demo_day: DemoDay,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--case", str(traced_day.folder), "--output", str(tmp_path)]
    formats = "timesketch,csv,stix,ocsf,navigator"

    code = export_case.main([*words, "--format", formats])

    assert code == 0, capsys.readouterr().err
    files = {path.name.partition(".")[2]: path for path in tmp_path.iterdir()}
    events = [json.loads(line) for line in files["timesketch.jsonl"].read_text().splitlines()]
    check_timeline(events)
    check_finding(json.loads(files["ocsf.json"].read_text()))
    layer = json.loads(files["navigator.json"].read_text())
    check_layer(layer)
    bundle = valid_bundle(files["stix.json"].read_text())

    # What Spark reads of the same table: ids, times and octets, row by row.
    frame = spark.read.format("delta").load(str(traced_day.folder / "conversations"))
    stored = sorted(
        (row["conversation_id"], row["first_text"], row["bytes_out"])
        for row in frame.selectExpr(
            "conversation_id",
            "date_format(first_at, \"yyyy-MM-dd'T'HH:mm:ss\") AS first_text",
            "bytes_out",
        ).collect()
    )
    assert len(stored) > 100
    assert stored == sorted(
        (event["conversation_id"], event["datetime"].removesuffix("+00:00"), event.get("bytes_out"))
        for event in events
        if event["source_table"] == "conversations"
    )
    with files["conversations.csv"].open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert stored == sorted(
        (row["conversation_id"], row["first_at"].removesuffix("+00:00"),
         int(row["bytes_out"]) if row["bytes_out"] else None)
        for row in rows
    )  # fmt: skip

    # What the demo knows: who came in, and where the data went.
    attacker, drop = (demo_day.truth[name] for name in ("attacker", "drop_site"))
    patterns = {each["pattern"] for each in bundle if each["type"] == "indicator"}
    assert {f"[ipv4-addr:value = '{address}']" for address in (attacker, drop)} <= patterns
    assert {"T1110", "T1046", "T1048"} <= {each["techniqueID"] for each in layer["techniques"]}


def test_notes_are_verified_with_their_case(
    traced_sample: TracedCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / traced_sample.case_id
    shutil.copytree(traced_sample.folder, case)
    for text in ("first", "second"):
        assert note_case.main(["--case", str(case), "--text", text]) == 0
    last = json.loads((case / "notes/00002.json").read_text())["sha256"]

    capsys.readouterr()
    assert verify_case.main(["--case", str(case), "--expect_note", last]) == 0
    assert f"; 2 notes linked, the last with SHA-256 {last}; " in capsys.readouterr().out

    (case / "notes/00002.json").unlink()
    assert verify_case.main(["--case", str(case), "--expect_note", last]) == 4
    assert f"  BAD  notes: no note has the SHA-256 {last}" in capsys.readouterr().out

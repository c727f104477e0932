"""What is made of a manifest in a bucket, which whoever may write there may have written."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.errors import ExitCode
from jobs.submit.outcome import outcome_of
from jobs.submit.runs import RunStatus

RUN = "20261128t000000z-0001"
STATUS = RunStatus("SUCCEEDED", True, True, datetime(2026, 11, 28, tzinfo=UTC))
REPORT = b"<script>the attacker's</script>"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "cases/web-3"
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / f"{RUN}.html").write_bytes(REPORT)
    return folder


def write_manifest(case: Path, **changed: object) -> None:
    content: dict[str, object] = {
        "case_id": "web-3",
        "run_id": RUN,
        "started_at": "2026-11-28T00:00:01+00:00",
        "exit_status": 0,
        "books": {"flows": 1},
        "identities": [],
        "warnings": [],
        "report": {
            "name": f"reports/{RUN}.html",
            "sha256": hashlib.sha256(REPORT).hexdigest(),
        },
        **changed,
    }
    (case / "manifest.json").write_text(json.dumps(content))


def test_the_copy_of_the_report_is_named_by_the_case_that_was_asked_for(
    case: Path, tmp_path: Path
) -> None:
    write_manifest(case)

    outcome = outcome_of(str(case), STATUS, str(tmp_path / "copies"))

    assert outcome.exit_code == 0
    assert [path.name for path in (tmp_path / "copies").iterdir()] == [f"web-3-{RUN}.html"]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"case_id": "../planted"}, id="the case's id"),
        pytest.param({"case_id": "{folder}/planted"}, id="an absolute one"),
        pytest.param({"run_id": "../../planted"}, id="the run's id"),
        pytest.param(
            {"report": {"name": "../../planted", "sha256": hashlib.sha256(REPORT).hexdigest()}},
            id="the report's name",
        ),
    ],
)
def test_no_path_comes_from_the_manifest(
    changed: dict[str, object], case: Path, tmp_path: Path
) -> None:
    (tmp_path / "planted").write_bytes(REPORT)
    write_manifest(case, **json.loads(json.dumps(changed).replace("{folder}", str(tmp_path))))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}

    outcome_of(str(case), STATUS, str(tmp_path / "copies"))

    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert new <= {tmp_path / "copies" / f"web-3-{RUN}.html"}


def test_a_run_id_that_is_none_is_a_sentence(case: Path, tmp_path: Path) -> None:
    write_manifest(case, run_id="../../planted")

    outcome = outcome_of(str(case), STATUS, str(tmp_path / "copies"))

    assert outcome.exit_code == ExitCode.FAILED
    assert outcome.lines == []
    assert outcome.error == (
        f"{case}/manifest.json: run_id: expected the id of a run, such as 20261124t023730z-54d7; "
        "verify the case"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"started_at": None},
        {"started_at": "2026-11-28T00:00:01"},
        {"exit_status": "0"},
        {"exit_status": 256},
        {"verdict": {"step": "\x1b[2JDATA", "sentence": "x"}},
        {"verdict": ["DATA"]},
        {"coverage": {"verdict": "FULL"}},
        {"books": {}},
        {"identities": [{"what": "lines"}]},
        {"further_readings": {"hop_2": 7}},
        {"warnings": None},
        {"report": {"sha256": "../x"}},
        {"case_id": "\u202eweb-3"},
    ],
    ids=str,
)
def test_a_manifest_of_another_shape_is_one_sentence(
    changed: dict[str, object], case: Path, tmp_path: Path
) -> None:
    write_manifest(case, **changed)

    outcome = outcome_of(str(case), STATUS, str(tmp_path / "copies"))

    assert outcome.exit_code == ExitCode.FAILED
    assert outcome.lines == []
    assert outcome.error is not None
    assert outcome.error.startswith(f"{case}/manifest.json: ")
    assert outcome.error.endswith("; verify the case")
    assert outcome.error.isprintable()
    assert not (tmp_path / "copies").exists()


def test_all_that_is_wrong_with_a_manifest_is_told_at_once(case: Path, tmp_path: Path) -> None:
    write_manifest(case, exit_status=-1, verdict=7, coverage={"verdict": "FULL"}, warnings=None)

    outcome = outcome_of(str(case), STATUS, str(tmp_path / "copies"))

    assert outcome.error == (
        f"{case}/manifest.json: exit_status: expected a whole number; verdict: expected an object; "
        "coverage.figures: expected an object; warnings: expected a list; verify the case"
    )


def test_a_manifest_that_is_nested_without_end_is_a_sentence(case: Path, tmp_path: Path) -> None:
    (case / "manifest.json").write_text("[" * 1_000_000)

    outcome = outcome_of(str(case), STATUS, str(tmp_path / "copies"))

    assert outcome.error == (
        f"{case}/manifest.json: it is no manifest: it is nested too deeply; verify the case"
    )


def test_text_of_others_in_a_manifest_steers_no_terminal(case: Path, tmp_path: Path) -> None:
    hostile = "\x1b[2J\u202e\u2028<b>"
    write_manifest(
        case,
        verdict={"step": "DATA", "sentence": hostile},
        coverage={"verdict": hostile, "figures": {"seen": 1, "slots": 2}, "reasons": [hostile]},
        warnings=[hostile],
        identities=[{"what": hostile, "holds": False}],
        further_readings={hostile: {"identities": [{"what": hostile, "holds": False}]}},
    )

    lines = outcome_of(str(case), STATUS, str(tmp_path / "copies")).lines

    assert len(lines) == 10
    assert all(line.isprintable() for line in lines), lines

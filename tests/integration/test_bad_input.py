"""Every wrong input gets one sentence, before the long work, and leaves nothing behind."""

from pathlib import Path

import pytest

from jobs.trace_instance import main
from tests.support.services import DemoDay


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "cases"


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        pytest.param(
            ["--flow_logs", "{empty}"],
            "--flow_logs {empty}: found no object; expected flow logs; check the prefix",
            id="a prefix with no objects",
        ),
        pytest.param(
            ["--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"],
            "--flow_logs: found 1 folder left out (its date is outside the padded window), as "
            "file://{day}/flow-logs/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026; expected "
            "objects that may hold records of 2020-01-01 00:00:00 UTC to 2020-01-02 00:00:00 UTC; "
            "check --from, --to and the prefix",
            id="a window with no objects",
        ),
        pytest.param(
            ["--labels", "{labels}"],
            "--labels {labels}/interfaces.csv: found columns name; expected interface_id among "
            "them; add it",
            id="labels without their key",
        ),
        pytest.param(
            ["--labels", "{empty}"],
            "--labels {empty}: found no label file; expected interfaces, subnets, vpcs, instances, "
            "aws_ranges, prefix_lists as .csv, .jsonl or .parquet",
            id="labels that are not there",
        ),
        pytest.param(
            ["--opensearch_url", "http://127.0.0.1:9"],
            "--opensearch_url http://127.0.0.1:9: found nothing that answers (ConnectionError); "
            "expected an OpenSearch node; start one with `make opensearch`, or drop the flag",
            id="an OpenSearch that does not answer",
        ),
        pytest.param(
            ["--output", "{file}/below"],
            "--output {file}/below: found that {file} is a file; expected a folder to write to; "
            "choose another",
            id="an output below a file",
        ),
        pytest.param(
            ["--flow_logs", "s3://no-such-bucket-anywhere/logs"],
            "s3://no-such-bucket-anywhere: S3 answered 404; check the name and the s3:ListBucket "
            "permission",
            id="a bucket that does not exist",
        ),
        pytest.param(
            ["--to", "2026-11-24T00:00:00"],
            "--to: found '2026-11-24T00:00:00'; expected a zone; write 2026-11-24T00:00:00Z if it "
            "is UTC",
            id="a time without a zone",
        ),
    ],
)
def test_a_wrong_input_is_one_sentence(
    changed: list[str],
    sentence: str,
    demo_day: DemoDay,
    tmp_path: Path,
    output: Path,
    s3_server: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {
        "empty": tmp_path / "empty",
        "labels": tmp_path / "labels",
        "file": tmp_path / "file",
        "day": demo_day.folder,
    }
    places["empty"].mkdir()
    places["labels"].mkdir()
    (places["labels"] / "interfaces.csv").write_text("name\nweb-1\n")
    places["file"].write_text("")

    code = main([*demo_day.flags(output), *(word.format(**places) for word in changed)])

    assert code == 2
    assert errors(capsys) == [f"error: {sentence.format(**places)}"]
    assert not output.exists()
    assert list(places["empty"].iterdir()) == []


def test_an_abbreviated_flag_is_unknown(
    demo_day: DemoDay, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*demo_day.flags(output), "--instance", "i-0123456789abcdef0"]) == 2

    (error,) = errors(capsys)
    assert error == "error: unknown flag --instance; did you mean --instance_id? --help lists all"


def test_all_problems_are_told_at_once(
    demo_day: DemoDay, tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "nowhere")
    wrong = ["--flow_logs", nowhere, "--labels", nowhere, "--opensearch_url", "http://127.0.0.1:9"]

    assert main([*demo_day.flags(output), *wrong]) == 2

    said = [error.split()[1] for error in errors(capsys)]
    assert said == ["--labels", "--opensearch_url", "--flow_logs"]
    assert not output.exists()


def test_a_password_in_a_url_is_refused_and_not_repeated(
    demo_day: DemoDay, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "https://admin:hunter2@search.example"

    assert main([*demo_day.flags(output), "--opensearch_url", url]) == 2

    (error,) = errors(capsys)
    assert "expected a URL without user and password" in error
    assert "hunter2" not in error

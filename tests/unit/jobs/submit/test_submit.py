"""The submit commands against a moto that speaks HTTP: what arrives, how it ends, what is said."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.emr.models import emr_backends
from moto.emrserverless.models import emrserverless_backends
from moto.glue.models import glue_backends
from moto.moto_api import state_manager

from jobs.cli.arguments import parse_arguments
from jobs.submit.launch import main
from tests.integration.test_conf_aws import DELTA, GLUE_KEEPS, confs_of
from tests.support.glue_fake import glue_fake
from tests.support.paths import ROOT

REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/tracer"
REPORT = b"<!doctype html><title>web-3</title>"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """What `make dist-glue` and `make dist-emr` leave, in name."""
    folder = tmp_path / "dist"
    folder.mkdir()
    packages = ("packages.gluewheels.zip", "packages-x86_64.tar.gz", "packages-aarch64.tar.gz")
    for name in ("vpc_flow_trace.zip", *packages):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def glue(s3_server: str) -> Iterator[None]:
    """Glue, whose runs take a step each second time that they are looked at."""
    state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 2})
    with glue_fake():
        yield
    state_manager.unset_transition("glue::job_run")


@pytest.fixture
def cluster_id(s3_server: str) -> str:
    return str(
        boto3.client("emr").run_job_flow(
            Name="cluster", ReleaseLabel="emr-7.11.0", LogUri="s3n://emr-logs/clusters/",
            Instances={"MasterInstanceType": "m6g.xlarge", "InstanceCount": 1,
                       "KeepJobFlowAliveWhenNoSteps": True},
            JobFlowRole="EMR_EC2_DefaultRole", ServiceRole="EMR_DefaultRole",
        )["JobFlowId"]
    )  # fmt: skip


@pytest.fixture
def application_id(s3_server: str) -> str:
    made = boto3.client("emr-serverless").create_application(
        name="tracer", type="SPARK", releaseLabel="emr-7.13.0"
    )
    return str(made["applicationId"])


def of_case(bucket: str) -> list[str]:
    return [
        *("--flow_logs", f"s3://{bucket}/AWSLogs", "--output", f"s3://{bucket}/cases"),
        *("--finding", f"s3://{bucket}/finding.json", "--case_id", "web-3"),
    ]


def of_submit(bucket: str, dist: Path, tmp_path: Path, *words: str) -> list[str]:
    places = ("--artifacts", f"s3://{bucket}/code", "--dist", str(dist))
    return [*places, "--report_folder", str(tmp_path / "reports"), *words]


def manifest(**differs: object) -> dict[str, object]:
    """What a run that began now leaves behind, as far as it is read here."""
    return {
        "case_id": "web-3",
        "run_id": "20261124t023730z-54d7",
        "started_at": (datetime.now(UTC) + timedelta(seconds=30)).isoformat(timespec="seconds"),
        "exit_status": 0,
        "warnings": [],
        "verdict": {"step": "DATA", "sentence": "Yes: 1,349 attempts at\x1b[2J 167 addresses."},
        "coverage": {
            "verdict": "PARTIAL",
            "reasons": ["32 slots without an object"],
            "figures": {"seen": 288, "slots": 320},
        },
        "books": {"flows": 14756},
        "identities": [{"what": "subject = flows", "left": 1, "right": 1, "holds": True}],
        "report": {
            "name": "reports/20261124t023730z-54d7.html",
            "sha256": hashlib.sha256(REPORT).hexdigest(),
        },
        **differs,
    }


def leave_behind(bucket: str, said: dict[str, object]) -> None:
    s3 = boto3.client("s3")
    case = f"cases/{said['case_id']}"
    s3.put_object(Bucket=bucket, Key=f"{case}/reports/20261124t023730z-54d7.html", Body=REPORT)
    s3.put_object(Bucket=bucket, Key=f"{case}/manifest.json", Body=json.dumps(said).encode())


class Watch:
    """What `sleep` is to the command: the platform's next moment."""

    def __init__(self, *moments: Callable[[], None]) -> None:
        self.moments = iter(moments)
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        next(self.moments, lambda: None)()


def submit(*words: str, watch: Watch | None = None) -> tuple[int, str]:
    out = io.StringIO()
    code = main(words, out=out, sleep=watch or Watch())
    return code, out.getvalue()


def test_on_glue_from_the_upload_to_the_verdict(
    glue: None, bucket: str, dist: Path, tmp_path: Path
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--job_name", f"trace-{bucket}")

    code, said = submit(
        "glue", *flags, *of_case(bucket), watch=Watch(lambda: leave_behind(bucket, manifest()))
    )

    assert code == 0, said
    job = boto3.client("glue").get_job(JobName=f"trace-{bucket}")["Job"]
    (run,) = boto3.client("glue").get_job_runs(JobName=f"trace-{bucket}")["JobRuns"]
    # Glue hands over its own flags, and the job's defaults as far as the run does not say more.
    handed = {**job["DefaultArguments"], **run["Arguments"]}
    handed = {k: v for k, v in handed.items() if k.removeprefix("--") not in GLUE_KEEPS}
    of_glue = ["--JOB_ID", "j_1", "--JOB_RUN_ID", run["Id"], "--TempDir", "s3://t/"]
    arguments = parse_arguments([*of_glue, *chain.from_iterable(handed.items())])
    assert (arguments.flow_logs, arguments.labels) == ((f"s3://{bucket}/AWSLogs",), None)
    assert arguments.metrics == "emf"  # of the file in conf/, as the case did not say otherwise
    assert (arguments.finding, arguments.case_id) == (f"s3://{bucket}/finding.json", "web-3")
    assert (job["Role"], job["GlueVersion"], job["WorkerType"]) == (ROLE, "5.1", "G.1X")
    (ingest,) = re.findall(r"s3://\S+/ingest_flows[.]py", said)
    for name, path in (
        (job["Command"]["ScriptLocation"], ROOT / "jobs/trace_instance.py"),
        (ingest, ROOT / "jobs/ingest_flows.py"),
        (job["DefaultArguments"]["--extra-py-files"], dist / "vpc_flow_trace.zip"),
        (job["DefaultArguments"]["--additional-python-modules"],
         dist / "packages.gluewheels.zip"),
    ):  # fmt: skip
        key = name.removeprefix(f"s3://{bucket}/")
        stored = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        assert stored == path.read_bytes()

    states = [line.split()[0] for line in said.splitlines() if line[:1].isupper() and ":" in line]
    assert [state for state in states if state in ("STARTING", "RUNNING", "SUCCEEDED")] == [
        "STARTING", "RUNNING", "SUCCEEDED",
    ]  # fmt: skip
    assert "DATA: Yes: 1,349 attempts at\N{REPLACEMENT CHARACTER}[2J 167 addresses." in said
    assert "PARTIAL: 288 of 320 five-minute slots seen whole\n  - 32 slots without" in said
    assert "Books       balanced" in said
    assert f"/aws-glue/jobs/error --log-stream-name-prefix {run['Id']}" in said
    copy = tmp_path / "reports/web-3-20261124t023730z-54d7.html"
    assert copy.read_bytes() == REPORT
    assert str(copy) in said


def test_a_second_launch_uploads_only_what_is_new_and_brings_the_job_up_to_date(
    glue: None, bucket: str, dist: Path, tmp_path: Path
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--job_name", f"again-{bucket}", "--follow", "false")
    _, first = submit("glue", *flags, "--role", ROLE, *of_case(bucket))
    before = boto3.client("glue").get_job(JobName=f"again-{bucket}")["Job"]
    (dist / "vpc_flow_trace.zip").write_text("a newer one")

    code, second = submit("glue", *flags, "--role", "another", *of_case(bucket))

    assert code == 0
    uploads = [said.count("upload ") for said in (first, second)]
    assert (uploads, second.count("is there ")) == ([4, 1], 3)
    after = boto3.client("glue").get_job(JobName=f"again-{bucket}")["Job"]
    assert (before["Role"], after["Role"]) == (ROLE, "another")
    changed = {
        name for name, value in after["DefaultArguments"].items()
        if before["DefaultArguments"][name] != value
    }  # fmt: skip
    assert changed == {"--extra-py-files"}
    assert before["Command"] == after["Command"]
    old = before["DefaultArguments"]["--extra-py-files"].removeprefix(f"s3://{bucket}/")
    assert boto3.client("s3").get_object(Bucket=bucket, Key=old)["Body"].read() == (
        b"vpc_flow_trace.zip"  # a run that was started with it still finds it
    )
    assert "Follow it:  python -m jobs.submit glue " in second
    assert f"aws glue batch-stop-job-run --job-name again-{bucket}" in second


def test_the_machines_of_the_job_are_those_that_the_flags_name(
    glue: None, bucket: str, dist: Path, tmp_path: Path
) -> None:
    name = f"machines-{bucket}"
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--job_name", name)
    flags += ["--follow", "false", *of_case(bucket)]
    more = ["--workers", "40", "--worker_type", "R.2X", "--auto_scaling", "true",
            "--connection", "into the vpc"]  # fmt: skip

    def made(*words: str) -> tuple[object, ...]:
        code, said = submit("glue", *flags, *words)
        assert code == 0, said
        job = boto3.client("glue").get_job(JobName=name)["Job"]
        connections = (job.get("Connections") or {}).get("Connections", [])
        scaling = job["DefaultArguments"].get("--enable-auto-scaling")
        return job["NumberOfWorkers"], job["WorkerType"], scaling, connections

    plain: tuple[object, ...] = (10, "G.1X", None, [])
    assert made() == plain
    assert made(*more) == (40, "R.2X", "true", ["into the vpc"])
    assert made(*more[:-2]) == (40, "R.2X", "true", [])
    assert made() == plain


def test_a_job_of_others_is_not_overwritten(
    glue: None, bucket: str, dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = {"Name": "glueetl", "ScriptLocation": "s3://others/etl.py"}
    boto3.client("glue").create_job(Name=f"etl-{bucket}", Role="r", Command=theirs)
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--job_name", f"etl-{bucket}")

    code, said = submit("glue", *flags, *of_case(bucket))

    assert (code, said) == (2, "")
    assert "found a job whose script is s3://others/etl.py; expected none" in (
        capsys.readouterr().err
    )
    assert boto3.client("glue").get_job(JobName=f"etl-{bucket}")["Job"]["Command"] == theirs


def test_a_run_that_glue_ends_as_failed_has_the_exit_code_of_its_case(
    glue: None,
    bucket: str,
    dist: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"failing-{bucket}"
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--job_name", name)
    unbalanced = {"what": "subject = flows in Delta", "left": 2, "right": 1, "holds": False}

    def fail() -> None:
        job = glue_backends[DEFAULT_ACCOUNT_ID][REGION].jobs[name]
        job.job_runs[-1].status = "FAILED"

    def fail_behind_a_manifest() -> None:
        leave_behind(bucket, manifest(exit_status=4, identities=[unbalanced]))
        fail()

    nothing_left = submit("glue", *flags, *of_case(bucket), watch=Watch(fail))
    code, said = submit("glue", *flags, *of_case(bucket), watch=Watch(fail_behind_a_manifest))

    assert nothing_left[0] == 1
    missing = f"error: the run left no manifest: s3://{bucket}/cases/web-3 holds no complete run"
    assert missing in capsys.readouterr().err
    assert "The run ended FAILED" in nothing_left[1]
    assert code == 4
    assert "Books       NOT BALANCED\n  BAD subject = flows in Delta" in said


def test_each_case_of_a_watch_list_is_told_and_one_that_is_missing_is_a_failure(
    glue: None,
    bucket: str,
    dist: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--job_name", f"list-{bucket}")
    of_list = ["--flow_logs", f"s3://{bucket}/AWSLogs", "--output", f"s3://{bucket}/cases",
               "--case_id", "list", "--instance_id", "i-0000000a,i-0000000b", "--from", "now-25h",
               "--to", "now-1h", "--one_case_each", "true"]  # fmt: skip

    def leave(*letters: str) -> Watch:
        def arrive() -> None:
            for letter in letters:
                said = manifest(case_id=f"list-i-0000000{letter}", exit_status=3)
                leave_behind(bucket, said)

        return Watch(arrive)

    one = submit("glue", *flags, *of_list, watch=leave("a"))
    both = submit("glue", *flags, *of_list, watch=leave("a", "b"))

    assert (one[0], both[0]) == (1, 3)
    assert f"s3://{bucket}/cases/list-i-0000000b holds no complete run" in capsys.readouterr().err
    told = [line.split()[1] for line in both[1].splitlines() if line.startswith("Case ")]
    assert told == ["list-i-0000000a,", "list-i-0000000b,"]


def test_the_manifest_of_an_earlier_run_is_not_taken_for_this_one(
    glue: None,
    bucket: str,
    dist: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    leave_behind(bucket, manifest(started_at="2026-01-01T00:00:00+00:00"))
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--job_name", f"late-{bucket}")

    code, said = submit("glue", *flags, *of_case(bucket))

    assert code == 1
    assert "still holds run 20261124t023730z-54d7" in capsys.readouterr().err
    assert "DATA" not in said


def test_a_report_with_other_bytes_than_the_manifest_names_is_not_copied(
    glue: None, bucket: str, dist: Path, tmp_path: Path
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--job_name", f"alter-{bucket}")
    altered = manifest(report={"name": "reports/20261124t023730z-54d7.html", "sha256": "0" * 64})

    _, said = submit(
        "glue", *flags, *of_case(bucket), watch=Watch(lambda: leave_behind(bucket, altered))
    )

    assert "no copy: found other bytes than the manifest names" in said
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("stop", ["false", "true"])
def test_ctrl_c_leaves_the_run_alone_unless_told_otherwise(
    s3_server: str, application_id: str, bucket: str, dist: Path, tmp_path: Path, stop: str
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--application_id", application_id)
    flags += ["--stop_on_interrupt", stop]
    backend = emrserverless_backends[DEFAULT_ACCOUNT_ID][REGION]

    class Pressed(io.StringIO):
        """A terminal's user, who presses Ctrl-C once a first state is shown."""

        def flush(self) -> None:
            raise KeyboardInterrupt

    out = Pressed()
    code = main(["emr-serverless", *flags, *of_case(bucket)], out=out, sleep=Watch())

    assert code == 130
    (run,) = backend.job_runs[application_id]
    if stop == "true":
        assert run.state == "CANCELLED"
        assert f"Run {run.id} is asked to stop." in out.getvalue()
    else:
        assert run.state != "CANCELLED"
        assert f"run {run.id} goes on" in out.getvalue()
        assert f"--follow_run {run.id}" in out.getvalue()
        assert f"--job-run-id {run.id}" in out.getvalue()


def test_a_run_can_be_followed_again_without_an_upload(
    s3_server: str, application_id: str, bucket: str, dist: Path, tmp_path: Path
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--application_id", application_id)
    flags += [*of_case(bucket), "--follow", "false", "--logs", f"s3://{bucket}/logs"]
    submit("emr-serverless", *flags)
    (run,) = emrserverless_backends[DEFAULT_ACCOUNT_ID][REGION].job_runs[application_id]
    for name in dist.iterdir():
        name.unlink()
    run.state = "RUNNING"

    def succeed() -> None:
        leave_behind(bucket, manifest())
        run.state = "SUCCESS"

    watch = Watch(lambda: None, succeed)
    code, said = submit(
        "emr-serverless", *flags, "--follow_run", run.id, "--follow", "true", watch=watch
    )

    assert code == 0, said
    assert "upload" not in said
    assert [line.split()[0] for line in said.splitlines()[:2]] == ["RUNNING", "SUCCESS"]
    assert len(watch.slept) == 2
    assert f"s3://{bucket}/logs/applications/{application_id}/jobs/{run.id}/SPARK_DRIVER" in said


def test_emr_serverless_gets_the_flags_given_the_logs_and_the_role(
    s3_server: str, application_id: str, bucket: str, dist: Path, tmp_path: Path
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--application_id", application_id)
    flags += ["--architecture", "aarch64", "--logs", "/emr/tracer", "--follow", "false"]

    code, said = submit("emr-serverless", *flags, *of_case(bucket))

    assert code == 0, said
    (run,) = emrserverless_backends[DEFAULT_ACCOUNT_ID][REGION].job_runs[application_id]
    driver: Any = (run.job_driver or {})["sparkSubmit"]
    arguments = parse_arguments(driver["entryPointArguments"])
    assert (arguments.output, arguments.labels) == (f"s3://{bucket}/cases", None)
    assert run.execution_role_arn == ROLE
    words = driver["sparkSubmitParameters"].split()
    assert confs_of(words).items() >= DELTA.items()
    packages = words[words.index("--archives") + 1]
    assert packages.startswith(f"s3://{bucket}/code/")
    assert packages.endswith("/packages-aarch64.tar.gz#packages")
    overrides: Any = run.configuration_overrides
    monitoring = overrides["monitoringConfiguration"]
    assert monitoring["cloudWatchLoggingConfiguration"] == {
        "enabled": True, "logGroupName": "/emr/tracer",
    }  # fmt: skip


def test_on_emr_a_step_is_added_followed_and_its_failure_is_told(
    cluster_id: str, bucket: str, dist: Path, tmp_path: Path
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--cluster_id", cluster_id)
    (cluster,) = (
        backend.clusters[cluster_id]  # moto files it under a region of its own choice
        for backend in emr_backends[DEFAULT_ACCOUNT_ID].values()
        if cluster_id in backend.clusters
    )

    def fail() -> None:
        cluster.steps[-1].state = "FAILED"

    code, said = submit("emr", *flags, *of_case(bucket), watch=Watch(lambda: None, fail))

    assert code == 1
    (step,) = boto3.client("emr").list_steps(ClusterId=cluster_id)["Steps"]
    words = step["Config"]["Args"]
    script = next(at for at, word in enumerate(words) if word.endswith("/trace_instance.py"))
    arguments = parse_arguments(words[script + 1 :])
    assert (arguments.flow_logs, arguments.labels) == ((f"s3://{bucket}/AWSLogs",), None)
    assert confs_of(words[:script]).items() >= DELTA.items()
    assert words[words.index("--py-files") + 1].startswith(f"s3://{bucket}/code/")
    assert not [word for word in words if "my-artifacts" in word]
    assert "RUNNING " in said
    assert f"s3://emr-logs/clusters/{cluster_id}/steps/{step['Id']}/stderr.gz" in said


@pytest.fixture
def sent_steps() -> Iterator[list[dict[str, Any]]]:
    """What goes out as AddJobFlowSteps; moto forgets the role of a step."""
    sent: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: object) -> None:
        sent.append(params)

    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    events = boto3.DEFAULT_SESSION.events
    events.register("provide-client-params.emr.AddJobFlowSteps", note)
    yield sent
    events.unregister("provide-client-params.emr.AddJobFlowSteps", note)


def test_a_step_runs_in_the_role_that_is_given(
    cluster_id: str, sent_steps: list[dict[str, Any]], bucket: str, dist: Path, tmp_path: Path
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--cluster_id", cluster_id, "--follow", "false")

    codes = [submit("emr", *flags, *words, *of_case(bucket))[0] for words in ([], ["--role", ROLE])]

    assert codes == [0, 0]
    assert [sent.get("ExecutionRoleArn") for sent in sent_steps] == [None, ROLE]


def test_a_cluster_of_another_line_of_spark_is_refused_before_the_upload(
    s3_server: str, bucket: str, dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = boto3.client("emr").run_job_flow(
        Name="old", ReleaseLabel="emr-6.15.0", Instances={"KeepJobFlowAliveWhenNoSteps": True}
    )["JobFlowId"]

    code, said = submit(
        "emr", *of_submit(bucket, dist, tmp_path, "--cluster_id", old), *of_case(bucket)
    )

    assert (code, said) == (2, "")
    assert "found release emr-6.15.0; expected emr-7.11 or a later 7" in capsys.readouterr().err
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=bucket)


def test_every_problem_of_both_command_lines_is_said_before_anything_is_uploaded(
    s3_server: str, bucket: str, dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "finding.json"
    wrong = of_submit(bucket, dist, tmp_path, "--rol", "x", "--case_id", "NO", "--follow", "maybe",
                      "--workers", "1", "--worker_type", "Standard")  # fmt: skip
    local = of_submit(bucket, dist, tmp_path, "--role", ROLE, *of_case(bucket))

    codes = [
        submit("glue", *wrong)[0],
        submit("glue", *local, "--finding", str(here), "--dry_run", "true")[0],
        submit("lambda")[0],
        submit("emr", *of_submit(bucket, dist / "none", tmp_path, "--cluster_id", "j-1"),
               *of_case(bucket))[0],
    ]  # fmt: skip

    assert codes == [2, 2, 2, 2]
    said = capsys.readouterr().err
    for sentence in (
        "--role is missing; expected name or ARN",
        "unknown flag --rol; did you mean --role? --help lists all",
        "--case_id: found 'NO'",
        "--output is missing",
        "--follow: found 'maybe'; expected true or false",
        f"--finding: found '{here}'; expected s3://…, as the cluster does not see",
        "--dry_run: found true; expected it on this machine",
        "found 'lambda'; expected first one of glue, emr, emr-serverless",
        "none/vpc_flow_trace.zip: found nothing; `make dist-emr` makes it",
        "--workers: found '1'; expected a whole number from 2 to 299",
        "--worker_type: found 'Standard'; expected a type of worker such as G.1X",
    ):
        assert sentence in said
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=bucket)


def test_what_aws_refuses_is_a_sentence(
    s3_server: str, bucket: str, dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = of_submit(bucket, dist, tmp_path, "--role", ROLE, "--application_id", "00nothing")

    code, _ = submit("emr-serverless", *flags, *of_case(bucket))

    assert code == 1
    assert "emr-serverless:GetApplication: AWS answered ResourceNotFoundException" in (
        capsys.readouterr().err
    )

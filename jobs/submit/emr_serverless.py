"""EMR Serverless: a job run of an application, from conf/emr-serverless.json."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import boto3

from jobs.errors import BadInput
from jobs.submit.artifacts import conf_of
from jobs.submit.flags import Launch, as_pairs, of_platform
from jobs.submit.runs import RunStatus, asking, check_release

# Amazon EMR Serverless API reference, JobRun.
_OVER = ("SUCCESS", "FAILED", "CANCELLED")


class EmrServerlessRun(NamedTuple):
    """A job run of an application."""

    client: Any
    application_id: str
    run_id: str
    logs: str | None

    def status(self) -> RunStatus:
        """See `runs.Run`."""
        with asking("emr-serverless:GetJobRun", "--application_id, --follow_run, permission"):
            run = self.client.get_job_run(
                applicationId=self.application_id, jobRunId=self.run_id
            )["jobRun"]  # fmt: skip
        state = run["state"]
        return RunStatus(
            state, state in _OVER, state == "SUCCESS", run["createdAt"], run.get("stateDetails")
        )

    def stop(self) -> None:
        """See `runs.Run`."""
        with asking("emr-serverless:CancelJobRun", "the permission"):
            self.client.cancel_job_run(applicationId=self.application_id, jobRunId=self.run_id)

    def stop_command(self) -> str:
        """See `runs.Run`."""
        return f"aws emr-serverless cancel-job-run {self._named()}"

    def log_lines(self) -> Iterator[str]:
        """Where `--logs` sent them, else what EMR keeps itself for thirty days."""
        if self.logs is None:
            yield f"aws emr-serverless get-dashboard-for-job-run {self._named()}  (prints a link)"
        elif self.logs.startswith("/"):
            yield f"aws logs tail {self.logs} --since 1d  (streams of {self.run_id})"
        else:
            folder = f"{self.logs}/applications/{self.application_id}/jobs/{self.run_id}"
            yield f"{folder}/SPARK_DRIVER/stdout.gz and stderr.gz"

    def _named(self) -> str:
        return f"--application-id {self.application_id} --job-run-id {self.run_id}"


def emr_serverless_run(launch: Launch, run_id: str) -> EmrServerlessRun:
    """A run that was started already."""
    return EmrServerlessRun(boto3.client("emr-serverless"), launch.target, run_id, launch.logs)


def check_emr_serverless(launch: Launch) -> None:
    """Raise BadInput when the application cannot run the job."""
    client = boto3.client("emr-serverless")
    with asking("emr-serverless:GetApplication", "--application_id, region and the permission"):
        found = client.get_application(applicationId=launch.target)["application"]
    where = f"--application_id {launch.target}"
    problems = check_release(found["releaseLabel"], where)
    if found["type"].upper() != "SPARK":
        problems.append(f"{where}: found type {found['type']}; expected Spark; choose another")
    has_arm = found.get("architecture") == "ARM64"
    if "architecture" in found and has_arm != (launch.architecture == "aarch64"):
        problems.append(
            f"--architecture {launch.architecture}: found an application of "
            f"{found['architecture']}; give --architecture {'aarch64' if has_arm else 'x86_64'}"
        )
    if problems:
        raise BadInput(problems)


def start_emr_serverless(launch: Launch, uris: Mapping[str, str]) -> EmrServerlessRun:
    """Start the job run; the application starts by itself where it is stopped."""
    client = boto3.client("emr-serverless")
    with asking("emr-serverless:StartJobRun", "--role, iam:PassRole on it, and the permission"):
        started = client.start_job_run(**job_run_of(launch, uris))
    return EmrServerlessRun(client, launch.target, started["jobRunId"], launch.logs)


def job_run_of(launch: Launch, uris: Mapping[str, str]) -> dict[str, Any]:
    """StartJobRun's input."""
    wanted: dict[str, Any] = conf_of("emr-serverless.json", uris)
    driver = wanted["jobDriver"]["sparkSubmit"]
    flags = of_platform(dict(as_pairs(driver["entryPointArguments"])))
    driver["entryPointArguments"] = [
        *(word for pair in flags.items() for word in pair),
        *launch.job_words,
    ]
    if launch.logs is not None:
        wanted["configurationOverrides"]["monitoringConfiguration"] = (
            {"cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": launch.logs}}
            if launch.logs.startswith("/")
            else {"s3MonitoringConfiguration": {"logUri": f"{launch.logs}/"}}
        )
    names = {"applicationId": launch.target, "executionRoleArn": launch.role}
    return {**wanted, **names, "name": f"vpc-flow-trace {launch.job.case_id}"}

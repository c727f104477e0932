"""Glue: one job per name, made or brought up to date from conf/glue-job.json; a run per case."""

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any, NamedTuple

import boto3

from jobs.errors import BadInput
from jobs.submit.artifacts import conf_of
from jobs.submit.flags import Launch, as_pairs, of_platform
from jobs.submit.runs import RunStatus, asking

# AWS Glue developer guide, "AWS Glue job run statuses".
_OVER = ("SUCCEEDED", "FAILED", "ERROR", "TIMEOUT", "STOPPED", "EXPIRED")


class GlueRun(NamedTuple):
    """A run of a Glue job."""

    glue: Any
    job_name: str
    run_id: str

    def status(self) -> RunStatus:
        """See `runs.Run`."""
        with asking("glue:GetJobRun", "--job_name, --follow_run and the permission"):
            run = self.glue.get_job_run(JobName=self.job_name, RunId=self.run_id)["JobRun"]
        state = run["JobRunState"]
        return RunStatus(
            state, state in _OVER, state == "SUCCEEDED", run["StartedOn"], run.get("ErrorMessage")
        )

    def stop(self) -> None:
        """See `runs.Run`."""
        with asking("glue:BatchStopJobRun", "the permission"):
            self.glue.batch_stop_job_run(JobName=self.job_name, JobRunIds=[self.run_id])

    def stop_command(self) -> str:
        """See `runs.Run`."""
        return (
            f"aws glue batch-stop-job-run --job-name {quote(self.job_name)} "
            f"--job-run-ids {self.run_id}"
        )

    def log_lines(self) -> Iterator[str]:
        """Glue's own log groups; the summary is in output, the errors of the driver in error."""
        for name in ("output", "error"):
            yield f"aws logs tail /aws-glue/jobs/{name} --log-stream-name-prefix {self.run_id}"


def glue_run(launch: Launch, run_id: str) -> GlueRun:
    """A run that was started already."""
    return GlueRun(boto3.client("glue"), launch.target, run_id)


def check_glue(launch: Launch) -> None:
    """Raise BadInput when the job's name is taken by a job that is not of this command."""
    job = _job(boto3.client("glue"), launch.target)
    script = job["Command"]["ScriptLocation"] if job else launch.artifacts + "/"
    if not script.startswith(f"{launch.artifacts}/"):
        raise BadInput(
            [
                f"--job_name {launch.target}: found a job whose script is {script}; expected "
                "none, or one that was made with these --artifacts; choose another name"
            ]
        )


def start_glue(launch: Launch, uris: Mapping[str, str]) -> GlueRun:
    """Make the job or bring it up to date, then start a run with exactly the flags given.

    What a case says itself is no default of the job: a flag left out must stay left out.
    """
    glue = boto3.client("glue")
    wanted = job_of(launch, uris)
    with asking("glue:CreateJob", "--role, iam:PassRole on it, and the permission"):
        if _job(glue, launch.target) is None:
            glue.create_job(**wanted)
    name = wanted.pop("Name")
    with asking("glue:UpdateJob", "--role, iam:PassRole on it, and the permission"):
        if not _equals(_job(glue, name) or {}, wanted):
            glue.update_job(JobName=name, JobUpdate=wanted)
    with asking("glue:StartJobRun", "the permission, and how many runs are on"):
        started = glue.start_job_run(JobName=name, Arguments=dict(as_pairs(launch.job_words)))
    return GlueRun(glue, name, started["JobRunId"])


def job_of(launch: Launch, uris: Mapping[str, str]) -> dict[str, Any]:
    """CreateJob's input."""
    job: dict[str, Any] = conf_of("glue-job.json", uris)
    machines = launch.machines
    scaling = {"--enable-auto-scaling": "true"} if machines.auto_scaling else {}
    differs = {
        "NumberOfWorkers": machines.workers,
        "WorkerType": machines.worker_type,
        "Connections": {"Connections": [machines.connection]} if machines.connection else None,
    }
    return {
        **job,
        **{name: value for name, value in differs.items() if value is not None},
        "Name": launch.target,
        "Role": launch.role,
        "DefaultArguments": {**of_platform(job["DefaultArguments"]), **scaling},
    }


def _job(glue: Any, name: str) -> dict[str, Any] | None:
    with asking("glue:GetJob", "region and the permission"):
        try:
            job: dict[str, Any] = glue.get_job(JobName=name)["Job"]
        except glue.exceptions.EntityNotFoundException:
            return None
    return job


def _equals(job: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the job says all that is wanted; Glue may show a role's name as its ARN."""
    connected = [(of.get("Connections") or {}).get("Connections", []) for of in (job, wanted)]
    return connected[0] == connected[1] and all(
        job.get(name) == value or (name == "Role" and str(job.get(name)).endswith(f"/{value}"))
        for name, value in wanted.items()
    )

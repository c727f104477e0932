"""EMR on EC2: a step on a running cluster, from conf/emr-step.json."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import boto3

from jobs.errors import BadInput
from jobs.submit.artifacts import conf_of
from jobs.submit.flags import Launch, as_pairs, of_platform
from jobs.submit.runs import RunStatus, asking, check_release

# Amazon EMR API reference, StepStatus and ClusterStatus.
_OVER = ("COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED")
_CLUSTER_ENDS = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")


class EmrRun(NamedTuple):
    """A step on a cluster."""

    emr: Any
    cluster_id: str
    run_id: str

    def status(self) -> RunStatus:
        """See `runs.Run`."""
        with asking("elasticmapreduce:DescribeStep", "--cluster_id, --follow_run, permission"):
            step = self.emr.describe_step(ClusterId=self.cluster_id, StepId=self.run_id)["Step"]
        status = step["Status"]
        failed, changed = status.get("FailureDetails", {}), status.get("StateChangeReason", {})
        reasons = [failed.get("Reason"), failed.get("Message"), changed.get("Message")]
        return RunStatus(
            status["State"],
            status["State"] in _OVER,
            status["State"] == "COMPLETED",
            status["Timeline"]["CreationDateTime"],
            "; ".join(filter(None, reasons)) or None,
        )

    def stop(self) -> None:
        """See `runs.Run`."""
        with asking("elasticmapreduce:CancelSteps", "the permission"):
            self.emr.cancel_steps(
                ClusterId=self.cluster_id,
                StepIds=[self.run_id],
                StepCancellationOption="TERMINATE_PROCESS",
            )

    def stop_command(self) -> str:
        """See `runs.Run`."""
        return (
            f"aws emr cancel-steps --cluster-id {self.cluster_id} --step-ids {self.run_id} "
            "--step-cancellation-option TERMINATE_PROCESS"
        )

    def log_lines(self) -> Iterator[str]:
        """The step's own log names the YARN application; the driver prints into its container."""
        uri = _cluster(self.emr, self.cluster_id).get("LogUri")
        if uri is None:
            yield (
                f"the cluster keeps no logs on S3; on its primary node: "
                f"/var/log/hadoop/steps/{self.run_id}, then yarn logs -applicationId …"
            )
            return
        folder = f"{uri.replace('s3n://', 's3://').rstrip('/')}/{self.cluster_id}"
        yield f"{folder}/steps/{self.run_id}/stderr.gz  (names the application; minutes late)"
        yield f"{folder}/containers/application_…/container_…_000001/stdout.gz"


def emr_run(launch: Launch, run_id: str) -> EmrRun:
    """A run that was started already."""
    return EmrRun(boto3.client("emr"), launch.target, run_id)


def check_emr(launch: Launch) -> None:
    """Raise BadInput when the cluster cannot run the job."""
    cluster = _cluster(boto3.client("emr"), launch.target)
    where = f"--cluster_id {launch.target}"
    problems = check_release(cluster.get("ReleaseLabel", "unknown"), where)
    state = cluster["Status"]["State"]
    if state in _CLUSTER_ENDS:
        problems.append(f"{where}: found it {state}; expected a running one; choose another")
    if problems:
        raise BadInput(problems)


def start_emr(launch: Launch, uris: Mapping[str, str]) -> EmrRun:
    """Add the step."""
    emr = boto3.client("emr")
    with asking("elasticmapreduce:AddJobFlowSteps", "--cluster_id and the permission"):
        answer = emr.add_job_flow_steps(
            JobFlowId=launch.target,
            Steps=[step_of(launch, uris)],
            **({"ExecutionRoleArn": launch.role} if launch.role else {}),
        )
    return EmrRun(emr, launch.target, answer["StepIds"][0])


def step_of(launch: Launch, uris: Mapping[str, str]) -> dict[str, Any]:
    """The step, with the case's flags behind those of the file."""
    (step,) = conf_of("emr-step.json", uris)
    words = step["HadoopJarStep"]["Args"]
    script = words.index(uris["trace_instance.py"]) + 1
    flags = of_platform(dict(as_pairs(words[script:])))
    step["HadoopJarStep"]["Args"] = [
        *words[:script],
        *(word for pair in flags.items() for word in pair),
        *launch.job_words,
    ]
    step["Name"] = f"vpc-flow-trace {launch.job.case_id}"
    return dict(step)


def _cluster(emr: Any, cluster_id: str) -> dict[str, Any]:
    with asking("elasticmapreduce:DescribeCluster", "--cluster_id, region and the permission"):
        cluster: dict[str, Any] = emr.describe_cluster(ClusterId=cluster_id)["Cluster"]
    return cluster

"""infra/ applied, planned again, executed and destroyed against moto on loopback; prints what held.

moto lacks two calls of Step Functions that the provider makes, calls a new application of EMR
Serverless STARTED where AWS says CREATED, and forgets its architecture and the type of a Glue
connection: `Gaps` stands in front of it and answers these. Its Step Functions can neither write an
object to S3, nor read one, nor wait for a Glue run: `object_bodies_as_json`, `runs_awaited`.
An OpenSearch domain is left out: the provider waits minutes for one.
"""

import json
import logging
import os
import re
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import Request, urlopen

import boto3
from botocore.client import BaseClient
from moto.emrserverless import models as emr_serverless
from moto.server import DomainDispatcherApplication, create_backend_app
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_glue,
)
from werkzeug.serving import make_server

from demo.papers import finding
from jobs.cli.arguments import parse_arguments
from jobs.sources.findings import read_finding_file
from tests.integration.test_conf_aws import GLUE_KEEPS
from tests.support.terraform import Terraform, what_is_missing

Environ = dict[str, Any]
Answer = Callable[..., Any]

SUBJECT = "VPC Flow Trace: DATA"
ROOT = """
module "flow_trace" {
  source = "../infra"

  artifact_bucket   = "artifacts-1"
  flow_logs         = ["s3://logs-1/AWSLogs/123456789012/vpcflowlogs/eu-west-1"]
  output            = "s3://cases-1/cases"
  notify_email      = "responders@example.com"
  evidence_bucket   = { retention_days = 30, force_destroy = true }
  emr_serverless    = {}
  schedule          = {}
  emr_step_schedule = { cluster_id = "j-1K48XXXXXXHCB" }
  auto_scaling      = true
  finding_accounts  = ["444455556666"]

  ingest = {
    flow_table = "s3://tables-1/flows"
    keep_days  = 400
    watch_list = "s3://artifacts-1/watched.txt"
  }

  collect_labels = {
    regions           = ["eu-west-1", "eu-central-1"]
    organization_role = "vpc-flow-trace-labels-member"
  }

  vpc_connection = {
    subnet_id          = "subnet-0a1b2c3d"
    security_group_ids = ["sg-0a1b2c3d"]
    availability_zone  = "eu-west-1a"
  }
}

module "forward" {
  source    = "../infra/forward"
  providers = { aws = aws.frankfurt }

  to = module.flow_trace.forward
}

provider "aws" {
  alias                       = "frankfurt"
  region                      = "eu-central-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

provider "aws" {
  region                      = "eu-west-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
}
"""


class Gaps:
    """moto, and before it canned answers for what it lacks."""

    _CANNED: ClassVar = {
        "AWSStepFunctions.ValidateStateMachineDefinition": {
            "result": "OK", "diagnostics": [], "truncated": False,
        },
        "AWSStepFunctions.ListStateMachineVersions": {"stateMachineVersions": []},
        "AWSGlue.DeleteConnection": {},
    }  # fmt: skip

    def __init__(self, moto: Answer) -> None:
        self._moto = moto

    def __call__(self, environ: Environ, start_response: Answer) -> Iterable[bytes]:
        canned = self._CANNED.get(environ.get("HTTP_X_AMZ_TARGET", ""))
        if canned is not None:
            start_response("200 OK", [("Content-Type", "application/x-amz-json-1.0")])
            return [json.dumps(canned).encode()]
        is_application = re.fullmatch(r"/applications/\w+", environ["PATH_INFO"])
        if not is_application and environ.get("HTTP_X_AMZ_TARGET") != "AWSGlue.GetConnection":
            return self._moto(environ, start_response)  # type: ignore[no-any-return]
        return self._described(environ, start_response)

    def _described(self, environ: Environ, start_response: Answer) -> list[bytes]:
        said: list[Any] = []
        body = b"".join(self._moto(environ, lambda *words: said.extend(words)))
        status, headers = said[:2]
        answer = json.loads(body or b"{}")
        if application := answer.get("application"):
            answer["application"] = {**application, "architecture": "X86_64"}
            body = json.dumps(answer).encode()
        if connection := answer.get("Connection"):
            answer["Connection"] = {**connection, "ConnectionType": "NETWORK"}
            body = json.dumps(answer).encode()
        plain = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*plain, ("Content-Length", str(len(body)))])
        return [body]


def object_bodies_as_json() -> None:
    """Let moto's Step Functions write JSON to S3, and read from it, as AWS's does: as text."""

    def as_text(params: dict[str, Any], **_: object) -> None:
        params["Body"] = json.dumps(params["Body"]).encode()

    def as_string(parsed: dict[str, Any], **_: object) -> None:
        if "Body" in parsed:
            parsed["Body"] = parsed["Body"].read().decode()

    def with_text(region: str, service: str, state_credentials: Any = None) -> BaseClient:
        client = original(region, service, state_credentials)
        client.meta.events.register("provide-client-params.s3.PutObject", as_text)
        client.meta.events.register("after-call.s3.GetObject", as_string)
        return client

    original = state_task_service_aws_sdk.boto_client_for
    state_task_service_aws_sdk.boto_client_for = with_text


def runs_awaited() -> None:
    """Let moto's Step Functions wait for a Glue run: it trips over the task token it has not."""

    def until_the_end(
        self: Any,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: Any,
        state_credentials: Any,
    ) -> None:
        resolver = self._build_sync_resolver(
            env, resource_runtime_part, normalised_parameters, state_credentials
        )
        run = self._eval_sync(env, resolver, None, None, None)
        env.stack.append(json.loads(json.dumps(run, default=str)))

    glue = state_task_service_glue.StateTaskServiceGlue
    glue._eval_integration_pattern = until_the_end  # type: ignore[method-assign]


@contextmanager
def moto_with_gaps() -> Iterator[str]:
    """Its URL, which boto3 and Terraform then find in the environment."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    emr_serverless.APPLICATION_STATUS = "CREATED"
    object_bodies_as_json()
    runs_awaited()
    app = Gaps(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    os.environ.update(
        AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="eu-west-1", AWS_EC2_METADATA_DISABLED="true",
        MOTO_PORT=str(server.server_port),
    )  # fmt: skip
    os.environ.pop("AWS_PROFILE", None)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()


def say(text: str) -> None:
    """A line of the summary."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def ended(machine_arn: str, event: object) -> dict[str, Any]:
    """An execution with this event as input, at its end."""
    client = boto3.client("stepfunctions")
    begun = client.start_execution(
        stateMachineArn=machine_arn, name=uuid.uuid4().hex, input=json.dumps(event)
    )
    until = time.monotonic() + 120
    while True:
        execution: dict[str, Any] = client.describe_execution(executionArn=begun["executionArn"])
        if execution["status"] != "RUNNING":
            return execution
        assert time.monotonic() < until, "the execution goes on"
        time.sleep(0.5)


def executed(machine_arn: str, event: dict[str, Any]) -> None:
    """The arguments of the run that a finding starts are a command line of ours."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    finding_id = event["detail"]["id"]
    # moto's run writes nothing, and its S3 names no error by which a missing notice is known.
    notice = {"case_id": finding_id, "subject": SUBJECT, "message": "DATA: Yes. Coverage: FULL"}
    key = f"cases/{finding_id}/notice.json"
    s3.put_object(Bucket="cases-1", Key=key, Body=json.dumps(notice).encode())

    execution = ended(machine_arn, event)

    assert execution["status"] == "SUCCEEDED", execution
    kept = s3.get_object(Bucket="artifacts-1", Key=f"findings/{finding_id}.json")["Body"].read()
    assert json.loads(kept) == event
    (run,) = glue.get_job_runs(JobName="vpc-flow-trace")["JobRuns"]
    given = run["Arguments"]
    own = {name: v for name, v in given.items() if name.removeprefix("--") not in GLUE_KEEPS}
    arguments = parse_arguments([*chain.from_iterable(own.items())])
    read = read_finding_file(str(arguments.finding), None)
    instance = event["detail"]["resource"]["instanceDetails"]["instanceId"]
    assert (arguments.case_id, read.finding.instance_id) == (finding_id, instance)
    assert arguments.instance_ids == (instance,)
    assert arguments.case_uri == f"s3://cases-1/cases/{finding_id}"
    assert arguments.flow_logs == ("s3://logs-1/AWSLogs/123456789012/vpcflowlogs/eu-west-1",)
    assert arguments.flow_table == "s3://tables-1/flows"
    say(f"execute   SUCCEEDED; the run got --flow_table {arguments.flow_table}")
    say(f"          --finding {arguments.finding}")
    say(f"          --case_id {arguments.case_id}; our parser and our reader of findings took both")


def told(queue_url: str, starts: str) -> str:
    """The one message that the topic sent since it was asked last."""
    sqs = boto3.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)["Messages"]
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    body = json.loads(message["Body"])
    assert body["Subject"].startswith(starts), body
    return str(body["Message"])


def allowed(role: str) -> list[str]:
    """Every action that a role's policies, attached and its own, allow."""
    iam = boto3.client("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
        documents.append(found["PolicyVersion"]["Document"])
    return sorted(
        {
            action
            for document in documents
            for statement in document["Statement"]
            if statement["Effect"] == "Allow"
            for action in statement["Action"]
        }
    )


def check(folder: Path, url: str) -> None:
    """Every step, with a line for each."""
    boto3.client("s3").create_bucket(
        Bucket="artifacts-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    configured = Request(
        f"{url}/moto-api/config",
        data=json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urlopen(configured).close()
    terraform = Terraform(folder)
    terraform.folder = folder / "root"
    terraform.folder.mkdir()
    (terraform.folder / "main.tf").write_text(ROOT)
    terraform.init()

    began = time.monotonic()
    applied = terraform.run("apply", "-auto-approve", "-input=false", "-no-color")
    added = re.search(
        r"Apply complete! Resources: (\d+) added, 0 changed, 0 destroyed", applied.stdout
    )
    assert added, applied.stdout
    say(f"apply     {added[1]} resources")
    terraform.run("plan", "-detailed-exitcode", "-input=false", "-no-color")
    say("plan      no difference")

    names = ("glue", "labels", "ingest", "emr-serverless", "events", "states", "scheduler")
    for role in (*names, "ingest-states", "forward-eu-central-1"):
        say(f"role      {role}: {', '.join(allowed(f'vpc-flow-trace-{role}'))}")

    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    queue_url = sqs.create_queue(QueueName="told")["QueueUrl"]
    (topic,) = sns.list_topics()["Topics"]
    sns.subscribe(
        TopicArn=topic["TopicArn"],
        Protocol="sqs",
        Endpoint="arn:aws:sqs:eu-west-1:123456789012:told",
    )
    # moto does not know the condition of the policy that asks for TLS: it refuses everything.
    boto3.client("s3").delete_bucket_policy(Bucket="cases-1")
    machines = boto3.client("stepfunctions").list_state_machines()["stateMachines"]
    (machine,) = (each for each in machines if each["name"] == "vpc-flow-trace")
    event = finding(datetime(2026, 11, 23, tzinfo=UTC))
    executed(machine["stateMachineArn"], event)
    say(f"told      {told(queue_url, SUBJECT)}")
    versions = boto3.resource("s3").Bucket("cases-1").object_versions
    versions.delete(BypassGovernanceRetention=True)

    boto3.client("glue").delete_job(JobName="vpc-flow-trace")
    failed = ended(machine["stateMachineArn"], event)
    assert (failed["status"], failed["error"]) == ("FAILED", "NotTraced"), failed
    message = told(queue_url, "VPC Flow Trace: a case FAILED")
    assert "NOT traced, or not to the end. Why: Glue.EntityNotFoundException. Case: " in message
    say(f"no job    FAILED; told: {message[:200]}…")

    gone = terraform.run("destroy", "-auto-approve", "-input=false", "-no-color")
    destroyed = re.search(r"Destroy complete! Resources: (\d+) destroyed", gone.stdout)
    assert destroyed, gone.stdout
    state = json.loads((terraform.folder / "terraform.tfstate").read_text())
    assert state["resources"] == []
    left = [role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]]
    assert left == [], left
    say(
        f"destroy   {destroyed[1]} resources, no role left; {time.monotonic() - began:.0f} s in all"
    )


def main() -> int:
    """0 when everything held; anything else raises."""
    if (reason := what_is_missing()) is not None:
        say(f"not run: {reason}")
        return 1
    with moto_with_gaps() as url, tempfile.TemporaryDirectory() as folder:
        check(Path(folder), url)
    return 0


if __name__ == "__main__":
    sys.exit(main())

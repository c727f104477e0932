"""The state machine of a watched ingest, executed: what is new is mailed, and a failure is.

Its own states run in moto's Step Functions; only the Glue run is played.
"""

import json
import re
import time
import uuid
from typing import Any, NamedTuple

import boto3
import pytest

from tests.integration.test_state_machine import ACCOUNT, HOSTILE, REGION, failed_run
from tests.integration.test_state_machine import aws as aws
from tests.support.paths import ROOT

FILLED_IN = {
    "partition": "aws", "job_name": "vpc-flow-trace-ingest", "table_bucket": "cases-1",
    "table_prefix": "flows", "topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:ends",
    "executions": "https://console/executions", "timeout_s": "600",
}  # fmt: skip
FAILED = "VPC Flow Trace: a watch FAILED"
NEW = {"new": 2, "subject": "VPC Flow Trace: 2 new suspicious rows", "message": "- web-3 to db-1"}
NOTHING = {"new": 0, "subject": "VPC Flow Trace: 0 new suspicious rows", "message": ""}


class Ended(NamedTuple):
    status: str
    messages: list[tuple[str, str]]


def executed(error: dict[str, str] | None, notice: object) -> Ended:
    """The machine after a run that ended so, and left this notice in the flow table."""
    if notice is not None:
        body = json.dumps(notice).encode()
        boto3.client("s3").put_object(Bucket="cases-1", Key="flows/notice.json", Body=body)
    client = boto3.client("stepfunctions")
    machine = client.create_state_machine(
        name=uuid.uuid4().hex, definition=json.dumps(played(error)),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/states",
    )  # fmt: skip
    begun = client.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")
    until = time.monotonic() + 60
    while True:
        status = client.describe_execution(executionArn=begun["executionArn"])["status"]
        if status != "RUNNING":
            break
        assert time.monotonic() < until, "the execution goes on"
        time.sleep(0.1)
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="told")["QueueUrl"]
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(message["Body"]) for message in received]
    return Ended(status, [(body["Subject"], body["Message"]) for body in bodies])


def played(error: dict[str, str] | None) -> dict[str, Any]:
    """The machine's own text, with the end of the run in the place of the run."""
    text = (ROOT / "infra/watch_machine.asl.json").read_text()
    machine: dict[str, Any] = json.loads(re.sub(r"\$\{(\w+)\}", lambda m: FILLED_IN[m[1]], text))
    states = machine["States"]
    states["ReadNotice"]["Retry"] = []  # moto has no name for NoSuchKey, which is never retried
    ingest = states["Ingest"]
    if error is None:
        states["Ingest"] = {"Type": "Pass", "Next": ingest["Next"]}
        return machine
    caught = next(
        each for each in ingest["Catch"] if {error["Error"], "States.ALL"} & {*each["ErrorEquals"]}
    )
    after = {key: caught[key] for key in ("ResultPath", "Next")}
    states["Ingest"] = {"Type": "Pass", "Result": error, **after}
    return machine


STRICT = failed_run(f"{HOSTILE}SystemExit: 3")


@pytest.mark.parametrize(
    ("error", "notice", "status", "subjects"),
    [
        pytest.param(None, NEW, "SUCCEEDED", [NEW["subject"]], id="something new"),
        pytest.param(None, NOTHING, "SUCCEEDED", [], id="nothing new"),
        pytest.param(STRICT, NEW, "FAILED", [NEW["subject"]], id="new, and something refused"),
        pytest.param(STRICT, NOTHING, "FAILED", [], id="nothing new, and something refused"),
        pytest.param(failed_run(HOSTILE), NEW, "FAILED", [FAILED], id="failed: an old notice"),
        pytest.param(None, None, "FAILED", [FAILED], id="no notice"),
        pytest.param(None, {"new": "many"}, "FAILED", [FAILED], id="a notice that is none"),
        pytest.param({"Error": "States.Timeout"}, NEW, "FAILED", [FAILED], id="no end reported"),
        pytest.param({"Error": "Glue.ConcurrentRunsExceededException", "Cause": HOSTILE}, NEW,
                     "SUCCEEDED", [], id="the run before is at work"),
    ],
)  # fmt: skip
def test_who_is_told_what(
    aws: None, error: dict[str, str] | None, notice: object, status: str, subjects: list[str]
) -> None:
    ended = executed(error, notice)

    assert (ended.status, [subject for subject, _ in ended.messages]) == (status, subjects)
    for subject, message in ended.messages:
        assert "evil" not in message  # of errors only our own words
        assert message == NEW["message"] or subject == FAILED

"""The state machine of infra/, executed: a finding, a case that is held, an attack sequence.

Its own states run in moto's Step Functions. Only the Glue run is played: by a list of how each run
of an instance ends, one after the other.
"""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
import pytest
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as service,
)

from jobs.cli.trace_flags import TRACE
from jobs.errors import ExitCode
from tests.infra_apply import object_bodies_as_json
from tests.support.paths import ROOT

REGION, ACCOUNT = "eu-west-1", "123456789012"
FINDING_ID = "16afba5c5c43e07c9e3e5e2e544e95df"
ONE, OTHER = "i-0839de4aa2b2f82cb", "i-0123456789abcdef0"
FILLED_IN = {
    "partition": "aws", "artifact_bucket": "artifacts-1", "job_name": "vpc-flow-trace",
    "more_arguments": ', "--flow_table": "s3://tables-1/flows"',
    "output": "s3://cases-1/cases", "topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:ends",
    "timeout_s": "600", "most_waits": "3", "output_bucket": "cases-1", "output_prefix": "cases",
    "executions": f"https://{REGION}.console.aws.amazon.com/states/home?region={REGION}"
                  "#/v2/executions/details",
}  # fmt: skip
HELD, BROKEN = "SystemExit: 6", "SystemExit: 1"
# AWS Glue developer guide, "Troubleshooting errors in AWS Glue", and the API's own exceptions.
NO_ROOM = {
    "no machines": "Resource unavailable: AWS Glue is unable to access a resource",
    "too many of the account": "Exceeded maximum concurrent compute capacity for your account",
    "a limit": "ResourceNumberLimitExceededException: Max concurrent DPUs exceeded",
    "throttled": "ThrottlingException: Rate exceeded",
}


# What others may have written, in the place where Glue quotes it.
HOSTILE = "http://evil.example/ {} $.id <b>a.log.gz</b> "
# How a run ends: "" for well, else what Glue says, or the whole error as a state gets it.
Run = str | dict[str, str]


@dataclass(frozen=True)
class Ended:
    """How an execution ended, and the subjects and texts of the messages that were sent."""

    status: str
    cause: str
    messages: list[tuple[str, str]]
    # What became of each case.
    ends: list[dict[str, Any]] = field(default_factory=list, compare=False)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS in this process, with a bucket, a topic, and a queue that hears what is told."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    # Put back what the next line changes for good.
    monkeypatch.setattr(service, "boto_client_for", service.boto_client_for)
    object_bodies_as_json()
    config: Any = {"stepfunctions": {"execute_state_machine": True}}
    with mock_aws(config=config):
        boto3.client("s3").create_bucket(
            Bucket="artifacts-1", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        boto3.client("s3").create_bucket(
            Bucket="cases-1", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        boto3.client("sqs").create_queue(QueueName="told")
        topic = boto3.client("sns").create_topic(Name="ends")["TopicArn"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
        boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
        yield


def filled_in() -> dict[str, Any]:
    """The machine's own text with the names in their places."""
    text = (ROOT / "infra/state_machine.asl.json").read_text()
    machine: dict[str, Any] = json.loads(
        re.sub(r"\$\{(\w+)\}", lambda found: FILLED_IN[found[1]], text)
    )
    return machine


def definition(ends: dict[str, list[Run]]) -> dict[str, Any]:
    """The machine's own text, where `ends` says how the runs of an instance end."""
    machine = filled_in()
    states = machine["States"]["EachCase"]["ItemProcessor"]["States"]
    states["WaitForOtherRun"]["Seconds"] = 0
    states["ReadNotice"]["Retry"] = []  # moto has no name for NoSuchKey, which is never retried
    trace = states["Trace"]
    (caught,) = trace["Catch"]
    choices = []
    for instance, causes in ends.items():
        for nth, cause in enumerate(causes):
            name = f"Run {nth} of {instance}"
            choices.append({
                "And": [
                    {"Variable": "$.of.instance_id", "StringEquals": instance},
                    {"Variable": "$.waits.count", "NumericEquals": nth},
                ],
                "Next": name if cause else trace["Next"],
            })  # fmt: skip
            if cause:
                error = failed_run(cause) if isinstance(cause, str) else cause
                after = {key: caught[key] for key in ("ResultPath", "Next")}
                states[name] = {"Type": "Pass", "Result": error, **after}
    states["Trace"] = {"Type": "Choice", "Choices": choices}
    return machine


def failed_run(message: str, state: str = "FAILED") -> dict[str, str]:
    """The error of a run that Glue calls failed: its cause is the run, as JSON without spaces."""
    run = {"Id": "jr_1", "JobRunState": state, "ErrorMessage": message}
    return {"Error": "States.TaskFailed", "Cause": json.dumps(run, separators=(",", ":"))}


def executed(event: dict[str, Any], ends: dict[str, list[Run]]) -> Ended:
    return executed_as(definition(ends), event)


def executed_as(states: dict[str, Any], event: dict[str, Any]) -> Ended:
    client = boto3.client("stepfunctions")
    machine = client.create_state_machine(
        name=uuid.uuid4().hex, definition=json.dumps(states),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/states",
    )  # fmt: skip
    begun = client.start_execution(
        stateMachineArn=machine["stateMachineArn"], input=json.dumps(event)
    )
    until = time.monotonic() + 60
    while (found := client.describe_execution(executionArn=begun["executionArn"]))[
        "status"
    ] == "RUNNING":
        assert time.monotonic() < until, "the execution goes on"
        time.sleep(0.1)
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="told")["QueueUrl"]
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(message["Body"]) for message in received]
    messages = sorted((body["Subject"], body["Message"]) for body in bodies)
    ends = json.loads(found["output"])["error"] if "output" in found else json.loads(found["cause"])
    return Ended(found["status"], found.get("cause", ""), messages, ends)


def finding() -> dict[str, Any]:
    resource = {"resourceType": "Instance", "instanceDetails": {"instanceId": ONE}}
    return {"detail": {"id": FINDING_ID, "type": "Recon:EC2/X", "resource": resource,
                       "service": {}}}  # fmt: skip


def sequence(*instances: str) -> dict[str, Any]:
    """An attack sequence; its interfaces and users are resources, too."""
    resources = [{"resourceType": "ACCESS_KEY", "uid": "AKIAEXAMPLE"}]
    resources += [
        {"resourceType": "EC2_INSTANCE", "uid": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{name}"}
        for name in instances
    ]
    return {
        "detail": {
            "id": FINDING_ID,
            "type": "AttackSequence:EC2/CompromisedInstanceGroup",
            "resource": {"resourceType": "AttackSequence"},
            "service": {"detection": {"sequence": {"resources": resources}}},
        }
    }


def case_of(instance: str) -> str:
    return hashlib.md5(f"{FINDING_ID} {instance}".encode()).hexdigest()


def complete(type_: str, instance: str, case_id: str) -> tuple[str, str]:
    return (
        "VPC Flow Trace: a case is complete",
        f"{type_} on {instance}: the case is complete. Report: s3://cases-1/cases/{case_id}/"
        f"report.html Finding: s3://artifacts-1/findings/{FINDING_ID}.json",
    )


def test_a_finding_is_kept_and_becomes_a_case_with_its_id(aws: None) -> None:
    ended = executed(finding(), {ONE: [""]})

    assert ended == Ended("SUCCEEDED", "", [complete("Recon:EC2/X", ONE, FINDING_ID)])
    kept = boto3.client("s3").get_object(
        Bucket="artifacts-1", Key=f"findings/{FINDING_ID}.json"
    )  # fmt: skip
    assert json.loads(kept["Body"].read()) == finding()


def while_it_waits(claimed: str | None) -> dict[str, Any]:
    """In the place of the wait: the execution of a later report waits for a case as well."""
    if claimed is None:
        return {"Type": "Pass", "Next": "ReadClaim"}
    return {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "ResultPath": None,
        "Parameters": {"Bucket": "artifacts-1", "Key": f"findings/waiting/{claimed}",
                       "Body": "the later one"},
        "Next": "ReadClaim",
    }  # fmt: skip


# An update while the case is traced: who waits beside it, how its runs end, and what becomes of it.
UPDATES: dict[str, tuple[str | None, list[Run], list[str]]] = {
    "it waits and replaces the case": (None, [HELD, HELD, ""], ["complete"]),
    "the case is free when it comes": (FINDING_ID, [""], ["complete"]),
    "a later update waits instead": (FINDING_ID, [HELD], ["left to a later execution"]),
    "another case has a later one": ("f" * 32, [HELD, HELD, ""], ["complete"]),
    "held longer than a run may take": (None, [HELD] * 4, ["INCOMPLETE: not traced"]),
}  # fmt: skip


@pytest.mark.parametrize(("claimed", "runs", "outcomes"), UPDATES.values(), ids=UPDATES)
def test_of_the_updates_of_a_finding_the_last_waits_for_its_case(
    aws: None, claimed: str | None, runs: list[Run], outcomes: list[str]
) -> None:
    states = definition({ONE: runs})
    states["States"]["EachCase"]["ItemProcessor"]["States"]["WaitForOtherRun"] = while_it_waits(
        claimed
    )

    ended = executed_as(states, finding())

    assert [end["outcome"] for end in ended.ends] == outcomes
    told = {"complete": ["VPC Flow Trace: a case is complete"], "left to a later execution": [],
            "INCOMPLETE: not traced": ["VPC Flow Trace: a case FAILED"]}  # fmt: skip
    assert [subject for subject, _ in ended.messages] == told[outcomes[0]]
    assert ended.status == ("FAILED" if "INCOMPLETE" in outcomes[0] else "SUCCEEDED")


def test_an_instance_that_a_later_report_leaves_out_keeps_its_place(aws: None) -> None:
    """Who waits is told by case: the later report of the sequence names only one of the two."""
    states = definition({ONE: [HELD, ""], OTHER: [HELD, ""]})
    states["States"]["EachCase"]["ItemProcessor"]["States"]["WaitForOtherRun"] = while_it_waits(
        case_of(ONE)
    )

    ended = executed_as(states, sequence(ONE, OTHER))

    assert [(end["outcome"], end.get("case_id")) for end in ended.ends] == [
        ("no instance", None),
        ("left to a later execution", case_of(ONE)),
        ("complete", case_of(OTHER)),
    ]


@pytest.mark.parametrize("refused", ["ClaimWait", "ReadClaim"])
def test_where_nobody_can_tell_who_waits_it_goes_on_waiting(aws: None, refused: str) -> None:
    states = definition({ONE: [HELD, HELD, ""]})
    inner = states["States"]["EachCase"]["ItemProcessor"]["States"]
    inner[refused]["Parameters"]["Bucket"] = "none-of-this-name"
    inner["ClaimWait"]["Retry"] = inner["ReadClaim"]["Retry"] = []

    ended = executed_as(states, finding())

    assert ended.messages == [complete("Recon:EC2/X", ONE, FINDING_ID)]


EXIT_CODES = {
    code: f"exit code {code}: {words}" for code, words in TRACE.exit_codes.items() if code
}


def of_glue(name: str) -> dict[str, str]:
    return {"Error": name, "Cause": HOSTILE}


# How every run of the case ends, and what the message says of it; in words that stand nowhere else.
WHY: dict[str, tuple[Run, str]] = {
    "held for ever": (HELD, "exit code 6: another run holds the case; nothing was written"),
    "broken": (BROKEN, "exit code 1: something failed on the way"),
    "bad input": (HOSTILE + "SystemExit: 2", "exit code 2: wrong flags or inputs; nothing was "
                  "written"),
    "interrupted": ("SystemExit: 130", "exit code 130: Ctrl-C"),
    **{name: (cause, "Glue had no machines for the run, each time that it was started")
       for name, cause in NO_ROOM.items()},
    "too slow": (failed_run(HOSTILE, "TIMEOUT"), "Glue ended the run at its time limit"),
    "stopped": (failed_run(HOSTILE, "STOPPED"), "somebody stopped the run"),
    "a text that plays a stop": (HOSTILE + '"JobRunState":"STOPPED"', "States.TaskFailed"),
    "no exit code": (HOSTILE, "States.TaskFailed"),
    "nobody reported the end": ({"Error": "States.Timeout"}, "States.Timeout"),
    "no such job": (of_glue("Glue.EntityNotFoundException"), "Glue.EntityNotFoundException"),
    "not allowed": (of_glue("Glue.AccessDeniedException"), "Glue.AccessDeniedException"),
    "an unknown name": (of_glue(HOSTILE), "an error without a name that is known here"),
}  # fmt: skip


@pytest.mark.parametrize(("run", "why"), WHY.values(), ids=WHY)
def test_a_case_that_fails_is_told_in_our_own_words_and_fails_the_execution(
    aws: None, run: Run, why: str
) -> None:
    ended = executed(finding(), {ONE: [run] * 4})

    ((subject, text),) = ended.messages
    told, _, execution = text.partition("executions/details/")
    assert subject == "VPC Flow Trace: a case FAILED"
    assert told == (
        f"Recon:EC2/X on {ONE}: the flow logs were NOT traced, or not to the end. Why: {why}. "
        f"Case: {FINDING_ID} Finding: s3://artifacts-1/findings/{FINDING_ID}.json Execution, which "
        "has the error in full: https://eu-west-1.console.aws.amazon.com/states/home"
        "?region=eu-west-1#/v2/"
    )
    assert re.fullmatch(rf"arn:aws:states:{REGION}:{ACCOUNT}:execution:[\w:-]+", execution)
    assert ended.status == "FAILED"
    ((case_id, error),) = [(end["case_id"], end["error"]) for end in json.loads(ended.cause)]
    assert case_id == FINDING_ID
    assert error == (failed_run(run) if isinstance(run, str) else run)  # in full, for whoever looks


def test_every_exit_code_has_its_words_in_the_machine() -> None:
    """The words of `--help`; of numbers that begin alike, the longest is looked for first."""
    states = definition({})["States"]["EachCase"]["ItemProcessor"]["States"]
    looked_for = [
        (pattern.strip("*").removeprefix("SystemExit: "), states[rule["Next"]]["Result"])
        for rule in states["NameExit"]["Choices"]
        if "SystemExit" in (pattern := rule.get("StringMatches", ""))
    ]

    assert {int(code): why for code, why in looked_for} == EXIT_CODES
    assert EXIT_CODES.keys() == set(TRACE.exit_codes) - {ExitCode.COMPLETE}
    codes = [code for code, _ in looked_for]
    assert not [
        (code, later)
        for at, code in enumerate(codes)
        for later in codes[at + 1 :]
        if later.startswith(code)
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("S3.NoSuchBucketException", "S3.NoSuchBucketException"),
        ("States.Timeout", "States.Timeout"),
        (HOSTILE, "an error without a name that is known here"),
    ],
    ids=["no bucket", "no answer", "an unknown name"],
)
def test_a_finding_that_cannot_be_kept_is_told_in_our_own_words(
    aws: None, name: str, why: str
) -> None:
    states = definition({ONE: [""]})
    (caught,) = states["States"]["KeepFinding"]["Catch"]
    after = {key: caught[key] for key in ("ResultPath", "Next")}
    states["States"]["KeepFinding"] = {"Type": "Pass", "Result": of_glue(name), **after}

    ended = executed_as(states, finding())

    ((subject, text),) = ended.messages
    told, _, execution = text.partition("executions/details/")
    assert subject == "VPC Flow Trace: a case FAILED"
    assert told == (
        f"Recon:EC2/X, finding {FINDING_ID}: it could not be kept, and the flow logs were NOT "
        f"traced. Why: {why}. Execution, which has the error in full: "
        "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/"
    )
    assert execution.startswith(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:")
    assert (ended.status, json.loads(ended.cause)) == ("FAILED", of_glue(name))


@pytest.mark.parametrize("cause", NO_ROOM.values(), ids=NO_ROOM)
def test_a_run_that_found_no_machines_is_started_again(aws: None, cause: str) -> None:
    ended = executed(finding(), {ONE: [cause, cause, ""]})

    assert ended == Ended("SUCCEEDED", "", [complete("Recon:EC2/X", ONE, FINDING_ID)])


def test_a_start_that_glue_refuses_is_tried_again_where_that_may_help() -> None:
    """Every exception of StartJobRun, as AWS's own model of the call lists them."""
    states = filled_in()["States"]["EachCase"]["ItemProcessor"]["States"]
    trace = states["Trace"]
    model = botocore.session.get_session().get_service_model("glue")
    errors = {f"Glue.{shape.name}" for shape in model.operation_model("StartJobRun").error_shapes}
    for_nothing = {"Glue.InvalidInputException", "Glue.EntityNotFoundException"}

    retried = {name for each in trace["Retry"] for name in each["ErrorEquals"]}

    # Throttling is no exception of this call alone (AWS Glue API reference, "Common errors").
    assert retried == errors - for_nothing | {"Glue.ThrottlingException"}
    assert {rule["StringEquals"] for rule in states["NameError"]["Choices"]} >= errors | retried


def put_notice(**differs: object) -> None:
    notice = {"case_id": FINDING_ID, "subject": "VPC Flow Trace: DATA",
              "message": "DATA: Yes.\nCoverage: FULL {} $.id \u00e9"}  # fmt: skip
    boto3.client("s3").put_object(
        Bucket="cases-1", Key=f"cases/{FINDING_ID}/notice.json",
        Body=json.dumps({**notice, **differs}).encode(),
    )  # fmt: skip


def test_the_message_is_the_notice_of_the_run(aws: None) -> None:
    put_notice()

    assert executed(finding(), {ONE: [""]}) == Ended(
        "SUCCEEDED", "",
        [("VPC Flow Trace: DATA", "DATA: Yes.\nCoverage: FULL {} $.id \u00e9")],
    )  # fmt: skip


@pytest.mark.parametrize(
    "differs", [{"case_id": "another"}, {"message": {"a": 1}}, {"subject": None}], ids=str
)
def test_what_is_no_notice_of_the_case_is_not_sent(aws: None, differs: dict[str, object]) -> None:
    put_notice(**differs)

    assert executed(finding(), {ONE: [""]}) == Ended(
        "SUCCEEDED", "", [complete("Recon:EC2/X", ONE, FINDING_ID)]
    )


def test_a_notice_that_is_no_json_is_not_sent(aws: None) -> None:
    boto3.client("s3").put_object(
        Bucket="cases-1", Key=f"cases/{FINDING_ID}/notice.json", Body=b"<html>"
    )

    assert executed(finding(), {ONE: [""]}) == Ended(
        "SUCCEEDED", "", [complete("Recon:EC2/X", ONE, FINDING_ID)]
    )


def test_an_attack_sequence_is_a_case_for_each_of_its_instances(aws: None) -> None:
    type_ = "AttackSequence:EC2/CompromisedInstanceGroup"

    ended = executed(sequence(ONE, OTHER), {ONE: [""], OTHER: [HELD, ""]})

    assert ended == Ended(
        "SUCCEEDED", "", sorted(complete(type_, name, case_of(name)) for name in (ONE, OTHER))
    )


def test_one_instance_that_fails_keeps_the_others_from_nothing(aws: None) -> None:
    ended = executed(sequence(ONE, OTHER), {ONE: [BROKEN], OTHER: [""]})

    assert ended.status == "FAILED"
    assert [(end["outcome"], end.get("case_id")) for end in json.loads(ended.cause)] == [
        ("no instance", None),
        ("INCOMPLETE: not traced", case_of(ONE)),
        ("complete", case_of(OTHER)),
    ]
    assert [subject for subject, _ in ended.messages] == [
        "VPC Flow Trace: a case FAILED",
        "VPC Flow Trace: a case is complete",
    ]


def test_a_sequence_without_an_instance_makes_no_case(aws: None) -> None:
    assert executed(sequence(), {ONE: [BROKEN]}) == Ended("SUCCEEDED", "", [])

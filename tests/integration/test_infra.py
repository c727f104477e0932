"""infra/: formatted, valid, its own tests pass; what its roles may do is this table and no more."""

import json
import re
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from jobs.cli.arguments import parse_arguments
from jobs.cli.ingest_arguments import parse_ingest
from jobs.cli.label_arguments import parse_request
from jobs.storage.aws_access import Access
from tests.integration.test_conf_aws import GLUE_KEEPS
from tests.support.terraform import (
    PROVIDERS,
    Terraform,
    events_of,
    policies_in,
    what_is_missing,
)

Row = tuple[str, str, str]
State = dict[str, Any]
FINDING = ["--finding", "s3://artifacts-1/findings/f.json", "--case_id", "f" * 32]

# Policy, action, resource: what is there when three names are filled in. The policy `trace` is that
# of the Glue job's role (with job_glue), of EMR Serverless, and yours for an EMR cluster; nobody
# has collect_labels until you attach it; events, states and scheduler are the roles' own.
ALWAYS = """
trace          s3:ListBucket                    arn:aws:s3:::logs-1
trace          s3:GetObject                     {flow_logs}/*
trace          s3:GetObjectVersion              {flow_logs}/*
trace          s3:ListBucket                    arn:aws:s3:::artifacts-1
trace          s3:GetObject                     arn:aws:s3:::artifacts-1/vpc-flow-trace/*
trace          s3:GetObject                     arn:aws:s3:::artifacts-1/labels/*
trace          s3:GetObject                     arn:aws:s3:::artifacts-1/findings/*
trace          s3:ListBucket                    arn:aws:s3:::cases-1
trace          s3:GetObject                     arn:aws:s3:::cases-1/cases/*
trace          s3:PutObject                     arn:aws:s3:::cases-1/cases/*
trace          s3:DeleteObject                  arn:aws:s3:::cases-1/cases/*
trace          s3:AbortMultipartUpload          arn:aws:s3:::cases-1/cases/*
job_glue       logs:CreateLogGroup              {logs}:/aws-glue/jobs/*
job_glue       logs:CreateLogStream             {logs}:/aws-glue/jobs/*
job_glue       logs:PutLogEvents                {logs}:/aws-glue/jobs/*
job_glue       logs:CreateLogGroup              {logs}:/vpc-flow-trace/glue:*
job_glue       logs:CreateLogStream             {logs}:/vpc-flow-trace/glue:*
job_glue       logs:PutLogEvents                {logs}:/vpc-flow-trace/glue:*
job_glue       cloudwatch:PutMetricData         *
events         states:StartExecution            arn:aws:states:{here}:stateMachine:vpc-flow-trace
states         s3:PutObject                     arn:aws:s3:::artifacts-1/findings/*
states         s3:GetObject                     arn:aws:s3:::artifacts-1/findings/waiting/*
states         s3:GetObject                     arn:aws:s3:::cases-1/cases/*/notice.json
states         glue:StartJobRun                 arn:aws:glue:{here}:job/vpc-flow-trace
states         glue:GetJobRun                   arn:aws:glue:{here}:job/vpc-flow-trace
states         glue:GetJobRuns                  arn:aws:glue:{here}:job/vpc-flow-trace
states         glue:BatchStopJobRun             arn:aws:glue:{here}:job/vpc-flow-trace
states         sns:Publish                      arn:aws:sns:{here}:vpc-flow-trace
states         logs:CreateLogDelivery           *
states         logs:DeleteLogDelivery           *
states         logs:DescribeLogGroups           *
states         logs:DescribeResourcePolicies    *
states         logs:GetLogDelivery              *
states         logs:ListLogDeliveries           *
states         logs:PutResourcePolicy           *
states         logs:UpdateLogDelivery           *
collect_labels ec2:DescribeInstances            *
collect_labels ec2:DescribeManagedPrefixLists   *
collect_labels ec2:DescribeNetworkInterfaces    *
collect_labels ec2:DescribeSubnets              *
collect_labels ec2:DescribeVpcs                 *
collect_labels ec2:GetManagedPrefixListEntries  arn:aws:ec2:*:*:prefix-list/*
collect_labels s3:ListBucket                    arn:aws:s3:::artifacts-1
collect_labels s3:GetObject                     arn:aws:s3:::artifacts-1/labels/*
collect_labels s3:PutObject                     arn:aws:s3:::artifacts-1/labels/*
"""

# What comes on top when everything optional is asked for; SECRET instead of es: with a password.
OPTIONAL = """
trace          kms:Decrypt                      {read_key}
trace          kms:Decrypt                      {write_key}
trace          kms:GenerateDataKey              {write_key}
trace          es:ESHttpGet                     {domain}/
trace          es:ESHttpGet                     {domain}/flows-*
trace          es:ESHttpPut                     {domain}/flows-*
trace          es:ESHttpPost                    {domain}/flows-*
trace          es:ESHttpDelete                  {domain}/flows-*
trace          es:ESHttpPost                    {domain}/_aliases
trace          kms:DescribeKey                  {signing_key}
trace          kms:GenerateMac                  {signing_key}
trace          kms:Sign                         {signing_key}
job_glue       ec2:CreateNetworkInterface       {ec2}:network-interface/*
job_glue       ec2:CreateNetworkInterface       {ec2}:security-group/sg-0a1b2c3d
job_glue       ec2:CreateNetworkInterface       {ec2}:subnet/subnet-0a1b2c3d
job_glue       ec2:CreateTags                   {ec2}:network-interface/*
job_glue       ec2:DeleteNetworkInterface       {ec2}:network-interface/*
job_glue       ec2:DeleteTags                   {ec2}:network-interface/*
job_glue       ec2:DescribeNetworkInterfaces    *
job_glue       ec2:DescribeRouteTables          *
job_glue       ec2:DescribeSecurityGroups       *
job_glue       ec2:DescribeSubnets              *
job_glue       ec2:DescribeVpcAttribute         *
job_glue       ec2:DescribeVpcEndpoints         *
job_glue       ec2:DescribeVpcs                 *
job_glue       glue:GetConnection               arn:aws:glue:{here}:catalog
job_glue       glue:GetConnection               arn:aws:glue:{here}:connection/vpc-flow-trace
job_glue       glue:GetSecurityConfiguration    *
job_glue       logs:AssociateKmsKey             {logs}:/aws-glue/jobs/*
job_glue       logs:AssociateKmsKey             {logs}:/vpc-flow-trace/glue*
job_glue       logs:CreateLogGroup              {logs}:/vpc-flow-trace/glue*
job_glue       logs:CreateLogStream             {logs}:/vpc-flow-trace/glue*
job_glue       logs:PutLogEvents                {logs}:/vpc-flow-trace/glue*
states         kms:Decrypt                      {write_key}
states         kms:GenerateDataKey              {write_key}
scheduler      glue:StartJobRun                 arn:aws:glue:{here}:job/vpc-flow-trace
scheduler      elasticmapreduce:AddJobFlowSteps {cluster}
collect_labels kms:Decrypt                      {write_key}
collect_labels kms:GenerateDataKey              {write_key}
collect_labels sts:AssumeRole                   arn:aws:iam::444455556666:role/labels
collect_labels config:GetResourceConfigHistory  *
collect_labels config:ListDiscoveredResources   *
"""
LABELS = """
labels_glue    s3:GetObject                     arn:aws:s3:::artifacts-1/vpc-flow-trace/*
labels_glue    logs:CreateLogGroup              {logs}:/aws-glue/jobs/*
labels_glue    logs:CreateLogStream             {logs}:/aws-glue/jobs/*
labels_glue    logs:PutLogEvents                {logs}:/aws-glue/jobs/*
labels_glue    logs:CreateLogGroup              {logs}:/vpc-flow-trace/glue:*
labels_glue    logs:CreateLogStream             {logs}:/vpc-flow-trace/glue:*
labels_glue    logs:PutLogEvents                {logs}:/vpc-flow-trace/glue:*
scheduler      glue:StartJobRun                 arn:aws:glue:{here}:job/vpc-flow-trace-labels
"""
ENCRYPTED = """
labels_glue    glue:GetSecurityConfiguration    *
labels_glue    logs:AssociateKmsKey             {logs}:/aws-glue/jobs/*
labels_glue    logs:AssociateKmsKey             {logs}:/vpc-flow-trace/glue*
labels_glue    logs:CreateLogGroup              {logs}:/vpc-flow-trace/glue*
labels_glue    logs:CreateLogStream             {logs}:/vpc-flow-trace/glue*
labels_glue    logs:PutLogEvents                {logs}:/vpc-flow-trace/glue*
"""
INGEST = """
trace          s3:ListBucket                    arn:aws:s3:::tables-1
trace          s3:GetObject                     arn:aws:s3:::tables-1/flows/*
ingest         s3:ListBucket                    arn:aws:s3:::artifacts-1
ingest         s3:GetObject                     arn:aws:s3:::artifacts-1/vpc-flow-trace/*
ingest         s3:GetObject                     arn:aws:s3:::artifacts-1/labels/*
ingest         s3:ListBucket                    arn:aws:s3:::tables-1
ingest         s3:GetObject                     arn:aws:s3:::tables-1/flows/*
ingest         s3:PutObject                     arn:aws:s3:::tables-1/flows/*
ingest         s3:DeleteObject                  arn:aws:s3:::tables-1/flows/*
ingest         s3:AbortMultipartUpload          arn:aws:s3:::tables-1/flows/*
ingest         logs:CreateLogGroup              {logs}:/aws-glue/jobs/*
ingest         logs:CreateLogStream             {logs}:/aws-glue/jobs/*
ingest         logs:PutLogEvents                {logs}:/aws-glue/jobs/*
ingest         logs:CreateLogGroup              {logs}:/vpc-flow-trace/glue:*
ingest         logs:CreateLogStream             {logs}:/vpc-flow-trace/glue:*
ingest         logs:PutLogEvents                {logs}:/vpc-flow-trace/glue:*
scheduler      glue:StartJobRun                 arn:aws:glue:{here}:job/vpc-flow-trace-ingest
"""
# Instead of the last row of INGEST; the machine's log and keys are as those of `states`.
WATCH = """
ingest         s3:GetObject                     arn:aws:s3:::artifacts-1/watched.txt
ingest_states  glue:StartJobRun                 arn:aws:glue:{here}:job/vpc-flow-trace-ingest
ingest_states  glue:GetJobRun                   arn:aws:glue:{here}:job/vpc-flow-trace-ingest
ingest_states  glue:GetJobRuns                  arn:aws:glue:{here}:job/vpc-flow-trace-ingest
ingest_states  glue:BatchStopJobRun             arn:aws:glue:{here}:job/vpc-flow-trace-ingest
ingest_states  s3:GetObject                     arn:aws:s3:::tables-1/flows/notice.json
ingest_states  sns:Publish                      arn:aws:sns:{here}:vpc-flow-trace
scheduler      states:StartExecution  arn:aws:states:{here}:stateMachine:vpc-flow-trace-ingest
"""
# Instead of the rows of INGEST about Glue and its logs.
SERVERLESS = """
ingest         s3:GetObject                     arn:aws:s3:::artifacts-1/watched.txt
scheduler      emr-serverless:StartJobRun       arn:aws:emr-serverless:{here}:/applications/made
scheduler      iam:PassRole                     arn:aws:iam::111122223333:role/vpc-flow-trace-ingest
"""
# The accounts are walked; the objects are those that a case may read.
INGEST_READS = """
ingest         s3:ListBucket                    arn:aws:s3:::logs-1
ingest         s3:GetObject                     {organisation}/*/vpcflowlogs/*/*
ingest         s3:GetObjectVersion              {organisation}/*/vpcflowlogs/*/*
"""
INGEST_AS_ROLE = """
ingest         sts:AssumeRole                   arn:aws:iam::444455556666:role/flow-log-reader
"""
INGEST_ENCRYPTED = """
ingest         kms:Decrypt                      {read_key}
ingest         kms:Decrypt                      {write_key}
ingest         kms:GenerateDataKey              {write_key}
ingest         glue:GetSecurityConfiguration    *
ingest         logs:AssociateKmsKey             {logs}:/aws-glue/jobs/*
ingest         logs:AssociateKmsKey             {logs}:/vpc-flow-trace/glue*
ingest         logs:CreateLogGroup              {logs}:/vpc-flow-trace/glue*
ingest         logs:CreateLogStream             {logs}:/vpc-flow-trace/glue*
ingest         logs:PutLogEvents                {logs}:/vpc-flow-trace/glue*
"""
OF_THE_ORGANISATION = """
collect_labels organizations:ListAccounts       *
collect_labels sts:AssumeRole                   arn:aws:iam::*:role/labels-member
"""
OF_AN_AGGREGATOR = """
collect_labels config:SelectAggregateResourceConfig arn:aws:config:{here}:config-aggregator/*
"""
SECRET = """
trace          secretsmanager:GetSecretValue    arn:aws:secretsmanager:{here}:secret:flows-AbCdEf
"""

FORWARD = """
forward        events:PutEvents                 {home_bus}
"""

# Actions without a narrower resource, and why.
WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData": "knows no resource; bound to the namespace Glue by a condition",
    "ec2:DescribeInstances": "EC2's describe calls know no resource",
    "ec2:DescribeManagedPrefixLists": "EC2's describe calls know no resource",
    "ec2:DescribeNetworkInterfaces": "EC2's describe calls know no resource",
    "ec2:DescribeRouteTables": "EC2's describe calls know no resource",
    "ec2:DescribeSecurityGroups": "EC2's describe calls know no resource",
    "ec2:DescribeSubnets": "EC2's describe calls know no resource",
    "ec2:DescribeVpcAttribute": "EC2's describe calls know no resource",
    "ec2:DescribeVpcEndpoints": "EC2's describe calls know no resource",
    "ec2:DescribeVpcs": "EC2's describe calls know no resource",
    "config:GetResourceConfigHistory": "AWS Config knows no resource for it",
    "glue:GetSecurityConfiguration": "AWS Glue knows no resource for it",
    **dict.fromkeys(
        (
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ),
        "vended logs know no resource",
    ),
    "config:ListDiscoveredResources": "AWS Config knows no resource for it",
    "organizations:ListAccounts": "Organizations knows no resource for it",
}


@pytest.fixture(scope="module", params=PROVIDERS, ids="provider {}".format)
def terraform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Terraform:
    """infra/ with each major version of the provider that this machine has."""
    if (reason := what_is_missing(request.param)) is not None:
        pytest.skip(reason)
    made = Terraform(tmp_path_factory.mktemp("infra"), provider=request.param)
    made.init()
    return made


@pytest.fixture(scope="module")
def states(terraform: Terraform) -> dict[str, State]:
    """What each run of infra/tests made, with a provider that only pretends."""
    ended = terraform.run("test", "-json", "-verbose", codes=(0, 1))
    events = events_of(ended.stdout)
    wrong = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
    assert ended.returncode == 0, wrong
    return {e["@testrun"]: e["test_state"] for e in events if e["type"] == "test_state"}


def rows_in(table: str) -> set[Row]:
    """A table above with its abbreviations written out."""
    key = "arn:aws:kms:eu-west-1:111122223333:key/"
    text = table.format(
        here="eu-west-1:111122223333",
        home_bus="arn:aws:events:eu-central-1:111122223333:event-bus/default",
        ec2="arn:aws:ec2:eu-west-1:111122223333",
        cluster="arn:aws:elasticmapreduce:eu-west-1:111122223333:cluster/j-1K48XXXXXXHCB",
        domain="arn:aws:es:eu-west-1:111122223333:domain/flows",
        organisation="arn:aws:s3:::logs-1/AWSLogs/o-1",
        flow_logs="arn:aws:s3:::logs-1/AWSLogs/111122223333/vpcflowlogs/eu-west-1",
        logs="arn:aws:logs:eu-west-1:111122223333:log-group",
        signing_key=f"{key}88888888-7777-8888-9999-000000000000",
        read_key=f"{key}11111111-2222-3333-4444-555555555555",
        write_key=f"{key}66666666-7777-8888-9999-000000000000",
    )
    return {(who, what, where) for who, what, where in map(str.split, text.strip().splitlines())}


def allowed_in(state: State) -> set[Row]:
    """A row for each action and resource of each statement that allows."""
    return {
        (name, action, resource)
        for name, statement in policies_in(state)
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def values_of(state: State, address: str) -> dict[str, Any]:
    resources = state["root_module"]["resources"]
    return next(r["values"] for r in resources if r["address"] == address)


def handed(given: dict[str, str]) -> list[str]:
    """The words of the script's command line, from arguments of a Glue job or run."""
    own = {name: v for name, v in given.items() if name.removeprefix("--") not in GLUE_KEEPS}
    return [*chain.from_iterable(own.items())]


def test_the_module_is_formatted_and_valid(terraform: Terraform) -> None:
    terraform.run("fmt", "-check", "-recursive")
    terraform.run("validate")


@pytest.mark.skipif(what_is_missing() is not None, reason=str(what_is_missing()))
def test_the_example_is_valid(tmp_path: Path) -> None:
    example = Terraform(tmp_path, "infra/example")
    example.init()
    example.run("validate")


def test_three_names_allow_these_actions_and_no_more(states: dict[str, State]) -> None:
    wildcards = {(n, a) for n, a, r in rows_in(ALWAYS) if r == "*"}

    assert allowed_in(states["three_names"]) == rows_in(ALWAYS)
    assert {action for _, action in wildcards} <= set(WITHOUT_RESOURCE)


def test_the_optional_parts_allow_these_on_top(states: dict[str, State]) -> None:
    always = {row for row in rows_in(ALWAYS) if "logs-1" not in row[2]}
    flow_logs = {row for row in allowed_in(states["everything"]) if "logs-1" in row[2]}

    optional = set[Row]().union(
        *map(rows_in, (OPTIONAL, LABELS, ENCRYPTED, INGEST, INGEST_ENCRYPTED))
    )
    assert allowed_in(states["everything"]) - flow_logs == always | optional
    assert {row[1] for row in flow_logs} == {"s3:ListBucket", "s3:GetObject", "s3:GetObjectVersion"}
    with_secret = allowed_in(states["a_domain_that_exists_with_a_password"])
    without_es = {row for row in optional if not row[1].startswith("es:")}
    assert with_secret - flow_logs == always | without_es | rows_in(SECRET)


def test_labels_of_an_organisation_allow_these_on_top(states: dict[str, State]) -> None:
    always = {row for row in rows_in(ALWAYS) if "logs-1" not in row[2]} | rows_in(LABELS)
    for run, more in [("labels_of_every_account", OF_THE_ORGANISATION),
                      ("labels_of_an_aggregator", OF_AN_AGGREGATOR)]:  # fmt: skip
        allowed = {row for row in allowed_in(states[run]) if "logs-1" not in row[2]}

        assert allowed == always | rows_in(more), run


def test_a_flow_table_allows_these_on_top(states: dict[str, State]) -> None:
    cases = {row for row in rows_in(ALWAYS) if "logs-1" not in row[2]}
    for run, more in [("a_flow_table", INGEST_READS), ("a_flow_table_of_an_archive",
                                                       INGEST_AS_ROLE)]:  # fmt: skip
        allowed = {
            row
            for row in allowed_in(states[run])
            if row[0] == "ingest" or not ("logs-1" in row[2] or row[1] == "sts:AssumeRole")
        }

        assert allowed == cases | rows_in(INGEST) | rows_in(more), run


def test_a_watch_and_another_platform_allow_these_instead(states: dict[str, State]) -> None:
    cases = {row for row in rows_in(ALWAYS) if "logs-1" not in row[2]}
    logs = {("ingest_states", action, "*") for _, action, where in cases
            if where == "*" and action.startswith("logs:")}  # fmt: skip
    everywhere = {row for row in rows_in(INGEST) if row[0] != "scheduler"}
    without_glue = {row for row in everywhere if not row[1].startswith("logs:")}
    for run, rows in (
        ("a_flow_table_that_is_watched", everywhere | rows_in(WATCH) | logs),
        ("a_flow_table_on_emr_serverless", without_glue | rows_in(SERVERLESS)),
    ):
        allowed = {
            row for row in allowed_in(states[run]) if row[0] != "trace" or "logs-1" not in row[2]
        }

        assert allowed == cases | rows | rows_in(INGEST_READS), run
    (role,) = (
        statement
        for name, statement in policies_in(states["a_flow_table_on_emr_serverless"])
        if statement["Sid"] == "GiveRole"
    )
    assert role["Condition"] == {
        "StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}
    }


def test_emr_serverless_and_the_ingest_take_what_the_schedule_hands_them(
    states: dict[str, State], tmp_path: Path
) -> None:
    state = states["a_flow_table_on_emr_serverless"]
    schedule = values_of(state, "aws_scheduler_schedule.ingest_serverless[0]")
    model = botocore.session.get_session().get_service_model("emr-serverless")
    shape = model.operation_model("StartJobRun").input_shape
    assert shape is not None
    given = as_the_api_has_it(json.loads(schedule["target"][0]["input"]))
    listed = tmp_path / "watched.txt"
    listed.write_text("i-0839de4aa2b2f82cb")

    assert ParamValidator().validate(given, shape).generate_report() == ""
    submit = given["jobDriver"]["sparkSubmit"]
    assert submit["entryPoint"] == "s3://artifacts-1/vpc-flow-trace/ingest_flows.py"
    assert "s3://my-" not in json.dumps(given)
    words = [
        str(listed) if word == "s3://artifacts-1/watched.txt" else word
        for word in submit["entryPointArguments"]
    ]
    read = parse_ingest(words)
    assert (read.flow_table, read.flow_logs) == (
        "s3://tables-1/flows", ("s3://logs-1/AWSLogs/o-1",),
    )  # fmt: skip
    assert (read.keep_days, read.watched) == (30, ("i-0839de4aa2b2f82cb",))


def as_the_api_has_it(given: Any) -> Any:
    """Scheduler's names of parameters with the small letter of the API; keys of maps stay."""
    if isinstance(given, list):
        return [as_the_api_has_it(each) for each in given]
    if not isinstance(given, dict):
        return given
    return {
        name[0].lower() + name[1:]: value if name == "Properties" else as_the_api_has_it(value)
        for name, value in given.items()
    }


def test_only_the_ingest_may_write_to_the_flow_table(states: dict[str, State]) -> None:
    writes = {
        (name, resource)
        for state in states.values()
        for name, action, resource in allowed_in(state)
        if action == "s3:PutObject" and (name == "ingest" or "/flows" in resource)
    }

    assert writes == {
        ("ingest", "arn:aws:s3:::tables-1/flows/*"),
        ("ingest", "arn:aws:s3:::cases-1/flows/*"),
    }


# IAM and STS user guide, "IAM and AWS STS quotas": characters without white space.
MANAGED, INLINE = 6_144, 10_240


def test_every_policy_fits_however_many_accounts_there_are(states: dict[str, State]) -> None:
    """No list of accounts stands in a policy: what holds for an organisation holds for 500."""
    sizes = {
        (run, resource["address"]): (
            len(re.sub(r"\s", "", resource["values"]["policy"])),
            MANAGED if resource["type"] == "aws_iam_policy" else INLINE,
        )
        for run, state in states.items()
        for resource in state["root_module"]["resources"]
        if resource["type"] in ("aws_iam_policy", "aws_iam_role_policy")
    }

    assert len(sizes) > 20
    assert {where: size for where, (size, most) in sizes.items() if size >= most} == {}


def test_the_collector_understands_what_glue_hands_it(states: dict[str, State]) -> None:
    runs = ("everything", "labels_of_every_account", "labels_of_an_aggregator")
    of = {run: values_of(states[run], "aws_glue_job.labels[0]")["default_arguments"]
          for run in runs}  # fmt: skip
    read = {run: parse_request(handed(arguments)) for run, arguments in of.items()}

    assert {each.output for each in read.values()} == {"s3://artifacts-1/labels"}
    assert read["everything"].role_arns == ("arn:aws:iam::444455556666:role/labels",)
    assert read["everything"].config_history
    assert read["labels_of_every_account"].organization_role == "labels-member"
    assert read["labels_of_every_account"].regions == ("eu-west-1", "eu-central-1")
    assert read["labels_of_an_aggregator"].aggregator == "all-accounts"


def test_the_ingest_understands_what_glue_hands_it(states: dict[str, State]) -> None:
    runs = ("a_flow_table", "a_flow_table_as_asked_for", "a_flow_table_of_an_archive", "everything")
    of = {run: values_of(states[run], "aws_glue_job.ingest[0]")["default_arguments"]
          for run in runs}  # fmt: skip
    read = {run: parse_ingest(handed(arguments)) for run, arguments in of.items()}
    days = {run: each.window.to_at - each.window.from_at for run, each in read.items()}

    assert {run: (each.flow_table, each.flow_logs) for run, each in read.items()} == {
        "a_flow_table": ("s3://tables-1/flows", ("s3://logs-1/AWSLogs/o-1",)),
        "a_flow_table_as_asked_for": (
            "s3://cases-1/flows",
            ("s3://logs-1/AWSLogs", "s3://logs-2", "s3://logs-3", "s3://logs-4/AWSLogs"),
        ),
        "a_flow_table_of_an_archive": ("s3://tables-1/flows", ("s3://logs-1/AWSLogs/o-1",)),
        "everything": ("s3://tables-1/flows", ("s3://logs-1/AWSLogs",)),
    }
    assert {(each.labels, each.strict) for each in read.values()} == {
        ("s3://artifacts-1/labels", True)
    }
    assert (days["a_flow_table"], days["a_flow_table_as_asked_for"]) == (
        timedelta(days=3),
        timedelta(days=2),
    )
    assert read["a_flow_table_as_asked_for"].reads_in_flight == 8
    archive = Access("arn:aws:iam::444455556666:role/flow-log-reader", requester_pays=True)
    assert read["a_flow_table_of_an_archive"].access == archive


def test_the_job_understands_the_flow_table_that_a_finding_hands_it(
    states: dict[str, State],
) -> None:
    state = states["everything"]
    defaults = values_of(state, "aws_glue_job.trace")["default_arguments"]
    machine = json.loads(values_of(state, "aws_sfn_state_machine.trace")["definition"])
    trace = machine["States"]["EachCase"]["ItemProcessor"]["States"]["Trace"]
    told = {k: v for k, v in trace["Parameters"]["Arguments"].items() if not k.endswith(".$")}

    arguments = parse_arguments([*handed(defaults | told), *FINDING])

    assert (arguments.scope, arguments.flow_table) == ("instance", "s3://tables-1/flows")


def test_a_further_region_may_hand_findings_over_and_no_more(states: dict[str, State]) -> None:
    assert allowed_in(states["a_further_region"]) == rows_in(FORWARD)
    assert allowed_in(states["findings_of_another_account"]) - {
        row for row in allowed_in(states["findings_of_another_account"]) if "logs-1" in row[2]
    } == {row for row in rows_in(ALWAYS) if "logs-1" not in row[2]}


def test_a_star_stands_only_where_aws_has_nothing_narrower(states: dict[str, State]) -> None:
    rows = set[Row]().union(*map(allowed_in, states.values()))

    assert {action for _, action, resource in rows if resource == "*"} == set(WITHOUT_RESOURCE)
    assert [action for _, action, _ in rows if "*" in action] == []


def test_the_job_understands_what_glue_hands_it(states: dict[str, State]) -> None:
    for run, url in [("three_names", None), ("everything", "https://search-flows-0a1b2c.")]:
        defaults = values_of(states[run], "aws_glue_job.trace")["default_arguments"]

        arguments = parse_arguments([*handed(defaults), *FINDING])

        assert arguments.output == "s3://cases-1/cases"
        assert arguments.labels == "s3://artifacts-1/labels"
        assert arguments.opensearch is None if url is None else arguments.opensearch is not None
        if arguments.opensearch is not None:
            assert arguments.opensearch.url.startswith(url or "")
            assert (arguments.opensearch.auth, arguments.opensearch.region) == (
                "sigv4",
                "eu-west-1",
            )


def test_the_job_understands_what_the_schedules_hand_it(states: dict[str, State]) -> None:
    state = states["everything"]
    defaults = values_of(state, "aws_glue_job.trace")["default_arguments"]
    glue, emr = (
        json.loads(values_of(state, f"aws_scheduler_schedule.{name}[0]")["target"][0]["input"])
        for name in ("glue", "emr_step")
    )
    words = emr["Steps"][0]["HadoopJarStep"]["Args"]
    script = words.index("s3://artifacts-1/vpc-flow-trace/trace_instance.py")

    by_glue = parse_arguments(handed(defaults | glue["Arguments"]))
    by_emr = parse_arguments(words[script + 1 :])

    for arguments, case_id in [(by_glue, "daily"), (by_emr, "daily-emr")]:
        window = arguments.window
        assert (arguments.scope, arguments.case_id) == ("everything", case_id)
        assert window.to_at - window.from_at == timedelta(hours=24)
        assert arguments.flow_logs == ("s3://logs-1/AWSLogs",)
    assert not [word for word in words if "s3://my-" in word]


def test_the_step_is_one_that_emr_takes(states: dict[str, State]) -> None:
    schedule = values_of(states["everything"], "aws_scheduler_schedule.emr_step[0]")
    model = botocore.session.get_session().get_service_model("emr")
    shape = model.operation_model("AddJobFlowSteps").input_shape
    assert shape is not None

    given = json.loads(schedule["target"][0]["input"])

    assert ParamValidator().validate(given, shape).generate_report() == ""

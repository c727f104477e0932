"""conf/*.json are inputs that AWS's APIs take, and what they launch is a command line of ours."""

import json
import shlex
from itertools import chain
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from jobs.cli.arguments import parse_arguments
from jobs.cli.command_line import GLUE_FLAGS
from tests.support.paths import ROOT

CONF = ROOT / "conf"
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# AWS, "Using job parameters in AWS Glue jobs": read by Glue itself, never handed to the script.
GLUE_KEEPS = {
    "extra-py-files", "additional-python-modules", "python-modules-installer-option",
    "datalake-formats", "conf",
}  # fmt: skip
GUARDDUTY = ["--finding", "s3://b/finding.json", "--case_id", "web-3"]


def content_of(name: str) -> Any:
    content = json.loads((CONF / name).read_text())
    return content


def confs_of(words: list[str]) -> dict[str, str]:
    """What the words behind each --conf set."""
    said = [words[at + 1] for at, word in enumerate(words) if word == "--conf"]
    return dict(setting.split("=", 1) for setting in said)


@pytest.mark.parametrize(
    ("service", "operation", "name", "wrapped"),
    [
        ("glue", "CreateJob", "glue-job.json", None),
        ("emr", "AddJobFlowSteps", "emr-step.json", "Steps"),
        ("emr", "PutManagedScalingPolicy", "emr-managed-scaling.json", None),
        ("emr-serverless", "StartJobRun", "emr-serverless.json", None),
    ],
)
def test_each_file_is_an_input_of_the_api(
    service: str, operation: str, name: str, wrapped: str | None
) -> None:
    model = botocore.session.get_session().get_service_model(service)
    given = content_of(name)
    if wrapped:
        given = {"JobFlowId": "j-1", wrapped: given}
    elif service == "emr-serverless":
        given["clientToken"] = "made-by-the-client"
    shape = model.operation_model(operation).input_shape
    assert shape is not None

    assert ParamValidator().validate(given, shape).generate_report() == ""


def test_glue_hands_the_script_flags_that_it_knows() -> None:
    job = content_of("glue-job.json")
    given = {name.removeprefix("--"): value for name, value in job["DefaultArguments"].items()}
    handed = {name: value for name, value in given.items() if name not in GLUE_KEEPS}
    own = {name: value for name, value in handed.items() if name not in GLUE_FLAGS}
    of_glue = ["--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1", "--TempDir", "s3://t", "--JOB_NAME", "x"]

    argv = chain(of_glue, *((f"--{name}", value) for name, value in handed.items()), GUARDDUTY)
    arguments = parse_arguments([*argv])

    assert (arguments.output, arguments.case_id) == (own["output"], "web-3")
    assert set(own) == {"flow_logs", "labels", "output", "metrics"}
    settings = confs_of(["--conf", *shlex.split(given["conf"])])
    assert {name: settings[name] for name in DELTA} == DELTA
    assert "spark.redaction.regex" in settings
    assert job["MaxRetries"] == 0  # the next run of a case is a person's or a schedule's decision


def test_emr_submits_what_spark_submit_and_the_job_understand() -> None:
    (step,) = content_of("emr-step.json")
    words = step["HadoopJarStep"]["Args"]
    script = next(at for at, word in enumerate(words) if word.endswith("/trace_instance.py"))

    arguments = parse_arguments(words[script + 1 :])

    settings = confs_of(words[:script])
    assert arguments.finding == "s3://my-artifacts/findings/web-3.json"
    assert {name: settings[name] for name in DELTA} == DELTA
    assert settings["spark.pyspark.python"] == "python3.11"  # EMR 7's own default is 3.9
    assert all("/delta-" in jar for jar in settings["spark.jars"].split(","))


def test_emr_serverless_submits_the_same_flags_as_the_step() -> None:
    (step,) = content_of("emr-step.json")
    driver = content_of("emr-serverless.json")["jobDriver"]["sparkSubmit"]
    words = step["HadoopJarStep"]["Args"]
    script = words.index(driver["entryPoint"])

    assert driver["entryPointArguments"] == words[script + 1 :]
    assert parse_arguments(driver["entryPointArguments"]).case_id == "web-3"
    settings = confs_of(shlex.split(driver["sparkSubmitParameters"]))
    assert {name: settings[name] for name in DELTA} == DELTA
    # EMR Serverless user guide, "Using Python libraries": driver and executors are told apart.
    of_driver = "spark.emr-serverless.driverEnv"
    told = (f"{of_driver}.PYSPARK_DRIVER_PYTHON", f"{of_driver}.PYSPARK_PYTHON",
            "spark.executorEnv.PYSPARK_PYTHON")  # fmt: skip
    assert {settings[name] for name in told} == {"/usr/bin/python3.11"}
    # The Python workers live outside the JVM: four of them, each up to 700 MB, beside 14 GB.
    assert float(settings["spark.executor.memoryOverheadFactor"]) * 14_000 >= 4 * 700


def test_only_machines_that_may_go_are_spot_machines() -> None:
    """Core machines hold HDFS and the driver: neither more of them nor spot machines among them."""
    limits = content_of("emr-managed-scaling.json")["ManagedScalingPolicy"]["ComputeLimits"]

    assert limits["MaximumCoreCapacityUnits"] == limits["MinimumCapacityUnits"]
    assert limits["MaximumOnDemandCapacityUnits"] == limits["MinimumCapacityUnits"]
    assert limits["MaximumCapacityUnits"] > limits["MinimumCapacityUnits"]


def settings_by_file() -> dict[str, dict[str, str]]:
    (step,) = content_of("emr-step.json")
    serverless = content_of("emr-serverless.json")
    words = serverless["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    (defaults,) = serverless["configurationOverrides"]["applicationConfiguration"]
    glue = content_of("glue-job.json")["DefaultArguments"]["--conf"]
    return {
        "glue": confs_of(["--conf", *shlex.split(glue)]),
        "emr": confs_of(step["HadoopJarStep"]["Args"]),
        "emr-serverless": {**confs_of(shlex.split(words)), **defaults["properties"]},
    }


def test_what_is_secret_on_the_laptop_is_secret_everywhere() -> None:
    laptop = dict(
        line.split(maxsplit=1)
        for line in (CONF / "local.conf").read_text().splitlines()
        if line.startswith("spark.redaction")
    )

    for where, settings in settings_by_file().items():
        assert settings["spark.redaction.regex"] == laptop["spark.redaction.regex"].strip(), where


def test_no_platform_is_told_what_it_knows_better() -> None:
    """The master, the size, and the deprecated form of the log store, which newer Delta refuses."""
    for where, settings in settings_by_file().items():
        told = {name for name in settings if name.startswith(("spark.master", "spark.delta.log"))}
        assert not told, where
        assert "spark.executor.instances" not in settings, where


def test_the_tests_run_the_spark_of_the_platforms() -> None:
    # AWS release notes: Glue 5.1 and EMR 7.11 both bring Spark 3.5.6, Python 3.11 and Scala 2.12.
    pinned = (CONF.parent / "requirements/dev.in").read_text()

    assert "pyspark==3.5.6 " in pinned
    assert content_of("glue-job.json")["GlueVersion"] == "5.1"


def test_glue_lets_cases_run_beside_each_other_and_never_repeats_one_by_itself() -> None:
    """One run per case is what the case's own lock sees to, on every platform."""
    job = content_of("glue-job.json")

    assert job["ExecutionProperty"]["MaxConcurrentRuns"] > 1
    assert job["MaxRetries"] == 0

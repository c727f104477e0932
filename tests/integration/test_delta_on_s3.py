"""A case on s3://, written and read again through S3A, by an S3 that speaks HTTP."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from tests.integration.test_path import first_objects
from tests.support.paths import ROOT
from tests.support.services import DemoDay

CONF = ROOT / "conf/local-s3.conf"


def settings_of(path: Path) -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in path.read_text().splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 2 and words[0] != "#"}


def test_the_settings_for_s3_are_those_of_a_laptop_and_s3a() -> None:
    laptop, s3 = settings_of(ROOT / "conf/local.conf"), settings_of(CONF)

    jars = laptop.pop("spark.jars").split(",")
    assert s3.pop("spark.jars").split(",")[: len(jars)] == jars
    added = {name for name in s3 if name.startswith("spark.hadoop.fs.s3")}
    assert {name: value for name, value in s3.items() if name not in added} == laptop


def submit(job: str, *words: str, endpoint: str) -> str:
    """Run a job by spark-submit as on a laptop; what it printed, once it ended well."""
    folder = Path(sys.executable).parent
    settings = {
        "spark.pyspark.python": sys.executable,
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }
    command = [str(folder / "spark-submit"), "--properties-file", str(CONF)]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    done = subprocess.run(
        [*command, f"jobs/{job}.py", *words],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.mark.skipif(
    not list((ROOT / "jars/s3").glob("hadoop-aws-*.jar")),
    reason="found no S3A in jars/s3; `make setup-s3` fetches it (280 MB)",
)
def test_a_case_on_s3_is_written_as_text_then_from_a_flow_table_and_holds(
    demo_day: DemoDay, tmp_path: Path, bucket: str, s3_server: str
) -> None:
    here = tmp_path / "objects"
    s3 = boto3.client("s3")
    for path in first_objects(demo_day, here, 8):
        s3.put_object(Bucket=bucket, Key=f"logs/{path.relative_to(here)}", Body=path.read_bytes())
    flags = demo_day.flags(tmp_path, "on-s3")
    flags += ["--flow_logs", f"s3://{bucket}/logs", "--output", f"s3://{bucket}/cases"]

    table = f"s3://{bucket}/table"
    submit("trace_instance", *flags, endpoint=s3_server)
    submit(
        "ingest_flows", "--flow_logs", f"s3://{bucket}/logs", "--flow_table", table,
        "--from", "2026-11-22T00:00:00Z", "--to", "2026-11-25T00:00:00Z", endpoint=s3_server,
    )  # fmt: skip
    submit("trace_instance", *flags, "--flow_table", table, endpoint=s3_server)
    said = submit("verify_case", "--case", f"s3://{bucket}/cases/on-s3", endpoint=s3_server)

    manifest = json.loads(
        s3.get_object(Bucket=bucket, Key="cases/on-s3/manifest.json")["Body"].read()
    )
    before = json.loads(
        s3.get_object(
            Bucket=bucket, Key=f"cases/on-s3/manifests/{manifest['previous']['run_id']}.json"
        )["Body"].read()
    )
    of_table = ("objects_from_table", "octets_of_table", "octets_not_read")
    assert {**manifest["books"], **{name: 0 for name in of_table}} == before["books"]
    assert manifest["verdict"] == before["verdict"]
    assert manifest["books"]["objects_read"] == manifest["books"]["objects_from_table"] == 8
    assert manifest["tables"]["flows"]["version"] == 1
    assert manifest["tables"]["flows"]["rows"] == manifest["books"]["flows"] > 0
    assert "everything holds: manifests of 2 runs linked" in said
    keys = [
        item["Key"].removeprefix("cases/on-s3/")
        for item in s3.list_objects_v2(Bucket=bucket, Prefix="cases/on-s3/")["Contents"]
    ]
    assert f"manifests/{manifest['previous']['run_id']}.json" in keys
    assert f"flows/_delta_log/{1:020}.json" in keys
    assert "run.lock" not in keys
    assert not list(tmp_path.glob("on-s3"))

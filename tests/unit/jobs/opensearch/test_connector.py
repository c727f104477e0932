"""The connector: its options, its absence, and, where its jar is, the same documents."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from opensearchpy import OpenSearch
from pyspark.sql import SparkSession

from jobs.opensearch.client import Endpoint
from jobs.opensearch.connector import REDACTION, connector_options, hidden_options
from jobs.trace_instance import main
from tests.support.paths import ROOT

pytestmark = pytest.mark.launched

JAR = os.environ.get("OPENSEARCH_SPARK_JAR")
COMMON = {
    "opensearch.nodes.wan.only": "true",
    "opensearch.resource": "flows-x",
    "opensearch.index.auto.create": "no",
    "opensearch.write.operation": "index",
    "opensearch.mapping.id": "document_id",
    "opensearch.mapping.exclude": "document_id",
    "opensearch.batch.size.entries": "5000",
    "opensearch.batch.size.bytes": "5mb",
    "opensearch.batch.write.refresh": "false",
    "opensearch.batch.write.retry.count": "10",
    "opensearch.batch.write.retry.wait": "10s",
}


def test_a_node_on_loopback_needs_no_more_than_the_common_options() -> None:
    endpoint = Endpoint("http://127.0.0.1:9200")

    assert connector_options(endpoint, "flows-x", None) == {
        **COMMON,
        "opensearch.nodes": "http://127.0.0.1:9200",
    }


def test_a_user_goes_over_tls() -> None:
    endpoint = Endpoint("https://search.example", "basic")

    assert connector_options(endpoint, "flows-x", ("loader", "planted")) == {
        **COMMON,
        "opensearch.nodes": "https://search.example",
        "opensearch.net.ssl": "true",
        "opensearch.net.http.auth.user": "loader",
        "opensearch.net.http.auth.pass": "planted",
    }


def test_requests_are_signed_for_a_collection() -> None:
    endpoint = Endpoint("https://abc.aoss.example", "sigv4", service="aoss", region="eu-west-1")

    assert connector_options(endpoint, "flows-x", None) == {
        **COMMON,
        "opensearch.nodes": "https://abc.aoss.example",
        "opensearch.net.ssl": "true",
        "opensearch.aws.sigv4.enabled": "true",
        "opensearch.aws.sigv4.region": "eu-west-1",
        "opensearch.aws.sigv4.service.name": "aoss",
        "opensearch.serverless": "true",
    }


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    data = ROOT / "tests/data"
    return [
        *("--flow_logs", str(data / "samples"), "--labels", str(data / "labels")),
        *("--instance_id", "i-0c50d5961bcb2d47b", "--output", str(tmp_path / "cases")),
        *("--from", "2021-03-26T00:00:00Z", "--to", "2021-03-27T00:00:00Z"),
    ]


@pytest.mark.skipif(JAR is not None, reason="the connector's jar is here")
def test_without_its_jar_the_job_names_the_artifact_before_the_work(
    spark: SparkSession,
    flags: list[str],
    opensearch_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    writer = ["--opensearch_url", opensearch_url, "--opensearch_writer", "opensearch-hadoop"]

    assert main([*flags, "--case_id", "connector", *writer]) == 2

    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: --opensearch_writer opensearch-hadoop: found no connector on the class path of "
        f"Spark {spark.version}; expected the jar of "
        "org.opensearch.client:opensearch-spark-35_2.12:2.0.0; add it to the list in spark.jars, "
        "which --jars would replace (Glue: --extra-jars), or use --opensearch_writer bulk, which "
        "needs none"
    )
    assert not (tmp_path / "cases/connector/flows").exists()


def test_spark_hides_the_password_among_the_options_that_it_shows(spark: SparkSession) -> None:
    options = connector_options(Endpoint("https://x", "basic"), "flows-x", ("loader", "planted"))
    before = spark.conf.get(REDACTION)
    with hidden_options(spark):
        conf = spark._jsparkSession.sessionState().conf()
        jvm = spark.sparkContext._jvm
        assert jvm is not None
        shown = str(conf.redactOptions(jvm.PythonUtils.toScalaMap(options)))

    assert "planted" not in shown
    assert "loader" not in shown
    assert "flows-x" in shown
    assert spark.conf.get(REDACTION) == before


@pytest.mark.skipif(JAR is None, reason="OPENSEARCH_SPARK_JAR names no opensearch-spark jar")
@pytest.mark.parametrize("shape", ["flat", "ecs", "ocsf"])
def test_both_writers_leave_the_same_documents(
    shape: str, flags: list[str], opensearch_url: str, opensearch: OpenSearch
) -> None:
    found = {}
    for writer in ("bulk", "opensearch-hadoop"):
        case_id = f"{writer}-{shape}"
        command = [str(Path(sys.executable).parent / "spark-submit")]
        command += ["--properties-file", "conf/local.conf"]
        jars = [*(str(jar) for jar in sorted((ROOT / "jars").glob("*.jar"))), str(JAR)]
        command += ["--conf", f"spark.jars={','.join(jars)}"]
        command += ["--conf", f"spark.pyspark.python={sys.executable}"]
        command += ["jobs/trace_instance.py", *flags, "--case_id", case_id, "--shape", shape]
        command += ["--opensearch_url", opensearch_url, "--opensearch_writer", writer]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "SPARK_LOCAL_IP": "127.0.0.1"}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=900)
        alias = {"flat": "flows"}.get(shape, f"{shape}-flows")
        hits = opensearch.search(index=f"{alias}-{case_id}", body={"size": 100})["hits"]["hits"]
        found[writer] = {
            hit["_id"]: {k: v for k, v in hit["_source"].items() if k != "run_id"} for hit in hits
        }
        for document in found[writer].values():
            for part in ("labels", "unmapped"):
                document.get(part, {}).pop("run_id", None)

    assert len(found["bulk"]) == 2
    assert found["opensearch-hadoop"] == found["bulk"]

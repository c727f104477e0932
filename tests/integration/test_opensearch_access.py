"""TLS, users and secrets, on a real node with the security plugin."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import boto3
import pyarrow.parquet as pq
import pytest
from opensearchpy import OpenSearch
from pyspark.sql import SparkSession

from demo.opensearch_node import JARS, Node, running_node
from demo.opensearch_security import Security, make_security
from jobs.trace_instance import main
from tests.faults.proxy import Answer, Fault, Forward, Request, proxy
from tests.support.paths import ROOT

pytestmark = pytest.mark.launched

USERNAME, PASSWORD = "loader", "Plant3d-pass-word-41c7"
SECRET_ID = "search/loader"
# In the environment, and in settings of Spark and of its JVMs.
IN_SETTINGS = "Plant3d-setting-83f0"
# Stands in a document only; no log may show it.
PLANTED = "987654321012"


class Guarded(NamedTuple):
    node: Node
    security: Security
    authority: Path

    @property
    def client(self) -> OpenSearch:
        context = self.security.client_context
        user = (USERNAME, PASSWORD)
        return OpenSearch(self.node.url, http_auth=user, ssl_context=context, timeout=30)

    @property
    def flags(self) -> list[str]:
        return [
            *("--opensearch_url", self.node.url, "--opensearch_auth", "basic"),
            *("--opensearch_ca", str(self.authority)),
        ]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    if not list(JARS.glob("opensearch-security-*.zip")):
        pytest.skip("found no opensearch-security zip in jars/; `make setup` fetches it")
    security = make_security(USERNAME, PASSWORD)
    authority = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.write_text(security.authority)
    with running_node(security=security) as node:
        yield Guarded(node, security, authority)


@pytest.fixture(scope="module")
def secret_id(s3_server: str) -> str:
    """A secret in Secrets Manager, found as the S3 is: through the environment."""
    user = json.dumps({"username": USERNAME, "password": PASSWORD})
    boto3.client("secretsmanager").create_secret(Name=SECRET_ID, SecretString=user)
    return SECRET_ID


@pytest.fixture
def planted_flags(tmp_path: Path) -> list[str]:
    """Two flows; the bytes of one are the planted text."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "two.log").write_text(
        "interface-id start end bytes\n"
        f"eni-1235b8ca123456789 1616729292 1616729349 {PLANTED}\n"
        "eni-1235b8ca123456789 1616729292 1616729349 7\n"
    )
    return [
        *("--flow_logs", str(logs), "--interface_ids", "eni-1235b8ca123456789"),
        *("--from", "2021-03-26T00:00:00Z", "--to", "2021-03-27T00:00:00Z"),
        *("--case_id", "guarded", "--output", str(tmp_path / "cases")),
    ]


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file by name; of a Parquet file its rows, as it holds them compressed."""
    places = {}
    for path in filter(Path.is_file, folder.rglob("*")):
        is_table = path.suffix == ".parquet" and not path.name.startswith(".")
        rows = pq.ParquetFile(path).read().to_pylist() if is_table else None
        places[str(path)] = path.read_bytes() if rows is None else str(rows).encode()
    assert any(name.endswith("manifest.json") for name in places)
    assert any(name.endswith("report.html") for name in places)
    return places


def test_flows_go_over_tls_with_the_user_of_a_secret_that_no_output_holds(
    spark: SparkSession, guarded: Guarded, secret_id: str, planted_flags: list[str],
    capfd: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    flags = [*planted_flags, *guarded.flags, "--opensearch_secret", secret_id]

    assert main(flags) == 0

    assert guarded.client.count(index="flows-guarded")["count"] == 2
    said = capfd.readouterr()
    places = {**files_below(tmp_path / "cases"), "log": said.err.encode(),
              "terminal": said.out.encode()}  # fmt: skip
    assert [place for place, text in places.items() if PASSWORD.encode() in text] == []


@pytest.mark.parametrize(
    ("flag", "value", "code"),
    [
        ("--flow_logs", f"s3://AKIAKEY:{IN_SETTINGS}@logs/AWSLogs", 2),
        ("--labels", f"https://user:{IN_SETTINGS}@host/labels", 2),
        ("--opensearch_url", f"https://loader:{IN_SETTINGS}@127.0.0.1:9", 2),
        ("--opensearch_url", f"https://127.0.0.1:9/?token={IN_SETTINGS}", 2),
        ("--output", f"s3://AKIAKEY:{IN_SETTINGS}@cases/x", 2),
        ("--finding", f"https://bucket.s3.amazonaws.com/f.json?X-Amz-Signature={IN_SETTINGS}", 2),
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(
    flag: str, value: str, code: int, planted_flags: list[str], tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main([*planted_flags, flag, value]) == code

    said = capfd.readouterr()
    assert said.err
    assert IN_SETTINGS not in said.err + said.out
    assert not (tmp_path / "cases").exists()


@pytest.mark.parametrize(
    ("differs", "sentence"),
    [
        pytest.param(
            {"OPENSEARCH_PASSWORD": "another"},
            "found that it does not let us in (status 401); expected credentials that may write",
            id="a wrong password",
        ),
        pytest.param(
            {"OPENSEARCH_PASSWORD": ""},
            "found no OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD in the environment",
            id="no password",
        ),
        pytest.param(
            {"--opensearch_ca": ""},
            "found a certificate that cannot be verified",
            id="an unknown authority",
        ),
        pytest.param(
            {"--opensearch_secret": "search/nobody"},
            "the secret search/nobody cannot be read (ResourceNotFoundException)",
            id="no such secret",
        ),
    ],
)
def test_what_does_not_let_us_in_is_said_before_the_work(
    differs: dict[str, str],
    sentence: str,
    guarded: Guarded,
    secret_id: str,
    planted_flags: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    flags = [*planted_flags, *guarded.flags]
    monkeypatch.setenv("OPENSEARCH_USERNAME", USERNAME)
    monkeypatch.setenv("OPENSEARCH_PASSWORD", PASSWORD)
    for name, value in differs.items():
        if name == "--opensearch_ca":
            at = flags.index(name)
            del flags[at : at + 2]
        elif name.startswith("--"):
            flags += [name, value]
        elif value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name)

    assert main(flags) == 2

    said = capsys.readouterr()
    assert sentence in said.err
    assert PASSWORD not in said.err + said.out
    assert not (tmp_path / "cases").exists()


class QuotesTheDocument(Fault):
    """Every bulk request is answered with an error that quotes it, as servers do."""

    def answer(self, request: Request, forward: Forward) -> Answer:
        if not request.is_bulk:
            return forward(request)
        quoted = {"error": {"type": "broken", "reason": request.body.decode()}}
        return Answer(500, json.dumps(quoted).encode())


def test_a_failed_load_says_why_and_shows_no_document(
    spark: SparkSession,
    opensearch_url: str,
    opensearch: OpenSearch,
    planted_flags: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with proxy(opensearch_url, QuotesTheDocument()) as url:
        assert main([*planted_flags, "--opensearch_url", url]) == 1

    said = capfd.readouterr()
    assert "bulk requests end with status 500, broken; Delta holds the flows" in said.err
    assert PLANTED not in said.err + said.out
    assert opensearch.indices.get(index="flows-guarded*") == {}


def test_a_run_that_fails_after_its_load_leaves_no_index(
    spark: SparkSession, opensearch_url: str, opensearch: OpenSearch, planted_flags: list[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    """The report cannot be written, as a file lies where its folder has to be."""
    (tmp_path / "cases/guarded").mkdir(parents=True)
    (tmp_path / "cases/guarded/reports").write_text("in the way")

    assert main([*planted_flags, "--opensearch_url", opensearch_url]) != 0

    assert (tmp_path / "cases/guarded/flows/_delta_log").exists()  # it had come that far
    assert not (tmp_path / "cases/guarded/manifest.json").exists()
    assert opensearch.indices.get(index="flows-guarded*") == {}


def test_no_secret_and_no_document_is_in_logs_event_log_plans_or_the_case(
    guarded: Guarded, planted_flags: list[str], tmp_path: Path
) -> None:
    events = tmp_path / "events"
    events.mkdir()
    settings = {
        "spark.master": "local[2]",
        "spark.pyspark.python": sys.executable,
        "spark.jars": ",".join(str(jar) for jar in sorted(JARS.glob("*.jar"))),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.sql.debug.maxToStringFields": "1000",
        "spark.executorEnv.PLANTED": IN_SETTINGS,
        "spark.hadoop.planted.password": IN_SETTINGS,
        "spark.executor.extraJavaOptions": f"-Dplanted.password={IN_SETTINGS}",
        "spark.driver.extraJavaOptions": "-Dlog4j2.configurationFile=conf/log4j2.properties "
        f"-Dplanted.password={IN_SETTINGS}",
        # Plans and generated code as a person who hunts a problem would print them.
        "spark.sql.planChangeLog.level": "WARN",
    }
    command = [str(Path(sys.executable).parent / "spark-submit")]
    command += ["--properties-file", str(ROOT / "conf/local.conf")]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    command += [str(ROOT / "jobs/trace_instance.py"), *planted_flags, *guarded.flags]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "OPENSEARCH_USERNAME": USERNAME,
        "OPENSEARCH_PASSWORD": PASSWORD,
        "PLANTED": IN_SETTINGS,
    }

    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, timeout=900, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert guarded.client.count(index="flows-guarded")["count"] == 2
    header = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode())
    (event_log,) = events.iterdir()
    places = {"stdout": done.stdout, "stderr": done.stderr, "event log": event_log.read_bytes()}
    places |= files_below(tmp_path / "cases")
    shown = guarded.client.search(index="flows-guarded", size=100)
    places["documents"] = json.dumps(shown).encode()
    assert b"MapInArrow" in places["event log"]  # the load's plan is in it
    for place, text in places.items():
        for secret in (PASSWORD.encode(), header):
            assert secret not in text, place
        if place != "event log":  # Spark's own, which holds every setting
            assert IN_SETTINGS.encode() not in text, place
    # Delta keeps the largest value of columns in its own log: that is the evidence itself.
    for place in ("stdout", "stderr", "event log"):
        assert PLANTED.encode() not in places[place], place

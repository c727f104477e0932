"""Fixtures for the real parts around the job: the demo day, an HTTP S3, an OpenSearch node."""

import json
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from moto.server import ThreadedMotoServer
from opensearchpy import OpenSearch

from demo.generate import generate
from demo.opensearch_node import opensearch_node
from demo.vpc import SUSPECT


class DemoDay(NamedTuple):
    """A generated day: where it is, and what happened in it."""

    folder: Path
    truth: dict[str, Any]

    def flags(self, output: Path, case_id: str = "case") -> list[str]:
        """The flags of a run that follows nobody; a later flag overrides an earlier one."""
        return [
            *("--flow_logs", str(self.folder / "flow-logs")),
            *("--labels", str(self.folder / "labels")),
            *("--instance_id", str(SUSPECT.instance_id)),
            *("--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z"),
            *("--case_id", case_id, "--output", str(output)),
            *("--max_hops", "1"),
        ]


@pytest.fixture(scope="session")
def demo_day(tmp_path_factory: pytest.TempPathFactory) -> DemoDay:
    folder = tmp_path_factory.mktemp("demo")
    generate(folder, seed=3, factor=0.05)
    return DemoDay(folder, json.loads((folder / "truth.json").read_text()))


@pytest.fixture(scope="session")
def opensearch_url() -> Iterator[str]:
    with opensearch_node() as url:
        yield url


@pytest.fixture
def opensearch(opensearch_url: str) -> Iterator[OpenSearch]:
    client = OpenSearch(opensearch_url, timeout=30)
    yield client
    client.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 that speaks HTTP, found through the environment as on any machine.

    Spark's Python workers have the environment that the JVM was started with, so this comes first.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in found.items():
            patch.setenv(name, value)
        yield found["AWS_ENDPOINT_URL"]
    server.stop()


@pytest.fixture
def bucket(s3_server: str) -> str:
    """A bucket of its own for the test."""
    name = f"flow-logs-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return name

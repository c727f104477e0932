"""Loads through faults: no document is lost, none is doubled. `make faults` does more of it."""

from collections.abc import Iterator

import pytest
from pyspark.sql import DataFrame, SparkSession

from demo.opensearch_node import Node, running_node
from tests.faults import scenarios
from tests.faults.scenarios import PROXY_FAULTS, QUEUE_OF_ONE, Outcome

DOCUMENTS = 2_500


@pytest.fixture(scope="module")
def flows(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    return scenarios.write_flows(spark, tmp_path_factory.mktemp("faults") / "flows", DOCUMENTS)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node of its own: it is restarted, and its write queue holds one request."""
    with running_node(QUEUE_OF_ONE) as node:
        yield node


def assert_nothing_lost(outcome: Outcome) -> None:
    assert outcome.injected > 0
    assert outcome == Outcome(outcome.injected, DOCUMENTS, DOCUMENTS, 0, 0)


@pytest.mark.parametrize("name", PROXY_FAULTS)
def test_every_flow_is_one_document_through(
    name: str, opensearch_url: str, flows: DataFrame
) -> None:
    case_id = f"faults-{list(PROXY_FAULTS).index(name)}"

    outcome = scenarios.load_through(PROXY_FAULTS[name](), opensearch_url, flows, case_id)

    assert_nothing_lost(outcome)


def test_every_flow_is_one_document_when_the_write_queue_is_full(
    node: Node, flows: DataFrame
) -> None:
    assert_nothing_lost(scenarios.full_queue(node, flows, "queue"))


def test_every_flow_is_one_document_when_the_node_restarts_during_the_load(
    node: Node, flows: DataFrame
) -> None:
    assert_nothing_lost(scenarios.restart_during_load(node, flows, "restart"))

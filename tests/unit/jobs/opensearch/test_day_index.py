"""Names of daily indices, and the policy that deletes them."""

import json
import re
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

import pytest

from jobs.cli.ingest_arguments import INGEST
from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.flow_table.published import destination_of
from jobs.opensearch.day_index import name_of_day
from tests.support.paths import ROOT

_DAY = date(2026, 11, 3)
_SHAPES = {
    "flat": "all-flows-2026.11.03", "ecs": "ecs-all-flows-2026.11.03",
    "ocsf": "ocsf-all-flows-2026.11.03",
}  # fmt: skip


@pytest.mark.parametrize(("shape", "name"), _SHAPES.items())
def test_a_daily_index_is_named_by_shape_prefix_and_day(shape: str, name: str) -> None:
    prefix = INGEST.flags["opensearch_prefix"].default

    assert name_of_day(shape, str(prefix), _DAY) == name


@pytest.mark.parametrize(
    ("url", "node"),
    [
        ("http://127.0.0.1:9201", "127.0.0.1:9201"),
        ("http://localhost", "localhost:9200"),
        ("https://search.example", "search.example:443"),
        ("https://SEARCH.example:443/", "search.example:443"),
        ("https://gateway.example/search/", "gateway.example:443/search"),
    ],
)
def test_one_node_is_one_destination_however_its_url_is_written(url: str, node: str) -> None:
    target = OpenSearchTarget(url, auth="basic", secret_id="search/loader", shape="ecs")

    assert destination_of(target, "all-flows") == (node, "ecs-all-flows")


def policy() -> dict[str, Any]:
    text = (ROOT / "conf/opensearch/all-flows-retention.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_policy_deletes_old_indices_of_a_flow_table_alone() -> None:
    """Checked against OpenSearch's pages on policies of Index State Management, and not by a node:
    the one of the tests is the minimal distribution, and Maven Central has no such plugin.
    """
    of_policy = policy()["policy"]
    states = {state["name"]: state for state in of_policy["states"]}
    (transition,) = states[of_policy["default_state"]]["transitions"]
    (template,) = of_policy["ism_template"]

    assert set(of_policy) == {"description", "default_state", "states", "ism_template"}
    assert re.fullmatch(r"\d+d", transition["conditions"]["min_index_age"])
    last = states[transition["state_name"]]
    assert (last["actions"], last["transitions"]) == ([{"delete": {}}], [])
    for name in _SHAPES.values():
        assert any(fnmatchcase(name, pattern) for pattern in template["index_patterns"]), name
    for name in ("flows-web-3-20261124t000000z-0000", "story-flows-web-3", "ecs-flows-web-3"):
        assert not any(fnmatchcase(name, pattern) for pattern in template["index_patterns"]), name

"""What would stop a load on a real node, and what templates of others may not change."""

from collections.abc import Callable, Iterator

import pytest
from opensearchpy import OpenSearch

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import BadInput
from jobs.opensearch.client import Endpoint
from jobs.opensearch.index import RunIndex
from jobs.opensearch.preflight import check_reachable

RUN, NEXT = "20261124t000000z-0000", "20261124t010000z-0001"
FOREIGN = "foreign-template"
Setting = Callable[[OpenSearch], object]


@pytest.fixture
def node(opensearch: OpenSearch) -> Iterator[OpenSearch]:
    yield opensearch
    for name in ("cluster.blocks.read_only", "cluster.blocks.create_index",
                 "cluster.max_shards_per_node"):  # fmt: skip
        opensearch.cluster.put_settings(body={"transient": {name: None}})
    opensearch.indices.delete_index_template(name=FOREIGN, ignore=[404])
    for name in ("flows-ahead*", "someone-elses"):
        opensearch.indices.delete(index=name, params={"ignore_unavailable": "true"})


def set_cluster(name: str, value: object) -> Setting:
    return lambda node: node.cluster.put_settings(body={"transient": {name: value}})


def name_taken(node: OpenSearch) -> None:
    node.indices.create(index="flows-ahead")


def alias_of_another(node: OpenSearch) -> None:
    node.indices.create(index="someone-elses", body={"aliases": {"flows-ahead": {}}})


def flood_stage(node: OpenSearch) -> None:
    name = f"flows-ahead-{RUN}"
    node.indices.create(index=name)
    node.indices.put_settings(index=name, body={"index.blocks.read_only_allow_delete": True})


def few_shards(node: OpenSearch) -> None:
    node.indices.create(index="someone-elses")
    set_cluster("cluster.max_shards_per_node", 1)(node)


def required_routing(node: OpenSearch) -> None:
    template = {"mappings": {"_routing": {"required": True}}, "aliases": {"peek": {}}}
    body = {"index_patterns": ["flows-ahead-*"], "priority": 900, "template": template}
    node.indices.put_index_template(name=FOREIGN, body=body)


@pytest.mark.parametrize(
    ("obstacle", "sentence"),
    [
        pytest.param(name_taken, "found an index of the name flows-ahead,", id="an index"),
        pytest.param(alias_of_another, "the alias flows-ahead shows someone-elses", id="an alias"),
        pytest.param(flood_stage, "found the block index.blocks.read_only_allow_delete on flows-",
                     id="flood stage"),
        pytest.param(few_shards, "status 400, validation_exception: Validation Failed: 1: this "
                     "action would add", id="shard limit"),
        pytest.param(set_cluster("cluster.blocks.read_only", True),
                     "status 403, cluster_block_exception: ", id="read-only"),
        pytest.param(set_cluster("cluster.blocks.create_index", True),
                     "status 403, index_create_block_exception: ", id="no new indices"),
        pytest.param(required_routing, "_routing is {'required': True}, not None; it has the alias "
                     "peek", id="a template that adds routing and an alias"),
    ],
)  # fmt: skip
def test_what_would_stop_the_load_is_named_before_the_work(
    obstacle: Setting, sentence: str, node: OpenSearch, opensearch_url: str
) -> None:
    target = OpenSearchTarget(opensearch_url)
    check_reachable(target, ["ahead"], run_id=NEXT)
    obstacle(node)

    with pytest.raises(BadInput) as caught:
        check_reachable(target, ["ahead"], run_id=NEXT)

    (problem,) = caught.value.problems
    assert sentence in problem
    set_cluster("cluster.blocks.read_only", None)(node)
    assert f"flows-ahead-{NEXT}" not in node.indices.get(index="flows-ahead*")


@pytest.mark.parametrize("shape", ["flat", "ecs", "ocsf"])
def test_every_shape_is_made_as_it_was_asked_for(shape: str, opensearch_url: str) -> None:
    check_reachable(OpenSearchTarget(opensearch_url, shape=shape), ["ahead"], run_id=RUN)


def test_a_foreign_template_changes_no_field_of_ours(node: OpenSearch, opensearch_url: str) -> None:
    foreign = {
        "settings": {"index.final_pipeline": "planted"},
        "mappings": {
            "dynamic": True,
            "properties": {
                "bytes": {"type": "short"},
                "extra": {"type": "text"},
                "srcaddr": {"type": "keyword", "copy_to": "extra"},
            },
        },
    }
    body = {"index_patterns": ["flows-*"], "priority": 900, "template": foreign}
    node.indices.put_index_template(name=FOREIGN, body=body)
    endpoint = Endpoint(opensearch_url)
    index = RunIndex(endpoint.connect(), endpoint, shape="flat", case_id="ahead", run_id=RUN)

    index.create(1)

    made = node.indices.get(index=index.name)[index.name]
    fields = made["mappings"]["properties"]
    assert made["mappings"]["dynamic"] == "strict"
    assert (fields["bytes"], fields["srcaddr"]) == ({"type": "long"}, {"type": "ip"})
    assert made["settings"]["index"]["final_pipeline"] == "_none"

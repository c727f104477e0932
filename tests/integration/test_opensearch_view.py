"""The index of a run on a real node: its shapes, its settings, and what the alias shows."""

import json
import threading
from pathlib import Path

import pytest
from opensearchpy import OpenSearch
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.opensearch.client import OpenSearchFailed
from jobs.opensearch.sink import index_flows, index_story, remove_index, show_index
from tests.faults.proxy import Answer, Fault, Forward, Request, Swallows, proxy
from tests.support.flows import flows_like
from transforms.documents.flows import to_documents
from transforms.documents.story import StoryDocument

FIRST, SECOND = "20261124t000000z-0000", "20261124t010000z-0001"
OTHERS: tuple[dict[str, object], ...] = (
    {"srcaddr": "2001:db8::7", "dstaddr": None, "dstport": None},
    {"record_id": "b2", "action": "REJECT", "flow_direction": None, "dstport": 445},
)


@pytest.mark.parametrize(
    ("shape", "alias", "queries"),
    [
        (
            "flat",
            "flows-shapes",
            ["dstport:445", "dst_endpoint.port:445", "netflow.action:REJECT", "run_id:2026*0000"],
        ),
        ("ecs", "ecs-flows-shapes", ["destination.port:445", "event.outcome:failure"]),
        ("ocsf", "ocsf-flows-shapes", ["dst_endpoint.port:445", "type_uid:400105"]),
    ],
)
def test_a_shape_is_stored_as_rendered_and_found_by_its_fields(
    shape: str,
    alias: str,
    queries: list[str],
    spark: SparkSession,
    opensearch_url: str,
    opensearch: OpenSearch,
) -> None:
    flows = flows_like(spark, *OTHERS)
    target = OpenSearchTarget(opensearch_url, shape=shape)

    indexed = index_flows(flows, target, case_id="shapes", run_id=FIRST)

    assert (indexed.documents, indexed.refused_count) == (2, 0)
    hits = opensearch.search(index=alias)["hits"]["hits"]
    rendered = to_documents(flows, shape).collect()
    assert {hit["_id"]: hit["_source"] for hit in hits} == {
        row.record_id: json.loads(row.document) for row in rendered
    }
    for query in queries:
        found = opensearch.search(index=alias, q=query)["hits"]["hits"]
        assert "b2" in [hit["_id"] for hit in found], query


def test_a_finished_index_refreshes_as_usual_and_takes_no_unknown_field(
    spark: SparkSession, opensearch_url: str, opensearch: OpenSearch
) -> None:
    target = OpenSearchTarget(opensearch_url)
    name = index_flows(flows_like(spark, {}), target, case_id="usual", run_id=FIRST).index_name

    settings = opensearch.indices.get_settings(index=name)[name]["settings"]["index"]
    mapping = opensearch.indices.get_mapping(index=name)[name]["mappings"]

    assert "refresh_interval" not in settings
    assert settings["number_of_shards"] == "1"
    assert mapping["dynamic"] == "strict"
    assert mapping["properties"]["srcaddr"] == {"type": "ip"}


def test_an_incomplete_run_never_shows(
    spark: SparkSession, opensearch_url: str, opensearch: OpenSearch
) -> None:
    flows = flows_like(spark, *OTHERS)
    first = index_flows(flows, OpenSearchTarget(opensearch_url), case_id="half", run_id=FIRST)

    with (
        proxy(opensearch_url, Swallows()) as url,
        pytest.raises(
            OpenSearchFailed, match="holds 0 documents and 0 were refused, but Delta has 2"
        ),
    ):
        index_flows(flows, OpenSearchTarget(url), case_id="half", run_id=SECOND)

    assert list(opensearch.indices.get(index="flows-half*")) == [first.index_name]
    assert opensearch.count(index="flows-half")["count"] == 2


class Meeting(Fault):
    """Answers bulk requests once two are there at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self._both = threading.Barrier(2)

    def answer(self, request: Request, forward: Forward) -> Answer:
        if request.is_bulk:
            self._both.wait(timeout=30)
        return forward(request)


def test_flows_that_stand_in_one_file_are_sent_by_every_writer(
    spark: SparkSession, opensearch_url: str, opensearch: OpenSearch, tmp_path: Path
) -> None:
    flows_like(spark, *OTHERS).coalesce(1).write.format("delta").save(str(tmp_path / "flows"))
    flows = spark.read.format("delta").load(str(tmp_path / "flows"))

    with proxy(opensearch_url, Meeting()) as url:
        target = OpenSearchTarget(url, writers=2, request_documents=1, patience_s=1)
        index_flows(flows, target, case_id="meeting", run_id=FIRST)

    assert opensearch.count(index="flows-meeting")["count"] == 2


def test_the_next_run_replaces_the_index_of_this_case_alone(
    spark: SparkSession, opensearch_url: str, opensearch: OpenSearch
) -> None:
    target = OpenSearchTarget(opensearch_url)
    other = index_flows(flows_like(spark, {}), target, case_id="turn-2", run_id=FIRST)
    opensearch.indices.create(index=f"flows-turn-{FIRST}x")  # looks alike, and is someone else's
    index_flows(flows_like(spark, {}), target, case_id="turn", run_id=FIRST)

    flows = flows_like(spark, *OTHERS).withColumn("run_id", F.lit(SECOND))
    second = index_flows(flows, target, case_id="turn", run_id=SECOND)

    assert set(opensearch.indices.get(index="flows-turn*")) == {
        second.index_name, other.index_name, f"flows-turn-{FIRST}x",
    }  # fmt: skip
    assert list(opensearch.indices.get_alias(name="flows-turn")) == [second.index_name]
    assert opensearch.count(index="flows-turn")["count"] == 2


def told(sentence: str) -> StoryDocument:
    return StoryDocument(
        "verdict",
        {
            "@timestamp": 1_764_032_400_000, "kind": "verdict", "verdict": "DATA",
            "sentence": sentence, "run_id": sentence,
        },
    )  # fmt: skip


def test_the_story_stands_beside_the_flows_and_is_replaced_with_them(
    spark: SparkSession, opensearch_url: str, opensearch: OpenSearch
) -> None:
    target = OpenSearchTarget(opensearch_url)

    for run_id in (FIRST, SECOND):
        flows = flows_like(spark, *OTHERS).withColumn("run_id", F.lit(run_id))
        index_flows(flows, target, case_id="told", run_id=run_id, shown=False)
        index_story([told(run_id)], target, case_id="told", run_id=run_id)
        show_index(target, case_id="told", run_id=run_id, has_story=True)

        (hit,) = opensearch.search(index="story-flows-told", q="verdict:DATA")["hits"]["hits"]
        assert (hit["_id"], hit["_source"]["sentence"]) == ("verdict", run_id)
        assert opensearch.count(index="flows-told")["count"] == 2

    flows = flows_like(spark, *OTHERS)
    index_flows(flows, target, case_id="told", run_id=FIRST, shown=False)
    show_index(target, case_id="told", run_id=FIRST)
    assert not opensearch.indices.exists(index="story-flows-told")


def test_a_run_that_fails_takes_flows_and_story_back(
    spark: SparkSession, opensearch_url: str, opensearch: OpenSearch
) -> None:
    target = OpenSearchTarget(opensearch_url)
    index_flows(flows_like(spark, {}), target, case_id="back", run_id=FIRST, shown=False)
    index_story([told(FIRST)], target, case_id="back", run_id=FIRST)

    remove_index(target, case_id="back", run_id=FIRST)

    assert not opensearch.indices.get(index="*flows-back*")


def test_a_story_that_the_node_refuses_never_shows(
    opensearch_url: str, opensearch: OpenSearch
) -> None:
    odd = StoryDocument("verdict", {"run_id": FIRST, "planted": "a field that nobody knows"})

    with pytest.raises(OpenSearchFailed, match=r"holds 0 of 1 documents; refused: .*planted"):
        index_story([odd], OpenSearchTarget(opensearch_url), case_id="odd", run_id=FIRST)

    assert not opensearch.indices.get(index="*flows-odd*")

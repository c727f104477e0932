"""A flow table in OpenSearch: every flow once, in the index of its day, whatever fails on the way.

The node is real. What a test expects is written down here, or follows from the id's definition.
"""

import hashlib
import io
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from opensearchpy import OpenSearch
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import ingest_flows
from jobs.errors import ExitCode
from jobs.opensearch.client import Endpoint, OpenSearchFailed
from jobs.opensearch.day_index import DayIndex
from jobs.opensearch.index import template_of
from jobs.storage.delta_sink import delete_rows
from tests.faults.proxy import Answer, Dropped, Fault, Forward, Refuses, Request, Swallows, proxy
from tests.support.cases import TracedCase
from tests.support.flow_tables import MONTH, ingest, record, write
from tests.support.paths import DATA

Document = dict[str, Any]
# What a document of a case has of the case, and one of the flow table has not.
_OF_CASE = {"role", "run_id", "conversation_id", "initiator", "outcome", "standing"}
_ENDS = {
    "2026.11.23": [
        ("10.0.0.7", "10.0.0.8"), ("10.0.0.7", "10.0.0.9"), ("10.0.0.9", "10.0.0.7"),
    ],
    "2026.11.24": [("10.0.0.7", "2001:db8::9")],
}  # fmt: skip


class Filled(NamedTuple):
    """A flow table, and the prefix of the objects that it has."""

    logs: Path
    table: Path


@pytest.fixture(scope="module")
def two_runs(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """First an object of one record, then two objects of two days with three records."""
    folder = tmp_path_factory.mktemp("two-runs")
    filled = Filled(folder / "logs", folder / "table")
    write(filled.logs, 0, record("10.0.0.7", "10.0.0.8"))
    ingest(*filled)
    write(filled.logs, 5, record("10.0.0.7", "10.0.0.9"), record("10.0.0.9", "10.0.0.7"))
    write(filled.logs, 5, record("10.0.0.7", "2001:db8::9"), day=24)
    ingest(*filled)
    return filled


@pytest.fixture
def filled(two_runs: Filled, tmp_path: Path) -> Filled:
    """The same for one test. An ingest finds nothing new, and loads what OpenSearch lacks."""
    return Filled(two_runs.logs, shutil.copytree(two_runs.table, tmp_path / "table"))


@pytest.fixture
def prefix(tmp_path: Path, opensearch: OpenSearch) -> Iterator[str]:
    """What the names of indices of one test begin with."""
    name = f"all-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    yield name
    opensearch.indices.delete(index=f"*{name}-*")


def target(url: str, prefix: str) -> list[str]:
    return ["--opensearch_url", url, "--opensearch_prefix", prefix, "--opensearch_patience", "1"]


def ends_with(code: ExitCode, filled: Filled, *more: str) -> str:
    """Run an ingest; what it printed."""
    printed = io.StringIO()
    flags = ["--flow_logs", str(filled.logs), "--flow_table", str(filled.table), *MONTH, *more]
    with redirect_stdout(printed):
        assert ingest_flows.main(flags) == code, printed.getvalue()
    return printed.getvalue()


def documents(node: OpenSearch, prefix: str) -> dict[tuple[str, str], Document]:
    """Documents by the day of their index and their id."""
    node.indices.refresh(index=f"{prefix}-*")
    return {
        (hit["_index"].removeprefix(f"{prefix}-"), hit["_id"]): hit["_source"]
        for hit in node.search(index=f"{prefix}-*", size=100)["hits"]["hits"]
    }


def ends(node: OpenSearch, prefix: str) -> dict[str, list[tuple[str, str]]]:
    """The two addresses of every document, by the day of its index."""
    found: dict[str, list[tuple[str, str]]] = {}
    for (day, _), source in documents(node, prefix).items():
        found.setdefault(day, []).append((source["srcaddr"], source["dstaddr"]))
    return {day: sorted(pairs) for day, pairs in found.items()}


def published(spark: SparkSession, table: Path) -> list[tuple[str, int, int]]:
    """Prefix, documents and refusals of what is written down, in order."""
    if not (table / "published").exists():
        return []
    rows = spark.read.format("delta").load(str(table / "published")).orderBy("published_at")
    return [(row.prefix, row.documents, row.refused) for row in rows.collect()]


def test_every_flow_is_one_document_in_the_index_of_its_day(
    spark: SparkSession, filled: Filled, prefix: str, opensearch: OpenSearch, opensearch_url: str
) -> None:
    printed = ingest(*filled, *target(opensearch_url, prefix))

    where = f"{prefix}-* at {opensearch_url.removeprefix('http://')}"
    assert f"OpenSearch  4 documents of 2 runs added to {where}\n" in printed
    assert ends(opensearch, prefix) == _ENDS
    found = documents(opensearch, prefix)
    flows = spark.read.format("delta").load(str(filled.table / "flows")).collect()
    assert {each for _, each in found} == {  # docs/reference/flow-table.md
        hashlib.sha256(f"{f.object_uri}\n{f.object_version}\n{f.object_line}".encode()).hexdigest()[:40]
        for f in flows
    }  # fmt: skip
    ((late, source),) = (each for each in found.items() if each[0][0] == "2026.11.24")
    runs = spark.read.format("delta").load(str(filled.table / "runs")).orderBy("number").collect()
    name = "111122223333_vpcflowlogs_eu-west-1_fl-0aaaaaaa_20261124T1205Z_0a.log.gz"
    assert source == {
        "@timestamp": "2026-11-23T12:00:00Z", "record_id": late[1], "version": 2,
        "start_at": "2026-11-23T12:00:00Z", "end_at": "2026-11-23T12:00:50Z",
        "start": 1795435200, "end": 1795435250,
        "account_id": "111122223333", "interface_id": "eni-0aaaaaaa", "srcaddr": "10.0.0.7",
        "dstaddr": "2001:db8::9", "srcport": 40000, "dstport": 22, "protocol": 6, "packets": 3,
        "bytes": 180, "action": "ACCEPT", "log_status": "OK", "src_ring": "private, unknown",
        "dst_ring": "internet", "object_line": 2, "object_uri": f"file://{filled.logs}/{name}",
        "run_id": runs[1].run_id,
    }  # fmt: skip

    assert f"OpenSearch  every run is in {where}\n" in ingest(
        *filled, *target(opensearch_url, prefix)
    )
    # As a run leaves it that was killed before it wrote down what it had loaded.
    shutil.rmtree(filled.table / "published")
    ingest(*filled, *target(opensearch_url, prefix))
    assert documents(opensearch, prefix) == found
    assert published(spark, filled.table) == [(prefix, 1, 0), (prefix, 3, 0)]


def test_a_document_is_that_of_a_case(
    traced_sample: TracedCase, tmp_path: Path, prefix: str, opensearch: OpenSearch,
    opensearch_url: str,
) -> None:  # fmt: skip
    """The case has read the text, and knows nothing of a flow table.

    Rings are seen from the subject, which a flow table has not: its own VPC is one of several.
    """
    ingest(
        DATA / "samples", tmp_path / "table", "--labels", str(DATA / "labels"),
        "--from", "2021-03-26T00:00:00Z", "--to", "2021-03-28T00:00:00Z",
        *target(opensearch_url, prefix),
    )  # fmt: skip

    hits = opensearch.search(index=f"flows-{traced_sample.case_id}", size=100)["hits"]["hits"]
    of_case = {hit["_id"]: {**hit["_source"]} for hit in hits}
    of_table = {each: source for (_, each), source in documents(opensearch, prefix).items()}
    for source in of_case.values():
        for name in _OF_CASE:
            source.pop(name, None)
        for name in ("src_ring", "dst_ring"):
            source[name] = source[name].replace("own vpc", "other vpc")
    for source in of_table.values():
        assert source.keys() & _OF_CASE == {"run_id"}
        del source["run_id"]
    assert [source["instance_name"] for source in of_case.values()] == ["report-1", "report-1"]
    assert {each: of_table[each] for each in of_case} == of_case


class Breaks(Fault):
    """Takes so many bulk requests and is lost then, until somebody sets it right."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.bulk, self._after = 0, after
        self.is_lost = after == 0

    def set_right(self) -> None:
        self.bulk, self._after, self.is_lost = 0, -1, False

    def answer(self, request: Request, forward: Forward) -> Answer:
        if self.is_lost:
            raise Dropped
        if request.is_bulk:
            self.bulk += 1
            self.is_lost = self.bulk == self._after
        return forward(request)


def test_a_lost_node_costs_the_flow_table_nothing_and_the_next_run_catches_up(
    spark: SparkSession, filled: Filled, tmp_path: Path, prefix: str, opensearch: OpenSearch,
    opensearch_url: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    late = write(tmp_path / "late", 10, record("10.0.0.7", "10.0.0.5"), day=24).parent
    node = Breaks(after=0)
    with proxy(opensearch_url, node) as url:
        flags = [*target(url, prefix), "--flow_logs", f"{filled.logs},{late}"]
        printed = ends_with(ExitCode.FAILED, filled, *flags)

    assert "found nothing that answers (ConnectionError)" in caplog.text
    assert "Books       balanced: all 5 identities hold" in printed
    assert (
        "the flow table has every flow, and the next ingest loads what is missing: 3 runs; "
        in capsys.readouterr().err
    )
    runs = spark.read.format("delta").load(str(filled.table / "runs")).orderBy("number")
    assert [row.flows for row in runs.collect()] == [1, 3, 1]
    assert "5 documents of 3 runs added" in ingest(*filled, *target(opensearch_url, prefix))
    assert ends(opensearch, prefix) == {
        **_ENDS, "2026.11.24": [("10.0.0.7", "10.0.0.5"), *_ENDS["2026.11.24"]],
    }  # fmt: skip


def test_a_node_that_is_lost_under_a_load_gets_the_rest_later(
    spark: SparkSession, filled: Filled, prefix: str, opensearch: OpenSearch, opensearch_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """After the first day of the second run: all of that run is sent again, and not the first."""
    node = Breaks(after=2)
    with proxy(opensearch_url, node) as url:
        ends_with(ExitCode.FAILED, filled, *target(url, prefix))
        assert "loads what is missing: 1 run; see to the cluster" in capsys.readouterr().err
        assert published(spark, filled.table) == [(prefix, 1, 0)]
        node.set_right()

        ingest(*filled, *target(url, prefix))

    assert node.bulk == 2
    assert ends(opensearch, prefix) == _ENDS
    assert published(spark, filled.table) == [(prefix, 1, 0), (prefix, 3, 0)]


def test_a_full_disk_is_told_and_caught_up_from_delta(
    spark: SparkSession, filled: Filled, prefix: str, opensearch: OpenSearch, opensearch_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The block is the one that a node sets when its disk passes the flood stage."""
    day, block = f"{prefix}-2026.11.24", "index.blocks.read_only_allow_delete"
    opensearch.indices.create(index=day, body=template_of("flat")["template"])
    opensearch.indices.put_settings(index=day, body={block: True})

    ends_with(ExitCode.FAILED, filled, *target(opensearch_url, prefix))

    assert "cluster_block_exception" in capsys.readouterr().err
    assert published(spark, filled.table) == [(prefix, 1, 0)]
    opensearch.indices.put_settings(index=day, body={block: None})
    ingest(*filled, *target(opensearch_url, prefix))
    assert ends(opensearch, prefix) == _ENDS


def test_what_the_node_swallows_is_not_written_down(
    spark: SparkSession, filled: Filled, prefix: str, opensearch_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with proxy(opensearch_url, Swallows()) as url:
        ends_with(ExitCode.FAILED, filled, *target(url, prefix))

    assert "holds 0 documents and 0 were refused, but Delta has 1 flows" in capsys.readouterr().err
    assert published(spark, filled.table) == []


def test_a_refused_document_holds_nothing_up_and_is_told(
    spark: SparkSession, filled: Filled, prefix: str, opensearch: OpenSearch, opensearch_url: str
) -> None:
    with proxy(opensearch_url, Refuses(b"2001:db8::9")) as url:
        flags = [*target(url, prefix), "--strict", "true"]
        printed = ends_with(ExitCode.INCOMPLETE, filled, *flags)
        assert "every run is in" in ends_with(ExitCode.COMPLETE, filled, *flags)

    assert (
        "; 1 refused: OpenSearch refused it with 400: mapper_parsing_exception: failed to parse "
        "field [bytes] of type [short]\n" in printed
    )
    assert published(spark, filled.table) == [(prefix, 1, 0), (prefix, 2, 1)]
    assert ends(opensearch, prefix) == {"2026.11.23": _ENDS["2026.11.23"]}


def test_another_prefix_and_another_shape_have_all_flows_too(
    spark: SparkSession, filled: Filled, prefix: str, opensearch: OpenSearch, opensearch_url: str
) -> None:
    other = f"ecs-{prefix}-other"
    ingest(*filled, *target(opensearch_url, prefix))
    ingest(*filled, *target(opensearch_url, f"{prefix}-other"), "--shape", "ecs")

    assert ends(opensearch, prefix) == _ENDS
    assert set(opensearch.indices.get(index=f"{other}-*")) == {
        f"{other}-2026.11.23", f"{other}-2026.11.24",
    }  # fmt: skip
    assert opensearch.count(index=f"{other}-*", q="destination.port:22")["count"] == 4
    assert [each[0] for each in published(spark, filled.table)] == [prefix, prefix, other, other]


def test_of_days_that_left_the_table_the_rest_of_their_run_is_loaded(
    spark: SparkSession, filled: Filled, prefix: str, opensearch: OpenSearch, opensearch_url: str
) -> None:
    """As `--keep_days` deletes them."""
    delete_rows(spark, str(filled.table / "flows"), F.col("day") == "2026-11-23")

    ingest(*filled, *target(opensearch_url, prefix))

    assert ends(opensearch, prefix) == {"2026.11.24": _ENDS["2026.11.24"]}
    assert published(spark, filled.table) == [(prefix, 0, 0), (prefix, 1, 0)]


class Says(Fault):
    """Answers everything with a status."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    def answer(self, request: Request, forward: Forward) -> Answer:
        return Answer(self._status, b"{}")


def test_wrong_credentials_are_told_before_anything_is_written(
    tmp_path: Path, opensearch_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "logs", 0, record("10.0.0.7", "10.0.0.9")).parent
    with proxy(opensearch_url, Says(401)) as url:
        ends_with(ExitCode.BAD_INPUT, Filled(logs, tmp_path / "table"), "--opensearch_url", url)

    assert "found that it does not let us in (status 401)" in capsys.readouterr().err
    assert not (tmp_path / "table").exists()


def day_index(url: str, name: str) -> DayIndex:
    endpoint = Endpoint(url, patience_s=1)
    return DayIndex(endpoint.connect(), endpoint, shape="flat", name=name, run_id="")


def test_an_index_of_an_older_version_gets_its_new_fields_and_keeps_its_alias(
    prefix: str, opensearch: OpenSearch, opensearch_url: str
) -> None:
    name = f"{prefix}-2026.11.23"
    mappings = template_of("flat")["template"]["mappings"]
    del mappings["properties"]["standing"]
    opensearch.indices.create(
        index=name, body={"mappings": mappings, "aliases": {f"{prefix}-alias": {}}}
    )

    day_index(opensearch_url, name).prepare(1)

    made = opensearch.indices.get(index=name)[name]
    assert made["mappings"]["properties"]["standing"] == {"type": "keyword", "ignore_above": 256}
    assert list(made["aliases"]) == [f"{prefix}-alias"]


def test_a_name_that_is_taken_by_another_index_is_told(
    prefix: str, opensearch: OpenSearch, opensearch_url: str
) -> None:
    name = f"{prefix}-2026.11.23"
    fields = {"bytes": {"type": "keyword"}}
    opensearch.indices.create(index=name, body={"mappings": {"properties": fields}})

    with pytest.raises(OpenSearchFailed, match=r"mapper \[bytes\] cannot be changed from type"):
        day_index(opensearch_url, name).prepare(1)


def test_an_index_is_seen_while_it_is_filled_and_has_room_for_a_day(
    prefix: str, opensearch: OpenSearch, opensearch_url: str
) -> None:
    name = f"{prefix}-2026.11.23"
    day_index(opensearch_url, name).prepare(100_000_000)
    day_index(opensearch_url, name).prepare(1)

    settings = opensearch.indices.get_settings(index=name)[name]["settings"]["index"]
    assert (settings["number_of_shards"], "refresh_interval" in settings) == ("2", False)

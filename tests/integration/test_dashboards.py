"""The dashboards: a file that imports, and panels that say what Delta says."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from opensearchpy import OpenSearch
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from demo.dashboard_panels import PANELS, SEARCHES, Panel
from demo.dashboards import FILE, STORY_TEMPLATE, TEMPLATE, as_ndjson, saved_objects
from demo.dashboards_import import import_objects, main
from demo.vpc import SUSPECT
from tests.support.cases import TracedCase
from tests.support.http_server import served

OBJECTS = [json.loads(line) for line in FILE.read_text().splitlines()]
MAPPINGS = {
    pattern: json.loads(template.read_text())["template"]["mappings"]["properties"]
    for pattern, template in (("flows-*", TEMPLATE), ("story-flows-*", STORY_TEMPLATE))
}

# What each panel asks for, in SQL over Delta.
INSIDE = "dst_ring IN ('own vpc', 'other vpc', 'private, unknown')"
WHERE = {
    "What was tried inside, by standing and outcome": f"initiator = 'subject' AND {INSIDE}",
    "Suspicious conversations by hour and outcome": "standing = 'suspicious'",
    "Destinations inside over time, by action": INSIDE,
    "Destination and port inside, by records": INSIDE,
    "Blocked attempts": "action = 'REJECT'",
    "Bytes with the internet by hour": "src_ring = 'internet' OR dst_ring = 'internet'",
    "Coverage: OK, NODATA and SKIPDATA by hour": "true",
}


# The suspect of the demo has one address; no try of its day was rejected inside of a session.
CONVERSATION_OF_A_FLOW = f"""
    SELECT f.*, c.conversation_id, c.initiator, c.outcome, p.standing
    FROM (SELECT *, srcaddr = '{SUSPECT.address}' AS is_out FROM flows) f
    LEFT JOIN conversations c
      ON c.hop = 1 AND c.protocol = f.protocol
     AND c.peer = IF(f.is_out, f.dstaddr, f.srcaddr)
     AND c.peer_port = IF(f.is_out, f.dstport, f.srcport)
     AND c.subject_port = IF(f.is_out, f.srcport, f.dstport)
     AND f.start_at >= c.first_at AND f.end_at <= c.last_at
    LEFT JOIN peers p
      ON p.hop = 1 AND p.peer = c.peer AND p.service_port <=> c.service_port
     AND p.protocol = c.protocol AND p.initiator = c.initiator"""


def inner(item: dict[str, Any], name: str) -> Any:
    """JSON that stands inside a string."""
    return json.loads(item["attributes"][name])


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [item for item in OBJECTS if item.get("type") == kind]


def test_the_file_is_the_one_that_the_panels_make() -> None:
    assert FILE.read_text() == as_ndjson(saved_objects())


def test_the_file_is_complete_and_every_reference_leads_somewhere() -> None:
    *objects, account = OBJECTS
    ids = [(item["type"], item["id"]) for item in objects]

    assert account == {
        "exportedCount": len(objects), "missingRefCount": 0, "missingReferences": [],
    }  # fmt: skip
    assert len(set(ids)) == len(ids)
    assert {kind for kind, _ in ids} == {"index-pattern", "visualization", "search", "dashboard"}
    for item in objects:
        for reference in item["references"]:
            assert (reference["type"], reference["id"]) in ids
        (version,) = item["migrationVersion"].values()
        assert tuple(map(int, version.split("."))) <= (7, 10, 0)
    (dashboard,) = of_kind("dashboard")
    panels = inner(dashboard, "panelsJSON")
    assert [panel["panelRefName"] for panel in panels] == [
        reference["name"] for reference in dashboard["references"]
    ]
    assert len(panels) == len(PANELS) + len(SEARCHES)
    places = [panel["gridData"] for panel in panels]
    for one in places:
        for other in places:
            assert one is other or not (
                one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
                and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
            ), "one panel lies on another"  # fmt: skip


def test_every_field_of_a_panel_is_in_the_index_and_can_be_aggregated() -> None:
    patterns = {item["id"]: item for item in of_kind("index-pattern")}
    assert {item["attributes"]["title"] for item in patterns.values()} == set(MAPPINGS)
    for item in [*of_kind("visualization"), *of_kind("search")]:
        (reference,) = item["references"]
        pattern = patterns[reference["id"]]
        mapping = MAPPINGS[pattern["attributes"]["title"]]
        known = {field["name"] for field in inner(pattern, "fields")}
        assert known <= set(mapping)
        if item["type"] == "search":
            sort = {field for field, _ in item["attributes"]["sort"]}
            assert {*item["attributes"]["columns"], *sort} <= known
            continue
        aggregated = {
            agg["params"]["field"]
            for agg in inner(item, "visState")["aggs"]
            if "field" in agg["params"]
        }
        assert aggregated <= known
        aggregatable = {"keyword", "ip", "date", "long", "integer", "short"}
        assert {mapping[name]["type"] for name in aggregated} <= aggregatable


def test_panels_are_native_and_lead_nowhere_outside() -> None:
    kinds = {inner(item, "visState")["type"] for item in of_kind("visualization")}

    assert kinds == {"histogram", "heatmap", "table"}
    assert "://" not in FILE.read_text()


@pytest.fixture(scope="module")
def flows(spark: SparkSession, traced_day: TracedCase) -> DataFrame:
    """The flows of the traced day, each with its conversation as the page on tables joins them."""
    for name in ("flows", "conversations", "peers"):
        table = spark.read.format("delta").load(str(traced_day.folder / name))
        table.createOrReplaceTempView(name)
    return spark.sql(CONVERSATION_OF_A_FLOW).cache()


def buckets_of(panel: Panel) -> list[dict[str, Any]]:
    return [agg for agg in panel.aggs if agg["schema"] != "metric"]


def metrics_of(panel: Panel) -> list[dict[str, Any]]:
    return [agg for agg in panel.aggs if agg["schema"] == "metric"]


def as_query(panel: Panel, size: int | None) -> dict[str, Any]:
    """The request that Dashboards makes of a panel; `size` lifts the limits of its buckets."""
    asked = panel.aggs
    metrics = {
        agg["id"]: {agg["type"]: {"field": agg["params"]["field"]}}
        for agg in metrics_of(panel)
        if agg["type"] != "count"
    }
    below: dict[str, Any] = dict(metrics)
    for agg in reversed(buckets_of(panel)):
        params = agg["params"]
        if agg["type"] == "date_histogram":
            assert params["interval"] == "h"
            made: dict[str, Any] = {
                "date_histogram": {
                    "field": params["field"], "calendar_interval": "1h", "min_doc_count": 1,
                }
            }  # fmt: skip
        else:
            by = next(item for item in asked if item["id"] == params["orderBy"])
            order = "_count" if by["type"] == "count" else by["id"]
            made = {
                "terms": {
                    "field": params["field"], "size": size or params["size"],
                    "order": {order: params["order"]},
                }
            }  # fmt: skip
        below = {agg["id"]: {**made, "aggs": {**metrics, **below}}}
    query: dict[str, Any] = {"match_all": {}}
    if panel.query:
        query = {"query_string": {"query": panel.query, "analyze_wildcard": True}}
    return {"size": 0, "query": query, "aggs": below}


Rows = dict[tuple[str, ...], tuple[int, ...]]


def rows_in(answer: dict[str, Any], panel: Panel, at: int = 0) -> Rows:
    """The innermost buckets: keys → metrics."""
    buckets = buckets_of(panel)
    if at == len(buckets):
        values = tuple(
            int(answer["doc_count"] if agg["type"] == "count" else answer[agg["id"]]["value"])
            for agg in metrics_of(panel)
        )
        return {(): values}
    rows = {}
    for bucket in answer[buckets[at]["id"]]["buckets"]:
        for keys, values in rows_in(bucket, panel, at + 1).items():
            rows[(str(bucket["key"]), *keys)] = values
    return rows


def rows_of(flows: DataFrame, panel: Panel) -> Rows:
    """The same from Delta."""
    moment = F.coalesce("start_at", "end_at")
    column = {"@timestamp": F.unix_millis(moment)}
    keys = [
        F.unix_millis(F.date_trunc("hour", moment))
        if agg["type"] == "date_histogram"
        else F.col(agg["params"]["field"])
        for agg in buckets_of(panel)
    ]
    metrics = []
    for agg in metrics_of(panel):
        name = agg["params"].get("field")
        value = column.get(name, F.col(name)) if name else F.lit(1)
        made = {
            "count": F.count, "sum": F.sum, "min": F.min, "max": F.max,
            "cardinality": F.countDistinct,
        }[agg["type"]](value)  # fmt: skip
        metrics.append(F.coalesce(made, F.lit(0)))
    named = [key.cast("string").alias(f"key_{n}") for n, key in enumerate(keys)]
    grouped = flows.where(WHERE[panel.title]).select("*", *named)
    for n in range(len(keys)):
        grouped = grouped.where(F.col(f"key_{n}").isNotNull())
    rows = grouped.groupBy(*(f"key_{n}" for n in range(len(keys)))).agg(*metrics).collect()
    return {tuple(row)[: len(keys)]: tuple(row)[len(keys) :] for row in rows}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_a_panel_shows_what_delta_holds(
    panel: Panel, flows: DataFrame, opensearch: OpenSearch
) -> None:
    expected = rows_of(flows, panel)

    everything = opensearch.search(index="flows-demo-day", body=as_query(panel, 10_000))
    as_shown = opensearch.search(index="flows-demo-day", body=as_query(panel, None))

    assert expected
    assert rows_in(everything["aggregations"], panel) == expected
    shown = rows_in(as_shown["aggregations"], panel)
    assert shown
    assert shown.items() <= expected.items()


@pytest.fixture
def dashboards() -> Iterator[tuple[str, list[tuple[str, str | None, bytes]], dict[str, object]]]:
    """Stands for the import API: a URL, what was asked, and the answer that it gives."""
    asked: list[tuple[str, str | None, bytes]] = []
    answer: dict[str, object] = {"success": True, "successCount": 8}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, self.headers["osd-xsrf"], body))
            text = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    with served(Handler) as url:
        yield url, asked, answer


def test_the_file_is_uploaded_as_the_import_api_wants_it(
    dashboards: tuple[str, list[tuple[str, str | None, bytes]], dict[str, object]],
) -> None:
    url, asked, _ = dashboards

    assert import_objects(url, "one\ntwo\n") == []

    ((path, header, body),) = asked
    assert path == "/api/saved_objects/_import?overwrite=true"
    assert header == "true"
    assert b'filename="dashboards.ndjson"' in body
    assert b"\r\n\r\none\ntwo\n\r\n--" in body


def test_a_case_is_shown_with_its_own_window(
    traced_day: TracedCase,
    dashboards: tuple[str, list[tuple[str, str | None, bytes]], dict[str, object]],
) -> None:
    url, asked, _ = dashboards

    assert main(["--url", url, "--case", str(traced_day.folder)]) == 0

    ((_, _, body),) = asked
    lines = body.decode().split("\r\n\r\n", 1)[1].split("\r\n")[0].splitlines()
    objects = [json.loads(line) for line in lines]
    titles = [
        each["attributes"]["title"] for each in objects if each.get("type") == "index-pattern"
    ]
    assert titles == ["flows-demo-day", "story-flows-demo-day"]
    (dashboard,) = [each["attributes"] for each in objects if each.get("type") == "dashboard"]
    assert dashboard["timeRestore"] is True
    window = json.loads((traced_day.folder / "manifest.json").read_text())["parameters"]["window"]
    assert dashboard["timeFrom"] == window["from_at"].replace("+00:00", ".000Z")
    assert dashboard["timeTo"] == window["to_at"].replace("+00:00", ".000Z")


def test_the_story_of_the_case_is_in_the_lists(
    spark: SparkSession, traced_day: TracedCase, opensearch: OpenSearch
) -> None:
    manifest = json.loads((traced_day.folder / "manifest.json").read_text())
    found = {
        search.title: [
            hit["_source"]
            for hit in opensearch.search(
                index="story-flows-demo-day", q=search.query, size=100, sort="@timestamp:asc"
            )["hits"]["hits"]
        ]
        for search in SEARCHES
        if search.indices == "story-flows-*"
    }

    told = found["Verdict and story"]
    assert [each["sentence"] for each in told if each["kind"] == "act"] == [
        act["sentence"] for act in manifest["story"]["acts"]
    ]
    (verdict,) = [each for each in told if each["kind"] == "verdict"]
    assert verdict["headline"] == manifest["story"]["headline"]
    assert verdict["verdict"] == manifest["verdict"]["step"]
    assert verdict["sentence"] == manifest["verdict"]["sentence"]
    assert verdict["coverage"] == manifest["coverage"]["verdict"]
    path = spark.read.format("delta").load(str(traced_day.folder / "path")).collect()
    assert path
    assert sorted(
        (each["hop"], each["to_address"], each["service_port"], each["standing"])
        for each in found["The path, step by step"]
    ) == sorted((row.hop, row.to_address, row.service_port, row.standing) for row in path)


def test_an_answer_of_200_with_failures_is_a_failure(
    dashboards: tuple[str, list[tuple[str, str | None, bytes]], dict[str, object]],
) -> None:
    url, _, answer = dashboards
    failed = {"type": "search", "id": "x", "error": {"type": "missing_references"}}
    answer |= {"success": False, "errors": [failed]}

    assert import_objects(url, "one\n") == ["search x: missing_references"]


def test_a_password_is_not_sent_over_plain_http(tmp_path: Path) -> None:
    assert import_objects("http://dashboards.example", "one\n") == [
        "found http://dashboards.example; expected https://, as plain http is for loopback"
    ]

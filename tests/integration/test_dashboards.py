"""The dashboards: a file that imports, and panels that say what Delta says."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opensearchpy import OpenSearch
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from demo.dashboards import FILE, PANELS, TEMPLATE, Panel, as_ndjson, saved_objects
from demo.dashboards_import import import_objects
from tests.support.cases import TracedCase

OBJECTS = [json.loads(line) for line in FILE.read_text().splitlines()]
MAPPING = json.loads(TEMPLATE.read_text())["template"]["mappings"]["properties"]

# What each panel asks for, in SQL over Delta.
INSIDE = "dst_ring IN ('own vpc', 'other vpc', 'private, unknown')"
WHERE = {
    "Destinations inside over time, by action": INSIDE,
    "Destination and port inside, by records": INSIDE,
    "Blocked attempts": "action = 'REJECT'",
    "Bytes with the internet by hour": "src_ring = 'internet' OR dst_ring = 'internet'",
    "Coverage: OK, NODATA and SKIPDATA by hour": "true",
}


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
    assert len(panels) == len(PANELS) + 1


def test_every_field_of_a_panel_is_in_the_index_and_can_be_aggregated() -> None:
    (pattern,) = of_kind("index-pattern")
    known = {field["name"] for field in inner(pattern, "fields")}
    aggregated = {
        agg["params"]["field"]
        for item in of_kind("visualization")
        for agg in inner(item, "visState")["aggs"]
        if "field" in agg["params"]
    }
    (search,) = of_kind("search")
    shown = {
        *search["attributes"]["columns"],
        *(field for field, _ in search["attributes"]["sort"]),
    }

    assert pattern["attributes"]["title"] == "flows-*"
    assert aggregated | shown <= known
    assert known <= set(MAPPING)
    aggregatable = {"keyword", "ip", "date", "long", "integer", "short"}
    assert {MAPPING[name]["type"] for name in aggregated | shown} <= aggregatable


def test_panels_are_native_and_lead_nowhere_outside() -> None:
    kinds = {inner(item, "visState")["type"] for item in of_kind("visualization")}

    assert kinds == {"histogram", "heatmap", "table"}
    assert "://" not in FILE.read_text()


@pytest.fixture(scope="module")
def flows(spark: SparkSession, traced_day: TracedCase) -> DataFrame:
    """The flows of the traced day, which the index shows as well."""
    return spark.read.format("delta").load(str(traced_day.folder / "flows")).cache()


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

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked, answer
    server.shutdown()
    server.server_close()
    thread.join()


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

"""What OpenSearch Dashboards shows of a case: five panels and a search, all of them native.

`conf/opensearch/dashboards.ndjson` is made from this file by
`python -m demo.dashboards_import --write`; ids are derived from names, so an import replaces
itself.
"""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).resolve().parent.parent / "conf/opensearch/dashboards.ndjson"
TEMPLATE = FILE.with_name("flows-template.json")
INDICES = "flows-*"
_NAMESPACE = uuid.UUID("6f1c1a52-7f5e-5a2b-9c1e-5d1f0a6f7c11")
_MIGRATION = "7.10.0"
_SOURCE = "kibanaSavedObjectMeta.searchSourceJSON.index"
_COLUMNS = (
    "interface_name interface_id src_name srcaddr dst_name dstaddr dstport protocol action "
    "tcp_flags packets bytes"
).split()


class Panel(NamedTuple):
    """One visualisation: what it asks of the index, and where it stands on the dashboard."""

    title: str
    kind: str
    query: str
    aggs: list[dict[str, Any]]
    place: tuple[int, int, int, int]  # x, y, width, height on a grid of 48 columns


def _agg(number: int, kind: str, schema: str, **params: Any) -> dict[str, Any]:
    return {
        "id": str(number), "enabled": True, "type": kind, "schema": schema, "params": params,
    }  # fmt: skip


def _count(number: int) -> dict[str, Any]:
    return _agg(number, "count", "metric")


def _hours(number: int, schema: str = "segment") -> dict[str, Any]:
    return _agg(
        number, "date_histogram", schema, field="@timestamp", interval="h", min_doc_count=1,
        drop_partials=False, useNormalizedOpenSearchInterval=True, extended_bounds={},
    )  # fmt: skip


def _terms(number: int, schema: str, field: str, size: int, by: str = "1") -> dict[str, Any]:
    return _agg(
        number, "terms", schema, field=field, size=size, orderBy=by, order="desc",
        otherBucket=False, missingBucket=False,
    )  # fmt: skip


INSIDE = 'dst_ring:("own vpc" OR "other vpc" OR "private, unknown")'
OUTSIDE = "src_ring:internet OR dst_ring:internet"
BLOCKED = "action:REJECT"

PANELS = (
    Panel(
        "Destinations inside over time, by action", "histogram", INSIDE,
        [_agg(1, "cardinality", "metric", field="dstaddr"), _hours(2),
         _terms(3, "group", "action", 5)],
        (0, 0, 24, 14),
    ),
    Panel(
        "Destination and port inside, by records", "heatmap", INSIDE,
        [_count(1), _terms(2, "segment", "dstport", 15), _terms(3, "group", "dstaddr", 15)],
        (24, 0, 24, 14),
    ),
    Panel(
        "Blocked attempts", "table", BLOCKED,
        [_count(1), _agg(4, "min", "metric", field="@timestamp"),
         _agg(5, "max", "metric", field="@timestamp"),
         _terms(2, "bucket", "dstaddr", 50), _terms(3, "bucket", "dstport", 20)],
        (0, 14, 24, 14),
    ),
    Panel(
        "Bytes with the internet by hour", "histogram", OUTSIDE,
        [_agg(1, "sum", "metric", field="bytes"), _hours(2),
         _terms(3, "group", "flow_direction", 5)],
        (24, 14, 24, 14),
    ),
    Panel(
        "Coverage: OK, NODATA and SKIPDATA by hour", "histogram", "",
        [_count(1), _hours(2), _terms(3, "group", "log_status", 5)],
        (0, 28, 48, 10),
    ),
)  # fmt: skip
FLOWS_PLACE = (0, 38, 48, 20)
FLOWS_TITLE = "Flows with names beside ids"


def identity(kind: str, name: str) -> str:
    """An id that is the same in every export."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


def saved_objects(indices: str = INDICES) -> list[dict[str, Any]]:
    """The index pattern, the panels, the search and the dashboard, ready to be imported."""
    pattern = identity("index-pattern", INDICES)
    search = identity("search", FLOWS_TITLE)
    shown = [
        ("visualization", identity("visualization", panel.title), panel.place) for panel in PANELS
    ] + [("search", search, FLOWS_PLACE)]
    return [
        _object(
            "index-pattern", pattern,
            {"title": indices, "timeFieldName": "@timestamp", "fields": _text(_fields())}, [],
        ),
        *(_visualisation(panel, pattern) for panel in PANELS),
        _object(
            "search", search,
            {"title": FLOWS_TITLE, "description": "", "hits": 0, "columns": _COLUMNS,
             "sort": [["@timestamp", "asc"]], "version": 1, **_asks("")},
            [_index(pattern)],
        ),
        _dashboard(shown),
    ]  # fmt: skip


def as_ndjson(objects: Sequence[dict[str, Any]]) -> str:
    """One object per line, then the account of the export."""
    account = {
        "exportedCount": len(objects), "missingRefCount": 0, "missingReferences": [],
    }  # fmt: skip
    return "".join(f"{_text(item)}\n" for item in [*objects, account])


def _fields() -> list[dict[str, Any]]:
    mapping = json.loads(TEMPLATE.read_text())["template"]["mappings"]["properties"]
    kinds = {
        "keyword": "string", "ip": "ip", "date": "date", "long": "number", "integer": "number",
        "short": "number",
    }  # fmt: skip
    return [
        {
            "name": name,
            "type": kinds[field["type"]],
            "esTypes": [field["type"]],
            "searchable": field.get("index", True),
            "aggregatable": True,
            "readFromDocValues": True,
        }
        for name, field in mapping.items()
        if field["type"] in kinds
    ]


def _visualisation(panel: Panel, pattern: str) -> dict[str, Any]:
    state = {
        "title": panel.title, "type": panel.kind, "aggs": panel.aggs, "params": _look(panel),
    }  # fmt: skip
    return _object(
        "visualization",
        identity("visualization", panel.title),
        {"title": panel.title, "description": "", "uiStateJSON": "{}", "version": 1,
         "visState": _text(state), **_asks(panel.query)},
        [_index(pattern)],
    )  # fmt: skip


def _look(panel: Panel) -> dict[str, Any]:
    if panel.kind == "table":
        return {"perPage": 20, "showPartialRows": False, "showMetricsAtAllLevels": False,
                "showTotal": False, "totalFunc": "sum", "percentageCol": ""}  # fmt: skip
    common = {"addTooltip": True, "addLegend": True, "legendPosition": "right"}
    value = {"id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left",
             "show": True, "style": {}, "scale": {"type": "linear", "mode": "normal"},
             "labels": {"show": True, "rotate": 0, "filter": False, "truncate": 100},
             "title": {"text": ""}}  # fmt: skip
    if panel.kind == "heatmap":
        return {**common, "type": "heatmap", "enableHover": True, "times": [],
                "colorsNumber": 6, "colorSchema": "Reds", "setColorRange": False,
                "colorsRange": [], "invertColors": False, "percentageMode": False,
                "valueAxes": [{**value, "show": False}]}  # fmt: skip
    return {
        **common, "type": "histogram", "grid": {"categoryLines": False}, "times": [],
        "addTimeMarker": False, "labels": {"show": False}, "thresholdLine": {"show": False},
        "categoryAxes": [{"id": "CategoryAxis-1", "type": "category", "position": "bottom",
                          "show": True, "style": {}, "scale": {"type": "linear"},
                          "labels": {"show": True, "filter": True, "truncate": 100},
                          "title": {}}],
        "valueAxes": [value],
        "seriesParams": [{"show": True, "type": "histogram", "mode": "stacked",
                          "data": {"label": "", "id": "1"}, "valueAxis": "ValueAxis-1",
                          "drawLinesBetweenPoints": True, "lineWidth": 2, "showCircles": True}],
    }  # fmt: skip


def _dashboard(shown: Sequence[tuple[str, str, tuple[int, int, int, int]]]) -> dict[str, Any]:
    panels, references = [], []
    for number, (kind, found, (x, y, w, h)) in enumerate(shown):
        name = f"panel_{number}"
        panels.append(
            {"panelIndex": str(number), "version": _MIGRATION, "panelRefName": name,
             "gridData": {"x": x, "y": y, "w": w, "h": h, "i": str(number)},
             "embeddableConfig": {}}
        )  # fmt: skip
        references.append({"name": name, "type": kind, "id": found})
    title = "VPC Flow Trace: one case"
    options = {"useMargins": True, "hidePanelTitles": False}
    source = {"query": {"language": "lucene", "query": ""}, "filter": []}
    return _object(
        "dashboard", identity("dashboard", title),
        {"title": title, "description": "The flows of a case as Delta holds them.", "hits": 0,
         "panelsJSON": _text(panels), "optionsJSON": _text(options), "version": 1,
         "timeRestore": False, "kibanaSavedObjectMeta": {"searchSourceJSON": _text(source)}},
        references,
    )  # fmt: skip


def _asks(query: str) -> dict[str, Any]:
    source = {
        "query": {"language": "lucene", "query": query}, "filter": [],
        "indexRefName": _SOURCE,
    }  # fmt: skip
    return {"kibanaSavedObjectMeta": {"searchSourceJSON": _text(source)}}


def _index(pattern: str) -> dict[str, str]:
    return {"name": _SOURCE, "type": "index-pattern", "id": pattern}


def _object(
    kind: str, found: str, attributes: dict[str, Any], references: list[dict[str, str]]
) -> dict[str, Any]:
    version = {"index-pattern": "7.6.0", "visualization": _MIGRATION, "search": "7.9.3",
               "dashboard": "7.9.3"}[kind]  # fmt: skip
    return {"id": found, "type": kind, "attributes": attributes, "references": references,
            "migrationVersion": {kind: version}}  # fmt: skip


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)

"""The panels and lists of a case as saved objects of OpenSearch Dashboards, ready to be imported.

`conf/opensearch/dashboards.ndjson` is made from this file by
`python -m demo.dashboards_import --write`; ids are derived from names, so an import replaces
itself.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.dashboard_panels import INDICES, PANELS, SEARCHES, STORIES, Panel

FILE = Path(__file__).resolve().parent.parent / "conf/opensearch/dashboards.ndjson"
TEMPLATE, STORY_TEMPLATE = (FILE.with_name(f"{name}-template.json") for name in ("flows", "story"))
_NAMESPACE = uuid.UUID("6f1c1a52-7f5e-5a2b-9c1e-5d1f0a6f7c11")
_MIGRATION = "7.10.0"
_SOURCE = "kibanaSavedObjectMeta.searchSourceJSON.index"


def identity(kind: str, name: str) -> str:
    """An id that is the same in every export."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


def saved_objects(
    case_id: str | None = None, window: tuple[datetime, datetime] | None = None
) -> list[dict[str, Any]]:
    """The index patterns, the panels, the searches and the dashboard, ready to be imported.

    Of one case or of all; with a window the dashboard opens on it, whatever was looked at before.
    """
    patterns = {
        pattern: (identity("index-pattern", pattern), template)
        for pattern, template in ((INDICES, TEMPLATE), (STORIES, STORY_TEMPLATE))
    }
    shown = [
        *(("visualization", panel.title, panel.place) for panel in PANELS),
        *(("search", search.title, search.place) for search in SEARCHES),
    ]
    return [
        *(
            _object(
                "index-pattern", found,
                {"title": pattern.replace("*", case_id) if case_id else pattern,
                 "timeFieldName": "@timestamp", "fields": _text(_fields(template))}, [],
            )
            for pattern, (found, template) in patterns.items()
        ),
        *(_visualisation(panel, patterns[INDICES][0]) for panel in PANELS),
        *(
            _object(
                "search", identity("search", search.title),
                {"title": search.title, "description": "", "hits": 0,
                 "columns": list(search.columns), "sort": [["@timestamp", "asc"]], "version": 1,
                 **_asks(search.query)},
                [_index(patterns[search.indices][0])],
            )
            for search in SEARCHES
        ),
        _dashboard([(kind, identity(kind, title), place) for kind, title, place in shown], window),
    ]  # fmt: skip


def as_ndjson(objects: Sequence[dict[str, Any]]) -> str:
    """One object per line, then the account of the export."""
    account = {
        "exportedCount": len(objects), "missingRefCount": 0, "missingReferences": [],
    }  # fmt: skip
    return "".join(f"{_text(item)}\n" for item in [*objects, account])


def _fields(template: Path) -> list[dict[str, Any]]:
    mapping = json.loads(template.read_text())["template"]["mappings"]["properties"]
    kinds = {
        "keyword": "string", "text": "string", "ip": "ip", "date": "date", "long": "number",
        "integer": "number", "short": "number",
    }  # fmt: skip
    return [
        {
            "name": name,
            "type": kinds[field["type"]],
            "esTypes": [field["type"]],
            "searchable": field.get("index", True),
            "aggregatable": field["type"] != "text",
            "readFromDocValues": field["type"] != "text",
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


def _dashboard(
    shown: Sequence[tuple[str, str, tuple[int, int, int, int]]],
    window: tuple[datetime, datetime] | None,
) -> dict[str, Any]:
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
         **_time(window), "kibanaSavedObjectMeta": {"searchSourceJSON": _text(source)}},
        references,
    )  # fmt: skip


def _time(window: tuple[datetime, datetime] | None) -> dict[str, Any]:
    if window is None:
        return {"timeRestore": False}
    first, last = (f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}" for at in window)
    pause = {"pause": True, "value": 0}
    return {"timeRestore": True, "timeFrom": first, "timeTo": last, "refreshInterval": pause}


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

"""What OpenSearch Dashboards shows of a case: seven panels and three searches, all native."""

from collections.abc import Sequence
from typing import Any, NamedTuple

INDICES, STORIES = "flows-*", "story-flows-*"
_COLUMNS = (
    "interface_name interface_id src_name srcaddr dst_name dstaddr dstport protocol action "
    "tcp_flags packets bytes"
).split()


class Search(NamedTuple):
    """A list of documents: of which indices, with which columns, and where it stands."""

    title: str
    indices: str
    query: str
    columns: Sequence[str]
    place: tuple[int, int, int, int]


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

SUSPICIOUS = "standing:suspicious"
TRIED = f"initiator:subject AND {INSIDE}"

PANELS = (
    Panel(
        "What was tried inside, by standing and outcome", "table", TRIED,
        [_agg(1, "cardinality", "metric", field="conversation_id"),
         _agg(5, "min", "metric", field="@timestamp"), _agg(6, "sum", "metric", field="bytes"),
         _terms(2, "bucket", "standing", 4), _terms(3, "bucket", "outcome", 6),
         _terms(4, "bucket", "dstaddr", 20)],
        (0, 30, 24, 16),
    ),
    Panel(
        "Suspicious conversations by hour and outcome", "histogram", SUSPICIOUS,
        [_agg(1, "cardinality", "metric", field="conversation_id"), _hours(2),
         _terms(3, "group", "outcome", 6)],
        (24, 30, 24, 16),
    ),
    Panel(
        "Destinations inside over time, by action", "histogram", INSIDE,
        [_agg(1, "cardinality", "metric", field="dstaddr"), _hours(2),
         _terms(3, "group", "action", 5)],
        (0, 46, 24, 14),
    ),
    Panel(
        "Destination and port inside, by records", "heatmap", INSIDE,
        [_count(1), _terms(2, "segment", "dstport", 15), _terms(3, "group", "dstaddr", 15)],
        (24, 46, 24, 14),
    ),
    Panel(
        "Blocked attempts", "table", BLOCKED,
        [_count(1), _agg(4, "min", "metric", field="@timestamp"),
         _agg(5, "max", "metric", field="@timestamp"),
         _terms(2, "bucket", "dstaddr", 50), _terms(3, "bucket", "dstport", 20)],
        (0, 60, 24, 14),
    ),
    Panel(
        "Bytes with the internet by hour", "histogram", OUTSIDE,
        [_agg(1, "sum", "metric", field="bytes"), _hours(2),
         _terms(3, "group", "flow_direction", 5)],
        (24, 60, 24, 14),
    ),
    Panel(
        "Coverage: OK, NODATA and SKIPDATA by hour", "histogram", "",
        [_count(1), _hours(2), _terms(3, "group", "log_status", 5)],
        (0, 74, 48, 10),
    ),
)  # fmt: skip
SEARCHES = (
    Search(
        "Verdict and story", STORIES, "kind:(verdict OR act)",
        ("sentence", "technique", "source", "verdict", "coverage"), (0, 0, 48, 16),
    ),
    Search(
        "The path, step by step", STORIES, "kind:step",
        ("hop", "from_name", "from_address", "to_name", "to_address", "service_port", "outcome",
         "standing"), (0, 16, 48, 14),
    ),
    Search("Flows with names beside ids", INDICES, "", _COLUMNS, (0, 84, 48, 20)),
)  # fmt: skip

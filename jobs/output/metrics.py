"""One line at the end of a run from which CloudWatch Logs makes metrics, all from its manifest.

Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

NAMESPACE = "VpcFlowTrace"
UNITS = {
    "BooksBalanced": "None",  # 1, or 0 when an identity of any reading does not hold
    "CoveragePercent": "Percent",  # five-minute slots seen whole; not there for --scope everything
    "Quarantined": "Count",  # objects, lines and documents, of all readings
    "Flows": "Count",  # in the window
    "DurationSeconds": "Seconds",
}


def metric_line(manifest: Mapping[str, Any]) -> str:
    """A JSON object without line breaks; which case it was is a property, not a dimension.

    Every new value of a dimension is a new metric to pay for, so there is one set per scope.
    """
    values = dict(_values(manifest))
    finished_at = datetime.fromisoformat(manifest["finished_at"])
    line = {
        "_aws": {
            "Timestamp": int(finished_at.timestamp() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [["Job", "Scope"]],
                    "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
                }
            ],
        },
        "Job": "trace_instance",
        "Scope": manifest["parameters"]["scope"],
        "CaseId": manifest["case_id"],
        "RunId": manifest["run_id"],
        **values,
    }
    return json.dumps(line)


def _values(manifest: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    readings = [manifest, *manifest["further_readings"].values()]
    yield "BooksBalanced", int(all(i["holds"] for of in readings for i in of["identities"]))
    coverage = manifest["coverage"]
    if coverage and coverage["figures"]["slots"]:
        yield "CoveragePercent", 100 * coverage["figures"]["seen"] / coverage["figures"]["slots"]
    kinds = ("quarantined_objects", "quarantined_lines", "quarantined_documents")
    yield "Quarantined", sum(of["books"][kind] for of in readings for kind in kinds)
    yield "Flows", manifest["books"]["flows"]
    started_at, finished_at = (
        datetime.fromisoformat(manifest[name]) for name in ("started_at", "finished_at")
    )
    yield "DurationSeconds", (finished_at - started_at).total_seconds()

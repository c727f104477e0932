"""A case as an OCSF 1.5.0 Detection Finding (class 2004).

What OCSF has no place for stands below `unmapped`.
"""

from collections.abc import Iterator

from transforms.attack import PARENTS, url_of
from transforms.exports.case_facts import NOT_SEEN, CaseFacts, CaseSource, Row
from transforms.exports.indicators import Indicator, indicators_of
from transforms.exports.plain import document, iso, millis, without_nulls
from transforms.vocabulary import INSIDE, Step

_CLASS, _CREATE = 2004, 1
_INBOUND, _OUTBOUND, _LATERAL, _UNKNOWN = 1, 2, 3, 0
_IP_ADDRESS, _RULE, _NEW = 2, 1, 1
# The step of the ladder as OCSF's severity: how far it got, not what it would cost.
_SEVERITIES = {
    Step.DATA: (4, "High"),
    Step.ANSWERED: (3, "Medium"),
    Step.ATTEMPTED: (2, "Low"),
    Step.ORDINARY_ONLY: (1, "Informational"),
    Step.NO_EVIDENCE: (1, "Informational"),
    Step.CANNOT_TELL: (0, "Unknown"),
}


def detection_finding(case: CaseSource) -> bytes:
    """The finding as one JSON document."""
    facts = case.facts
    indicators = [
        each for each in indicators_of(case.rows("peers"), facts.acts) if each.is_in_story
    ]
    evidences = [_of_step(step) for step in case.rows("path")]
    evidences += [_of_indicator(indicator, facts) for indicator in indicators]
    return document(
        {
            **_classified(facts),
            "message": facts.title,
            "finding_info": _finding_info(facts),
            "resources": [
                {"uid": instance_id, "name": name, "type": "AWS::EC2::Instance"}
                for instance_id, name in facts.instances.items()
            ],
            "evidences": evidences,
            "observables": [_observable(indicator) for indicator in indicators],
            "unmapped": {
                **facts.stamp,
                "verdict": facts.verdict,
                "coverage": facts.coverage,
                "coverage_reasons": list(facts.coverage_reasons),
                "story": [act._asdict() for act in facts.acts],
                "not_seen": NOT_SEEN,
            },
        }
    )


def _classified(facts: CaseFacts) -> dict[str, object]:
    """What every event of OCSF says of itself."""
    severity_id, severity = _SEVERITIES[Step(facts.verdict)]
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "type_uid": _CLASS * 100 + _CREATE,
        "type_name": "Detection Finding: Create",
        "time": millis(facts.finished_at),
        "start_time": millis(facts.from_at),
        "end_time": millis(facts.to_at),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": _NEW,
        "status": "New",
        "metadata": {
            "version": "1.5.0",
            "uid": f"{facts.case_id}/{facts.run_id}",
            "product": {
                "name": "VPC Flow Trace",
                "vendor_name": "VPC Flow Trace",
                "version": facts.tool_version,
            },
        },
    }


def _observable(indicator: Indicator) -> dict[str, object]:
    end = "src" if indicator.directions == ("inbound",) else "dst"
    return {
        "name": f"evidences.{end}_endpoint.ip",
        "type_id": _IP_ADDRESS,
        "type": "IP Address",
        "value": indicator.address,
    }


def _finding_info(facts: CaseFacts) -> dict[str, object]:
    return {
        "uid": f"{facts.case_id}/{facts.run_id}",
        "title": facts.title,
        "desc": facts.sentence,
        "types": list(facts.finding_types),
        "created_time": millis(facts.finished_at),
        "data_sources": ["Amazon VPC Flow Logs"],
        "analytic": {
            "uid": "verdict",
            "name": "Verdict over VPC Flow Logs",
            "type_id": _RULE,
            "type": "Rule",
        },
        "attacks": list(_attacks(facts)),
        "related_events": [{"uid": finding_id} for finding_id in facts.finding_ids],
    }


def _attacks(facts: CaseFacts) -> Iterator[dict[str, object]]:
    for technique_id, (technique, _) in facts.techniques().items():
        parent = technique_id.partition(".")[0]
        named = {"uid": technique_id, "name": technique.name, "src_url": url_of(technique_id)}
        tactic = {"uid": technique.tactic_id, "name": technique.tactic}
        if parent == technique_id:
            yield {"tactic": tactic, "technique": named}
        else:
            above = {"uid": parent, "name": PARENTS[parent], "src_url": url_of(parent)}
            yield {"tactic": tactic, "technique": above, "sub_technique": named}


def _of_step(step: Row) -> dict[str, object]:
    return {
        "name": "Step of the path",
        "src_endpoint": without_nulls({"ip": step["from_address"], "name": step["from_name"]}),
        "dst_endpoint": without_nulls(
            {"ip": step["to_address"], "name": step["to_name"], "port": step["service_port"]}
        ),
        "connection_info": {
            "protocol_num": step["protocol"],
            "direction_id": _LATERAL if step["to_ring"] in INSIDE else _OUTBOUND,
        },
        "data": {
            "hop": step["hop"],
            "first_at": iso(step["first_at"]),
            "outcome": step["outcome"],
            "standing": step["standing"],
            "reasons": list(step["reasons"] or ()),
            "conversation_id": step["conversation_id"],
        },
    }


def _of_indicator(indicator: Indicator, facts: CaseFacts) -> dict[str, object]:
    is_inbound = indicator.directions == ("inbound",)
    outside = without_nulls({"ip": indicator.address, "name": indicator.name})
    inside = {"name": facts.subject}
    is_outbound = indicator.directions == ("outbound",)
    return {
        "name": "Address outside that the story names",
        "src_endpoint": outside if is_inbound else inside,
        "dst_endpoint": inside if is_inbound else outside,
        "connection_info": {
            "direction_id": _INBOUND if is_inbound else _OUTBOUND if is_outbound else _UNKNOWN
        },
        "data": without_nulls(
            {
                "services": list(indicator.services),
                "first_at": indicator.first_at,
                "last_at": indicator.last_at,
                "conversations": indicator.conversations,
                "outcome": indicator.outcome,
                "standing": indicator.standing,
                "reasons": list(indicator.reasons),
                "bytes_out": indicator.bytes_out,
                "bytes_in": indicator.bytes_in,
            }
        ),
    }

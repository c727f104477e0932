"""A case as a Timesketch timeline: JSON lines with `message`, `datetime` and `timestamp_desc`."""

import json
from collections.abc import Iterator

from transforms.attack import TECHNIQUES
from transforms.exports.case_facts import CaseSource, Row
from transforms.exports.plain import without_nulls
from transforms.network.protocols import service_name
from transforms.utc import time_of
from transforms.vocabulary import Initiator
from transforms.wording import peer_of

_KEY = ("hop", "peer", "service_port", "protocol", "initiator")
_OF_CONVERSATION = (
    "conversation_id hop subject_address subject_port peer peer_port peer_name peer_instance_id "
    "peer_ring protocol service_port initiator initiator_basis certainty outcome outcome_basis "
    "last_at packets_out packets_in bytes_out bytes_in records is_contradicted"
).split()
_OF_STEP = (
    "hop from_address from_name to_address to_name to_ring protocol service_port service_class "
    "outcome standing attempts conversation_id contact_at"
).split()


def timeline(case: CaseSource) -> Iterator[bytes]:
    """The story, then the path, then every conversation, an event a line."""
    stamp = case.facts.stamp
    for event in _events(case):
        yield json.dumps({**without_nulls(event), **stamp}).encode() + b"\n"


def _events(case: CaseSource) -> Iterator[dict[str, object]]:
    for act in case.facts.acts:
        technique = TECHNIQUES.get(act.technique)
        yield {
            "message": act.sentence,
            "datetime": time_of(act.at),
            "timestamp_desc": "Story of the case",
            "source_table": "story",
            "technique": act.technique or None,
            "technique_name": technique.name if technique else None,
            "address": act.address or None,
            "answer": act.source,
        }
    for step in case.rows("path"):
        yield {
            "message": (
                f"{step['from_name'] or step['from_address']} reached "
                f"{step['to_name'] or step['to_address']} at "
                f"{service_name(step['protocol'], step['service_port'])}: {step['outcome']} "
                f"({step['standing']})"
            ),
            "datetime": step["first_at"],
            "timestamp_desc": "Contact on the path",
            "source_table": "path",
            "reasons": "; ".join(step["reasons"] or ()) or None,
            **{name: step[name] for name in _OF_STEP},
        }
    standings = {_key(row): row["standing"] for row in case.rows("peers")}
    for row in case.rows("conversations"):
        yield {
            "message": _sentence(row),
            "datetime": row["first_at"],
            "timestamp_desc": "Conversation began",
            "source_table": "conversations",
            "standing": standings.get(_key(row)),
            **{name: row[name] for name in _OF_CONVERSATION},
        }


def _key(row: Row) -> tuple[object, ...]:
    """What `peers` and `conversations` join by; at hop 1 the subject may have several addresses."""
    machine = row["subject_address"] if row["hop"] > 1 else None
    return (machine, *(row[name] for name in _KEY))


def _sentence(row: Row) -> str:
    near, far = row["subject_address"], peer_of(row)
    service = service_name(row["protocol"], row["service_port"])
    if row["initiator"] == Initiator.UNKNOWN:
        return f"{near} and {far}, {service}: {row['outcome']}; who began is unknown"
    source, target = (near, far) if row["initiator"] == Initiator.SUBJECT else (far, near)
    return f"{source} to {target}, {service}: {row['outcome']}"

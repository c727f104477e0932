"""A small case to be exported: an entry, a step to another machine, a transfer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from transforms.acts import Act
from transforms.exports.case_facts import CaseFacts
from transforms.schemas import CONVERSATIONS, PEERS
from transforms.standing.path import PATH
from transforms.table_shape import columns_of_ddl

RUN = "20261128t000000z-0001"
MANIFEST = "ab" * 32
CAME_IN, WENT_TO, UPDATES = "198.51.100.23", "192.0.2.77", "2001:db8::80"


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=UTC)


FACTS = CaseFacts(
    case_id="web-3",
    run_id=RUN,
    manifest_sha256=MANIFEST,
    tool_version="0.1.0",
    finished_at=at(12),
    from_at=at(0),
    to_at=at(10),
    instances={"i-0839de4aa2b2f82cb": "web-3"},
    verdict="DATA",
    sentence="Yes: 1 address, answered with data.",
    coverage="PARTIAL",
    coverage_reasons=("2 slots without an object",),
    headline="web-3 was entered over SSH and sent 2.4 GB.",
    acts=(
        Act("2026-11-23T02:39:32.000Z", f"{CAME_IN} came in over SSH.", "was entered", "T1110",
            "P0-6b", address=CAME_IN),
        Act("2026-11-23T03:16:09", "web-3 exchanged data with app-2 over SSH.", "", "T1021.004",
            "path", address="10.20.2.22"),
        Act("2026-11-23T03:26:36.000Z", "db-1 stopped 12 tries.", "", "", "P0-4",
            address="10.20.3.9"),
        Act("2026-11-23T03:39:52.000Z", f"At most 2.4 GB went to {WENT_TO}.", "", "T1048",
            "P0-8", address=WENT_TO),
    ),
    finding_ids=("16afba5c5c43e07c9e3e5e2e544e95df",),
    finding_types=("UnauthorizedAccess:EC2/SSHBruteForce",),
)  # fmt: skip


def row(ddl: str, **values: object) -> dict[str, Any]:
    """A row of a table: null except for these values."""
    columns = columns_of_ddl(ddl)
    assert not values.keys() - columns.keys()
    return {**dict.fromkeys(columns), "run_id": RUN, **values}


def peer(address: str, initiator: str, port: int, **values: object) -> dict[str, Any]:
    usual: dict[str, object] = {
        "hop": 1, "peer": address, "initiator": initiator, "service_port": port, "protocol": 6,
        "peer_ring": "internet", "standing": "suspicious", "outcome": "DATA", "attempts": 1,
        "first_at": at(2), "last_at": at(3), "reasons": [], "bytes_out": 10, "bytes_in": 20,
    }  # fmt: skip
    return row(PEERS, **{**usual, **values})


def conversation(number: int, address: str, initiator: str, **values: object) -> dict[str, Any]:
    usual: dict[str, object] = {
        "conversation_id": f"{number:040x}", "hop": 1, "protocol": 6, "peer": address,
        "subject_address": "10.20.1.13", "subject_port": 32936, "peer_port": 22,
        "service_port": 22, "initiator": initiator, "outcome": "DATA", "first_at": at(3, 16),
        "last_at": at(3, 46), "packets_out": 62, "packets_in": 91, "bytes_out": 62454,
        "bytes_in": 93629, "records": 3, "is_contradicted": False, "certainty": "proven",
    }  # fmt: skip
    return row(CONVERSATIONS, **{**usual, **values})


PEERS_ROWS = (
    peer("10.20.2.22", "subject", 22, peer_name="app-2", peer_ring="own vpc"),
    peer(CAME_IN, "peer", 22, attempts=421, reasons=["before: not seen"], first_at=at(2, 10)),
    peer(WENT_TO, "subject", 443, first_at=at(3, 39), last_at=at(4, 24), bytes_out=2_468_573_015),
    peer(UPDATES, "subject", 443, hop=2, subject_address="10.20.2.22", standing="unknown",
         outcome="ANSWERED", bytes_out=None, first_at=at(1)),
    peer("203.0.113.99", "subject", 123, standing="ordinary"),
)  # fmt: skip
PATH_ROWS = (
    row(PATH, hop=1, from_address="10.20.1.13", from_name="web-3", to_address="10.20.2.22",
        to_name="app-2", to_ring="own vpc", protocol=6, service_port=22, outcome="DATA",
        first_at=at(3, 16), standing="suspicious", reasons=["equals: none of 3 does this"],
        attempts=2, conversation_id=f"{1:040x}", contact_at=at(2, 10)),
)  # fmt: skip
CONVERSATION_ROWS = (
    conversation(1, "10.20.2.22", "subject", peer_name="app-2"),
    conversation(2, CAME_IN, "peer", subject_port=22, peer_port=40000, first_at=at(2, 10)),
    conversation(3, "10.20.9.9", "unknown", protocol=1, service_port=None, outcome="NO_ANSWER"),
)


@dataclass(frozen=True)
class SmallCase:
    """A case whose rows are given."""

    facts: CaseFacts = FACTS
    tables: Mapping[str, tuple[Mapping[str, Any], ...]] = field(
        default_factory=lambda: {
            "path": PATH_ROWS,
            "peers": PEERS_ROWS,
            "conversations": CONVERSATION_ROWS,
        }
    )

    def rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        return iter(self.tables[table])


def quiet_case() -> SmallCase:
    """A case in which nothing happened and nothing is known of the subject's names."""
    facts = replace(
        FACTS, verdict="CANNOT TELL", sentence="No attempt was seen.", headline="", acts=(),
        finding_ids=(), finding_types=(), instances={}, coverage_reasons=(),
    )  # fmt: skip
    return SmallCase(facts, {"path": (), "peers": (), "conversations": ()})

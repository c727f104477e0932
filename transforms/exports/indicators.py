"""Addresses outside that a case would have others look for, with the reasons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from transforms.acts import Act
from transforms.exports.case_facts import Row
from transforms.network.protocols import service_name
from transforms.vocabulary import Initiator, Outcome, Ring, Standing

_DIRECTIONS = {Initiator.SUBJECT: "outbound", Initiator.PEER: "inbound"}
_REASONS = 5


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """An address on the internet whose conversations are not ordinary.

    `techniques` and `is_in_story` come from the acts that name it. `bytes_out` went to it; both
    counts are null where one of its rows does not know them.
    """

    address: str
    name: str | None
    directions: tuple[str, ...]
    services: tuple[str, ...]
    machines: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    conversations: int
    outcome: str
    bytes_out: int | None
    bytes_in: int | None
    standing: str
    reasons: tuple[str, ...]
    techniques: tuple[str, ...]
    is_in_story: bool


def indicators_of(peers: Iterable[Row], acts: Sequence[Act]) -> list[Indicator]:
    """The indicators of a case from its rows of `peers`: those of the story first, then by time."""
    by_address: dict[str, list[Row]] = {}
    for row in peers:
        if row["peer_ring"] == Ring.INTERNET and row["standing"] != Standing.ORDINARY:
            by_address.setdefault(row["peer"], []).append(row)
    found = [_indicator(address, rows, acts) for address, rows in by_address.items()]
    return sorted(found, key=lambda each: (not each.is_in_story, each.first_at, each.address))


def _indicator(address: str, rows: Sequence[Row], acts: Sequence[Act]) -> Indicator:
    of_it = [act for act in acts if act.address == address]
    standings, outcomes = list(Standing), list(Outcome)
    return Indicator(
        address=address,
        name=next((row["peer_name"] for row in rows if row["peer_name"]), None),
        directions=_each(_DIRECTIONS.get(row["initiator"], "unknown") for row in rows),
        services=_each(service_name(row["protocol"], row["service_port"]) for row in rows),
        machines=_each(row["subject_address"] or "subject" for row in rows),
        first_at=min(row["first_at"] for row in rows),
        last_at=max(row["last_at"] for row in rows),
        conversations=sum(row["attempts"] for row in rows),
        outcome=max((Outcome(row["outcome"]) for row in rows), key=outcomes.index).value,
        bytes_out=_whole_sum(row["bytes_out"] for row in rows),
        bytes_in=_whole_sum(row["bytes_in"] for row in rows),
        standing=min((Standing(row["standing"]) for row in rows), key=standings.index).value,
        reasons=_each(reason for row in rows for reason in row["reasons"] or ())[:_REASONS],
        techniques=_each(act.technique for act in of_it if act.technique),
        is_in_story=bool(of_it),
    )


def _each(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _whole_sum(values: Iterable[int | None]) -> int | None:
    """The sum; unknown where a part of it is."""
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total

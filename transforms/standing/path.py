"""The path: from machine to machine, each step after the contact that it follows from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from transforms.vocabulary import INSIDE, Outcome, Standing

_INSIDE = frozenset(ring.value for ring in INSIDE)


# A step from machine to machine, none of which is ordinary; see docs/reference/standing.md.
PATH = """
    hop               INT COMMENT '1: from the subject; from 2 on: from a machine that was reached',
    from_address      STRING COMMENT 'the machine that began; the subject at hop 1',
    from_name         STRING COMMENT 'its name',
    to_address        STRING COMMENT 'the machine that it reached',
    to_name           STRING COMMENT 'its name',
    to_ring           STRING COMMENT 'where that lies: own vpc, other vpc, internet, …',
    protocol          BIGINT COMMENT 'IANA number',
    service_port      BIGINT COMMENT 'port that it reached',
    service_class     STRING COMMENT 'remote admin, file, database, …; else null',
    first_at          TIMESTAMP COMMENT 'UTC, first conversation with data, else the first answer',
    outcome           STRING COMMENT 'ANSWERED or DATA',
    standing          STRING COMMENT 'suspicious, changed or unknown',
    reasons           ARRAY<STRING> COMMENT 'for the standing',
    attempts          BIGINT COMMENT 'conversations from then on, answered or not',
    conversation_id   STRING COMMENT 'the first one, in the table conversations',
    contact_at        TIMESTAMP COMMENT 'UTC, since when the machine that began counts',
    run_id            STRING COMMENT 'run that wrote this row'
"""


@dataclass(frozen=True, kw_only=True)
class PathStep:
    """A row of `PATH`: a machine reached another, which it does not on any day.

    `first_at` is the first conversation with data, else the first answer; `contact_at` is when its
    own machine was reached, at hop 1 the first sign.
    """

    hop: int
    from_address: str
    from_name: str | None
    to_address: str
    to_name: str | None
    to_ring: str
    protocol: int
    service_port: int | None
    service_class: str | None
    first_at: datetime
    outcome: str
    standing: str
    reasons: tuple[str, ...]
    attempts: int
    conversation_id: str
    contact_at: datetime | None
    is_probe: bool  # answered without data, as one of a scan

    @property
    def is_inside(self) -> bool:
        """Whether it leads to another machine inside."""
        return self.to_ring in _INSIDE


def step_of(
    row: Mapping[str, Any], names: Mapping[str, str | None], contact_at: datetime | None
) -> PathStep:
    """A step from a judged row of activity; `names` are those of the machines, by key."""
    return PathStep(
        hop=row["hop"],
        from_address=row["near"],
        from_name=names.get(row["machine"]),
        to_address=row["peer"],
        to_name=row["peer_name"],
        to_ring=row["peer_ring"],
        protocol=row["protocol"],
        service_port=row["service_port"],
        service_class=row["service_class"],
        first_at=datetime.fromtimestamp(row["data_s"] or row["reached_s"], UTC),
        outcome=(Outcome.DATA if row["data_after"] else Outcome.ANSWERED).value,
        standing=row["standing"],
        reasons=tuple(row["reasons"]),
        attempts=row["attempts_after"],
        conversation_id=row["conversation_id"],
        contact_at=contact_at,
        is_probe=bool(row["is_scan"]) and not row["data_after"],
    )


def in_order(steps: Iterable[PathStep]) -> tuple[PathStep, ...]:
    """The steps that are part of the path, by hop and time.

    A probe of a scan that was answered without data is one only where something followed from it:
    its target went on to another machine. It stays in the table `peers`.
    """
    found: list[PathStep] = []
    for step in sorted(steps, key=lambda each: -each.hop):
        leads_on = any(
            later.hop == step.hop + 1 and later.from_address == step.to_address for later in found
        )
        if leads_on or not step.is_probe:
            found.append(step)
    order = tuple(Standing)
    return tuple(
        sorted(found, key=lambda s: (s.hop, s.first_at, order.index(Standing(s.standing)),
                                    s.to_address, s.service_port or 0))
    )  # fmt: skip


def path_row(step: PathStep, run_id: str) -> tuple[object, ...]:
    """A row of `PATH`."""
    return (
        step.hop, step.from_address, step.from_name, step.to_address, step.to_name, step.to_ring,
        step.protocol, step.service_port, step.service_class, step.first_at, step.outcome,
        step.standing, list(step.reasons), step.attempts, step.conversation_id, step.contact_at,
        run_id,
    )  # fmt: skip


@dataclass(frozen=True)
class Followed:
    """Whom the path followed, and why it ended.

    `machines` counts those whose own traffic was read because they were reached; `left_out` were
    beyond `max_peers`; `unlogged` (addresses) have no record of an interface of their own;
    `without_history` have too little before they were reached. `ended` is a sentence.
    `unlisted` are prefixes of other accounts that could not be listed, each with why.
    """

    machines: int = 0
    left_out: int = 0
    unlogged: tuple[str, ...] = ()
    without_history: tuple[str, ...] = ()
    readings: int = 1
    ended: str = ""
    unlisted: tuple[tuple[str, str], ...] = ()

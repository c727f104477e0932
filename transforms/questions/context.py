"""What a run knows when it answers its questions: options, thresholds and earlier results."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from transforms.coverage.judged import Coverage
from transforms.network.addresses import address_literal
from transforms.questions.expected import unexpected_sql
from transforms.questions.judgement import Unseen
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.sql import ATTEMPT
from transforms.standing.path import Followed

NOTHING_ELSE = Unseen()


@dataclass(frozen=True)
class Baseline:
    """What the time before the window knows of the subject.

    `first_s` is its earliest record (Unix seconds), None without any; `days` counts the days with a
    record, `later_services` the services that were first seen after its first day. `is_enough` says
    that it goes far enough back to call what it lacks new.
    """

    asked_days: int
    first_s: int | None
    days: int
    services: int
    later_services: int
    is_enough: bool


@dataclass(frozen=True)
class FindingSigns:
    """What the finding says of when it began: its first sight, and its remote addresses."""

    first_seen: datetime | None = None
    remotes: tuple[str, ...] = ()


NO_FINDING = FindingSigns()


@dataclass(frozen=True, kw_only=True)
class QuestionContext:
    """Everything but the tables that an answer depends on.

    `thresholds` are those of the options with the aggregation interval that the records have.
    `baseline`, `followed` and `coverage` are None where the run did not find them out. `unseen` is
    what speaks against silence beside the conversations and coverage; `first_sign` is when
    something began, None without any sign.
    """

    options: QuestionOptions
    thresholds: Thresholds
    baseline: Baseline | None = None
    followed: Followed | None = None
    finding: FindingSigns = NO_FINDING
    first_sign: datetime | None = None
    coverage: Coverage | None = None
    unseen: Unseen = NOTHING_ELSE

    @classmethod
    def of_options(cls, options: QuestionOptions) -> "QuestionContext":
        """A context in which nothing but the options is known."""
        return cls(options=options, thresholds=options.thresholds)

    def placeholders(self) -> Mapping[str, object]:
        """What the SQL of a question may name in braces, with its text here."""
        unexpected = unexpected_sql(self.options.expected_peers)
        contained_at = self.options.contained_at or datetime.fromtimestamp(0, UTC)
        return {
            **self.thresholds._asdict(),
            "unexpected": unexpected,
            "attempts": f"{ATTEMPT} AND {unexpected}",
            "contained_at": _moment(contained_at),
            "finding_at": _moment(self.finding.first_seen),
            "finding_remotes": _among(self.finding.remotes),
        }


def _among(addresses: Iterable[str]) -> str:
    listed = ", ".join(map(address_literal, addresses))
    return f"peer IN ({listed})" if listed else "false"


def _moment(at: datetime | None) -> str:
    if at is None:
        return "CAST(NULL AS TIMESTAMP)"
    return f"CAST('{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00:00' AS TIMESTAMP)"

"""What every export says of a case: which it is, what its run found, and from what."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from transforms.acts import Act
from transforms.attack import TECHNIQUES, Technique

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CaseFacts:
    """A complete case, by its manifest. Every text is fit to be shown, however it was written.

    `manifest_sha256` is over manifest.json as it was read; `verdict` is a step of the ladder.
    `instances` are those of the subject, names by id; an instance without a name has its id.
    """

    case_id: str
    run_id: str
    manifest_sha256: str
    tool_version: str
    finished_at: datetime
    from_at: datetime
    to_at: datetime
    instances: Mapping[str, str]
    verdict: str
    sentence: str
    coverage: str
    coverage_reasons: tuple[str, ...]
    headline: str
    acts: tuple[Act, ...]
    finding_ids: tuple[str, ...]
    finding_types: tuple[str, ...]

    @property
    def stamp(self) -> dict[str, str]:
        """What an export is of."""
        return {
            "case_id": self.case_id,
            "run_id": self.run_id,
            "manifest_sha256": self.manifest_sha256,
        }

    @property
    def subject(self) -> str:
        """The subject by its names."""
        return ", ".join(self.instances.values()) or "the subject"

    @property
    def title(self) -> str:
        """The headline; where nothing happened, the verdict on the subject."""
        return self.headline or f"{self.subject}: {self.verdict}"

    def techniques(self) -> dict[str, tuple[Technique, list[Act]]]:
        """The acts of each technique that the story names, by its ATT&CK id."""
        found: dict[str, tuple[Technique, list[Act]]] = {}
        for act in self.acts:
            if technique := TECHNIQUES.get(act.technique):
                found.setdefault(act.technique, (technique, []))[1].append(act)
        return found


class CaseSource(Protocol):
    """A case to be exported: its facts, and the rows of its tables as the run wrote them."""

    @property
    def facts(self) -> CaseFacts:
        """What the manifest says."""

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table: times in UTC, texts fit to be shown."""


NOT_SEEN = (
    "Flow records show addresses, ports, counters and times. They show no user, no command and no "
    "content, and a technique is what a port and its traffic suggest."
)

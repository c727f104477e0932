"""How grave a finding is, as its producer says: a word of a closed list, and the number behind it.

AWS, "Severity levels of GuardDuty findings": low from 1.0, medium from 4.0, high from 7.0, critical
from 9.0. Security Hub's formats have a word of their own, which counts.
"""

from typing import NamedTuple

LEVELS = ("informational", "low", "medium", "high", "critical")
_FROM = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (1.0, "low"))
# OCSF, `severity_id`; 6 is "Fatal", which GuardDuty does not use.
_OCSF = {1: "informational", 2: "low", 3: "medium", 4: "high", 5: "critical", 6: "critical"}


class Severity(NamedTuple):
    """A level, and GuardDuty's number where the finding has it."""

    level: str
    score: float | None = None

    def __str__(self) -> str:
        return self.level if self.score is None else f"{self.level} ({self.score:g})"

    @property
    def order(self) -> tuple[int, float]:
        """For the gravest of several."""
        return LEVELS.index(self.level), self.score or 0.0


def severity_of(value: object) -> Severity | None:
    """Of GuardDuty's number, or of a level's name; None for anything else."""
    if isinstance(value, str) and value.lower() in LEVELS:
        return Severity(value.lower())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    level = next((name for limit, name in _FROM if limit <= value <= 10), None)
    return Severity(level, float(value)) if level else None


def severity_of_asff(value: object) -> object:
    """What an ASFF finding has of it: GuardDuty's number, else the label."""
    if not isinstance(value, dict):
        return None
    score = value.get("Product")
    return score if severity_of(score) else value.get("Label")


def severity_of_ocsf(number: object) -> object:
    """The level of an OCSF finding's `severity_id`."""
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return _OCSF.get(number) if is_number else None  # type: ignore[call-overload]

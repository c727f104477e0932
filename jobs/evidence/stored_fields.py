"""Fields of a stored manifest, each read as what it must be: its writer may be an attacker.

Every function raises ValueError with a sentence that names the field.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jobs.cli import argument_values as values
from transforms import patterns


class Collector:
    """Reads parts of a manifest and keeps every problem, so that all are told at once."""

    def __init__(self) -> None:
        self._problems: list[str] = []

    def read(self, read: Callable[[], Any]) -> Any:
        """The part; None where it has a problem, which is kept."""
        try:
            return read()
        except ValueError as problem:
            self._problems.append(str(problem))
            return None

    def raise_if_any(self) -> None:
        """Raise ValueError with every problem, each once."""
        if self._problems:
            raise ValueError("; ".join(dict.fromkeys(self._problems)))


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """An object of JSON."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: expected an object")
    return value


def sequence(value: object, where: str) -> Sequence[Any]:
    """A list of JSON."""
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list")
    return value


def number(value: object, where: str) -> int:
    """A whole number that counts something."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{where}: expected a whole number")
    return value


def number_or_none(value: object, where: str) -> Any:
    """A whole number, or null."""
    return None if value is None else number(value, where)


def text(value: object, where: str) -> str:
    """Text; it may hold anything."""
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected text")
    return value


def text_or_none(value: object, where: str) -> str | None:
    """Text, or null."""
    return None if value is None else text(value, where)


def truth(value: object, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{where}: expected true or false")
    return value


def moment(value: object, where: str) -> datetime:
    """A time with its offset to UTC, as one in UTC."""
    found = datetime.fromisoformat(text(value, where))
    if found.tzinfo is None:
        raise ValueError(f"{where}: expected a time with its offset to UTC")
    try:
        return found.astimezone(UTC)
    except OverflowError:  # the last hours of year 9999, the first of year 1
        raise ValueError(f"{where}: expected a time that UTC has") from None


def sha256(given: Mapping[str, Any], where: str, name: str = "sha256") -> str:
    """The SHA-256 of what the field names."""
    found = given.get(name)
    if not isinstance(found, str) or not re.fullmatch(patterns.SHA256, found):
        raise ValueError(f"{where}: expected 64 hex digits as its SHA-256")
    return found


def case_id(value: object) -> str:
    """The id of a case, which is safe in a path."""
    try:
        return values.case_id(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"case_id: {error}") from None


def run_id(value: object, where: str) -> str:
    """The id of a run, which is safe in a path."""
    try:
        return values.run_id(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None

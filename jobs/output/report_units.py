"""Numbers and times as a person reads them, with the exact number beside them."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from transforms.utc import time_of
from transforms.wording import duration, moment, size

_OCTETS = re.compile(r"(^|_)(bytes|payload)(_|$)|^transfer_bytes$")
_SECONDS = re.compile(r"_s$")


class Shown(NamedTuple):
    """A number for a person, and the exact one where that is another text."""

    text: str
    exact: str = ""


def shown_number(name: str, value: int) -> Shown:
    """A number of a figure or column, in the unit that its name tells."""
    if name == "first_s":
        at = time_at(value) if value else None
        return Shown(f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "none", f"{value} Unix seconds")
    if _OCTETS.search(name) and value >= 1000:
        return Shown(size(value), f"{value:,} bytes")
    if _SECONDS.search(name) and value >= 120:
        return Shown(duration(value), f"{value:,} s")
    return Shown(f"{value:,}")


def clock(at: object) -> str:
    """The time of day, UTC, of a moment or of a time of JSON."""
    return f"{at.astimezone(UTC):%H:%M}" if isinstance(at, datetime) else moment(at)[11:16]


def day_and_clock(at: object) -> str:
    """Month, day and time of day, UTC."""
    if isinstance(at, datetime):
        return f"{at.astimezone(UTC):%m-%d %H:%M}"
    return moment(at)[5:16]


def second_of(text: object) -> float:
    """The Unix second of a time of JSON; without a zone it is UTC."""
    return time_of(str(text)).timestamp()


def time_at(second: float) -> datetime:
    """The moment of a Unix second."""
    return datetime.fromtimestamp(second, UTC)

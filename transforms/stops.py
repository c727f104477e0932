"""Who stopped the subject, told by where it was recorded: a row of `peers` in words."""

from collections.abc import Mapping
from typing import NamedTuple

from transforms.acts import name_of, service_at
from transforms.vocabulary import Outcome
from transforms.wording import count_of, number_of

_STOPS = (Outcome.BLOCKED_DST, Outcome.REFUSED, Outcome.BLOCKED_SRC)


class Stop(NamedTuple):
    """A sentence, a clause for the headline, the stop in a few words, and in two."""

    sentence: str
    clause: str
    name: str
    short: str


def stop_of(row: Mapping[str, object], subject: str) -> Stop:
    """What stopped most of the tries of a row: a rule at the target, a closed port, or a rule at
    the subject itself, whose rejects its own interface recorded on the way out.
    """
    by = max(_STOPS, key=lambda stop: number_of(row, stop.value.lower()))
    target, service = name_of(row), service_at(row.get("service_port"))
    tries = count_of(number_of(row, "attempts"), "try", "tries")
    if by is Outcome.BLOCKED_SRC:
        return Stop(
            f"A rule at {subject} itself stopped {tries} at {target}, {service}.",
            f"was stopped by a rule of its own on the way to {target}",
            f"{subject} itself stops {tries} at {target}",
            "own rule",
        )
    if by is Outcome.REFUSED:
        return Stop(
            f"{target} refused {tries} at {service}: the port was closed.",
            f"was refused by {target}",
            f"{target} refuses {tries}",
            "refused",
        )
    return Stop(
        f"{target} stopped {tries} at {service}.",
        f"was stopped by {target}",
        f"{target} stops {tries}",
        "stopped",
    )

"""How old the labels of a run are, in a sentence: names that changed since then are not in them."""

from datetime import datetime

from transforms.window import Window
from transforms.wording import duration


def age_of_labels(
    uri: str | None, taken_at: datetime | None, *, started_at: datetime, window: Window
) -> str:
    """`taken_at` is when they were collected, None where nothing says so; all times are UTC."""
    if uri is None:
        return "none were given: ids and addresses have no names"
    if taken_at is None:
        return "of unknown age: beside them is no snapshot.json of collect_labels"
    told = f"collected {taken_at:%Y-%m-%d %H:%M:%S} UTC, {_between(taken_at, started_at)} this run"
    newer = int((window.to_at - taken_at).total_seconds())
    return f"{told}; the last {duration(newer)} of the window are newer" if newer > 0 else told


def _between(taken_at: datetime, started_at: datetime) -> str:
    seconds = int((started_at - taken_at).total_seconds())
    return f"{duration(abs(seconds))} {'before' if seconds >= 0 else 'after the start of'}"

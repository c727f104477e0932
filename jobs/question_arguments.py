"""The flags about the questions → what a run asks."""

from jobs import argument_values as values
from jobs.command_line import Reader
from transforms.question import Asked, Thresholds

# Measured in the records, so not for anyone to set.
_MEASURED = ("aggregation_s",)
_DEFAULTS = {name: n for name, n in Thresholds()._asdict().items() if name not in _MEASURED}

QUESTIONS_HELP = {
    "thresholds": "of the questions, name=value,…; defaults: "
    + ", ".join(f"{name}={value}" for name, value in _DEFAULTS.items()),
    "expected_peers": "addresses, comma separated, that the subject is known to talk to (resolver, "
    "directory, monitoring, load balancer): left out of the verdict and of scans, counted apart",
    "contained_at": "when the subject was cut off, with a zone: what went on, what began after",
}


def read_asked(flags: Reader) -> Asked:
    """What the flags ask; adds every problem that it finds."""
    return Asked(
        flags.optional("thresholds", _thresholds, Thresholds()),
        flags.optional("expected_peers", values.addresses, ()),
        flags.optional("contained_at", values.time, None),
    )


def _thresholds(text: str) -> Thresholds:
    given: dict[str, int] = {}
    for item in values.items(text):
        name, _, value = (part.strip() for part in item.partition("="))
        if name not in _DEFAULTS:
            raise ValueError(f"{name!r} is none; expected name=value with {', '.join(_DEFAULTS)}")
        given[name] = values.number_from(1, 10**11)(value)
    return Thresholds(**given)

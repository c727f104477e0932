"""The flags about the questions → what a run asks."""

import obstore
from obstore.exceptions import BaseError

from jobs.cli import argument_values as values
from jobs.cli.command_line import Reader
from jobs.storage.object_store import first_line, open_store, place_of
from transforms.questions.options import QuestionOptions, Thresholds

# Measured in the records, so not for anyone to set.
_MEASURED = ("aggregation_s",)
SETTABLE = {name: n for name, n in Thresholds()._asdict().items() if name not in _MEASURED}
# The column of a CSV that holds the addresses.
_ADDRESS_COLUMNS = ("address", "addresses", "ip", "ip_address", "private_ip_address")


def read_question_options(flags: Reader) -> QuestionOptions:
    """The options of the questions; adds every problem that it finds."""
    nobody: tuple[str, ...] = ()
    expected = flags.optional("expected_peers", values.addresses, nobody)
    listed = flags.optional("expected_peers_file", _listed, nobody)
    return QuestionOptions(
        flags.optional("thresholds", _thresholds, Thresholds()),
        tuple(dict.fromkeys((*expected, *listed))),
        flags.optional("contained_at", values.time, None),
        flags.value("hops", values.number_from(1, 2)),
        flags.value("max_peers", values.number_from(1, 1_000)),
        flags.value("baseline_days", values.number_from(0, 90)),
    )


def _listed(uri: str) -> tuple[str, ...]:
    """Addresses of a file."""
    place = place_of(values.uri(uri))
    try:
        text = obstore.get(open_store(place.bucket), place.path).bytes().to_bytes().decode()
    except (FileNotFoundError, BaseError, PermissionError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {first_line(error)}; expected a text file") from None
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return values.addresses(",".join(filter(None, lines)))


def _thresholds(text: str) -> Thresholds:
    given: dict[str, int] = {}
    for item in values.items(text):
        name, _, value = (part.strip() for part in item.partition("="))
        if name not in SETTABLE:
            raise ValueError(f"{name!r} is none; expected name=value with {', '.join(SETTABLE)}")
        given[name] = values.number_from(1, 10**11)(value)
    return Thresholds(**given)

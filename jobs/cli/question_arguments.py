"""The flags about the questions → what a run asks."""

import csv
import re
from collections.abc import Iterator

from jobs.cli import argument_values as values
from jobs.cli.command_line import Reader
from jobs.storage.whole_objects import StorageFailed, read_bytes
from transforms.questions.expected import FORMS, ExpectedPeer, expected_peer
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.separated import decoded, is_separator_line, separated_table

# Measured in the records and the flags, so not for anyone to set.
_MEASURED = ("aggregation_s", "window_s")
SETTABLE = {name: n for name, n in Thresholds()._asdict().items() if name not in _MEASURED}
_WRONG_SHOWN = 5
# The column of a CSV that holds the addresses.
_ADDRESS_COLUMNS = (
    "peer",
    "peers",
    "address",
    "addresses",
    "ip",
    "ip_address",
    "private_ip_address",
)


def read_question_options(flags: Reader) -> QuestionOptions:
    """The options of the questions; adds every problem that it finds."""
    nobody: tuple[ExpectedPeer, ...] = ()
    expected = flags.optional("expected_peers", _expected, nobody)
    listed = flags.optional("expected_peers_file", _listed, nobody)
    return QuestionOptions(
        flags.optional("thresholds", _thresholds, Thresholds()),
        tuple(dict.fromkeys((*expected, *listed))),
        flags.optional("contained_at", values.time, None),
        flags.value("max_hops", values.number_from(1, 4)),
        flags.value("max_peers", values.number_from(1, 1_000)),
        flags.value("baseline_days", values.number_from(0, 90)),
    )


# A million addresses and more: many times what a person puts into a list.
_MAX_LIST_BYTES = 64 * 1024 * 1024


def _listed(uri: str) -> tuple[ExpectedPeer, ...]:
    """The peers in a file."""
    try:
        return _expected(",".join(_cells(decoded(read_bytes(values.uri(uri), _MAX_LIST_BYTES)))))
    except StorageFailed as error:
        raise ValueError(f"{error.reason}; expected a text file") from None
    except csv.Error as error:
        raise ValueError(f"cannot be read: {error}; expected a text file") from None


def _expected(text: str) -> tuple[ExpectedPeer, ...]:
    """Peers between commas, semicolons or spaces."""
    found, wrong = [], []
    for item in filter(None, re.split(r"[,;\s]+", text)):
        try:
            found.append(expected_peer(item))
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        more = f" and {len(wrong) - _WRONG_SHOWN:,} more" if len(wrong) > _WRONG_SHOWN else ""
        raise ValueError(f"expected {FORMS}; {'; '.join(wrong[:_WRONG_SHOWN])}{more}")
    return tuple(found)


def _cells(text: str) -> Iterator[str]:
    """The lines without their comments; of a table the column that its headings call an address."""
    uncommented = (line.partition("#")[0].strip() for line in text.splitlines())
    lines = [line for line in uncommented if line]
    listed = lines[1:] if lines and is_separator_line(lines[0]) else lines
    headings = map(_plain, re.split(r"[,;\t|]", listed[0])) if listed else ()
    if set(_ADDRESS_COLUMNS).isdisjoint(headings):
        yield from listed
        return
    table = separated_table("\n".join(lines))
    column = next(name for name in table.headings if _plain(name) in _ADDRESS_COLUMNS)
    yield from filter(None, (cells[column] for _, cells in table.rows))


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", heading.lower()).strip("_")


def _thresholds(text: str) -> Thresholds:
    given: dict[str, int] = {}
    for item in values.items(text):
        name, _, value = (part.strip() for part in item.partition("="))
        if name not in SETTABLE:
            raise ValueError(f"{name!r} is none; expected name=value with {', '.join(SETTABLE)}")
        try:
            given[name] = values.number_from(1, 10**11)(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return Thresholds(**given)

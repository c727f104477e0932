"""The formats that a case can be handed over in, and the files of each."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from transforms.exports.case_facts import CaseSource
from transforms.exports.detection_finding import detection_finding
from transforms.exports.navigator_layer import navigator_layer
from transforms.exports.spreadsheets import spreadsheets
from transforms.exports.timesketch import timeline


class File(NamedTuple):
    """A file of an export: the end of its name, and its bytes, made while they are written."""

    ending: str
    chunks: Iterable[bytes]


def _timesketch(case: CaseSource) -> Iterator[File]:
    yield File("timesketch.jsonl", timeline(case))


def _csv(case: CaseSource) -> Iterator[File]:
    for name, chunks in spreadsheets(case):
        yield File(f"{name}.csv", chunks)


def _stix(case: CaseSource) -> Iterator[File]:
    from transforms.exports.stix_bundle import bundle  # its library is not part of the job

    yield File("stix.json", [bundle(case)])


def _ocsf(case: CaseSource) -> Iterator[File]:
    yield File("ocsf.json", [detection_finding(case)])


def _navigator(case: CaseSource) -> Iterator[File]:
    yield File("navigator.json", [navigator_layer(case)])


FORMATS: dict[str, Callable[[CaseSource], Iterator[File]]] = {
    "timesketch": _timesketch,
    "csv": _csv,
    "stix": _stix,
    "ocsf": _ocsf,
    "navigator": _navigator,
}

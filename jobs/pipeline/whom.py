"""Whom a run traces: flags, finding and labels, and names of instances looked up in the labels."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from jobs.cli.arguments import NOT_GIVEN, Arguments, too_long
from jobs.errors import BadInput, Problems
from jobs.sources.findings import FindingFile, read_finding_file, read_finding_files, settled
from jobs.sources.labels import LabelFiles, label_tables, read_label_files
from transforms.label.instances import LabelledInstances
from transforms.label.tables import LabelTables
from transforms.network.ranges import Span
from transforms.questions.expected import resolved
from transforms.subject.machines import addresses_by_name
from transforms.text import quoted, sanitise
from transforms.window import Window

_MOST_UNKNOWN = 5
_EVER_S = 2**40


class Whom(NamedTuple):
    """The flags, completed by finding and labels, and what these say of the instances."""

    arguments: Arguments
    labels: LabelTables
    findings: tuple[FindingFile, ...]
    instance_names: Mapping[str, str]

    @property
    def only(self) -> FindingFile | None:
        """The finding, where it is about one instance."""
        return self.findings[0] if len(self.findings) == 1 else None


def read_whom(arguments: Arguments, now: datetime, problems: Problems) -> Whom:
    """Read the labels and the finding; adds every problem that it finds.

    Names come first, as a finding may be about several instances and the name chooses one.
    """
    files: LabelFiles | None = None
    labels = LabelTables()
    found: tuple[FindingFile, ...] = ()
    with problems.collect():
        files = read_label_files(arguments.labels)
    labelled = LabelledInstances(files.tables if files else {})
    is_known = not arguments.instance_names
    if arguments.instance_names and files is not None and not files.problems:
        by_name, refused = labelled.ids_of(arguments.instance_names, _span(arguments.window))
        problems.add_all(f"--instance_id: {problem}" for problem in refused)
        ids = dict.fromkeys((*arguments.instance_ids, *by_name.values()))
        arguments = replace(arguments, instance_ids=tuple(ids))
        is_known = not refused
    with problems.collect():
        if arguments.finding is not None and is_known:
            found = _findings(arguments, arguments.finding)
            arguments = settled(arguments, found, now)
    with problems.collect():
        if files is not None or arguments.labels is None:
            labels = label_tables(files, *(each.finding for each in found))
    is_told_otherwise = arguments.finding or arguments.interface_ids or arguments.addresses
    if not is_told_otherwise:
        unknown = labelled.unknown(arguments.instance_ids)
        problems.add_all(f"--instance_id: {problem}" for problem in unknown)
    with problems.collect():
        arguments = _with_expected(arguments, labels)
    if arguments.instance_names and arguments.one_case_each:
        problems.add_all(too_long(arguments))
    return Whom(arguments, labels, found, _names(arguments, labelled, found))


def _with_expected(arguments: Arguments, labels: LabelTables) -> Arguments:
    """Names of expected peers get the addresses that labels know; raises BadInput for others."""
    options = arguments.question_options
    names = [each.name for each in options.expected_peers if each.name is not None]
    if not names:
        return arguments
    window = arguments.window
    is_open = NOT_GIVEN in (window.from_at, window.to_at)
    known = addresses_by_name(labels, (0, _EVER_S) if is_open else (window.from_s, window.to_s))
    if unknown := [name for name in dict.fromkeys(names) if name not in known]:
        raise BadInput(
            [
                f"--expected_peers: found {quoted(name)}; expected a name that the labels know "
                f"in the window{_closest(name, known)}; or give the address"
                for name in unknown[:_MOST_UNKNOWN]
            ]
        )
    peers = resolved(options.expected_peers, known)
    return replace(arguments, question_options=replace(options, expected_peers=peers))


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, 3)
    return f"; the closest: {', '.join(sanitise(each, 64) for each in close)}" if close else ""


def _findings(arguments: Arguments, uri: str) -> tuple[FindingFile, ...]:
    """The findings of the one instance, or of each where each is a case of its own."""
    if arguments.one_case_each:
        return read_finding_files(uri, arguments.instance_ids)
    return (read_finding_file(uri, *arguments.instance_ids),)


def _names(
    arguments: Arguments, labelled: LabelledInstances, found: tuple[FindingFile, ...]
) -> dict[str, str]:
    """The name of each instance by the labels, else by the finding."""
    span = _span(arguments.window)
    names = {each: labelled.name_of(each, span) for each in arguments.instance_ids}
    for each in (file.finding for file in found):
        names[each.instance_id] = names.get(each.instance_id) or each.instance_name
    return {each: name for each, name in names.items() if name}


def _span(window: Window) -> Span:
    """The window in Unix seconds; open where a finding has not yet given its ends."""
    return Span(
        None if window.from_at == NOT_GIVEN else window.from_s,
        None if window.to_at == NOT_GIVEN else window.to_s,
    )

"""Which prefixes are read: `--flow_logs`, with account and region of the machines filled in."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from jobs.errors import BadInput
from jobs.pipeline.case import Case
from jobs.sources.listing import Listing, joined, list_objects
from transforms.finding.guardduty import Finding
from transforms.label.tables import LabelTables
from transforms.scan.prefixes import Home, filled, has_places
from transforms.subject.identity import Subject
from transforms.subject.machines import Machine
from transforms.text import sanitise
from transforms.window import Window


def homes_of(
    subject: Subject, labels: LabelTables, findings: Iterable[Finding] = ()
) -> tuple[Home, ...]:
    """The accounts and regions of a subject: of its instances and interfaces, and of its VPCs.

    Of a shared VPC the owner's: whoever participates in it sees no flow log of the owner.
    """
    ids = (*subject.instance_ids, *subject.interface_ids, *subject.vpc_ids)
    told = [home for finding in findings for home in finding.homes]
    return tuple(dict.fromkeys([*told, *(labels.homes[id_] for id_ in ids if id_ in labels.homes)]))


def prefixes_of(flow_logs: Sequence[str], homes: Sequence[Home]) -> tuple[str, ...]:
    """The prefixes for these homes; raises BadInput where a place is left and no home is known."""
    with_places = [prefix for prefix in flow_logs if has_places(prefix)]
    if with_places and not homes:
        raise BadInput(
            [
                f"--flow_logs: found {sanitise(with_places[0], 200)}, and nothing that tells the "
                "account and the region; expected a --finding, or labels with account_id and "
                "region, about the instance; or write both out"
            ]
        )
    return filled(flow_logs, homes)


def may_lack_objects(flow_logs: Sequence[str], homes: Sequence[Home]) -> frozenset[str]:
    """Of several homes one may have no flow log: who participates in a shared VPC has none."""
    found = filled(list(filter(has_places, flow_logs)), homes)
    return frozenset(found) if len(homes) > 1 else frozenset()


class ListingOfPath:
    """The objects that readings of the path choose from: it grows with where the path leads."""

    def __init__(self, case: Case, window: Window) -> None:
        self._case, self._window = case, window
        self._listed = set(case.prefixes)
        self.unlisted: dict[str, str] = {}  # prefix → why

    def of(self, machines: Sequence[Machine]) -> Listing:
        """Everything listed so far, and the prefixes of these machines' accounts and regions."""
        listing = self._so_far
        arguments, labels = self._case.arguments, self._case.labels
        flow_logs, access = arguments.flow_logs, arguments.access
        homes = dict.fromkeys(
            home for machine in machines for home in homes_of(machine.subject, labels)
        )
        for prefix in filled(list(filter(has_places, flow_logs)), homes):
            if prefix in self._listed:
                continue
            self._listed.add(prefix)
            try:
                more = list_objects([prefix], self._window, access=access, may_be_empty=True)
            except BadInput as bad:  # said in the answer; what the others recorded is read
                self.unlisted[prefix] = bad.problems[0]
                continue
            listing = joined(listing, more)
        self._so_far = listing
        return listing

    @cached_property
    def _so_far(self) -> Listing:
        """Of window and baseline, joined when the path is first read: many cases read none."""
        before = self._case.baseline_listing
        return self._case.listing if before is None else joined(before, self._case.listing)

"""A case: everything that is known of it before Spark starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobs.cli.arguments import Arguments
from jobs.sources.findings import FindingFile
from jobs.sources.listing import Listing
from transforms.label.age import age_of_labels
from transforms.label.tables import LabelTables
from transforms.subject.identity import Subject
from transforms.vocabulary import Reading


@dataclass(frozen=True, kw_only=True)
class Case:
    """The input of a run. What the run finds out stands in the results of its steps.

    `prefixes` are those of the flow logs, with account and region filled in. `subject` is what
    arguments, finding and labels know of it. `listing` has the objects of the
    window, `baseline_listing` those of the days before, where they are asked for. `instance_names`
    are those that the labels have for the subject's instances. With a case for each instance,
    `findings` has one for each, before they are cases of their own.
    """

    arguments: Arguments
    prefixes: tuple[str, ...]
    labels: LabelTables
    subject: Subject
    listing: Listing
    run_id: str
    started_at: datetime
    finding: FindingFile | None = None
    findings: tuple[FindingFile, ...] = ()
    baseline_listing: Listing | None = None
    instance_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_subject(self) -> bool:
        """Whether one subject is traced; else every flow of the window is kept."""
        return self.arguments.scope == "instance"

    def table(self, name: str, reading: Reading = Reading.WINDOW) -> str:
        """Where a table of a reading is."""
        return self.arguments.table(f"{reading.folder}/{name}".lstrip("/"))

    def age_of_labels(self) -> str:
        """How old the labels were, as a sentence."""
        return age_of_labels(
            self.arguments.labels,
            self.labels.taken_at,
            started_at=self.started_at,
            window=self.arguments.window,
        )

    def of_listing(self) -> Iterator[str]:
        """What is not listed, or cannot be read before somebody restores it: a sentence each."""
        if (known := self.listing.known_until) is not None:
            yield (
                f"the flow table lists what it has; its last run began {known:%Y-%m-%d %H:%M:%S} "
                "UTC: what S3 has got since is not known; give --flow_logs to read it too"
            )
        if sentence := self.listing.archived():
            yield sentence
        if self.baseline_listing and (sentence := self.baseline_listing.archived()):
            yield f"of the days before, {sentence}"

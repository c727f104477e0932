"""A case: everything that is known of it before Spark starts."""

from datetime import datetime
from typing import Literal, NamedTuple

from jobs.cli.arguments import Arguments
from jobs.sources.findings import FindingFile
from jobs.sources.listing import Listing
from transforms.finding.claim import ClaimAnswer
from transforms.label.tables import LabelTables
from transforms.subject.identity import Subject


class Case(NamedTuple):
    """Everything that is known of a case before Spark starts; `claims` and what the records add to
    the subject come later. `reading` is what is read: the window, or a further one beside it, whose
    tables lie in a folder of that name.
    """

    arguments: Arguments
    labels: LabelTables
    subject: Subject
    listing: Listing
    run_id: str
    started_at: datetime
    finding: FindingFile | None = None
    claims: tuple[ClaimAnswer, ...] = ()
    was_read_twice: bool = False
    baseline: Listing | None = None
    reading: Literal["", "baseline", "hop_2"] = ""

    def table(self, name: str) -> str:
        """Where a table of this reading is."""
        return self.arguments.table(f"{self.reading}/{name}" if self.reading else name)

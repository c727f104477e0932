"""A case: everything that is known of it before Spark starts."""

from datetime import datetime
from typing import NamedTuple

from jobs.arguments import Arguments
from jobs.findings import FindingFile
from jobs.flow_log_objects import Listing
from transforms.claim import ClaimAnswer
from transforms.label_tables import LabelTables
from transforms.subject import Subject


class Case(NamedTuple):
    """Everything that is known of a case before Spark starts; `claims` and what the records add to
    the subject come later.
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

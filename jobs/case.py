"""A case: everything that is known of it before Spark starts."""

from datetime import datetime
from typing import NamedTuple

from jobs.arguments import Arguments
from jobs.flow_log_objects import Listing
from transforms.label_tables import LabelTables
from transforms.subject import Subject


class Case(NamedTuple):
    """Everything that is known of a case before Spark starts."""

    arguments: Arguments
    labels: LabelTables
    subject: Subject
    listing: Listing
    run_id: str
    started_at: datetime

"""Everything that is looked up for a flow record, in one pass over it."""

import pyarrow as pa
from pyspark.sql import DataFrame

from transforms.coded import with_columns
from transforms.label.frames import Shared
from transforms.label.records import LABELLED, RECORD_VPC_ID, labels_of
from transforms.label.rings import home_of
from transforms.subject.identity import Subject
from transforms.subject.role import ROLE, Roles

FOUND = (*LABELLED, ROLE)
_RECORD_VPC_ID_AT = [field.name for field in LABELLED].index(RECORD_VPC_ID)


class Finder:
    """What labels and a subject say of records; made once, for every batch of them."""

    def __init__(self, lookups: Shared, subject: Subject) -> None:
        self._lookups, self._roles = lookups, Roles(subject)
        self._home = home_of(subject.vpc_ids, subject.addresses)

    def found(self, records: pa.Table) -> list[pa.Array]:
        """A column for each of FOUND: labels, `record_vpc_id`, `role`; rings as seen from the
        subject's home. Texts may be coded.
        """
        labels = labels_of(records, self._lookups.value, self._home)
        told = records.append_column(RECORD_VPC_ID, labels[_RECORD_VPC_ID_AT])
        return [*labels, self._roles.of(told)]


def with_names_and_role(flows: DataFrame, lookups: Shared, subject: Subject) -> DataFrame:
    """Add the columns of FOUND; keeps every flow once."""
    return with_columns(flows, FOUND, Finder(lookups, subject).found)

"""Everything that is looked up for a flow record, in one pass over it."""

import pyarrow as pa
from pyspark.sql import DataFrame

from transforms.coded import with_columns
from transforms.label.frames import Shared
from transforms.label.lookups import Lookups
from transforms.label.records import LABELLED, RECORD_VPC_ID, labels_of
from transforms.label.rings import home_of
from transforms.subject.identity import Subject
from transforms.subject.role import ROLE, roles_of

FOUND = (*LABELLED, ROLE)
_RECORD_VPC_ID_AT = [field.name for field in LABELLED].index(RECORD_VPC_ID)


def with_names_and_role(flows: DataFrame, lookups: Shared, subject: Subject) -> DataFrame:
    """Add the columns of FOUND; keeps every flow once."""
    return with_columns(flows, FOUND, lambda flow: found_of(flow, lookups.value, subject))


def found_of(records: pa.Table, lookups: Lookups, subject: Subject) -> list[pa.Array]:
    """A column for each of FOUND: labels, `record_vpc_id`, `role`; rings as seen from the subject's
    home.
    """
    home = home_of(subject.vpc_ids, subject.addresses)
    labels = labels_of(records, lookups, home)
    told = records.append_column(RECORD_VPC_ID, labels[_RECORD_VPC_ID_AT])
    return [*labels, roles_of(told, subject)]

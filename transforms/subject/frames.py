"""Everything that is looked up for a flow record, in one pass over it."""

import pyarrow as pa
from pyspark.sql import DataFrame

from transforms.coded import with_columns
from transforms.label.frames import Shared
from transforms.label.records import LABELLED, RECORD_VPC_ID, labels_of
from transforms.label.rings import home_of
from transforms.subject.identity import Subject
from transforms.subject.role import ROLE, roles_of


def with_names_and_role(flows: DataFrame, lookups: Shared, subject: Subject) -> DataFrame:
    """Add the columns of `schemas.LABELS`, `record_vpc_id` and `role`; keeps every flow once.

    Rings are as seen from the subject's home.
    """
    home = home_of(subject.vpc_ids, subject.addresses)

    def columns_of(flow: pa.Table) -> list[pa.Array]:
        labels = labels_of(flow, lookups.value, home)
        told = labels[[field.name for field in LABELLED].index(RECORD_VPC_ID)]
        return [*labels, roles_of(flow.append_column(RECORD_VPC_ID, told), subject)]

    return with_columns(flows, [*LABELLED, ROLE], columns_of)

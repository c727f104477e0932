"""The order of the rows of `flows`: what a case looks for together lies together.

A record names two ends, and a case looks for an address at either. Records of one pair of addresses
lie together, whichever interface recorded them and in whichever direction, and pairs lie by the
lower address. So a machine is in one run of rows for the peers above it, and in one place for each
peer below it: half as many as in the order of interfaces (`bench.ingest`).
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def clustered(frame: DataFrame, tasks: int, *within: str) -> DataFrame:
    """The same rows in so many partitions, in order; those of different `within` never mixed.

    All rows of a lower address go to one task; `within` bounds how many these can be.
    """
    ends = F.least("srcaddr", "dstaddr"), F.greatest("srcaddr", "dstaddr")
    return frame.repartition(tasks, *within, ends[0]).sortWithinPartitions(
        "day", *ends, "interface_id", "start"
    )

"""The index of a flow table: which data files hold an address, an interface or an instance."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.tables import FlowTable
from jobs.storage.delta_sink import read_table
from transforms.flow_table.shapes import SUBJECT_COLUMNS


def index_files(spark: SparkSession, table: FlowTable, run_id: str) -> None:
    """Add the data files of `flows` that hold rows of this run, with all that may be looked for.

    A file that the index does not know is opened by every case: to index too late is never wrong.
    """
    flows = read_table(spark, table.table("flows")).where(F.col("run_id") == run_id)
    rows = flows.select(
        "day",
        "run_id",
        F.col("_metadata.file_name").alias("file"),
        F.col("_metadata.file_size").alias("octets"),
        *SUBJECT_COLUMNS,
    )
    files = rows.select("day", "run_id", "file", "octets").distinct()
    ends = F.explode(F.array_distinct(F.array(*SUBJECT_COLUMNS))).alias("address")
    found = rows.select("day", "run_id", "file", ends)
    found = found.where("address IS NOT NULL").distinct().coalesce(1)
    table.append(found.sortWithinPartitions("day", "address"), "addresses")
    table.append(files.coalesce(1), "files")  # last: it says that all of a file is in `addresses`

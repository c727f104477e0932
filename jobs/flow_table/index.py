"""The index of a flow table: which data files hold an address, an interface or an instance."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.sorted_files import Written
from jobs.flow_table.tables import FlowTable


def index_files(spark: SparkSession, table: FlowTable, written: Written, run_id: str) -> None:
    """Add the data files of a pass, with all that may be looked for in them.

    A file that the index does not know is opened by every case: to index too late is never wrong.
    """
    if not written.files:
        return
    of_run = F.lit(run_id).alias("run_id")
    addresses = written.addresses(spark).coalesce(1).sortWithinPartitions("day", "address")
    table.append(addresses.select("*", of_run), "addresses")
    rows = [(each.file, each.octets, each.flows, each.day) for each in sorted(written.files)]
    files = spark.createDataFrame(rows, "file STRING, octets BIGINT, flows BIGINT, day DATE")
    # Last: it says that all of a file is in `addresses`.
    table.append(files.coalesce(1).select("*", of_run), "files")

"""The index of a flow table: which data files hold an address, an interface or an instance."""

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.additions import add_rows, of_run
from jobs.flow_table.sorted_files import Written
from jobs.flow_table.tables import FlowTable

# Above this the executors sort the rows, so that those of an address are in one file or two.
_ROWS_A_FILE = 1_000_000
_ORDER = ("day", "address")
_OF_FILE = ("file", "octets", "flows", "day")


def index_files(
    spark: SparkSession, table: FlowTable, written: Written, run_id: str,
    rows_a_file: int = _ROWS_A_FILE,
) -> None:  # fmt: skip
    """Add the data files of a pass, with all that may be looked for in them.

    A file that the index does not know is opened by every case: to index too late is never wrong.
    """
    if not written.files:
        return
    number = written.number_of_addresses
    if number <= rows_a_file:
        rows = written.addresses_here().sort_by([(name, "ascending") for name in _ORDER])
        add_rows(spark, table, "addresses", of_run(rows, run_id))
    else:
        addresses = written.addresses(spark).withColumn("run_id", F.lit(run_id))
        dealt = addresses.repartitionByRange(-(-number // rows_a_file), *_ORDER)
        table.append(dealt.sortWithinPartitions(*_ORDER), "addresses")
    files = sorted(written.files)
    rows = pa.table({name: [getattr(file, name) for file in files] for name in _OF_FILE})
    # Last: it says that all of a file is in `addresses`.
    add_rows(spark, table, "files", of_run(rows, run_id))

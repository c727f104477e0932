"""Every flow of a window, in one pass over its objects: nothing is kept in memory for a second."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.case import Case
from jobs.pipeline.case_frames import flows_table
from jobs.pipeline.scan import ReadingPlan, ScanResult, scan_settings, widened
from jobs.sources.labelled_scan import labelled_scan
from jobs.sources.labels import as_lookups
from jobs.sources.object_scan import NO_EVIDENCE
from jobs.sources.side_rows import SideRows
from jobs.storage.delta_sink import delete_rows, write_table
from transforms.schemas import FLOWS

# Where the side rows of a run are while it goes on.
SIDE_ROWS = ".side_rows"
_OBJECTS_AT_ONCE = 1_000


@contextmanager
def written_whole(spark: SparkSession, case: Case, plan: ReadingPlan) -> Iterator[ScanResult]:
    """Write the table `flows` while the objects are read; what else they hold is there meanwhile.

    Records that are no evidence, as their object turned out to be refused, are deleted again.
    """
    subject = widened(spark, case.arguments, case.labels, plan)
    side = SideRows(spark.sparkContext, case.arguments.table(SIDE_ROWS))
    try:
        records = labelled_scan(
            spark,
            plan.listing.selected,
            scan_settings(case.arguments, plan.window, None),
            as_lookups(spark, case.labels),
            subject,
            side,
        )
        uri = case.table("flows", plan.reading)
        write_table(flows_table(records, case.run_id), uri, FLOWS)
        rows = side.frame(spark)
        _delete_refused(spark, uri, rows)
        yield ScanResult(frame=rows, subject=subject, was_repeated=False)
    finally:
        side.remove()


def _delete_refused(spark: SparkSession, uri: str, rows: DataFrame) -> None:
    refused = rows.where(NO_EVIDENCE).select("object_uri").collect()
    uris = sorted(row["object_uri"] for row in refused)
    for first in range(0, len(uris), _OBJECTS_AT_ONCE):
        some = uris[first : first + _OBJECTS_AT_ONCE]
        delete_rows(spark, uri, F.col("object_uri").isin(*some))

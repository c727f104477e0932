"""Every flow of a window, in one pass over its objects: nothing is kept in memory for a second."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from jobs.pipeline.case import Case
from jobs.pipeline.scan import ReadingPlan, ScanResult, widened
from jobs.sources.labelled_files import delete_withdrawn, how_flows_are_written, write_labelled
from jobs.sources.labels import as_lookups
from jobs.sources.object_scan import scan_settings
from jobs.sources.side_rows import SIDE_ROWS, SideRows
from jobs.storage.delta_sink import write_files
from transforms.schemas import FLOWS


@contextmanager
def written_whole(spark: SparkSession, case: Case, plan: ReadingPlan) -> Iterator[ScanResult]:
    """Write the table `flows` while the objects are read; what else they hold is there meanwhile.

    Records that are no evidence, as their object turned out to be refused, are deleted again.
    """
    subject = widened(spark, case.arguments, case.labels, plan)
    uri = case.table("flows", plan.reading)
    side = SideRows(spark.sparkContext, case.arguments.table(SIDE_ROWS))
    try:
        files = write_labelled(
            spark,
            plan.listing.selected,
            scan_settings(case.arguments, plan.window, None),
            as_lookups(spark, case.labels),
            subject,
            side,
            how_flows_are_written(spark, uri, case.run_id),
        )
        write_files(spark, uri, FLOWS, files)
        delete_withdrawn(spark, uri, side.withdrawn(), case.run_id)
        rows = side.frame(spark)
        yield ScanResult(frame=rows, subject=subject, was_repeated=False)
    finally:
        side.remove()

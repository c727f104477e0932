"""The frames of a case: scanned rows → rows of its tables."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.case import Case
from jobs.pipeline.scan import ReadingPlan, ScanResult
from jobs.sources.labels import as_lookups
from jobs.sources.listing import OBJECT_ROW, as_folder_row, as_object_row
from jobs.sources.object_scan import accounts_in, of_read_objects
from transforms.record_id import record_id
from transforms.schemas import ACCOUNT_COLUMNS
from transforms.subject.frames import with_names_and_role


def objects_table(
    spark: SparkSession, case: Case, plan: ReadingPlan, scanned: DataFrame
) -> DataFrame:
    """Every listed object with its account, or the reason why it was skipped; and every folder
    that was left out.
    """
    listing = plan.listing
    listed = spark.createDataFrame(
        [(*as_object_row(item), item.skipped, "skipped") for item in listing.objects]
        + [(*as_folder_row(uri), reason, "left_out") for uri, reason in listing.left_folders],
        f"{OBJECT_ROW}, skipped STRING, unread STRING",
    )
    counts = [name for name in ACCOUNT_COLUMNS if name.endswith("lines")]
    return (
        listed.join(accounts_in(scanned), on="uri", how="left")
        .withColumn("outcome", F.expr("IF(skipped IS NULL, outcome, unread)"))
        .withColumn("reason", F.coalesce("reason", "skipped"))
        .withColumn("run_id", F.lit(case.run_id))
        .fillna(0, subset=["bytes_read", "bytes_inflated", *counts])
    )


def labelled_records(spark: SparkSession, case: Case, scan: ScanResult) -> DataFrame:
    """Records of the window with their labels, their role, and whether they are kept."""
    records = (
        of_read_objects(scan.frame)
        .where("record IS NOT NULL")
        .select("object_uri", "object_version", "object_line", "record.*")
    )
    labelled = records.transform(with_names_and_role, as_lookups(spark, case.labels), scan.subject)
    return labelled.withColumn("is_kept", F.col("role").isNotNull())


def flows_table(records: DataFrame, run_id: str) -> DataFrame:
    """Flows, each with the identity of its source line."""
    return (
        records.withColumn("record_id", record_id())
        .withColumn("start_at", F.timestamp_seconds("start"))
        .withColumn("end_at", F.timestamp_seconds("end"))
        .withColumn("run_id", F.lit(run_id))
    )


def quarantine_table(scanned: DataFrame, run_id: str) -> DataFrame:
    """Refused lines of read objects, and refused objects."""
    nothing = F.lit(None).cast("string")
    lines = of_read_objects(scanned).where("refused IS NOT NULL")
    objects = scanned.where("account.outcome = 'refused'")
    return (
        lines.select(
            "object_uri",
            "object_line",
            F.lit("line").alias("stage"),
            "refused.text",
            "refused.reason",
        )
        .unionByName(
            objects.select(
                "object_uri",
                "object_line",
                F.lit("object").alias("stage"),
                nothing.alias("text"),
                "account.reason",
            )
        )
        .select("*", nothing.alias("record_id"), F.lit(run_id).alias("run_id"))
    )

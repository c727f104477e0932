"""The session of the job, whatever its launcher left to Spark's defaults."""

from pyspark.sql import SparkSession

from jobs.spark.session import open_session, setting


def test_stages_are_planned_once_and_times_are_utc(spark: SparkSession) -> None:
    with (
        setting(spark, "spark.sql.adaptive.enabled", "true"),
        setting(spark, "spark.sql.session.timeZone", "America/New_York"),
    ):
        opened = open_session("test")

        assert opened.conf.get("spark.sql.adaptive.enabled") == "false"
        assert opened.conf.get("spark.sql.session.timeZone") == "UTC"


def test_partitions_that_the_launcher_set_stay(spark: SparkSession) -> None:
    assert open_session("test").conf.get("spark.sql.shuffle.partitions") == "1"

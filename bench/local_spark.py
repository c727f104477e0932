"""The Spark session of the benchmarks: loopback, no pages, times in UTC."""

from collections.abc import Mapping

from pyspark.sql import SparkSession


def local_spark(cores: int, memory: str, settings: Mapping[str, object]) -> SparkSession:
    """So many cores and so much memory of this machine, and the settings of one benchmark."""
    builder = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.driver.memory", memory)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
    )
    for name, value in settings.items():
        builder = builder.config(name, str(value))
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark

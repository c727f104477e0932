"""The Spark session of the job: a name and UTC. Master, jars and sizes come from the launcher."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession


def open_session(app_name: str) -> SparkSession:
    """The session that the launcher configured, with times in UTC."""
    spark = SparkSession.builder.appName(app_name).getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    return spark


@contextmanager
def setting(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    """A Spark setting for as long as the block takes; afterwards it is as it was."""
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        yield
    finally:
        if before is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, before)


@contextmanager
def for_few_rows(spark: SparkSession, is_small: bool) -> Iterator[None]:
    """Run queries without generated code: for few rows compiling takes longer than it saves."""
    if not is_small:
        yield
        return
    with (
        setting(spark, "spark.sql.codegen.wholeStage", "false"),
        setting(spark, "spark.sql.codegen.factoryMode", "NO_CODEGEN"),
    ):
        yield

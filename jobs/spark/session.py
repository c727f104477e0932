"""The Spark session of the job: a name and UTC. Master, jars and sizes come from the launcher."""

from collections.abc import Iterator
from contextlib import contextmanager

from py4j.java_gateway import java_import
from pyspark.sql import SparkSession

# Classes that PySpark names at each call of a function. Without an import of its own the JVM looks
# for each of them in every package and jar first, a thousand times in a run.
_OFTEN_NAMED = (
    "org.apache.spark.sql.functions",
    "org.apache.spark.api.python.PythonUtils",
    "org.apache.spark.sql.api.python.PythonSQLUtils",
)

# Compressed objects of which every record is written: a hundred thousand are few.
SMALL_WHOLE_BYTES = 2 * 1024 * 1024


_PARTITIONS = "spark.sql.shuffle.partitions"
# Shuffles of a cluster whose executors are still to come.
_LEAST_PARTITIONS = 32


def open_session(app_name: str) -> SparkSession:
    """The session that the launcher configured, with times in UTC.

    Stages are planned once: planned anew between stages, as is Spark's default, a plan over frames
    in memory fails with `assertion failed` in ColumnarToRowExec (Spark 3.5.6, `bench.ingest`).
    """
    spark = SparkSession.builder.appName(app_name).getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    if not spark.sparkContext.getConf().contains(_PARTITIONS):
        number = max(_LEAST_PARTITIONS, 2 * spark.sparkContext.defaultParallelism)
        spark.conf.set(_PARTITIONS, str(number))
    name_classes_once(spark)
    return spark


def name_classes_once(spark: SparkSession) -> None:
    """Have the JVM find the classes of the functions at once."""
    for name in _OFTEN_NAMED:
        java_import(spark.sparkContext._jvm, name)


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

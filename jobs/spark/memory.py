"""What a session forgets between cases, so that a long watch-list needs no more heap than a short.

What Spark remembers of finished queries is bounded by settings, which are the launcher's.
"""

from collections.abc import Iterable

from pyspark.sql import SparkSession


def forget_tables(spark: SparkSession, uris: Iterable[str]) -> None:
    """Have Delta drop the state of these tables, which it keeps for an hour after their last use.

    The next use reads their logs again.
    """
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    log = jvm.org.apache.spark.sql.delta.DeltaLog
    for uri in uris:
        log.invalidateCache(spark._jsparkSession, jvm.org.apache.hadoop.fs.Path(uri))

"""The Spark session of the job: a name and UTC. Master, jars and sizes come from the launcher."""

from pyspark.sql import SparkSession


def open_session(app_name: str) -> SparkSession:
    """The session that the launcher configured, with times in UTC."""
    spark = SparkSession.builder.appName(app_name).getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    return spark

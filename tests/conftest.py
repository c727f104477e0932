"""One Spark, one S3 and one OpenSearch for the whole suite, started by the first test that asks."""

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from pyspark.sql import DataFrame, SparkSession

from tests.support.paths import ROOT

pytest_plugins = ["tests.support.services"]

# A law is true or not; how long an example takes on a busy machine says nothing.
settings.register_profile("lawful", deadline=None)
settings.load_profile("lawful")

JARS = ROOT / os.environ.get("JARS", "jars")  # of the Spark that the tests run on
Table = Callable[..., DataFrame]


@pytest.fixture(scope="session")
def spark(s3_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    jars = ",".join(str(jar) for jar in sorted(JARS.glob("*.jar")))
    scratch = tmp_path_factory.mktemp("spark")
    session = (
        SparkSession.builder.master("local[2]")  # as many cores as the smallest CI machine
        .config("spark.jars", jars)
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config(
            "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"
        )
        .config("spark.driver.memory", "3g")
        .config("spark.sql.shuffle.partitions", 1)  # tables of a few rows
        .config("spark.databricks.delta.snapshotPartitions", 1)  # the same for Delta's own jobs
        .config("spark.sql.ansi.enabled", "true")  # Spark 4's default: nothing may depend on it
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.driver.extraJavaOptions", f"-Dderby.system.home={scratch}")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def table(spark: SparkSession) -> Table:
    """`table("a STRING, b INT", ("x", 1), …)`: a frame that can be checked by eye."""

    def make(schema: str, *rows: tuple[object, ...]) -> DataFrame:
        return spark.createDataFrame(list(rows), schema)

    return make

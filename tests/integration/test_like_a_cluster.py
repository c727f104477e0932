"""The suite plans once, for one partition; a cluster plans anew between stages, for many."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.spark.session import setting
from tests.integration.test_path import rows_of
from tests.support.cases import TracedCase, sample_flags, trace

AS_ON_A_CLUSTER = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.shuffle.partitions": "5",
    "spark.sql.codegen.wholeStage": "true",
    "spark.databricks.delta.snapshotPartitions": "3",
}


@pytest.fixture(scope="module")
def on_a_cluster(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> TracedCase:
    output = tmp_path_factory.mktemp("cluster")
    with ExitStack() as settings:
        for name, value in AS_ON_A_CLUSTER.items():
            settings.enter_context(setting(spark, name, value))
        return trace(sample_flags(output), output / "sample")


@pytest.mark.parametrize("table", ["flows", "conversations", "peers", "answers", "coverage"])
def test_the_tables_are_those_of_a_small_session(
    table: str, spark: SparkSession, traced_sample: TracedCase, on_a_cluster: TracedCase
) -> None:
    found = rows_of(spark, Path(on_a_cluster.folder) / table)

    assert found == rows_of(spark, traced_sample.folder / table)
    assert found

"""The id of a record is SHA-256 over its source, wherever it is worked out."""

import pyarrow as pa
from pyspark.sql import SparkSession

from transforms.record_id import record_id, record_ids

# printf 's3://b/k\nv1\n7' | sha256sum, and so on; the first 40 digits.
_ROWS = [
    ("s3://b/k", "v1", 7, "96db3ce7bc05fe4998303d950e2d9ac1a6b7d443"),
    ("s3://b/k", None, 12, "4da7532c0ea47f83cfc515cf99e6618b0092af6c"),
    ("s3://b/k", "v1", 7, "96db3ce7bc05fe4998303d950e2d9ac1a6b7d443"),
]


def test_executors_and_spark_give_the_ids_that_sha256sum_gives(spark: SparkSession) -> None:
    uris, versions, lines, expected = zip(*_ROWS, strict=True)
    shape = "object_uri STRING, object_version STRING, object_line BIGINT"
    frame = spark.createDataFrame([row[:3] for row in _ROWS], shape)

    in_arrow = record_ids(
        pa.array(uris, pa.string()), pa.array(versions, pa.string()), pa.array(lines, pa.int64())
    )

    assert in_arrow.to_pylist() == [*expected]
    assert [row[0] for row in frame.select(record_id()).collect()] == [*expected]

"""A bare Spark job over the demo day, for what a fresh JVM costs whoever writes a Delta table.

It reads the day as text, keeps the lines that hold one of three needles, splits them into columns,
writes one Delta table, and reads that back and counts it. No listing, labels, questions or books.
`spark-submit bench/bare_job.py LOGS TABLE NEEDLE NEEDLE NEEDLE`
"""

import sys
from collections.abc import Sequence
from functools import reduce

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

_COLUMNS = 29


def main(argv: Sequence[str]) -> None:
    """Print how many lines hold a needle."""
    logs, table, *needles = argv
    spark = SparkSession.builder.appName("bare job").getOrCreate()
    text = spark.read.option("recursiveFileLookup", "true").text(logs)
    line = F.col("value")
    lines = text.where(reduce(lambda a, b: a | b, (line.contains(needle) for needle in needles)))
    cells = F.split(line, " ")
    columns = (cells[at].alias(f"column_{at + 1}") for at in range(_COLUMNS))
    lines.select(*columns).write.format("delta").save(table)
    print(f"lines {spark.read.format('delta').load(table).count()}")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1:])

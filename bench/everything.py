"""Every flow: read, parse, label, write Delta, beside readers that only read and write.

`the job` is `--scope everything` whole: listing, accounts, labels, Delta, books. The others parse
the same columns into typed Parquet (Spark also into Delta) and nothing more. Rows and octets must
be equal. `python -m bench.everything [--megabytes 100,400] [--rounds 1]`
"""

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench.flow_text import FlowText, write_objects
from bench.harness import differing, in_turn, report
from bench.local_spark import local_spark
from bench.scan import CORES
from demo.generate import generate
from demo.records import VERSION_5
from jobs.trace_instance import main as trace
from transforms.flow_fields import FIELDS

_ROOT = Path(__file__).resolve().parent.parent
_COLUMNS = [name.replace("-", "_") for name in VERSION_5.split()]
_IS_TEXT = {field.name: field.kind in ("text", "tag", "address") for field in FIELDS}
Counted = tuple[int, int]


def main(argv: Sequence[str]) -> int:
    """1 when rows or octets differ."""
    parser = argparse.ArgumentParser(prog="bench.everything", allow_abbrev=False)
    parser.add_argument("--megabytes", default="100,400")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args(argv)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    jars = ",".join(str(jar) for jar in sorted((_ROOT / "jars").glob("delta-*.jar")))
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-all-") as name:
        folder = Path(name)
        spark = local_spark(
            CORES,
            "4g",
            {
                "spark.jars": jars,
                "spark.sql.shuffle.partitions": CORES,
                "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
                "spark.sql.catalog.spark_catalog":
                    "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            },
        )  # fmt: skip
        generate(folder / "day")
        texts = [write_objects(folder / text, int(text)) for text in given.megabytes.split(",")]
        seconds = []
        for text in texts:
            tools = {name: partial(run, text) for name, run in _tools(spark, folder)}
            timed, found = in_turn(tools, given.rounds)
            seconds.append(timed)
            wrong += differing(found)
        spark.stop()
    more = texts[-1].lines - (texts[0].lines if len(texts) > 1 else 0)
    rows = []
    for tool in seconds[0]:
        first, last = seconds[0][tool].median, seconds[-1][tool].median
        slope = last - first if len(texts) > 1 else last
        rows.append([tool, *(each[tool] for each in seconds), f"{more / slope / CORES:,.0f}"])
    sizes = (f"{text.lines:,} rows, s" for text in texts)
    report("everything", ["every flow", *sizes, "rows/s and core"], rows)
    for sentence in wrong:
        print(f"DIFFERS {sentence}")
    return 1 if wrong else 0


def _tools(
    spark: SparkSession, folder: Path
) -> Iterator[tuple[str, Callable[[FlowText], Counted]]]:
    yield "the job, to Delta", partial(_job, spark, folder)
    for kind in ("parquet", "delta"):
        yield f"Spark CSV, to {kind}", partial(_spark_csv, spark, folder / f"spark-{kind}", kind)
    for tool, run in (("polars", _polars), ("duckdb", _duckdb)):
        if find_spec(tool):
            yield f"{tool}, to parquet", partial(run, folder / f"{tool}.parquet")
        else:
            print(f"{tool} is not installed: left out", file=sys.stderr)


def _job(spark: SparkSession, folder: Path, text: FlowText) -> Counted:
    shutil.rmtree(folder / "cases", ignore_errors=True)
    words = [
        "--scope", "everything", "--case_id", "bench", "--output", str(folder / "cases"),
        "--flow_logs", str(text.folder), "--labels", str(folder / "day/labels"),
        "--from", "2026-11-22T00:00:00Z", "--to", "2026-11-26T00:00:00Z",
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        assert trace(words) == 0
    flows = spark.read.format("delta").load(str(folder / "cases/bench/flows"))
    row = flows.agg(F.count("*"), F.sum("bytes")).first()
    assert row is not None
    return int(row[0]), int(row[1])


def _spark_csv(spark: SparkSession, path: Path, kind: str, text: FlowText) -> Counted:
    schema = ", ".join(f"`{c}` {'STRING' if _IS_TEXT[c] else 'BIGINT'}" for c in _COLUMNS)
    rows = spark.read.csv(
        [str(path) for path in text.objects], schema=schema, sep=" ", header=True, nullValue="-"
    )
    rows.write.format(kind).mode("overwrite").save(str(path))
    row = spark.read.format(kind).load(str(path)).agg(F.count("*"), F.sum("bytes")).first()
    assert row is not None
    return int(row[0]), int(row[1])


def _polars(path: Path, text: FlowText) -> Counted:
    pl = import_module("polars")
    kinds = {
        name: pl.String if _IS_TEXT[column] else pl.Int64
        for name, column in zip(VERSION_5.split(), _COLUMNS, strict=True)
    }
    pl.scan_csv(
        [str(each) for each in text.objects], separator=" ", null_values="-", schema=kinds,
        quote_char=None,
    ).sink_parquet(path)  # fmt: skip
    found = pl.scan_parquet(path).select(pl.len(), pl.col("bytes").sum()).collect().row(0)
    return int(found[0]), int(found[1])


def _duckdb(path: Path, text: FlowText) -> Counted:
    duckdb = import_module("duckdb")
    kinds = {c: "VARCHAR" if _IS_TEXT[c] else "BIGINT" for c in _COLUMNS}
    objects = ", ".join(f"'{each}'" for each in text.objects)
    with duckdb.connect(config={"threads": CORES}) as connection:
        connection.execute(
            f"COPY (FROM read_csv([{objects}], delim=' ', header=true, nullstr='-', quote='', "
            f"escape='', columns={kinds!r})) TO '{path}' (FORMAT parquet)"
        )
        found = connection.execute(f"SELECT count(*), sum(bytes) FROM '{path}'").fetchone()
    return int(found[0]), int(found[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

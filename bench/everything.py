"""Every flow: read, parse, label, write Delta, beside plain Spark and readers that only read.

`the job` is `--scope everything` whole: listing, accounts, labels, Delta, books. `plain Spark, same
labels` is what one would write without it: the CSV reader, a broadcast join for each id and for the
address of each end, an id by SHA-256, Delta. It has the label columns that an equal join can give:
no networks, rings, bases, validity, accounts or books. `plain Spark, half of them` has the names
and ids of source and destination alone. The others parse the same columns into typed Parquet (Spark
also into Delta) and nothing more. Rows and octets must be equal.
The first round, which compiles, does not count, and the rate is the slope between two sizes:
430 MB of text are some 60 MB as stored.
`python -m bench.everything [--megabytes 430,1700] [--rounds 2] [--only "the job"]`
"""

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench.flow_text import FlowText, write_objects
from bench.harness import differing, in_turn, report
from bench.local_spark import delta_settings, local_spark
from bench.scan import CORES
from demo.generate import generate
from demo.records import VERSION_5
from jobs.trace_instance import main as trace
from transforms.flow_fields import FIELDS

_ROOT = Path(__file__).resolve().parent.parent
_COLUMNS = [name.replace("-", "_") for name in VERSION_5.split()]
_IS_TEXT = {field.name: field.kind in ("text", "tag", "address") for field in FIELDS}
# The label columns of an end that an equal join gives, and half of them.
_OF_PACKET_END = ("name", "interface_id", "instance_id", "subnet_name")
_OF_END = (*_OF_PACKET_END, "subnet_id", "vpc_id", "vpc_name")
_HALF = {end: ("name", "interface_id", "instance_id", "subnet_id") for end in ("src", "dst")}
_SAME = {
    **dict.fromkeys(("src", "dst"), _OF_END),
    **dict.fromkeys(("pkt_src", "pkt_dst"), _OF_PACKET_END),
}
Counted = tuple[int, int]


def main(argv: Sequence[str]) -> int:
    """1 when rows or octets differ."""
    parser = argparse.ArgumentParser(prog="bench.everything", allow_abbrev=False)
    parser.add_argument("--megabytes", default="430,1700")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="")
    given = parser.parse_args(argv)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-all-") as name:
        folder = Path(name)
        settings = {**delta_settings(), "spark.sql.shuffle.partitions": CORES}
        spark = local_spark(CORES, "4g", settings)
        generate(folder / "day")
        texts = [write_objects(folder / text, int(text)) for text in given.megabytes.split(",")]
        stored = [sum(path.stat().st_size for path in text.objects) for text in texts]
        seconds = []
        for text in texts:
            tools = {
                name: partial(run, text)
                for name, run in _tools(spark, folder)
                if name.startswith(tuple(given.only.split(",")))
            }
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
    sizes = (
        f"{text.lines:,} rows, {size / 10**6:.0f} MB, s"
        for text, size in zip(texts, stored, strict=True)
    )
    report("everything", ["every flow", *sizes, "rows/s and core"], rows)
    for sentence in wrong:
        print(f"DIFFERS {sentence}")
    return 1 if wrong else 0


def _tools(
    spark: SparkSession, folder: Path
) -> Iterator[tuple[str, Callable[[FlowText], Counted]]]:
    yield "the job, to Delta", partial(_job, spark, folder)
    yield "plain Spark, same labels, to Delta", partial(_plain_spark, spark, folder, _SAME)
    yield "plain Spark, half of them, to Delta", partial(_plain_spark, spark, folder, _HALF)
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
    return _counted(spark, folder / "cases/bench/flows", "delta")


def _plain_spark(
    spark: SparkSession, folder: Path, ends: Mapping[str, Sequence[str]], text: FlowText
) -> Counted:
    """Each name by a join of its own, as one would write it; `ends` have these label columns."""
    labels, path = folder / "day/labels", folder / "plain"

    def table(name: str) -> DataFrame:
        return F.broadcast(spark.read.csv(str(labels / f"{name}.csv"), header=True))

    flows = _read_csv(spark, text).withColumn("object_uri", F.input_file_name())
    for name in ("interface", "subnet", "vpc", "instance"):
        called = "description" if name == "interface" else "name"
        known = table(f"{name}s").select(f"{name}_id", F.col(called).alias(f"{name}_name"))
        flows = flows.join(known, f"{name}_id", "left")
    owners = table("interfaces")
    for name in ("instance", "subnet", "vpc"):
        known = table(f"{name}s").select(f"{name}_id", F.col("name").alias(f"{name}_name"))
        owners = owners.join(known, f"{name}_id", "left")
    owners = owners.withColumns({
        "name": F.coalesce("instance_name", "description"),
        "address": F.explode(F.split("addresses", " ")),
        "of_vpc": F.col("vpc_id"),
    })  # fmt: skip
    for end, names in ends.items():
        address = F.col(f"{end.removeprefix('pkt_')}addr")
        if end.startswith("pkt_"):
            packet = F.col(f"{end}addr")
            address = F.when(packet != address, packet)
        known = owners.select(
            F.col("address").alias("of_end"),
            F.col("of_vpc").alias("vpc_id"),
            *(F.col(name).alias(f"{end}_{name}") for name in names),
        )
        flows = flows.withColumn("of_end", address)
        flows = flows.join(F.broadcast(known), ["of_end", "vpc_id"], "left").drop("of_end")
    line = F.concat_ws("\n", "object_uri", *_COLUMNS)
    flows.withColumns({
        "record_id": F.substring(F.sha2(line, 256), 1, 40),
        "start_at": F.timestamp_seconds("start"),
        "end_at": F.timestamp_seconds("end"),
    }).write.format("delta").mode("overwrite").save(str(path))  # fmt: skip
    return _counted(spark, path, "delta")


def _read_csv(spark: SparkSession, text: FlowText) -> DataFrame:
    schema = ", ".join(f"`{c}` {'STRING' if _IS_TEXT[c] else 'BIGINT'}" for c in _COLUMNS)
    return spark.read.csv(
        [str(path) for path in text.objects], schema=schema, sep=" ", header=True, nullValue="-"
    )


def _counted(spark: SparkSession, path: Path, kind: str) -> Counted:
    row = spark.read.format(kind).load(str(path)).agg(F.count("*"), F.sum("bytes")).first()
    assert row is not None
    return int(row[0]), int(row[1])


def _spark_csv(spark: SparkSession, path: Path, kind: str, text: FlowText) -> Counted:
    _read_csv(spark, text).write.format(kind).mode("overwrite").save(str(path))
    return _counted(spark, path, kind)


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

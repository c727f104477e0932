"""The Spark session of the benchmarks: loopback, no pages, times in UTC."""

from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession


def local_spark(cores: int, memory: str, settings: Mapping[str, object]) -> SparkSession:
    """So many cores and so much memory of this machine, and the settings of one benchmark."""
    builder = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.driver.memory", memory)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
    )
    for name, value in settings.items():
        builder = builder.config(name, str(value))
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def delta_settings() -> dict[str, str]:
    """What Delta needs, with the jars that `make setup` fetched."""
    jars = (Path(__file__).resolve().parent.parent / "jars").glob("delta-*.jar")
    return {
        "spark.jars": ",".join(map(str, sorted(jars))),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    }


def settings_of(path: Path) -> dict[str, str]:
    """The settings of a file for `--properties-file`, without its master and its memory."""
    lines = (line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines())
    settings = {words[0]: words[1] for words in lines if len(words) == 2 and words[0] != "#"}
    return {
        name: value
        for name, value in settings.items()
        if name not in ("spark.master", "spark.driver.memory")
    }

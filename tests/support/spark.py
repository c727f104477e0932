"""The one Spark of the suite: started by the first test that needs it, given back after each test.

Its heap is as small as the smallest machine's. It only suffices because nothing outlives the test
that made it: no cached frame, no temporary view, no Delta log, no finished query.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from bench.jvm_memory import jvm_of, memory_of
from jobs.spark.session import name_classes_once
from tests.support.paths import ROOT

JARS = ROOT / os.environ.get("JARS", "jars")  # of the Spark that the tests run on
Table = Callable[..., DataFrame]

# A finished query is of no use to a suite without pages; Spark keeps a thousand by default.
_FORGETFUL = {
    "spark.sql.ui.retainedExecutions": 1,
    "spark.ui.retainedJobs": 1,
    "spark.ui.retainedStages": 1,
    "spark.ui.retainedTasks": 1,
    "spark.ui.liveUpdate.period": "-1",
    "spark.sql.ui.explainMode": "simple",
}
# Tables of a few rows: planning again between stages and compiling cost more than they save.
_SMALL = {
    "spark.sql.shuffle.partitions": 1,
    "spark.databricks.delta.snapshotPartitions": 1,
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
}
_memory = pytest.StashKey[list[str]]()
_is_running = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def spark(
    s3_server: str, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    jars = ",".join(str(jar) for jar in sorted(JARS.glob("*.jar")))
    scratch = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.jars": jars,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.driver.memory": "2g",
        "spark.sql.ansi.enabled": "true",  # Spark 4's default: nothing may depend on it
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        # Two cores are few: the collector has no threads of its own.
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={scratch} -XX:+UseSerialGC",
        **_FORGETFUL,
        **_SMALL,
    }
    builder = SparkSession.builder.master("local[2]")  # as many cores as the smallest CI machine
    for name, value in settings.items():
        builder = builder.config(name, str(value))
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("SPARK_SUBMIT_OPTS")  # for JVMs that end soon
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    name_classes_once(session)
    pytestconfig.stash[_is_running] = True
    gc.freeze()  # what is there by now stays: the collections after each test need not look at it
    yield session
    pytestconfig.stash[_is_running] = False
    _note(pytestconfig, str(memory_of(session)))
    session.stop()


@pytest.fixture
def table(spark: SparkSession) -> Table:
    """`table("a STRING, b INT", ("x", 1), …)`: a frame that can be checked by eye."""

    def make(schema: str, *rows: tuple[object, ...]) -> DataFrame:
        return spark.createDataFrame(list(rows), schema)

    return make


@pytest.fixture(autouse=True)
def after_each_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let go of the Delta tables that a test wrote or read, and of the frames that it made."""
    yield
    if "spark" in request.fixturenames and (session := _started(request)) is not None:
        jvm_of(session).org.apache.spark.sql.delta.DeltaLog.clearCache()
        gc.collect()  # each frame in Python holds its plan in the JVM


@pytest.fixture(scope="module", autouse=True)
def after_each_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop the views and cached frames that the fixtures of a module shared."""
    yield
    if (session := _started(request)) is not None:
        gc.collect()
        gc.freeze()  # what is left stays: each collection would look at all of it again
        for view in session.catalog.listTables():
            if view.isTemporary:
                session.catalog.dropTempView(view.name)
        session.catalog.clearCache()


def _started(request: pytest.FixtureRequest) -> SparkSession | None:
    return SparkSession.getActiveSession() if request.config.stash.get(_is_running, False) else None


def _note(config: pytest.Config, memory: str) -> None:
    """Keep what a Spark took, for the process that prints it."""
    if hasattr(config, "workeroutput"):
        config.workeroutput["memory"] = memory  # read by `pytest_testnodedown`
    else:
        config.stash.setdefault(_memory, []).append(memory)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker of pytest-xdist noted."""
    if memory := getattr(node, "workeroutput", {}).get("memory"):
        node.config.stash.setdefault(_memory, []).append(memory)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what the suite took of the machine, above the closing line."""
    if memories := config.stash.get(_memory, []):
        terminalreporter.section("memory")
        for memory in memories:
            terminalreporter.write_line(memory)

"""What a JVM and its Python took of the machine, asked of themselves."""

import gc
import resource
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from pyspark.sql import SparkSession

MIB = 2**20
_UNKNOWN = 2**63
_COLLECTIONS, _CLEANER_S = 20, 1.0


class Memory(NamedTuple):
    """The heap of the JVM and the resident sizes of both processes, in MiB."""

    heap_limit: int
    heap_peak: int  # the sum of the pools' peaks, garbage and all
    heap_in_use: int  # after a full collection at the end
    collections_s: float
    jvm_resident: int | None  # None where the system has no /proc
    python_resident: int

    def __str__(self) -> str:
        jvm = "unknown" if self.jvm_resident is None else f"{self.jvm_resident:,} MiB"
        return (
            f"heap: peak {self.heap_peak:,} MiB of {self.heap_limit:,}, "
            f"{self.heap_in_use:,} MiB in use at the end; "
            f"{self.collections_s:.0f} s in garbage collection\n"
            f"resident at most: JVM {jvm}, Python {self.python_resident:,} MiB"
        )


def memory_of(spark: SparkSession) -> Memory:
    """What the session's JVM and this process have taken since they began."""
    factory = jvm_of(spark).java.lang.management.ManagementFactory
    heap = [pool for pool in factory.getMemoryPoolMXBeans() if str(pool.getType()) == "Heap memory"]
    peak = sum(pool.getPeakUsage().getUsed() for pool in heap)
    limit = factory.getMemoryMXBean().getHeapMemoryUsage().getMax()
    spent_ms = sum(each.getCollectionTime() for each in factory.getGarbageCollectorMXBeans())
    in_use = heap_in_use(spark)
    return Memory(
        limit // MIB,
        min(peak, limit) // MIB,
        in_use // MIB,
        spent_ms / 1000,
        _jvm_resident(int(factory.getRuntimeMXBean().getPid())),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        // (MIB if sys.platform == "darwin" else 1024),
    )


def heap_in_use(spark: SparkSession) -> int:
    """The octets of the heap that something still refers to."""
    gc.collect()  # a frame in Python's garbage holds its plan in the JVM
    java = jvm_of(spark).java
    memory = java.lang.management.ManagementFactory.getMemoryMXBean()
    least = _UNKNOWN
    # What a collection finds unreachable, Spark's cleaner lets go in a thread of its own, and the
    # next collection frees: until one more of them frees nothing.
    for _ in range(_COLLECTIONS):
        java.lang.System.gc()
        in_use = int(memory.getHeapMemoryUsage().getUsed())
        if in_use > least - MIB:
            break
        least = in_use
        time.sleep(_CLEANER_S)
    return min(in_use, least)


class Held(NamedTuple):
    """What a session refers to: nothing of it should outlive the work that needed it."""

    delta_logs: int
    cached_frames: bool
    persistent_rdds: int
    views: tuple[str, ...]
    threads: int

    def __str__(self) -> str:
        views = ", ".join(self.views) or "no"
        frames = "some" if self.cached_frames else "no"
        return (
            f"{self.delta_logs} Delta logs, {frames} cached frames, "
            f"{self.persistent_rdds} kept RDDs, {views} views"
        )


def held_by(spark: SparkSession) -> Held:
    """What the session refers to now. Call `heap_in_use` first: it lets go of what is garbage."""
    jvm = jvm_of(spark)
    # Private to Delta's package in Scala, which Java does not know.
    delta = getattr(getattr(jvm.org.apache.spark.sql.delta, "DeltaLog$"), "MODULE$")
    return Held(
        int(delta.cacheSize()),
        not spark._jsparkSession.sharedState().cacheManager().isEmpty(),
        int(spark.sparkContext._jsc.sc().getPersistentRDDs().size()),
        tuple(sorted(view.name for view in spark.catalog.listTables() if view.isTemporary)),
        int(jvm.java.lang.management.ManagementFactory.getThreadMXBean().getThreadCount()),
    )


def jvm_of(spark: SparkSession) -> Any:
    """The session's JVM, for what Spark has no Python function for."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    return jvm


def _jvm_resident(pid: int) -> int | None:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024

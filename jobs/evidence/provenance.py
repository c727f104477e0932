"""What ran: the code, its packages and the machinery below it, for the manifest."""

import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from pyspark.sql import SparkSession

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("pyspark pyarrow numpy obstore isal hyperscan stringzilla opensearch-py boto3").split()
# Names whose values say how a result came about; everything else stays out: other names may hold
# credentials, and new ones appear with every release.
_SHOWN_SETTINGS = (
    "spark.master",
    "spark.app.id",
    "spark.driver.memory",
    "spark.executor.memory",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.dynamicAllocation.enabled",
    "spark.dynamicAllocation.maxExecutors",
    "spark.sql.adaptive.enabled",
    "spark.sql.ansi.enabled",
    "spark.sql.extensions",
    "spark.sql.catalog.spark_catalog",
    "spark.sql.session.timeZone",
    "spark.sql.shuffle.partitions",
)


def code_facts() -> dict[str, object]:
    """Version, commit and hash of the code, and the packages that it ran with; None is unknown."""
    return {
        "version": _version("vpc-flow-trace"),
        "code_sha256": _code_sha256(),
        "git": _git(),
        "lock_sha256": _sha256_of(_ROOT / "requirements/runtime.lock"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def spark_facts(spark: SparkSession) -> dict[str, object]:
    """Versions of Spark, Delta and Java, and the settings that matter, from a closed list."""
    jvm = spark._jvm
    assert jvm is not None
    configured = dict(spark.sparkContext.getConf().getAll())
    shown = {name: configured[name] for name in _SHOWN_SETTINGS if name in configured}
    return {
        "spark": spark.version,
        "delta": str(jvm.io.delta.package.VERSION()),
        "scala": str(jvm.scala.util.Properties.versionNumberString()),
        "java": str(jvm.java.lang.System.getProperty("java.version")),
        "settings": shown,
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None  # a zip on a cluster carries no metadata of the packages that were there


def _code_sha256() -> str | None:
    """Over the zip that the code came in, or over the names and hashes of its files."""
    if _ROOT.is_file():
        return _sha256_of(_ROOT)
    digest = hashlib.sha256()
    for folder in ("jobs", "transforms", "conf"):
        for path in sorted((_ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(_ROOT)} {_sha256_of(path)}\n".encode())
    return digest.hexdigest()


def _sha256_of(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _git() -> dict[str, object] | None:
    """The commit of the checkout that the code runs from, and whether files were changed since."""
    if not (_ROOT / ".git").exists():
        return None

    def ask(*words: str) -> str:
        command = ["git", "-C", str(_ROOT), *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "changed": bool(ask("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None

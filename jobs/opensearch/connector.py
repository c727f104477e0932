"""The other writer: the opensearch-hadoop connector, where its jar is on the class path.

It needs no Python in the executors, but it is the less patient of the two: a whole request that
is pushed back fails its task, a refused document fails the load, and its exceptions print
documents into the executors' logs. Counts and alias are ours, as with the bulk writer.
"""

from contextlib import AbstractContextManager

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import BadInput
from jobs.opensearch.client import Endpoint, OpenSearchFailed, user_of
from jobs.spark.session import setting
from transforms.documents.flows import DOCUMENT_ID, to_rows

_SOURCE = "org.opensearch.spark.sql.DefaultSource15"
# What Spark shows of options: its default hides URLs only, and the password's key ends in .pass.
REDACTION, _HIDDEN = "spark.sql.redaction.options.regex", "(?i)url|[.]pass$|[.]user$"


def check_writer(spark: SparkSession, target: OpenSearchTarget | None) -> None:
    """Raise BadInput, naming the artifact, when the connector is chosen and its jar is missing."""
    if target is None or target.writer != "opensearch-hadoop":
        return
    version, scala = spark.version, _scala_version(spark)
    line = "40" if version.startswith("4.") else "35"
    try:
        jvm = spark.sparkContext._jvm
        assert jvm is not None  # a session has its JVM
        jvm.java.lang.Thread.currentThread().getContextClassLoader().loadClass(_SOURCE)
    except Py4JError:
        raise BadInput(
            [
                "--opensearch_writer opensearch-hadoop: found no connector on the class path of "
                f"Spark {version}; expected the jar of org.opensearch.client:"
                f"opensearch-spark-{line}_{scala}:2.0.0; add it to the list in spark.jars, which "
                "--jars would replace (Glue: --extra-jars), or use --opensearch_writer bulk, which "
                "needs none"
            ]
        ) from None


def connector_options(
    endpoint: Endpoint, index: str, user: tuple[str, str] | None
) -> dict[str, str]:
    """The connector's settings for this endpoint; what is not named keeps its default."""
    options = {
        "opensearch.nodes": endpoint.url,
        "opensearch.nodes.wan.only": "true",  # managed domains hide their nodes
        "opensearch.resource": index,
        "opensearch.index.auto.create": "no",
        "opensearch.write.operation": "index",  # a repeated document replaces itself
        "opensearch.mapping.id": DOCUMENT_ID,
        "opensearch.mapping.exclude": DOCUMENT_ID,
        "opensearch.batch.size.entries": "5000",
        "opensearch.batch.size.bytes": "5mb",
        "opensearch.batch.write.refresh": "false",
        "opensearch.batch.write.retry.count": "10",
        "opensearch.batch.write.retry.wait": "10s",
    }
    if endpoint.url.startswith("https:"):
        options["opensearch.net.ssl"] = "true"
    if user is not None:
        options["opensearch.net.http.auth.user"], options["opensearch.net.http.auth.pass"] = user
    if endpoint.auth == "sigv4":
        options["opensearch.aws.sigv4.enabled"] = "true"
        options["opensearch.aws.sigv4.region"] = str(endpoint.region)
        options["opensearch.aws.sigv4.service.name"] = endpoint.service
    if endpoint.service == "aoss":
        options["opensearch.serverless"] = "true"
    return options


def load_with_connector(
    flows: DataFrame, target: OpenSearchTarget, endpoint: Endpoint, index: str
) -> None:
    """Write the same rows as the bulk writer; raises OpenSearchFailed, without its documents."""
    rows = to_rows(flows, target.shape)
    user = user_of(endpoint) if endpoint.auth == "basic" else None
    options = connector_options(endpoint, index, user)
    try:
        with hidden_options(flows.sparkSession):
            rows.write.format("opensearch").mode("append").options(**options).save()
    except (Py4JError, PySparkException) as error:
        raise OpenSearchFailed(
            f"the connector gave up ({type(error).__name__}); its own words, which quote "
            "documents, are in Spark's log"
        ) from None


def hidden_options(spark: SparkSession) -> AbstractContextManager[None]:
    """Spark shows the options of a write in its pages and its event log; not the user's."""
    return setting(spark, REDACTION, _HIDDEN)


def _scala_version(spark: SparkSession) -> str:
    jvm = spark.sparkContext._jvm
    assert jvm is not None  # a session has its JVM
    return ".".join(str(jvm.scala.util.Properties.versionNumberString()).split(".")[:2])

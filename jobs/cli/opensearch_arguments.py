"""The flags about OpenSearch → one frozen OpenSearchTarget, checked together."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from jobs.cli import argument_values as values
from jobs.cli.command_line import Reader
from jobs.cli.flags import Flag, FlagGroup
from transforms import patterns


@dataclass(frozen=True)
class OpenSearchTarget:
    """Where the view goes and how; holds names of secrets, never a secret."""

    url: str
    writer: str = "bulk"
    writers: int = 4
    patience_s: float = 600
    timeout_s: float = 60
    request_documents: int = 5_000
    request_bytes: int = 5 * 1024 * 1024
    auth: str = "none"
    secret_id: str | None = None
    service: str = "es"
    region: str | None = None
    ca_file: str | None = None
    shape: str = "flat"


OPENSEARCH = FlagGroup(
    "OpenSearch",
    (
        Flag("opensearch_url", "URL", "where to index the flows; without it they go to Delta only"),
        Flag(
            "opensearch_writer",
            "bulk|opensearch-hadoop",
            "bulk, or the connector opensearch-hadoop where its jar is",
            OpenSearchTarget.writer,
        ),
        Flag(
            "opensearch_writers", "COUNT", "bulk writers at a time", str(OpenSearchTarget.writers)
        ),
        Flag(
            "opensearch_patience",
            "SECONDS",
            "time without progress after which a load is given up",
            f"{OpenSearchTarget.patience_s:.0f}",
        ),
        Flag(
            "opensearch_auth",
            "none|basic|sigv4",
            "how to authenticate; none is for loopback only",
            OpenSearchTarget.auth,
        ),
        Flag(
            "opensearch_secret",
            "ID",
            "for basic: a secret in Secrets Manager, JSON with username and password; without it, "
            "OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD of the environment",
        ),
        Flag("opensearch_service", "es|aoss", "for sigv4: the service", OpenSearchTarget.service),
        Flag("opensearch_region", "REGION", "for sigv4: the region, where the host name has none"),
        Flag("opensearch_ca", "FILE", "certificates (PEM) of a private authority"),
        Flag(
            "allow_plain_http",
            "true|false",
            "true: allow plain http, and no authentication, beyond loopback",
            "false",
        ),
        Flag(
            "shape",
            "flat|ecs|ocsf",
            "shape of the documents: AWS's names (flat), ECS or OCSF",
            OpenSearchTarget.shape,
        ),
    ),
    "--opensearch_url https://search.example:9200 --opensearch_auth basic --shape ecs",
)


def read_target(flags: Reader) -> OpenSearchTarget | None:
    """The target, or None without --opensearch_url; adds every problem that it finds."""
    read = flags.optional
    url = read("opensearch_url", values.endpoint_url, "")
    allow_plain_http = flags.value("allow_plain_http", values.boolean)
    target = OpenSearchTarget(
        url=url,
        writer=flags.value("opensearch_writer", _one_of("bulk", "opensearch-hadoop")),
        writers=flags.value("opensearch_writers", values.number_from(1, 64)),
        patience_s=flags.value("opensearch_patience", values.number_from(1, 24 * 3600)),
        auth=flags.value("opensearch_auth", _one_of("none", "basic", "sigv4")),
        secret_id=read("opensearch_secret", _secret_id, "") or None,
        service=flags.value("opensearch_service", _one_of("es", "aoss")),
        region=read("opensearch_region", _region, "") or region_of(url),
        ca_file=read("opensearch_ca", values.uri, "") or None,
        shape=flags.value("shape", _one_of("flat", "ecs", "ocsf")),
    )
    if not url:
        return None
    flags.problems += _contradictions(target, allow_plain_http)
    return target


def region_of(url: str) -> str | None:
    """The region in the host name of an Amazon OpenSearch domain or collection."""
    host = urlsplit(url).hostname or ""
    found = re.search(
        rf"\.({patterns.REGION})\.(?:(?:es|aoss)\.amazonaws\.(?:com|eu)|on\.aws)", host
    )
    return found[1] if found else None


def _contradictions(target: OpenSearchTarget, allow_plain_http: bool) -> list[str]:
    url = urlsplit(target.url)
    is_near = values.is_loopback(url.hostname or "")
    is_plain = url.scheme == "http"
    shown = f"--opensearch_url {target.url}"
    problems = []
    if is_plain and not is_near and target.auth == "basic":
        problems.append(
            f"{shown}: found plain http with --opensearch_auth basic, which would show the "
            "password to the network; expected https://"
        )
    elif is_plain and not is_near and not allow_plain_http:
        problems.append(
            f"{shown}: found plain http; expected https://, as plain http is for loopback; "
            "--allow_plain_http true takes it for a network that you trust"
        )
    if target.auth == "none" and not is_near and not is_plain and not allow_plain_http:
        problems.append(
            f"{shown}: found no authentication beyond loopback; expected --opensearch_auth basic "
            "or sigv4; --allow_plain_http true takes it for a network that you trust"
        )
    if target.secret_id and target.auth != "basic":
        problems.append(
            f"--opensearch_secret: found with --opensearch_auth {target.auth}; "
            "expected it with basic only"
        )
    if target.auth == "sigv4" and target.region is None:
        problems.append(
            f"--opensearch_region is missing; expected it with sigv4, as {url.hostname} names none"
        )
    if target.ca_file and target.writer != "bulk":
        problems.append(
            "--opensearch_ca: found with --opensearch_writer opensearch-hadoop; expected it with "
            "bulk, as the connector trusts what the Java of the executors trusts"
        )
    if target.ca_file and is_plain:
        problems.append("--opensearch_ca: found with plain http; expected https://")
    return problems


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected {', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return read


def _secret_id(text: str) -> str:
    # AWS, CreateSecret: letters, digits and /_+=.@-; an ARN adds colons.
    if not re.fullmatch(r"[\w/+=.@:-]{1,2048}", text, re.ASCII):
        raise ValueError("expected the name or ARN of a secret")
    return text


def _region(text: str) -> str:
    if not re.fullmatch(patterns.REGION, text):
        raise ValueError("expected a region such as eu-west-1")
    return text

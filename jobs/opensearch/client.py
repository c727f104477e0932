"""The connection to OpenSearch: who we are, verified TLS, and patience with what passes."""

import json
import logging
import os
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth
from opensearchpy.exceptions import (
    ConnectionError as NoConnection,
)
from opensearchpy.exceptions import (
    OpenSearchException,
    SerializationError,
    SSLError,
    TransportError,
)

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import BadInput, Failure
from jobs.opensearch.answers import Connection, Serializer, name_of

USERNAME, PASSWORD = "OPENSEARCH_USERNAME", "OPENSEARCH_PASSWORD"
# What passes by itself: too much at once, a gateway or a node that is on its way back.
PASSING = frozenset({429, 502, 503, 504})
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0

T = TypeVar("T")


class OpenSearchFailed(Failure):
    """The view could not be written; Delta holds the flows all the same."""


@dataclass(frozen=True)
class Endpoint:
    """What an executor needs to connect; secrets are looked up where the connection is made.

    It travels inside pickled closures, so it holds the names of secrets and public certificates.
    """

    url: str
    auth: str = "none"
    secret_id: str | None = None
    service: str = "es"
    region: str | None = None
    authority: str | None = None
    patience_s: float = 600.0
    timeout_s: float = 60.0
    request_documents: int = 5_000
    request_bytes: int = 5 * 1024 * 1024

    def connect(self) -> OpenSearch:
        """A client that repeats nothing by itself. Raises OpenSearchFailed without credentials."""
        # Its logger and its exceptions hold requests and answers: whole documents.
        logging.getLogger("opensearch").setLevel(logging.CRITICAL)
        given: dict[str, Any] = {}
        if self.url.startswith("https:"):
            given["ssl_context"] = _verifying(self.authority)
        if self.auth == "basic":
            given["http_auth"] = user_of(self)
        elif self.auth == "sigv4":
            credentials = boto3.Session().get_credentials()
            if credentials is None:
                raise OpenSearchFailed(
                    "found no AWS credentials to sign requests with; expected those of a role, a "
                    "profile or the environment, where boto3 finds them"
                )
            given["http_auth"] = Urllib3AWSV4SignerAuth(credentials, self.region, self.service)
        return OpenSearch(
            self.url,
            timeout=self.timeout_s,
            max_retries=0,
            connection_class=Connection,
            serializer=Serializer(),
            **given,
        )


class Patience:
    """How long to go on without progress, and how long to wait before the next try.

    Waits double up to half a minute, with jitter, so that writers do not come back all at once.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.progress()

    def progress(self) -> None:
        """Something was taken: the time and the waits start anew."""
        self._until = time.monotonic() + self._seconds
        self._wait_s = _FIRST_WAIT_S

    def wait(self) -> bool:
        """Sleep before the next try; False, at once, when patience is over."""
        pause = self._wait_s * random.uniform(0.5, 1.0)
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
        if time.monotonic() + pause > self._until:
            return False
        time.sleep(pause)
        return True


def endpoint_of(target: OpenSearchTarget) -> Endpoint:
    """Read the authority's file once, here; raises BadInput when it holds no certificate."""
    authority = None
    if target.ca_file is not None:
        try:
            authority = Path(target.ca_file).read_text()
            _verifying(authority)
        except (OSError, UnicodeDecodeError, ssl.SSLError) as error:
            raise BadInput(
                [
                    f"--opensearch_ca {target.ca_file}: found no certificates to read "
                    f"({type(error).__name__}); expected a PEM file"
                ]
            ) from None
    return Endpoint(
        target.url,
        target.auth,
        target.secret_id,
        target.service,
        target.region,
        authority,
        target.patience_s,
        target.timeout_s,
        target.request_documents,
        target.request_bytes,
    )


def passes(error: OpenSearchException) -> bool:
    """Whether the same request may succeed later: pushed back, timed out or cut off."""
    if isinstance(error, SSLError):
        return False
    if isinstance(error, SerializationError):  # an answer that was cut, unless it is no JSON at all
        return not str(error).startswith("Unknown mimetype")
    if isinstance(error, NoConnection):
        return True
    return isinstance(error, TransportError) and error.status_code in PASSING


def patiently(endpoint: Endpoint, ask: Callable[[], T]) -> T:
    """Ask until there is an answer; raises OpenSearchFailed when patience is over or it is a no.

    Only for requests that may be repeated: the first try may have been carried out.
    """
    patience = Patience(endpoint.patience_s)
    while True:
        try:
            return ask()
        except OpenSearchException as error:
            if not passes(error) or not patience.wait():
                raise OpenSearchFailed(f"it answered with {name_of(error)}") from None


def user_of(endpoint: Endpoint) -> tuple[str, str]:
    """User name and password for basic authentication; raises OpenSearchFailed without them."""
    secret_id = endpoint.secret_id
    if secret_id is None:
        try:
            return os.environ[USERNAME], os.environ[PASSWORD]
        except KeyError:
            raise OpenSearchFailed(
                f"found no {USERNAME} and {PASSWORD} in the environment; set both, or give "
                "--opensearch_secret"
            ) from None
    try:
        client = boto3.client("secretsmanager", **_region_in(secret_id))
        secret = json.loads(client.get_secret_value(SecretId=secret_id)["SecretString"])
        return str(secret["username"]), str(secret["password"])
    except (BotoCoreError, ClientError) as error:
        raise OpenSearchFailed(
            f"the secret {secret_id} cannot be read ({type(error).__name__}); expected "
            "secretsmanager:GetSecretValue on it"
        ) from None
    except (KeyError, ValueError, TypeError):
        raise OpenSearchFailed(
            f"the secret {secret_id} is something else; expected JSON with username and password"
        ) from None


def _verifying(authority: str | None) -> ssl.SSLContext:
    """Certificates and host names are checked, whoever signed them."""
    return ssl.create_default_context(cadata=authority)


def _region_in(secret_id: str) -> dict[str, Any]:
    """The region of a secret's ARN; a name is looked up in the region of the environment."""
    parts = secret_id.split(":")
    return {"region_name": parts[3]} if secret_id.startswith("arn:") and len(parts) > 3 else {}

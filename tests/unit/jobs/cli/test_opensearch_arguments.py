"""The flags about OpenSearch, checked together."""

import pytest

from jobs.cli.arguments import parse_arguments
from jobs.cli.opensearch_arguments import OpenSearchTarget, region_of
from jobs.errors import BadInput

FLAGS = [
    *("--flow_logs", "/data", "--case_id", "web-3", "--output", "/cases"),
    *("--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z"),
    *("--instance_id", "i-0123456789abcdef0"),
]
NEAR = "http://127.0.0.1:9200"
FAR = "https://search-x-abc.eu-west-1.es.amazonaws.com"


def target(*words: str) -> OpenSearchTarget | None:
    return parse_arguments([*FLAGS, *words]).opensearch


def test_a_node_on_loopback_needs_only_its_url() -> None:
    assert target("--opensearch_url", f"{NEAR}/") == OpenSearchTarget(
        url=NEAR, writer="bulk", writers=4, patience_s=600, auth="none", secret_id=None,
        service="es", region=None, ca_file=None, shape="flat",
    )  # fmt: skip


def test_a_domain_takes_signed_requests_for_the_region_in_its_name() -> None:
    found = target("--opensearch_url", FAR, "--opensearch_auth", "sigv4")

    assert found == OpenSearchTarget(FAR, auth="sigv4", service="es", region="eu-west-1")


def test_without_a_url_the_other_flags_are_read_and_nothing_is_indexed() -> None:
    assert target("--opensearch_writers", "8") is None


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://search-x-abc.eu-west-1.es.amazonaws.com", "eu-west-1"),
        ("https://vpc-x-abc.us-gov-west-1.es.amazonaws.com", "us-gov-west-1"),
        ("https://abc123.ap-southeast-2.aoss.amazonaws.com", "ap-southeast-2"),
        ("https://search-x-abc.aos.eu-central-1.on.aws", "eu-central-1"),
        ("https://search-x-abc.cn-north-1.es.amazonaws.com.cn", "cn-north-1"),
        ("https://search-x-abc.eusc-de-east-1.es.amazonaws.eu", "eusc-de-east-1"),
        ("https://search.example", None),
        ("", None),
    ],
)
def test_the_region_is_read_from_the_host_name(url: str, region: str | None) -> None:
    assert region_of(url) == region


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        pytest.param(
            ["--opensearch_url", "http://search.example", "--opensearch_auth", "sigv4",
             "--opensearch_region", "eu-west-1"],
            "--opensearch_url http://search.example: found plain http; expected https://, as plain "
            "http is for loopback; --allow_plain_http true takes it for a network that you trust",
            id="plain http beyond loopback",
        ),
        pytest.param(
            ["--opensearch_url", "http://search.example", "--opensearch_auth", "basic",
             "--allow_plain_http", "true"],
            "--opensearch_url http://search.example: found plain http with --opensearch_auth "
            "basic, which would show the password to the network; expected https://",
            id="a password over plain http, even on a trusted network",
        ),
        pytest.param(
            ["--opensearch_url", "http://search.example", "--opensearch_auth", "basic"],
            "--opensearch_url http://search.example: found plain http with --opensearch_auth "
            "basic, which would show the password to the network; expected https://",
            id="a password over plain http is never advised",
        ),
        pytest.param(
            ["--opensearch_url", FAR],
            f"--opensearch_url {FAR}: found no authentication beyond loopback; expected "
            "--opensearch_auth basic or sigv4; --allow_plain_http true takes it for a network "
            "that you trust",
            id="no authentication beyond loopback",
        ),
        pytest.param(
            ["--opensearch_url", "https://search.example", "--opensearch_auth", "sigv4"],
            "--opensearch_region is missing; expected it with sigv4, as search.example names none",
            id="sigv4 without a region",
        ),
        pytest.param(
            ["--opensearch_url", FAR, "--opensearch_auth", "sigv4", "--opensearch_secret", "s"],
            "--opensearch_secret: found with --opensearch_auth sigv4; expected it with basic only",
            id="a secret that nothing would use",
        ),
        pytest.param(
            ["--opensearch_url", NEAR, "--opensearch_ca", "/ca.pem"],
            "--opensearch_ca: found with plain http; expected https://",
            id="an authority for plain http",
        ),
        pytest.param(
            ["--opensearch_url", FAR, "--opensearch_auth", "sigv4", "--opensearch_ca", "/ca.pem",
             "--opensearch_writer", "opensearch-hadoop"],
            "--opensearch_ca: found with --opensearch_writer opensearch-hadoop; expected it with "
            "bulk, as the connector trusts what the Java of the executors trusts",
            id="a private authority that the connector would not know",
        ),
        pytest.param(
            ["--opensearch_auth", "password"],
            "--opensearch_auth: found 'password'; expected none, basic or sigv4",
            id="an unknown way to authenticate",
        ),
    ],
)  # fmt: skip
def test_a_contradiction_is_said_with_what_to_do(words: list[str], problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        target(*words)

    assert caught.value.problems == (problem,)


def test_plain_http_without_authentication_is_for_a_network_that_one_trusts() -> None:
    found = target("--opensearch_url", "http://search.example", "--allow_plain_http", "true")

    assert found == OpenSearchTarget("http://search.example")

"""Which hosts are called, for region, variables and partition: the same by boto3 and by obstore."""

import os
from collections.abc import Iterator, Mapping

import pytest

from jobs.errors import BadInput
from jobs.sources.object_fetch import Fetched, ObjectToRead, fetch_ahead
from jobs.storage.aws_access import Access, check_role
from jobs.storage.object_store import Place, place_of
from tests.support.paths import ROOT
from tests.support.tls_proxy import Proxy, Request, tls_proxy

FIPS = {"AWS_USE_FIPS_ENDPOINT": "true"}
DUAL = {"AWS_USE_DUALSTACK_ENDPOINT": "true"}
VPCE = "bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-west-1.vpce.amazonaws.com"
OF_S3, OF_ALL = {"AWS_ENDPOINT_URL_S3": f"https://{VPCE}"}, {"AWS_ENDPOINT_URL": "https://all.test"}
NOT_CONFIGURED = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}

# region, variables, bucket → host, path of the bucket
HOSTS = {
    "us-east-1": ("us-east-1", {}, "my-logs", "my-logs.s3.us-east-1.amazonaws.com", ""),
    "eu-west-1": ("eu-west-1", {}, "my-logs", "my-logs.s3.eu-west-1.amazonaws.com", ""),
    "China": ("cn-north-1", {}, "my-logs", "my-logs.s3.cn-north-1.amazonaws.com.cn", ""),
    "European Sovereign Cloud": (
        "eusc-de-east-1", {}, "my-logs", "my-logs.s3.eusc-de-east-1.amazonaws.eu", "",
    ),
    "GovCloud": ("us-gov-west-1", {}, "my-logs", "my-logs.s3.us-gov-west-1.amazonaws.com", ""),
    "FIPS": ("us-east-1", FIPS, "my-logs", "my-logs.s3-fips.us-east-1.amazonaws.com", ""),
    "GovCloud, FIPS": (
        "us-gov-west-1", FIPS, "my-logs", "my-logs.s3-fips.us-gov-west-1.amazonaws.com", "",
    ),
    "dual stack": (
        "eu-west-1", DUAL, "my-logs", "my-logs.s3.dualstack.eu-west-1.amazonaws.com", "",
    ),
    "dual stack in China": (
        "cn-north-1", DUAL, "my-logs", "my-logs.s3.dualstack.cn-north-1.amazonaws.com.cn", "",
    ),
    "FIPS, dual stack": (
        "us-east-1", FIPS | DUAL, "my-logs",
        "my-logs.s3-fips.dualstack.us-east-1.amazonaws.com", "",
    ),
    "a dot in the name": ("eu-west-1", {}, "my.logs", "s3.eu-west-1.amazonaws.com", "/my.logs"),
    "interface endpoint": ("eu-west-1", OF_S3, "my-logs", VPCE, "/my-logs"),
    "an endpoint for all services": ("eu-west-1", OF_ALL, "my-logs", "all.test", "/my-logs"),
    "an endpoint for all, another for S3": (
        "eu-west-1", OF_S3 | OF_ALL, "my-logs", VPCE, "/my-logs",
    ),
    "endpoints that are to be ignored": (
        "eu-west-1", OF_S3 | OF_ALL | NOT_CONFIGURED, "my-logs",
        "my-logs.s3.eu-west-1.amazonaws.com", "",
    ),
}  # fmt: skip
STS = "sts.cn-north-1.amazonaws.com.cn"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    hosts = [host for _, _, _, host, _ in HOSTS.values()]
    with tls_proxy(tmp_path_factory.mktemp("proxy"), [*dict.fromkeys(hosts), STS]) as made:
        yield made


@pytest.fixture(autouse=True)
def through_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("AWS_") or name.upper() in ("NO_PROXY", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.delenv(name)
    for name, value in {
        "HTTPS_PROXY": proxy.url,
        "AWS_CA_BUNDLE": str(proxy.authority),
        "SSL_CERT_FILE": str(proxy.authority),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": "none",
        "AWS_SHARED_CREDENTIALS_FILE": "none",
    }.items():
        monkeypatch.setenv(name, value)
    forget()
    proxy.requests.clear()


def forget() -> None:
    """What this process knows of buckets: their hosts stay as they were at first."""
    from jobs.storage import any_key, object_store

    for remembered in (object_store._bucket_of, object_store.open_store, any_key.client_of):
        remembered.cache_clear()


def read(place: Place) -> None:
    """A key for obstore, and one that only boto3 takes."""
    for key in ("a", "odd//a"):
        ((_, got),) = fetch_ahead([ObjectToRead(place._replace(path=key), '"a"', 3)], 1, 10)
        assert isinstance(got, Fetched), got
        assert b"".join(got.chunks) == b"abc"


@pytest.mark.parametrize(
    ("region", "variables", "bucket", "host", "path"), HOSTS.values(), ids=HOSTS
)
def test_both_clients_call_the_same_host(
    region: str,
    variables: Mapping[str, str],
    bucket: str,
    host: str,
    path: str,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"AWS_REGION": region, **variables}.items():
        monkeypatch.setenv(name, value)

    read(place_of(f"s3://{bucket}/a"))

    assert proxy.requests == [
        Request(host, path or "/"),
        Request(host, f"{path}/a"),
        Request(host, f"{path}/odd//a"),
    ]


def test_the_page_names_every_host() -> None:
    page = (ROOT / "docs/reference/s3-access.md").read_text()
    names = {host.replace("0a1b2c3d-4e5f6a7b", "…") for _, _, _, host, _ in HOSTS.values()}

    assert [name for name in sorted(names) if name not in page] == []


def test_the_flag_overrides_the_variables(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_REGION": "eu-west-1", **OF_ALL, **DUAL}.items():
        monkeypatch.setenv(name, value)

    read(place_of("s3://my-logs/a", Access(endpoint=f"https://{VPCE}")))

    assert proxy.requests == [
        Request(VPCE, "/my-logs"),
        Request(VPCE, "/my-logs/a"),
        Request(VPCE, "/my-logs/odd//a"),
    ]


def test_an_executor_calls_the_host_that_the_driver_found(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own variables may be others: then the driver's decide."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with monkeypatch.context() as of_driver:
        of_driver.setenv("AWS_USE_FIPS_ENDPOINT", "true")
        place = place_of("s3://my-logs/a")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://all.test")

    read(place)

    assert {request.host for request in proxy.requests} == {
        "my-logs.s3-fips.us-east-1.amazonaws.com"
    }


def test_what_a_partition_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")

    with pytest.raises(BadInput, match=r"^s3://my-logs: .*FIPS"):
        place_of("s3://my-logs/a")


def test_a_role_of_china_is_assumed_in_china(proxy: Proxy) -> None:
    """No region is set."""
    role = "arn:aws-cn:iam::111122223333:role/reader"
    with pytest.raises(BadInput, match=f"^--read_role_arn {role}: STS answered AccessDenied; "):
        check_role(role)

    assert proxy.requests == [Request(STS, "/")]

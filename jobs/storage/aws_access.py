"""How S3 is reached: with whose credentials, at which host, who pays. One answer for both clients.

boto3 resolves the host, by the SDK's own variables and files (AWS_ENDPOINT_URL_S3,
AWS_USE_FIPS_ENDPOINT, …), and obstore is handed what boto3 found: it knows one partition and no
FIPS, and its own reading of those variables differs.
"""

import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from jobs.errors import EXPIRED_CODES, BadInput, CredentialsExpired
from transforms.text import masked, sanitise

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from botocore.credentials import Credentials
    from obstore.store import S3Credential


class Access(NamedTuple):
    """Whose credentials read a bucket, None for the job's own, who pays, and at which URL of S3.

    It names a role and holds no credential, so it may travel to the executors. Without an
    `endpoint` the variables of AWS's SDKs decide.
    """

    role_arn: str | None = None
    requester_pays: bool = False
    endpoint: str | None = None


OWN = Access()


class Endpoint(NamedTuple):
    """The URL of S3 without a bucket, and whether a bucket's name goes in front of its host."""

    url: str
    is_virtual: bool


# In CloudTrail of the account that is read.
_SESSION_NAME = "vpc-flow-trace"
# A first region of each partition, for who has set none: any of them tells where a bucket is.
_FIRST_REGIONS = {
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
}
# boto3 gives out credentials that hold for ten minutes at least, and obstore asks for the next
# five minutes before these end.
_GOOD_FOR = timedelta(minutes=10)


class RoleCredentials:
    """The credentials of a role, assumed anew before they expire; callable, as obstore wants it."""

    def __init__(self, role_arn: str) -> None:
        from botocore.credentials import DeferredRefreshableCredentials

        self._role_arn = role_arn
        self._ends: dict[str, datetime] = {}  # by access key
        self.credentials = DeferredRefreshableCredentials(self._assume, method="assume-role")

    def _assume(self) -> dict[str, str]:
        import boto3
        from botocore.config import Config

        session = boto3.Session()
        patience: Any = {"max_attempts": 5, "mode": "standard"}
        sts = session.client(
            "sts",
            region_name=first_region(session, self._role_arn),
            config=Config(retries=patience, connect_timeout=10, read_timeout=20),
        )
        keys = sts.assume_role(RoleArn=self._role_arn, RoleSessionName=_SESSION_NAME)["Credentials"]
        self._ends[keys["AccessKeyId"]] = keys["Expiration"].astimezone(
            UTC
        )  # obstore takes no other zone
        return {
            "access_key": keys["AccessKeyId"],
            "secret_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "expiry_time": keys["Expiration"].isoformat(),
        }

    def __call__(self) -> "S3Credential":
        """The credentials of now, and until when they hold."""
        frozen = self.credentials.get_frozen_credentials()
        return _for_obstore(frozen, self._ends[str(frozen.access_key)])


class OwnCredentials:
    """The job's own credentials, wherever boto3 finds them, as obstore wants them."""

    def __init__(self) -> None:
        import boto3

        self._credentials = boto3.Session().get_credentials()

    def __call__(self) -> "S3Credential":
        """The credentials of now, and until when they hold at least."""
        if self._credentials is None:
            raise ValueError("boto3 found no credentials")
        frozen = self._credentials.get_frozen_credentials()
        return _for_obstore(frozen, datetime.now(UTC) + _GOOD_FOR)


def _for_obstore(frozen: Any, ends: datetime) -> "S3Credential":
    return {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        "token": frozen.token,
        "expires_at": ends,
    }


@lru_cache(maxsize=16)
def role_credentials(role_arn: str) -> RoleCredentials:
    """Those of a role, once per process."""
    return RoleCredentials(role_arn)


def check_role(role_arn: str | None) -> None:
    """Raise BadInput when the role cannot be assumed; CredentialsExpired where STS says so."""
    from botocore.exceptions import BotoCoreError, ClientError

    if role_arn is None:
        return
    named = f"--read_role_arn {role_arn}"
    try:
        role_credentials(role_arn).credentials.get_frozen_credentials()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code in EXPIRED_CODES:
            raise CredentialsExpired(
                f"{named}: STS answered {code}; renew your own credentials and run again"
            ) from error
        raise BadInput(
            [
                f"{named}: STS answered {sanitise(str(code), 80)}; expected a role that trusts "
                "whoever runs this; check its name, its trust policy, and that sts:AssumeRole on "
                "it is allowed"
            ]
        ) from error
    except BotoCoreError as error:
        why = sanitise(masked(str(error)), 200)
        raise BadInput([f"{named}: {why}; check credentials, region and network"]) from error


def session_for(role_arn: str | None) -> "boto3.Session":
    """A session of one's own, as a session is for one thread; its credentials are shared."""
    import boto3
    import botocore.session
    from botocore.credentials import CredentialProvider, CredentialResolver

    if role_arn is None:
        return boto3.Session()
    role = role_credentials(role_arn)

    class OfRole(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> "Credentials":
            return role.credentials

    session = botocore.session.get_session()
    session.register_component("credential_provider", CredentialResolver([OfRole()]))
    return boto3.Session(botocore_session=session)


def first_region(session: "boto3.Session", role_arn: str | None) -> str:
    """The region that is set, or one of the role's partition."""
    partition = role_arn.split(":")[1] if role_arn else "aws"
    otherwise = _FIRST_REGIONS.get(partition, "us-east-1")
    return session.region_name or os.environ.get("AWS_REGION") or otherwise


def as_configured() -> "Config":
    """Of a client that finds its host by itself."""
    from botocore.config import Config

    # Without it a bucket of us-east-1 is called at the host of all regions, which neither a VPC
    # interface endpoint nor a policy of a network knows.
    return Config(s3={"us_east_1_regional_endpoint": "regional"})


def endpoint_of(bucket: str, region: str, given: str | None = None) -> Endpoint:
    """Where boto3 sends a request about a bucket; sends none and needs no credentials.

    Raises botocore's errors for what the variables say together, such as FIPS in China.
    """
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    client = boto3.Session().client(
        "s3", region_name=region, endpoint_url=given, config=as_configured()
    )
    found: list[str] = []

    def instead_of_sending(params: dict[str, Any], **_: object) -> tuple[AWSResponse, object]:
        found.append(params["url"])
        return AWSResponse(params["url"], 200, HTTPHeaders(), None), {}

    client.meta.events.register("before-call.s3.HeadBucket", instead_of_sending)
    client.head_bucket(Bucket=bucket)
    url = urlsplit(found[0])
    if url.netloc.startswith(f"{bucket}."):
        return Endpoint(f"{url.scheme}://{url.netloc.removeprefix(f'{bucket}.')}", True)
    path = url.path.rstrip("/").removesuffix(bucket).rstrip("/")
    return Endpoint(f"{url.scheme}://{url.netloc}{path}", False)


def let_requester_pay(client: Any) -> None:
    """Have every request of a boto3 client of S3 say that the requester pays for it."""

    def add_header(params: dict[str, Any], **_: object) -> None:
        params["headers"]["x-amz-request-payer"] = "requester"

    client.meta.events.register("before-call.s3", add_header)

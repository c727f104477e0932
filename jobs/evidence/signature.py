"""Signatures of manifests, made and verified by a key of AWS KMS that never leaves it.

Whoever may write to the bucket can replace a manifest together with everything that it describes.
With a signature he would also need `kms:Sign` or `kms:GenerateMac` on the key. What is signed is
the line that `sha256sum manifest.json` prints, as KMS takes no longer messages: the signature of an
asymmetric key can be verified without AWS as well.
"""

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from jobs.errors import EXPIRED_CODES, BadInput, ExitCode, Failure
from jobs.storage.object_store import first_line
from jobs.storage.whole_objects import NotThere, read_bytes, write_bytes
from transforms import patterns

_ARN = re.compile(patterns.KMS_KEY)
# The first of these that the key offers is used.
_SIGNING = (
    "ECDSA_SHA_256",
    "RSASSA_PSS_SHA_256",
    "ECDSA_SHA_384",
    "ECDSA_SHA_512",
    "RSASSA_PKCS1_V1_5_SHA_256",
)
_MAC = ("HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512", "HMAC_SHA_224")
_MAX_BYTES = 64 * 1024
_INVALID = ("KMSInvalidSignatureException", "KMSInvalidMacException")


class SignatureRefused(Failure):
    """KMS refused a call; the message is a sentence."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        if code in EXPIRED_CODES:
            self.exit_code = ExitCode.EXPIRED


@dataclass(frozen=True)
class SigningKey:
    """A key of KMS as it describes itself, and how it is used."""

    arn: str
    algorithm: str

    @property
    def is_mac(self) -> bool:
        """Whether the key makes message authentication codes instead of signatures."""
        return self.algorithm in _MAC


@dataclass(frozen=True)
class Signature:
    """The signature of one manifest, as it lies in the case."""

    key: str
    algorithm: str
    manifest_sha256: str
    signature: str


def signing_key(name: str) -> SigningKey:
    """The key, and the algorithm to use it with; raises SignatureRefused."""
    with _asking(f"kms:DescribeKey on {name}"):
        found = _kms(name).describe_key(KeyId=name)["KeyMetadata"]
    if found.get("KeyState") != "Enabled":
        raise SignatureRefused(f"the key {name} is {found.get('KeyState')}; expected Enabled")
    # Each HMAC key has one algorithm, that of its spec: HMAC_256 means HMAC_SHA_256.
    of_spec = str(found.get("KeySpec", "")).replace("HMAC_", "HMAC_SHA_")
    offered = [*found.get("SigningAlgorithms", ()), of_spec]
    usable = [each for each in (*_SIGNING, *_MAC) if each in offered]
    if not usable:
        raise SignatureRefused(
            f"the key {name} is for {found.get('KeyUsage')}; expected SIGN_VERIFY or "
            "GENERATE_VERIFY_MAC"
        )
    return SigningKey(str(found["Arn"]), usable[0])


def check_signing(name: str | None) -> None:
    """Raise BadInput, before the work, unless the key named by --sign_with signs."""
    if name is None:
        return
    try:
        sign(signing_key(name), b"vpc-flow-trace: a test signature, of no manifest")
    except SignatureRefused as refused:
        raise BadInput([f"--sign_with {name}: {refused}"]) from refused


def sign(key: SigningKey, manifest: bytes) -> Signature:
    """Sign the bytes of a manifest; raises SignatureRefused."""
    client = _kms(key.arn)
    if key.is_mac:
        with _asking(f"kms:GenerateMac on {key.arn}"):
            made = client.generate_mac(
                KeyId=key.arn, MacAlgorithm=key.algorithm, Message=_message(manifest)
            )["Mac"]
    else:
        with _asking(f"kms:Sign on {key.arn}"):
            made = client.sign(
                KeyId=key.arn,
                SigningAlgorithm=key.algorithm,
                MessageType="RAW",
                Message=_message(manifest),
            )["Signature"]
    return Signature(
        key.arn, key.algorithm, hashlib.sha256(manifest).hexdigest(), b64encode(made).decode()
    )


def verifies(key: SigningKey, manifest: bytes, signature: Signature) -> bool:
    """Whether the signature is this key's, over these bytes; raises SignatureRefused.

    The algorithm is the key's: what the signature says of itself decides nothing.
    """
    client, made = _kms(key.arn), b64decode(signature.signature, validate=True)
    if not made:
        return False
    try:
        with _asking(f"kms:{'VerifyMac' if key.is_mac else 'Verify'} on {key.arn}"):
            if key.is_mac:
                answer = client.verify_mac(
                    KeyId=key.arn, MacAlgorithm=key.algorithm, Message=_message(manifest), Mac=made
                )
            else:
                answer = client.verify(
                    KeyId=key.arn,
                    SigningAlgorithm=key.algorithm,
                    MessageType="RAW",
                    Message=_message(manifest),
                    Signature=made,
                )
    except _Invalid:
        return False
    # KMS raises for an invalid one; what stands in for it answers false.
    return answer.get("MacValid" if key.is_mac else "SignatureValid") is True


def put_signature(case_uri: str, run_id: str, signature: Signature) -> None:
    """Put the signature of a run's manifest into the case; it stays where it is."""
    text = json.dumps(asdict(signature), indent=2, sort_keys=True).encode() + b"\n"
    write_bytes(signature_uri(case_uri, run_id), text)


def read_signature(case_uri: str, run_id: str) -> Signature | None:
    """The signature of a run's manifest, None without one.

    Raises StorageFailed, and ValueError for anything that is no signature.
    """
    try:
        return _parsed(read_bytes(signature_uri(case_uri, run_id), _MAX_BYTES))
    except NotThere:
        return None


def signature_uri(case_uri: str, run_id: str) -> str:
    """Where in the case the signature of a run's manifest is."""
    return f"{case_uri}/signatures/{run_id}.json"


def _parsed(text: bytes) -> Signature:
    try:
        fields: Any = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    expected = set(Signature.__dataclass_fields__)
    if (
        not isinstance(fields, dict)
        or fields.keys() != expected
        or not all(isinstance(value, str) for value in fields.values())
    ):
        raise ValueError(f"it is no signature; expected text for {', '.join(sorted(expected))}")
    b64decode(fields["signature"], validate=True)  # binascii.Error is a ValueError
    return Signature(**fields)


def _message(manifest: bytes) -> bytes:
    """What is signed: the line that `sha256sum manifest.json` prints."""
    return f"{hashlib.sha256(manifest).hexdigest()}  manifest.json\n".encode()


def _kms(name: str) -> Any:
    import boto3  # see jobs.storage.object_store
    from botocore.config import Config

    arn = _ARN.match(name)
    region = arn[1] if arn else None
    patience = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 4})
    with _asking(f"KMS for {name}"):
        return boto3.client("kms", config=patience, region_name=region)


class _Invalid(Exception):
    """KMS has looked at the signature, and it is not of this key and these bytes."""


@contextmanager
def _asking(action: str) -> Iterator[None]:
    """Turn what AWS refuses into a sentence: what was asked, its answer, what to check."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code in _INVALID:
            raise _Invalid from error
        raise SignatureRefused(
            f"{action}: AWS answered {code}; check the key, its policy and your permissions", code
        ) from error
    except BotoCoreError as error:
        raise SignatureRefused(
            f"{action}: {first_line(error)}; check credentials, region and network"
        ) from error

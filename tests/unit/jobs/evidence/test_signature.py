"""Signatures of manifests by keys of KMS, verified again without KMS where a key allows it."""

import json
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from moto import mock_aws

from jobs.errors import BadInput
from jobs.evidence.signature import (
    Signature,
    SignatureRefused,
    check_signing,
    put_signature,
    read_signature,
    sign,
    signing_key,
    verifies,
)
from jobs.storage.whole_objects import TooLarge

MANIFEST = b'{"run_id": "20261128t000000z-0001"}\n' * 200  # longer than KMS takes a message
RUN = "20261128t000000z-0001"
ASYMMETRIC = ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384"]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


def made_key(spec: str, usage: str) -> str:
    made = boto3.client("kms").create_key(KeySpec=spec, KeyUsage=usage)
    return str(made["KeyMetadata"]["Arn"])


def by_hand(arn: str, signature: bytes, message: bytes) -> bool:
    """Verify with the public key alone, as anyone can who has it."""
    key = load_der_public_key(boto3.client("kms").get_public_key(KeyId=arn)["PublicKey"])
    try:
        if isinstance(key, rsa.RSAPublicKey):
            salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
            key.verify(signature, message, salted, hashes.SHA256())
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey)
            is_384 = key.curve.key_size == 384
            key.verify(signature, message, ec.ECDSA(hashes.SHA384() if is_384 else hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("spec", ASYMMETRIC)
def test_the_signature_is_over_the_line_of_sha256sum_and_needs_no_aws(
    spec: str, tmp_path: Path
) -> None:
    arn = made_key(spec, "SIGN_VERIFY")
    (tmp_path / "manifest.json").write_bytes(MANIFEST)

    signature = b64decode(sign(signing_key(arn), MANIFEST).signature)

    line = subprocess.run(
        ["sha256sum", "manifest.json"], cwd=tmp_path, capture_output=True, check=True
    ).stdout
    assert by_hand(arn, signature, line)
    assert not by_hand(arn, signature, line.replace(b"manifest", b"another"))


@pytest.mark.parametrize(
    ("spec", "usage"),
    [*((spec, "SIGN_VERIFY") for spec in ASYMMETRIC), ("HMAC_256", "GENERATE_VERIFY_MAC")],
)
def test_a_signature_is_of_one_key_and_one_manifest(spec: str, usage: str) -> None:
    key, other = (signing_key(made_key(spec, usage)) for _ in range(2))
    signature = sign(key, MANIFEST)

    assert verifies(key, MANIFEST, signature)
    assert not verifies(key, MANIFEST + b" ", signature)
    assert not verifies(other, MANIFEST, signature)
    assert not verifies(
        key, MANIFEST, replace(signature, signature=sign(other, MANIFEST).signature)
    )
    assert not verifies(key, MANIFEST, replace(signature, signature=""))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        pytest.param("none", "kms:DescribeKey on alias/none: AWS answered NotFound", id="no key"),
        pytest.param("encrypts", "is for ENCRYPT_DECRYPT; expected SIGN_VERIFY", id="another use"),
        pytest.param("disabled", "is Disabled; expected Enabled", id="a key that is switched off"),
    ],
)  # fmt: skip
def test_a_key_that_will_not_sign_is_named_before_the_work(state: str, sentence: str) -> None:
    name = "alias/none"
    if state == "encrypts":
        name = made_key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    elif state == "disabled":
        name = made_key("RSA_2048", "SIGN_VERIFY")
        boto3.client("kms").disable_key(KeyId=name.rsplit("/", 1)[1])

    with pytest.raises(BadInput) as caught:
        check_signing(name)

    (problem,) = caught.value.problems
    assert problem.startswith(f"--sign_with {name}: ")
    assert sentence in problem


def test_without_a_key_nothing_is_asked() -> None:
    check_signing(None)


def test_no_region_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    with pytest.raises(SignatureRefused, match="check credentials, region and network"):
        signing_key("alias/any")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", '"text"', "{}", "not JSON", "[" * 60_000,
        json.dumps({"key": "k", "algorithm": "a", "manifest_sha256": "s", "signature": 7}),
        json.dumps({"key": "k", "algorithm": "a", "manifest_sha256": "s", "signature": "é"}),
        json.dumps({"key": "k", "algorithm": "a", "manifest_sha256": "s", "signature": "a"}),
    ],
)  # fmt: skip
def test_what_is_no_signature_is_a_value_error_and_nothing_else(text: str, tmp_path: Path) -> None:
    (tmp_path / "signatures").mkdir()
    (tmp_path / "signatures" / f"{RUN}.json").write_text(text)

    with pytest.raises(ValueError, match=r"."):
        read_signature(str(tmp_path), RUN)


def test_a_file_too_large_for_a_signature_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "signatures").mkdir()
    (tmp_path / "signatures" / f"{RUN}.json").write_text(" " * 65_537)

    with pytest.raises(TooLarge, match="found 65,537 bytes; expected at most 65,536"):
        read_signature(str(tmp_path), RUN)


def test_a_signature_is_read_as_it_was_put(tmp_path: Path) -> None:
    signature = Signature("arn", "HMAC_SHA_256", "00", "YQ==")

    assert read_signature(str(tmp_path), RUN) is None
    put_signature(str(tmp_path), RUN, signature)
    assert read_signature(str(tmp_path), RUN) == signature

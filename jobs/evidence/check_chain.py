"""Is the manifest the one that its run wrote: its spelling, what came before, who signed it."""

import obstore
from obstore.exceptions import BaseError

from jobs.evidence.check import Check
from jobs.evidence.manifest_file import Stored, canonical, earlier_manifest, read_manifest
from jobs.evidence.signature import (
    SignatureRefused,
    read_signature,
    signature_uri,
    signing_key,
    verifies,
)
from jobs.evidence.stored_case import Link, StoredCase, read_link
from jobs.storage.object_store import first_line, open_store, place_of
from jobs.storage.whole_objects import StorageFailed, read_bytes, reason_of


def check_chain(case_uri: str, case: StoredCase, expect_sha256: str | None) -> Check:
    """The manifest is spelled as it was written, and each one before has the hash it was given.

    A manifest in `manifests/` that none of these names was cut out of the chain, or put there.
    """
    problems = []
    if case.stored.text != canonical(case.stored.content):
        problems.append("manifest.json: it is not spelled as the job writes it: it was edited")
    chain = [case.stored]
    link = case.previous
    while link is not None:
        earlier, problem = _follow(case_uri, case.case_id, chain[-1], link)
        if earlier is None:
            problems.append(problem)
            break
        chain.append(earlier)
        try:
            link = read_link(earlier.content)
        except ValueError as error:
            problems.append(f"{earlier_manifest(case_uri, earlier.run_id)}: {first_line(error)}")
            break
    else:
        problems += _strays(case_uri, chain)
    problems += _unexpected(chain, expect_sha256)
    runs = len(chain)
    holds = f"manifests of {runs:,} {'run' if runs == 1 else 'runs'} linked"
    if expect_sha256 is not None:
        holds += ", the last as expected"
    return Check(holds, problems)


def check_signature(case_uri: str, case: StoredCase, key_name: str | None) -> Check | None:
    """The manifest has a signature of the key; None where there is none and none is expected.

    Without a key of the caller's, the key is the one that the manifest itself names, which proves
    only that whoever wrote the manifest could use it.
    """
    where = signature_uri(case_uri, case.run_id)
    name = key_name or case.sign_with
    try:
        signature = read_signature(case_uri, case.run_id)
        if name is None:
            left = [] if signature is None else [f"{where}: not verified; give --signed_with"]
            return Check("", (), left) if left else None
        if signature is None:
            return Check("", [f"{where}: missing; expected a signature by {name}"])
        key = signing_key(name)
        if signature.key != key.arn:
            return Check("", [f"{where}: it is by {signature.key}; expected {key.arn}"])
        if not verifies(key, case.stored.text, signature):
            return Check("", [f"{where}: it is no signature by {key.arn} of this manifest.json"])
    except (ValueError, StorageFailed) as error:
        return Check("", [f"{where}: not readable: {reason_of(error)}"])
    except SignatureRefused as refused:
        return Check("", [f"{where}: cannot be verified: {refused}"])
    notes = [] if key_name else [
        f"the key is the manifest's own word: give --signed_with {key.arn} where you know it to "
        "be yours"
    ]  # fmt: skip
    return Check(f"the manifest is signed by {key.arn}", (), notes)


def _follow(case_uri: str, case_id: str, at: Stored, link: Link) -> tuple[Stored | None, str]:
    """The manifest that a link names, or why it is not there."""
    uri = earlier_manifest(case_uri, link.run_id)
    try:
        before = read_manifest(uri)
    except (ValueError, StorageFailed) as error:
        return None, f"{uri}: not readable: {reason_of(error)}"
    if before is None:
        return None, f"{uri}: missing, yet the manifest of {at.run_id} names it"
    if before.sha256 != link.sha256:
        return None, (
            f"{uri}: its SHA-256 is {before.sha256}, the manifest of {at.run_id} says {link.sha256}"
        )
    if (before.run_id, before.content.get("case_id")) != (link.run_id, case_id):
        return None, f"{uri}: it is of another run or case, yet that of {at.run_id} names it"
    return before, ""


def _strays(case_uri: str, chain: list[Stored]) -> list[str]:
    place = place_of(f"{case_uri}/manifests")
    try:
        found = obstore.list_with_delimiter(open_store(place.bucket), prefix=place.path)["objects"]
    except FileNotFoundError:
        return []
    except (BaseError, OSError) as error:
        return [f"{case_uri}/manifests: cannot be listed: {first_line(error)}"]
    known = {f"{manifest.run_id}.json": manifest for manifest in chain}
    problems = []
    for name in sorted(meta["path"].rsplit("/", 1)[-1] for meta in found):
        uri = f"{case_uri}/manifests/{name}"
        if name not in known:
            problems.append(f"{uri}: no manifest of this case names it as the one before")
        elif known[name] is chain[0] and _text_of(uri) != chain[0].text:
            # A copy of manifest.json itself is left by a later run that did not complete.
            problems.append(f"{uri}: it differs from manifest.json, which is of the same run")
    return problems


def _text_of(uri: str) -> bytes | None:
    try:
        return read_bytes(uri)
    except StorageFailed:
        return None


def _unexpected(chain: list[Stored], expected: str | None) -> list[str]:
    if expected is None or chain[0].sha256 == expected:
        return []
    later = next((n for n, manifest in enumerate(chain) if manifest.sha256 == expected), None)
    sentence = f"manifest.json: its SHA-256 is {chain[0].sha256}, --expect_sha256 says {expected}"
    if later is not None:
        sentence += f", which is run {chain[later].run_id}, {later:,} before this one"
    return [sentence]

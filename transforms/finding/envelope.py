"""Bytes of a file → GuardDuty findings as JSON objects, in whatever envelope they came."""

import zlib
from collections.abc import Iterator

from transforms.finding.json_text import MAX_BYTES, BadFinding, parsed
from transforms.finding.ocsf import from_ocsf
from transforms.finding.parquet_rows import PARQUET, TooMuch, objects_in
from transforms.finding.security_hub import from_asff
from transforms.text import quoted

_MOST_IN_MEMORY = 32 * MAX_BYTES
_MAX_DEPTH = 60
_MAX_ENVELOPES = 8
GZIP = b"\x1f\x8b"
_TOO_LARGE = f"found more than {MAX_BYTES:,} bytes; expected one finding or a few; cut the file"


def findings_in(data: bytes) -> list[dict[str, object]]:
    """Every finding of a file, with keys in camelCase. Raises BadFinding when there is none.

    Taken are a bare finding, an EventBridge event (`detail`), an answer of GetFindings
    (`findings`, `Findings`), a list of any, and JSON lines as GuardDuty exports them to S3, plain
    or gzip; each also inside a message of SNS or SQS; and Security Hub's forms, ASFF and OCSF. AWS,
    "EventBridge event format for findings"; SDKs write PascalCase, the wire does not.
    """
    if len(data) > MAX_BYTES:
        raise BadFinding(_TOO_LARGE)
    documents = _rows(data) if data.startswith(PARQUET) else _documents(_inflated(data))
    try:
        found = [finding for document in documents for finding in _unwrapped(document, 0)]
    except RecursionError:
        raise BadFinding("found JSON nested too deeply; expected a GuardDuty finding") from None
    if not found:
        keys = sorted({key for document in documents for key in _keys(document)})
        raise BadFinding(
            f"found no finding (keys: {', '.join(map(quoted, keys[:8])) or 'none'}); expected a "
            "GuardDuty finding, an EventBridge event, findings[] or JSON lines"
        )
    return found


def _rows(data: bytes) -> list[object]:
    """The rows of Parquet; Security Lake keeps other events beside findings."""
    try:
        return list(objects_in(data, _MOST_IN_MEMORY))
    except TooMuch:
        raise BadFinding(_TOO_LARGE) from None


def _inflated(data: bytes) -> bytes:
    if not data.startswith(GZIP):
        return data
    text = b""
    while data:  # members of a gzip file follow each other
        inflater = zlib.decompressobj(wbits=31)
        try:
            text += inflater.decompress(data, MAX_BYTES + 1 - len(text))
        except zlib.error:
            raise BadFinding("found damaged gzip data; expected JSON") from None
        if len(text) > MAX_BYTES:
            raise BadFinding(_TOO_LARGE)
        if not inflater.eof:
            raise BadFinding("found gzip data that is cut off; expected JSON")
        data = inflater.unused_data
    return text


def _documents(data: bytes) -> list[object]:
    """The file as one JSON text, else as one per line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFinding("found bytes that are not UTF-8; expected JSON") from None
    try:
        return [parsed(text)]
    except BadFinding:
        raise
    except ValueError as error:
        whole = error
    # Not `splitlines`: a text in JSON may hold what it takes for the end of a line (U+2028).
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    documents: list[object] = []
    for number, line in lines:
        try:
            documents.append(parsed(line))
        except BadFinding:
            raise
        except ValueError:
            where = f"line {number} is not" if documents else f"it is not ({whole})"
            raise BadFinding(
                f"found that {where} JSON; expected a finding as JSON, or one on each line"
            ) from None
    if not documents:
        raise BadFinding("found an empty file; expected a GuardDuty finding as JSON")
    return documents


def _unwrapped(value: object, depth: int) -> Iterator[dict[str, object]]:
    if depth > _MAX_ENVELOPES:
        return
    if isinstance(value, list):
        for item in value:
            yield from _unwrapped(item, depth + 1)
    elif isinstance(value, dict):
        named = _camel_keys(value)
        asff, ocsf = from_asff(value), from_ocsf(value)
        if ocsf is not None:
            for each in ocsf:
                yield {key: _in_camel_case(inner, 0, of=key) for key, inner in each.items()}
        elif asff is not None:
            yield {key: _in_camel_case(inner, 0, of=key) for key, inner in asff.items()}
        elif (inner := _carried(named)) is not None:
            yield from _unwrapped(inner, depth + 1)
        elif isinstance(named.get("findings"), list):
            yield from _unwrapped(named["findings"], depth + 1)
        elif isinstance(named.get("detail"), dict):
            yield from _unwrapped(named["detail"], depth + 1)
        elif isinstance(named.get("type"), str) and {"resource", "service"} & named.keys():
            yield {key: _in_camel_case(inner, 0, of=key) for key, inner in named.items()}


def _carried(named: dict[str, object]) -> object:
    """What SNS, SQS or Lambda carries: the inner document; None where this is no envelope.

    AWS, "Amazon SNS message formats" (`Message`), "ReceiveMessage" (`Messages[].Body`), and
    Lambda's events (`Records[].Sns`, `Records[].body`): the finding is a text in JSON.
    """
    for name in ("records", "messages"):
        if isinstance(named.get(name), list):
            return named[name]
    if isinstance(named.get("sns"), dict):
        return named["sns"]
    for name, sign in (("message", "topicArn"), ("message", "messageId"), ("body", "messageId")):
        text = named.get(name)
        if sign in named and isinstance(text, str):
            try:
                return parsed(text)
            except BadFinding:
                raise
            except ValueError:
                raise BadFinding(
                    f"found a {name} that is not JSON; expected a GuardDuty finding in it"
                ) from None
    return None


def _camel_keys(value: dict[str, object]) -> dict[str, object]:
    """The object with keys as the wire has them; two that differ only in case are refused."""
    seen: dict[str, str] = {}
    for key in value:
        if (other := seen.setdefault(key.casefold(), key)) != key:
            raise BadFinding(
                f"found the keys {quoted(other)} and {quoted(key)}, which differ only in case, in "
                "one object; expected one of them"
            )
    return {_camel(key): inner for key, inner in value.items()}


def _in_camel_case(value: object, depth: int, *, of: str = "", is_free: bool = False) -> object:
    """The value of the key `of` with keys in camelCase.

    Free are the keys of what `additionalInfo` holds: they may be names of users and places, and
    nothing is read of them.
    """
    if depth > _MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        named = value if is_free else _camel_keys(value)
        is_free = is_free or _camel(of) == "additionalInfo"
        return {
            _camel(key): _in_camel_case(inner, depth + 1, of=key, is_free=is_free)
            for key, inner in named.items()
        }
    if isinstance(value, list):
        return [_in_camel_case(item, depth + 1, of=of, is_free=is_free) for item in value]
    return value


def _camel(key: str) -> str:
    return key[:1].lower() + key[1:]


def _keys(document: object) -> list[str]:
    return list(document) if isinstance(document, dict) else []

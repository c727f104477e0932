"""Hostile text at every entrance that needs no Spark: a sentence, or a value that does no harm."""

import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.cli.arguments import parse_arguments
from jobs.errors import BadInput
from jobs.sources.labels import read_labels
from transforms.finding.json_text import BadFinding
from transforms.finding.read import read_finding
from transforms.network.addresses import address_literal
from transforms.scan.parse import parse_lines
from transforms.text import csv_cell, sanitise

PAYLOADS = (
    "fe80::1%') OR raise_error('executed') OR srcaddr IN ('",
    "10.0.0.7' UNION SELECT 1 --",
    "\x1b]0;owned\x07",
    "\x9b31m",
    "\u202egnp.exe",
    "a\u2028b",
    "=cmd|'/C calc'!A1",
    "../../etc/passwd",
    "`; DROP TABLE flows",
    "<script>alert(1)</script>",
    "\x00",
    "\ud800",
    "${jndi:ldap://x}",
)
HOSTILE = st.one_of(
    st.sampled_from(PAYLOADS),
    st.builds("{}{}".format, st.sampled_from(["10.0.0.7", "fe80::1%", "2001:db8::1"]), st.text()),
    st.text(max_size=40),
)
BASE = [
    *("--flow_logs", "logs", "--case_id", "case", "--output", "cases"),
    *("--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z"),
]


def assert_shown(problems: tuple[str, ...] | list[str]) -> None:
    assert problems
    assert all(problem.isprintable() for problem in problems), problems


def assert_literals(addresses: Iterable[str]) -> None:
    """What is left of the text may stand in SQL."""
    for address in addresses:
        assert set(address_literal(address).strip("'")) <= set("0123456789abcdef.:")


@given(HOSTILE)
def test_in_a_finding(text: str) -> None:
    details = {
        "instanceId": "i-0839de4aa2b2f82cb",
        "tags": [{"key": "Name", "value": text}],
        "networkInterfaces": [{"privateIpAddress": text, "ipv6Addresses": [text]}],
    }
    remote = {"remoteIpDetails": {"ipAddressV4": text}, "protocol": text}
    action = {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": remote}
    finding = {
        "type": text,
        "resource": {"instanceDetails": details},
        "service": {"action": action, "eventFirstSeen": text},
    }
    try:
        found = read_finding(json.dumps(finding).encode())
    except BadFinding as bad:
        assert_shown(bad.problems)
        return
    for interface in found.interfaces:
        assert_literals(interface.addresses)
    assert (found.instance_name or "x").isprintable()


@settings(max_examples=40)
@given(HOSTILE)
def test_in_labels(text: str) -> None:
    cells = {"interface_id": text, "name": text, "addresses": [text], "valid_from": text}
    with TemporaryDirectory() as folder:
        (Path(folder) / "interfaces.jsonl").write_text(json.dumps(cells) + "\n")
        try:
            found = read_labels(folder)
        except BadInput as bad:
            assert_shown(bad.problems)
            return
    assert_literals(found.owners)
    for versions in found.names.values():
        assert all((version.name or "x").isprintable() for version in versions)


@given(
    st.sampled_from(
        ["addresses", "expected_peers", "instance_id", "interface_ids", "case_id", "vpc_id", "from",
         "thresholds", "opensearch_url", "shape"]
    ),
    HOSTILE,
)  # fmt: skip
def test_in_a_flag(flag: str, text: str) -> None:
    try:
        found = parse_arguments([*BASE, "--instance_id", "i-0839de4aa2b2f82cb", f"--{flag}={text}"])
    except BadInput:
        return
    assert_literals(found.addresses)


@given(HOSTILE)
def test_in_a_record(text: str) -> None:
    line = f"{text} 10.0.0.9 1795435200 1795435259\n".encode("utf-8", "surrogatepass")
    parsed = parse_lines(
        line.replace(b"\n", b" ")[:-1] + b"\n", ("srcaddr", "dstaddr", "start", "end")
    )

    assert_literals([found for found in parsed.records["srcaddr"].to_pylist() if found])
    assert parsed.records.num_rows + len(parsed.refused.reasons) == 1
    assert all(sanitise(reason, 400).isprintable() for reason in parsed.refused.reasons)


@given(HOSTILE)
def test_in_what_is_shown(text: str) -> None:
    assert sanitise(text).isprintable()
    cell = csv_cell(text)
    assert cell.isprintable()
    assert (
        not cell.lstrip().startswith(("=", "@", "+", "-"))
        or cell.lstrip("+-").replace(".", "").isdigit()
    )

"""What the job must keep, said a second time from the specification: slow, plain, without Spark.

It shares no code with jobs/ or transforms/, so both are right, or both read the text alike wrongly.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote

NUMBERS = """version srcport dstport protocol packets bytes start end tcp_flags traffic_path
    encryption_status""".split()
ADDRESSES = "srcaddr dstaddr pkt_srcaddr pkt_dstaddr".split()
TEXTS = """account_id interface_id action log_status vpc_id subnet_id instance_id type region az_id
    sublocation_type sublocation_id pkt_src_aws_service pkt_dst_aws_service flow_direction
    ecs_cluster_arn ecs_cluster_name ecs_container_instance_arn ecs_container_instance_id
    ecs_container_id ecs_second_container_id ecs_service_name ecs_task_definition_arn ecs_task_arn
    ecs_task_id reject_reason resource_id instance_tag instance_tag_2 interface_tag interface_tag_2
    asg_tag asg_tag_2 interface_type next_hop_interface_id next_hop_subnet_id next_hop_az_id
    next_hop_vpc_id next_hop_interface_type""".split()
TAGS = [name for name in TEXTS if "_tag" in name]
KNOWN = (*NUMBERS, *ADDRESSES, *TEXTS)
LATEST = 253402300799  # the last second of the year 9999
MOST = {"srcport": 65535, "dstport": 65535, "protocol": 255, "start": LATEST, "end": LATEST}


Fields = dict[str, Any]
Labels = dict[str, list[Fields]]
Flow = tuple[Path, int, Fields, Fields, str | None]


def trace(
    paths: Iterable[Path], labels: Labels, subject: Fields, window: tuple[int, int]
) -> tuple[list[Flow], list[tuple[Path, int]]]:
    """(path, line, fields, extra, role or None) of the window's flows; refused (path, line)s."""
    flows: list[Flow] = []
    refused: list[tuple[Path, int]] = []
    who = resolve(labels, subject)
    for path in paths:
        header, *lines = text_of(path).split(b"\n")
        names = names_of(header)
        if not names or {*names} & {"tgw_id", "resource_type"} or len({*names}) < len(names):
            continue  # not the header of a flow log, or that of a transit gateway's
        if any(names_of(line) not in (None, names) for line in lines):
            continue  # the header of another format further on
        for number, line in enumerate(lines, start=2):
            is_blank = not line.strip() and len(line) <= 16384
            if is_blank or names_of(line) == names:
                continue
            try:
                fields, extra, first, last = record_of(names, words_of(line) or [])
            except ValueError:
                refused.append((path, number))
                continue
            if last >= window[0] and first < window[1]:
                role = role_of(fields, first, last, who, labels)
                flows.append((path, number, fields, extra, role))
    return flows, refused


def text_of(path: Path) -> bytes:
    data = Path(path).read_bytes()
    try:
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error):
        return b""  # nothing of a damaged object is evidence


def names_of(line: bytes) -> list[str] | None:
    """The columns that a header names; None when the line is no header."""
    names = [name.replace("-", "_") for name in words_of(line.rstrip(b"\r")) or []]
    is_header = all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) for name in names)
    return names if is_header and {*names} & {*KNOWN} else None


def words_of(line: bytes) -> list[str] | None:
    """The columns of a line; None when it is too long or not printable ASCII."""
    is_readable = all(0x20 <= byte <= 0x7E for byte in line.removesuffix(b"\r"))
    return line.decode().split() if is_readable and len(line) <= 16384 else None


def record_of(names: Sequence[str], words: Sequence[str]) -> tuple[Fields, Fields, int, int]:
    said = dict(zip(names, words, strict=True))
    fields = {name: value_of(name, said.pop(name, "-")) for name in KNOWN}
    times = [fields[name] for name in ("start", "end") if fields[name] is not None]
    if not times or times[-1] < times[0]:
        raise ValueError("no interval")
    extra = {name: None if word == "-" else word for name, word in said.items()}
    return fields, extra, times[0], times[-1]


def value_of(name: str, word: str) -> Any:
    if "%" in word and name in TAGS:
        return percent_decoded(word)
    if word == "-" or name in TEXTS:
        return None if word == "-" else word
    if name in ADDRESSES and "%" not in word:
        return str(ip_address(word))
    if name in ADDRESSES or not re.fullmatch("[0-9]{1,18}", word):
        raise ValueError(word)
    is_in_ms = name in ("start", "end") and int(word) > 2**31 - 1
    number = int(word) // 1000 if is_in_ms else int(word)
    if number > MOST.get(name, number):
        raise ValueError(word)
    return number


def percent_decoded(word: str) -> str:
    try:
        return unquote(word, errors="strict")
    except UnicodeDecodeError:
        return word


def resolve(labels: Labels, subject: Fields) -> tuple[Any, ...]:
    """The subject's instance, interfaces asked for, rows of its interfaces, VPCs, and addresses."""
    instance, ids, vpc = subject["instance_id"], subject["interface_ids"], subject["vpc_id"]
    own = [row for row in labels["interfaces"] if row["interface_id"] in ids]
    own += [row for row in labels["interfaces"] if instance and row["instance_id"] == instance]
    had = [(address, None, None) for address in subject["addresses"]]
    had += [(it, row["valid_from"], row["valid_to"]) for row in own for it in row["addresses"]]
    vpcs = {vpc} if vpc else {row["vpc_id"] for row in own} - {None}
    return instance, ids, own, vpcs, had


def role_of(
    fields: Fields, first: int, last: int, who: tuple[Any, ...], labels: Labels
) -> str | None:
    instance, asked, own_rows, own_vpcs, had = who
    if fields["interface_id"] in asked or (instance and fields["instance_id"] == instance):
        return "own_interface"
    if not instance or fields["instance_id"] is None:  # no word of the record against it
        then = [row for row in own_rows if holds(row["valid_from"], row["valid_to"], first, last)]
        if fields["interface_id"] in {row["interface_id"] for row in then} - {None}:
            return "own_interface"
    at = [row for row in labels["interfaces"] if row["interface_id"] == fields["interface_id"]]
    at = [row for row in at if holds(row["valid_from"], row["valid_to"], first, first)]
    vpc = fields["vpc_id"] or (at[0]["vpc_id"] if at else None)
    cidrs = [it for row in labels["vpcs"] if row["vpc_id"] == vpc for it in row["cidrs"]]
    foreign = [ip_network(it) for it in cidrs] if own_vpcs and vpc not in own_vpcs else []
    valid = {ip_address(it) for it, since, until in had if holds(since, until, first, last)}
    own = {str(it) for it in valid if not any(it in network for network in foreign)}
    if own & {fields["srcaddr"], fields["dstaddr"]}:
        return "unknown_vpc" if own_vpcs and vpc is None else "other_end"
    return "behind" if own & {fields["pkt_srcaddr"], fields["pkt_dstaddr"]} else None


def holds(since: int | None, until: int | None, first: int, last: int) -> bool:
    return (since is None or since <= last) and (until is None or first < until)

"""Days of flow logs to test with: one seed is one day, with everything that real days have."""

import csv
import gzip
import ipaddress
import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

V2 = """version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes
    start end action log-status""".split()
V3 = "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr".split()
V5 = """region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service
    flow-direction traffic-path""".split()
LATER = """ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id
    ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn
    ecs-task-id reject-reason resource-id encryption-status instance-tag instance-tag-2
    interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type next-hop-interface-id
    next-hop-subnet-id next-hop-az-id next-hop-vpc-id next-hop-interface-type""".split()
PUBLISHED = [*V2, *V3, *V5, *LATER]
WHO = ["interface-id", "srcaddr", "dstaddr", *V3, "start", "end", "log-status"]
# Names of a version to come; some are those of columns that the job adds by itself.
UNPUBLISHED = ["new-field", "role", "extra", "record", "object-uri", "src-name", "is-kept", "line"]

OTHER_HEADERS = ["start end srcaddr start", "srcaddr next-one next_one", "tgw-id srcaddr start end"]

NOON = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())

VPC, TWIN_VPC, PEER_VPC, UNLABELLED_VPC = "vpc-0a0a0a0a", "vpc-0b0b0b0b", "vpc-0c0c0c0c", "vpc-0d0d"
VPCS = [VPC, VPC, VPC, TWIN_VPC, PEER_VPC, UNLABELLED_VPC, "-"]
INSTANCE, OTHER_INSTANCE = "i-0a1b2c3d", "i-0a1b2c3d4e5f60718"  # one is the start of the other
INSTANCES = [INSTANCE, OTHER_INSTANCE, "i-0f0f0f0f0f0f0f0f0", "-", "-"]
ENI, SECOND_ENI, MOVED_ENI = "eni-0a1b2c3d", "eni-0aaaaaaaaaaaaaaa2", "eni-0aaaaaaaaaaaaaaa3"
TWIN_ENI, NAT_ENI, PEER_ENI = "eni-0a1b2c3d4e5f60718", "eni-0nat", "eni-0ccccccc"
INTERFACES = [
    ENI,
    SECOND_ENI,
    MOVED_ENI,
    TWIN_ENI,
    TWIN_ENI,
    NAT_ENI,
    PEER_ENI,
    "eni-0unknown",
    "-",
]
OWN = ["10.0.0.7", "10.0.0.70", "2001:db8::a00:7"]
ALIKE = ["10.0.0.71", "110.0.0.7", "10.0.0.17", "2001:db8::a00:71", "2001:db8::a00:70", "::a00:7"]
FAR = ["203.0.113.9", "198.51.100.77", "10.9.0.7", "100.64.0.70", "::ffff:10.0.0.7", "fe80::1"]
CIDRS = {
    VPC: ["10.0.0.0/16", "2001:db8::/56"],
    TWIN_VPC: ["10.0.0.0/16", "2001:db8::/56"],
    PEER_VPC: ["10.9.0.0/16"],
}

# Texts that a CSV or JSON reader would not take literally.
TEXTS = ["x", "unknown", "null", "NULL", "NaN", "--", "''", '"', '""', '"a', 'a"b"', "\\", '\\"']
TEXTS += ["a,b", "#x", "{}", "[1]", "a:b", "true", "007", "%2D", "caf%C3%A9", "10.0.0.7", "a=b;c"]
BAD_NUMBERS = ["many", "-1", "+1", "1.5", "1e3", "0x1F", "1" * 19, "1_0", "NaN", "--", '"6"']
BAD_ADDRESSES = ["10.0.0.007", "10.0.0", "10.0.0.256", "10.0.0.7/32", "2001:db8::1::2", "fe80::1%1"]
BAD_ADDRESSES += ["10.0.0.7:443", "[2001:db8::a00:7]", "host", "167772167", "::ffff:10.0.0.007"]
HOSTILE_NAMES = [
    '=cmd|"/C calc"!A1',
    "a\nb\r\nc",
    "\u202eevil\u2066",
    "x" * 5000,
    "\x00\x1b[31m",
    "'",
]


class Day(NamedTuple):
    """Objects by file name, the labels of the day, and what is asked of it."""

    objects: dict[str, bytes]
    labels: dict[str, list[dict[str, Any]]]
    subject: dict[str, Any]
    window: tuple[int, int]


def draw_day(seed: int) -> Day:
    """One to eight objects of up to 300 lines (rarely 5000), odd labels, a subject, a window."""
    random = Random(seed)
    window = NOON - random.choice([0, 7, 1800]), NOON + random.choice([1, 600, 1800, 86400 - 1800])
    objects = {}
    for number in range(random.randint(1, 8)):
        stamp = f"{datetime.fromtimestamp(NOON + 300 * number, UTC):%Y%m%dT%H%MZ}"
        name = f"111122223333_vpcflowlogs_eu-west-1_fl-{random.randrange(16**17):017x}_{stamp}"
        name = random.choice([f"{name}_{number:08x}.log.gz", f"export-{number}.log"])
        objects[name] = _stored(random, _object_text(random, window))
    return Day(objects, draw_labels(random, window), _subject(random), window)


def flow_line(columns: list[str], **differs: object) -> str:
    """One line of these columns: an accepted TCP flow to the suspect unless said otherwise."""
    said = {"version": 5, "interface-id": NAT_ENI, "srcaddr": "203.0.113.9", "dstaddr": "10.0.0.7"}
    said |= {"srcport": 50000, "dstport": 443, "protocol": 6, "packets": 3, "bytes": 180}
    said |= {"start": NOON, "end": NOON + 60, "action": "ACCEPT", "log-status": "OK"}
    said |= {name.replace("_", "-"): value for name, value in differs.items()}
    return " ".join(str(said.get(column, "-")) for column in columns)


def flags_of(day: Day, folder: Path, output: Path, case_id: str) -> list[str]:
    """The flags of a run over a stored day.

    Random ids would make every interface the subject's own, so that records add nothing to it.
    """
    start, end = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in day.window)
    flags = ["--flow_logs", str(folder / "logs"), "--output", str(output), "--case_id", case_id]
    flags += ["--from", start, "--to", end, "--derive", "false"]
    if day.labels:
        flags += ["--labels", str(folder / "labels")]
    for name, value in day.subject.items():
        if value:
            flags += [f"--{name}", ",".join(value) if isinstance(value, list) else value]
    return flags


def store(day: Day, folder: Path) -> None:
    """Write `logs/` and `labels/` below the folder; each label table as CSV or JSON lines."""
    for name, data in day.objects.items():
        path = folder / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for table, rows in day.labels.items():
        (folder / "labels").mkdir(exist_ok=True)
        if len(rows) % 2:
            text = "".join(json.dumps(_in_json(row)) + "\n" for row in rows)
            (folder / "labels" / f"{table}.jsonl").write_text(text, "utf-8")
        else:
            with (folder / "labels" / f"{table}.csv").open("w", encoding="utf-8", newline="") as to:
                writer = csv.DictWriter(to, list(rows[0]))
                writer.writeheader()
                writer.writerows({key: _in_csv(cell) for key, cell in row.items()} for row in rows)


def _in_json(row: dict[str, Any]) -> dict[str, Any]:
    return {key: _time(cell) if isinstance(cell, int) else cell for key, cell in row.items()}


def _in_csv(cell: object) -> object:
    return (
        _time(cell) if isinstance(cell, int) else " ".join(cell) if isinstance(cell, list) else cell
    )


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _stored(random: Random, text: bytes) -> bytes:
    """Plain, gzip of one or several members, or gzip that was damaged on the way."""
    cut = random.randint(0, len(text))
    whole = gzip.compress(text)
    damaged = [whole[: -random.randint(1, 9)], whole[: len(whole) // 2 + 3], whole + b"junk"]
    flipped = bytearray(whole)
    flipped[random.randint(12, len(whole) - 1)] ^= 1 << random.randrange(8)
    ways = [text, whole, whole, gzip.compress(text[:cut]) + gzip.compress(text[cut:])]
    ways += [ways[-1] + gzip.compress(b""), whole + gzip.compress(text)]
    return random.choice([*damaged, bytes(flipped)] if random.random() < 0.15 else ways)


def _object_text(random: Random, window: tuple[int, int]) -> bytes:
    columns = _columns(random)
    header = " ".join(columns)
    lines = [header]
    size = random.choice([0, 1, 40, 300, 300]) if random.random() < 0.95 else 5000
    while len(lines) <= size:
        chance = random.random()
        if chance < 0.08:
            lines.append(random.choice(["", " ", "\r", header, header, f"{header}\r"]))
        elif chance < 0.16:
            lines.append(lines[-1])
        elif chance < 0.3:
            lines.append(_damaged(random, columns, _record(random, window)))
        else:
            record = _record(random, window)
            lines.append(_spaced(random, [record[column] for column in columns]))
    if random.random() < 0.05:  # no header at all, or that of something else
        lines[0] = random.choice(["", lines[-1], "no flow log", "{}", *OTHER_HEADERS])
    text = "\n".join(lines) + random.choice(["", "\n", "\n\n", "\r\n"])
    return text.encode("latin-1")


def _columns(random: Random) -> list[str]:
    chance = random.random()
    if chance < 0.1:
        return V2
    if chance < 0.2:
        return random.choice([PUBLISHED, sorted(PUBLISHED), [*V2, *V3]])
    columns = [name for name in PUBLISHED if random.random() < (0.85 if name in WHO else 0.3)]
    columns += random.sample(UNPUBLISHED, random.choice([0, 0, 1, 3]))
    random.shuffle(columns)
    return columns or ["start", "srcaddr"]


def _record(random: Random, window: tuple[int, int]) -> dict[str, str]:
    """Values of every column; most records have to do with the suspect or look as if they had."""
    record = {name: random.choice(["-", *TEXTS]) for name in [*PUBLISHED, *UNPUBLISHED]}
    for name in ("version", "packets", "bytes", "tcp-flags", "traffic-path", "encryption-status"):
        record[name] = random.choice(["-", "0", "7", "007", "6", str(random.randrange(10**18))])
    for name in ("srcport", "dstport"):
        record[name] = random.choice(["0", "443", "00443", "65535", "-", "34210"])
    record["protocol"] = random.choice(["6", "17", "1", "255", "-"])
    record["interface-id"] = random.choice(INTERFACES)
    record["instance-id"] = random.choice(INSTANCES)
    record["vpc-id"] = random.choice(VPCS)
    record["action"] = random.choice(["ACCEPT", "REJECT", "-"])
    record["log-status"] = random.choice(["OK", "OK", "OK", "NODATA", "SKIPDATA"])
    ends = ["srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"]
    for name in ends:
        record[name] = random.choice([*FAR, *ALIKE, "-"])
    for name in random.sample(ends, random.choice([0, 0, 1, 1, 2])):
        record[name] = random.choice(OWN)
    for name in ends:
        record[name] = _spelled(random, record[name])
    start, end = _interval(random, window)
    record |= {"start": str(start), "end": str(end)}
    if random.random() < 0.1:  # AWS once wrote milliseconds
        name = random.choice(["start", "end"])
        record[name] = f"{record[name]}{random.randrange(1000):03}"
    if random.random() < 0.1:
        record[random.choice(["start", "end"])] = "-"
    if record["log-status"] != "OK" and random.random() < 0.8:
        kept = ("version", "account-id", "interface-id", "start", "end", "log-status")
        record = {name: value if name in kept else "-" for name, value in record.items()}
    return record


def _interval(random: Random, window: tuple[int, int]) -> tuple[int, int]:
    edge = random.choice([*window, random.randint(*window), NOON + 300])
    start = edge + random.choice([-600, -61, -60, -1, 0, 0, 1, 30])
    return start, start + random.choice([0, 0, 1, 59, 60, 61, 600])


def _spelled(random: Random, address: str) -> str:
    if ":" not in address:
        return address
    whole = ipaddress.ip_address(address)
    embedded = f"{whole.exploded[:29]}:{ipaddress.ip_address(int(whole) & 0xFFFFFFFF)}"
    short = ":".join(part.lstrip("0") or "0" for part in whole.exploded.split(":"))
    spellings = [address, str(whole), whole.exploded, str(whole).upper(), embedded, short]
    return random.choice([*spellings, short.upper()])


def _spaced(random: Random, words: list[str]) -> str:
    line = " ".join(words)
    if random.random() < 0.1:
        line = "".join(word + " " * random.choice([1, 1, 2, 5]) for word in words)
        line = random.choice(["", " ", "   "]) + line + random.choice(["", " ", "\r", "  \r"])
    return line


def _damaged(random: Random, columns: list[str], record: dict[str, str]) -> str:
    """A line with one thing wrong, or just about not wrong."""
    at_limit = {
        "srcport": ["65535", "65536"],
        "dstport": ["65536", "0"],
        "protocol": ["256", "255"],
    }
    late = ["253402300799999", "253402300800000", "2147483647", "2147483648", "0", "9" * 18]
    at_limit |= {"start": late, "end": late, "bytes": ["9" * 18, "0" * 18, "0" * 19]}
    numbers = ["version", "packets", "bytes", "start", "end", "tcp-flags", "srcport", "protocol"]
    addresses = ["srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"]
    way = random.randrange(8)
    if way < 2:
        name = random.choice(list(at_limit))
        record = record | {name: random.choice(at_limit[name])}
    elif way == 2:
        record = record | {random.choice(numbers): random.choice(BAD_NUMBERS)}
    elif way == 3:
        record = record | {random.choice(addresses): random.choice(BAD_ADDRESSES)}
    elif way == 4:
        record = record | random.choice([{"start": "-", "end": "-"}, {"end": str(NOON - 9999)}])
    words = [record[column] for column in columns]
    if way == 5:
        words = random.choice([words[:-1], [*words, "extra"], [*words, *words], ["x"], words[1:]])
    line = " ".join(words)
    if way == 6:
        odd = random.choice(["\t", "\x00", "\xe9", "\x85", "\x0b", "\x1f", "\x7f", "\r"])
        at = random.randint(0, len(line))
        line = line[:at] + odd + line[at:]
    if way == 7:
        line += " " * (random.choice([16383, 16384, 16385, 16386, 200_000]) - len(line))
    return line


def _subject(random: Random) -> dict[str, Any]:
    subject: dict[str, Any] = {
        "instance_id": None,
        "interface_ids": [],
        "addresses": [],
        "vpc_id": None,
    }
    if random.random() < 0.7:
        subject["instance_id"] = random.choice([INSTANCE, INSTANCE, OTHER_INSTANCE])
    if random.random() < 0.4:
        subject["interface_ids"] = random.sample([ENI, SECOND_ENI, MOVED_ENI], random.randint(1, 2))
    if random.random() < 0.4 or not (subject["instance_id"] or subject["interface_ids"]):
        drawn = random.sample([*OWN, "10.0.0.71", "2001:db8::a00:71"], random.randint(1, 2))
        subject["addresses"] = [_spelled(random, address) for address in drawn]
    if random.random() < 0.4:
        subject["vpc_id"] = random.choice([VPC, TWIN_VPC])
    return subject


def draw_labels(random: Random, window: tuple[int, int]) -> dict[str, list[dict[str, Any]]]:
    """Interfaces that come, go and move to another instance, and rows that are only a nuisance."""
    if random.random() < 0.15:
        return {}
    moved = random.choice([*window, NOON + 30, NOON + 300])
    since, until = random.choice([(None, None), (moved, None), (None, moved), (moved, moved + 61)])
    interfaces = [
        _interface(ENI, INSTANCE, VPC, ["10.0.0.7", "2001:DB8:0:0::A00:7"], since, until),
        _interface(SECOND_ENI, INSTANCE, random.choice([VPC, VPC, None]), ["10.0.0.70"]),
        _interface(MOVED_ENI, INSTANCE, VPC, ["10.0.0.71", "10.0.0.7"], None, moved),
        _interface(MOVED_ENI, OTHER_INSTANCE, random.choice([VPC, TWIN_VPC]), OWN[1:], moved, None),
        _interface(TWIN_ENI, "i-0f0f0f0f0f0f0f0f0", TWIN_VPC, OWN, *random.choice([(None, None),
            (None, moved), (moved, None)])),
        _interface(NAT_ENI, None, VPC, ["10.0.0.99"]),
    ]  # fmt: skip
    for number, name in enumerate(HOSTILE_NAMES):
        odd = _interface(f"eni-0dd{number}", f"i-0dd{number}", random.choice([VPC, TWIN_VPC]), OWN)
        interfaces.append(odd | {"description": name})
    cidrs = {vpc: nets for vpc, nets in CIDRS.items() if random.random() < 0.9}
    vpcs = [{"vpc_id": vpc, "name": "=1+1", "cidrs": nets} for vpc, nets in cidrs.items()]
    ids = random.sample([INSTANCE, OTHER_INSTANCE, "i-0dd0", "i-0dd1"], 3)
    instances = [{"instance_id": known, "name": random.choice(HOSTILE_NAMES)} for known in ids]
    random.shuffle(interfaces)
    tables = {"interfaces": interfaces, "vpcs": vpcs, "instances": instances}
    return {table: rows for table, rows in tables.items() if rows}


def _interface(
    interface: str,
    instance: str | None,
    vpc: str | None,
    addresses: list[str],
    since: int | None = None,
    until: int | None = None,
) -> dict[str, Any]:
    return {
        "interface_id": interface,
        "description": "",
        "instance_id": instance,
        "vpc_id": vpc,
        "addresses": addresses,
        "valid_from": since,
        "valid_to": until,
    }

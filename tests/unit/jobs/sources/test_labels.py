"""Label snapshots: any of three kinds of file, and every problem with its place."""

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.errors import BadInput
from jobs.sources.labels import read_labels
from transforms.label.tables import LabelTables


def problems(folder: Path) -> list[str]:
    with pytest.raises(BadInput) as caught:
        read_labels(str(folder))
    return [problem.replace(str(folder), "LABELS") for problem in caught.value.problems]


def test_csv_jsonl_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = [
        {"interface_id": "eni-1", "description": "web, first", "addresses": "10.0.0.7 2001:db8::1"},
        {"interface_id": "eni-2", "name": "db", "vpc_id": "vpc-a"},
    ]
    for kind in ("csv", "jsonl", "parquet"):
        (tmp_path / kind).mkdir()
    (tmp_path / "csv/interfaces.csv").write_text(
        "interface-id,Description,name,vpc_id,addresses\n"
        'eni-1,"web, first",,,10.0.0.7 2001:db8::1\neni-2,,db,vpc-a,\n'
    )
    (tmp_path / "jsonl/interfaces.jsonl").write_text(
        "\n".join(json.dumps(row) for row in rows) + "\n\n"
    )
    columns: dict[str, list[Any]] = {
        name: [row.get(name) for row in rows] for name in (*rows[0], "name", "vpc_id")
    }
    columns["addresses"] = [["10.0.0.7", "2001:db8::1"], []]
    pq.write_table(pa.table(columns), tmp_path / "parquet/interfaces.parquet")

    read = [read_labels(str(tmp_path / kind)) for kind in ("csv", "jsonl", "parquet")]

    assert read[0] == read[1] == read[2]
    assert {key: [v.name for v in versions] for key, versions in read[0].names.items()} == {
        "eni-1": ["web, first"],
        "eni-2": ["db"],
    }
    assert set(read[0].owners) == {"10.0.0.7", "2001:db8::1"}


def test_a_spreadsheet_of_any_country_says_the_same(tmp_path: Path) -> None:
    tables = {
        "comma": 'Interface ID,Name,Addresses\neni-1,"web, first","10.0.0.7 10.0.0.8"\n',
        "semicolon": "\ufeffInterface ID;Name;Addresses\r\neni-1;web, first;10.0.0.7,10.0.0.8\r\n",
        "declared": "sep=;\nInterface ID;Name;Addresses\neni-1;web, first;10.0.0.7 10.0.0.8\n",
        "tab": "Interface ID\tName\tAddresses\neni-1\tweb, first\t10.0.0.7;10.0.0.8\n",
        "trailing": "Interface ID;Name;Addresses;;\neni-1;web, first;10.0.0.7,10.0.0.8;;\n",
    }
    for kind, text in tables.items():
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "interfaces.csv").write_bytes(text.encode())

    read = {kind: read_labels(str(tmp_path / kind)) for kind in tables}

    assert [kind for kind in tables if read[kind] != read["comma"]] == []
    assert set(read["comma"].owners) == {"10.0.0.7", "10.0.0.8"}
    assert [version.name for version in read["tab"].names["eni-1"]] == ["web, first"]


def test_two_columns_by_hand_are_enough(tmp_path: Path) -> None:
    (tmp_path / "interfaces.csv").write_text("interface_id,description\neni-1,the old printer\n")

    assert [v.name for v in read_labels(str(tmp_path)).names["eni-1"]] == ["the old printer"]


def test_no_labels_are_no_labels() -> None:
    assert read_labels(None) == LabelTables()


def test_names_fall_back_from_description_to_name_to_instance_to_type(tmp_path: Path) -> None:
    (tmp_path / "instances.csv").write_text("instance_id,name\ni-1,web-1\n")
    (tmp_path / "interfaces.csv").write_text(
        "interface_id,description,name,instance_id,interface_type\n"
        "eni-1,desc,tag,i-1,interface\n"
        "eni-2,,tag,i-1,interface\n"
        "eni-3,,,i-1,interface\n"
        "eni-4,,,i-2,natGateway\n"
        "eni-5,,,,\n"
    )

    names = read_labels(str(tmp_path)).names

    found = {key: versions[0].name for key, versions in names.items() if key.startswith("eni")}
    assert found == {
        "eni-1": "desc", "eni-2": "tag", "eni-3": "web-1", "eni-4": "natGateway", "eni-5": None,
    }  # fmt: skip


def test_names_are_data_without_control_or_bidirectional_characters(tmp_path: Path) -> None:
    hostile = "\x1b[31m=cmd\u202etxt.exe\u2066 <b>" + "x" * 400
    (tmp_path / "subnets.jsonl").write_text(
        json.dumps({"subnet_id": "subnet-1", "name": hostile}) + "\n"
    )

    (version,) = read_labels(str(tmp_path)).names["subnet-1"]

    assert version.name == ("[31m=cmdtxt.exe <b>" + "x" * 400)[:256]


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("interfaces.csv", "name\nweb\n",
         ["--labels LABELS/interfaces.csv: found columns name; expected interface_id among them; "
          "add it"]),
        ("subnets.csv", "name,cidrs\n",  # nothing but its first line
         ["--labels LABELS/subnets.csv: found columns cidrs, name; expected subnet_id among them; "
          "add it"]),
        ("vpcs.csv", "",
         ["--labels LABELS/vpcs.csv: found columns nothing; expected vpc_id among them; add it"]),
        ("vpcs.csv", "vpc_id,cidrs\nvpc-a,10.0.0.0/33\nvpc-b,10.0.0.1/16\nvpc-c,0.0.0.0/0\n",
         ["--labels LABELS/vpcs.csv line 2: cidrs: '10.0.0.0/33' does not appear to be an IPv4 or "
          "IPv6 network",
          "--labels LABELS/vpcs.csv line 3: cidrs: 10.0.0.1/16 has host bits set",
          "--labels LABELS/vpcs.csv line 4: cidrs: 0.0.0.0/0 is too wide for a VPC or subnet"]),
        ("interfaces.csv", "interface_id,addresses\neni-1,10.0.0.7 web\n",
         ["--labels LABELS/interfaces.csv line 2: addresses: 'web' is not an address"]),
        ("interfaces.csv", "interface_id,name\neni-1,a\neni-2,b\neni-1,c\n",
         ["--labels LABELS/interfaces.csv line 4: eni-1 is labelled already at interfaces.csv "
          "line 2 for the same time; keep one row, or give both valid_from and valid_to"]),
        ("instances.jsonl", '{"instance_id": "i-1"}\n{"instance_id": \n',
         ["--labels LABELS/instances.jsonl: not readable: line 2 is not a JSON object"]),
        ("subnets.csv", "subnet_id,name,name\nsubnet-1,a,b\n",
         ["--labels LABELS/subnets.csv: not readable: subnets.csv line 1 has column name twice"]),
        ("aws_ranges.csv", "cidr,service\n52.94.0.0/15,\n52.94.0.0/40,S3\n",
         ["--labels LABELS/aws_ranges.csv line 2: cidr or service is empty",
          "--labels LABELS/aws_ranges.csv line 3: cidr: '52.94.0.0/40' does not appear to be an "
          "IPv4 or IPv6 network"]),
        ("aws_ranges.json", '{"syncToken": "1"}',
         ["--labels LABELS/aws_ranges.json: not readable: aws_ranges.json: found no list of "
          "prefixes; expected AWS's ip-ranges.json"]),
        ("subnets.csv", "subnet_id,name\nsubnet-1,a,b\n",
         ["--labels LABELS/subnets.csv: not readable: subnets.csv line 2 has more cells than the "
          "first line has columns"]),
        ("instances.csv", "instance_id;name,valid_from\ni-1;web,\n",
         ["--labels LABELS/instances.csv: not readable: line 1: found commas and semicolons "
          "between the headings; expected one of them"]),
        ("instances.csv", "sep=;\ninstance_id;valid_from\ni-1;2026-01-01\n",
         ["--labels LABELS/instances.csv line 3: valid_from: '2026-01-01' is not a time with a "
          "zone"]),
        ("instances.csv", "instance_id,valid_from\ni-1,2026-01-01\n",
         ["--labels LABELS/instances.csv line 2: valid_from: '2026-01-01' is not a time with a "
          "zone"]),
    ],
)  # fmt: skip
def test_a_wrong_label_file_is_refused_with_the_line_and_the_reason(
    tmp_path: Path, file: str, text: str, expected: list[str]
) -> None:
    (tmp_path / file).write_text(text)

    assert problems(tmp_path) == expected


def test_a_table_with_its_columns_and_no_rows_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "interfaces.csv").write_text("Interface-Id,name\n")
    (tmp_path / "subnets.jsonl").write_text("")
    pq.write_table(pa.table({"vpc_id": pa.array([], pa.string())}), tmp_path / "vpcs.parquet")

    assert read_labels(str(tmp_path)) == LabelTables()


def test_every_problem_of_every_file_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "interfaces.csv").write_text("name\nweb\n")
    (tmp_path / "vpcs.csv").write_text("vpc_id,cidrs\nvpc-a,10.0.0.1/16\n")

    assert problems(tmp_path) == [
        "--labels LABELS/interfaces.csv: found columns name; expected interface_id among them; "
        "add it",
        "--labels LABELS/vpcs.csv line 2: cidrs: 10.0.0.1/16 has host bits set",
    ]


def test_aws_ranges_are_read_as_published(tmp_path: Path) -> None:
    published = {
        "prefixes": [{"ip_prefix": "52.95.128.0/21", "service": "S3", "region": "eu-west-1"}],
        "ipv6_prefixes": [{"ipv6_prefix": "2600:1f00::/24", "service": "AMAZON"}],
    }
    (tmp_path / "aws_ranges.json").write_text(json.dumps(published))

    assert [
        (network.prefix, network.first, service)
        for network, service in read_labels(str(tmp_path)).services
    ] == [(21, "345f8000", "S3"), (24, "26001f00000000000000000000000000", "AMAZON")]


def test_one_id_may_have_labels_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "interfaces.csv").write_text(
        "interface_id,name,valid_from,valid_to\n"
        "eni-1,old,,2026-01-01T00:00:00Z\n"
        "eni-1,new,2026-01-01T00:00:00Z,\n"
    )

    versions = read_labels(str(tmp_path)).names["eni-1"]

    assert [(v.name, v.valid_from, v.valid_to) for v in versions] == [
        ("old", None, 1767225600),
        ("new", 1767225600, None),
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("subnets.csv", "s\x1b[31mubnet_id,\u202ename\na,b\n", "found columns s\ufffd[31mubnet_id"),
        ("vpcs.jsonl", "[" * 100_000, "not readable: "),
        ("vpcs.jsonl", '{"vpc_id": ' + '{"a":' * 5_000, "not readable: "),
        ("aws_ranges.json", '{"prefixes": [], "ipv6_prefixes": null}', "ipv6_prefixes is no list"),
        ("interfaces.csv", "interface_id,addresses\neni-1,fe80::1%') OR true OR ('\n",
         "is not an address"),
        ("interfaces.csv", "interface_id,addresses\neni-1,\x1b]0;x\x07\n", "is not an address"),
        ("subnets.csv", "subnet_id,cidrs\nsubnet-1,fd00::%x/64\n", "has a zone"),
        ("subnets.csv", "subnet_id,cidrs\nsubnet-1,\x1b[31m/64\n", "does not appear to be"),
    ],
)  # fmt: skip
def test_hostile_labels_are_a_sentence_that_can_be_shown(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    (tmp_path / name).write_text(content)

    found = problems(tmp_path)

    assert any(sentence in problem for problem in found), found
    assert all(problem.isprintable() for problem in found)


# Found by fuzzing: a Parquet file whose pages end before their time.
_CUT_PAGES = (
    "UEFSMRUEFRIVFkwVAhUAEgAACSAFAAAAZW5pLTEVABUSFRYsFQIVEBUGFQYcNgAoBWVuaS0xGAVlbmktMRERAAAACS"
    "ACAAAAAgEBAgAVBBUYFRxMFQIVABIAAAwsCCQAADEwLjAuMC43FQAVHhUiLBUCFRAVBhUGHDYAKAgxMC4wLjAuNxgI"
    "MTAuMC4wLjcREQAAAA84AgAAAAIAAgAAAAIDAQIAFQQZXDUAGAZzY2hlbWEVBAAVDCUCGAxpbnRlcmZhY2VfaWQlAE"
    "wcAAAANQIYCWFkZHJlc3NlcxUCFQZMPAAAADUEGARsaXN0FQIAFQwlAhgHZWxlbWVudCUATBwAAAAWAhkcGSwmABwV"
    "DBk1AAYQGRgMaW50ZXJmYWNlX2lkFQIWAhaKARaSASY6JggcNgAoBWVuaS0xGAVlbmktMRERABksFQQVABUCABUAFR"
    "AVAgA8FgoZBhkmAAIAAAAmABwVDBk1AAYQGTgJYWRkcmVzc2VzBGxpc3QHZWxlbWVudBUCFgIWqAEWsAEm0gEmmgEc"
    "NgAoCDEwLjAuMC43GAgxMC4wLjAuNxERABksFQQVABUCABUAFRAVAgA8FhAZJgIAGUYAAAACAAAAFrICFgImCBbCAg"
    "AZHBgMQVJST1c6c2NoZW1hGKwCLy8vLy85Z0FBQUFRQUFBQUFBQUtBQXdBQmdBRkFBZ0FDZ0FBQUFBQkJBQU1BQUFB"
    "Q0FBSUFBQUFCQUFJQUFBQUJBQUFBQUlBQUFCd0FBQUFCQUFBQUtqLy8vOEFBQUVNRkFBQUFDQUFBQUFFQUFBQUFRQU"
    "FBQmdBQUFBSkFBQUFZV1JrY21WemMyVnpBQUFBbVAvLy85ai8vLzhBQUFFRkVBQUFBQmdBQUFBRUFBQUFBQUFBQUFR"
    "QUFBQnBkR1Z0QUFBQUFNRC8vLzhRQUJRQUNBQUdBQWNBREFBQUFCQUFFQUFBQUFBQUFRVVFBQUFBSkFBQUFBUUFBQU"
    "FBQUFBQURBQUFBR2x1ZEdWeVptRmpaVjlwWkFBQUFBQUVBQVFBQkFBQUFBQUFBQUE9ABggcGFycXVldC1jcHAtYXJy"
    "b3cgdmVyc2lvbiAyNi4wLjEZLBwAABwAAACfAgAAUEFSMQ=="
)


def test_a_parquet_file_whose_pages_are_cut_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "interfaces.parquet").write_bytes(base64.b64decode(_CUT_PAGES))

    (problem,) = problems(tmp_path)

    assert problem.startswith("--labels LABELS/interfaces.parquet: not readable: ")


def test_a_delegated_prefix_gives_each_of_its_addresses_to_the_interface(tmp_path: Path) -> None:
    (tmp_path / "interfaces.csv").write_text(
        "interface_id,vpc_id,addresses\n"
        "eni-0a,vpc-a,10.20.1.13 10.20.1.16/28\n"
        "eni-0b,vpc-a,10.20.1.32/31 2001:db8:0:1::/80\n"
    )

    labels = read_labels(str(tmp_path))

    own = {f"10.20.1.{last}" for last in (13, *range(16, 32))}
    found = {
        address: {owner.interface_id for owner in owners}
        for address, owners in labels.owners.items()
    }
    assert found == {
        **{address: {"eni-0a"} for address in own},
        **{f"10.20.1.{last}": {"eni-0b"} for last in (32, 33)},
    }
    assert set(labels.interfaces[0].addresses) == own
    assert labels.conflicts == [
        "interfaces.csv line 3: addresses: the addresses of 2001:db8:0:1::/80 are too many to be "
        "listed; they name their interface, but are not searched for where it is the subject's"
    ]
    assert [(d.network.prefix, d.owner.interface_id) for d in labels.delegated] == [(80, "eni-0b")]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("10.20.0.0/16", "'10.20.0.0/16' is too wide for a prefix of an interface"),
        ("2001:db8::/64", "'2001:db8::/64' is too wide for a prefix of an interface"),
        ("10.20.1.17/28", "'10.20.1.17/28' is not an address or a prefix"),
        ("10.20.1.16/x", "'10.20.1.16/x' is not an address or a prefix"),
    ],
)
def test_what_is_no_delegated_prefix_is_a_problem(tmp_path: Path, cell: str, said: str) -> None:
    (tmp_path / "interfaces.csv").write_text(f"interface_id,addresses\neni-0a,{cell}\n")

    assert problems(tmp_path) == [f"--labels LABELS/interfaces.csv line 2: addresses: {said}"]


@pytest.mark.parametrize("column", ["Name", "Tag:Name", "tag_name", "Tags.Name", "Name tag"])
@pytest.mark.parametrize("key", ["Subnet ID", "subnet-id", "SUBNET_ID"])
def test_a_column_may_be_spelled_as_consoles_and_exports_do(
    tmp_path: Path, column: str, key: str
) -> None:
    (tmp_path / "subnets.csv").write_text(f"{key},{column}\nsubnet-0a,apps\n")

    assert [v.name for v in read_labels(str(tmp_path)).names["subnet-0a"]] == ["apps"]


@pytest.mark.parametrize(
    ("table", "key", "heading"),
    [
        ("instances", "InstanceId", "Instance name"),
        ("instances", "instance_id", "tag:name"),
        ("instances", "Instance ID", "resourceTags/user:Name"),
        ("instances", "instance_id", "Tags.Name"),
        ("instances", "instance_id", "DisplayName"),
        ("interfaces", "NetworkInterfaceId", "NAME"),
        ("interfaces", "Network interface ID", "network_interface_name"),
        ("vpcs", "VpcId", "VPC name"),
        ("vpcs", "VPC ID", "name-tag"),
        ("subnets", "SubnetId", "Subnet-Name"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_ids_and_names_are_found_in_any_usual_spelling(
    tmp_path: Path, table: str, key: str, heading: str, kind: str
) -> None:
    file = tmp_path / f"{table}.{kind}"
    if kind == "csv":
        file.write_text(f"{key},{heading}\nid-0a,apps\n")
    elif kind == "jsonl":
        file.write_text(json.dumps({key: "id-0a", heading: "apps"}) + "\n")
    else:
        pq.write_table(pa.table({key: ["id-0a"], heading: ["apps"]}), file)

    assert [v.name for v in read_labels(str(tmp_path)).names["id-0a"]] == ["apps"]


def test_the_name_of_another_thing_is_no_name(tmp_path: Path) -> None:
    (tmp_path / "interfaces.csv").write_text(
        "interface_id,VPC name,subnet_name,group_name\neni-0a,shop,apps,ssh-open\n"
    )

    (version,) = read_labels(str(tmp_path)).names["eni-0a"]

    assert (version.name, version.group) == (None, None)


def test_the_plain_spelling_wins_and_two_others_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "vpcs.csv").write_text("vpc_id,Tag: Name,name\nvpc-a,tagged,plain\n")
    (tmp_path / "subnets.csv").write_text("subnet_id,Tag: Name,Name tag\nsubnet-a,a,b\n")

    assert problems(tmp_path) == [
        "--labels LABELS/subnets.csv: not readable: subnets.csv line 1 has column name twice"
    ]

    (tmp_path / "subnets.csv").unlink()
    assert [v.name for v in read_labels(str(tmp_path)).names["vpc-a"]] == ["plain"]


@pytest.mark.parametrize(
    ("heading", "group"),
    [
        ("group", "web"),
        ("asg", "web"),
        ("Auto_Scaling_Group", "web"),
        ("Auto Scaling Group name", "web"),  # as the console of EC2 heads it
        ("Tag: aws:autoscaling:groupName", "web"),
        ("aws:autoscaling:groupName", "web"),
        ("eks:nodegroup-name", "web"),
        ("eks:cluster-name", "web"),
        ("security_groups", None),
    ],
)
@pytest.mark.parametrize("table", ["instances", "interfaces"])
def test_a_column_tells_the_group_of_a_machine(
    tmp_path: Path, table: str, heading: str, group: str | None
) -> None:
    (tmp_path / f"{table}.csv").write_text(f"{table[:-1]}_id,{heading}\nid-0a,web\n")

    assert [v.group for v in read_labels(str(tmp_path)).names["id-0a"]] == [group]


def test_an_interface_is_in_the_group_of_its_instance(tmp_path: Path) -> None:
    (tmp_path / "instances.csv").write_text(
        "instance_id,auto_scaling_group,cluster,node_group\n"
        "i-web,web-asg,,\ni-node,,prod,workers\ni-both,eks-workers-1f,prod,workers\ni-lone,,,\n"
    )
    (tmp_path / "interfaces.csv").write_text(
        "interface_id,instance_id,cluster\n"
        "eni-web,i-web,prod\neni-node,i-node,\neni-pods,i-unknown,prod\neni-lone,i-lone,\n"
    )

    labels = read_labels(str(tmp_path))

    assert {key: versions[0].group for key, versions in labels.names.items()} == {
        "i-web": "web-asg",
        "i-node": "prod/workers",
        "i-both": "eks-workers-1f",
        "i-lone": None,
        "eni-web": "web-asg",
        "eni-node": "prod/workers",
        "eni-pods": "prod",
        "eni-lone": None,
    }
    assert next((i.interface_id, i.version.group) for i in labels.interfaces) == (
        "eni-web",
        "web-asg",
    )


@pytest.mark.parametrize(
    ("text", "taken_at"),
    [
        ('{"taken_at": "2026-11-23T02:00:00+00:00"}', "2026-11-23T02:00:00+00:00"),
        ('{"taken_at": "2026-11-23T03:00:00+01:00"}', "2026-11-23T02:00:00+00:00"),
        ('{"taken_at": "2026-11-23T02:00:00"}', None),
        ('{"taken_at": "\\u001b[2J"}', None),
        ('{"taken_at": 7}', None),
        ("[]", None),
        ("[" * 100_000, None),
        ("", None),
        (None, None),
    ],
    ids=["UTC", "another zone", "no zone", "no time", "a number", "a list", "deep", "empty",
         "no file"],
)  # fmt: skip
def test_the_age_of_labels_is_what_their_snapshot_says(
    text: str | None, taken_at: str | None, tmp_path: Path
) -> None:
    (tmp_path / "vpcs.csv").write_text("vpc_id,name\nvpc-0000001a,shop\n")
    if text is not None:
        (tmp_path / "snapshot.json").write_text(text)

    found = read_labels(str(tmp_path)).taken_at

    assert (found.isoformat() if found else None) == taken_at

"""Labels of several accounts at once, against an AWS that holds its answers back until it sees it.

An access key names its account here, so that each request tells whom it asks.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from jobs.collect_labels import main
from tests.support.http_server import served

ACCOUNTS = tuple(f"{n}" * 12 for n in range(1, 7))
REGIONS = ("sa-east-1", "eu-west-1")  # in the order of the flag, not of the alphabet
FIRST_EIGHT = [*product(ACCOUNTS[:4], REGIONS)]
WAITS_S = 30  # for what comes at once when the code is right

Home = tuple[str, str]
Answer = tuple[int, str]

_EC2 = '<{0}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{1}</{0}Response>'
_EMPTY = {
    "DescribeSubnets": "<subnetSet/>", "DescribeVpcs": "<vpcSet/>",
    "DescribeInstances": "<reservationSet/>",
    "DescribeManagedPrefixLists":
        "<prefixListSet><item><prefixListId>pl-1</prefixListId></item></prefixListSet>",
    "GetManagedPrefixListEntries": "<entrySet><item><cidr>10.0.0.0/8</cidr></item></entrySet>",
}  # fmt: skip
_STS = "<{0}Response><{0}Result>{1}</{0}Result></{0}Response>"
_ERROR = "<Response><Errors><Error><Code>{}</Code><Message>no</Message></Error></Errors></Response>"


def one_interface(home: Home, following: str = "") -> Answer:
    item = f"<item><networkInterfaceId>eni-{home[0]}-{home[1]}</networkInterfaceId></item>"
    answer = f"<networkInterfaceSet>{item}</networkInterfaceSet>{following}"
    return 200, _EC2.format("DescribeNetworkInterfaces", answer)


class Organisation:
    """An AWS with some accounts; `interfaces` answers for the interfaces of each place."""

    def __init__(self, accounts: tuple[str, ...], interfaces: Callable[[Home], Answer]) -> None:
        self.accounts = accounts
        self.assumed: list[str] = []
        self._interfaces = interfaces

    def answer(self, key: str, region: str, target: str, body: str) -> Answer:
        if target.endswith("ListAccounts"):
            listed = [{"Id": account, "Status": "ACTIVE"} for account in reversed(self.accounts)]
            return 200, json.dumps({"Accounts": listed})
        asked = {name: value[0] for name, value in parse_qs(body).items()}
        action = asked["Action"]
        if action == "GetCallerIdentity":
            me = "<Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account>"
            return 200, _STS.format(action, me)
        if action == "AssumeRole":
            account = asked["RoleArn"].split(":")[4]
            self.assumed.append(account)
            return 200, _STS.format(
                action, f"<Credentials><AccessKeyId>{account}</AccessKeyId><SecretAccessKey>s"
                "</SecretAccessKey><SessionToken>t</SessionToken>"
                "<Expiration>2126-11-24T00:00:00Z</Expiration></Credentials>",
            )  # fmt: skip
        if action == "DescribeNetworkInterfaces":
            return self._interfaces((key, region))
        return 200, _EC2.format(action, _EMPTY[action])


Serve = Callable[[tuple[str, ...], Callable[[Home], Answer]], Organisation]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts the organisation that the commands of this test find in their environment."""
    organisations: list[Organisation] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            signed = re.search(r"Credential=(\w+)/\d+/([\w-]+)/", self.headers["Authorization"])
            assert signed
            target = self.headers.get("X-Amz-Target", "")
            status, text = organisations[-1].answer(signed[1], signed[2], target, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    def begin(accounts: tuple[str, ...], interfaces: Callable[[Home], Answer]) -> Organisation:
        organisations.append(Organisation(accounts, interfaces))
        return organisations[-1]

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

    with served(Handler, Server) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield begin


def collect(folder: Path) -> int:
    flags = ["--output", str(folder), "--organization_role", "labels"]
    return main([*flags, "--regions", ",".join(REGIONS)])


def homes(folder: Path) -> list[Home]:
    """Of the table whose rows stay as they were collected; those of the others are sorted."""
    rows = map(json.loads, (folder / "prefix_lists.jsonl").read_text().splitlines())
    return [(row["account_id"], row["region"]) for row in rows]


def test_the_first_place_may_answer_last_and_still_stands_first(
    serve: Serve, tmp_path: Path
) -> None:
    """Each place waits until its successor has answered: one after another, none would answer."""
    places = [*product(ACCOUNTS[:3], REGIONS)]
    answered = {home: threading.Event() for home in places}

    def after_the_next(home: Home) -> Answer:
        later = places[places.index(home) + 1 :]
        if later and not answered[later[0]].wait(WAITS_S):
            return 400, _ERROR.format("NobodyElseAsked")
        answered[home].set()
        return one_interface(home)

    serve(ACCOUNTS[:3], after_the_next)
    assert collect(tmp_path / "backwards") == 0
    serve(ACCOUNTS[:3], one_interface)
    assert collect(tmp_path / "as they come") == 0

    assert homes(tmp_path / "backwards") == places
    backwards, as_they_come = (
        {table.name: table.read_bytes() for table in (tmp_path / name).glob("*.jsonl")}
        for name in ("backwards", "as they come")
    )
    assert backwards == as_they_come
    assert backwards.keys() == {"interfaces.jsonl", "prefix_lists.jsonl"}


def test_eight_places_are_asked_at_once_and_the_next_role_waits_for_one_of_them(
    serve: Serve, tmp_path: Path
) -> None:
    lock, eight = threading.Lock(), threading.Event()
    counts: Counter[str] = Counter()
    assumed: list[str] = []

    def held_until_eight(home: Home) -> Answer:
        with lock:
            counts["open"] += 1
            counts["most"] = max(counts["most"], counts["open"])
            if counts["open"] == 8:
                assumed.extend(aws.assumed)
                eight.set()
        came = eight.wait(WAITS_S)
        with lock:
            counts["open"] -= 1
        return one_interface(home) if came else (400, _ERROR.format("NobodyElseAsked"))

    aws = serve(ACCOUNTS, held_until_eight)
    assert collect(tmp_path) == 0

    assert counts["most"] == 8  # of twelve
    assert assumed == [*ACCOUNTS[:4]]
    assert aws.assumed == [*ACCOUNTS]
    assert homes(tmp_path) == [*product(ACCOUNTS, REGIONS)]


def test_a_failure_stops_those_at_work_and_begins_no_other(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others have a thousand pages each, and give the first of them before one fails."""
    failing = FIRST_EIGHT[2]
    others = threading.Barrier(8, timeout=WAITS_S)
    pages: Counter[Home] = Counter()

    def interfaces(home: Home) -> Answer:
        if not pages[home]:
            others.wait()
        pages[home] += 1
        if home == failing:
            return 400, _ERROR.format("InvalidParameterValue")
        following = f"<nextToken>{pages[home]}</nextToken>" if pages[home] < 1000 else ""
        return one_interface(home, following)

    aws = serve(ACCOUNTS, interfaces)
    assert collect(tmp_path / "labels") == 1

    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert "InvalidParameterValue" in line
    assert line.endswith("nothing was written")
    assert not (tmp_path / "labels").exists()
    assert aws.assumed == [*ACCOUNTS[:4]]
    assert pages.keys() == {*FIRST_EIGHT}
    assert max(pages.values()) < 1000


def test_what_is_missing_is_told_in_the_order_of_the_places(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [*product(ACCOUNTS[:3], REGIONS)]
    refused = {home: threading.Event() for home in places}

    def refused_backwards(home: Home) -> Answer:
        later = places[places.index(home) + 1 :]
        in_time = not later or refused[later[0]].wait(WAITS_S)
        refused[home].set()
        return 403, _ERROR.format("UnauthorizedOperation" if in_time else "NobodyElseAsked")

    serve(ACCOUNTS[:3], refused_backwards)
    assert collect(tmp_path) == 0

    missing = [line for line in capsys.readouterr().out.splitlines() if line.startswith("missing")]
    assert [line.split(": ec2:")[0] for line in missing] == [
        f"missing: account {account}, {region}" for account, region in places
    ]

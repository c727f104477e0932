"""Answers as tables of the report: rows in few columns, peers by ports, days by hours."""

import re
from collections.abc import Mapping, Sequence

from jobs.output.report_units import shown_number
from transforms.network.protocols import service_name
from transforms.questions.catalogue import Answer
from transforms.questions.question import ROWS_NAMED
from transforms.text import sanitise
from transforms.vocabulary import Outcome, Standing
from transforms.wording import count_of, number_of, peer_of

ROWS_SHOWN = 10
_OUTCOME_COLUMNS = tuple(outcome.lower() for outcome in Outcome)
_MOST_PORTS, _MOST_DAYS = 12, 31
_LETTERS = {Outcome.BLOCKED_DST: "T", Outcome.BLOCKED_SRC: "S"}
_STANDINGS: list[object] = [
    *(standing.value for standing in Standing if standing is not Standing.ORDINARY),
    None,
    Standing.ORDINARY.value,
]


def answer_for_report(answer: Answer) -> dict[str, object]:
    """An answer as the template shows it."""
    parameters = ", ".join(f"{name} {value}" for name, value in answer.parameters.items())
    table = _table(answer)
    contents = [_counted(answer)] if answer.rows else []
    if answer.figures:
        contents.append(count_of(len(answer.figures), "figure", "figures"))
    return {
        "id": answer.question.id,
        "title": answer.question.title,
        "figures": [(name, *shown_number(name, value)) for name, value in answer.figures.items()],
        "values": answer.figures,
        "rule": answer.rule,
        "source": answer.source,
        "parameters": parameters,
        "verdict": sanitise(answer.verdict),
        "sentence": sanitise(answer.sentence, 1000),
        "contents": ", ".join([*contents, "rule and SQL"]).capitalize().replace("sql", "SQL"),
        "table": table,
    }


def _table(answer: Answer) -> dict[str, object]:
    """The first rows by standing, and where the others are."""
    first = by_standing(answer.rows)[:ROWS_SHOWN]
    shown = [_narrow(row) for row in first]
    everything = list(dict.fromkeys(name for row in shown for name in row))
    zero = [name for name in everything if all(_is_zero(row.get(name)) for row in shown)]
    columns = [name for name in everything if name not in zero]
    rest = len(answer.rows) - len(shown)
    return {
        "columns": [name.replace("_", " ") for name in columns],
        "rows": [[_cell(name, row.get(name)) for name in columns] for row in shown],
        "zero": [name.replace("_", " ") for name in zero],
        "rest": rest,
        "is_cut": len(answer.rows) >= ROWS_NAMED,
    }


def _is_zero(value: object) -> bool:
    return value == 0 and isinstance(value, int) and not isinstance(value, bool)


def _counted(answer: Answer) -> str:
    found = len(answer.rows)
    if found <= ROWS_SHOWN:
        return count_of(found, "row", "rows")
    or_more = " or more" if found >= ROWS_NAMED else ""
    return f"first {ROWS_SHOWN} of {found:,}{or_more} rows"


def by_standing(rows: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """What is out of the ordinary first, else in the order of the answer."""
    if not any("standing" in row for row in rows):
        return list(rows)
    return sorted(rows, key=lambda row: _STANDINGS.index(row.get("standing")))


def _narrow(row: Mapping[str, object]) -> dict[str, object]:
    """A row in fewer columns: the peer with its name, outcomes that there were in one cell."""
    outcomes = [name for name in _OUTCOME_COLUMNS if name in row]
    counted = ", ".join(f"{name} {row[name]}" for name in outcomes if row[name])
    shown: dict[str, object] = {}
    for name, value in row.items():
        if name == "peer":
            shown["peer"] = peer_of(row) if value else None
        elif name == "service_port" and "protocol" in row:
            shown["service"] = service_name(row["protocol"], value)
        elif name == "protocol" and "service_port" in row:
            continue
        elif outcomes and name == outcomes[0]:
            shown["outcomes"] = counted.replace("_", " ")
        elif name not in outcomes and name not in ("peer_name", "peer_vpc_name"):
            shown[name.removeprefix("peer_").removesuffix("_name")] = value
    return shown


def _cell(name: str, value: object) -> dict[str, object]:
    if value is None:
        return {"text": "", "exact": "", "kind": "text"}
    if isinstance(value, int) and not isinstance(value, bool):
        shown = shown_number(name, value)
        return {"text": shown.text, "exact": shown.exact, "kind": "n"}
    if isinstance(value, list):
        text = sanitise(" ".join(map(str, value)))
    elif found := re.fullmatch(r"\d{4}-(\d\d-\d\d)T(\d\d:\d\d:\d\d)\.000Z", str(value)):
        return {"text": f"{found[1]} {found[2]}", "exact": str(value), "kind": "n"}
    else:
        text = sanitise(value)
    return {"text": text, "exact": "", "kind": "text"}


def peer_matrix(answer: Answer) -> dict[str, object]:
    """Peers by service ports: the first peers by standing, the ports that most of them have."""
    in_order = by_standing(answer.rows)
    everyone = list(dict.fromkeys(str(row["peer"]) for row in in_order))
    peers = everyone[:ROWS_SHOWN]
    counted: dict[object, int] = {}
    for row in in_order:
        if row["peer"] in peers:
            port = row.get("service_port")
            counted[port] = counted.get(port, 0) + 1
    ports = sorted(sorted(counted, key=lambda port: -counted[port])[:_MOST_PORTS], key=str)
    cells = {(row["peer"], row.get("service_port")): row for row in reversed(in_order)}
    names = {str(row["peer"]): peer_of(row) for row in in_order}
    rows = [
        {
            "peer": sanitise(names[peer], 60),
            "cells": [_square(port, cells.get((peer, port))) for port in ports],
        }
        for peer in peers
    ]
    shown = sum((peer, port) in cells for peer in peers for port in ports)
    return {
        "rows": rows,
        "ports": [_port(port) for port in ports],
        "rest": answer.figures.get("services", shown) - shown,
        "source": answer.question.id,
    }


def _port(port: object) -> str:
    return str(port) if port else "no port"


def _square(port: object, row: Mapping[str, object] | None) -> dict[str, object] | None:
    if row is None:
        return None
    outcome = Outcome(str(row["outcome"]))
    letter = _LETTERS.get(outcome, outcome[0])
    is_usual = row.get("standing") == Standing.ORDINARY
    return {"look": "usual" if is_usual else outcome.value, "letter": letter, "port": _port(port),
            "attempts": number_of(row, "attempts")}  # fmt: skip


def hour_matrix(answer: Answer) -> dict[str, object]:
    """Days by hours, darker for more conversations."""
    most = max((number_of(row, "conversations") for row in answer.rows), default=1)
    days: dict[str, dict[int, int]] = {}
    for row in answer.rows:
        at = str(row["hour"])
        days.setdefault(at[:10], {})[int(at[11:13])] = number_of(row, "conversations")
    return {
        "source": answer.question.id,
        "days": [
            {
                "day": day,
                "cells": [
                    {"hour": hour, "number": found.get(hour, 0),
                     "heat": -(-4 * found.get(hour, 0) // most)}
                    for hour in range(24)
                ],
            }
            for day, found in sorted(days.items())[:_MOST_DAYS]
        ],
        "rest": max(0, len(days) - _MOST_DAYS),
    }  # fmt: skip

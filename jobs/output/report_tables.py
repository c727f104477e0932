"""Answers as tables of the report: rows in few columns, peers by ports, days by hours."""

import re
from collections.abc import Mapping

from transforms.network.protocols import service_name
from transforms.questions.catalogue import Answer
from transforms.questions.question import ROWS_NAMED
from transforms.text import sanitise
from transforms.vocabulary import Outcome
from transforms.wording import peer_of

_OUTCOME_COLUMNS = tuple(outcome.lower() for outcome in Outcome)
_MOST_PEERS, _MOST_PORTS, _MOST_DAYS = 40, 20, 31
_LETTERS = {Outcome.BLOCKED_DST: "T", Outcome.BLOCKED_SRC: "S"}


def answer_for_report(answer: Answer) -> dict[str, object]:
    """An answer as the template shows it."""
    shown = [_narrow(row) for row in answer.rows]
    columns = list(dict.fromkeys(name for row in shown for name in row))
    rows = [[_cell(row.get(name)) for name in columns] for row in shown]
    parameters = ", ".join(f"{name} {value}" for name, value in answer.parameters.items())
    return {
        "id": answer.question.id,
        "title": answer.question.title,
        "figures": answer.figures,
        "rule": answer.rule,
        "source": answer.source,
        "parameters": parameters,
        "verdict": sanitise(answer.verdict),
        "sentence": sanitise(answer.sentence, 1000),
        "table": {"columns": columns, "rows": rows, "more": len(rows) >= ROWS_NAMED},
    }


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
            shown["outcomes"] = counted
        elif name not in outcomes and name not in ("peer_name", "peer_vpc_name"):
            shown[name.removeprefix("peer_").removesuffix("_name").replace("_", " ")] = value
    return shown


def _cell(value: object) -> dict[str, object]:
    if value is None:
        return {"text": "", "kind": "text"}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"text": f"{value:,}", "kind": "n"}
    if isinstance(value, list):
        return {"text": sanitise(" ".join(map(str, value))), "kind": "text"}
    if found := re.fullmatch(r"\d{4}-(\d\d-\d\d)T(\d\d:\d\d:\d\d)\.000Z", str(value)):
        return {"text": f"{found[1]} {found[2]}", "kind": "n"}
    return {"text": sanitise(value), "kind": "text"}


def peer_matrix(answer: Answer) -> dict[str, object]:
    """Peers by service ports; the foremost ones, in the order of the answer."""
    peers = list(dict.fromkeys(str(row["peer"]) for row in answer.rows))[:_MOST_PEERS]
    counted: dict[object, int] = {}
    for row in answer.rows:
        if row["peer"] in peers:
            counted[row["service_port"]] = counted.get(row["service_port"], 0) + 1
    ports = sorted(sorted(counted, key=lambda port: -counted[port])[:_MOST_PORTS], key=str)
    cells = {(row["peer"], row["service_port"]): row for row in reversed(answer.rows)}
    names = {str(row["peer"]): peer_of(row) for row in answer.rows}
    rows = [
        {
            "peer": sanitise(names[peer], 60),
            "cells": [_square(cells.get((peer, port))) for port in ports],
        }
        for peer in peers
    ]
    shown = sum((peer, port) in cells for peer in peers for port in ports)
    return {
        "rows": rows,
        "ports": ports,
        "left": answer.figures.get("services", shown) - shown,
        "source": answer.question.id,
    }


def _square(row: Mapping[str, object] | None) -> dict[str, object] | None:
    if row is None:
        return None
    outcome = Outcome(str(row["outcome"]))
    letter = _LETTERS.get(outcome, outcome[0])
    return {"outcome": outcome, "letter": letter, "attempts": row["attempts"]}


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
                    {
                        "text": f"{n:,}" if (n := found.get(hour, 0)) else "",
                        "heat": -(-4 * n // most),
                    }
                    for hour in range(24)
                ],
            }
            for day, found in sorted(days.items())[:_MOST_DAYS]
        ],
    }


def number_of(row: Mapping[str, object], name: str) -> int:
    """A number of a row of JSON."""
    return int(str(row[name]))

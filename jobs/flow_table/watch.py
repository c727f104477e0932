"""The watch of a flow table: what is new and suspicious of listed instances, told once.

After a run each instance is judged over the time of the objects that came since it was judged last,
against the days before, from the table alone. What is new is told first and noted then: a run that
is killed anywhere before loses nothing, as the next one judges the same time again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from pyspark.sql import SparkSession

from jobs.cli import argument_values as values
from jobs.cli.ingest_arguments import IngestArguments
from jobs.errors import BadInput
from jobs.evidence.case_lock import CaseLock
from jobs.flow_table import watched as notes
from jobs.flow_table.tables import FlowTable
from jobs.flow_table.watch_cases import judged_over, time_of
from jobs.output.run_copy import show_copy, store_copy
from jobs.output.watch_lines import NOTICE, JudgedInstance, Watched, json_lines, notice_of
from jobs.sources.labels import read_label_files
from jobs.sources.side_rows import remove_below
from jobs.storage.object_store import place_of
from transforms.label.instances import LabelledInstances
from transforms.label.tables import LabelTables
from transforms.network.ranges import Span

# Where the readings of an instance are while it is judged.
_SCRATCH = "watch"


@dataclass(frozen=True, kw_only=True)
class WatchList:
    """Names by instance id, and what the list has that nobody knows, with the reason."""

    names: Mapping[str, str | None]
    unknown: tuple[tuple[str, str], ...] = ()


def read_watch_list(arguments: IngestArguments) -> WatchList:
    """The listed instances by their ids; raises BadInput where the labels cannot be read.

    Who is not known is no reason to stop: labels may be older than an instance.
    """
    files = read_label_files(arguments.labels)
    labelled = LabelledInstances(files.tables if files else {})
    span = Span(arguments.window.from_s, arguments.window.to_s)
    names: dict[str, str | None] = {}
    unknown: list[tuple[str, str]] = []
    for given in arguments.watched:
        instance_id, problems = given, list(labelled.unknown([given]))
        if not values.is_instance_id(given):
            found, problems = labelled.ids_of([given], span)
            instance_id = found.get(given, given)
        if problems:
            unknown.append((given, problems[0]))
        else:
            names[instance_id] = labelled.name_of(instance_id, span)
    return WatchList(names=names, unknown=tuple(unknown))


def begin_watch(spark: SparkSession, table: FlowTable, listed: WatchList, run_id: str) -> None:
    """Note who is listed for the first time: what comes from now on is judged.

    Before the run adds anything, so that nothing is lost where it is killed once it is complete.
    Only for who holds the table's lock.
    """
    remove_below(place_of(table.table(_SCRATCH)))
    known = notes.last_judged(table)
    if new := [each for each in listed.names if each not in known]:
        number = notes.last_run(table)
        notes.add_runs(spark, table, [_noted(each, number, run_id) for each in new])


def watch(
    spark: SparkSession, arguments: IngestArguments, table: FlowTable, labels: LabelTables,
    listed: WatchList, lock: CaseLock, *, run_id: str, now: datetime,
    tell: Callable[[str], None],
) -> Watched:  # fmt: skip
    """Judge the list over what has come since, tell what is new, line by line, then note it.

    Only for who holds the table's lock, once the run is complete.
    """
    last, since = notes.last_run(table), notes.last_judged(table)
    due = sorted((since[each], each) for each in listed.names if since[each] < last)
    told = notes.told_of(table, (each for _, each in due))
    judged: list[JudgedInstance] = []
    not_judged = [*listed.unknown]
    for number, group in groupby(due, key=lambda each: each[0]):
        ids = [each for _, each in group]
        runs = [run for run in table.runs() if run.number > number]
        window = time_of(spark, table, runs, arguments.window.slack, now)
        try:
            if window is not None:
                judged += judged_over(
                    spark, arguments, table, labels, {each: listed.names[each] for each in ids},
                    told, window, scratch=table.table(f"{_SCRATCH}/{run_id}/{number}"),
                    run_id=run_id, now=now,
                )  # fmt: skip
        except BadInput as bad:
            not_judged += [(each, bad.problems[0]) for each in ids]
    found = Watched(
        run_id=run_id,
        flow_table=table.uri,
        judged=tuple(judged),
        not_judged=tuple(not_judged),
        waiting=len(listed.names) - len(judged) - len(not_judged) + len(listed.unknown),
    )
    lock.check()
    for line in json_lines(found):
        tell(line)
    _store_notice(table, found)
    _note(spark, table, found, last, told_at=now)
    remove_below(place_of(table.table(_SCRATCH)))
    return found


def _store_notice(table: FlowTable, found: Watched) -> None:
    """The notice of this run as `notice.json`; one that tells something is kept under its id."""
    name = f"notices/{found.run_id}.json" if found.told else NOTICE
    store_copy(table.uri, name, (json.dumps(notice_of(found), indent=1) + "\n").encode())
    if name != NOTICE:
        show_copy(table.uri, name, NOTICE)


def _note(
    spark: SparkSession, table: FlowTable, found: Watched, last: int, *, told_at: datetime
) -> None:
    """What was told first: where the second commit is missing, the time is judged once more."""
    rows = [(each.instance_id, row) for each in found.judged for row in each.rows]
    notes.add_told(spark, table, rows, told_at=told_at, run_id=found.run_id)
    notes.add_runs(
        spark, table, [_noted(each.instance_id, last, found.run_id, each) for each in found.judged]
    )


def _noted(
    instance_id: str, number: int, run_id: str, judged: JudgedInstance | None = None
) -> dict[str, Any]:
    """A row of `watch_runs`; of an instance that is only listed without `judged`."""
    return {
        "instance_id": instance_id,
        "number": number,
        "from_at": judged.window.from_at if judged else None,
        "to_at": judged.window.to_at if judged else None,
        "coverage": judged.coverage if judged else None,
        "told": len(judged.rows) + judged.left_out if judged else 0,
        "run_id": run_id,
    }

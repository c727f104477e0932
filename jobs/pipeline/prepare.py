"""Before Spark starts: read finding and labels, list objects, try the sinks."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from jobs.cli.arguments import NOT_GIVEN, Arguments
from jobs.errors import Problems
from jobs.evidence.manifest_file import check_manifest
from jobs.evidence.run_id import new_run_id
from jobs.evidence.signature import check_signing
from jobs.flow_table.listed import listed_by
from jobs.flow_table.tables import FlowTable
from jobs.opensearch.preflight import check_reachable
from jobs.pipeline.baseline import baseline_window
from jobs.pipeline.case import Case
from jobs.pipeline.prefixes import homes_of, may_lack_objects, prefixes_of
from jobs.pipeline.whom import read_whom
from jobs.sources.listing import Listing, list_objects
from jobs.storage.aws_access import check_role
from jobs.storage.delta_sink import check_tables, check_writable
from transforms.scan.prefixes import Home
from transforms.subject.identity import resolve_subject


def prepare(arguments: Arguments, now: datetime) -> Case:
    """The case as it is known before Spark starts; raises BadInput with all problems at once."""
    problems = Problems()
    run_id = new_run_id(now)
    prefixes, listing, baseline = arguments.flow_logs, Listing((), ()), None
    whom = read_whom(arguments, now, problems)
    arguments = whom.arguments
    findings = [each.finding for each in whom.findings]
    subject = resolve_subject(
        arguments.instance_ids,
        arguments.interface_ids,
        arguments.addresses,
        arguments.vpc_id,
        whom.labels,
        whom.only.finding if whom.only else None,
    )
    with problems.collect():
        _check_places(arguments)
    with problems.collect():
        if arguments.opensearch is not None:
            check_reachable(
                arguments.opensearch,
                arguments.case_ids,
                run_id=None if arguments.dry_run else run_id,
            )
    with problems.collect():
        if not arguments.dry_run:
            check_signing(arguments.sign_with)
    with problems.collect():
        if NOT_GIVEN not in (arguments.window.from_at, arguments.window.to_at):
            check_role(arguments.access.role_arn)
            homes = homes_of(subject, whom.labels, findings)
            prefixes, listing, baseline = _listed(arguments, homes)
    problems.raise_if_any()
    return Case(
        arguments=arguments,
        prefixes=prefixes,
        labels=whom.labels,
        subject=subject,
        listing=listing,
        run_id=run_id,
        started_at=now,
        finding=whom.only,
        findings=whom.findings,
        instance_names=whom.instance_names,
        baseline_listing=baseline,
    )


def _listed(
    arguments: Arguments, homes: Sequence[Home]
) -> tuple[tuple[str, ...], Listing, Listing | None]:
    """The prefixes of these homes, and what lies there of the window and of the days before it."""
    if arguments.is_listed_by_table:
        return (), *_listed_by_table(arguments)
    prefixes = prefixes_of(arguments.flow_logs, homes)
    empty = may_lack_objects(arguments.flow_logs, homes)
    listed = partial(list_objects, access=arguments.access, may_lack=empty)
    listing = listed(prefixes, arguments.window, arguments.object_list)
    if not arguments.question_options.baseline_days:
        return prefixes, listing, None
    before = baseline_window(arguments)
    return prefixes, listing, listed(prefixes, before, may_be_empty=True)


def _listed_by_table(arguments: Arguments) -> tuple[Listing, Listing | None]:
    """What the flow table has of the window, and of the days before it."""
    has_baseline = bool(arguments.question_options.baseline_days)
    windows = [arguments.window, *([baseline_window(arguments)] if has_baseline else [])]
    table = FlowTable(arguments.flow_table or "")
    listing, *before = listed_by(table, *windows, access=arguments.access)
    return listing, before[0] if before else None


def _check_places(arguments: Arguments) -> None:
    """Raise BadInput with everything that is in the way of tables and manifests."""
    problems = Problems()
    with problems.collect():
        if arguments.flow_table is not None:
            FlowTable(arguments.flow_table).check()
    with problems.collect():
        if not arguments.dry_run:
            check_writable(arguments.output)
        _check_cases(arguments.case_uris)
    problems.raise_if_any()


def _check_cases(case_uris: Sequence[str]) -> None:
    """Raise BadInput with everything that lies where the tables and manifests will go."""
    problems = Problems()
    for case_uri in case_uris:
        with problems.collect():
            check_tables(case_uri)
            check_manifest(case_uri)
    problems.raise_if_any()

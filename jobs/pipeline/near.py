"""The further readings of a path: what machines beside the subject did, in window and baseline."""

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession

from jobs.pipeline.baseline import BaselineRead, baseline_window
from jobs.pipeline.case import Case
from jobs.pipeline.conversations import Conversations
from jobs.pipeline.first_sign import FirstSign
from jobs.pipeline.levels import Path, Start
from jobs.pipeline.path import follow
from jobs.pipeline.prefixes import ListingOfPath
from jobs.pipeline.read_flows import FlowsRead, read_flows, recorded_in
from jobs.pipeline.scan import ReadingPlan
from jobs.spark.frames import computed, release
from jobs.spark.phases import Phases
from jobs.spark.session import for_few_rows
from transforms.conversations.build import conversations_of
from transforms.questions.options import Thresholds
from transforms.standing.history import History, recorded_by_hour
from transforms.subject.identity import Subject, together
from transforms.subject.machines import Machine
from transforms.vocabulary import Reading


class NearReadings:
    """Reads, one after the other, into folders of the case; each reading has its books."""

    def __init__(
        self, spark: SparkSession, case: Case, phases: Phases, thresholds: Thresholds
    ) -> None:
        self._spark, self._case, self._phases = spark, case, phases
        self._thresholds = thresholds
        self.reads: list[FlowsRead] = []
        self._held: list[DataFrame] = []
        window = case.arguments.window
        if case.baseline_listing is not None:
            window = window._replace(from_at=baseline_window(case.arguments).from_at)
        self._window = window
        self.listing = ListingOfPath(case, window)

    def read(self, number: int, machines: Sequence[Machine]) -> tuple[DataFrame, History]:
        """The conversations of these machines, and how far back their records go."""
        plan = self._plan(number, machines)
        read = read_flows(self._spark, self._case, plan, self._phases)
        self.reads.append(read)
        with (
            self._phases.phase(f"path {number} conversations"),
            for_few_rows(self._spark, read.is_small),
        ):
            frame = conversations_of(
                read.flows,
                [address for machine in machines for address in machine.subject.addresses],
                self._thresholds.rules(),
                are_several=True,
                recorded=recorded_in(plan.window, read),
            )
            recorded = recorded_by_hour(read.flows, read.aggregation_s).collect()
            conversations = computed(frame, read.is_small)
        self._held.append(conversations)
        return conversations, History(recorded)

    def release(self) -> None:
        """Give back what was kept in memory for the readings."""
        for read in self.reads:
            read.release()
        release(self._held)

    def _plan(self, number: int, machines: Sequence[Machine]) -> ReadingPlan:
        return ReadingPlan(
            reading=Reading.of_path(number),
            window=self._window,
            listing=self.listing.of(machines),
            subject=together([machine.subject for machine in machines]),
            may_widen=False,
        )


def follow_path(
    spark: SparkSession, case: Case, readings: NearReadings, *, window: FlowsRead,
    conversations: Conversations, baseline: BaselineRead | None, sign: FirstSign,
    thresholds: Thresholds,
) -> Path:  # fmt: skip
    """The path from the subject of the case, from the first sign on."""
    span = case.arguments.window
    recorded = History(recorded_by_hour(window.flows, window.aggregation_s).collect())
    if baseline is not None:
        recorded = recorded.together(baseline.recorded)
    moment_s = span.from_s if sign.at_s is None else sign.at_s
    start = Start(
        subject=window.subject,
        name=name_of_subject(case),
        conversations=conversations.frame,
        before=baseline.conversations if baseline else None,
        from_s=span.from_s,
        moment_s=moment_s,
        has_sign=sign.at_s is not None,
        contact_s=sign.contact_s,
        history_h=recorded.hours_before(window.subject.interface_ids, moment_s),
        is_small=conversations.is_small,
    )
    path = follow(
        spark, start, case.labels, (span.from_s, span.to_s), case.arguments.question_options,
        thresholds, readings.read,
    )  # fmt: skip
    unlisted = tuple(readings.listing.unlisted.items())
    return replace(path, followed=replace(path.followed, unlisted=unlisted))


def name_of_subject(case: Case) -> str | None:
    """The name of the first instance, else of an interface by labels; None where nobody says it."""
    named = (case.instance_names.get(each) for each in case.subject.instance_ids)
    of_interfaces = (
        interface.version.name
        for interface in case.labels.interfaces
        if interface.interface_id in case.subject.interface_ids
    )
    return next(filter(None, (*named, *of_interfaces)), None)


def shown_name(case: Case, subject: Subject) -> str:
    """What a person calls the subject: its name, else the first id or address of it."""
    return name_of_subject(case) or next(iter(subject.names()), "the subject")

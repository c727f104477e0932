"""The commands that an installed wheel puts on the path: those that start without Spark."""

import sys

from jobs import collect_labels as labels
from jobs import explain_case, export_case, note_case
from jobs.submit import launch


def collect_labels() -> int:
    """`vpc-flow-labels`: see jobs.collect_labels."""
    return labels.main(sys.argv[1:])


def submit() -> int:
    """`vpc-flow-submit`: see jobs.submit.launch."""
    return launch.main(sys.argv[1:])


def explain() -> int:
    """`vpc-flow-explain`: see jobs.explain_case."""
    return explain_case.main(sys.argv[1:])


def export() -> int:
    """`vpc-flow-export`: see jobs.export_case."""
    return export_case.main(sys.argv[1:])


def note() -> int:
    """`vpc-flow-note`: see jobs.note_case."""
    return note_case.main(sys.argv[1:])

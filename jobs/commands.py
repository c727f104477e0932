"""The commands that an installed wheel puts on the path: those that start without Spark."""

import sys

from jobs import collect_labels as labels
from jobs.submit import launch


def collect_labels() -> int:
    """`vpc-flow-labels`: see jobs.collect_labels."""
    return labels.main(sys.argv[1:])


def submit() -> int:
    """`vpc-flow-submit`: see jobs.submit.launch."""
    return launch.main(sys.argv[1:])

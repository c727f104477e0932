"""How old labels are, told for a run at 10:00 over the day before."""

from datetime import UTC, datetime, timedelta

import pytest

from transforms.label.age import age_of_labels
from transforms.window import Window

RUN = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
DAY = Window(
    datetime(2026, 11, 23, 0, 0, tzinfo=UTC), datetime(2026, 11, 24, 0, 0, tzinfo=UTC), timedelta(0)
)


@pytest.mark.parametrize(
    ("uri", "taken_at", "told"),
    [
        pytest.param(
            "s3://a/labels", datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
            "collected 2026-11-24 09:30:00 UTC, 30 min before this run",
            id="after the window",
        ),
        pytest.param(
            "s3://a/labels", datetime(2026, 11, 23, 21, 0, tzinfo=UTC),
            "collected 2026-11-23 21:00:00 UTC, 13.0 h before this run; the last 3.0 h of the "
            "window are newer",
            id="within the window",
        ),
        pytest.param(
            "s3://a/labels", datetime(2026, 11, 24, 10, 5, tzinfo=UTC),
            "collected 2026-11-24 10:05:00 UTC, 5 min after the start of this run",
            id="by a clock that is ahead",
        ),
        pytest.param(
            "labels", None,
            "of unknown age: beside them is no snapshot.json of collect_labels",
            id="made by hand",
        ),
        pytest.param(
            None, None, "none were given: ids and addresses have no names", id="no labels"
        ),
    ],
)  # fmt: skip
def test_the_age_of_labels_is_a_sentence(
    uri: str | None, taken_at: datetime | None, told: str
) -> None:
    assert age_of_labels(uri, taken_at, started_at=RUN, window=DAY) == told

"""The id of a run, by which everything that it wrote is told apart."""

import secrets
from datetime import UTC, datetime


def new_run_id(now: datetime) -> str:
    """When it began, and four digits that another run of the same second has not; in the form of
    `patterns.RUN_ID`.
    """
    return f"{now.astimezone(UTC):%Y%m%dt%H%M%Sz}-{secrets.token_hex(2)}"

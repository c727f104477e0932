"""An inventory from an aggregator of AWS Config: every account and region, no role in any of them.

It knows what AWS Config records, some minutes late, and no entries of prefix lists.
Source: AWS Config API, SelectAggregateResourceConfig.
"""

import json
import logging
from collections.abc import Iterator

import boto3

from jobs.sources.inventory import CONFIG_KINDS, RETRIES, allowed
from transforms.label.history import Cells
from transforms.scan.prefixes import home_of

logger = logging.getLogger(__name__)


def aggregated(name: str, region: str) -> tuple[dict[str, list[Cells]], set[tuple[str, str]]]:
    """The rows by table, and the accounts and regions that they are of.

    Raises Missing where the query is not allowed.
    """
    session = boto3.Session(region_name=region)
    client = session.client("config", config=RETRIES)
    pages = client.get_paginator("select_aggregate_resource_config")
    tables: dict[str, list[Cells]] = {}
    places: set[tuple[str, str]] = set()
    for table, (kind, row) in CONFIG_KINDS.items():
        expression = f"SELECT accountId, awsRegion, configuration WHERE resourceType = '{kind}'"
        answers = pages.paginate(Expression=expression, ConfigurationAggregatorName=name)
        where: Cells = {"account_id": "of the aggregator", "region": region}
        tables[table] = rows = []
        for result in _results(allowed(answers, "config:SelectAggregateResourceConfig", where)):
            home = home_of(result.get("accountId"), result.get("awsRegion"))
            if home is None:
                raise ValueError(f"the aggregator {name} answered a resource without its account")
            places.add(home)
            rows.append({**row(result["configuration"]), **home._asdict()})
        logger.info("call=config aggregator=%s table=%s rows=%d", name, table, len(rows))
    return tables, places


def _results(pages: Iterator[dict[str, list[str]]]) -> Iterator[dict[str, dict[str, object]]]:
    for page in pages:
        yield from map(json.loads, page["Results"])

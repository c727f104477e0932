"""`make dashboards`: import the panels into a running OpenSearch Dashboards.

OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD of the environment are used where they are set, and
OPENSEARCH_CA names the file of a private authority.
"""

import argparse
import base64
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from demo.dashboards import FILE, as_ndjson, saved_objects
from jobs.cli.argument_values import is_loopback
from jobs.cli.main import run_main
from jobs.evidence.exported_case import facts_of
from jobs.evidence.open_case import case_at


def import_objects(url: str, text: str) -> list[str]:
    """Import into OpenSearch Dashboards at this URL; what failed, as sentences.

    The answer is 200 even when objects fail; `success` in it tells.
    """
    boundary = uuid.uuid4().hex
    body = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="file"; filename="dashboards.ndjson"\r\n'
        f"Content-Type: application/ndjson\r\n\r\n{text}\r\n--{boundary}--\r\n"
    ).encode()
    request = urllib.request.Request(
        f"{url.rstrip('/')}/api/saved_objects/_import?overwrite=true", data=body, method="POST"
    )
    request.add_header("osd-xsrf", "true")
    request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
    if not request.full_url.startswith("https:") and not is_loopback(str(urlsplit(url).hostname)):
        return [f"found {url}; expected https://, as plain http is for loopback"]
    if user := os.environ.get("OPENSEARCH_USERNAME"):
        pair = f"{user}:{os.environ.get('OPENSEARCH_PASSWORD', '')}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    authority = os.environ.get("OPENSEARCH_CA")
    try:
        with urllib.request.urlopen(
            request, timeout=60, context=ssl.create_default_context(cafile=authority)
        ) as response:
            answer = json.load(response)
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        return [f"found nothing at {url} that takes saved objects ({error})"]
    if answer.get("success"):
        return []
    return [
        f"{failed.get('type')} {failed.get('id')}: {failed.get('error', {}).get('type')}"
        for failed in answer.get("errors", [])
    ] or ["the import failed, and no reason was given"]


def _objects_of(case_uri: str | None) -> list[dict[str, Any]]:
    """Those of the case in this folder, with its window; raises BadInput where it holds none."""
    if case_uri is None:
        return saved_objects()
    facts = facts_of(case_at(case_uri))
    return saved_objects(facts.case_id, (facts.from_at, facts.to_at))


def main(argv: Sequence[str]) -> int:
    """Write the file, or import it; 1 when anything was not imported."""
    parser = argparse.ArgumentParser(prog="dashboards", description=__doc__, allow_abbrev=False)
    parser.add_argument("--write", action="store_true", help="make the file in conf/ again")
    parser.add_argument("--url", help="OpenSearch Dashboards, such as http://127.0.0.1:5601")
    parser.add_argument("--case", help="show one case, by its folder; left out: all cases")
    given = parser.parse_args(argv)
    if given.write:
        FILE.write_text(as_ndjson(saved_objects()))
    if not given.url:
        return 0
    failed = import_objects(given.url, as_ndjson(_objects_of(given.case)))
    for sentence in failed:
        print(f"error: {sentence}", file=sys.stderr)
    if not failed:
        print(f"Imported into {given.url}; open the dashboard 'VPC Flow Trace: one case'")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run_main(main, sys.argv[1:]))

"""JSON of a finding: each key once, and not too deep."""

import json
from collections import Counter

from transforms.text import quoted

MAX_BYTES = 1_000_000


class BadFinding(ValueError):
    """What stands in a file of findings cannot be worked with; one sentence for each problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def parsed(text: str) -> object:
    """The value. Raises ValueError for what is no JSON, BadFinding for a key twice or too deep."""
    try:
        return json.loads(text, object_pairs_hook=_with_keys_once)
    except RecursionError:
        raise BadFinding("found JSON nested too deeply; expected a GuardDuty finding") from None


def _with_keys_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object, where each key stands once: readers differ in which of two they believe."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise BadFinding(f"found the key {quoted(twice)} twice in one object; expected it once")
    return found

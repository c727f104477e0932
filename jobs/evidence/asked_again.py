"""What the questions of a stored case depended on, by its manifest and the answer's parameters."""

from collections.abc import Mapping
from typing import Any

from jobs.evidence import stored_fields as fields
from jobs.evidence.stored_case import StoredCase
from transforms.network.addresses import canonical
from transforms.questions.context import NO_FINDING, Baseline, FindingSigns, QuestionContext
from transforms.questions.expected import ExpectedPeer, expected_peer
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.standing.path import Followed

# That there was one is all that the text of a statement depends on.
_SOME_BASELINE = Baseline(0, None, 0, 0, 0, is_enough=False)


def context_of(case: StoredCase, parameters: Mapping[str, str]) -> QuestionContext:
    """What the statement of an answer is made from; raises ValueError with every problem.

    `parameters` are those of the answer: what the run measured stands there alone. No text of the
    case becomes SQL here: addresses are parsed, numbers are numbers.
    """
    content, collector = case.stored.content, fields.Collector()
    read = collector.read
    given = read(lambda: fields.mapping(content.get("parameters"), "parameters")) or {}
    options = read(lambda: fields.mapping(given.get("question_options"), "question_options")) or {}
    thresholds = read(lambda: _thresholds(options.get("thresholds"), parameters))
    expected = read(lambda: _expected(options.get("expected_peers")))
    contained_at = read(
        lambda: (at := options.get("contained_at")) and fields.moment(at, "contained_at")
    )
    finding = read(lambda: _signs(content))
    collector.raise_if_any()
    further = content.get("further_readings")
    return QuestionContext(
        options=QuestionOptions(
            thresholds=thresholds, expected_peers=expected, contained_at=contained_at
        ),
        thresholds=thresholds,
        baseline=_SOME_BASELINE if isinstance(further, Mapping) and "baseline" in further else None,
        followed=Followed(),
        finding=finding,
    )


def _thresholds(value: object, measured: Mapping[str, str]) -> Thresholds:
    given = fields.mapping(value, "thresholds")
    numbers = {}
    for name in Thresholds._fields:
        text = measured.get(name)
        if text is not None and not (text.isascii() and text.isdigit()):
            raise ValueError(f"{name}: expected a whole number")
        numbers[name] = fields.number(given.get(name), name) if text is None else int(text)
    return Thresholds(**numbers)


def _expected(value: object) -> tuple[ExpectedPeer, ...]:
    found = []
    for each in fields.sequence(value, "expected_peers"):
        given = fields.mapping(each, "expected_peers")
        peer = expected_peer(fields.text(given.get("text"), "expected_peers"))
        if peer.name is not None:  # the run looked its addresses up in its labels
            addresses = fields.sequence(given.get("addresses"), "expected_peers")
            peer = peer._replace(addresses=tuple(map(_address, addresses)))
        found.append(peer)
    return tuple(found)


def _signs(content: Mapping[str, Any]) -> FindingSigns:
    finding = content.get("finding")
    if finding is None:
        return NO_FINDING
    given = fields.mapping(finding, "finding")
    if given.get("is_sample"):
        return NO_FINDING
    claims = [
        fields.mapping(fields.mapping(each, "claims").get("claim"), "claims.claim")
        for each in fields.sequence(content.get("claims"), "claims")
    ]
    remotes = dict.fromkeys(_address(claim["remote"]) for claim in claims if claim.get("remote"))
    seen = given.get("first_seen")
    return FindingSigns(seen and fields.moment(seen, "finding.first_seen"), tuple(remotes))


def _address(value: object) -> str:
    found = canonical(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("expected an address")
    return found

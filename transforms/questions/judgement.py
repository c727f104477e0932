"""One defensible sentence over what was tried, and what speaks against silence.

The ladder: DATA > ANSWERED > ATTEMPTED > ORDINARY ONLY > NO EVIDENCE > CANNOT TELL; see
docs/reference/verdict.md.
Flow logs prove attempt, answer and volume, never a login.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from transforms.vocabulary import Step
from transforms.wording import count_of, size

VERDICT_VERSION = "3"


class Verdict(NamedTuple):
    """A step of the ladder, the sentence that may be written down, and the counts in it."""

    step: str
    sentence: str
    figures: dict[str, int]


class Unseen(NamedTuple):
    """What speaks against silence beside the conversations.

    `coverage` is None when it was not judged. `left_out` are records in no conversation. The
    `known_…` say whether labels know a range of the subject's VPC, by version of IP.
    """

    coverage: str | None = None
    reasons: Sequence[str] = ()
    left_out: int = 0
    known_v4: bool = False
    known_v6: bool = False
    unclear_peer: str | None = None  # the one with most volume, as it may be shown
    assumed_addresses: Sequence[str] = ()  # the subject's by nothing but flags of its records
    first_sign: datetime | None = None  # before it is history


def judge(figures: Mapping[str, int], unseen: Unseen) -> Verdict:
    """The verdict over the figures of `did_it_try`.

    What was seen counts, whatever was not; what is ordinary is told apart. Silence is evidence only
    where coverage is FULL and nothing is unclear. Every sentence names what is unclear.
    """
    of = {**figures, "left_out": unseen.left_out}
    unclear = list(_unclear(of, unseen))
    also = "".join(f" {_sentence(text)}" for text in [*_ordinary(of, unseen), *unclear])
    if of["data"] or of["answered"] or of["attempts"]:
        step = Step.DATA if of["data"] else Step.ANSWERED if of["answered"] else Step.ATTEMPTED
        found = [_answered(of, step), *_where(of), *_that_matters(of)]
        return Verdict(step.value, f"Yes: {'; '.join(found)}.{also}", of)
    hidden = _hidden(of, unseen)
    if of.get("ordinary") and not (hidden or any(of.get(name) for name in _OPEN)):
        return Verdict(
            Step.ORDINARY_ONLY.value,
            f"Nothing but what is ordinary was seen.{also}{_no_proof(unseen)} {CANNOT_SEE}",
            of,
        )
    against = unclear + _coverage_against(unseen) + hidden
    if not against:
        return Verdict(
            Step.NO_EVIDENCE.value,
            f"No attempt was seen, and the records are complete. {CANNOT_SEE}",
            of,
        )
    why = "; ".join(against)
    seen = "nothing but what is ordinary" if of.get("ordinary") else "no attempt"
    return Verdict(Step.CANNOT_TELL.value, f"Cannot tell: {seen} was seen, but {why}.", of)


# What may be an attempt that is not ordinary.
_OPEN = ("unclear", "likely", "left_out")


def _no_proof(unseen: Unseen) -> str:
    if unseen.coverage == "FULL":
        return ""
    return f" Coverage is {unseen.coverage or 'not known'}: this proves no absence."


def _ordinary(of: Mapping[str, int], unseen: Unseen) -> list[str]:
    """What is ordinary, and what could be compared with nothing."""
    found = []
    if number := of.get("ordinary", 0):
        ports = of["ordinary_ports"]
        where = f"port {of['ordinary_port']}" if ports == 1 else f"{ports:,} ports"
        before = f"{unseen.first_sign:%H:%M} UTC" if unseen.first_sign else "the window"
        also = "also " if of["attempts"] else ""
        found.append(
            f"{also}{count_of(number, 'ordinary conversation', 'ordinary conversations')} with "
            f"{count_of(of['ordinary_peers'], 'address', 'addresses')} at {where}"
            f", as before {before} or as others do"
        )
    if number := of.get("uncompared", 0):
        found.append(
            f"for {count_of(number, 'conversation', 'conversations')} with "
            f"{count_of(of['uncompared_peers'], 'address', 'addresses')} there was nothing to "
            "compare with: too little history, no comparable machines (try --baseline_days)"
        )
    return found


# Sessions that no flow log shows: their traffic goes through AWS, not between instances.
CANNOT_SEE = (
    "Session Manager, Run Command, EC2 Instance Connect and the serial console leave no flow "
    "between instances: look in CloudTrail for StartSession, SendCommand, SendSSHPublicKey and "
    "SendSerialConsoleSSHPublicKey."
)


def _answered(of: Mapping[str, int], step: Step) -> str:
    tried = f"{count_of(of['peers_tried'], 'address', 'addresses')} tried"
    attempts = count_of(of["attempts"], "attempt", "attempts")
    if step is Step.DATA:
        return f"{tried} in {attempts}, {_of_them(of, of['peers_with_data'])} answered with data"
    if step is Step.ANSWERED:
        return f"{tried} in {attempts}, {_of_them(of, of['peers_answered'])} answered without data"
    stopped = of["blocked_src"] + of["blocked_dst"] + of["refused"]
    parts = [f"{stopped:,} {_was(stopped)} blocked or refused"] if stopped else []
    parts += [f"{of['no_answer']:,} got no answer"] if of["no_answer"] else []
    return f"{tried} in {attempts}, none answered: {' and '.join(parts)}"


def _of_them(of: Mapping[str, int], number: int) -> str:
    return "it" if of["peers_tried"] == 1 else f"{number:,} of them"


def _where(of: Mapping[str, int]) -> list[str]:
    """The rings, where the addresses are not all of the own VPC."""
    rings = {"in the own VPC": of.get("in_own_vpc", 0), "in other VPCs": of.get("in_other_vpc", 0),
             "private and known to no label": of.get("in_private_unknown", 0)}  # fmt: skip
    if sum(rings.values()) == rings["in the own VPC"]:
        return []
    counted = [f"{number:,} {text}" for text, number in rings.items() if number]
    if of["peers_tried"] == 1:
        return [f"it is {next(text for text, number in rings.items() if number)}"]
    return [f"of the addresses {', '.join(counted)}"]


def _that_matters(of: Mapping[str, int]) -> list[str]:
    number, data = of["peers_that_matter"], of["peers_that_matter_with_data"]
    if not number:
        return []
    which = f"{number:,} of the addresses {_was(number)}" if of["peers_tried"] > 1 else "it was"
    text = (
        f"{which} tried at services that matter (remote admin, file sharing, directory, database, "
        "control plane, mail)"
    )
    if not of["data"]:
        return [text]
    if number == 1:
        return [f"{text}, {'with' if data else 'without'} data"]
    return [f"{text}, {data:,} of these with data"]


def _unclear(of: Mapping[str, int], unseen: Unseen) -> list[str]:
    """What is unclear, whatever the step."""
    found: list[str] = []
    if number := of["unclear"]:
        volume = of.get("unclear_bytes", 0)
        text = f"who began {count_of(number, 'conversation', 'conversations')} inside is unknown"
        most = "" if of.get("unclear_peers") == 1 else ", most of it"
        peer = f"{most} with {unseen.unclear_peer}" if unseen.unclear_peer else ""
        found.append(f"{text}: {size(volume)}{peer}" if volume or peer else text)
    if number := of.get("likely", 0):
        text = count_of(number, "conversation", "conversations")
        found.append(f"that peers began {text} inside is likely, not proven")
    if number := of.get("contradicted", 0):
        text = count_of(number, "conversation was", "conversations were")
        found.append(
            f"{text} recorded by the peer's interface, but not by the subject's, which did record "
            "then: possibly forged, or a gap"
        )
    if number := of.get("volume_unknown", 0):
        found.append(f"the volume of {count_of(number, 'conversation', 'conversations')} inside "
                     "is not recorded")  # fmt: skip
    if number := of.get("left_out", 0):
        text = count_of(number, "record", "records")
        found.append(
            f"{text} of the subject {'is' if number == 1 else 'are'} in no conversation, as an "
            "address is missing or it is unknown which end is the subject's"
        )
    if assumed := unseen.assumed_addresses:
        verb = "is" if len(assumed) == 1 else "are"
        found.append(
            f"that {' and '.join(assumed)} {verb} the subject's own is an assumption: of the two "
            "ends in every record, flags show it to have begun"
        )
    return found


def _coverage_against(unseen: Unseen) -> list[str]:
    found = list(unseen.reasons)
    if unseen.coverage is None:
        found.append("how complete the records are was not judged")
    elif unseen.coverage != "FULL" and not found:
        found.append(f"coverage is {unseen.coverage}")
    return found


def _hidden(of: Mapping[str, int], unseen: Unseen) -> list[str]:
    """Whether addresses that count as outside may be inside."""
    found = []
    hidden = [
        (4, of.get("outside_v4", 0), unseen.known_v4),
        (6, of.get("outside_v6", 0), unseen.known_v6),
    ]
    for version, peers, is_known in hidden:
        if peers and not is_known:
            found.append(
                f"no IPv{version} range of the subject's VPC is known, so that any of "
                f"{count_of(peers, 'public address', 'public addresses')} may be inside (give "
                "--labels with subnets or vpcs)"
            )
    return found


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _was(number: int) -> str:
    return "was" if number == 1 else "were"

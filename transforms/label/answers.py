"""Who an end of a record is, by everything that the labels and the record itself say of it."""

from typing import NamedTuple

from transforms.label.attribution import AMBIGUOUS, INTERNAL, Answer
from transforms.label.networks import Found
from transforms.label.rings import Range
from transforms.vocabulary import Ring


class Recorder(NamedTuple):
    """The interface that recorded, and what it belongs to; names as they were then."""

    interface_id: str | None
    interface_name: str | None
    instance_id: str | None
    instance_name: str | None
    vpc_id: str | None
    vpc_name: str | None
    is_mapped: bool  # some network of its VPC is known
    subnet_id: str | None
    subnet_name: str | None


class Known(NamedTuple):
    """What was looked up of an address: its owner, its network, its range.

    `is_for_vpc` says that the owner's answer is for records of this VPC; `recorded` is the AWS
    service that the record names.
    """

    owner: Answer | None
    is_for_vpc: bool
    found: Found | None
    recorded: str | None
    by_range: Range


_NOTHING = Found((), None, None, None)


def answer_of(known: Known, vpc_id: str | None, is_mapped: bool) -> Answer:
    """What is known of an address that is not the recorder's own, most certain first.

    address: one interface of the record's VPC had it then. cidr: a network of the record's VPC
    holds it. Then the same in other VPCs, if one answer fits; a public address of an interface; the
    service that the record or AWS's ranges name; a prefix list. ambiguous: more than one answer
    fits, or the networks of the record's VPC are unknown and it may use this range too.
    """
    owner, found = known.owner, known.found or _NOTHING
    if owner is not None and known.is_for_vpc:
        return owner
    here = _here(found, vpc_id)
    if here is not None:
        return here
    if Range.PRIVATE in known.by_range and vpc_id is not None and not is_mapped:
        blind = _blind(owner, found.anywhere)
        if blind is not None:
            return blind
    return owner or found.anywhere or _outside(known, found)


def own_answer(known: Known, recorder: Recorder) -> Answer:
    """The answer where this end is the interface that recorded.

    AWS, "Flow log records": srcaddr is the interface's own on egress, dstaddr on ingress.
    """
    owner = known.owner or Answer()
    here = _here(known.found or _NOTHING, recorder.vpc_id) or Answer()
    is_placed = recorder.vpc_id is not None
    has_subnet = recorder.subnet_id is not None
    return Answer(
        name=_first(recorder.instance_name, recorder.interface_name),
        interface_id=recorder.interface_id,
        instance_id=recorder.instance_id,
        vpc_id=recorder.vpc_id if is_placed else owner.vpc_id,
        vpc_name=recorder.vpc_name if is_placed else owner.vpc_name,
        subnet_id=recorder.subnet_id if has_subnet else here.subnet_id,
        subnet_name=recorder.subnet_name if has_subnet else here.subnet_name,
        basis="interface",
    )


def is_owner(answer: Answer, interface_id: str | None) -> bool:
    """Whether an interface is the owner, or one of those that may be."""
    return interface_id is not None and (
        answer.interface_id == interface_id or interface_id in (answer.candidates or ())
    )


def _here(found: Found, vpc_id: str | None) -> Answer | None:
    return next((answer for of_vpc, answer in found.here if of_vpc == vpc_id), None)


def _blind(owner: Answer | None, anywhere: Answer | None) -> Answer | None:
    """Another VPC's answer, which the record's own VPC may have as well; None without one."""
    held, around = owner or Answer(), anywhere or Answer()
    if _first(held.vpc_id, *(held.candidates or ())[:1], around.basis) is None:
        return None
    candidates = held.candidates if held.candidates is not None else around.candidates
    if candidates is None:
        only = _first(held.interface_id, around.subnet_id, around.vpc_id)
        candidates = () if only is None else (only,)
    return Answer(basis=AMBIGUOUS, candidates=candidates)


def _outside(known: Known, found: Found) -> Answer:
    """By the service that is named, else by a prefix list and the range."""
    recorded, service = known.recorded, found.service
    if _first(recorded, service) is None:
        scope = INTERNAL if Range.PRIVATE in known.by_range else Ring.INTERNET.value
        return Answer(name=found.listed, scope=scope, basis="prefix list" if found.listed else None)
    is_vague = recorded == "AMAZON" and service not in (None, "AMAZON")
    if recorded is None or is_vague:
        return Answer(name=service, scope=Ring.AWS_SERVICE.value, basis="aws ranges")
    return Answer(name=recorded, scope=Ring.AWS_SERVICE.value, basis="record")


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)

"""The first screen of the report: headline, verdict, who and when, the story, and coverage."""

from collections.abc import Sequence

from jobs.output.report_units import clock, day_and_clock
from jobs.pipeline.case_coverage import CaseCoverage, coverage_lines
from jobs.pipeline.near import shown_name
from jobs.pipeline.result import RunResult
from transforms.acts import Act
from transforms.attack import TECHNIQUES
from transforms.questions.catalogue import Answer, shown_in
from transforms.questions.question import Place
from transforms.questions.silence import NOT_SEEN
from transforms.subject.identity import Subject
from transforms.text import sanitise
from transforms.vocabulary import Step
from transforms.wording import count_of

# The headline where there is no story: what each step of the ladder says.
_HEADLINES = {
    Step.DATA: "{name} exchanged data with machines inside.",
    Step.ANSWERED: "{name} was answered by machines inside, without data.",
    Step.ATTEMPTED: "{name} tried to reach machines inside; none of them answered.",
    Step.ORDINARY_ONLY: "{name} did nothing inside but what is ordinary for it.",
    Step.NO_EVIDENCE: "{name} began nothing inside, and its records are complete.",
    Step.CANNOT_TELL: "The records cannot tell whether {name} tried to reach other machines.",
}
# A question that was not asked, or of which nothing was seen, was not answered with nothing.
_UNANSWERED = ("not asked", "cannot tell", NOT_SEEN)
# What no flow log shows, and what does.
BEYOND = (
    ("Logins, commands, processes", "logs of the hosts"),
    ("Session Manager, Run Command, EC2 Instance Connect, the serial console",
     "StartSession, SendCommand, SendSSHPublicKey, SendSerialConsoleSSHPublicKey in CloudTrail"),
    ("The metadata service, 169.254.169.254", "CloudTrail, for what its credentials did"),
    ("Queries to Amazon's resolver", "Route 53 Resolver query logs"),
    ("DHCP, Amazon's time service, mirrored traffic, the VPC router", "nothing else records it"),
    ("API calls to AWS", "CloudTrail"),
    ("What a peer's security group rejected, where the peer's interface has no flow log",
     "a flow log on the peer's subnet"),
)  # fmt: skip


def first_screen(result: RunResult) -> dict[str, object]:
    """What a reader needs within ten seconds."""
    assert result.investigation is not None
    case, headline = result.case, result.investigation.headline
    story = result.investigation.story
    name = sanitise(shown_name(case, result.subject), 60)
    step = Step(headline.verdict)
    return {
        "case_id": case.arguments.case_id,
        "name": name,
        "step": step.value,
        "ladder": [each.value for each in Step],
        "headline": story.headline or _HEADLINES[step].format(name=name),
        "acts": _acts(story.acts),
        "sentence": sanitise(headline.sentence, 1000),
        "window": str(case.arguments.window),
        "subject": _subject(result.subject),
        "finding": _finding(result),
        "claims": [
            {"claim": sanitise(each.claim, 200), "verdict": each.verdict, "sentence": each.sentence}
            for each in result.claims
        ],
        "coverage": coverage_box(result.coverage),
        "is_unseen": result.coverage is not None and result.coverage.judged.verdict == "NONE",
    }


def in_short(result: RunResult) -> dict[str, object]:
    """What was seen, what was not seen, and which questions the records cannot answer."""
    assert result.investigation is not None
    answers, headline = result.investigation.answers, result.investigation.headline
    others = [answer for answer in answers if answer is not headline and not answer.rows]
    open_ones = [each for each in others if each.verdict in ("cannot tell", NOT_SEEN)]
    left_open = _sentences(open_ones)
    if unclear := headline.figures.get("unclear", 0):
        number = count_of(unclear, "conversation", "conversations")
        left_open = [f"It is unknown who began {number} inside.", *left_open]
    return {
        "saw": _sentences([each for each in shown_in(answers, Place.REPORT_SAW) if each.rows]),
        "not_seen": _sentences([each for each in others if each.verdict not in _UNANSWERED]),
        "cannot_tell": list(dict.fromkeys(left_open)),
    }


def coverage_box(found: CaseCoverage | None) -> dict[str, object]:
    """How complete the records are: the verdict, the slots that were seen, and what is missing."""
    if found is None:
        return {"verdict": "NONE", "seen": "How complete the records are was not judged.",
                "reasons": [], "lines": []}  # fmt: skip
    lines = [sanitise(line.strip(" -"), 600) for line in coverage_lines(found)]
    verdict, _, seen = lines[0].removeprefix("Coverage").strip().partition(": ")
    reasons = [sanitise(reason, 600) for reason in found.judged.reasons]
    if found.unlogged_peers:
        number = len(found.unlogged_peers)
        reasons.append(
            "what 1 internal peer rejected: its own interface has no record"
            if number == 1
            else f"what {number:,} internal peers rejected: their own interfaces have no record"
        )
    return {
        "verdict": verdict,
        "seen": seen,
        "reasons": reasons if verdict != "NONE" else reasons[1:],
        "lines": lines,
    }


def _acts(acts: Sequence[Act]) -> list[dict[str, str]]:
    """The steps of the story, each with its time and ATT&CK technique."""
    is_one_day = len({act.at[:10] for act in acts}) < 2
    return [
        {
            "at": clock(act.at) if is_one_day else day_and_clock(act.at),
            "sentence": act.sentence,
            "technique": act.technique,
            "technique_name": TECHNIQUES[act.technique].name if act.technique in TECHNIQUES else "",
            "source": act.source,
        }
        for act in acts
    ]


def _subject(subject: Subject) -> dict[str, object]:
    return {
        "ids": [sanitise(each) for each in subject.instance_ids],
        "known_by": [sanitise(each) for each in (*subject.interface_ids, *subject.addresses)],
    }


def _finding(result: RunResult) -> dict[str, object] | None:
    if result.case.finding is None:
        return None
    finding = result.case.finding.finding
    types = [sanitise(each, 100) for each in finding.types[:2]]
    if len(finding.types) > 2:
        types.append(f"{len(finding.types) - 2} more")
    seen = ""
    if finding.first_seen and finding.last_seen:
        first = f"{finding.first_seen:%Y-%m-%d %H:%M}"
        is_one_day = finding.first_seen.date() == finding.last_seen.date()
        last = f"{finding.last_seen:%H:%M}" if is_one_day else f"{finding.last_seen:%Y-%m-%d %H:%M}"
        seen = f"{first} to {last} UTC"
    return {
        "types": ", ".join(types) or "a finding without a type",
        "severity": str(finding.severity) if finding.severity else "not given",
        "seen": seen,
        "is_sample": finding.is_sample,
    }


def _sentences(answers: Sequence[Answer]) -> list[str]:
    return [sanitise(answer.sentence, 600) for answer in answers]

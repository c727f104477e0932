"""What an answer without a row is worth: it depends on coverage."""

from transforms.coverage.judged import Coverage
from transforms.questions.catalogue import Answer
from transforms.questions.verdict import Verdict

NOT_SEEN = "not seen"


def weighed(answer: Answer, coverage: Coverage) -> Answer:
    """The answer, as far as coverage bears it.

    Where nothing of the subject was seen there is nothing to deny and nothing to count: neither a
    "no" nor a zero may stand there. Where some of it was, a "no" says that it proves no absence.
    The verdict, P0-1, says so in its own words.
    """
    is_verdict = answer.question == "P0-1"
    if coverage.verdict == "NONE":
        why = "; ".join(coverage.reasons)
        if answer.rows:
            others = f"{answer.sentence} This is what other interfaces recorded: {why}."
            return answer if is_verdict else answer._replace(sentence=others)
        if is_verdict:
            return answer._replace(sentence=f"Cannot tell: {why}.", figures={})
        return answer._replace(verdict=NOT_SEEN, sentence=f"Not seen: {why}.", figures={})
    if coverage.verdict == "PARTIAL" and not answer.rows and not is_verdict:
        open_already = answer.verdict in ("cannot tell", "not asked")
        no_proof = f"{answer.sentence} Coverage is PARTIAL: this proves no absence."
        return answer if open_already else answer._replace(sentence=no_proof)
    return answer


def weighed_verdict(verdict: Verdict, answer: Answer) -> Verdict:
    """The verdict with the sentence and the figures of its answer, once that is weighed."""
    return verdict._replace(sentence=answer.sentence, figures=answer.figures)

"""What an answer without a row is worth: it depends on coverage."""

from dataclasses import replace

from transforms.coverage.judged import Coverage
from transforms.questions.catalogue import Answer
from transforms.questions.question import Place

NOT_SEEN = "not seen"


def weighed(answer: Answer, coverage: Coverage) -> Answer:
    """The answer, as far as coverage bears it.

    Where nothing of the subject was seen there is nothing to deny and nothing to count: neither a
    "no" nor a zero may stand there. Where some of it was, a "no" says that it proves no absence.
    The headline says so in its own words.
    """
    is_headline = Place.HEADLINE in answer.question.places
    if coverage.verdict == "NONE":
        why = "; ".join(coverage.reasons)
        if answer.rows:
            others = f"{answer.sentence} This is what other interfaces recorded: {why}."
            return answer if is_headline else replace(answer, sentence=others)
        if is_headline:
            return replace(answer, sentence=f"Cannot tell: {why}.", figures={})
        return replace(answer, verdict=NOT_SEEN, sentence=f"Not seen: {why}.", figures={})
    if coverage.verdict == "PARTIAL" and not answer.rows and not is_headline:
        open_already = answer.verdict in ("cannot tell", "not asked")
        no_proof = f"{answer.sentence} Coverage is PARTIAL: this proves no absence."
        return answer if open_already else replace(answer, sentence=no_proof)
    return answer

"""Notes of analysts as the report shows them: a case that is traced again keeps what was noted."""

from datetime import UTC

from jobs.errors import BadInput, Failure
from jobs.evidence.notes import LONGEST_NAME, LONGEST_TEXT, read_notes
from transforms.text import sanitise


def notes_for_report(case_uri: str) -> dict[str, object]:
    """The notes of the case so far, in their order; or why they cannot be shown.

    A note is the word of whoever may write to the case: it never stops a run, and one whose bytes
    are not those that were written is marked.
    """
    try:
        found = read_notes(case_uri)
    except (ValueError, Failure, BadInput, OSError) as error:
        return {"notes": [], "notes_problem": sanitise(error, 300)}
    notes = [
        {
            "number": each.note.number,
            "at": f"{each.note.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
            "by": sanitise(each.note.by, LONGEST_NAME),
            "text": sanitise(each.note.text, LONGEST_TEXT),
            "run_id": each.note.run_id,
            "is_as_written": each.is_as_written,
        }
        for each in found
    ]
    return {"notes": notes, "notes_problem": ""}

"""In how many pieces a day of `flows` is: files that one run has sorted together are one.

A machine is in a few files of each piece, however many files that has: in one for itself, and in
one for each of some peers (`bench.ingest`). So every piece costs a case about as many files.
"""

from collections import Counter
from collections.abc import Collection

from transforms.flow_table.shapes import rows_of_file

_OPENED_OF_A_PIECE = 12
_SEPARATOR = "_"


def piece_name(run_id: str) -> str:
    """What the names of the files of a run begin with."""
    return f"part-{run_id}{_SEPARATOR}"


def is_in_pieces(names: Collection[str], rows: int) -> bool:
    """Whether a case opens twice as many files of a day as if it were sorted as a whole, or more.

    A file that another tool has written is a piece of its own.
    """
    pieces = Counter(name.partition(_SEPARATOR)[0] for name in names)
    opened = sum(min(files, _OPENED_OF_A_PIECE) for files in pieces.values())
    needed = -(-rows // rows_of_file(rows))
    return opened > 2 * min(needed, _OPENED_OF_A_PIECE)

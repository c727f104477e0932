"""Which objects one task reads: neighbours of the sorted listing, about the same work for each."""

from collections.abc import Iterator, Sequence


def packed(loads: Sequence[int], tasks: int) -> Iterator[range]:
    """Ranges that cover all loads, in order; none is empty, and each is a task.

    With so many tasks a fair share is `sum(loads) / tasks`. No range holds more than that and the
    largest load; a load of a fair share or more is alone, which may make more tasks than wanted.
    Loads are from 1 on.
    """
    whole, before, begin = sum(loads), 0, 0
    number, was_large = 0, False
    for at, load in enumerate(loads):
        is_large = load * tasks >= whole
        own_number = (2 * before + load) * tasks // (2 * whole)  # where its middle lies
        if at > begin and (is_large or was_large or own_number != number):
            yield range(begin, at)
            begin = at
        number, was_large = own_number, is_large
        before += load
    if loads:
        yield range(begin, len(loads))

"""The split that follows from a variant's name.

Groups are taken in the order of SHA-256 hashes, so that the name alone decides, on every machine.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count

__all__ = ["held_out"]


def held_out(
    groups: Sequence[str],
    labels: Sequence[int],
    room: Sequence[int],
    first: str,
    variant: str,
) -> set[str]:
    """Draw the groups to validate on.

    Parameters
    ----------
    groups : sequence of str
        What each of N pictures shows.
    labels : sequence of int
        The N class numbers, from 0; equal within a group.
    room : sequence of int
        How many pictures of each class are held out.
    first : str
        A group that is always held out.
    variant : str
        The name from which the draw follows.

    Returns
    -------
    set of str
        Whole groups, as many pictures of each class as there is room for.

    Examples
    --------
    >>> from featlib import variants
    >>> sorted(variants.held_out("aabbcd", [0, 0, 0, 0, 1, 1], [2, 1], "a", "otter"))
    ['a', 'd']
    """
    sizes = Counter(groups)
    of: dict[int, list[str]] = defaultdict(list)
    for group, label in dict(zip(groups, labels, strict=True)).items():
        of[label].append(group)
    drawn: set[str] = set()
    for label, some in of.items():
        drawn |= _fill(some, sizes, room[label], first, variant)
    return drawn


def _fill(
    groups: Sequence[str], sizes: Counter[str], room: int, first: str, variant: str
) -> set[str]:
    """Take groups in an order of chance until exactly as many pictures are held out as wanted."""
    for attempt in count():  # large groups may leave a gap that none fits into
        order = sorted(groups, key=lambda group: _chance(f"{variant}/{attempt}/{group}"))
        order.sort(key=lambda group: group != first)
        taken, left = set(), room
        for group in order:
            if sizes[group] <= left:
                taken.add(group)
                left -= sizes[group]
        if not left:
            return taken
    raise AssertionError  # for type checkers: the loop has no end


def _chance(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()

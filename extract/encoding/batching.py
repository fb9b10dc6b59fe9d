"""Which inputs are encoded together, so that nothing is padded.

Padding changes an embedding: always where an encoder normalises over time (the base
Wav2Vec2 models), and wherever a mask is forgotten. Inputs of equal length need neither
padding nor mask, nor do inputs of any lengths end to end, where an encoder can.
"""

from collections.abc import Sequence


def parts(
    sizes: Sequence[float], ids: Sequence[str], *, rows: int, size: float
) -> list[list[int]]:
    """Divide utterances into the parts of a cache, longest first.

    The order depends on sizes and ids alone, so a repeated command makes the same
    parts. Longest first, memory is fullest at once and not after a night.

    Args:
        sizes: anything that grows with the length of the input
        ids: of the same utterances
        rows: most utterances in a part
        size: most that the sizes in a part sum to; one utterance may exceed it

    Returns:
        positions in `sizes`, part by part

    Examples:
        >>> parts([1.0, 3.0, 2.0], ["a", "b", "c"], rows=2, size=9.0)
        [[1, 2], [0]]
        >>> parts([1.0, 3.0, 2.0], ["a", "b", "c"], rows=2, size=4.0)
        [[1], [2, 0]]
    """
    found: list[list[int]] = []
    room = 0.0
    # sorted twice, which is stable, for a key of both would be kept for every utterance
    order = sorted(range(len(sizes)), key=ids.__getitem__)
    order.sort(key=sizes.__getitem__, reverse=True)
    for i in order:
        if not found or len(found[-1]) == rows or sizes[i] > room:
            found.append([])
            room = size
        found[-1].append(i)
        room -= sizes[i]
    return found


def equal(lengths: Sequence[int], *, budget: int) -> list[list[int]]:
    """Group positions of equal length, at most `budget` elements in a group.

    Args:
        lengths: of the inputs, e.g. in samples
        budget: elements of a group, summed over its inputs; one input may exceed it

    Examples:
        >>> equal([5, 3, 5, 5], budget=10)
        [[0, 2], [3], [1]]
    """
    groups: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        groups.setdefault(length, []).append(position)
    batches = []
    for length, members in groups.items():
        step = max(1, budget // max(1, length))
        batches += [members[i : i + step] for i in range(0, len(members), step)]
    return batches


def lines(lengths: Sequence[int], *, budget: int) -> list[list[int]]:
    """Neighbours that are encoded end to end, at most `budget` elements together.

    Args:
        lengths: of the inputs, e.g. in samples
        budget: elements of a line; one input may exceed it

    Examples:
        >>> lines([5, 3, 5, 5], budget=10)
        [[0, 1], [2, 3]]
    """
    found: list[list[int]] = []
    room = 0
    for position, length in enumerate(lengths):
        if not found or length > room:
            found.append([])
            room = budget
        found[-1].append(position)
        room -= length
    return found

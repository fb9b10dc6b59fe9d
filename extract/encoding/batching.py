"""Grouping of inputs into parts of a cache, and into batches without padding.

Padding changes the embeddings of encoders that normalise over time (the base Wav2Vec2
models), and of every encoder if a mask is missing. Inputs of equal length need neither
padding nor mask. Encoders that support packing take inputs of any lengths end to end.
"""

from collections.abc import Sequence


def parts(
    sizes: Sequence[float], ids: Sequence[str], *, rows: int, size: float
) -> list[list[int]]:
    """Divide utterances into the parts of a cache, longest first.

    The order depends on sizes and ids alone, so a repeated command plans the same
    parts. Because the longest inputs come first, a lack of memory shows at once, and
    not after hours.

    Args:
        sizes: numbers that grow with the lengths of the inputs
        ids: of the same utterances
        rows: largest number of utterances in a part
        size: largest sum of the sizes in a part; a single utterance may exceed it

    Returns:
        positions in `sizes`, by part

    Examples:
        >>> parts([1.0, 3.0, 2.0], ["a", "b", "c"], rows=2, size=9.0)
        [[1, 2], [0]]
        >>> parts([1.0, 3.0, 2.0], ["a", "b", "c"], rows=2, size=4.0)
        [[1], [2, 0]]
    """
    groups: list[list[int]] = []
    room = 0.0
    # Two stable sorts need less memory than one with a pair as key of each utterance.
    order = sorted(range(len(sizes)), key=ids.__getitem__)
    order.sort(key=sizes.__getitem__, reverse=True)
    for i in order:
        if not groups or len(groups[-1]) == rows or sizes[i] > room:
            groups.append([])
            room = size
        groups[-1].append(i)
        room -= sizes[i]
    return groups


def equal_length_batches(lengths: Sequence[int], *, budget: int) -> list[list[int]]:
    """Return batches of inputs with equal lengths, of at most `budget` elements each.

    Args:
        lengths: of the inputs, e.g. in samples
        budget: largest number of elements in a batch, summed over its inputs; a single
            input may exceed it

    Returns:
        positions in `lengths`, by batch

    Examples:
        >>> equal_length_batches([5, 3, 5, 5], budget=10)
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


def packed_batches(lengths: Sequence[int], *, budget: int) -> list[list[int]]:
    """Return batches of consecutive inputs to pack, of at most `budget` elements each.

    Args:
        lengths: of the inputs, e.g. in samples
        budget: largest number of elements in a batch; a single input may exceed it

    Returns:
        positions in `lengths`, by batch

    Examples:
        >>> packed_batches([5, 3, 5, 5], budget=10)
        [[0, 1], [2, 3]]
    """
    batches: list[list[int]] = []
    room = 0
    for position, length in enumerate(lengths):
        if not batches or length > room:
            batches.append([])
            room = budget
        batches[-1].append(position)
        room -= length
    return batches

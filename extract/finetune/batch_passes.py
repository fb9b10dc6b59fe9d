"""Division of utterances into batches for the encoders, with the least computation.

Padding costs as much as inputs, and each pass has a fixed cost. So utterances are
sorted by length, and divided such that the sum of both costs is smallest.
"""

from collections.abc import Sequence
from itertools import groupby

# Fixed cost of a pass: the number of samples or tokens that take as long. On a GPU,
# Python takes most of the time, so the number of passes is as small as possible.
COST = {"cpu": {"audio": 8_000, "text": 64}}
GPU_COST = 10**9


def divide_into_passes(
    lengths: Sequence[int], *, size: int, modality: str, device: str, equal: bool
) -> list[list[int]]:
    """Divide inputs into passes with the smallest total cost, longest first.

    Args:
        lengths: of the inputs of each utterance
        size: largest number of utterances in a pass
        modality: of the inputs
        device: "cpu" or "cuda"
        equal: True if a pass may only have inputs of equal length

    Returns:
        positions in `lengths`, by pass

    Examples:
        >>> what = {"size": 3, "modality": "text", "device": "cpu", "equal": False}
        >>> divide_into_passes([9, 200, 8, 190], **what)
        [[1, 3], [0, 2]]
        >>> divide_into_passes([4, 4, 4, 4], **what)
        [[0, 1, 2], [3]]
    """
    ordered = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    runs = [ordered]
    if equal:
        runs = [list(run) for _, run in groupby(ordered, key=lengths.__getitem__)]
    pass_cost = COST.get(device, {}).get(modality, GPU_COST)
    passes = []
    for run in runs:
        ends = _ends([lengths[place] for place in run], size, pass_cost)
        passes += [run[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    return passes


def _ends(lengths: Sequence[int], size: int, pass_cost: int) -> list[int]:
    """Return the end of each pass for descending lengths, by dynamic programming."""
    least, begins = [0.0], [0]
    for end in range(1, len(lengths) + 1):
        cheapest = min(
            (least[begin] + (end - begin) * lengths[begin] + pass_cost, -begin)
            for begin in range(max(0, end - size), end)
        )
        least.append(cheapest[0])
        begins.append(-cheapest[1])
    ends = [len(lengths)]
    while begins[ends[-1]]:
        ends.append(begins[ends[-1]])
    return ends[::-1]

"""Which utterances go through the encoders together.

What is padded costs as much as what is real, and a pass costs something by itself; so
utterances sorted by length are cut where the sum of both is least.
"""

from collections.abc import Sequence
from itertools import groupby

# inputs that take as long as one more pass: samples, tokens. A GPU waits for Python
# whatever it is given, so there passes are as few as can be.
COST = {"cpu": {"audio": 8_000, "text": 64}}
DEAR = 10**9


def cut(
    lengths: Sequence[int], *, size: int, modality: str, device: str, equal: bool
) -> list[list[int]]:
    """Places in `lengths`, pass by pass, longest first.

    Args:
        lengths: of the inputs of each utterance
        size: utterances of a pass at most
        modality: whose inputs they are
        device: "cpu" or "cuda"
        equal: whether a pass may only hold inputs of one length

    Examples:
        >>> what = {"size": 3, "modality": "text", "device": "cpu", "equal": False}
        >>> cut([9, 200, 8, 190], **what), cut([4, 4, 4, 4], **what)
        ([[1, 3], [0, 2]], [[0, 1, 2], [3]])
    """
    ordered = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    runs = [ordered]
    if equal:
        runs = [list(run) for _, run in groupby(ordered, key=lengths.__getitem__)]
    pass_cost = COST.get(device, {}).get(modality, DEAR)
    found = []
    for run in runs:
        ends = _ends([lengths[place] for place in run], size, pass_cost)
        found += [run[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    return found


def _ends(lengths: Sequence[int], size: int, pass_cost: int) -> list[int]:
    """Where each pass ends, of descending lengths; the cheapest way to each place."""
    least, begins = [0.0], [0]
    for end in range(1, len(lengths) + 1):
        found = min(
            (least[begin] + (end - begin) * lengths[begin] + pass_cost, -begin)
            for begin in range(max(0, end - size), end)
        )
        least.append(found[0])
        begins.append(-found[1])
    ends = [len(lengths)]
    while begins[ends[-1]]:
        ends.append(begins[ends[-1]])
    return ends[::-1]

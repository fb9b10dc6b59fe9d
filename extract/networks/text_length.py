"""Largest number of tokens that a text encoder accepts, and truncation of texts."""

from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress

import torch

from affuse.data.errors import AffuseError
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.networks.trial_pass import demand_states

FEWEST = 8  # tokens: two special tokens and a few words; fewer would lose the text


def cut(tokens: list[int], most: int) -> list[int]:
    """Return at most `most` tokens: the first ones, and the last one (end of text).

    Args:
        tokens: of a text, with its special tokens
        most: largest number of tokens
    """
    if len(tokens) <= most:
        return tokens
    return [*tokens[: most - 1], tokens[-1]]


def longest_input(loaded: Checkpoint, tokens: list[int], most: int) -> int:
    """Return the number of tokens that a model accepts, at most `most`.

    The number is found by trial, because a configuration does not state it: RoBERTa
    leaves some of its positions unused, and other families have none.

    Args:
        loaded: on the CPU, where a position out of range raises an error
        tokens: of a short text, with special tokens; the one in the middle is repeated
        most: largest number to try

    Raises:
        AffuseError: if the model accepts fewer than `FEWEST` tokens, or fails on all
            texts
    """

    def demand(length: int) -> None:
        half = len(tokens) // 2
        filled = [*tokens[:half], *[tokens[half]] * length, *tokens[half + 1 :]]
        demand_states(loaded, input_ids=torch.tensor([cut(filled, length)]))

    try:
        demand(most)
    except AffuseError:
        demand(FEWEST)
        lengths = range(FEWEST, most)
        first = bisect_left(lengths, True, key=lambda n: not _takes(demand, n))
        return FEWEST + first - 1
    return most


def _takes(demand: Callable[[int], None], length: int) -> bool:
    """Return True if a model accepts an input of this length."""
    with suppress(AffuseError):
        demand(length)
        return True
    return False

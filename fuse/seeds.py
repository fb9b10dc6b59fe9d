"""Random seeds of trained models, derived from the user's seed and the fold."""

import hashlib


def derived(seed: int, *names: str) -> int:
    """Return a seed that differs for each fold or modality.

    The folds of a run must not share random numbers. Models with equal initial weights
    and dropout masks make correlated errors in all folds, so the mean over folds would
    vary more than that of independent models.

    Args:
        seed: the user's seed, at least 0
        names: of the fold, and of other parts that need separate random numbers

    Returns:
        the first 32 bits of a SHA-256 digest

    Examples:
        >>> derived(0, "session1") == derived(0, "session2")
        False
    """
    digest = hashlib.sha256(" ".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4])

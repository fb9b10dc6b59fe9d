"""Random seeds of trained models, derived from the user's seed and the fold."""

import hashlib


def derive_seed(seed: int, *names: str) -> int:
    """Return a seed that differs between folds, and between modalities if named.

    The folds of a run must not share random numbers. Models with equal initial weights
    and dropout masks make correlated errors in all folds, so the mean over folds would
    vary more than that of independent models.

    Args:
        seed: the user's seed, at least 0
        names: name of the fold, then of the modality if it needs a separate seed

    Returns:
        the first 32 bits of a SHA-256 digest

    Examples:
        >>> derive_seed(0, "session1") == derive_seed(0, "session2")
        False
    """
    digest = hashlib.sha256(" ".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4])

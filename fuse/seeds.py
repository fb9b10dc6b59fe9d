"""Random seeds of single trainings, derived from the seed that a user states."""

import hashlib


def derived(seed: int, *names: str) -> int:
    """Return the seed of one training: another one for each fold, or each modality.

    The folds of a run must not share random numbers. Models that begin with the same
    weights and see the same dropout make the same errors in every fold, so that the
    mean over folds varies more than that of independent models.

    Args:
        seed: as the user states it, at least 0
        names: of the fold, and of what else has random numbers apart

    Returns:
        32 bits of a SHA-256 digest

    Examples:
        >>> derived(0, "session1") == derived(0, "session2")
        False
    """
    digest = hashlib.sha256(" ".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4])

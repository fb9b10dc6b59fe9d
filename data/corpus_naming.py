"""Names of corpora, which become folders, and of training sets of several corpora."""

import re

from affuse.data.errors import AffuseError

JOINT = "+"  # between the corpora in the name of a training set; in no corpus's name


def check_name(name: str) -> None:
    """Raise an error if the name of a corpus cannot be the name of a folder.

    Args:
        name: of the corpus

    Raises:
        AffuseError: if it has other characters than a folder may have
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise AffuseError(
            f"corpus name {name!r} becomes a folder: use letters, digits, '.', '_' and "
            f"'-' only, a letter or digit first"
        )


def corpus_names(name: str) -> tuple[str, ...]:
    """Return the corpora of a training set, sorted and each once.

    Args:
        name: of one corpus, or of several with `JOINT` between them; "" for none

    Examples:
        >>> corpus_names("b+a"), corpus_names("a"), corpus_names("")
        (('a', 'b'), ('a',), ())
    """
    return tuple(sorted({*name.split(JOINT)} - {""}))


def check_training_set(name: str) -> None:
    """Raise an error if a name is neither that of a corpus nor of several corpora.

    Args:
        name: as of `corpus_names`

    Raises:
        AffuseError: if one of the names cannot be the name of a folder
    """
    for each in name.split(JOINT):
        check_name(each)

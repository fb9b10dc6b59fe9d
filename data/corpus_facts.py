"""Facts on a corpus that its reader states, for the command `corpora` and for hints.

A reader offers them as ``FACTS``. It may leave them out, for example if it belongs to
another package; the command then says what is known.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

NOT_STATED = "not stated by the reader"


@dataclass(frozen=True, kw_only=True)
class CorpusFacts:
    """Facts on a corpus that a user needs before reading it.

    Attributes:
        title: name of the corpus, as its authors write it
        root: file or folder that ROOT names
        page: address of the publisher's page; "" if there is none
        licence: under which the corpus is published
        ratings: kind of ratings and their scale
        texts: where transcripts come from
        size: number of utterances, speakers or hours
        signs: glob patterns of paths, of which a copy has at least one; by these, an
            error on another reader names this one
    """

    title: str
    root: str
    page: str = ""
    licence: str = NOT_STATED
    ratings: str = NOT_STATED
    texts: str = NOT_STATED
    size: str = NOT_STATED
    signs: tuple[str, ...] = ()

    def looks_like(self, root: Path) -> bool:
        """Return True if a folder, or a file of a copy, has one of the signs.

        Args:
            root: that the user named
        """
        if root.is_file():
            names = (sign.rpartition("/")[2] for sign in self.signs)
            return any(fnmatchcase(root.name, name) for name in names)
        return any(next(root.glob(sign), None) is not None for sign in self.signs)


def stated_facts(name: str, module: ModuleType) -> CorpusFacts:
    """Return the facts that a reader states, or those that follow from its module.

    Args:
        name: of the reader
        module: of the reader
    """
    facts = getattr(module, "FACTS", None)
    if isinstance(facts, CorpusFacts):
        return facts
    lines = (module.__doc__ or "").strip().splitlines()
    comes_along = getattr(module, "ROOT", None) is not None
    root = "none: the corpus comes with the reader" if comes_along else NOT_STATED
    return CorpusFacts(title=lines[0] if lines else name, root=root)

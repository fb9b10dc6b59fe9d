"""Recordings of a corpus that cannot be decoded without the package av."""

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from data import media
from data.utterance import Corpus, Problem

FEW = 1024  # files that are known without another look; spans of one follow each other


def verify(corpus: Corpus) -> tuple[Problem, ...]:
    """Name every utterance whose recording needs the package av, if it is missing.

    The first bytes of each recording are read; all else that is wrong with one is found
    where it is decoded.
    """
    return () if media.is_readable() else tuple(_unreadable(corpus))


def _unreadable(corpus: Corpus) -> Iterator[Problem]:
    look = lru_cache(FEW)(_advice)
    for utterance in corpus.utterances:
        path = utterance.audio
        if path is not None and (reason := look(path)):
            name = path.relative_to(corpus.root).as_posix()
            yield Problem(name, reason, id=utterance.id)


def _advice(path: Path) -> str:
    """Return what to do about a file; an empty text if libsndfile may read it."""
    with suppress(OSError):
        if path.is_file() and (container := media.find(path)):
            return media.advice(container, path)
    return ""

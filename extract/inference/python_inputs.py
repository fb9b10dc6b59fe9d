"""Inputs of a prediction from Python: files, arrays and texts, as recordings."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, cast

from affuse.data.errors import AffuseError
from affuse.extract.inference import transcripts
from affuse.extract.inference.array_recordings import ArrayFolder
from affuse.extract.inference.segments import Recording, TimedText

PathName = str | PathLike[str]
Source = PathName | tuple[Any, float] | None
# options of `predict` that are arguments of `load` and `Model.predict`
FLAG = re.compile(
    r"--((?:audio|text)-checkpoint|cache|channels|design|device|hop|segment|speakers|"
    r"threads|transcribe|window)\b"
)
WAYS = {  # {modality: how it is given in Python}
    "text": "as text=[...] or with transcribe=MODEL",
    "audio": "by naming the recording",
}
UNKNOWN = "give None as the text"  # see `LoadedFileModel.unknown`


@contextmanager
def python_names() -> Iterator[None]:
    """Replace options of the command line by arguments of Python in errors.

    Raises:
        AffuseError: the error that occurs in this context, with ``window 8`` in place
            of ``--window 8``
    """
    try:
        yield
    except AffuseError as error:
        error.args = tuple(
            FLAG.sub(lambda match: match[1].replace("-", "_"), str(line))
            for line in error.args
        )
        raise


def as_recordings(
    recordings: Source | Sequence[Source],
    text: str | None | Sequence[str | None],
    folder: ArrayFolder,
) -> list[Recording]:
    """Return sources with their texts; each array is written to a temporary file.

    Args:
        recordings: files, or pairs of samples and their rate in Hz; None for a text
            without a recording
        text: transcript of each recording, None where there is none
        folder: for the arrays

    Raises:
        AffuseError: if a source or a text has another type, an array is no sound, or
            the numbers of recordings and texts differ
    """
    sources = _as_list(recordings)
    texts = _as_texts(text, len(sources))
    pairs = zip(sources, texts, strict=True)
    return [_recording(source, text, folder) for source, text in pairs]


def _as_list(recordings: Source | Sequence[Source]) -> list[Source]:
    """Return the sources as a list; a single one is a list of one."""
    if isinstance(recordings, (str, bytes)) or not isinstance(recordings, Iterable):
        return [recordings]
    # A pair of two files has no number; an array of samples has a rate.
    if isinstance(recordings, tuple) and isinstance((None, *recordings)[-1], Real):
        return [cast(Source, recordings)]
    return list(cast(Sequence[Source], recordings))


def _as_texts(
    text: str | None | Sequence[str | None], number: int
) -> Sequence[str | None]:
    """Return a text or None for each recording.

    Raises:
        AffuseError: if there are more or fewer texts than recordings, or one is no text
    """
    if text is None:
        return [None] * number
    is_one = isinstance(text, (str, bytes)) or not isinstance(text, Iterable)
    texts = [cast(str, text)] if is_one else list(text)
    for place, each in enumerate(texts, 1):
        if each is not None and not isinstance(each, str):
            raise AffuseError(
                f"text {place} is {each!r:.30}, of the type {type(each).__name__}; "
                f"give a str, or None where there is no text"
            )
    if len(texts) != number:
        raise AffuseError(
            f"there are {len(texts)} texts for {number} recordings; give one text for "
            f"each, and None where there is none"
        )
    return texts


def _recording(source: Source, text: str | None, folder: ArrayFolder) -> Recording:
    """Return a source as a recording; an array is written to a temporary file.

    Raises:
        AffuseError: if the source is neither a path, nor an array of samples and its
            rate, nor None
    """
    texts = () if text is None else (TimedText(transcripts.clean(text)),)
    if source is None:
        return Recording("", texts=texts)
    if isinstance(source, tuple) and len(source) == 2:
        written = folder.write(*source)
        return Recording(written.file, written.path, texts)
    if isinstance(source, (str, PathLike)):
        name = str(Path(source))
        return Recording(name, Path(name), texts)
    length = f" of length {len(source)}" if isinstance(source, tuple) else ""
    raise AffuseError(
        f"a recording is of the type {type(source).__name__}{length}; give a path, a "
        f"pair of samples and their rate in Hz, such as (samples, 16000), or None for "
        f"a text without a recording"
    )

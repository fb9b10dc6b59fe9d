"""Extraction of a corpus from Python, as the command ``affuse extract`` does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from affuse.data.reading import corpus_reading
from affuse.data.shared_options import READ, defaults, disjoint
from affuse.data.terminal import say as print_line
from affuse.extract.commands.extract_command import encode
from affuse.extract.extraction_options import ENCODE


@dataclass(frozen=True)
class Extraction:
    """Caches of one corpus, and how many problems left something out of them."""

    folders: Mapping[str, Path]  # by modality
    left_out: int  # problems that cost an utterance something; all are in problems.csv


def extract_corpus(
    corpus: str,
    root: str | PathLike[str] | None = None,
    *,
    audio_checkpoint: str = "",
    text_checkpoint: str = "",
    cache: str | PathLike[str] = "cache",
    say: Callable[[str], object] = print_line,
    **options: Any,
) -> Extraction:
    """Encode a corpus into the cache, as the command ``affuse extract`` does.

    What is cached already is not encoded again.

    Args:
        corpus: name of a reader, such as "demo" or "manifest"
        root: folder of the corpus; the demo needs none
        audio_checkpoint: "mini", a folder, or a name on the hub; "" for the default
        text_checkpoint: the same for transcripts
        cache: folder of all caches
        say: is called with each line that the command would print
        options: other options of the command with underscores, such as
            ``layers=("all",)``, ``modalities=("audio",)`` or ``scale=(1, 5)``

    Returns:
        the cache of each modality, and how many problems left something out

    Raises:
        AffuseError: if an option is unknown, or the corpus or a checkpoint cannot be
            used
        FileNotFoundError: if the corpus or a checkpoint is not there
    """
    given: dict[str, Any] = {
        "corpus": corpus,
        "root": None if root is None else Path(root),
        "cache": Path(cache),
    }
    if audio_checkpoint:
        given["audio_checkpoint"] = audio_checkpoint
    if text_checkpoint:
        given["text_checkpoint"] = text_checkpoint
    found = defaults((*READ, *ENCODE), **disjoint(given, options))
    read = corpus_reading.read_aloud(say, **found)
    left_out, folders = encode(read, cache=found.pop("cache"), say=say, found=found)
    return Extraction(folders, left_out)

"""Extraction of a corpus from Python, with the options of ``affuse extract``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from affuse.data.options.command_record import merge_values
from affuse.data.options.extraction_options import Extract
from affuse.data.reading import corpus_reading
from affuse.data.terminal import print_line
from affuse.extract.commands.extract_command import encode


@dataclass(frozen=True)
class Extraction:
    """Caches of one corpus, and the number of problems that left inputs out."""

    folders: Mapping[str, Path]  # by modality
    left_out: int  # problems that left an input out; all problems are in problems.csv


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

    Inputs that are cached already are not encoded again.

    Args:
        corpus: name of a reader, such as "demo" or "manifest"
        root: folder of the corpus; the demo needs none
        audio_checkpoint: "mini", a folder, or a name on the hub; "" for the default
        text_checkpoint: the same for transcripts
        cache: folder of all caches
        say: called with each line that the command would print
        options: other options of the command by the names of their flags, with
            underscores, such as ``layers="last"``, ``modality="audio"`` or
            ``scale=(1, 5)``. An option with NAME=VALUE pairs takes a mapping, such as
            ``map={"valence": "pleasure"}``

    Returns:
        the cache of each modality, and the number of problems that left inputs out

    Raises:
        AffuseError: if an option is unknown, or the corpus or a checkpoint cannot be
            used
        FileNotFoundError: if the corpus or a checkpoint does not exist
    """
    named = {
        "corpus": corpus,
        "root": root,
        "audio_checkpoint": audio_checkpoint,
        "text_checkpoint": text_checkpoint,
        "cache": cache,
    }
    command = Extract.from_values(**merge_values(named, options))
    left_out, folders = encode(
        corpus_reading.read_and_describe(say, command), command, say
    )
    return Extraction(folders, left_out)

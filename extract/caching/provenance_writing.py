"""Writing of the provenance of a cache, so that its command can be repeated.

The format, and the reading, are in `affuse.data.cache.provenance`.
"""

import json
import os
from pathlib import Path

from affuse.data.cache.provenance import FLAGS, OPTIONAL_FIELDS, path
from affuse.data.cache.recipe import Recipe
from affuse.data.modality import BUILT_IN
from affuse.data.options.extraction_options import Extract, checkpoints
from affuse.data.system.digests import write_and_list as keep_file
from affuse.extract.checkpoints.checkpoint_files import MINI, TINY
from affuse.extract.encoding.choices import Choice

STORED_OPTIONS = FLAGS.keys() - set(OPTIONAL_FIELDS)


def keep(folder: Path, recipe: Recipe, choice: Choice, options: Extract) -> None:
    """Write the command and the options that extract one folder.

    Args:
        folder: of the cache
        recipe: of its embeddings
        choice: of the encoder
        options: of the command; without a corpus, as for a corpus that was built in
            Python, there is no command, and nothing is written
    """
    if not options.corpus:
        return
    root, recordings, modality = options.root, options.recordings, recipe.modality
    # An encoder of another modality would be refused if only this one is encoded.
    is_typed = any(v.rpartition("=")[2] == choice.encoder for v in options.encoders)
    places = {modality: _place(choice.checkpoint)} if choice.checkpoint else {}
    sources = {
        "encoders": [f"{modality}={choice.encoder}"] if is_typed else [],
        "other_checkpoints": [],
        "recordings": recordings and os.path.abspath(recordings),
        "transcripts": recipe.transcripts,
        **dict.fromkeys((f"{name}_checkpoint" for name in BUILT_IN), ""),
        **checkpoints(places),
    }
    call = {
        **{
            name: value
            for name, value in vars(options).items()
            if name in STORED_OPTIONS
        },
        "corpus": options.corpus,
        "root": None if root is None else os.path.abspath(root),
        "modalities": [modality],
        "revision": [recipe.revision] if recipe.revision else [],
        "dtype": recipe.dtype,
        "layers": [choice.layers],
        "pooling": [recipe.pooling],
        "head": choice.head,
        **{
            n: value
            for n, value in sources.items()
            if value or n not in OPTIONAL_FIELDS
        },
    }
    text = json.dumps(call, indent=1, sort_keys=True)
    keep_file(path(folder), f"{text}\n".encode())


def _place(checkpoint: str) -> str:
    """Return a checkpoint with an absolute path, valid in any working directory."""
    folder = os.path.expanduser(checkpoint)
    is_named = checkpoint not in ("", MINI, TINY) and os.path.isdir(folder)
    return os.path.abspath(folder) if is_named else checkpoint

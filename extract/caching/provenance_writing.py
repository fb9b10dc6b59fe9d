"""Keeps how each cache was made beside it, so that it can be made again.

What is kept, and how it is read again, is in `affuse.data.cache.provenance`.
"""

import json
import os
from pathlib import Path

from affuse.data.cache.provenance import FLAGS, LATER, path
from affuse.data.cache.recipe import Recipe
from affuse.data.modality import BUILT_IN
from affuse.data.options.extraction_options import Extract, checkpoints
from affuse.data.system.digests import keep as keep_file
from affuse.extract.checkpoints.checkpoint_files import MINI, TINY
from affuse.extract.encoding.choices import Choice

KEPT = FLAGS.keys() - set(LATER)


def keep(folder: Path, recipe: Recipe, choice: Choice, options: Extract) -> None:
    """Keep the part of a command line that makes one folder.

    Args:
        folder: of the cache
        recipe: of its embeddings
        choice: the encoder
        options: of the command; without a corpus, as where it was made in Python, there
            is no such line
    """
    if not options.corpus:
        return
    root, modality = options.root, recipe.modality
    # a list of another modality would be refused where only this one is encoded
    is_typed = any(v.rpartition("=")[2] == choice.encoder for v in options.encoders)
    named = {modality: _place(choice.checkpoint)} if choice.checkpoint else {}
    more = {
        "encoders": [f"{modality}={choice.encoder}"] if is_typed else [],
        "other_checkpoints": [],
        **dict.fromkeys((f"{name}_checkpoint" for name in BUILT_IN), ""),
        **checkpoints(named),
    }
    call = {
        **{name: value for name, value in vars(options).items() if name in KEPT},
        "corpus": options.corpus,
        "root": None if root is None else os.path.abspath(root),
        "modalities": [modality],
        "revision": [recipe.revision] if recipe.revision else [],
        "dtype": choice.dtype,
        "layers": [choice.layers],
        "pooling": [choice.pooling],
        "head": choice.head,
        **{name: value for name, value in more.items() if value or name not in LATER},
    }
    text = json.dumps(call, indent=1, sort_keys=True)
    keep_file(path(folder), f"{text}\n".encode())


def _place(checkpoint: str) -> str:
    """Return a checkpoint as it can be typed in any folder."""
    folder = os.path.expanduser(checkpoint)
    is_named = checkpoint not in ("", MINI, TINY) and os.path.isdir(folder)
    return os.path.abspath(folder) if is_named else checkpoint

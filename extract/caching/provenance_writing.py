"""Keeps how each cache was made beside it, so that it can be made again.

What is kept, and how it is read again, is in `affuse.data.cache.provenance`.
"""

import json
import os
from pathlib import Path

from affuse.data.cache.provenance import FLAGS, path
from affuse.data.cache.recipe import Recipe
from affuse.data.options.extraction_options import Extract
from affuse.data.system.digests import keep as keep_file
from affuse.extract.checkpoints.checkpoint_files import MINI, TINY
from affuse.extract.encoding.choices import Choice


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
    root, checkpoint = options.root, Path(os.path.expanduser(choice.checkpoint))
    other = "text" if recipe.modality == "audio" else "audio"
    call = {
        **{name: value for name, value in vars(options).items() if name in FLAGS},
        "corpus": options.corpus,
        "root": None if root is None else os.path.abspath(root),
        "modalities": [recipe.modality],
        "revision": [recipe.revision] if recipe.revision else [],
        "dtype": choice.dtype,
        "layers": [choice.layers],
        "pooling": [choice.pooling],
        "head": choice.head,
        f"{other}_checkpoint": "",
    }
    if choice.checkpoint not in ("", MINI, TINY) and checkpoint.is_dir():
        call[f"{recipe.modality}_checkpoint"] = os.path.abspath(checkpoint)
    text = json.dumps(call, indent=1, sort_keys=True)
    keep_file(path(folder), f"{text}\n".encode())

"""Keeps how each cache was made beside it, so that it can be made again.

What is kept, and how it is read again, is in `affuse.data.cache.provenance`.
"""

import json
import os
from pathlib import Path
from typing import Any

from affuse.data.cache.provenance import FLAGS, path
from affuse.data.cache.recipe import Recipe
from affuse.data.modality import BUILT_IN
from affuse.data.system.digests import keep as keep_file
from affuse.extract.checkpoints.checkpoint_files import MINI, TINY
from affuse.extract.encoding.choices import Choice


def keep(folder: Path, recipe: Recipe, choice: Choice, found: dict[str, Any]) -> None:
    """Keep the part of a command line that makes one folder.

    Args:
        found: the options of the command line, by name; without a corpus among them
            there is no such line
    """
    if "corpus" not in found:
        return
    root, checkpoint = found["root"], Path(os.path.expanduser(choice.checkpoint))
    others = (name for name in BUILT_IN if name != recipe.modality)
    call = {
        **{name: found[name] for name in FLAGS},
        "corpus": found["corpus"],
        "root": None if root is None else os.path.abspath(root),
        "modalities": [recipe.modality],
        "revision": [recipe.revision] if recipe.revision else [],
        "dtype": choice.dtype,
        "layers": [choice.layers],
        "pooling": [choice.pooling],
        "head": choice.head,
        **{f"{name}_checkpoint": "" for name in others},
    }
    if (
        recipe.modality in BUILT_IN
        and choice.checkpoint not in ("", MINI, TINY)
        and checkpoint.is_dir()
    ):
        call[f"{recipe.modality}_checkpoint"] = os.path.abspath(checkpoint)
    text = json.dumps(call, indent=1, sort_keys=True)
    keep_file(path(folder), f"{text}\n".encode())

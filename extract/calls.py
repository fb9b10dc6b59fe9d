"""How each cache was made, kept beside it, so that it can be made again.

``<cache>/<corpus>/<folder>.json`` holds what was typed after ``extract``, with paths
made absolute and the checkpoint's commit pinned: what is newest will be another.
"""

import json
import os
import shlex
from pathlib import Path
from typing import Any

from data import plugins, reading
from data.output import printable
from data.recipe import MODALITIES, Recipe
from data.system.digests import keep as keep_file
from data.system.documents import read_json
from data.system.schema import Flag, ListOf, Maybe, Number, OneOf, Record, Text, Whole
from extract.choice import Choice
from extract.encoders._checkpoint import MINI, TINY

# Options of the command line by the name of their value; `extract.options` explains.
FLAGS = {
    "name": "--name",
    "nature": "--nature",
    "columns": "--map",
    "scale": "--scale",
    "table": "--table",
    "dominance": "--dominance",
    "modalities": "--modality",
    "audio_checkpoint": "--audio-checkpoint",
    "text_checkpoint": "--text-checkpoint",
    "revision": "--revision",
    "layers": "--layers",
    "pooling": "--pooling",
    "dtype": "--dtype",
    "head": "--head",
    "device": "--device",
    "threads": "--threads",
    "batch": "--batch",
    "block_seconds": "--block-seconds",
    "max_seconds": "--max-seconds",
    "limit": "--limit",
}
WORD = Text(10_000)
KIND = Record(
    {
        **dict.fromkeys(("corpus", *FLAGS), WORD),
        **dict.fromkeys(("root", "nature", "table", "dominance"), Maybe(WORD)),
        **dict.fromkeys(("columns", "revision", "layers", "pooling"), ListOf(WORD)),
        **dict.fromkeys(("batch", "block_seconds", "max_seconds"), Maybe(Number())),
        **dict.fromkeys(("threads", "limit"), Maybe(Whole())),
        "modalities": ListOf(OneOf(MODALITIES), most=1, least=1),  # one a folder
        "scale": Maybe(ListOf(Number(), most=2, least=2)),
        "head": Flag(),
    }
)
LARGEST = 2**20  # bytes of such a file
ADVICE = "extract into this cache again"


def path(folder: Path) -> Path:
    """Where the call that made a cache folder is kept."""
    return folder.with_name(f"{folder.name}.json")


def keep(folder: Path, recipe: Recipe, choice: Choice, found: dict[str, Any]) -> None:
    """Keep the part of a command line that makes one folder.

    Args:
        found: the options of the command line, by name; without a corpus among them
            there is no such line
    """
    if "corpus" not in found:
        return
    root, checkpoint = found["root"], Path(os.path.expanduser(choice.checkpoint))
    other = "text" if recipe.modality == "audio" else "audio"
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
        f"{other}_checkpoint": "",
    }
    if choice.checkpoint not in ("", MINI, TINY) and checkpoint.is_dir():
        call[f"{recipe.modality}_checkpoint"] = os.path.abspath(checkpoint)
    text = json.dumps(call, indent=1, sort_keys=True)
    keep_file(path(folder), f"{text}\n".encode())


def load(folder: Path) -> dict[str, Any]:
    """The options that `keep` kept, as the command line would give them.

    Raises:
        FileNotFoundError: if none were kept
        DamagedFileError: if the file is damaged
    """
    kept = path(folder)
    if not kept.exists():
        raise FileNotFoundError(f"{kept} not found, which says how it was made")
    found: dict[str, Any] = read_json(kept, KIND, advice=ADVICE, limit=LARGEST)
    found["root"] = None if found["root"] is None else Path(found["root"])
    found["scale"] = None if found["scale"] is None else tuple(found["scale"])
    return found


def command(call: dict[str, Any], cache: Path) -> str:
    """What to type to make it again."""
    words = [call["corpus"]]
    if call["root"] is not None:
        words.append(call["root"])
    for name, flag in FLAGS.items():
        value = call[name]
        if value is None or value is False or value == "":
            continue
        if value is True:
            words.append(flag)
        elif name == "scale":
            words += [flag, *value]
        else:
            for each in value if isinstance(value, list) else [value]:
                words += [flag, each]
    return _line([*words, "--cache", cache])


def guess(recipe: Recipe, cache: Path) -> str:
    """What to type, as far as a cache says it itself."""
    known = recipe.corpus in plugins.names(reading.PACKAGE)
    options = {
        "--name": "" if known else recipe.corpus,
        "--modality": recipe.modality,
        f"--{recipe.modality}-checkpoint": recipe.checkpoint,
        "--revision": recipe.revision,
        "--layers": ",".join(map(str, recipe.layers)),
        "--pooling": recipe.pooling,
        "--dtype": recipe.dtype,
        "--cache": cache,
    }
    given = [word for pair in options.items() if pair[1] for word in pair]
    head = ["--head"] * bool(recipe.head)
    return _line([recipe.corpus if known else "CORPUS", "ROOT", *given, *head])


def _line(words: list[Any]) -> str:
    quoted = (shlex.quote(str(word)) for word in words)
    return printable(f"python cli.py extract {' '.join(quoted)}")

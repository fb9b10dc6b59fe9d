"""Licences of checkpoints: where they are stated, and what they permit.

A licence is an identifier of the Hugging Face hub, such as ``apache-2.0``. This is no
legal advice: it prevents that a licence is overlooked.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from huggingface_hub import hf_hub_download

from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.finetuning_folder import FinetunedFold
from affuse.data.system.documents import read_json
from affuse.data.system.regular_files import SMALL, open_regular
from affuse.data.system.schema import MapOf, Plain, Record, Text
from affuse.extract.checkpoints.checkpoint_files import BUNDLED, MINI, SHORT, TINY

OTHER, UNKNOWN = "other", "unknown"  # identifiers of the hub
KNOWN = {  # by the name of a checkpoint or of a set of features
    SHORT["audeering"]: "cc-by-nc-sa-4.0",
    SHORT["distilbert"]: "apache-2.0",
    "acoustic": "mit",
    "eGeMAPSv02": OTHER,  # audEERING Research License Agreement: no commercial use
    TINY: "mit",
}
# Licences that permit redistribution of unchanged copies with their text.
REDISTRIBUTABLE = re.compile(
    r"mit|isc|zlib|unlicense|wtfpl|afl-3\.0|ecl-2\.0|ms-pl|artistic-2\.0|bsl-1\.0"
    r"|apache-2\.0|bsd|bsd-[23]-clause.*|mpl-2\.0|eupl-1\.[12]|[al]?gpl(-[23]\.[01])?"
    r"|cc|cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-\d\.\d|odc-by|pddl|cdla-.*"
    r"|openrail(\+\+)?|bigscience-.*|bigcode-.*|creativeml-openrail-m"
)
LINE = re.compile(r"^license:[ \t]*['\"]?([A-Za-z0-9.+-]{1,100})['\"]?[ \t]*$", re.M)
TEXTS = {"MIT License": "mit", "Apache License": "apache-2.0"}  # beginnings of LICENSE
BASES = Record(  # of a fine-tuning
    {"checkpoints": MapOf(Record({"name": Text()}, others=Text()))},
    others=Plain(depth=6, most=1_000_000),
)


def find_licence(recipe: Recipe, folder: Path | None) -> str:
    """Return the licence of an encoder; "" if it is not stated.

    It is looked for in the model card and the file LICENSE of the folder, on the hub,
    and for a fine-tuned encoder at the checkpoint that its training began with.

    Args:
        recipe: of the encoder
        folder: with the files of its checkpoint; None if it has none
    """
    modality = recipe.modality
    if known := _known(recipe.checkpoint, modality):
        return known
    if folder is None:
        return ""
    if licence := _stated(folder):
        return licence
    if recipe.revision:
        return _on_hub(recipe.checkpoint, recipe.revision)
    return _known(_base(folder, modality), modality)


def _known(name: str, modality: str) -> str:
    """Return the licence of a known checkpoint or set of features, or ""."""
    return _stated(BUNDLED / modality) if name == MINI else KNOWN.get(name, "")


def _stated(folder: Path) -> str:
    """Return the licence that the files of a folder state, or ""."""
    with suppress(OSError, AffuseError):
        card = _read(CheckpointFolder(folder).card)
        if card.startswith("---") and (found := LINE.search(card.split("\n---", 1)[0])):
            return found[1].lower()
    for path in sorted(folder.glob("LICENSE*")):
        with suppress(OSError, AffuseError):
            beginning = _read(path).lstrip()[:1_000]
            for words, licence in TEXTS.items():
                if words in beginning:
                    return licence
    return ""


def _read(path: Path) -> str:
    """Return the text of a file."""
    with open_regular(path, limit=SMALL) as file:
        return file.read().decode(errors="replace")


def _on_hub(name: str, revision: str) -> str:
    """Return the licence on the hub; "" if it is not stated, or the hub not reached."""
    with suppress(Exception):  # the hub's library raises many kinds of errors
        card = hf_hub_download(name, CheckpointFolder.card, revision=revision)
        return _stated(Path(card).parent)
    return ""


def _base(folder: Path, modality: str) -> str:
    """Return the checkpoint from which a folder was fine-tuned; "" if unknown."""
    mark = FinetunedFold(folder.resolve().parent).mark
    with suppress(OSError, AffuseError):
        facts = read_json(mark, BASES, advice="fine-tune again")
        return str(facts["checkpoints"][modality]["name"])
    return ""


def permits_redistribution(licence: str, *, changed: bool) -> bool:
    """Return True if a licence is known to permit copies of a checkpoint.

    Args:
        licence: identifier; "" if it is not known
        changed: True for a fine-tuned checkpoint, which a licence without derivatives
            does not permit

    Examples:
        >>> permits_redistribution("cc-by-nc-sa-4.0", changed=True)
        True
        >>> permits_redistribution("cc-by-nd-4.0", changed=True)
        False
        >>> permits_redistribution("other", changed=False)
        False
    """
    is_permitted = bool(REDISTRIBUTABLE.fullmatch(licence))
    return is_permitted and not (changed and "-nd-" in licence)


def is_restricted(licence: str) -> bool:
    """Return True if a licence excludes commercial use, or may exclude it.

    Examples:
        >>> is_restricted("cc-by-nc-sa-4.0"), is_restricted("mit"), is_restricted("")
        (True, False, True)
    """
    return "-nc" in licence or licence in ("", OTHER, UNKNOWN)


def inherited(licences: Iterable[str]) -> str:
    """Return the licence of a model whose encoders have these licences.

    A restricted licence is inherited. Several others are named `OTHER`, and the model
    card lists them.

    Args:
        licences: of all encoders; "" for an unknown one

    Examples:
        >>> inherited(["mit", "cc-by-nc-sa-4.0"]), inherited(["mit", "mit"])
        ('cc-by-nc-sa-4.0', 'mit')
    """
    names = {name or UNKNOWN for name in licences}
    decisive = {name for name in names if is_restricted(name)} or names
    return decisive.pop() if len(decisive) == 1 else OTHER

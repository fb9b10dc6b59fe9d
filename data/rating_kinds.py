"""Kind of ratings of a corpus: human, synthetic or proxy.

A result on synthetic speech or on proxy ratings must not be mistaken for a result on
people. So a small file beside the data states the kind, and every table is labelled
with it.
"""

import json
from pathlib import Path

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.records import NATURES
from affuse.data.system.documents import read_json
from affuse.data.system.schema import OneOf, Plain, Record

SIDECAR = "affuse.json"  # {"nature": "human" | "synthetic" | "proxy"}
LARGEST = 2**20  # bytes of the sidecar
KIND = Record({}, {"nature": OneOf(NATURES)}, others=Plain())  # see corpora.manifest
REHEARSAL = "rehearsal.json"  # beside spoken rehearsal trees: synthetic speech


def read_nature(root: Path) -> str:
    """Return the kind of ratings that a folder states; ``human`` if it states none.

    Args:
        root: folder of a corpus

    Raises:
        AffuseError: if the sidecar states another kind, or cannot be read
    """
    if (root / REHEARSAL).exists():
        return "synthetic"
    sidecar = root / SIDECAR
    if not sidecar.exists():
        return "human"
    try:
        content = read_json(sidecar, KIND, advice="correct it", limit=LARGEST)
    except DamagedFileError as error:
        raise AffuseError(
            f'{sidecar} should hold {{"nature": "human"}}, or "synthetic", or "proxy", '
            f"but {error}"
        ) from error
    return str(content.get("nature", "human"))


def read_nature_below(root: Path, folder: Path) -> str:
    """Return the kind of ratings that a folder, or one above it, states.

    Args:
        root: the uppermost folder that may state it
        folder: of a corpus, `root` or below it

    Returns:
        the first kind other than ``human``, from `folder` upwards

    Raises:
        AffuseError: as `read_nature` does
    """
    parents = [place for place in folder.parents if place.is_relative_to(root)]
    natures = (read_nature(place) for place in (folder, *parents))
    return next((word for word in natures if word != "human"), "human")


def write_nature(root: Path, nature: str) -> None:
    """Write the sidecar; the `sample` function of a corpus reader calls this.

    Args:
        root: folder of a corpus
        nature: kind of its ratings, one of `NATURES`
    """
    text = json.dumps({"nature": nature}) + "\n"
    (root / SIDECAR).write_text(text, encoding="utf-8")

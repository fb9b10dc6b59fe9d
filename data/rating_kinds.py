"""Whether a corpus is what people said and felt, or something made to look like it.

A figure on synthetic speech or on proxy ratings must never pass for a figure about
people. So the folder itself says what it is, in a small file beside the data, and the
word travels from there into every table.
"""

import json
from pathlib import Path

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.records import NATURES
from affuse.data.system.documents import read_json
from affuse.data.system.schema import OneOf, Plain, Record

SIDECAR = "affuse.json"  # {"nature": "human" | "synthetic" | "proxy"}
LARGEST = 2**20  # bytes of it
KIND = Record({}, {"nature": OneOf(NATURES)}, others=Plain())  # see corpora.manifest
REHEARSAL = "rehearsal.json"  # beside spoken rehearsal trees: synthetic speech


def stated(root: Path) -> str:
    """What the folder says of itself; ``human`` where it says nothing.

    Raises:
        AffuseError: if the sidecar file says anything else, or cannot be read
    """
    if (root / REHEARSAL).exists():
        return "synthetic"
    sidecar = root / SIDECAR
    if not sidecar.exists():
        return "human"
    try:
        known = read_json(sidecar, KIND, advice="correct it", limit=LARGEST)
    except DamagedFileError as error:
        raise AffuseError(
            f'{sidecar} should hold {{"nature": "human"}}, or "synthetic", or "proxy", '
            f"but {error}"
        ) from error
    return str(known.get("nature", "human"))


def state(root: Path, nature: str) -> None:
    """Write the sidecar, as `sample` of a corpus reader does."""
    text = json.dumps({"nature": nature}) + "\n"
    (root / SIDECAR).write_text(text, encoding="utf-8")

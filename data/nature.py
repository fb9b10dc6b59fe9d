"""Whether a corpus is what people said and felt, or something made to look like it.

A figure on synthetic speech or on proxy ratings must never pass for a figure about
people. So the folder itself says what it is, in a small file beside the data, and the
word travels from there into every table.
"""

import json
from pathlib import Path

from data.errors import AffuseError
from data.utterance import NATURES

SIDECAR = "affuse.json"  # {"nature": "human" | "synthetic" | "proxy"}
REHEARSAL = "rehearsal.json"  # beside spoken rehearsal trees: synthetic speech


def stated(root: Path) -> str:
    """What the folder says of itself; ``human`` where it says nothing.

    Raises:
        AffuseError: if the sidecar file says anything else, or cannot be read
    """
    if (root / REHEARSAL).is_file():
        return "synthetic"
    sidecar = root / SIDECAR
    if not sidecar.is_file():
        return "human"
    try:
        known = json.loads(sidecar.read_text(encoding="utf-8"))
        return NATURES[NATURES.index(known.get("nature", "human"))]
    except (ValueError, AttributeError) as error:
        raise AffuseError(
            f'{sidecar} should hold {{"nature": "human"}}, or "synthetic", or "proxy"'
        ) from error


def state(root: Path, nature: str) -> None:
    """Write the sidecar, as `sample` of a corpus reader does."""
    text = json.dumps({"nature": nature}) + "\n"
    (root / SIDECAR).write_text(text, encoding="utf-8")

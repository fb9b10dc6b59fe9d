"""The demo corpus: 510 synthetic utterances that come with the program.

Sentences written for it, spoken by ten espeak-ng voices in five sessions, with ratings
of valence, arousal and dominance from 1 to 5 by simulated raters. Nothing in it was
said, felt or judged by people: its figures say that the pipeline works, and nothing
about emotions. README.md beside this file says how it was made; ``make`` makes it.
"""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from affuse.data import rating_kinds
from affuse.data.corpora import manifest
from affuse.data.records import Corpus, Count, Problem
from affuse.data.system.documents import read_json
from affuse.data.system.regular_files import SMALL, open_regular
from affuse.data.system.schema import MapOf, Plain, Record, Text

ROOT = Path(__file__).parent  # where the corpus lies, unless another copy is named
NAME = "demo"
TABLE = "demo.csv"
MADE = "made.json"  # the seed and versions that made a copy, and its recordings
KIND = Record({"recordings": MapOf(Text(64))}, others=Plain())
LARGEST = SMALL  # bytes of a recording
SIZES = {"utterances": 510, "scripted": 160, "speakers": 10, "sessions": 5}


def read(root: Path) -> Corpus:
    """Read the utterances, dialogue by dialogue.

    Args:
        root: the corpus's folder, or its table

    Raises:
        FileNotFoundError: if there is no table
        AffuseError: if the table cannot be read
    """
    path = root / TABLE if root.is_dir() else root
    if not path.exists():
        raise FileNotFoundError(
            f"{path} not found; leave the folder out to read the copy that comes with "
            f"the program, or make one: python -m "
            f"affuse.data.corpora.demo.corpus_making {root}"
        )
    found = manifest.read(path, name=NAME)
    counts = tuple(Count(what, SIZES[what], n) for what, n in _sizes(found).items())
    return replace(found, protocol="loso", counts=counts)


def _sizes(corpus: Corpus) -> dict[str, int]:
    """What `SIZES` states, as it was found."""
    return {
        "utterances": len(corpus.utterances),
        "scripted": sum(u.scripted is True for u in corpus.utterances),
        "speakers": len({u.speaker for u in corpus.utterances}),
        "sessions": len({u.session for u in corpus.utterances}),
    }


def verify(corpus: Corpus) -> list[Problem]:
    """Name every recording that is not, byte for byte, the one that was made.

    Raises:
        AffuseError: if the note of what was made is damaged
    """
    path = corpus.root / MADE
    if not path.exists():
        return [Problem(MADE, "not found, so no recording was checked", fatal=False)]
    known = read_json(path, KIND, advice="copy it again")["recordings"]
    return [
        Problem(file, f"is not the recording that {MADE} lists; copy it again")
        for file, expected in known.items()
        if (lying := corpus.root / file).is_file()  # else `read` names it
        and digest(_content(lying)) != expected
    ]


def _content(recording: Path) -> bytes:
    with open_regular(recording, limit=LARGEST) as file:
        return file.read()


def digest(content: bytes) -> str:
    """Of a recording: 32 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:32]


def sample(root: Path) -> None:
    """Copy the whole corpus: it is small, and a part would not have its counts."""
    for name in (TABLE, rating_kinds.SIDECAR, MADE):
        shutil.copyfile(ROOT / name, root / name)
    shutil.copytree(ROOT / "audio", root / "audio", dirs_exist_ok=True)

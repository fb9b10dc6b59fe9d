"""Demo corpus: 510 synthetic utterances that come with the program.

The sentences were written for it. Ten espeak-ng voices speak them in five sessions, and
simulated raters rate valence, arousal and dominance from 1 to 5. No person spoke, felt
or judged anything: results on it show that the pipeline works, not how people feel.
README.md beside this file describes how `corpus_making` creates the corpus.
"""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from affuse.data import rating_kinds
from affuse.data.corpora import manifest
from affuse.data.corpus_facts import CorpusFacts
from affuse.data.records import Corpus, Count, Problem
from affuse.data.system.documents import read_json
from affuse.data.system.regular_files import SMALL, open_regular
from affuse.data.system.schema import MapOf, Plain, Record, Text

ROOT = Path(__file__).parent  # folder of the corpus, unless another copy is named
NAME = "demo"
TABLE = "demo.csv"
MADE = "made.json"  # seed and versions of a copy, and the digests of its recordings
KIND = Record({"recordings": MapOf(Text(64))}, others=Plain())
LARGEST = SMALL  # bytes of a recording
SIZES = {"utterances": 510, "scripted": 160, "speakers": 10, "sessions": 5}
FACTS = CorpusFacts(
    title="Demo corpus of this project",
    root="none: the corpus comes with the program",
    licence="MIT, as this project",
    ratings="synthetic: means over three simulated raters, from 1 to 5",
    texts="of every utterance",
    size="510 utterances of ten synthetic voices",
)


def read(root: Path) -> Corpus:
    """Return the corpus, with its utterances in the order of the dialogues.

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
    corpus = manifest.read(path, name=NAME)
    counts = tuple(Count(what, SIZES[what], n) for what, n in _sizes(corpus).items())
    return replace(corpus, protocol="loso", counts=counts)


def _sizes(corpus: Corpus) -> dict[str, int]:
    """Return the counts of a corpus, by the names in `SIZES`."""
    return {
        "utterances": len(corpus.utterances),
        "scripted": sum(u.scripted is True for u in corpus.utterances),
        "speakers": len({u.speaker for u in corpus.utterances}),
        "sessions": len({u.session for u in corpus.utterances}),
    }


def verify(corpus: Corpus) -> list[Problem]:
    """Return a problem for each recording whose digest differs from that in `MADE`.

    Args:
        corpus: as `read` returned it

    Raises:
        AffuseError: if `MADE` is damaged
    """
    path = corpus.root / MADE
    if not path.exists():
        return [Problem(MADE, "not found, so no recording was checked", fatal=False)]
    digests = read_json(path, KIND, advice="copy it again")["recordings"]
    return [
        Problem(file, f"is not the recording that {MADE} lists; copy it again")
        for file, expected in digests.items()
        if (recording := corpus.root / file).is_file()  # `read` names missing files
        and digest(_content(recording)) != expected
    ]


def _content(recording: Path) -> bytes:
    with open_regular(recording, limit=LARGEST) as file:
        return file.read()


def digest(content: bytes) -> str:
    """Return the first 32 hexadecimal digits of the SHA-256 of a recording."""
    return hashlib.sha256(content).hexdigest()[:32]


def sample(root: Path) -> None:
    """Write a copy of the whole corpus, since a part would not have its counts."""
    for name in (TABLE, rating_kinds.SIDECAR, MADE):
        shutil.copyfile(ROOT / name, root / name)
    shutil.copytree(ROOT / "audio", root / "audio", dirs_exist_ok=True)

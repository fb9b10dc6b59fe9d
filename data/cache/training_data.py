"""What an encoder has heard or read before it came here.

A checkpoint's folder says so in ``seen.json``, one record or a list of them::

    {"corpus": "iemocap", "speakers": ["1F", "1M"], "how": "fine-tuned on its ratings"}

What `finetune` writes also has the ``reader`` of the corpus and a ``sample`` of digests
of its inputs, so that the corpus is recognised under another name
(`affuse.data.cache.corpus_matching`). The records enter the recipe as
``training["seen"]``, so they go wherever the embeddings go. Of some checkpoints that
are used in this field it is known here, from their cards.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.system.documents import read_json
from affuse.data.system.schema import Plain, shown

FILE = "seen.json"
KEY = "seen"  # in the training of a recipe
MOST = 20  # records of one checkpoint; a recipe is to stay small
SAMPLED = 128  # inputs of which a record keeps digests
DIGITS = 12  # hexadecimal digits of each
LARGEST = 2**20  # bytes of its file
LONG = 6  # letters of a name that is hardly part of another word by chance
ANYTHING = Plain(depth=3)  # `parse` says what a record may hold
ADVICE = "correct it, or take another checkpoint"
TUNED = "fine-tuned on its ratings"  # in each record that `finetune` writes


@dataclass(frozen=True)
class Seen:
    """A corpus, or a part of it, that was trained on."""

    corpus: str  # compared word by word, letters and digits alone
    speakers: tuple[str, ...] = ()  # as the corpus names them; () for all
    splits: tuple[str, ...] = ()  # the corpus's own; () for all
    how: str = "trained on it"  # in words
    reader: str = ""  # of the corpus, in data/corpora; "" if it is not known
    sample: tuple[str, ...] = ()  # digests of some inputs, see `sample`

    def covers(self, corpus: str) -> bool:
        """Return True for the name of that corpus, or of a part or version of it.

        The words of the record must stand in the name, one after another; a name of
        six letters or more may also be part of a word.

        Examples:
            >>> Seen("MSP-Podcast").covers("msp_podcast-1.11"), Seen("x").covers("y")
            (True, False)
            >>> Seen("emo").covers("remote-demonstration"), Seen("emo").covers("emo2")
            (False, True)
        """
        name, words = _plain(self.corpus), _words(corpus)
        runs = (
            "".join(words[i:j])
            for i in range(len(words))
            for j in range(i + 1, len(words) + 1)
        )
        return name in runs or (len(name) >= LONG and name in _plain(corpus))


_PODCAST = Seen(
    "MSP-Podcast", splits=("train", "dev"), how="fine-tuned on its ratings of emotion"
)
_IEMOCAP = Seen(
    "IEMOCAP",
    how="fine-tuned on its emotions, and the card does not say without which session",
)
KNOWN: Mapping[str, tuple[Seen, ...]] = {  # name without its owner, in lower case
    "wav2vec2-large-robust-12-ft-emotion-msp-dim": (_PODCAST,),
    "ser-odyssey-baseline-wavlm-multi-attributes": (_PODCAST,),
    "ser-odyssey-baseline-wavlm-categorical": (_PODCAST,),
    "ser-odyssey-baseline-wavlm-valence": (_PODCAST,),
    "wav2vec2-base-superb-er": (_IEMOCAP,),
    "wav2vec2-large-superb-er": (_IEMOCAP,),
    "hubert-base-superb-er": (_IEMOCAP,),
    "hubert-large-superb-er": (_IEMOCAP,),
    "emotion-recognition-wav2vec2-iemocap": (_IEMOCAP,),
    "wav2vec2-lg-xlsr-en-speech-emotion-recognition": (
        Seen("RAVDESS", how="fine-tuned on its emotions"),
    ),
    "vad-bert": (Seen("EmoBank", how=TUNED),),
    "wav2vec2-mini-whisperdistil": (
        Seen("EmoDB", how="distilled on its recordings, without labels"),
        Seen("LibriSpeech", how="distilled on its recordings, without labels"),
    ),
    "mini": (Seen("LibriSpeech", how="distilled on its recordings, without labels"),),
}


def of(recipe: Recipe) -> tuple[Seen, ...]:
    """What the encoder of a recipe has seen, as far as it is known.

    Raises:
        AffuseError: if the records of the recipe are none
    """
    return known(recipe.checkpoint, recipe.training)


def known(checkpoint: str, training: Mapping[str, Any]) -> tuple[Seen, ...]:
    """What a checkpoint of that name has seen, by its own records and by its card.

    Args:
        checkpoint: name on the hub, or of its folder
        training: as `read` gave it

    Raises:
        AffuseError: if the records are none
    """
    own = parse(training.get(KEY, []))
    return (*own, *KNOWN.get(checkpoint.rpartition("/")[2].lower(), ()))


def read(folder: Path) -> dict[str, Any]:
    """What a checkpoint's folder says, for the recipe; {} if it says nothing.

    Raises:
        AffuseError: if its ``seen.json`` holds no records
    """
    path = folder / FILE
    if not path.exists():
        return {}
    found = read_json(path, ANYTHING, advice=ADVICE, limit=LARGEST)
    try:
        parse(found)
    except AffuseError as error:
        raise AffuseError(f"{path}: {error}") from error
    return {KEY: found if isinstance(found, list) else [found]}


def parse(found: object) -> tuple[Seen, ...]:
    """One record or several, as JSON has them.

    Raises:
        AffuseError: saying what a record may hold
    """
    records = found if isinstance(found, list) else [found]
    if len(records) > MOST:
        raise AffuseError(f"{len(records)} records of what was seen; at most {MOST}")
    return tuple(_record(record) for record in records)


def _record(found: object) -> Seen:
    names = [field.name for field in fields(Seen)]
    if not isinstance(found, dict) or not found.keys() <= set(names):
        raise AffuseError(
            f"a record of what was seen has {', '.join(names)}, got {shown(found)}"
        )
    texts = [found.get("corpus"), found.get("how", ""), found.get("reader", "")]
    lists = [found.get(name, []) for name in ("speakers", "splits", "sample")]
    if not (
        all(isinstance(text, str) for text in texts)
        and _plain(str(texts[0]))
        and all(isinstance(x, list | tuple) for x in lists)
        and all(isinstance(name, str) for x in lists for name in x)
    ):
        raise AffuseError(
            f"a record of what was seen needs a corpus, a name; speakers, splits and "
            f"sample are lists of names, got {shown(found)}"
        )
    speakers, splits, sample = (tuple(names) for names in lists)
    how = str(found.get("how", Seen.how))
    reader = str(found.get("reader", ""))
    return Seen(str(found["corpus"]), speakers, splits, how, reader, sample)


def _plain(name: str) -> str:
    """Letters and digits, in lower case."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _words(name: str) -> list[str]:
    """Words and numbers of a name, in lower case."""
    return re.findall(r"[^\W\d_]+|\d+", name.casefold())


def sample(digests: Iterable[str]) -> tuple[str, ...]:
    """Return the smallest digests, shortened.

    Two corpora that share a part of their inputs share about this part of their
    samples, for digests are random (a bottom-k sketch; Cohen and Kaplan, 2007).

    Args:
        digests: hexadecimal, of inputs; "" for one that is not known
    """
    return tuple(sorted({d[:DIGITS] for d in digests if d})[:SAMPLED])

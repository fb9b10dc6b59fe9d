"""Training data of checkpoints: records of the corpora that an encoder was trained on.

The file ``seen.json`` in a checkpoint's folder holds one record or a list of records::

    {"corpus": "iemocap", "speakers": ["1F", "1M"], "how": "fine-tuned on its ratings"}

Records of `finetune` also have the ``reader`` of the corpus and a ``sample`` of digests
of its inputs. By these, `affuse.data.cache.corpus_matching` recognises the corpus under
another name. The recipe of embeddings holds the records as ``training["seen"]``. For
some public checkpoints, this module has records from their model cards.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.system.documents import read_json
from affuse.data.system.mismatches import shown
from affuse.data.system.schema import Plain

FILE = "seen.json"
KEY = "seen"  # in the training of a recipe
MOST = 20  # records of one checkpoint, so that recipes stay small
SAMPLED = 128  # inputs of which a record keeps digests
DIGITS = 12  # hexadecimal digits of each digest
LARGEST = 2**20  # bytes of the file
LONG = 6  # letters of a name that is rarely part of another word by chance
ANYTHING = Plain(depth=3)  # because `parse` checks the content of records
ADVICE = "correct it, or take another checkpoint"
TUNED = "fine-tuned on its ratings"  # in each record that `finetune` writes


@dataclass(frozen=True)
class TrainingRecord:
    """Record of training data: a corpus, or some of its speakers or splits."""

    corpus: str  # compared word by word, by letters and digits only
    speakers: tuple[str, ...] = ()  # names in the corpus; () for all
    splits: tuple[str, ...] = ()  # names in the corpus; () for all
    how: str = "trained on it"  # kind of training, in words
    reader: str = ""  # of the corpus, in data/corpora; "" if it is not known
    sample: tuple[str, ...] = ()  # digests of some inputs, see `sample`

    def covers(self, corpus: str) -> bool:
        """Return True if a name is that of the corpus, or of a part or version of it.

        The words of the record must occur in the name, one after another. A name of six
        letters or more may also be part of a word.

        Args:
            corpus: name of a corpus

        Examples:
            >>> TrainingRecord("MSP-Podcast").covers("msp_podcast-1.11")
            True
            >>> record = TrainingRecord("emo")
            >>> record.covers("remote-demonstration"), record.covers("emo2")
            (False, True)
        """
        name, words = _plain(self.corpus), _words(corpus)
        runs = (
            "".join(words[i:j])
            for i in range(len(words))
            for j in range(i + 1, len(words) + 1)
        )
        return name in runs or (len(name) >= LONG and name in _plain(corpus))


_PODCAST = TrainingRecord(
    "MSP-Podcast", splits=("train", "dev"), how="fine-tuned on its ratings of emotion"
)
_IEMOCAP = TrainingRecord(
    "IEMOCAP",
    how="fine-tuned on its emotions, and the card does not say without which session",
)
KNOWN: Mapping[
    str, tuple[TrainingRecord, ...]
] = {  # name without its owner, in lower case
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
        TrainingRecord("RAVDESS", how="fine-tuned on its emotions"),
    ),
    "vad-bert": (TrainingRecord("EmoBank", how=TUNED),),
    "wav2vec2-mini-whisperdistil": (
        TrainingRecord("EmoDB", how="distilled on its recordings, without labels"),
        TrainingRecord(
            "LibriSpeech", how="distilled on its recordings, without labels"
        ),
    ),
    "mini": (
        TrainingRecord(
            "LibriSpeech", how="distilled on its recordings, without labels"
        ),
    ),
}


def recipe_records(recipe: Recipe) -> tuple[TrainingRecord, ...]:
    """Return the known training data of a recipe's encoder.

    Args:
        recipe: of embeddings

    Raises:
        AffuseError: if the recipe holds invalid records
    """
    return find_records(recipe.checkpoint, recipe.training)


def find_records(
    checkpoint: str, training: Mapping[str, Any]
) -> tuple[TrainingRecord, ...]:
    """Return the training data of a checkpoint, by its records and its model card.

    Args:
        checkpoint: name on the hub, or name of its folder
        training: as `read` returned it

    Raises:
        AffuseError: if the records are invalid
    """
    records = parse(training.get(KEY, []))
    return (*records, *KNOWN.get(checkpoint.rpartition("/")[2].lower(), ()))


def read(folder: Path) -> dict[str, Any]:
    """Return the records in a checkpoint's folder, as a recipe holds them.

    Args:
        folder: of the checkpoint

    Returns:
        list of records under `KEY`; {} if there is no ``seen.json``

    Raises:
        AffuseError: if ``seen.json`` holds invalid records
    """
    path = folder / FILE
    if not path.exists():
        return {}
    content = read_json(path, ANYTHING, advice=ADVICE, limit=LARGEST)
    try:
        parse(content)
    except AffuseError as error:
        raise AffuseError(f"{path}: {error}") from error
    return {KEY: content if isinstance(content, list) else [content]}


def parse(content: object) -> tuple[TrainingRecord, ...]:
    """Return the records in a JSON value.

    Args:
        content: one record, or a list of records

    Raises:
        AffuseError: if a record is invalid; the message says what records may hold
    """
    records = content if isinstance(content, list) else [content]
    if len(records) > MOST:
        raise AffuseError(f"{len(records)} records of training data; at most {MOST}")
    return tuple(_record(record) for record in records)


def _record(value: object) -> TrainingRecord:
    """Return the record in a JSON value after checking its fields."""
    names = [field.name for field in fields(TrainingRecord)]
    if not isinstance(value, dict) or not value.keys() <= set(names):
        raise AffuseError(
            f"a record of training data has {', '.join(names)}, got {shown(value)}"
        )
    texts = [value.get("corpus"), value.get("how", ""), value.get("reader", "")]
    lists = [value.get(name, []) for name in ("speakers", "splits", "sample")]
    if not (
        all(isinstance(text, str) for text in texts)
        and _plain(str(texts[0]))
        and all(isinstance(x, list | tuple) for x in lists)
        and all(isinstance(name, str) for x in lists for name in x)
    ):
        raise AffuseError(
            f"a record of training data needs a corpus, a name; speakers, splits and "
            f"sample are lists of names, got {shown(value)}"
        )
    speakers, splits, sample = (tuple(names) for names in lists)
    how = str(value.get("how", TrainingRecord.how))
    reader = str(value.get("reader", ""))
    return TrainingRecord(str(value["corpus"]), speakers, splits, how, reader, sample)


def _plain(name: str) -> str:
    """Return the letters and digits of a name in lower case."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _words(name: str) -> list[str]:
    """Return the words and numbers of a name in lower case."""
    return re.findall(r"[^\W\d_]+|\d+", name.casefold())


def sample(digests: Iterable[str]) -> tuple[str, ...]:
    """Return the smallest digests, shortened.

    Digests are random. So the samples of two corpora overlap about as much as their
    inputs do (a bottom-k sketch; Cohen and Kaplan, 2007).

    Args:
        digests: hexadecimal digests of inputs; "" for an unknown one

    Returns:
        at most `SAMPLED` digests of `DIGITS` digits, sorted
    """
    return tuple(sorted({d[:DIGITS] for d in digests if d})[:SAMPLED])

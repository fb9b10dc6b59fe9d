"""Runs on a user's own table of recordings, trained by the command line."""

import csv
import json

import numpy as np
import spoken_corpus
import torch
import transformers
from cli_calls import call
from family_checkpoints import FAMILIES, vocabulary

from affuse.data.cache import training_data
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_reading
from affuse.data.runs.finetuning_folder import FinetunedFold
from affuse.data.splits import protocols

COUNT, FOLDS = 18, 3
SMALL = (
    *("--set", "epochs=2", "--set", "latent=4", "--set", "autoencoder_hidden=8"),
    *("--set", "hidden=4", "--seeds", 1, "--threads", 1),
)
DIVIDED = ("--protocol", "speakers", "--folds", FOLDS)
TINY = ("--audio-checkpoint", "tiny", "--text-checkpoint", "tiny")


def write_table(root):
    """Write a table of six speakers with three rated utterances each."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(COUNT):
        u = spoken_corpus.utterance(root, number)
        names = ("valence", "arousal", "dominance")
        rated = dict(zip(names, rng.uniform(1, 5, 3), strict=True))
        file = u.audio.relative_to(root)
        rows.append({"file": file, "text": u.text, "speaker": number % 6, **rated})
    with (root / "own.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root / "own.csv"


def arguments(table, root):
    """Return the words that name the table, the folder of caches and that of runs."""
    where = ("--cache", root / "cache", "--runs", root / "runs")
    return ("manifest", table, "--name", "own", "--scale", 1, 5, *where)


def train(table, root, *words):
    """Extract the table and train on it; return the folder of each new run by design.

    Args:
        table: as `write_table` wrote it
        root: folder for caches and runs
        words: further words of the command `run`, such as the encoders
    """
    old = {*root.glob("runs/*")}
    done = call("run", *arguments(table, root), *DIVIDED, *SMALL, *words)
    assert done.exit_code == 0, done.output
    new = {*root.glob("runs/*")} - old
    return {path.name.split("-")[1]: path for path in new}


def fine_tune(say, table, folder):
    """Write random encoders for each fold, in the layout of a fine-tuning."""
    corpus = corpus_reading.read(
        CorpusSource(corpus="manifest", root=table, name="own", scale=(1, 5))
    )
    for number, fold in enumerate(
        protocols.folds(corpus.utterances, "speakers", folds=FOLDS)
    ):
        said = {u.id: u.speaker for u in corpus.utterances}
        heard = sorted({said[id_] for id_ in (*fold.train, *fold.validation)})
        for modality, family in (("audio", "wav2vec2"), ("text", "distilbert")):
            place = folder / fold.name / modality
            name, config = FAMILIES[family]
            model = getattr(transformers, name)
            torch.manual_seed(number)
            model(model.config_class(**config)).save_pretrained(place)
            record = {"corpus": "own", "speakers": heard}
            (place / training_data.FILE).write_text(
                json.dumps(record), encoding="utf-8"
            )
        vocabulary(folder / fold.name / "text", "distilbert")
        (folder / fold.name / FinetunedFold.mark).write_text("{}", encoding="utf-8")
    say(f"fine-tuned {folder}")
    return folder

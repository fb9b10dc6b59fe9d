"""Runs on a user's own table of recordings, trained by the command line."""

import csv

import numpy as np
import spoken_corpus
from cli_calls import call

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

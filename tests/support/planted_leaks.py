"""A small run with its cache on disk, and leaks for every rule of the linter.

`PLANTS` lists functions that edit the files of a copy, with the message that the rule
must report.
"""

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import learnable_corpus
import safetensors.torch
import torch
from small_caches import remove_from_manifests

from affuse.data.cache import corpus_table, parts
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.parts import Part
from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.cache.store import Embeddings
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.fuse.commands import design_training
from affuse.fuse.models.projection import Projection
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.settings import Settings
from affuse.fuse.trained import model_files

COUNT = 150
AGAIN = (
    120  # from this utterance on, the sentences of utterances 3, 4, ... are repeated
)
QUICK = Settings(
    latent=4,
    autoencoder_hidden=8,
    hidden=8,
    input_dropout=0.1,
    learning_rate=0.01,
    epochs=3,
)
TESTED = {f"u{row:03d}" for row in range(4, COUNT, 5)}  # the utterances of session 5
RATINGS = ("valence", "arousal", "dominance")


class Case(NamedTuple):
    """Run and the cache that it was trained on."""

    run: Path
    cache: Path

    @property
    def unit(self):
        """Folder of the only model."""
        (found,) = self.run.glob("*/seed-*")
        return found

    @property
    def unit_name(self):
        """Folder of the only model, even if it does not exist."""
        return self.run / "session5" / "seed-0"


def make_case(root):
    """Write a cache, and train a run on the same embeddings."""
    write_cache(root / "cache")
    return Case(train_run(root / "runs"), root / "cache")


def copy_case(case, root):
    """Copy the cache and the runs of a case into another folder."""
    for folder in (case.run.parent, case.cache):
        shutil.copytree(folder, root / folder.name)
    return Case(root / "runs" / case.run.name, root / "cache")


def corpus():
    """Return five sessions of thirty utterances; some have the same sentence."""
    found = learnable_corpus.corpus(count=COUNT)
    utterances = [
        dataclasses.replace(u, sentence=f"{row - AGAIN + 3 if row >= AGAIN else row}")
        for row, u in enumerate(found.utterances)
    ]
    return dataclasses.replace(found, utterances=tuple(utterances))


def embeddings(**training):
    """Return embeddings of both modalities, with a different digest for each input."""
    digests = tuple(content(row) for row in range(COUNT))
    return {
        modality: dataclasses.replace(
            found,
            contents=digests,
            stretches=stretches() if modality == "audio" else (),
            recipe=dataclasses.replace(found.recipe, training=training),
        )
        for modality, found in learnable_corpus.embeddings(count=COUNT).items()
    }


def content(row):
    """Return the digest of an input."""
    return f"{row:03d}".ljust(32, "0")


def stretches(samples=True):
    """Return a stretch for each utterance: a separate file of two seconds."""
    return tuple(
        RecordingSpan(content(row), 0.0, 2.0, f"a{content(row)[1:]}" if samples else "")
        for row in range(COUNT)
    )


def write_cache(cache, found=None):
    """Write a corpus and its embeddings as stage one does."""
    corpus_table.save(corpus(), cache)
    for each in (found or embeddings()).values():
        write_part(cache, each)


def write_part(cache, found: Embeddings):
    """Write the only part of a cache."""
    folder = cache / found.recipe.corpus / found.recipe.folder()
    part = Part(
        ids=found.ids,
        contents=found.contents,
        vectors=tuple(found.values),
        head=found.head,
        problems=(),
        stretches=found.stretches if None not in found.stretches else (),
    )
    path = parts.part_path(folder, 0)
    parts.write(path, part, recipe=found.recipe, parts=1, versions={})


def train_run(runs, fusion="early", *, found=None, caches=None, allow=(), **changes):
    return design_training.run(
        found or corpus(),
        caches or embeddings(),
        fusion=fusion,
        settings=dataclasses.replace(QUICK, **changes),
        seeds=[0],
        runs=runs,
        allow=allow,
        progress=False,
    )


def edit(path, change):
    """Rewrite a CSV table; `change` edits the rows (dicts), or returns others."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names, rows = reader.fieldnames, list(reader)
    rows = change(rows) or rows
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    remove_from_manifests(path)


def edit_json(path, change):
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    path.write_text(json.dumps(found), encoding="utf-8")
    remove_from_manifests(path)


def edit_tables(case, change):
    """Edit the predictions of the run and of its model in the same way."""
    for folder in (case.run, case.unit):
        edit(folder / "predictions.csv", change)


def edit_state(case, change):
    """Edit the weights of the only model."""
    path = case.unit / ModelFolder.weights
    state = safetensors.torch.load(path.read_bytes())
    change(state)
    path.write_bytes(safetensors.torch.save(state))
    remove_from_manifests(path)


def test_row(rows):
    """Return the first test utterance of folds.csv."""
    return next(row for row in rows if row["part"] == "test")


def move_to_training(**changes):
    """Return an edit that moves a test utterance to the training part."""
    return lambda case: edit(
        case.run / "folds.csv",
        lambda rows: test_row(rows).update(part="train", **changes),
    )


def move_with_other_spelling(field):
    """Return an edit that also changes the spelling of a session or dialogue."""

    def plant(case):
        move_to_training()(case)
        text = (case.run / "folds.csv").read_text(encoding="utf-8")
        rows = csv.DictReader(text.splitlines())
        (id_,) = {row["id"] for row in rows if row["part"] == "train"} & TESTED
        path = case.cache / "toy" / CorpusFolder.table
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for k, line in enumerate(lines[1:-1], 1):
            row = json.loads(line.rstrip().rstrip(","))
            if row["id"] == id_:
                row[field] = f" {row[field].upper()}"
                lines[k] = json.dumps(row) + (",\n" if "}," in line else "\n")
        path.write_text("".join(lines), encoding="utf-8")
        remove_from_manifests(path)

    return plant


def copy_to_training(case):
    """Copy a test utterance to the training part."""
    edit(
        case.run / "folds.csv",
        lambda rows: [*rows, {**test_row(rows), "part": "train"}],
    )


def rename_speaker(case):
    edit(case.run / "folds.csv", lambda rows: test_row(rows).update(speaker="nobody"))


def mark_sentences_as_new(case):
    """Mark all sentences as new, although some are in training."""
    edit(
        case.run / RunFolder.sentences,
        lambda rows: [{**row, "seen": "0"} for row in rows],
    )


def share_recording(case):
    """Give u004 (test) the recording of u000 (training)."""
    audio = embeddings()["audio"]
    digests = [audio.contents[0 if row == 4 else row] for row in range(COUNT)]
    write_part(case.cache, dataclasses.replace(audio, contents=tuple(digests)))


def change_stretches(**changes):
    """Return an edit that changes the stretches of utterances, named by keyword."""

    def plant(case):
        found = list(stretches())
        for id_, change in changes.items():
            row = int(id_[1:])
            found[row] = dataclasses.replace(found[row], **change)
        audio = embeddings()["audio"]
        write_part(case.cache, dataclasses.replace(audio, stretches=tuple(found)))

    return plant


FILE = "f" * 32  # digest of a recording that contains several utterances
SPAN = {"file": FILE, "begin": 0.5, "end": 2.5}


def record_training_data(**record):
    """Return an edit that adds a training record to the speech encoder."""
    return lambda case: edit_json(
        case.unit / ModelFolder.description,
        lambda found: found["recipes"]["audio"].update(training={"seen": [record]}),
    )


def record_other_name(kept="manifest", **record):
    """Return an edit that records training on this corpus under another name."""

    def plant(case):
        predict_the_truth = {"corpus": "original", **record}
        record_training_data(**predict_the_truth)(case)
        write_part(case.cache, embeddings(seen=[predict_the_truth])["audio"])
        path = case.cache / "toy" / CorpusFolder.table
        head, rest = path.read_text(encoding="utf-8").split("\n", 1)
        head = head.replace('"name": "toy"', f'"name": "toy", "reader": "{kept}"')
        path.write_text(f"{head}\n{rest}", encoding="utf-8")
        remove_from_manifests(path)

    return plant


def use_known_encoder(case):
    """Use a checkpoint that is known, by its name, to be fine-tuned on the corpus."""
    edit_json(
        case.unit / ModelFolder.description,
        lambda found: found["recipes"]["text"].update(checkpoint="Someone/VAD-BERT"),
    )
    edit_json(case.run / "run.json", lambda found: found.update(corpus="emobank-1.1"))


def fit_on_sessions(*sessions, name="mean"):
    """Return an edit that fits statistics of the audio projection on some sessions."""

    def plant(case):
        rows = [row for row in range(COUNT) if str(row % 5 + 1) in sessions]
        values = embeddings()["audio"].values.reshape(COUNT, -1)[rows]
        fitted = Projection.fitted(torch.from_numpy(values))
        both = {"mean": fitted.mean, "scale": fitted.scale}
        names = ("mean", "scale") if name == "both" else (name,)
        edit_state(
            case,
            lambda state: state.update(
                {f"projections.audio.{n}": both[n] for n in names}
            ),
        )

    return plant


def use_first_epoch(case):
    """Replace the weights by those of the first epoch, which is not the best one."""
    other = train_run(case.run.parent / "short", epochs=1)
    first = Case(other, case.cache).unit / ModelFolder.weights
    (case.unit / ModelFolder.weights).write_bytes(first.read_bytes())
    remove_from_manifests(case.unit / ModelFolder.weights)


def use_test_history(case):
    """Write a history whose best epoch shows the CCC of the test rows."""
    module, _ = model_files.load(case.unit)
    rows = range(4, COUNT, 5)
    features = {
        m: torch.from_numpy(found.values[rows].reshape(len(rows), -1))
        for m, found in embeddings().items()
    }
    with torch.inference_mode():
        predicted = module(features).numpy()
    truth = learnable_corpus.truth(COUNT)[rows]
    scores = [ccc(truth[:, k], predicted[:, k]) for k in range(3)]

    def change(rows):
        shown = dict(zip(RATINGS, scores, strict=True))
        rows[-1].update({f"validation_{n}": f"{v:.6f}" for n, v in shown.items()})
        return rows[-1:]

    edit(case.unit / ModelFolder.history, change)


def remove_prediction(case):
    edit(case.run / "predictions.csv", lambda rows: rows[1:])


def repeat_prediction(case):
    edit(case.run / "predictions.csv", lambda rows: [*rows, rows[0]])


def add_prediction(case):
    edit_tables(case, lambda rows: [*rows, {**rows[0], "id": "u000"}])


def change_run_table(case):
    """Change the predictions of the run, but not those of its model."""
    edit(case.run / "predictions.csv", lambda rows: rows[0].update(arousal="0.5"))


def exchange_columns(one, other):
    """Return an edit that exchanges two columns of both tables."""

    def change(rows):
        for row in rows:
            row[one], row[other] = row[other], row[one]

    return lambda case: edit_tables(case, change)


def shift_columns(*names):
    """Return an edit that shifts columns of both tables by one row."""

    def change(rows):
        for name in names:
            values = [row[name] for row in rows]
            for row, value in zip(rows, values[-1:] + values[:-1], strict=True):
                row[name] = value

    return lambda case: edit_tables(case, change)


def change_first_row(**cells):
    return lambda case: edit_tables(case, lambda rows: rows[0].update(cells))


def diverge(case):
    """Add a finite prediction far outside the scale."""
    edit_tables(case, lambda rows: rows[0].update(valence_predicted="-36613"))


def predict_the_truth(case):
    """Replace the predictions by the true ratings."""
    edit_tables(
        case,
        lambda rows: [{**row, "valence_predicted": row["valence"]} for row in rows],
    )


PLANTS = {  # rule: [(edit that plants a leak, message that the rule must report)]
    "dialogues": [
        (move_to_training(), "the same dialogue is in train and test"),
        (
            move_with_other_spelling("dialogue"),
            "the same dialogue is in train and test",
        ),
    ],
    "divergence": [
        (
            diverge,
            r"1 of 1 model predicts far outside the scale, valence in 1 prediction "
            r"below -3 or above 3 where the scale is -1 to 1, the farthest -36,613",
        ),
        (
            change_first_row(dominance_predicted="30"),
            r"dominance in 1 prediction .* the farthest 30 ",
        ),
    ],
    "encoders": [
        (
            record_training_data(corpus="Toy", speakers=["5F"]),
            r"encoder tiny has seen Toy \(trained on it\), including 15 utterances",
        ),
        (
            record_training_data(corpus="toy", speakers=["5F"], splits=["train"]),
            r"has seen toy \(trained on it\), including 15 utterances",
        ),
        (
            record_training_data(corpus="toy", how="fine-tuned"),
            r"has seen toy \(fine-tuned\)",
        ),
        (
            record_training_data(corpus="toy", speakers=["5f"]),
            "including 15 utterances",
        ),
        (
            record_training_data(corpus="toy", speakers=["Ses05F", "5m"]),
            "including 30 utterances",
        ),
        (
            record_other_name("emobank", reader="emobank", speakers=["5F"]),
            r"has seen original \(trained on it\), which is this corpus, 'toy', by its "
            r"reader 'emobank', including 15 utterances",
        ),
        (
            record_other_name(sample=[content(row)[:12] for row in range(100, 200)]),
            r"'toy', by its inputs \(50 of the 100 in its record\)",
        ),
        (
            record_other_name(
                speakers=["X"],
                sample=[content(4)[:12], *(f"{row:012x}" for row in range(1, 100))],
            ),
            r"original \(trained on it\), including the recordings of 1 utterance "
            r"\(u004\) of the test part of fold 'session5'; test on utterances",
        ),
        (
            record_other_name(
                corpus="toy",  # recognised, but test speakers are none of its own
                speakers=["1F"],
                sample=[content(9)[:12]],
            ),
            r"has seen toy \(trained on it\), including the recordings of 1 utterance "
            r"\(u009\) of the test part",
        ),
        (use_known_encoder, "Someone/VAD-BERT has seen EmoBank"),
    ],
    "ids": [
        (
            remove_prediction,
            r"predictions\.csv lacks 1 utterance \(u004\) of fold 'session5'",
        ),
        (repeat_prediction, "occurs twice"),
        (add_prediction, r"has 1 utterance \(u000\) outside the test part"),
        (change_run_table, r"of the run differs from session5/seed-0/predictions\.csv"),
    ],
    "predictions": [
        (change_first_row(arousal_predicted="0.9"), r"arousal of 1 utterance \(u004\)"),
        (
            exchange_columns("valence_predicted", "dominance_predicted"),
            "their prediction of dominance: columns are in another order",
        ),
        (shift_columns("valence_predicted"), "joined by position"),
        (predict_the_truth, "it is the true rating itself"),
    ],
    "projections": [
        (
            fit_on_sessions(*"1235", name="mean"),
            "mean and scale of audio are not those",
        ),
        (
            fit_on_sessions(*"1235", name="scale"),
            "mean and scale of audio are not those",
        ),
        (
            fit_on_sessions(*"1235", name="both"),
            "of the 90 training rows but of train and test; fit them",
        ),
        (
            fit_on_sessions(*"12345", name="both"),
            "but of train and validation and test",
        ),
    ],
    "ratings": [
        (
            exchange_columns("valence", "arousal"),
            "valence of 30 utterances .* holds the corpus's arousal: columns",
        ),
        (shift_columns("valence", "arousal", "dominance"), "joined by position"),
        (change_first_row(valence="1.5"), r"u004\) with a rating outside \[-1, 1\]"),
        (change_first_row(valence="0.123"), r"u004 has 0\.123, in the corpus "),
    ],
    "recordings": [
        (share_recording, "u004 and u000 have one recording; remove one of each pair"),
        (
            change_stretches(u000={"samples": "5" * 32}, u004={"samples": "5" * 32}),
            "u004 and u000 have one recording; remove one of each pair",
        ),
        (
            change_stretches(u000={**SPAN, "begin": 0.0, "end": 1.0}, u004=SPAN),
            r"recording in train: u004 shares 0\.50 s with u000; cut the recording",
        ),
        (
            change_stretches(u000={**SPAN, "begin": 0.0, "end": 60.0}, u004=SPAN),
            r"u004 shares 2\.00 s with u000",
        ),
        (
            change_stretches(u000={**SPAN, "begin": 1.0, "end": 2.0}, u004=SPAN),
            r"u004 shares 1\.00 s with u000",
        ),
        (
            change_stretches(u003={**SPAN, "begin": 1.0, "end": 2.0}, u004=SPAN),
            r"recording in validation: u004 shares 1\.00 s with u003",
        ),
    ],
    "selection": [
        (use_first_epoch, "they are those of epoch 1; select the epoch on validation"),
        (use_test_history, "the history shows the CCC of the test rows"),
    ],
    "sentences": [
        (mark_sentences_as_new, r"sentences\.csv is wrong about 12 utterances")
    ],
    "sessions": [
        (move_to_training(), "the same session is in train and test of 1 of 1 folds"),
        (
            move_with_other_spelling("session"),
            "the same session is in train and test of 1 of 1 folds",
        ),
    ],
    "speakers": [
        (move_to_training(), "the same speaker is in train and test of 1 of 1 folds"),
        (
            move_to_training(speaker="x"),
            r"another speaker for 1 utterance \(u004\): 'x' and '5F'",
        ),
        (
            move_to_training(speaker="5f"),
            "the same speaker is in train and test of 1 of 1 folds",
        ),
        (
            move_to_training(speaker=" 5F "),
            "the same speaker is in train and test of 1 of 1 folds",
        ),
        (rename_speaker, "'nobody' and '5F' for u004"),
        (move_to_training(speaker=""), "have no speaker"),
    ],
    "utterances": [
        (copy_to_training, r"has 1 utterance \(u004\) both in train and in test")
    ],
}

test_row.__test__ = False  # pytest would collect it as a test

"""A small run with its cache on disk, and a leak for every rule of the linter.

A leak is planted in the files of a copy; what a rule must say of it stands beside.
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
from small_caches import unlisted

from affuse.data.cache import corpus_table, parts
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.parts import Part
from affuse.data.cache.recording_spans import Stretch
from affuse.data.cache.store import Embeddings
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.fuse.commands import design_training
from affuse.fuse.models.projection import Projection
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.settings import Settings
from affuse.fuse.trained import model_files

COUNT = 150
AGAIN = 120  # from here on, sentences repeat those of utterances 3 and on
QUICK = Settings(
    latent=4,
    autoencoder_hidden=8,
    hidden=8,
    input_dropout=0.1,
    learning_rate=0.01,
    epochs=3,
)
TESTED = {f"u{row:03d}" for row in range(4, COUNT, 5)}  # those of session 5
RATINGS = ("valence", "arousal", "dominance")


class Case(NamedTuple):
    """A run and the cache it was trained from."""

    run: Path
    cache: Path

    @property
    def unit(self):
        """The folder of its only model."""
        (found,) = self.run.glob("*/seed-*")
        return found

    @property
    def unit_name(self):
        """The same, also where it is gone."""
        return self.run / "session5" / "seed-0"


def kept(root):
    """A run and the cache that it was trained from, in a folder."""
    keep(root / "cache")
    return Case(trained(root / "runs"), root / "cache")


def copied(case, root):
    """Copies of the cache and the runs of a case, in another folder."""
    for folder in (case.run.parent, case.cache):
        shutil.copytree(folder, root / folder.name)
    return Case(root / "runs" / case.run.name, root / "cache")


def corpus():
    """Five sessions of thirty utterances, some of the same words."""
    found = learnable_corpus.corpus(count=COUNT)
    said = [
        dataclasses.replace(u, sentence=f"{row - AGAIN + 3 if row >= AGAIN else row}")
        for row, u in enumerate(found.utterances)
    ]
    return dataclasses.replace(found, utterances=tuple(said))


def embeddings(**training):
    """Of both modalities, each input with a digest of its own."""
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
    """The digest of an input."""
    return f"{row:03d}".ljust(32, "0")


def stretches(samples=True):
    """Of each utterance a file of two seconds of its own."""
    return tuple(
        Stretch(content(row), 0.0, 2.0, f"a{content(row)[1:]}" if samples else "")
        for row in range(COUNT)
    )


def keep(cache, found=None):
    """Corpus and embeddings as stage one leaves them."""
    corpus_table.save(corpus(), cache)
    for each in (found or embeddings()).values():
        fill(cache, each)


def fill(cache, found: Embeddings):
    """The one part of a cache."""
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


def trained(runs, fusion="early", *, found=None, caches=None, allow=(), **changes):
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
    """Rewrite a CSV table; `change` edits its rows, a dict each, or returns others."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names, rows = reader.fieldnames, list(reader)
    rows = change(rows) or rows
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    unlisted(path)


def edit_json(path, change):
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    path.write_text(json.dumps(found), encoding="utf-8")
    unlisted(path)


def edit_tables(case, change):
    """The table of the run and that of its model, alike."""
    for folder in (case.run, case.unit):
        edit(folder / "predictions.csv", change)


def edit_state(case, change):
    """The weights of the only model."""
    path = case.unit / ModelFolder.weights
    state = safetensors.torch.load(path.read_bytes())
    change(state)
    path.write_bytes(safetensors.torch.save(state))
    unlisted(path)


def test_row(rows):
    """The first test utterance of folds.csv."""
    return next(row for row in rows if row["part"] == "test")


def moved(**changes):
    """A test utterance that trains."""
    return lambda case: edit(
        case.run / "folds.csv",
        lambda rows: test_row(rows).update(part="train", **changes),
    )


def respelt(field):
    """A test utterance trains, of a session or dialogue that it spells otherwise."""

    def plant(case):
        moved()(case)
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
        unlisted(path)

    return plant


def doubled(case):
    """A test utterance that trains as well."""
    edit(
        case.run / "folds.csv",
        lambda rows: [*rows, {**test_row(rows), "part": "train"}],
    )


def renamed(case):
    edit(case.run / "folds.csv", lambda rows: test_row(rows).update(speaker="nobody"))


def unheard(case):
    """Sentences that were seen are called new."""
    edit(
        case.run / RunFolder.sentences,
        lambda rows: [{**row, "seen": "0"} for row in rows],
    )


def same_recording(case):
    """u004, of the test, is the recording of u000, which trains."""
    audio = embeddings()["audio"]
    digests = [audio.contents[0 if row == 4 else row] for row in range(COUNT)]
    fill(case.cache, dataclasses.replace(audio, contents=tuple(digests)))


def heard(**changes):
    """Recordings of u000, which trains, and u004, of the test; a change for each."""

    def plant(case):
        found = list(stretches())
        for id_, change in changes.items():
            row = int(id_[1:])
            found[row] = dataclasses.replace(found[row], **change)
        audio = embeddings()["audio"]
        fill(case.cache, dataclasses.replace(audio, stretches=tuple(found)))

    return plant


FILE = "f" * 32  # a recording that several utterances are stretches of
SPAN = {"file": FILE, "begin": 0.5, "end": 2.5}


def tuned(**record):
    """The encoder of speech says what it has seen."""
    return lambda case: edit_json(
        case.unit / ModelFolder.description,
        lambda found: found["recipes"]["audio"].update(training={"seen": [record]}),
    )


def elsewhere(kept="manifest", **record):
    """The encoder has seen the corpus, which is called otherwise there."""

    def plant(case):
        told = {"corpus": "original", **record}
        tuned(**told)(case)
        fill(case.cache, embeddings(seen=[told])["audio"])
        path = case.cache / "toy" / CorpusFolder.table
        head, rest = path.read_text(encoding="utf-8").split("\n", 1)
        head = head.replace('"name": "toy"', f'"name": "toy", "reader": "{kept}"')
        path.write_text(f"{head}\n{rest}", encoding="utf-8")
        unlisted(path)

    return plant


def known_encoder(case):
    """A checkpoint that was fine-tuned on the corpus, by its name."""
    edit_json(
        case.unit / ModelFolder.description,
        lambda found: found["recipes"]["text"].update(checkpoint="Someone/VAD-BERT"),
    )
    edit_json(case.run / "run.json", lambda found: found.update(corpus="emobank-1.1"))


def fitted_on(*sessions, name="mean"):
    """A statistic of speech that was fitted on other rows."""

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


def another_epoch(case):
    """Weights of the first epoch, which is not the best one."""
    other = trained(case.run.parent / "short", epochs=1)
    first = Case(other, case.cache).unit / ModelFolder.weights
    (case.unit / ModelFolder.weights).write_bytes(first.read_bytes())
    unlisted(case.unit / ModelFolder.weights)


def history_of_test(case):
    """A history whose best epoch shows the CCC of the test rows."""
    module, _ = model_files.load(case.unit)
    rows = range(4, COUNT, 5)
    features = {
        m: torch.from_numpy(found.values[rows].reshape(len(rows), -1))
        for m, found in embeddings().items()
    }
    with torch.inference_mode():
        said = module(features).numpy()
    truth = learnable_corpus.truth(COUNT)[rows]
    scores = [ccc(truth[:, k], said[:, k]) for k in range(3)]

    def change(rows):
        shown = dict(zip(RATINGS, scores, strict=True))
        rows[-1].update({f"validation_{n}": f"{v:.6f}" for n, v in shown.items()})
        return rows[-1:]

    edit(case.unit / ModelFolder.history, change)


def lost(case):
    edit(case.run / "predictions.csv", lambda rows: rows[1:])


def twice(case):
    edit(case.run / "predictions.csv", lambda rows: [*rows, rows[0]])


def stranger(case):
    edit_tables(case, lambda rows: [*rows, {**rows[0], "id": "u000"}])


def retouched(case):
    """The table of the run is no longer that of its model."""
    edit(case.run / "predictions.csv", lambda rows: rows[0].update(arousal="0.5"))


def exchanged(one, other):
    """Two columns of both tables, in each other's place."""

    def change(rows):
        for row in rows:
            row[one], row[other] = row[other], row[one]

    return lambda case: edit_tables(case, change)


def shifted(*names):
    """Columns of both tables, each value one row further down."""

    def change(rows):
        for name in names:
            values = [row[name] for row in rows]
            for row, value in zip(rows, values[-1:] + values[:-1], strict=True):
                row[name] = value

    return lambda case: edit_tables(case, change)


def first_row(**cells):
    return lambda case: edit_tables(case, lambda rows: rows[0].update(cells))


def diverged(case):
    """A training that came to finite numbers far from any rating."""
    edit_tables(case, lambda rows: rows[0].update(valence_predicted="-36613"))


def told(case):
    """The truth as the prediction."""
    edit_tables(
        case,
        lambda rows: [{**row, "valence_predicted": row["valence"]} for row in rows],
    )


PLANTS = {  # rule: (leak, what must be said of it)
    "dialogues": [
        (moved(), "the same dialogue is in train and test"),
        (respelt("dialogue"), "the same dialogue is in train and test"),
    ],
    "divergence": [
        (
            diverged,
            r"1 of 1 model predicts far outside the scale, valence in 1 prediction "
            r"below -3 or above 3, the farthest -36,613",
        ),
        (
            first_row(dominance_predicted="30"),
            r"dominance in 1 prediction .* the farthest 30 ",
        ),
    ],
    "encoders": [
        (
            tuned(corpus="Toy", speakers=["5F"]),
            r"encoder tiny has seen Toy \(trained on it\), including 15 utterances",
        ),
        (
            tuned(corpus="toy", speakers=["5F"], splits=["train"]),
            r"has seen toy \(trained on it\), including 15 utterances",
        ),
        (tuned(corpus="toy", how="fine-tuned"), r"has seen toy \(fine-tuned\)"),
        (tuned(corpus="toy", speakers=["5f"]), "including 15 utterances"),
        (tuned(corpus="toy", speakers=["Ses05F", "5m"]), "including 30 utterances"),
        (
            elsewhere("emobank", reader="emobank", speakers=["5F"]),
            r"has seen original \(trained on it\), which is this corpus, 'toy', by its "
            r"reader 'emobank', including 15 utterances",
        ),
        (
            elsewhere(sample=[content(row)[:12] for row in range(100, 200)]),
            r"'toy', by its inputs \(50 of the 100 in its record\)",
        ),
        (
            elsewhere(
                speakers=["X"],
                sample=[content(4)[:12], *(f"{row:012x}" for row in range(1, 100))],
            ),
            r"original \(trained on it\), including the recordings of 1 utterance "
            r"\(u004\) of the test part of fold 'session5'; test on utterances",
        ),
        (
            elsewhere(
                corpus="toy",  # recognised, but test speakers are none of its own
                speakers=["1F"],
                sample=[content(9)[:12]],
            ),
            r"has seen toy \(trained on it\), including the recordings of 1 utterance "
            r"\(u009\) of the test part",
        ),
        (known_encoder, "Someone/VAD-BERT has seen EmoBank"),
    ],
    "ids": [
        (lost, r"predictions\.csv lacks 1 utterance \(u004\) of fold 'session5'"),
        (twice, "occurs twice"),
        (stranger, r"has 1 utterance \(u000\) outside the test part"),
        (retouched, r"of the run differs from session5/seed-0/predictions\.csv"),
    ],
    "predictions": [
        (first_row(arousal_predicted="0.9"), r"arousal of 1 utterance \(u004\)"),
        (
            exchanged("valence_predicted", "dominance_predicted"),
            "their prediction of dominance: columns are in another order",
        ),
        (shifted("valence_predicted"), "joined by position"),
        (told, "it is the true rating itself"),
    ],
    "projections": [
        (fitted_on(*"1235", name="mean"), "mean and scale of audio are not those"),
        (fitted_on(*"1235", name="scale"), "mean and scale of audio are not those"),
        (
            fitted_on(*"1235", name="both"),
            "of the 90 training rows but of train and test; fit them",
        ),
        (fitted_on(*"12345", name="both"), "but of train and validation and test"),
    ],
    "ratings": [
        (
            exchanged("valence", "arousal"),
            "valence of 30 utterances .* holds the corpus's arousal: columns",
        ),
        (shifted("valence", "arousal", "dominance"), "joined by position"),
        (first_row(valence="1.5"), r"u004\) with a rating outside \[-1, 1\]"),
        (first_row(valence="0.123"), r"u004 has 0\.123, in the corpus "),
    ],
    "recordings": [
        (same_recording, "u004 and u000 have one recording; remove one of each pair"),
        (
            heard(u000={"samples": "5" * 32}, u004={"samples": "5" * 32}),
            "u004 and u000 have one recording; remove one of each pair",
        ),
        (
            heard(u000={**SPAN, "begin": 0.0, "end": 1.0}, u004=SPAN),
            r"recording in train: u004 shares 0\.50 s with u000; cut the recording",
        ),
        (
            heard(u000={**SPAN, "begin": 0.0, "end": 60.0}, u004=SPAN),
            r"u004 shares 2\.00 s with u000",
        ),
        (
            heard(u000={**SPAN, "begin": 1.0, "end": 2.0}, u004=SPAN),
            r"u004 shares 1\.00 s with u000",
        ),
        (
            heard(u003={**SPAN, "begin": 1.0, "end": 2.0}, u004=SPAN),
            r"recording in validation: u004 shares 1\.00 s with u003",
        ),
    ],
    "selection": [
        (another_epoch, "they are those of epoch 1; select the epoch on validation"),
        (history_of_test, "the history shows the CCC of the test rows"),
    ],
    "sentences": [(unheard, r"sentences\.csv is wrong about 12 utterances")],
    "sessions": [
        (moved(), "the same session is in train and test of 1 of 1 folds"),
        (respelt("session"), "the same session is in train and test of 1 of 1 folds"),
    ],
    "speakers": [
        (moved(), "the same speaker is in train and test of 1 of 1 folds"),
        (moved(speaker="x"), r"another speaker for 1 utterance \(u004\): 'x' and '5F'"),
        (moved(speaker="5f"), "the same speaker is in train and test of 1 of 1 folds"),
        (
            moved(speaker=" 5F "),
            "the same speaker is in train and test of 1 of 1 folds",
        ),
        (renamed, "'nobody' and '5F' for u004"),
        (moved(speaker=""), "have no speaker"),
    ],
    "utterances": [(doubled, r"has 1 utterance \(u004\) both in train and in test")],
}

test_row.__test__ = False  # which pytest would take for a test

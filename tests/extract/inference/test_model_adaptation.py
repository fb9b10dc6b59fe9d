"""The command adapt: rated clips, the adapted bundle, and what it says."""

import csv
import json
import shlex

import numpy as np
import own_runs
import pytest
import spoken_corpus
from cli_calls import call, error_sentence, parse_command

from affuse.data.runs.fold_table import read_folds
from affuse.fuse.bundles.bundle_writing import (
    BundleContent,
    EncoderFiles,
    write_bundle,
)
from affuse.fuse.bundles.run_models import load_run_models
from affuse.fuse.scoring.metrics import ccc

COUNT = 24  # rated clips
NAMES = ("valence", "arousal", "dominance")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a bundle, clips, and the bundle's predictions of them."""
    root = tmp_path_factory.mktemp("adapt")
    table = own_runs.write_table(root)
    runs = own_runs.train(table, root, *own_runs.TINY, "--fusion", "early")
    source = load_run_models(runs["early"])
    encoders = tuple(map(EncoderFiles, source.encoders))
    card = {"README.md": b"# Model\n"}
    write_bundle(root / "bundle", BundleContent(source, encoders, card))
    clips = [spoken_corpus.utterance(root, number) for number in range(COUNT)]
    with (root / "clips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "text"])
        writer.writerows((f"wav/{u.audio.name}", u.text) for u in clips)
    return root


def predict(bundle, root, *words):
    where = ("--transcripts", root / "clips.csv", "--threads", 1, *words)
    done = call("predict", bundle, root / "wav", *where)
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(done.stdout.splitlines()))


@pytest.fixture(scope="module")
def predicted(folder):
    return predict(folder / "bundle", folder)


def rate(folder, predicted, *, count=COUNT, offset=0.0, gain=1.0):
    """Write a table whose valence differs by offset and gain; arousal is random."""
    rng = np.random.default_rng(0)
    value = np.array([float(row["valence"]) for row in predicted])
    truth = (value - value.mean()) * gain + value.mean() + offset
    truth = truth + rng.normal(0, 0.3 * truth.std(), len(truth))
    rows = [
        {
            "file": f"wav/{row['file'].rpartition('/')[2]}",
            "text": row["text"],
            "v": 50 + 50 * truth[k],
            "arousal": rng.uniform(0, 100) if k % 2 else "",
            "speaker": f"s{k % 8}",
        }
        for k, row in enumerate(predicted[:count])
    ]
    path = folder / f"rated-{count}-{offset}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path, truth


def adapt(model, table, output, *words):
    scale = ("--scale", 0, 100, "--map", "valence=v", "--threads", 1)
    return call("adapt", model, table, *scale, "--output", output, *words)


def test_a_bundle_follows_the_ratings_of_a_user(folder, predicted, tmp_path):
    table, truth = rate(folder, predicted, offset=-0.4, gain=2.0)
    done = adapt(folder / "bundle", table, tmp_path / "mine")
    assert done.exit_code == 0, done.output
    assert "predicted 24 of 24 rated clips" in done.output
    assert "valence: adapted by offset and gain: gain " in done.output
    assert "CCC of 24 held-out clips of 8 speakers" in done.output
    assert "arousal: not adapted: it has 12 rated clips" in done.output
    assert "dominance: not adapted: it has 0 rated clips" in done.output
    assert "no model predicts" not in done.output  # which concerns training
    line = done.output.splitlines()[-1]
    assert line.startswith("next: ")
    options = parse_command("predict", *shlex.split(line)[4:])
    assert options.run == tmp_path / "mine"
    assert (options.files, options.text) == (("recording.wav",), ("I am fine.",))
    found = predict(tmp_path / "mine", folder)
    value = [float(row["valence"]) for row in found]
    before = [float(row["valence"]) for row in predicted]
    assert ccc(truth, value) > ccc(truth, before) + 0.3
    assert [r["arousal"] for r in found] == [r["arousal"] for r in predicted]
    for row in found:
        low, high = float(row["valence_low"]), float(row["valence_high"])
        assert -1 <= low <= float(row["valence"]) <= high <= 1
        assert not row["arousal_low"]
        shown = 50 + 50 * float(row["valence"])
        assert float(row["valence_0_to_100"]) == pytest.approx(shown, abs=1e-3)
    words = ("--text", "it is", "--format", "table", "--threads", 1)
    said = call("predict", tmp_path / "mine", folder / "wav" / "000.wav", *words)
    assert "Adapted to ratings of a user: valence by offset" in said.output
    card = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Model\n\n## Adaptation\n")
    assert "- valence: adapted by offset and gain" in card
    assert "is that of the user: from 0 to 100." in card


def test_a_run_is_bundled_and_adapted(folder, predicted, tmp_path):
    table, truth = rate(folder, predicted, offset=-0.4, gain=2.0)
    run = next(folder.glob("runs/*"))
    done = adapt(run, table, tmp_path / "mine", "--cache", folder / "cache")
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    card = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    assert "# mine\n" in card
    assert card.rstrip().splitlines()[-3].startswith("- valence: adapted by offset")
    value = [float(row["valence"]) for row in predict(tmp_path / "mine", folder)]
    assert ccc(truth, value) > 0.6
    assert f" of 24 clips have ids of utterances that {run} was" in done.output
    clips = list(csv.DictReader(table.read_text().splitlines()))
    trained = read_folds(run)[0].id
    with (folder / "same.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", *clips[0]])
        writer.writeheader()
        writer.writerows(
            {**row, "id": trained if k == 3 else f"clip {k}"}
            for k, row in enumerate(clips)
        )
    again = adapt(
        run, folder / "same.csv", tmp_path / "again", "--cache", folder / "cache"
    )
    assert f"1 of 24 clips have ids of utterances that {run} was" in again.output
    assert f"such as '{trained}'" in again.output


def test_an_adapted_bundle_is_adapted_anew_from_its_models(folder, predicted, tmp_path):
    table, _ = rate(folder, predicted, offset=-0.4, gain=2.0)
    first = adapt(folder / "bundle", table, tmp_path / "first")
    second = adapt(tmp_path / "first", table, tmp_path / "second")
    assert first.exit_code == second.exit_code == 0
    for name in ("adaptation.json", "README.md", "SHA256SUMS"):
        contents = [(tmp_path / n / name).read_bytes() for n in ("first", "second")]
        assert contents[0] == contents[1]


def test_ratings_that_agree_keep_no_adaptation(folder, predicted, tmp_path):
    table, _ = rate(folder, predicted)
    done = adapt(folder / "bundle", table, tmp_path / "mine")
    assert done.exit_code == 0, done.output
    assert "valence: not adapted: " in done.output
    assert "no adaptation helps, so nothing was written; use" in done.output
    assert not (tmp_path / "mine").exists()


def test_what_cannot_be_adapted_is_an_error_or_is_named(folder, predicted, tmp_path):
    table, _ = rate(folder, predicted, count=19)
    few = error_sentence(adapt(folder / "bundle", table, tmp_path / "mine"))
    assert "at least 20 clips with one rating, and there are 19 with valence" in few
    head = error_sentence(adapt("audeering", table, tmp_path / "mine"))
    assert "at least 20 clips" in head
    table, _ = rate(folder, predicted, offset=-0.4, gain=2.0)
    head = error_sentence(adapt("audeering", table, tmp_path / "mine"), status=2)
    assert "is no run and no bundle; to adapt the head of a checkpoint" in head
    sentence = error_sentence(adapt(folder / "bundle", table, folder), status=2)
    assert "exists and is not an empty folder; name a new" in sentence
    inner = folder / "bundle" / "inner"
    sentence = error_sentence(adapt(folder / "bundle", table, inner), status=2)
    assert "is inside the bundle" in sentence


def test_clips_that_cannot_be_predicted_are_counted(folder, predicted, tmp_path):
    table, _ = rate(folder, predicted, offset=-0.4, gain=2.0)
    lines = table.read_text().splitlines()
    (folder / "wav" / "damaged.wav").write_bytes(b"RIFF")
    broken = table.with_name("broken.csv")
    first = lines[1].split(",")
    bad = [
        ",".join(["wav/damaged.wav", *first[1:]]),
        ",".join([*first[:2], "", "", "s9"]).replace("000.wav", "001.wav"),
        ",".join(["wav/missing.wav", *first[1:]]),
    ]
    broken.write_text("\n".join([*lines, *bad]) + "\n")
    done = adapt(folder / "bundle", broken, tmp_path / "mine")
    (folder / "wav" / "damaged.wav").unlink()
    assert done.exit_code == 0, done.output
    assert "predicted 24 of 26 rated clips" in done.output
    assert "damaged.wav" in done.output
    assert "missing.wav" in done.output


def test_a_table_without_the_texts_that_a_model_needs_is_explained(
    folder, predicted, tmp_path
):
    table, _ = rate(folder, predicted)
    bare = table.with_name("bare.csv")
    bare.write_text(table.read_text().replace("text,", "note,", 1))
    done = adapt(folder / "bundle", bare, tmp_path / "mine")
    assert "has no text, which the model needs; add it to the table" in done.output
    sentence = error_sentence(done)
    assert "only 0 of 24 rated clips could be predicted, and an adaptation" in sentence
    assert "correct the problems above" in sentence


def test_a_changed_adaptation_is_refused_with_the_bundle(folder, predicted, tmp_path):
    table, _ = rate(folder, predicted, offset=-0.4, gain=2.0)
    assert adapt(folder / "bundle", table, tmp_path / "mine").exit_code == 0
    path = tmp_path / "mine" / "adaptation.json"
    facts = json.loads(path.read_text())
    facts["ratings"][0]["line"]["slope"] = 9.0
    path.write_text(json.dumps(facts))
    done = call("predict", tmp_path / "mine", folder / "wav" / "000.wav")
    assert "adaptation.json is damaged: its SHA-256 is not" in error_sentence(done)

"""The command robustness: a trained run on degraded recordings and transcripts."""

import csv
import json
import shutil
import sys

import own_runs
import pytest
import stand_in_speech
from cli_calls import call, error_sentence

from affuse.data.cache import cache_listing, store
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import AffuseError
from affuse.data.runs.run_folder import RunFolder
from affuse.extract.caching import part_filling
from affuse.extract.commands import robustness_texts
from affuse.extract.transcription import word_error_table, word_errors
from affuse.extract.transcription.word_errors import WordErrors
from affuse.fuse.robustness import robustness_file

CONDITIONS = ("--condition", "noise:10", "--condition", "words:40")
LABEL = stand_in_speech.Recogniser().identity.label


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A corpus, its cache and runs of two designs."""
    root = tmp_path_factory.mktemp("trained")
    table = own_runs.write_table(root / "corpus")
    designs = ("--fusion", "early", "--fusion", "text")
    own_runs.train(table, root, *own_runs.TINY, *designs)
    return root


@pytest.fixture
def root(trained, tmp_path):
    """A copy of the caches and the runs, beside the same corpus."""
    for name in ("cache", "runs"):
        shutil.copytree(trained / name, tmp_path / name)
    return tmp_path


def run_of(root, design="early"):
    (run,) = root.glob(f"runs/own-{design}-*")
    return run


def measure(root, *words, design="early"):
    where = ("--cache", root / "cache", "--threads", 1)
    return call("robustness", run_of(root, design), *words, *where)


def degraded_caches(root):
    folders = store.folders(root / "cache")
    recipes = [store.read_headers(path).recipe for path in folders]
    return sorted(recipe.degradation for recipe in recipes if recipe.degradation)


def rows_of(done):
    return list(csv.DictReader(done.stdout.splitlines()))


def means(done):
    rows = [row for row in rows_of(done) if row["rating"] == "mean"]
    return {row["condition"]: float(row["ccc"]) for row in rows}


def test_the_table_shows_each_condition_with_its_change(root):
    done = measure(root, *CONDITIONS)
    assert done.exit_code == 0, done.output
    assert "synthetic" not in done.stdout.splitlines()[0]
    assert "(human ratings)" in done.stdout
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert lines["clean"].count("[") == 1
    assert lines["noise 10 dB SNR"].count("[") == 2
    assert lines["words 40 %"].count("[") == 2
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "3 folds and 1 seed, 18 utterances" in " ".join(done.stdout.split())
    assert degraded_caches(root) == ["noise:10", "words:40"]


def test_the_clean_figures_are_those_of_the_report(root):
    done = measure(root, *CONDITIONS, "--format", "json")
    found = json.loads(done.stdout)["scores"][0]["mean"]["value"]
    where = ("--runs", root / "runs", "--format", "json")
    rows = json.loads(call("report", *where).stdout)["tables"][0]["rows"]
    (row,) = [each for each in rows if each["design"] == "early"]
    assert found == pytest.approx(
        row["sections"]["all"]["ccc"]["mean"]["value"], abs=1e-5
    )


def test_a_repeated_command_encodes_nothing_and_gives_the_same_table(root, encoded):
    first = measure(root, *CONDITIONS, "--format", "csv")
    assert sum(encoded) > own_runs.COUNT
    count = len(encoded)
    again = measure(root, *CONDITIONS, "--format", "csv")
    assert len(encoded) == count
    assert again.stdout == first.stdout
    assert again.exit_code == 0


def test_other_runs_share_the_degraded_embeddings(root, encoded):
    measure(root, "--condition", "words:40")
    count = len(encoded)
    done = measure(root, "--condition", "words:40", design="text")
    assert done.exit_code == 0, done.output
    assert len(encoded) == count


def test_an_interrupted_command_continues(root, encoded, monkeypatch):
    original, written = part_filling.parts.write, []

    def write(path, *words, **more):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        return original(path, *words, **more)

    monkeypatch.setattr(part_filling.parts, "write", write)
    done = measure(root, *CONDITIONS)
    assert done.exit_code == 130
    monkeypatch.undo()
    assert len(degraded_caches(root)) == 1
    done = measure(root, *CONDITIONS)
    assert done.exit_code == 0
    assert degraded_caches(root) == ["noise:10", "words:40"]


def test_the_other_commands_do_not_see_degraded_caches(root, trained):
    measure(root, *CONDITIONS)
    cache = ("--cache", root / "cache")
    for words in (("ablate", run_of(root)), ("predict", run_of(root))):
        old, new = (
            call(*words, "--cache", each / "cache").output for each in (trained, root)
        )
        assert new.replace(str(root), "") == old.replace(str(trained), "")
    names = ("--fusion", "ridge", *own_runs.DIVIDED, "--runs", root / "new")
    done = call("train", *names, *cache, "--threads", 1)
    assert done.exit_code == 0, done.output
    lines = list(cache_listing.listing(root / "cache"))
    assert sum(", degraded by noise:10" in line for line in lines) == 1
    assert call("cache", "verify", *cache).exit_code == 0
    assert call("verify", run_of(root), *cache).exit_code == 0


def test_a_damaged_recording_is_named_once_and_left_out_of_all_conditions(
    trained, root
):
    corpus = root / "corpus"
    shutil.copytree(trained / "corpus", corpus)
    file = sorted((corpus / "wav").iterdir())[0]
    file.write_bytes(b"RIFF")
    conditions = ("--condition", "noise:10", "--condition", "noise:0")
    done = measure(root, corpus / "own.csv", *conditions, "--format", "json")
    assert done.exit_code == 1
    assert done.stderr.count(file.name) == 1
    found = json.loads(done.stdout)
    assert (found["utterances"], found["tested"]) == (own_runs.COUNT - 1, 18)
    assert any(file.name in note for note in found["notes"])
    assert "only 17 of the 18 test utterances" in " ".join(
        measure(root, corpus / "own.csv", *conditions).stdout.split()
    )


def test_a_recording_that_changed_is_no_degraded_one(trained, root):
    corpus = root / "corpus"
    shutil.copytree(trained / "corpus", corpus)
    one, other = sorted((corpus / "wav").iterdir())[:2]
    one.write_bytes(other.read_bytes())
    done = measure(root, corpus / "own.csv", "--condition", "noise:10")
    assert done.exit_code == 1
    assert "changed since the cache was made" in done.stderr
    assert "17 of 18 utterances" in " ".join(done.stdout.split())


def test_a_limit_is_named_in_the_table(root):
    done = measure(root, *CONDITIONS, "--limit", 9)
    text = " ".join(done.stdout.split())
    assert "9 of 18 utterances" in text
    assert "only 9 of the 18 test utterances of the run are scored" in text
    assert done.exit_code == 0
    rows = rows_of(measure(root, *CONDITIONS, "--limit", 9, "--format", "csv"))
    assert {(row["utterances"], row["tested"]) for row in rows} == {("9", "18")}


def test_a_quick_trial_does_not_replace_the_table_of_the_run(root):
    measure(root, *CONDITIONS)
    before = RunFolder(run_of(root)).robustness.read_bytes()
    done = measure(root, "--condition", "plain", "--limit", 9)
    assert "remove that file to show this table" in done.stderr
    assert RunFolder(run_of(root)).robustness.read_bytes() == before
    done = measure(root, "--condition", "gain:-20")
    assert "conditions of earlier commands" in done.stderr
    stored = {each.facts.text for each in robustness_file.read(run_of(root)).scores}
    assert {"gain:-20", *CONDITIONS[1::2]} <= stored


def test_a_later_command_reuses_the_rows_of_a_limited_one(root, encoded):
    measure(root, "--condition", "noise:10", "--limit", 9)
    first = sum(encoded)
    assert measure(root, "--condition", "noise:10").exit_code == 0
    assert sum(encoded) - first == 9


def test_a_run_of_one_modality_has_the_conditions_of_it(root):
    done = measure(root, "--format", "csv", design="text")
    assert {row["modality"] for row in rows_of(done)} == {"", "text"}
    done = measure(root, "--condition", "noise:10", design="text")
    assert "the run takes text and no audio" in error_sentence(done, status=2)


def test_missing_transcripts_are_named_with_the_command_that_makes_them(root):
    done = measure(root, "--condition", "recognised")
    sentence = error_sentence(done, status=2)
    assert "transcribe manifest" in sentence
    assert "--model small.en" in sentence
    done = measure(root, design="text")
    assert "recognised: the cache has no such transcripts" in done.stderr
    assert done.exit_code == 0


@pytest.fixture
def recognised(root, trained, monkeypatch):
    monkeypatch.setattr(word_errors, "demand_jiwer", lambda: None)
    monkeypatch.setitem(sys.modules, "jiwer", None)  # it is in no extra of developers
    for module in (word_error_table, robustness_texts):
        monkeypatch.setattr(module, "count_errors", lambda *texts: WordErrors(4, 1))
    source = ("manifest", trained / "corpus" / "own.csv", "--name", "own")
    scale = ("--scale", 1, 5, "--cache", root / "cache", "--model", "small.en")
    with stand_in_speech.replaced(monkeypatch):
        yield lambda *words: call("transcribe", *source, *scale, *words)


def test_recognised_transcripts_replace_those_of_the_corpus(root, recognised):
    assert recognised().exit_code == 0
    done = measure(root, design="text")
    assert done.exit_code == 0, done.output
    assert "recognised small.en" in done.stdout
    labels = [c.recipe.transcripts for c in store.find(root / "cache")]
    assert labels.count(LABEL) == 1
    for design in ("text", "early"):  # there are caches of both transcripts now
        again = measure(root, "--condition", "plain", design=design)
        assert again.exit_code == 0, again.output
    assert call("cache", "repair", "--cache", root / "cache").exit_code == 0


def test_incomplete_transcripts_are_left_out(root, recognised):
    assert recognised("--limit", 5).exit_code == 0
    done = measure(root, design="text")
    assert done.exit_code == 1
    assert "left out, because 13 test utterances of 18 have no transc" in done.stderr
    assert "recognised small" not in done.stdout


def test_fold_specific_encoders_encode_the_test_part_of_their_fold(trained, tmp_path):
    table = trained / "corpus" / "own.csv"
    own_runs.fine_tune(print, table, tmp_path / "tuned")
    for fold in sorted((tmp_path / "tuned").iterdir()):
        words = ("--audio-checkpoint", fold / "audio", "--modality", "audio")
        source = ("manifest", table, "--name", "own", "--scale", 1, 5)
        where = ("--cache", tmp_path / "cache", "--threads", 1)
        assert call("extract", *source, *words, *where).exit_code == 0
    words = ("--fusion", "audio", *own_runs.DIVIDED, *own_runs.SMALL)
    tuned = ("--finetuned", tmp_path / "tuned", "--runs", tmp_path / "runs")
    done = call("train", *words, *tuned, "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    done = measure(tmp_path, "--condition", "noise:10", design="audio")
    assert done.exit_code == 0, done.output
    folders = store.folders(tmp_path / "cache")
    found = [store.read_headers(path) for path in folders]
    rows = [each.rows for each in found if each.recipe.degradation]
    assert rows == [6, 6, 6]


def test_a_run_without_provenance_is_explained(root):
    for path in CorpusFolder(root / "cache" / "own").path.glob("*-*-*.json"):
        path.unlink()
    done = measure(root, *CONDITIONS)
    assert "does not say how its corpus was read" in error_sentence(done)


def test_another_corpus_is_refused(root, tmp_path):
    other = own_runs.write_table(tmp_path / "other")
    other.write_text(other.read_text().replace("wav/0", "wav/x"))
    done = measure(root, other, *CONDITIONS)
    assert "has none of the 18 test utterances" in error_sentence(done)
    done = measure(root, *CONDITIONS, "--corpus", "demo")
    assert "is tested on 'own'; leave it out" in error_sentence(done, status=2)


def test_recordings_that_were_moved_are_read_where_the_user_names_them(root):
    first, moved = root / "first", root / "my clips"
    table = own_runs.write_table(root / "corpus")
    first.mkdir()
    (root / "corpus" / "wav").rename(first / "wav")
    words = own_runs.arguments(table, root)[:-2]  # without the folder of runs
    done = call("extract", *words, *own_runs.TINY, "--recordings", first)
    assert done.exit_code == 0, done.output
    first.rename(moved)
    done = measure(root, "--condition", "noise:10")
    assert f"--recordings {first} is not a folder" in error_sentence(done)
    done = measure(root, "--condition", "noise:10", "--recordings", moved)
    assert done.exit_code == 0, done.output


def test_changed_models_are_refused(root):
    path = RunFolder(run_of(root)).predictions
    lines = path.read_text().splitlines()
    cells = lines[1].split(",")
    cells[-1] = "0.9"
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    RunFolder(run_of(root)).manifest.unlink()
    done = measure(root, *CONDITIONS)
    assert "the cache or the models have changed" in error_sentence(done)


def test_repair_names_the_condition_of_a_damaged_cache(root):
    measure(root, *CONDITIONS)
    (folder,) = [
        path
        for path in store.folders(root / "cache")
        if store.read_headers(path).recipe.degradation == "noise:10"
    ]
    (folder / "part-00000.h5").write_bytes(b"")
    done = call("cache", "repair", "--cache", root / "cache")
    assert done.exit_code == 1
    assert "repeat the extract or robustness command that made it" in done.output
    (folder / "part-00000.h5").unlink()
    done = measure(root, *CONDITIONS)
    assert done.exit_code == 0, done.output
    assert call("cache", "verify", "--cache", root / "cache").exit_code == 0


def test_word_error_rates_that_are_not_counted_are_named(root, monkeypatch):
    def refuse():
        raise AffuseError("needs the package jiwer")

    monkeypatch.setattr(word_errors, "demand_jiwer", refuse)
    done = measure(root, "--condition", "words:40")
    text = " ".join(done.stdout.split())
    assert "word error rates that were reached were not counted" in text
    assert done.exit_code == 0

"""The command predict for recordings and texts: values, errors and interruption."""

import csv
import dataclasses
import os
import shutil

import numpy as np
import own_runs
import published_checkpoints
import pytest
import spoken_corpus
from cli_calls import call, error_sentence, parse_command

from affuse.data.cache import store
from affuse.data.errors import AffuseError
from affuse.data.options.prediction_options import Predict
from affuse.extract.inference import model_sources, prediction_loop
from affuse.fuse.trained.model_set import ModelSet

RATINGS = ("valence", "arousal", "dominance")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return own_runs.write_table(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def place(table, tmp_path_factory):
    """Return a folder with runs of a network, a baseline and a robust network."""
    root = tmp_path_factory.mktemp("work")
    own_runs.train(table, root, *own_runs.TINY, "--fusion", "early,ridge,audio,experts")
    return root


@pytest.fixture(scope="module")
def runs(place):
    return {path.name.split("-")[1]: path for path in place.glob("runs/*")}


def predict(place, *words):
    return call("predict", *words, "--cache", place / "cache", "--threads", 1)


def rows(text):
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("design", ["early", "ridge", "audio"])
def test_recordings_are_predicted_as_in_the_cache(place, runs, table, design):
    demand_cached_values(place, runs[design], table)


def demand_cached_values(root, run, table):
    """Compare the predictions of recordings with those of the cached corpus."""
    cached = predict(root, run, "--corpus", "own")
    assert cached.exit_code == 0, cached.output
    by_file = {row["file"]: row for row in rows(cached.stdout)}
    done = predict(root, run, table.parent / "wav", "--transcripts", table)
    assert done.exit_code == 0, done.output
    found = rows(done.stdout)
    assert len(found) == len(by_file) == own_runs.COUNT
    for row in found:
        other = by_file[f"wav/{row['file'].rpartition('/')[2]}"]
        for name in (*RATINGS, "valence_deviation", "valence_1_to_5"):
            assert float(row[name]) == pytest.approx(float(other[name]), abs=1e-4)


def test_several_encoders_of_speech_are_joined_as_in_the_cache(table, tmp_path):
    source = ("manifest", table, "--name", "own", "--scale", 1, 5)
    where = ("--cache", tmp_path / "cache", "--threads", 1)
    acoustic = ("--modality", "audio", "--encoder", "acoustic")
    for words in (acoustic, own_runs.TINY):
        assert call("extract", *source, *where, *words).exit_code == 0
    words = ("--audio", "tiny", "--audio", "acoustic", "--fusion", "early")
    where = ("--cache", tmp_path / "cache", "--runs", tmp_path / "runs")
    done = call("train", *words, *where, *own_runs.DIVIDED, *own_runs.SMALL)
    assert done.exit_code == 0, done.output
    (run,) = tmp_path.glob("runs/*")
    assert '"members"' in next(run.glob("*/seed-0/model.json")).read_text()
    demand_cached_values(tmp_path, run, table)


def test_each_fold_has_its_fine_tuned_encoders(table, tmp_path):
    folder = own_runs.fine_tune(print, table, tmp_path / "mine")
    words = ("--fusion", "early", "--finetuned", folder)
    run = own_runs.train(table, tmp_path, *words)["early"]
    demand_cached_values(tmp_path, run, table)


def test_nothing_is_written_to_the_cache(place, runs, table):
    before = sorted(path.stat().st_mtime_ns for path in place.rglob("cache/**/*"))
    assert predict(place, runs["audio"], table.parent / "wav").exit_code == 0
    after = sorted(path.stat().st_mtime_ns for path in place.rglob("cache/**/*"))
    assert after == before


def test_a_model_that_needs_a_text_names_three_ways_out(place, runs, table):
    sentence = error_sentence(predict(place, runs["early"], table.parent / "wav"))
    assert "needs text: give it with --text" in sentence
    assert "--transcripts TABLE.csv" in sentence
    assert "a run of audio, of experts" in sentence
    assert "--set modality_dropout=0.3" in sentence


def test_a_recording_without_a_text_is_named_and_the_others_are_predicted(
    place, runs, table, tmp_path, caplog
):
    texts = tmp_path / "texts.csv"
    texts.write_text("file,text\n000.wav,it is so\n", encoding="utf-8")
    files = (table.parent / "wav" / f"00{i}.wav" for i in (0, 1))
    done = predict(place, runs["early"], *files, "--transcripts", texts)
    assert done.exit_code == 1
    first, second = rows(done.stdout)
    assert (first["valence"] != "", first["reason"]) == (True, "")
    assert second["valence"] == ""
    assert second["reason"].startswith("has no text; ")
    assert "001.wav: has no text" in caplog.text


def test_a_robust_model_predicts_from_speech_alone_and_says_so(
    place, runs, table, caplog
):
    done = predict(place, runs["experts"], table.parent / "wav" / "000.wav")
    assert done.exit_code == 0, done.output
    assert rows(done.stdout)[0]["valence"]
    assert "1 segment is predicted from audio alone" in caplog.text


def test_models_that_predict_far_outside_the_scale_are_reported(
    place, runs, table, caplog, monkeypatch
):
    real = ModelSet.predict

    def diverge(models, available):
        applied = real(models, available)
        return dataclasses.replace(applied, by_model=applied.by_model + 9.0)

    monkeypatch.setattr(ModelSet, "predict", diverge)
    assert predict(place, runs["audio"], table.parent / "wav").exit_code == 0
    assert "3 of 3 models predict below -3 or above 3" in caplog.text
    assert f"for {own_runs.COUNT} utterances" in caplog.text


def test_a_text_alone_is_predicted_by_a_model_of_texts(place, runs):
    done = predict(place, runs["experts"], "--text", "It was not so bad.")
    assert done.exit_code == 0, done.output
    (row,) = rows(done.stdout)
    assert (row["file"], row["start"], row["text"]) == ("", "", "It was not so bad.")
    sentence = error_sentence(predict(place, runs["audio"], "--text", "It was."))
    assert "needs audio: give it by naming the recording" in sentence


def test_the_name_of_a_text_cache_is_no_text(place, runs):
    sentence = error_sentence(
        predict(place, runs["experts"], "--text", "tiny"), status=2
    )
    assert "--text tiny is the name of a text cache" in sentence
    assert "--corpus own too" in sentence


def test_a_bad_file_is_named_and_the_others_are_predicted(
    place, runs, table, tmp_path, caplog
):
    bad, empty = tmp_path / "bad.wav", tmp_path / "empty.wav"
    bad.write_text("no sound", encoding="utf-8")
    empty.touch()
    good = table.parent / "wav" / "003.wav"
    gone = tmp_path / "gone.wav"
    done = predict(place, runs["audio"], bad, good, empty, gone)
    assert done.exit_code == 1
    found = rows(done.stdout)
    assert [bool(row["reason"]) for row in found] == [True, False, True, True]
    for path in (bad, empty, gone):
        assert f"{path}: " in caplog.text
    assert "the file is empty" in caplog.text


def test_a_recording_too_short_for_the_encoder_is_named(place, runs, tmp_path):
    short = spoken_corpus.record(tmp_path / "short.wav", spoken_corpus.noise(100))
    done = predict(place, runs["audio"], short)
    assert done.exit_code == 1
    assert "has 100 samples at 16 kHz" in rows(done.stdout)[0]["reason"]


def test_a_long_recording_is_divided_into_windows(place, runs, tmp_path):
    long = spoken_corpus.record(tmp_path / "long.wav", spoken_corpus.noise(22 * 16_000))
    found = rows(predict(place, runs["audio"], long).stdout)
    assert [(r["start"], r["end"]) for r in found[:2]] == [("0", "8"), ("4", "12")]
    whole = rows(predict(place, runs["audio"], long, "--window", 0).stdout)
    assert [(r["start"], r["end"]) for r in whole] == [("0", "22")]


def test_the_order_of_results_does_not_depend_on_chunks(
    place, runs, table, monkeypatch
):
    words = (runs["audio"], table.parent / "wav")
    whole = predict(place, *words).stdout
    monkeypatch.setattr(prediction_loop, "FIRST_ROWS", 3)
    assert predict(place, *words).stdout == whole


def test_an_interrupted_command_continues(place, runs, table, tmp_path, monkeypatch):
    output = tmp_path / "out.csv"
    words = (runs["audio"], table.parent / "wav", "--output", output)
    assert predict(place, *words).exit_code == 0
    expected = output.read_bytes()
    output.unlink()
    monkeypatch.setattr(prediction_loop, "FIRST_ROWS", 2)
    real, calls = prediction_loop.LoadedFileModel.predict, []

    def interrupt(model, opened):
        calls.append(len(opened.segments))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(model, opened)

    monkeypatch.setattr(prediction_loop.LoadedFileModel, "predict", interrupt)
    assert predict(place, *words).exit_code == 130
    assert not output.exists()
    done = predict(place, *words)
    assert done.exit_code == 0, done.output
    assert "predicted before: kept" in done.stdout
    # Six recordings were predicted; a recording is kept when the next one begins.
    assert sum(calls[3:]) == own_runs.COUNT - 5
    assert output.read_bytes() == expected
    again = predict(place, *words)
    assert again.exit_code == 0
    assert "is finished already; nothing was predicted" in again.stdout
    one = predict(place, runs["audio"], table.parent / "wav/000.wav", *words[-2:])
    assert "which is not among the recordings; remove it" in error_sentence(
        one, status=2
    )
    assert output.read_bytes() == expected


def test_an_encoder_folder_that_moved_is_named_by_an_option(
    place, table, tmp_path_factory
):
    root = tmp_path_factory.mktemp("moved")
    sizes = {"sizes": published_checkpoints.REDUCED, "spelling": "new", "form": "st"}
    (root / "first").mkdir()
    published_checkpoints.publish(root / "first", **sizes)
    words = ("--audio-checkpoint", root / "first", "--modality", "audio")
    run = own_runs.train(table, root, *words, "--fusion", "ridge")["ridge"]
    wav = table.parent / "wav" / "000.wav"
    expected = predict(root, run, wav)
    assert expected.exit_code == 0, expected.output
    shutil.move(root / "first", root / "second")
    sentence = error_sentence(predict(root, run, wav))
    assert "needs the audio encoder 'first'" in sentence
    assert "--audio-checkpoint FOLDER" in sentence
    moved = predict(root, run, wav, "--audio-checkpoint", root / "second")
    assert moved.stdout == expected.stdout
    sentence = error_sentence(predict(root, run, wav, "--audio-checkpoint", "mini"))
    assert "mini is another encoder: it has" in sentence


def test_a_checkpoint_with_a_head_is_a_model(tmp_path, table):
    published_checkpoints.publish(
        tmp_path, sizes=published_checkpoints.REDUCED, spelling="old", form="st"
    )
    wav = table.parent / "wav" / "000.wav"
    done = predict(tmp_path, tmp_path, wav)
    assert done.exit_code == 0, done.output
    (row,) = rows(done.stdout)
    for name in RATINGS:
        on_scale = float(row[f"{name}_0_to_1"])
        assert float(row[name]) == pytest.approx(2 * on_scale - 1, abs=1e-5)
    assert row["trained_on_ratings"] == "human"


def test_the_head_gives_the_values_that_the_cache_stores(tmp_path, table):
    published_checkpoints.publish(
        tmp_path, sizes=published_checkpoints.REDUCED, spelling="old", form="st"
    )
    words = ("--cache", tmp_path / "cache", "--threads", 1, "--dtype", "float32")
    source = ("manifest", table, "--name", "own", "--scale", 1, 5)
    done = call(
        "extract",
        *source,
        *words,
        *("--audio-checkpoint", tmp_path, "--modality", "audio", "--head"),
        *("--layers", "last", "--pooling", "mean"),
    )
    assert done.exit_code == 0, done.output
    (cache,) = store.find(tmp_path / "cache", "own")
    stored = store.load(cache)
    (row,) = rows(predict(tmp_path, tmp_path, table.parent / "wav" / "000.wav").stdout)
    head = cache.recipe.head
    ordered = stored.head[:, [head.index(name) for name in RATINGS]]
    found = [float(row[f"{name}_0_to_1"]) for name in RATINGS]
    assert np.abs(ordered - found).max(axis=1).min() < 1e-4


def test_a_name_that_is_no_model_is_explained(tmp_path, table):
    wav = table.parent / "wav" / "000.wav"
    assert "not found; name the folder of a run" in error_sentence(
        predict(tmp_path, tmp_path / "none", wav)
    )
    assert "is no run, no bundle and no checkpoint" in error_sentence(
        predict(tmp_path, tmp_path, wav)
    )


def test_a_misspelt_run_is_not_looked_for_on_the_hub(place, monkeypatch):
    def fail(*words, **options):
        raise AffuseError("the hub was asked")

    monkeypatch.setattr(model_sources, "holds_bundle", fail)
    monkeypatch.chdir(place)
    sentence = error_sentence(predict(place, "runs/none", "a.wav"))
    assert "runs/none not found; name the folder of a run" in sentence
    sentence = error_sentence(predict(place, "cache/none", "a.wav"))
    assert "the hub was asked" in sentence


def test_a_second_run_is_not_taken_for_a_folder_of_recordings(place, runs):
    sentence = error_sentence(predict(place, runs["early"], runs["ridge"]), status=2)
    assert "predict takes one run; choose one of" in sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("a.wav", "--corpus", "own"), "--corpus is for a cached corpus"),
        (("--window", 3), "--window is for recordings, and none is named"),
        (("--format", "json", "--corpus", "own"), "--format is for recordings"),
        (("--transcripts", "t.csv"), "name the recordings or their folder too"),
        (("a.wav", "--text", "a", "--text", "b"), "--text is given more than once"),
        (("a.wav", "--text", "a", "--transcripts", "t.csv"), "both give texts"),
        (("a.wav", "--window", -1), "--window -1"),
        (("a.wav", "--output", "a.svg", "--plot", "a.svg"), "both name a.svg"),
        pytest.param(
            ("a.wav", "--output", os.devnull),
            "leave --output out",
            marks=pytest.mark.skipif(os.name == "nt", reason="it has no such path"),
        ),
    ],
)
def test_options_that_do_not_fit_together_are_refused(place, runs, words, sentence):
    assert sentence in error_sentence(predict(place, runs["ridge"], *words), status=2)


def test_a_command_without_recordings_predicts_a_corpus():
    assert not parse_command("predict", "run").takes_files
    assert not parse_command(
        "predict", "run", "--corpus", "a", "--text", "b"
    ).takes_files
    assert parse_command("predict", "run", "a.wav").takes_files
    assert parse_command("predict", "run", "--text", "b").takes_files
    assert isinstance(parse_command("predict", "run"), Predict)


def test_a_text_that_the_model_does_not_take_is_named(place, runs, table, caplog):
    wav = table.parent / "wav" / "000.wav"
    for words in ((runs["audio"], wav), (runs["early"], wav, "--text", "it is not")):
        assert predict(place, *words).exit_code == 0
    assert "not used" not in caplog.text
    done = predict(place, runs["audio"], wav, "--text", "it is not")
    assert done.exit_code == 0, done.output
    sentence = f"the texts are not used: {runs['audio'].name} predicts from audio alone"
    assert caplog.text.count(sentence) == 1


def test_empty_texts_are_counted_with_what_they_mean(place, runs, table, caplog):
    wav = table.parent / "wav" / "000.wav"
    assert predict(place, runs["early"], wav, "--text", "it is").exit_code == 0
    assert predict(place, runs["audio"], wav, "--text", "").exit_code == 0
    assert "without words" not in caplog.text
    assert predict(place, runs["early"], wav, "--text", " ").exit_code == 0
    assert caplog.text.count("1 text without words: read as the empty sentence") == 1
    assert "leave --text out, or write NaN in the table" in caplog.text


def test_a_checkpoint_that_would_be_ignored_is_refused(place, runs, table):
    wav = table.parent / "wav" / "000.wav"
    done = predict(place, runs["audio"], wav, "--text-checkpoint", place)
    assert (
        f"--text-checkpoint {place} has no effect: the model has no text encoder"
        in error_sentence(done, status=2)
    )


def test_a_recording_in_place_of_the_model_is_explained(place, table):
    wav = table.parent / "wav" / "000.wav"
    for words in ((wav,), (wav, wav), (wav, "--corpus", "own")):
        sentence = error_sentence(predict(place, *words), status=2)
        assert f"{wav} is a file, and no model; name the folder of a run" in sentence


@pytest.mark.parametrize("name", ["found.json", "found.JSONL", "found.csv", "found.x"])
def test_the_ending_of_the_output_is_its_format(place, runs, table, tmp_path, name):
    wav, output = table.parent / "wav" / "000.wav", tmp_path / name
    done = predict(place, runs["audio"], wav, "--output", output)
    assert done.exit_code == 0, done.output
    start = {"json": '{"format"', "jsonl": '{"file"'}.get(
        name[6:].lower(), "file,start"
    )
    assert output.read_text().startswith(start)


def test_a_corpus_is_not_written_as_csv_under_the_name_of_another_format(place, runs):
    words = ("--corpus", "own", "--output", place / "out.json")
    sentence = error_sentence(predict(place, runs["audio"], *words), status=2)
    assert "predictions of a cached corpus are written as CSV" in sentence


def test_predictions_of_other_recordings_are_not_lost(place, runs, table, tmp_path):
    wav, output, bad = table.parent / "wav", tmp_path / "out.csv", tmp_path / "bad.wav"
    bad.write_text("no sound")
    first = (runs["audio"], wav / "000.wav", bad, "--output", output)
    done = predict(place, *first)
    assert "1 could not be predicted in full; repeat the command to try" in done.stdout
    before = output.read_bytes()
    other = predict(place, runs["audio"], wav / "001.wav", "--output", output)
    sentence = error_sentence(other, status=2)
    assert "000.wav', which is not among the recordings (1 of them)" in sentence
    assert output.read_bytes() == before
    # without the bad recording, the command is complete
    again = predict(place, runs["audio"], wav / "000.wav", "--output", output)
    assert again.exit_code == 0, again.output
    assert [row["file"] for row in rows(output.read_text())] == [str(wav / "000.wav")]

"""Columns of the table that `predict` writes, and their warnings."""

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from applied_models import example_predictions
from learnable_corpus import corpus, embeddings
from small_caches import fill, recipe

from affuse.data.cache import corpus_table
from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.cache.shared_recordings import Place, locate
from affuse.data.errors import DamagedFileError
from affuse.data.records import Corpus, Utterance
from affuse.data.runs.fold_table import FoldRow, write_folds
from affuse.data.runs.run_information import RunInfo, read_info, write_info
from affuse.data.runs.run_predictions import Predictions, write_predictions
from affuse.fuse.commands import prediction_table, training_scale
from affuse.fuse.commands.prediction_table import Context
from affuse.fuse.commands.training_overlap import Overlap
from affuse.fuse.inputs.input_selection import Sources

INFO = RunInfo("run", "text", "toy", "synthetic", "loso", ("valence",), {}, {})
ROOT = Path("/root")


def test_the_table_has_columns_on_the_scale_and_recordings():
    said = dataclasses.replace(
        example_predictions("=a", "b"),
        mean=np.array([[0.5], [-1.0]]),
        std=np.full((2, 1), 0.25),
    )
    places = {"=a": Place("wav/a.wav", 0.0, 1.5)}
    context = Context((0.0, 6.0), Overlap({"=a": 2, "b": None}, 3), places)
    file = io.StringIO()
    more = {"valence_low": np.array([-1.0, -1.0])}
    prediction_table.write(file, said, context, more)
    first, second = csv.DictReader(io.StringIO(file.getvalue()))
    assert first == {
        "id": "'=a",
        "valence": "0.500000",
        "valence_deviation": "0.250000",
        "valence_low": "-1.000000",
        "valence_0_to_6": "4.500000",
        "valence_deviation_0_to_6": "0.750000",
        "valence_low_0_to_6": "0.000000",
        "trained_on": "2",
        "file": "wav/a.wav",
        "start": "0",
        "end": "1.5",
    }
    assert [second[n] for n in ("trained_on", "file", "start", "end")] == [""] * 4


def test_without_a_scale_ratings_are_on_minus_one_to_one_only():
    file = io.StringIO()
    context = Context(None, Overlap({"a": 0}, 3), {})
    prediction_table.write(file, example_predictions("a"), context, {})
    header = "id,valence,valence_deviation,trained_on,file,start,end\n"
    assert file.getvalue().startswith(header)


@pytest.mark.parametrize(
    ("span", "stretch", "start", "end"),
    [
        (None, None, 0.0, None),
        (None, RecordingSpan("f", 0.0, 7.5), 0.0, 7.5),
        ((1.0, 2.0), None, 1.0, 2.0),
        ((1.0, None), RecordingSpan("f", 1.0, 7.5), 1.0, 7.5),
        ((1.0, 99.0), RecordingSpan("f", 1.0, 7.5), 1.0, 7.5),  # the file ends at 7.5 s
    ],
)
def test_start_and_end_are_known_without_opening_the_recording(
    tmp_path, span, stretch, start, end
):
    read = Utterance("a", audio=ROOT / "wav" / "a.wav", span=span)
    corpus_table.save(Corpus("toy", ROOT, (read,), None, ""), tmp_path)
    (kept,) = corpus_table.load(tmp_path, "toy").utterances
    for utterance in (read, kept):
        assert locate(utterance, ROOT, stretch) == Place("wav/a.wav", start, end)


def test_a_recording_outside_the_corpus_folder_has_only_its_name():
    odd = Utterance("a", audio=Path("/home/me/a.wav"))
    assert locate(odd, ROOT, None) == Place("a.wav", 0.0, None)


@pytest.fixture
def run(tmp_path):
    """Run on toy by an older version, which recorded no scale."""
    folder = tmp_path / "run"
    write_info(folder, INFO)
    write_folds(folder, [FoldRow("one", "test", "u000"), FoldRow("one", "train", "u1")])
    first = corpus().utterances[0].ratings["valence"]
    truth = np.array([[(first - 3) / 2]])
    ids, fold, seed = np.array(["u000"]), np.array(["one"]), np.array([0])
    made = Predictions(ids, fold, seed, truth, truth)
    write_predictions(folder / "predictions.csv", made, INFO)
    return folder


def test_a_run_records_the_scale_of_its_ratings(run):
    write_info(run, dataclasses.replace(INFO, scale=(1.0, 7.0)))
    assert training_scale.scale_of_run(run, read_info(run), None) == (1.0, 7.0)
    path = run / "run.json"
    path.write_text(path.read_text().replace("7.0", "0.5"), encoding="utf-8")
    with pytest.raises(
        DamagedFileError, match="does not rise; state its lowest rating first"
    ):
        read_info(run)


def test_an_older_run_takes_the_scale_of_the_cached_corpus_if_ratings_agree(run):
    info = read_info(run)
    assert info.scale is None
    assert training_scale.scale_of_run(run, info, corpus()) == (1.0, 5.0)
    other = dataclasses.replace(corpus(), scale=(0.0, 5.0))  # same name, other ratings
    assert training_scale.scale_of_run(run, info, other) is None
    assert training_scale.scale_of_run(run, info, None) is None
    (run / "predictions.csv").unlink()
    assert training_scale.scale_of_run(run, info, corpus()) is None


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (None, "did not record the scale of 'toy'; repeat the train command"),
        ((1.0, 7.0), "'new' is rated from 1 to 5, but ratings are written on [-1, 1]"),
        ((1.0, 5.0), ""),
    ],
)
def test_an_unknown_or_different_scale_has_a_warning(run, caplog, scale, said):
    write_info(run, dataclasses.replace(INFO, scale=scale))
    new = dataclasses.replace(corpus(), name="new")
    given = Sources(new, (), embeddings())
    context = prediction_table.gather(run, example_predictions("u000"), given, run)
    assert context.scale == scale
    assert context.overlap.models == {"u000": None}
    told = [r.getMessage() for r in caplog.records][1:]  # the first is on the overlap
    assert len(told) == bool(said)
    assert said in " ".join(told)


def test_a_warning_says_that_an_older_cache_lacks_recording_names(run, caplog):
    fill(run, of=recipe(modality="audio"))
    given = Sources(corpus(), (), {})
    prediction_table.gather(run, example_predictions("u000"), given, run)
    assert "an older version extracted 'toy' and saved no names" in caplog.text

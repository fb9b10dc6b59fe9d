"""Predicted utterances on which a run was trained: by id, recording or words."""

from pathlib import Path

import numpy as np
import pytest
import small_caches
from applied_models import example_predictions

from affuse.data.cache.parts import Part
from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.records import Corpus, Utterance
from affuse.data.runs.fold_table import FoldRow, write_folds
from affuse.fuse.commands import training_overlap
from affuse.fuse.commands.training_overlap import ComparisonKeys

PARTS = {"one": ("train", "test", "test"), "two": ("train", "validation", "test")}
WHOLE = RecordingSpan("file a", 0.0, 9.0)


def make_keys(name, recordings=None, stretches=None, words=None):
    return ComparisonKeys(name, recordings or {}, stretches or {}, words or {})


@pytest.fixture
def run(tmp_path):
    rows = [
        FoldRow(fold, part, id_)
        for fold, parts in PARTS.items()
        for part, id_ in zip(parts, "abc", strict=True)
    ]
    write_folds(tmp_path, rows)
    return tmp_path


def overlap_with(run, ours, theirs, *ids):
    return training_overlap.count_overlap(
        run, example_predictions(*ids), ours, theirs, trained_name="toy"
    )


def test_ids_of_one_corpus_are_counted_by_model(run):
    toy = make_keys("toy")
    overlap = overlap_with(run, toy, toy, "a", "b", "c", "d")
    assert overlap.models == {"a": 3, "b": 1, "c": 0, "d": 0}
    (sentence,) = overlap.sentences(run)
    assert sentence.startswith(
        "2 of 4 utterances were in the training or validation part of up to 3 of 3 "
        "models: a, b;"
    )
    assert f"or read {run / 'predictions.csv'}, of held-out data" in sentence


def test_without_overlap_there_is_no_warning(run):
    toy = make_keys("toy")
    assert list(overlap_with(run, toy, toy, "c", "d").sentences(run)) == []


def test_a_copy_of_a_training_recording_counts_as_trained_on(run):
    toy = make_keys("toy", {"a": ("samples 1",), "d": ("samples 1",)})
    assert overlap_with(run, toy, toy, "c", "d").models == {"c": 0, "d": 3}


@pytest.mark.parametrize(
    ("ours", "theirs", "models"),
    [
        ({"recordings": {"x": ("input 1",)}}, {"recordings": {"a": ("input 1",)}}, 3),
        ({"recordings": {"x": ("input 1",)}}, {"recordings": {"b": ("input 1",)}}, 1),
        ({"recordings": {"x": ("input 1",)}}, {"recordings": {"c": ("input 1",)}}, 0),
        (  # an overlapping stretch of a training recording
            {
                "recordings": {"x": ("input 1",)},
                "stretches": {"x": RecordingSpan("file a", 2.0, 3.0)},
            },
            {"recordings": {"a": ("input 2",)}, "stretches": {"a": WHOLE}},
            3,
        ),
        ({"words": {"x": "yes"}}, {"words": {"a": "yes"}}, 3),
        ({"words": {"x": "yes"}}, {"words": {"a": "no"}}, 0),
        (  # another recording of the same words
            {"recordings": {"x": ("input 1",)}, "words": {"x": "yes"}},
            {"recordings": {"a": ("input 2",)}, "words": {"a": "yes"}},
            0,
        ),
        (  # only the words can be compared
            {"recordings": {"x": ("input 1",)}, "words": {"x": "yes"}},
            {"words": {"a": "yes"}},
            3,
        ),
        ({"words": {"x": "yes"}}, {"recordings": {"a": ("input 2",)}}, None),
        ({}, {"words": {"a": "yes"}}, None),
    ],
)
def test_overlap_is_found_under_another_corpus_name(run, ours, theirs, models):
    overlap = overlap_with(
        run, make_keys("new", **ours), make_keys("toy", **theirs), "x"
    )
    assert overlap.models == {"x": models}
    said = " ".join(overlap.sentences(run))
    assert ("as recordings or texts of 'toy': x;" in said) is bool(models)
    assert "predictions.csv" not in said  # that file has the ids of the other corpus
    assert ("for 1 of 1 utterances, it is not known" in said) is (models is None)


def test_a_sentence_names_the_reason_why_overlap_is_unknown(run):
    overlap = overlap_with(run, make_keys("new"), None, "a", "d")
    assert overlap.models == {"a": None, "d": None}
    (sentence,) = overlap.sentences(run)
    assert "because their training corpus 'toy' is not in the cache" in sentence
    assert "1 of its ids occur in both corpora" in sentence
    (run / "folds.csv").unlink()
    (sentence,) = overlap_with(run, make_keys("toy"), make_keys("toy"), "a").sentences(
        run
    )
    assert f"because {run / 'folds.csv'} is missing" in sentence


def test_keys_are_collected_from_every_audio_cache(tmp_path):
    for number, ids in enumerate((("a",), ("a", "b"))):
        of = small_caches.recipe(modality="audio", weights=str(number))
        made = Part(
            ids=ids,
            contents=tuple(f"{ord(id_):032x}" for id_ in ids),
            vectors=(np.ones((2, small_caches.DIM), np.float32),) * len(ids),
            stretches=tuple(RecordingSpan(f"{number:032x}", 0, 1, id_) for id_ in ids),
        )
        small_caches.write(tmp_path / "toy" / of.folder(), 0, made, of=of)
    small_caches.fill(tmp_path)  # text
    broken = small_caches.recipe(modality="audio", weights="broken")
    small_caches.flip(
        small_caches.fill(tmp_path, of=broken, rows=(1,)) / "part-00000.h5", 0
    )
    toy = Corpus("toy", Path(), (Utterance("c", text="Yes!"),), None, "")
    inputs = training_overlap.collect_keys(toy, tmp_path)
    assert inputs.recordings["a"] == ("samples a", f"input {ord('a'):032x}")
    assert inputs.recordings.keys() == inputs.stretches.keys() == {"a", "b"}
    assert inputs.words.keys() == {"c"}
    assert len(inputs.faults) == 1
    assert "part-00000.h5" in inputs.faults[0]
    assert inputs.faults[0].endswith("its recordings are not compared")

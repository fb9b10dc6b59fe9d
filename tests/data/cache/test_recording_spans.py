"""Identification of recordings in a cache by file, span and decoded samples."""

import dataclasses

import h5py
import numpy as np
import pytest
import soundfile
from spoken_corpus import RATE, corpus, images, noise, record, run

from affuse.data.cache import checksums, parts, store, streaming
from affuse.data.cache.part_arrays import check_arrays
from affuse.data.cache.recording_spans import SILENT, RecordingSpan, overlap
from affuse.data.errors import AffuseError
from affuse.data.records import Utterance
from affuse.extract.audio.sample_digest import fingerprint


def spans_by_id(outcome):
    """Return spans by utterance id, equal for caches in memory and streamed ones."""
    cache = store.read_headers(outcome.folder)
    found = store.load(cache)
    (streamed,) = streaming.open_all({"audio": (cache, cache.recipe)}).values()
    assert streamed.stretches == found.stretches
    return dict(zip(found.ids, found.stretches, strict=True))


def copies(root):
    """Write one recording in several formats, another recording, and silence."""
    samples = noise(RATE)
    first = record(root / "a.wav", samples)
    decoded, _ = soundfile.read(first)
    whole, _ = soundfile.read(first, dtype="int16")
    files = {
        "wav": first,
        "flac": record(root / "a.flac", whole),
        "deep": record(root / "a24.wav", decoded, subtype="PCM_24"),
        "float": record(root / "a32.wav", decoded, subtype="FLOAT"),
        "twin": record(root / "a2.flac", np.stack([whole, whole], axis=1)),
        "other": record(root / "b.wav", noise(RATE, seed=1)),
        "none": record(root / "c.wav", np.zeros(RATE)),
    }
    every = [Utterance(name, audio=path) for name, path in files.items()]
    part = Utterance("part", audio=files["wav"], span=(0.25, 0.75))
    rest = Utterance("rest", audio=files["wav"], span=(0.5, None))
    return corpus(root, *every, part, rest)


def test_lossless_copies_have_equal_samples_and_spans_are_kept(tmp_path):
    found = spans_by_id(run(copies(tmp_path), tmp_path / "cache"))
    equal = {found[name].samples for name in ("wav", "flac", "deep", "float", "twin")}
    assert len(equal) == 1
    assert len({s.file for s in found.values()}) == 7
    assert found["other"].samples not in equal
    assert found["none"].samples == SILENT
    assert (found["wav"].begin, found["wav"].end) == (0.0, 1.0)
    assert (found["part"].begin, found["part"].end) == (0.25, 0.75)
    assert (found["rest"].begin, found["rest"].end) == (0.5, 1.0)
    assert found["part"].file == found["rest"].file == found["wav"].file
    assert overlap(found["part"], found["rest"]) == pytest.approx(0.25)


def test_parts_of_texts_have_no_spans(tmp_path):
    made = run(corpus(tmp_path, count=2), tmp_path / "cache", "text")
    assert store.load(store.read_headers(made.folder)).stretches == (None, None)
    with h5py.File(parts.part_path(made.folder, 0)) as file:
        assert not {"files", "spans", "samples"} & set(file)


def make_older(folder):
    """Rewrite the parts of a folder as an older version wrote them."""
    for number in store.part_numbers(folder):
        path = parts.part_path(folder, number)
        head, arrays = parts.parse(path, checksums.check(path))
        made = parts.Part(
            ids=tuple(i.decode() for i in arrays["ids"]),
            contents=tuple(c.decode() for c in arrays["contents"]),
            vectors=tuple(arrays["embeddings"]),
            problems=head.problems,
        )
        parts.write(
            path, made, recipe=head.recipe, parts=head.parts, versions=head.versions
        )


def test_rows_of_an_older_cache_are_reused(tmp_path):
    found = copies(tmp_path)
    few = dataclasses.replace(found, utterances=found.utterances[:2])
    before = run(few, tmp_path / "cache")
    make_older(before.folder)
    assert spans_by_id(before) == {"wav": None, "flac": None}
    again = run(few, tmp_path / "cache")
    assert (again.folder, again.encoded) == (before.folder, 0)
    known = spans_by_id(run(found, tmp_path / "cache"))
    assert (known["wav"].samples, known["wav"].end) == ("", 1.0)
    assert known["other"].samples


def test_digests_of_samples_are_kept_for_reused_rows(tmp_path):
    found = copies(tmp_path)
    few = dataclasses.replace(found, utterances=found.utterances[:3])
    run(few, tmp_path / "cache")
    grown = run(found, tmp_path / "cache")
    fresh = run(found, tmp_path / "other")
    assert spans_by_id(grown) == spans_by_id(fresh)
    assert images(grown.folder) == images(fresh.folder)


ARRAYS = {
    "ids": np.array([b"a"]),
    "contents": np.array([b"0"]),
    "embeddings": np.zeros((1, 1, 2), np.float32),
    "files": np.array([b"0"]),
    "spans": np.array([[0.0, 1.0]]),
    "samples": np.array([b""]),
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"files": None}, "'files' is missing"),
        ({"samples": None}, "'samples' is missing"),
        ({"spans": np.zeros(2)}, "spans has shape"),
        ({"spans": np.array([[1.0, 0.0]])}, "not valid intervals of time"),
        ({"spans": np.array([[-1.0, 0.0]])}, "not valid intervals of time"),
        ({"spans": np.array([[0.0, np.inf]])}, "not valid intervals of time"),
        ({"spans": np.array([[0.0, np.nan]])}, "not valid intervals of time"),
        ({"files": np.array([b"\xff"])}, "no text in UTF-8"),
        ({"samples": np.array([b"\xff"])}, "no text in UTF-8"),
    ],
)
def test_invalid_spans_are_refused(changes, said):
    from small_caches import recipe

    of = recipe(layers=(0,), head=(), pooling="mean", storage="float32")
    check_arrays(ARRAYS, of)
    found = {n: v for n, v in {**ARRAYS, **changes}.items() if v is not None}
    with pytest.raises(AffuseError, match=said):
        check_arrays(found, of)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_the_digest_of_samples_is_of_clipped_16_bit_values(scale):
    samples = np.array([0.25, -1.0, 0.999], np.float32) * scale
    assert fingerprint(samples) == fingerprint(samples + np.float32(1e-6))
    assert fingerprint(samples) != fingerprint(samples[::-1])
    assert fingerprint(np.full(9, 1.5, np.float32)) == fingerprint(
        np.full(9, 2.5, np.float32)
    )
    assert fingerprint(np.full(9, 1e-5, np.float32)) == SILENT


def test_adjacent_spans_do_not_overlap():
    assert overlap(RecordingSpan("f", 0.0, 1.0), RecordingSpan("f", 1.0, 2.0)) == 0.0

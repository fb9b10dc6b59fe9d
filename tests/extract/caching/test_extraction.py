"""Stage one from corpus to cache, with encoders of random weights."""

import csv
import dataclasses
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import soundfile
import torch
from extraction_calls import EXTRACT_OPTIONS, run_extract
from part_limits import limit_parts
from published_checkpoints import REDUCED, publish
from small_caches import flip
from spoken_corpus import (
    CHOICES,
    MACHINE,
    corpus,
    images,
    noise,
    record,
    rows,
    run,
    utterance,
)

from affuse.data.cache import current_content, embedding_views, parts, store
from affuse.data.cache.cache_folder import CacheFolder
from affuse.data.reading import transcript_rule
from affuse.data.records import Problem, Utterance
from affuse.data.system.atomic_files import claim
from affuse.data.system.work_log import read_work
from affuse.extract.audio import decoder_pool
from affuse.extract.caching import extraction as stage
from affuse.extract.caching import input_reading
from affuse.extract.caching.extraction import OLD_NOTE
from affuse.extract.commands import encoding_choices
from affuse.extract.encoders import distilbert, wav2vec2
from affuse.extract.encoding import pooling
from affuse.extract.encoding.choices import Choice, Machine, choose_device
from affuse.extract.encoding.protocol import hidden
from affuse.fuse.inputs.chunks import pool_rows

MODALITIES = ("audio", "text")
# float32 sums have another order if an utterance is encoded alone
ROUNDING = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    limit_parts(monkeypatch, part_rows=7)


def encode_alone(u, modality, how="mean", **options):
    """Return the embedding of one utterance that is encoded alone."""
    encoder = stage.load(Choice(modality, checkpoint="tiny", **options), MACHINE)
    source = noise_of(u) if modality == "audio" else u.text
    blocks = encoder.prepare(source).blocks
    found = [
        pooling.blocks(encoder(b[None], partial(pooling.reduce, how=how)))[0]
        for b in blocks
    ]
    return pooling.vector(pooling.merge(found), how)


def noise_of(u):
    from affuse.extract.audio import decoding

    return decoding.load(u.audio, u.span, longest=60.0).samples


# Each row is the embedding of its utterance


@pytest.mark.parametrize("how", pooling.POOLINGS)
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_row_equals_the_embedding_of_its_utterance_alone(tmp_path, modality, how):
    found = corpus(tmp_path, count=25)
    outcome = run(found, tmp_path / "cache", modality, pooling=how, layers="0,2")
    stored = rows(outcome)
    assert outcome.utterances == len(stored) == 25
    for u in found.utterances:
        wanted = encode_alone(u, modality, how, layers="0,2")
        if how == "frames":
            assert stored[u.id].dtype == np.float16  # eleven bits
            np.testing.assert_allclose(stored[u.id], wanted, rtol=1e-3, atol=1e-3)
        else:
            np.testing.assert_allclose(stored[u.id], wanted, **ROUNDING)


def test_rows_do_not_depend_on_the_order_of_the_corpus(tmp_path):
    found = corpus(tmp_path, count=20)
    turned = replace(found, utterances=found.utterances[::-1])
    one, two = run(found, tmp_path / "1"), run(turned, tmp_path / "2")
    assert images(one.folder) == images(two.folder)
    assert one.folder.name == two.folder.name


@pytest.mark.parametrize("modality", MODALITIES)
def test_rows_do_not_depend_on_the_batch_size(tmp_path, modality):
    found = corpus(tmp_path, count=20)
    one = rows(run(found, tmp_path / "1", modality))
    single = replace(MACHINE, batch=1e-3)
    two = rows(run(found, tmp_path / "2", modality, machine=single))
    for name, vector in one.items():
        np.testing.assert_allclose(two[name], vector, **ROUNDING)


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_bytes_do_not_depend_on_the_number_of_threads(tmp_path, modality):
    found = corpus(tmp_path, count=20)
    before, made = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            machine = replace(MACHINE, threads=threads)
            outcome = run(found, tmp_path / str(threads), modality, machine)
            made.append(images(outcome.folder))
    finally:
        torch.set_num_threads(before)
    assert made[0] == made[1] == made[2]


def test_long_recordings_are_encoded_in_blocks_with_a_note(tmp_path):
    long = Utterance("long", audio=record(tmp_path / "l.wav", noise(40_000)))
    found = corpus(tmp_path, long, count=3)
    outcome = run(
        found,
        tmp_path / "cache",
        pooling="frames",
        options={"block_seconds": 1.0},
    )
    encoder = wav2vec2.Encoder.tiny()
    assert len(rows(outcome)["long"]) == encoder.count_frames(40_000)
    assert outcome.problems == (
        Problem("l.wav", "encoded in 3 blocks", id="long", fatal=False),
    )


def test_equal_inputs_are_encoded_once(tmp_path, encoded):
    texts = ["yes", "no", "yes", "yes"]
    made = [Utterance(f"t{i}", text=t) for i, t in enumerate(texts)]
    outcome = run(corpus(tmp_path, *made), tmp_path / "cache", "text")
    assert sum(encoded) == 2
    found = rows(outcome)
    assert list(found) == ["t0", "t2", "t3", "t1"]
    np.testing.assert_array_equal(found["t0"], found["t3"])
    assert not np.array_equal(found["t0"], found["t1"])


def test_cache_paths_in_any_script_work(tmp_path):
    found = corpus(tmp_path / "Gefühle 感情", count=3)
    assert run(found, tmp_path / "Speicher ñ").utterances == 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("modality", MODALITIES)
def test_gpu_agrees_with_cpu(tmp_path, modality):
    found = corpus(tmp_path, count=25)
    on_cpu = rows(run(found, tmp_path / "cpu", modality))
    cuda = replace(MACHINE, device="cuda")
    on_gpu = rows(run(found, tmp_path / "cuda", modality, machine=cuda))
    for name, vector in on_cpu.items():
        # other kernels, the same float32
        np.testing.assert_allclose(on_gpu[name], vector, rtol=1e-3, atol=1e-3)


# Nothing is encoded twice, and nothing finished is lost


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_second_run_encodes_nothing(tmp_path, encoded, modality):
    found = corpus(tmp_path, count=20)
    one = run(found, tmp_path / "cache", modality)
    before = images(one.folder)
    encoded.clear()
    two = run(found, tmp_path / "cache", modality)
    assert encoded == []
    assert two.encoded == 0
    assert (two.folder, two.utterances) == (one.folder, one.utterances)
    assert images(two.folder) == before


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("how", ["mean", "frames"])
def test_rows_of_a_limited_run_are_reused(tmp_path, encoded, modality, how):
    found = corpus(tmp_path, count=20)
    few = replace(MACHINE, limit=6)
    limited = run(found, tmp_path / "cache", modality, machine=few, pooling=how)
    assert limited.utterances == 6
    encoded.clear()
    full = run(found, tmp_path / "cache", modality, pooling=how)
    distinct = {u.text if modality == "text" else u.id for u in found.utterances}
    assert sum(encoded) == len(distinct) - 6
    assert full.folder != limited.folder
    fresh = rows(run(found, tmp_path / "fresh", modality, pooling=how))
    for name, vector in rows(full).items():
        np.testing.assert_allclose(vector, fresh[name], rtol=1e-3, atol=1e-3)  # half


def test_only_a_repaired_recording_is_encoded_again(tmp_path, encoded):
    found = corpus(tmp_path, count=20)
    broken = found.utterances[4].audio
    whole = broken.read_bytes()
    broken.write_bytes(whole[:500])
    first = run(found, tmp_path / "cache")
    assert first.utterances == 19
    assert [(p.id, p.fatal) for p in first.problems] == [("u004", True)]
    encoded.clear()
    broken.write_bytes(whole)
    second = run(found, tmp_path / "cache")
    assert sum(encoded) == 1
    assert second.utterances == 20
    assert second.problems == ()
    np.testing.assert_allclose(
        rows(second)["u004"], encode_alone(found.utterances[4], "audio"), **ROUNDING
    )
    # and the next training takes the repaired one
    assert first.folder in current_content.find_superseded(
        list(store.find(tmp_path / "cache"))
    )


def test_notes_of_reused_rows_are_kept(tmp_path):
    stereo = np.stack([noise(8000), noise(8000, seed=1)], axis=1)
    odd = Utterance("odd", audio=record(tmp_path / "s.wav", stereo, 44_100))
    found = corpus(tmp_path, odd, count=5)
    limited = run(found, tmp_path / "cache", machine=replace(MACHINE, limit=3))
    full = run(found, tmp_path / "cache")
    assert [p.reason for p in limited.problems] == [
        "mixed down from 2 channels",
        "resampled from 44100 Hz",
    ]
    assert full.problems == limited.problems


def test_one_channel_is_encoded_as_a_mono_file_of_it(tmp_path):
    stereo = np.stack([noise(2000), noise(2000, seed=1)], axis=1)
    path = record(tmp_path / "s.wav", stereo)
    mono = record(tmp_path / "m.wav", stereo[:, 1])
    found = corpus(
        tmp_path,
        Utterance("left", audio=path, channel=1),
        Utterance("right", audio=path, channel=2),
        Utterance("mono", audio=mono),
    )
    outcome = run(found, tmp_path / "cache")
    vectors = rows(outcome)
    np.testing.assert_array_equal(vectors["right"], vectors["mono"])
    assert not np.allclose(vectors["left"], vectors["right"])
    assert [(p.id, p.reason) for p in outcome.problems] == [
        ("left", "channel 1 of 2 was taken"),
        ("right", "channel 2 of 2 was taken"),
    ]


@pytest.mark.parametrize("damage", ["flip", "truncate", "no checksum", "no part"])
def test_a_damaged_part_is_encoded_again(tmp_path, caplog, damage):
    found = corpus(tmp_path, count=20)
    folder = run(found, tmp_path / "cache").folder
    before = images(folder)
    part = folder / "part-00001.h5"
    if damage == "flip":
        flip(part)
    elif damage == "truncate":
        part.write_bytes(part.read_bytes()[:1000])
    else:
        (part if damage == "no part" else folder / "part-00001.h5.sha256").unlink()
    again = run(found, tmp_path / "cache")
    assert images(folder) == before
    assert 0 < again.encoded < 20
    said = [r.message for r in caplog.records]
    assert len(said) == (damage != "no part")
    assert all("part-00001.h5" in m and "this part again" in m for m in said)


def test_damage_in_another_cache_does_not_stop_an_extraction(tmp_path, caplog):
    found = corpus(tmp_path, count=20)
    limited = run(found, tmp_path / "cache", machine=replace(MACHINE, limit=14))
    flip(limited.folder / "part-00000.h5")
    (limited.folder / "part-00001.h5").write_bytes(b"no part at all")
    full = run(found, tmp_path / "cache")
    assert full.utterances == 20
    assert sum("its rows are not used here" in r.message for r in caplog.records) == 2


@pytest.mark.parametrize(("before", "after"), [(7, 5), (5, 7), (7, 20), (20, 7)])
def test_parts_with_another_division_are_replaced(tmp_path, monkeypatch, before, after):
    found = corpus(tmp_path, count=20)
    for count in (before, after):
        limit_parts(monkeypatch, part_rows=count)
        outcome = run(found, tmp_path / "cache")
    fresh = run(found, tmp_path / "fresh")
    assert images(outcome.folder) == images(fresh.folder)
    assert len(rows(outcome)) == 20


def test_old_partial_files_of_killed_processes_are_removed(tmp_path):
    found = corpus(tmp_path, count=3)
    folder = run(found, tmp_path / "cache").folder
    old, new = folder / ".part-00000.h5.a.partial", folder / ".part-00001.h5.b.partial"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    run(found, tmp_path / "cache")
    assert not old.exists()
    assert new.exists()  # somebody may be writing it


def test_parts_are_limited_in_seconds_of_audio(tmp_path, monkeypatch):
    limit_parts(monkeypatch, part_size=0.5)
    found = corpus(tmp_path, count=12)
    outcome = run(found, tmp_path / "cache")
    sizes = {"0.5": 0, "less": 0}
    for u in found.utterances:
        sizes["0.5" if len(noise_of(u)) == 8000 else "less"] += 1
    cache = store.read_headers(outcome.folder)
    assert cache.complete
    assert cache.planned > sizes["0.5"] > 0


def test_an_error_does_not_wait_for_parts_of_other_processes(tmp_path, monkeypatch):
    found = corpus(tmp_path, count=14)
    whole = run(found, tmp_path / "whole")

    def refuse(self, batch, each):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(wav2vec2.Encoder, "__call__", refuse)
    folder = tmp_path / "cache" / "toy" / whole.folder.name
    with (
        claim(folder / ".part-00001.lock", wait=False) as held,
        ThreadPoolExecutor(1) as pool,
    ):
        assert held
        with pytest.raises(ValueError, match="does not fit into the memory"):
            pool.submit(run, found, tmp_path / "cache").result(timeout=60)


def test_more_parts_than_a_cache_can_number_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(stage.parts, "MOST", 2)
    run(corpus(tmp_path, count=14), tmp_path / "cache")  # two parts of seven
    with pytest.raises(ValueError, match="3 parts, more than the 2 of a cache; divide"):
        run(corpus(tmp_path, count=15), tmp_path / "cache")


def test_each_choice_has_its_own_cache(tmp_path):
    found = corpus(tmp_path, count=3)
    folders = {
        run(found, tmp_path / "cache", **options).folder
        for options in (
            {},
            {"layers": "0"},
            {"pooling": "mean+std"},
            {"dtype": "bfloat16"},
            {"options": {"block_seconds": 30.0}},
        )
    }
    assert len(folders) == 5


# Progress


class Bar:
    """Progress bar that records its updates."""

    made: list["Bar"] = []

    def __init__(self, *, total, **options):
        self.total, self.n, self.steps = total, 0.0, []
        Bar.made.append(self)

    def update(self, amount):
        self.n += amount
        self.steps.append(amount)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


@pytest.mark.parametrize("modality", MODALITIES)
def test_progress_ends_at_its_total(tmp_path, monkeypatch, modality):
    monkeypatch.setattr(stage, "bar", Bar)
    found = corpus(
        tmp_path,
        Utterance("cut", audio=record(tmp_path / "c.wav", noise(9000)), text="yes"),
        Utterance("twin", audio=utterance(tmp_path, 3).audio, text="yes"),
        count=20,
    )
    found.utterances[0].audio.write_bytes(
        found.utterances[0].audio.read_bytes()[:5000]  # found out when it is decoded
    )
    Bar.made.clear()
    few = replace(MACHINE, limit=9)
    first = run(found, tmp_path / "cache", modality, machine=few)
    folder = run(found, tmp_path / "cache", modality).folder  # some are known
    run(found, tmp_path / "cache", modality)  # all are there
    (folder / "part-00001.h5").unlink()
    last = run(found, tmp_path / "cache", modality)
    for made in Bar.made:
        assert made.n == pytest.approx(made.total)
        assert min(made.steps) > -1e-9  # never backwards, but for rounding
    assert len(Bar.made) == 4
    assert 0 < first.encoded <= Bar.made[0].total
    assert 0 <= last.encoded < Bar.made[3].total


# Bad input


def bad_corpus(root):
    """Return valid and bad recordings, with the expected problems and notes."""
    nan = noise(8000)
    nan[17] = np.nan
    stereo = np.stack([noise(22_050), noise(22_050, seed=1)], axis=1)
    wave = record(root / "bad" / "cut.wav", noise(8000))
    wave.write_bytes(wave.read_bytes()[:9000])
    flac = record(root / "bad" / "cut.flac", noise(8000))
    flac.write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    (root / "bad" / "text.wav").write_text("this is no sound\n" * 20)
    (root / "bad" / "empty.wav").touch()
    (root / "bad" / "folder.wav").mkdir()
    os.mkfifo(root / "bad" / "pipe.wav")
    record(root / "bad" / "nothing.wav", noise(0))
    record(root / "bad" / "short.wav", noise(399))
    record(root / "bad" / "nan.wav", nan, subtype="FLOAT")
    record(
        root / "bad" / "inf.wav", np.where(np.isnan(nan), np.inf, nan), subtype="FLOAT"
    )
    record(root / "bad" / "nine.wav", np.stack([noise(8000)] * 9, axis=1))
    record(root / "bad" / "long.wav", noise(200_000), 3_000 + 1_000)
    record(root / "odd" / "silent.wav", np.zeros(8000))
    record(root / "odd" / "stereo.wav", stereo, 44_100)
    record(root / "odd" / "frame.wav", noise(400))
    reasons = {
        "cut.wav": "is cut off: the header promises more samples",
        "cut.flac": "cannot be decoded",
        "text.wav": "cannot be decoded: Format not recognised",
        "empty.wav": "the file is empty",
        "folder.wav": "is not a regular file",
        "pipe.wav": "is not a regular file",
        "missing.wav": "cannot be read: No such file or directory",
        "nothing.wav": "has no samples",
        "short.wav": "has 399 samples at 16 kHz, under the 400 that one frame needs",
        "nan.wav": "holds NaN or infinite samples",
        "inf.wav": "holds NaN or infinite samples",
        "nine.wav": "has 9 channels, more than 8",
        "long.wav": "lasts 50 s, more than 40 s",
    }
    notes = {
        "silent.wav": ["is silent; kept"],
        "stereo.wav": ["mixed down from 2 channels", "resampled from 44100 Hz"],
        "frame.wav": [],
    }
    bad = [Utterance(f"bad {n}", audio=root / "bad" / n, text="no") for n in reasons]
    odd = [Utterance(f"odd {n}", audio=root / "odd" / n, text="odd") for n in notes]
    beyond = replace(utterance(root, 0), id="beyond", span=(0.05, 9.0))
    silent = Utterance("silent text", text="")
    long = Utterance("long text", text="word " * 300)
    mute = Utterance("no text", audio=utterance(root, 1).audio)
    made = corpus(root, *bad, beyond, silent, long, mute, *odd, count=10)
    return made, reasons, notes


def test_a_text_without_words_is_encoded_as_the_empty_sentence(tmp_path, monkeypatch):
    given = corpus(tmp_path, count=4)
    mute = replace(given.utterances[1], text="", transcript="[GARBAGE]")
    rest = [u for u in given.utterances if u.id != mute.id]
    found = transcript_rule.apply_rule(replace(given, utterances=(mute, *rest)))
    options = {"modalities": ("text",)}
    left_out, lines = run_extract(found, tmp_path / "cache", **options)
    assert left_out == 0
    (cache,) = store.find(tmp_path / "cache")
    made = store.load(cache)
    row = made.ids.index(mute.id)
    assert made.contents[row] == transcript_rule.digest("")
    wanted = encode_alone(mute, "text", "mean", layers="last")
    np.testing.assert_allclose(made.vector(row), wanted, **ROUNDING)
    assert sum("empty sentence" in line for line in lines) == 1

    # parts of older versions contain this note too; it is not reported twice
    old = Problem("", OLD_NOTE, id=mute.id, fatal=False)
    header = parts.header
    monkeypatch.setattr(
        parts, "header", lambda path: replace(header(path), problems=(old,))
    )
    _, lines = run_extract(found, tmp_path / "cache", **options)
    assert sum("empty sentence" in line for line in lines) == 1
    assert not any("after cleaning" in line for line in lines)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_bad_input_is_named_and_the_rest_is_encoded(tmp_path):
    found, reasons, notes = bad_corpus(tmp_path)
    cache = tmp_path / "cache"
    left_out, lines = run_extract(found, cache, max_seconds=40.0)
    assert left_out == len(reasons) + 1

    with (cache / "toy" / "problems.csv").open(newline="") as file:
        report = list(csv.DictReader(file))
    fatal = [row for row in report if row["severity"] == "left out"]
    said = {row["file"].removeprefix("bad/"): row["reason"] for row in fatal}
    assert said.pop("wav/000.wav").startswith("ends at 0.")
    assert said.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert said[name].startswith(reason)
    kept = [(row["id"], row["reason"]) for row in report if row["severity"] == "kept"]
    wanted = [(f"odd {n}", reason) for n, said in notes.items() for reason in said]
    assert sorted(kept) == sorted(
        [
            *wanted,
            ("long text", "transcript cut from 302 to 128 tokens"),
            ("silent text", "has no recording, so it is not in audio"),
            ("long text", "has no recording, so it is not in audio"),
            ("no text", "has no transcript, so it is not in text"),
        ]
    )

    made = {c.recipe.modality: c for c in store.find(cache)}
    names = {m: set(store.load(made[m]).ids) for m in MODALITIES}
    count = {f"u{i:03d}" for i in range(10)}
    assert names["audio"] == count | {"no text"} | {f"odd {n}" for n in notes}
    assert names["text"] == {u.id for u in found.utterances} - {"no text"}
    assert any(line.startswith("14 problems:") for line in lines)

    whole = run(corpus(tmp_path, count=10), tmp_path / "other")
    stored = store.load(made["audio"])
    for name, vector in rows(whole).items():
        row = stored.vector(stored.ids.index(name))
        np.testing.assert_allclose(row, vector, **ROUNDING)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_each_extraction_reports_each_problem_once(tmp_path):
    found, _, _ = bad_corpus(tmp_path)
    first, second = (run(found, tmp_path / "cache") for _ in range(2))
    assert second.encoded == 0
    assert first.problems == second.problems
    assert len({(p.id, p.reason) for p in first.problems}) == len(first.problems)


def test_recordings_that_are_all_bad_do_not_stop_the_text(tmp_path):
    found = corpus(tmp_path, count=4)
    for u in found.utterances:
        u.audio.write_text("no sound")
    left_out, lines = run_extract(found, tmp_path / "cache")
    assert left_out == 4
    assert lines[0] == "audio: no recording can be read"
    assert lines[1].startswith("text: 4 utterances in ")


def test_parts_without_usable_inputs_have_no_rows(tmp_path):
    short = [
        Utterance(f"s{i}", audio=record(tmp_path / f"{i}.wav", noise(300 + i)))
        for i in range(9)
    ]
    outcome = run(corpus(tmp_path, *short, count=5), tmp_path / "cache")
    assert outcome.utterances == 5
    assert len(outcome.problems) == 9
    none = run(corpus(tmp_path, *short), tmp_path / "cache")
    assert none.utterances == 0
    assert len(none.problems) == 9
    assert none.encoded == 0


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_embeddings_that_are_not_finite_are_left_out(tmp_path, monkeypatch, value):
    original = wav2vec2.Encoder.__call__

    def spoil(self, batch, each):
        def spoiled(layer):
            layer = layer.clone()
            layer[batch[:, 0] == batch[:, 1]] = value
            return each(layer)

        return original(self, batch, spoiled)

    monkeypatch.setattr(wav2vec2.Encoder, "__call__", spoil)
    flat = Utterance("flat", audio=record(tmp_path / "f.wav", np.zeros(8000)))
    outcome = run(corpus(tmp_path, flat, count=9), tmp_path / "cache")
    assert outcome.utterances == 9
    (problem,) = (p for p in outcome.problems if p.fatal)
    assert problem.id == "flat"
    assert "not finite as it is stored; check the input" in problem.reason


def test_frames_too_large_for_half_precision_are_left_out(tmp_path, monkeypatch):
    original = distilbert.Encoder.__call__

    def enlarge(self, batch, each):
        factor = 1e5 if batch.shape[1] == 3 else 1.0
        return original(self, batch, lambda layer: each(layer * factor))

    monkeypatch.setattr(distilbert.Encoder, "__call__", enlarge)
    made = [Utterance("one", text="word"), Utterance("two", text="two words")]
    found = corpus(tmp_path, *made)
    frames = run(found, tmp_path / "cache", "text", pooling="frames")
    assert list(rows(frames)) == ["two"]
    assert [p.id for p in frames.problems] == ["one"]
    assert "finite as it is stored; for extract, try --pooling mean" in (
        frames.problems[0].reason
    )
    assert run(found, tmp_path / "cache", "text").utterances == 2


def test_batches_are_halved_if_memory_runs_out(tmp_path, monkeypatch):
    found = corpus(tmp_path, count=20)
    wanted = rows(run(found, tmp_path / "1"))
    original = wav2vec2.Encoder.__call__

    def refuse(self, batch, each):
        if len(batch) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, batch, each)

    monkeypatch.setattr(wav2vec2.Encoder, "__call__", refuse)
    for name, vector in rows(run(found, tmp_path / "2")).items():
        np.testing.assert_allclose(vector, wanted[name], **ROUNDING)


def test_an_input_that_does_not_fit_into_memory_is_an_error(tmp_path, monkeypatch):
    def refuse(self, batch, each):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(wav2vec2.Encoder, "__call__", refuse)
    with pytest.raises(ValueError, match="samples or tokens does not fit into the mem"):
        run(corpus(tmp_path, count=2), tmp_path / "cache")


# The head of a checkpoint


def test_head_predictions_are_cached_by_name(tmp_path):
    labels = ("dominance", "valence", "arousal")
    (tmp_path / "model").mkdir()
    publish(
        tmp_path / "model", sizes=REDUCED, spelling="old", form="bin", labels=labels
    )
    found = corpus(tmp_path, count=9)
    options = {"checkpoint": str(tmp_path / "model"), "head": True}
    outcome = run(
        found, tmp_path / "cache", **options, pooling="mean+std", layers="0,3"
    )
    stored = store.load(store.read_headers(outcome.folder))
    assert stored.recipe.head == labels
    assert stored.head.shape == (9, 3)
    encoder = wav2vec2.Encoder.pretrained(str(tmp_path / "model"), head=True)
    for row, name in enumerate(stored.ids):
        mean = stored.vector(row)[-1, : len(encoder.regressor.dense.bias)]
        np.testing.assert_allclose(stored.head[row], encoder.regress(mean), **ROUNDING)
        (u,) = (u for u in found.utterances if u.id == name)
        alone = hidden(encoder, encoder.prepare(noise_of(u)).blocks[0][None])
        np.testing.assert_allclose(mean, alone[0, -1].mean(dim=0), **ROUNDING)


def test_a_head_is_accepted_if_no_input_can_be_encoded(tmp_path):
    (tmp_path / "model").mkdir()
    publish(tmp_path / "model", sizes=REDUCED, spelling="old", form="bin")
    short = Utterance("short", audio=record(tmp_path / "s.wav", noise(300)))
    outcome = run(
        corpus(tmp_path, short),
        tmp_path / "cache",
        checkpoint=str(tmp_path / "model"),
        head=True,
    )
    assert outcome.utterances == 0


def test_head_of_random_weights_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="the checkpoint 'tiny' has no head; leave out"
    ):
        run(corpus(tmp_path, count=1), tmp_path / "cache", head=True)


# The command


def test_command_prints_the_cache_and_the_speed(tmp_path):
    found = corpus(tmp_path, count=5)
    left_out, lines = run_extract(found, tmp_path / "cache")
    assert left_out == 0
    audio, text, following = lines
    assert audio.startswith(f"audio: 5 utterances in {tmp_path / 'cache' / 'toy'}")
    assert " audio-s in " in audio
    assert " char in " in text
    assert following.startswith(
        "the corpus has no ratings, so it can only be predicted,"
    )
    _, again = run_extract(found, tmp_path / "cache")
    assert all(line.endswith("; nothing was left to encode") for line in again[:2])


@pytest.mark.parametrize(
    ("modalities", "fusion"),
    [((), "early"), (("audio",), "audio"), (("text",), "text")],
)
def test_command_suggests_a_design_for_the_extracted_modalities(
    tmp_path, modalities, fusion
):
    found = corpus(tmp_path, count=3)
    rated = tuple(replace(u, ratings={"valence": 1.0}) for u in found.utterances)
    found = replace(found, utterances=rated, scale=(1, 5))
    _, lines = run_extract(found, tmp_path / "cache", modalities=modalities)
    where = f"--cache {tmp_path / 'cache'}"
    assert lines[-1] == f"next: python cli.py train --fusion {fusion} {where}"


def test_command_repeats_the_problems_of_the_reader(tmp_path):
    problem = Problem("Session1", "transcript file is missing", line=3)
    note = Problem("b.txt", "odd mark", fatal=False)
    found = replace(corpus(tmp_path, count=2), problems=(problem, note))
    left_out, lines = run_extract(found, tmp_path / "cache")
    assert left_out == 1
    assert "  Session1:3: transcript file is missing" in lines
    assert f"all problems are in {tmp_path / 'cache' / 'toy' / 'problems.csv'}" in lines


def test_a_wrong_checkpoint_fails_before_anything_is_encoded(tmp_path, encoded):
    with pytest.raises(ValueError, match="checkpoint folder ./gone not found"):
        run_extract(
            corpus(tmp_path, count=2), tmp_path / "cache", text_checkpoint="./gone"
        )
    assert encoded == []
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("modality", "made"),
    [
        ("audio", Utterance("only text", text="hello")),
        ("text", Utterance("only speech", audio=None)),
    ],
)
def test_a_modality_that_the_corpus_lacks_is_an_error(tmp_path, modality, made):
    with pytest.raises(ValueError, match=f"corpus 'toy' in .* has no {modality}"):
        run_extract(corpus(tmp_path, made), tmp_path / "cache", modalities=(modality,))


def test_a_corpus_whose_recordings_were_all_refused_says_why(tmp_path):
    refused = dataclasses.replace(
        corpus(tmp_path, Utterance("only text", text="hello")),
        problems=tuple(
            Problem("table.csv", f"audio path '/{n}.wav' is absolute", line=n)
            for n in (2, 3)
        ),
    )
    with pytest.raises(ValueError, match="has no audio") as caught:
        run_extract(refused, tmp_path / "cache", modalities=("audio",))
    assert "2 times" in caught.value.args[1]
    assert "table.csv:2: audio path '/2.wav' is absolute" in caught.value.args[1]


def test_a_corpus_without_recordings_and_text_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="'toy' has neither recordings nor text"):
        run_extract(corpus(tmp_path, Utterance("nothing")), tmp_path / "cache")


def test_all_layers_are_cached_with_mean_and_deviation_by_default(tmp_path):
    found = corpus(tmp_path, count=2)
    plain = dataclasses.replace(EXTRACT_OPTIONS, layers=(), pooling=("text=frames",))
    audio, text = encoding_choices.choices(found, plain)
    assert (audio.layers, audio.pooling) == ("all", "mean+std")
    assert (text.layers, text.pooling) == ("last", "frames")


def test_a_wide_cache_holds_the_bytes_of_a_narrow_one(tmp_path):
    found = corpus(tmp_path, count=3)
    run_extract(found, tmp_path / "cache")
    run_extract(found, tmp_path / "cache", layers=(), pooling=())
    for modality in ("audio", "text"):
        caches = [
            c for c in store.find(tmp_path / "cache") if c.recipe.modality == modality
        ]
        narrow, wide = sorted(caches, key=lambda cache: len(cache.recipe.layers))
        assert wide.recipe.covers(narrow.recipe)
        taken = embedding_views.narrow(store.load(wide), narrow.recipe)
        ids = np.arange(3)
        assert np.array_equal(pool_rows(taken, ids), pool_rows(store.load(narrow), ids))


def test_options_apply_to_the_modality_that_they_name(tmp_path):
    found = corpus(tmp_path, count=2)
    one, two = encoding_choices.choices(
        found,
        dataclasses.replace(
            EXTRACT_OPTIONS, layers=("all", "audio=0,1"), pooling=("text=frames",)
        ),
    )
    assert (one.modality, one.layers, one.pooling) == ("audio", "0,1", "mean+std")
    assert (two.modality, two.layers, two.pooling) == ("text", "all", "frames")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"layers": ("video=last",)},
            "--layers video=last: 'video' is not encoded here",
        ),
        ({"revision": ("v1",)}, "--revision v1: two checkpoints are loaded"),
        (
            {"pooling": ("max",)},
            r"pooling must be one of mean, mean\+std, frames, got ",
        ),
        ({"dtype": "int8"}, "dtype must be one of float32, bfloat16, float16, got 'in"),
        (
            {"device": "tpu"},
            "--device 'tpu' is not a device: choose auto, cpu, cuda or cuda:1",
        ),
        ({"device": "cuda:99"}, "--device cuda:99: there are .* CUDA devices here"),
        ({"batch": 0.0}, "--batch must be above 0, got 0"),
        ({"max_seconds": -1.0}, "--max-seconds must be above 0, got -1"),
        ({"block_seconds": 0.0}, "--block-seconds 0 is shorter than one frame"),
    ],
)
def test_invalid_options_are_refused(tmp_path, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        run_extract(corpus(tmp_path, count=1), tmp_path / "cache", **options)


def test_an_encoder_of_another_modality_is_refused(tmp_path):
    choice = Choice("text", encoder="wav2vec2", checkpoint="tiny")
    with pytest.raises(ValueError, match="encoder 'wav2vec2' takes audio, not text"):
        stage.load(choice, MACHINE)


def test_auto_chooses_the_available_device():
    wanted = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto") == wanted


def test_threads_default_to_the_allowed_cores():
    assert 1 <= Machine().threads <= (os.cpu_count() or 1)


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_recipe_names_modality_checkpoint_layers_and_inputs(tmp_path, modality):
    outcome = run(corpus(tmp_path, count=2), tmp_path / "cache", modality)
    recipe = store.read_headers(outcome.folder).recipe
    encoder = stage.load(CHOICES[modality], MACHINE)
    assert recipe.modality == modality
    assert recipe.checkpoint == "tiny"
    assert recipe.weights == encoder.checkpoint.weights
    assert recipe.layers == encoder.layers == (2,)
    assert recipe.inputs == encoder.inputs


def test_removed_cache_is_filled_again(tmp_path):
    found = corpus(tmp_path, count=5)
    before = images(run(found, tmp_path / "cache").folder)
    shutil.rmtree(tmp_path / "cache")
    assert images(run(found, tmp_path / "cache").folder) == before


def test_a_refused_recording_is_tried_again(tmp_path):
    long = Utterance("long", audio=tmp_path / "wav" / "long.wav")
    record(long.audio, noise(32_000, seed=1))
    found = corpus(tmp_path, long, count=5)
    short = replace(MACHINE, longest=1.0)
    before = run(found, tmp_path / "cache", machine=short)
    again = run(found, tmp_path / "cache", machine=short)
    assert [p.id for p in again.problems if p.fatal] == ["long"]
    assert images(again.folder) == images(before.folder)
    assert again.encoded == 0
    after = run(found, tmp_path / "cache")
    assert (after.utterances, after.problems) == (6, ())
    assert after.encoded == pytest.approx(2.0)


def test_a_long_recording_whose_status_changes_is_read_again_only_once(
    tmp_path, monkeypatch
):
    path = record(tmp_path / "long.wav", noise(40_000))
    spans = [(n / 4, n / 4 + 0.25) for n in range(6)]
    spoken = [Utterance(f"u{n}", audio=path, span=s) for n, s in enumerate(spans)]
    found = corpus(tmp_path, *spoken)
    probed = []
    probe = decoder_pool.probe
    monkeypatch.setattr(
        decoder_pool, "probe", lambda file: probed.append(file) or probe(file)
    )
    outcome = stage.extract(
        found,
        Choice("audio", checkpoint="tiny"),
        MACHINE,
        tmp_path / "cache",
        begin=lambda *_: os.utime(path, (1e9, 1e9)),
    )
    assert not outcome.problems
    assert probed == [path]


def test_a_recording_that_changes_after_its_digest_is_not_cached(tmp_path):
    """Its row would be that of the new content, under the digest of the old."""
    found = corpus(tmp_path, count=3)
    changed, touched, _ = [u.audio for u in found.utterances]

    def change(folder, recipe):
        length = len(soundfile.read(changed)[0])
        record(changed.with_stem("new"), noise(length, seed=99))
        changed.with_stem("new").replace(changed)
        os.utime(touched, (1e9, 1e9))  # its content remains

    choice = Choice("audio", checkpoint="tiny")
    outcome = stage.extract(found, choice, MACHINE, tmp_path / "cache", begin=change)
    (problem,) = outcome.problems
    assert problem.id == found.utterances[0].id
    assert problem.reason == input_reading.CHANGED
    again = run(found, tmp_path / "cache")
    assert not again.problems
    fresh = run(found, tmp_path / "fresh")
    for name, row in rows(fresh).items():
        np.testing.assert_array_equal(rows(again)[name], row)


def test_a_cache_records_device_and_time_of_each_extraction(tmp_path, monkeypatch):
    found = corpus(tmp_path, count=20)
    whole = run(found, tmp_path / "whole")
    run(found, tmp_path / "whole")  # encodes nothing, and adds no line
    (step,) = read_work(CacheFolder(whole.folder).work).steps
    assert (step.command, step.unit) == ("extract", "audio-s")
    assert step.amount == pytest.approx(whole.encoded, abs=1e-3)
    assert step.finished
    encode = stage.Builder.encode

    def interrupt(builder, opened, report_size):
        if list((tmp_path / "cut").rglob("part-*.h5")):
            raise KeyboardInterrupt
        return encode(builder, opened, report_size)

    monkeypatch.setattr(stage.Builder, "encode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(found, tmp_path / "cut")
    monkeypatch.undo()
    limit_parts(monkeypatch, part_rows=7)
    resumed = run(found, tmp_path / "cut")
    cut, rest = read_work(CacheFolder(resumed.folder).work).steps
    assert (cut.finished, rest.finished) == (False, True)
    assert 0 < rest.amount < step.amount

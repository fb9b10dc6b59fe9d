import json
import os
import random
import shutil
import stat
from collections import Counter
from itertools import product

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from affuse import cli
from affuse.data import plugins
from affuse.data.corpora import demo
from affuse.data.corpora.demo import (
    corpus_making,
    delivery,
    dialogue_script,
    ogg_writer,
    room_acoustics,
    voices,
)
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.rating_scales import RATINGS
from affuse.data.reading import corpus_reading
from affuse.data.splits import protocols
from affuse.extract.audio import decoding

CORNERS = list(product((False, True), repeat=3))  # above the middle, in each rating
DIALOGUE = "Ses3_impro_exam"
LIMIT = 5_000_000  # bytes in the repository


@pytest.fixture(scope="module")
def corpus():
    return demo.read(demo.ROOT)


@pytest.fixture(scope="module")
def written():
    return dialogue_script.load()


@pytest.fixture(scope="module")
def cast(written):
    return dialogue_script.dialogues(written)


def call(*words):
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def reproducible():
    """Why the bytes of the shipped copy cannot be expected here; ``""`` if they can."""
    made = json.loads((demo.ROOT / demo.MADE).read_text())["versions"]
    if shutil.which(voices.PROGRAM) is None:
        return "needs espeak-ng"
    here = corpus_making.versions()
    other = [f"{k} {v}, not {made[k]}" for k, v in here.items() if v != made[k]]
    return "made by other versions: here is " + "; ".join(other) if other else ""


def test_counts_of_the_corpus_are_as_documented(corpus):
    assert {c.what: c.found for c in corpus.counts} == demo.SIZES
    assert [c for c in corpus.counts if c.found != c.expected] == []
    assert 480 <= len(corpus.utterances) <= 540
    assert corpus.problems == ()


def test_each_session_has_two_speakers_of_its_own(corpus):
    heard = {(u.session, u.speaker) for u in corpus.utterances}
    assert sorted(heard) == [(s, f"Ses{s}{x}") for s in "12345" for x in "FM"]
    assert {u.speaker for u in corpus.utterances} == voices.VOICES.keys()
    assert len(set(voices.VOICES.values())) == 10
    assert len({voice.name for voice in voices.VOICES.values()}) == 10


def test_both_speakers_of_a_dialogue_speak_in_turn(corpus):
    turns = {}
    for utterance in corpus.utterances:
        turns.setdefault(utterance.dialogue, []).append(utterance)
    assert len(turns) == 45
    for said in turns.values():
        sexes = "".join(u.sex for u in said)
        assert "FF" not in sexes
        assert "MM" not in sexes
        assert len({u.session for u in said}) == 1


def test_the_corpus_is_labelled_synthetic(corpus):
    assert corpus.nature == "synthetic"
    assert (demo.ROOT / "README.md").read_text().startswith("# The demo corpus: SYNTH")


def test_improvised_sentences_never_recur(corpus):
    said = Counter(u.text.casefold() for u in corpus.utterances if not u.scripted)
    assert len(said) == 350
    assert max(said.values()) == 1
    assert not said.keys() & {
        u.text.casefold() for u in corpus.utterances if u.scripted
    }


def test_scripted_sentences_recur_in_every_session(corpus):
    scripted = [u for u in corpus.utterances if u.scripted]
    sessions = {}
    for utterance in scripted:
        sessions.setdefault(utterance.text, []).append(utterance.session)
    assert len(sessions) == 32
    assert all(found == list("12345") for found in sessions.values())
    assert f"{len(scripted) / len(corpus.utterances):.0%}" == "31%"  # as README.md says


def test_a_recurring_sentence_has_different_ratings(corpus):
    ratings = {}
    for utterance in corpus.utterances:
        if utterance.scripted:
            ratings.setdefault(utterance.text, set()).add(
                tuple(utterance.ratings.values())
            )
    assert min(map(len, ratings.values())) > 1


def test_sentences_cover_low_and_high_ratings_in_every_session(cast):
    for session in dialogue_script.SESSIONS:
        improvised = [d for d in cast if d.session == session and not d.scripted]
        designs = [line.design for d in improvised for line in d.lines]
        corners = {tuple(x > 3 for x in d) for d in designs if 3.0 not in d}
        assert corners == set(CORNERS), session
        assert (3, 2, 3) in designs  # and what is merely said


def test_ratings_cover_low_and_high_values_in_every_session(corpus):
    for session in dialogue_script.SESSIONS:
        rated = [u.ratings.values() for u in corpus.utterances if u.session == session]
        corners = Counter(tuple(x > 3 for x in r) for r in rated if 3 not in r)
        assert corners.keys() == set(CORNERS), session


def test_sentences_are_short_with_intended_ratings_in_halves(written):
    for line in written:
        assert 2 <= len(line.text.split()) <= 12
        assert line.text == " ".join(line.text.split())
        assert line.text[-1] in ".?!"
        assert len(line.design) == 3
        assert all(1 <= x <= 5 and 2 * x == int(2 * x) for x in line.design)


def test_ratings_are_means_of_three_raters_on_the_scale(corpus):
    assert corpus.scale == (1, 5)
    for utterance in corpus.utterances:
        assert tuple(utterance.ratings) == RATINGS
        for value in utterance.ratings.values():
            assert 1 <= value <= 5
            assert 3 * value == pytest.approx(round(3 * value), abs=0.01)


def test_spans_follow_each_other_inside_their_recordings(corpus):
    ends = {}
    for utterance in corpus.utterances:
        start, end = utterance.span
        assert ends.get(utterance.audio, 0) < start < end
        ends[utterance.audio] = end
    assert {path.name for path in ends} == {
        path.name for path in (demo.ROOT / "audio").iterdir()
    }
    for path, end in ends.items():
        found = soundfile.info(path)
        assert (found.samplerate, found.channels) == (decoding.SAMPLE_RATE, 1)
        assert found.subtype == "VORBIS"
        assert end < found.duration < end + 1


def test_a_span_is_decoded_to_the_sample(corpus):
    whole = {}
    for utterance in random.Random(0).sample(corpus.utterances, 510):
        path = utterance.audio
        if path not in whole:
            whole[path], rate = soundfile.read(path, dtype="float32")
        start, end = (round(time * rate) for time in utterance.span)
        found = decoding.load(path, utterance.span, longest=10)
        np.testing.assert_array_equal(found.samples, whole[path][start:end])
        assert found.notes == ()


def test_the_size_of_the_shipped_corpus_is_limited():
    files = [path for path in demo.ROOT.rglob("*") if path.is_file()]
    shipped = [path for path in files if "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in shipped) <= LIMIT


def test_every_session_is_the_test_part_once(corpus):
    folds = protocols.folds(corpus.utterances, corpus.protocol)
    assert [len(fold.test) for fold in folds] == [102] * 5


def test_a_changed_recording_is_reported(tmp_path):
    corpus_reading.sample("demo", tmp_path / "copy")
    found = demo.read(tmp_path / "copy")
    assert demo.verify(found) == []
    changed = found.utterances[0].audio
    changed.write_bytes(changed.read_bytes()[:-1])
    found.utterances[-1].audio.unlink()  # which reading names
    (problem,) = demo.verify(found)
    assert problem.file == f"audio/{changed.name}"
    assert problem.fatal
    (tmp_path / "copy" / demo.MADE).write_text("{}")
    with pytest.raises(ValueError, match="json is damaged: .*lacks recordings"):
        demo.verify(found)
    (tmp_path / "copy" / demo.MADE).unlink()
    (problem,) = demo.verify(found)
    assert not problem.fatal


def test_a_copy_can_be_overwritten(tmp_path):
    demo.sample(tmp_path)
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & stat.S_IWUSR
    demo.sample(tmp_path)
    assert demo.read(tmp_path / demo.TABLE).name == "demo"


def test_the_command_line_needs_no_folder(tmp_path):
    result = call("check", "demo")
    assert result.exit_code == 0
    assert result.output.startswith("demo (synthetic): 510 utterances of 10 speakers")
    result = call("utterances", "demo", "--output", tmp_path / "found.csv")
    assert result.exit_code == 0
    assert len((tmp_path / "found.csv").read_text().splitlines()) == 511
    tiny = ("--audio-checkpoint", "tiny", "--text-checkpoint", "tiny", "--threads", "1")
    result = call("extract", "demo", *tiny, "--limit", 5, "--cache", tmp_path / "cache")
    assert result.exit_code == 0
    assert (tmp_path / "cache" / "demo").is_dir()


def test_the_command_line_takes_another_copy(tmp_path):
    demo.sample(tmp_path)
    assert call("check", "demo", tmp_path).exit_code == 0
    (tmp_path / demo.TABLE).unlink()
    result = call("check", "demo", tmp_path)
    assert result.exit_code == 1
    assert "leave the folder out to read the copy that comes with" in result.stderr


@pytest.mark.parametrize("name", sorted(set(plugins.names(CORPUS_KIND)) - {"demo"}))
@pytest.mark.parametrize("command", ["check", "utterances", "extract"])
def test_a_corpus_that_is_not_bundled_needs_a_folder(command, name):
    result = call(command, name)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: corpus '{name}' does not come with this program: give its folder, as "
        f"in: {name} /path/to/it\n"
    )


def test_helper_modules_are_not_listed_as_corpora():
    assert {"lines", "make", "ogg", "voices"}.isdisjoint(plugins.names(CORPUS_KIND))


def test_deliveries_are_distributed_around_the_intended_ratings():
    line = dialogue_script.ScriptLine(
        "1", "impro_x", "F", (3.0, 3.0, 3.0), False, "It is noon."
    )
    rng = np.random.default_rng(0)
    said = np.array([delivery.perform(line, rng) for _ in range(2000)])
    np.testing.assert_allclose(said.mean(axis=0), 3, atol=0.1)
    valence, arousal, dominance = said.std(axis=0)
    assert valence < dominance < arousal
    assert said.min() >= 1
    assert said.max() <= 5


def test_words_determine_less_of_arousal_than_of_valence():
    line = dialogue_script.ScriptLine(
        "1", "impro_x", "F", (2.0, 2.0, 2.0), False, "It is noon."
    )
    rng = np.random.default_rng(0)
    said = np.mean([delivery.perform(line, rng) for _ in range(2000)], axis=0)
    assert said[0] == pytest.approx(2, abs=0.1)
    assert said[1] > said[0] + 0.2


def test_ratings_are_unbiased_with_a_small_deviation():
    rng = np.random.default_rng(0)
    heard = np.array([delivery.rate(np.array([1, 3, 5]), rng) for _ in range(500)])
    np.testing.assert_allclose(heard.mean(axis=0), [1, 3, 5], atol=0.2)
    assert (3 * heard).round(6).tolist() == (3 * heard).round().tolist()


def test_high_arousal_is_faster_higher_louder_and_brighter():
    rng = np.random.default_rng(0)
    low, high = (
        np.mean(
            [
                [p.rate, p.pitch, p.range, p.level, p.tilt]
                for p in (delivery.prosody(said, rng) for _ in range(500))
            ],
            axis=0,
        )
        for said in (np.array([3, 1, 3]), np.array([3, 5, 3]))
    )
    assert (low < high).all()


def test_speech_is_trimmed_and_set_to_the_given_level():
    time = np.arange(voices.RATE) / voices.RATE
    tone = np.sin(2 * np.pi * 440 * time) * (time > 0.5)
    found = room_acoustics.shape_speech(tone, level=-26, tilt=0)
    assert len(found) % room_acoustics.GRID == 0
    assert len(found) / room_acoustics.RATE == pytest.approx(0.5, abs=0.03)
    assert 20 * np.log10(found.std()) == pytest.approx(-26, abs=0.3)


def test_a_tilt_makes_high_tones_louder_than_low_ones():
    time = np.arange(voices.RATE) / voices.RATE
    tones = np.sin(2 * np.pi * 400 * time) + np.sin(2 * np.pi * 1600 * time)
    spectrum = np.abs(
        np.fft.rfft(room_acoustics.shape_speech(tones, level=-26, tilt=3))
    )
    seconds = (
        len(room_acoustics.shape_speech(tones, level=-26, tilt=3)) / room_acoustics.RATE
    )
    low, high = (spectrum[round(hertz * seconds)] for hertz in (400, 1600))
    assert 20 * np.log10(high / low) == pytest.approx(6, abs=0.3)  # two octaves


def test_the_serial_number_of_a_stream_can_be_restored():
    stream = (demo.ROOT / "audio" / f"{DIALOGUE}.ogg").read_bytes()
    other = ogg_writer.set_serial(stream, 0xDEADBEEF)
    assert other != stream
    assert len(other) == len(stream)
    assert ogg_writer.set_serial(other) == stream


def test_every_utterance_begins_where_seeking_is_exact(corpus):
    last = {u.audio: u.span[0] for u in corpus.utterances}  # of each recording
    for path, start in last.items():
        assert start * decoding.SAMPLE_RATE < ogg_writer.seekable_samples(
            path.read_bytes()
        )


def test_equal_samples_give_equal_bytes():
    pcm = np.random.default_rng(0).integers(-9000, 9000, 8000).astype(np.int16)
    assert ogg_writer.encode(pcm, 16_000) == ogg_writer.encode(pcm, 16_000)


@pytest.mark.parametrize("stream", [b"RIFF" + bytes(40), b"OggS", b"OggS" + b"\1" * 23])
def test_an_invalid_ogg_stream_is_refused(stream):
    with pytest.raises(ValueError, match="Ogg page"):
        ogg_writer.set_serial(stream)


@pytest.mark.skipif(bool(reproducible()), reason=reproducible())
def test_a_dialogue_is_reproduced_byte_for_byte(cast):
    (dialogue,) = [d for d in cast if d.id == DIALOGUE]
    stream, rows = corpus_making.render(dialogue, corpus_making.SEED)
    assert stream == (demo.ROOT / corpus_making.recording(dialogue)).read_bytes()
    table = (demo.ROOT / demo.TABLE).read_text(encoding="utf-8").splitlines()
    kept = [line for line in table if line.startswith(DIALOGUE)]
    assert [line.split(",", 12)[:12] for line in kept] == [
        [str(cell) for cell in row[:12]] for row in rows
    ]
    assert corpus_making.render(dialogue, corpus_making.SEED + 1)[0] != stream


def test_corpus_making_writes_a_complete_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(voices, "version", lambda: "none")
    tone = np.sin(np.arange(6000) / 20)
    monkeypatch.setattr(voices, "speak", lambda text, voice, prosody: tone)
    few = dialogue_script.dialogues(dialogue_script.load())[:3]
    monkeypatch.setattr(dialogue_script, "dialogues", lambda found: few)
    result = CliRunner().invoke(corpus_making.main, [str(tmp_path)])
    assert result.exit_code == 0
    assert "42 synthetic utterances" in result.output
    found = demo.read(tmp_path)
    assert len(found.utterances) == 42
    assert (found.nature, found.problems, demo.verify(found)) == ("synthetic", (), [])
    assert not [p for p in os.listdir(tmp_path / "audio") if p.endswith(".partial")]


def test_without_espeak_the_error_advises_its_installation(tmp_path, monkeypatch):
    monkeypatch.setattr(voices.shutil, "which", lambda program: None)
    result = CliRunner().invoke(corpus_making.main, [str(tmp_path / "new")])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: espeak-ng not found; the demo corpus is ")
    assert not (tmp_path / "new").exists()

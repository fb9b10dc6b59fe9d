"""Synthetic sample of IEMOCAP, which tests use instead of the licensed corpus."""

import wave

import numpy as np
import pytest

from affuse.data import rating_kinds
from affuse.data.corpora import iemocap
from affuse.data.corpora.iemocap import iemocap_sample, release_writer

TURNS = {turn.id: turn for turn in iemocap_sample.plan()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iemocap") / "with a space"
    iemocap.sample(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(root):
    return iemocap.read(root)


def test_the_sample_is_small_and_varied(root, corpus):
    size = sum(path.stat().st_size for path in root.rglob("*"))
    assert size < 8 * 2**20
    assert len(corpus.utterances) <= 200
    for name in ("valence", "arousal", "dominance"):
        values = {u.ratings[name] for u in corpus.utterances}
        assert min(values) == 1
        assert max(values) == 5
    assert all(len(set(u.ratings.values())) == 3 for u in corpus.utterances)


def test_the_sample_is_the_same_every_time(root, tmp_path):
    iemocap.sample(tmp_path)
    files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert all((root / f).read_bytes() == (tmp_path / f).read_bytes() for f in files)


def test_the_sample_may_be_written_again(tmp_path):
    assert iemocap.sample(tmp_path) == iemocap.sample(tmp_path)


@pytest.mark.parametrize("sidecar", [None, "human"])
def test_the_sample_never_overwrites_other_sessions(tmp_path, sidecar):
    release_writer.write_dialogue(tmp_path, list(TURNS.values())[:6])
    if sidecar:
        rating_kinds.write_nature(tmp_path, sidecar)
    with pytest.raises(FileExistsError, match="holds other sessions"):
        iemocap.sample(tmp_path)
    written = [path for path in tmp_path.rglob("*.wav")]
    assert written == []


def test_every_dialogue_interleaves_and_overlaps():
    dialogues = {turn.dialogue for turn in TURNS.values()}
    for name in dialogues:
        turns = [turn for turn in TURNS.values() if turn.dialogue == name]
        assert {turn.id[-4] for turn in turns[::2]} == {"F"}
        assert any(b.start < a.end for a, b in zip(turns, turns[1:], strict=False)), (
            name
        )


def sound(utterance):
    with wave.open(str(utterance.audio)) as file:
        frames = file.readframes(file.getnframes())
    return np.frombuffer(frames, "<i2") / 32768


def test_the_pitch_of_tones_differs_between_actors(corpus):
    for utterance in corpus.utterances[::7]:
        samples = sound(utterance)
        spectrum = np.abs(np.fft.rfft(samples, 2**16))  # 0.24 Hz apart
        expected = iemocap_sample.pitch(
            utterance.speaker, utterance.ratings["dominance"]
        )
        assert np.argmax(spectrum) * 16_000 / 2**16 == pytest.approx(expected, abs=2)


def test_level_follows_arousal_and_words_follow_valence(corpus):
    levels = [20 * np.log10(np.std(sound(u))) for u in corpus.utterances]
    arousal = [u.ratings["arousal"] for u in corpus.utterances]
    # 4 dB a step by construction; the noise is 28 dB below the faintest tone
    assert np.polyfit(arousal, levels, 1)[0] == pytest.approx(4, abs=0.05)
    openings: dict[str, set[int]] = {}
    for u in corpus.utterances:
        level = int(u.ratings["valence"] + 0.5)
        openings.setdefault(u.text.split(" The ")[0], set()).add(level)
    assert sorted(map(tuple, openings.values())) == [(1,), (2,), (3,), (4,), (5,)]


def test_all_means_of_three_raters_are_thirds(corpus):
    thirds = [u for u in corpus.utterances if u.dialogue == "Ses02F_script01_1"]
    values = {value for u in thirds for value in u.ratings.values()}
    assert any(value * 2 % 1 for value in values)
    assert all(abs(value * 3 - round(value * 3)) < 2e-4 for value in values)  # 4 places


def test_self_raters_are_those_of_the_release(corpus):
    wanted = {"Ses01F", "Ses01M", "Ses02F", "Ses03F", "Ses03M", "Ses05M"}
    rated = {
        turn.id[:5] + turn.id[-4]
        for turn in TURNS.values()
        if any(line[2] in "FM" for line in turn.raters)
    }
    assert rated == wanted

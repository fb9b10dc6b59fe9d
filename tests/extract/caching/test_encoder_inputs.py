"""Inputs of a corpus, their digests and lengths, and the names of files."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affuse.data.records import Corpus, Problem, Utterance
from affuse.extract.caching import encoder_inputs


def corpus(root, *utterances):
    return Corpus("toy", root, utterances, scale=None, protocol="")


def find(found, modality, limit=None):
    return encoder_inputs.find(found, modality, limit=limit, threads=1, progress=False)


def record(path, seed=0, seconds=1.0):
    rng = np.random.default_rng(seed)
    soundfile.write(path, 0.1 * rng.standard_normal(int(8000 * seconds)), 8000)
    return path


def test_recordings_are_listed_with_their_lengths(tmp_path):
    whole = Utterance("whole", audio=record(tmp_path / "a.wav"))
    part = Utterance("part", audio=whole.audio, span=(0.25, 0.75))
    rest = Utterance("rest", audio=whole.audio, span=(0.25, None))
    beyond = Utterance("beyond", audio=whole.audio, span=(0.9, 5.0))
    found, problems = find(corpus(tmp_path, whole, part, rest, beyond), "audio")
    assert [s.size for s in found] == pytest.approx([1.0, 0.5, 0.75, 0.1])
    assert len({s.content for s in found}) == 4
    assert problems == []


def test_equal_recordings_have_equal_digests(tmp_path):
    one = Utterance("one", audio=record(tmp_path / "1.wav"))
    same = Utterance("same", audio=record(tmp_path / "2.wav"))
    other = Utterance("other", audio=record(tmp_path / "3.wav", seed=1))
    found, _ = find(corpus(tmp_path, one, same, other), "audio")
    assert found[0].content == found[1].content != found[2].content


def test_digests_are_those_of_older_versions_unless_a_channel_is_chosen(tmp_path):
    whole = Utterance("whole", audio=record(tmp_path / "a.wav"))
    part = replace(whole, id="part", span=(0.25, None))
    left, right = (replace(part, id=f"{i}", channel=i) for i in (1, 2))
    found, _ = find(corpus(tmp_path, whole, part, left, right), "audio")
    file = found[0].stretch.file
    old = [f"{file} None", f"{file} (0.25, None)"]
    assert [s.content for s in found[:2]] == [
        hashlib.sha256(text.encode()).hexdigest()[:32] for text in old
    ]
    assert len({s.content for s in found}) == 4


def test_an_unreadable_recording_is_a_problem_of_its_file(tmp_path):
    good = Utterance("good", audio=record(tmp_path / "good.wav"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "bad.wav").write_text("no sound")
    bad = Utterance("bad", audio=tmp_path / "sub" / "bad.wav")
    gone = Utterance("gone", audio=tmp_path / "gone.wav")
    found, problems = find(corpus(tmp_path, bad, good, gone), "audio")
    assert [s.utterance.id for s in found] == ["good"]
    assert [(p.file, p.id, p.fatal) for p in problems] == [
        (str(Path("sub", "bad.wav")), "bad", True),
        ("gone.wav", "gone", True),
    ]
    assert "cannot be decoded" in problems[0].reason
    assert "No such file" in problems[1].reason


def test_every_utterance_of_a_bad_file_is_named(tmp_path):
    (tmp_path / "bad.wav").touch()
    spans = [
        Utterance(f"u{i}", audio=tmp_path / "bad.wav", span=(i, i + 1))
        for i in range(3)
    ]
    found, problems = find(corpus(tmp_path, *spans), "audio")
    assert found == []
    assert [p.id for p in problems] == ["u0", "u1", "u2"]


def test_each_modality_takes_the_utterances_that_have_it(tmp_path):
    both = Utterance("both", audio=record(tmp_path / "a.wav"), text="yes")
    speech = Utterance("speech", audio=both.audio)
    text = Utterance("text", text="")
    found = corpus(tmp_path, both, speech, text)
    assert [s.utterance.id for s in find(found, "audio")[0]] == ["both", "speech"]
    assert [s.utterance.id for s in find(found, "text")[0]] == ["both", "text"]
    assert [s.size for s in find(found, "text")[0]] == [3.0, 0.0]


def test_a_missing_modality_is_noted_besides_other_problems(tmp_path):
    speech = Utterance("speech", audio=record(tmp_path / "a.wav"))
    known = Utterance("known", audio=speech.audio)
    text = Utterance("text", text="yes")
    said = Problem("own.csv", "valence is left out", id="known")
    found = replace(corpus(tmp_path, speech, known, text), problems=(said,))
    reason = "has no transcript, so it is not in text"
    assert find(found, "text")[1] == [
        Problem("a.wav", reason, id=name, fatal=False) for name in ("speech", "known")
    ]
    assert [p.id for p in find(found, "audio")[1]] == ["text"]


def test_the_digest_depends_on_ids_and_inputs_but_not_their_order(tmp_path):
    def digest(*texts):
        made = (Utterance(i, text=t) for i, t in texts)
        return encoder_inputs.digest(find(corpus(tmp_path, *made), "text")[0])

    assert digest(("a", "x"), ("b", "y")) == digest(("b", "y"), ("a", "x"))
    assert digest(("a", "x")) != digest(("a", "z"))
    assert digest(("a", "x")) != digest(("b", "x"))
    assert len(digest()) == 16


@pytest.mark.parametrize(("limit", "places"), [(3, [0, 4, 9]), (1, [0]), (99, None)])
def test_limit_takes_evenly_spaced_utterances(tmp_path, limit, places):
    made = [Utterance(f"u{i}", text=str(i)) for i in range(10)]
    found, _ = find(corpus(tmp_path, *made), "text", limit)
    wanted = range(10) if places is None else places
    assert [s.utterance.id for s in found] == [f"u{i}" for i in wanted]


def test_file_names_are_relative_to_the_corpus_if_possible(tmp_path):
    inside = Utterance("a", audio=tmp_path / "wav" / "a.wav")
    outside = Utterance("b", audio=Path("/elsewhere/b.wav"))
    assert encoder_inputs.file_name(inside, tmp_path) == str(Path("wav", "a.wav"))
    assert encoder_inputs.file_name(outside, tmp_path) == str(outside.audio)
    assert encoder_inputs.file_name(Utterance("c", text="no file"), tmp_path) == ""


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes here")
def test_file_names_of_any_bytes_can_be_printed(tmp_path):
    odd = Utterance("a", audio=tmp_path / os.fsdecode(b"caf\xe9.wav"))
    assert encoder_inputs.file_name(odd, tmp_path).encode() == b"caf\\udce9.wav"

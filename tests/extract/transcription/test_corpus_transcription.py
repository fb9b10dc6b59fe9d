"""Transcription of a corpus: repetition, interruption and recordings that fail."""

import dataclasses
import re

import pytest
import spoken_corpus
from stand_in_speech import Recogniser

from affuse.data.errors import AffuseError
from affuse.data.records import Corpus, Utterance
from affuse.data.system.atomic_files import claim
from affuse.extract.transcription.corpus_transcription import transcribe_corpus
from affuse.extract.transcription.recognised_corpus import (
    recognised_texts,
    with_recognised_texts,
)
from affuse.extract.transcription.transcript_file import read_transcripts

COUNT = 4


@pytest.fixture
def corpus(tmp_path):
    return spoken_corpus.corpus(tmp_path, count=COUNT)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def transcribe(corpus, cache, recogniser, **machine):
    resources = dataclasses.replace(spoken_corpus.MACHINE, **machine)
    return transcribe_corpus(corpus, recogniser, cache, resources)


def test_a_repeated_command_recognises_nothing(corpus, cache):
    first = transcribe(corpus, cache, Recogniser())
    assert (first.recognised, len(first.file.transcripts)) == (COUNT, COUNT)
    image, again = first.file.path.read_bytes(), Recogniser()
    assert transcribe(corpus, cache, again).recognised == 0
    assert again.heard == []
    assert first.file.path.read_bytes() == image


def test_an_interrupted_command_keeps_what_is_finished(corpus, cache):
    with pytest.raises(KeyboardInterrupt):
        transcribe(corpus, cache, Recogniser(fail_after=2))
    rest = Recogniser()
    done = transcribe(corpus, cache, rest)
    assert len(rest.heard) == done.recognised == COUNT - 2
    assert len(done.file.transcripts) == COUNT


def test_a_killed_process_leaves_a_file_with_finished_transcripts(corpus, cache):
    kept = []

    class Observer(Recogniser):
        def transcribe(self, samples):
            if files := list(cache.rglob("*.json")):
                kept.append(len(read_transcripts(*files).transcripts))
            return super().transcribe(samples)

    transcribe(corpus, cache, Observer())
    assert kept[0] == 1  # before the second recording


def test_each_model_has_its_own_file(corpus, cache):
    transcribe(corpus, cache, Recogniser())
    other = Recogniser("tiny")
    transcribe(corpus, cache, other)
    assert len(other.heard) == COUNT
    assert len(list(cache.rglob("*.json"))) == 2


def test_equal_recordings_are_recognised_once(corpus, cache):
    first = corpus.utterances[0]
    copies = (first, dataclasses.replace(first, id="copy"))
    recogniser = Recogniser()
    done = transcribe(dataclasses.replace(corpus, utterances=copies), cache, recogniser)
    assert len(recogniser.heard) == 1
    assert len(recognised_texts(done.sources, done.file)) == 2


def test_a_recording_that_cannot_be_decoded_is_named(corpus, cache, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    bad = Utterance("bad", audio=tmp_path / "bad.wav", text="x")
    utterances = (bad, *corpus.utterances)
    done = transcribe(
        dataclasses.replace(corpus, utterances=utterances), cache, Recogniser()
    )
    (problem,) = done.problems
    assert (problem.id, problem.fatal) == ("bad", True)
    assert done.recognised == COUNT


def test_a_corpus_without_recordings_is_refused(cache, tmp_path):
    corpus = Corpus("toy", tmp_path, (Utterance("a", text="x"),), None, "")
    with pytest.raises(AffuseError, match="has no recordings to transcribe"):
        transcribe(corpus, cache, Recogniser())


def test_two_commands_do_not_write_one_file(corpus, cache):
    label = Recogniser().identity.label
    lock = cache / "toy" / "transcripts" / f".{label}.json.lock"
    with claim(lock, wait=False):
        with pytest.raises(AffuseError, match="another command is writing"):
            transcribe(corpus, cache, Recogniser())


def test_recognised_texts_take_the_place_of_those_of_the_corpus(corpus, cache):
    transcribe(corpus, cache, Recogniser(), limit=2)
    silent = Utterance("silent", text="only text")
    corpus = dataclasses.replace(corpus, utterances=(*corpus.utterances, silent))
    found = with_recognised_texts(corpus, "small.en", cache, spoken_corpus.MACHINE)
    texts = [u.text for u in found.corpus.utterances]
    assert [bool(text) for text in texts] == [True, False, False, True, False]
    assert re.fullmatch(r"It has \d+ samples\.", texts[0])
    assert (found.label, found.missing) == (Recogniser().identity.label, COUNT - 2)


def test_a_recording_without_words_has_an_empty_text(corpus, cache):
    class Doubtful(Recogniser):
        def transcribe(self, samples):
            self.text = "" if len(self.heard) else "Words."
            return super().transcribe(samples)

    transcribe(corpus, cache, Doubtful())
    found = with_recognised_texts(corpus, "small.en", cache, spoken_corpus.MACHINE)
    assert sorted(u.text for u in found.corpus.utterances) == ["", "", "", "Words."]

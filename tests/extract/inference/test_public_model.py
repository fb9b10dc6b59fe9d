"""Prediction from Python: files, arrays and texts, and what results state."""

import csv

import numpy as np
import own_runs
import pytest
import soundfile
from cli_calls import call
from stand_in_speech import replaced

import affuse
from affuse.data.errors import AffuseError, OptionError
from affuse.data.rating_scales import RATINGS


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return own_runs.write_table(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def runs(table, tmp_path_factory):
    root = tmp_path_factory.mktemp("work")
    return own_runs.train(
        table, root, *own_runs.TINY, "--fusion", "early,experts,audio"
    )


def load(run):
    cache = run.parent.parent / "cache"
    return affuse.load(run, cache=cache, device="cpu", threads=1)


@pytest.fixture(scope="module")
def model(runs):
    return load(runs["early"])


@pytest.fixture(scope="module")
def wav(table):
    return table.parent / "wav"


def test_results_are_those_of_the_command(runs, model, wav):
    files = [wav / f"00{number}.wav" for number in range(3)]
    texts = ["it is not", "so bad", "a day"]
    result = model.predict(files, text=texts)
    where = ("--cache", runs["early"].parent.parent / "cache", "--threads", 1)
    for found, file, text in zip(result, files, texts, strict=True):
        done = call("predict", runs["early"], file, "--text", text, *where)
        (row,) = csv.DictReader(done.stdout.splitlines())
        for name in RATINGS:
            assert float(row[name]) == pytest.approx(getattr(found, name), abs=1e-5)
    assert result.to_dicts()[0]["valence"] == pytest.approx(result[0].valence)
    assert len(result[1:]) == 2


def test_an_array_is_predicted_as_its_file(model, wav):
    samples, rate = soundfile.read(wav / "003.wav", dtype="float32")
    for source in ((samples, rate), [(samples, rate)]):
        (found,) = model.predict(source, "it is")
        (expected,) = model.predict(wav / "003.wav", "it is")
        assert found.valence == pytest.approx(expected.valence, abs=1e-6)
        assert found.file == "array 1"


def test_a_recording_that_cannot_be_used_has_a_reason(model, wav, tmp_path):
    gone = str(tmp_path / "gone.wav")
    result = model.predict([gone, wav / "000.wav", wav / "001.wav"], ["a", "b", None])
    assert [bool(each.reason) for each in result] == [True, False, True]
    assert "has no text" in result[2].reason
    with pytest.raises(AffuseError, match="gone.wav"):
        _ = result[0].valence


def test_a_robust_model_takes_recordings_and_texts_alone(runs, wav):
    robust = load(runs["experts"])
    result = robust.predict([wav / "000.wav", None], [None, "it was well"])
    assert [each.reason for each in result] == ["", ""]
    assert np.isfinite([each.valence for each in result]).all()


def test_a_model_without_the_input_that_it_needs_is_an_error(model, wav):
    with pytest.raises(AffuseError, match="needs text: give it"):
        model.predict([wav / "000.wav"])
    with pytest.raises(AffuseError, match="there are 1 texts for 2 recordings"):
        model.predict([wav / "000.wav", wav / "001.wav"], ["a"])


def test_windows_and_facts_are_stated(model, wav):
    result = model.predict((np.zeros(16_000), 8_000), "it", window=0)
    assert "is silent; kept" in result[0].notes
    assert (result.facts.corpus, result.facts.scale) == ("own", (1.0, 5.0))
    assert result.facts.targets == RATINGS
    assert result[0].valence_interval is None
    with pytest.raises(AffuseError, match="^window -1: give a length"):
        model.predict(wav / "000.wav", "it", window=-1)


def test_no_recordings_give_no_predictions(model):
    assert list(model.predict([])) == []


SAMPLES = np.zeros(1600)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (SAMPLES, "float64"),
        ([SAMPLES], "ndarray"),
        ([SAMPLES, 16_000], "ndarray"),
        ((SAMPLES, "16000"), "ndarray"),
        ([[SAMPLES, 16_000]], "list"),
        ([(SAMPLES, 1, 16_000)], "tuple of length 3"),
        ((SAMPLES, 1, 16_000), "tuple of length 3"),
        (5, "int"),
        ([5], "int"),
        (b"a.wav", "bytes"),
    ],
)
def test_an_input_of_another_type_is_explained(model, source, kind):
    sentence = f"of the type {kind}; give a path, a pair of samples and their rate"
    with pytest.raises(AffuseError, match=sentence):
        model.predict(source)


@pytest.mark.parametrize(
    ("text", "kind"), [(5, "int"), ([np.nan], "float"), (b"yes", "bytes")]
)
def test_a_text_of_another_type_is_explained(model, wav, text, kind):
    with pytest.raises(AffuseError, match=f"of the type {kind}; give a str, or None"):
        model.predict(wav / "000.wav", text)


# Speech: the same options as those of the command

RATE = 16_000
TURNS = "file,start,end,speaker\ntalk,0,1.6,Ann\ntalk,1.6,4,Bob\n"


@pytest.fixture
def talk(wav, tmp_path):
    """Return a recording of one second of speech, a pause, and half a second."""
    speech, _ = soundfile.read(wav / "000.wav", dtype="float32")
    speech = np.resize(speech[speech != 0], RATE)
    gap = np.zeros(RATE // 2, np.float32)
    samples = np.concatenate([gap, speech, gap, speech[: RATE // 2], gap])
    path = tmp_path / "talk.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def test_speech_options_are_those_of_the_command(runs, model, talk, monkeypatch):
    turns = talk.with_name("turns.csv")
    turns.write_text(TURNS, encoding="utf-8")
    where = ("--cache", runs["early"].parent.parent / "cache", "--threads", 1)
    typed = ("--transcribe", "small.en", "--segment", "speech", "--speakers", turns)
    with replaced(monkeypatch):
        result = model.predict(
            talk, transcribe="small.en", segment="speech", speakers=turns
        )
        done = call("predict", runs["early"], talk, *typed, *where, "--format", "csv")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [each.speaker for each in result] == ["Ann", "Bob"]
    assert [each.text for each in result] == [row["text"] for row in rows]
    for found, row in zip(result, rows, strict=True):
        assert (found.start, found.end) == (float(row["start"]), float(row["end"]))
        assert found.valence == pytest.approx(float(row["valence"]), abs=1e-5)
        assert "text recognised by small.en" in found.notes[0]


def test_an_array_has_words_and_speakers_too(model, talk, monkeypatch):
    samples, rate = soundfile.read(talk, dtype="float32")
    turns = talk.with_name("turns.csv")
    turns.write_text(TURNS.replace("talk", "array 1"), encoding="utf-8")
    with replaced(monkeypatch):
        result = model.predict(
            (samples, rate), transcribe="small.en", segment="speech", speakers=turns
        )
    assert [each.speaker for each in result] == ["Ann", "Bob"]


def test_speech_models_are_loaded_once_for_equal_options(model, talk, monkeypatch):
    loaded = []
    with replaced(monkeypatch) as recogniser:

        def load_recogniser(name, options, machine):
            loaded.append((name, options.language))
            return recogniser

        place = "affuse.extract.transcription.faster_whisper_models.load_recogniser"
        monkeypatch.setattr(place, load_recogniser)
        for transcribe in ("base", "base", ("base", "de")):
            model.predict(talk, transcribe=transcribe)
    assert loaded == [("base", None), ("base", "de")]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"text": "it", "transcribe": "base"}, "base and text both give texts"),
        ({"text": "it", "segment": "speech"}, "other times than the texts of text"),
        ({"transcribe": "base", "segment": "speech", "window": 2}, "leave window"),
        ({"text": "it", "segment": "speach"}, "'speach' is not one of"),
    ],
)
def test_contradicting_speech_options_are_refused(model, talk, values, sentence):
    with pytest.raises(OptionError, match=sentence):
        model.predict(talk, **values)


def test_errors_name_arguments_of_python(runs, model, wav):
    with pytest.raises(AffuseError, match="^hop 9 has no effect with window 0; leave"):
        model.predict(wav / "000.wav", "it", window=0, hop=9)
    give = r"give it as text=\[...\] or with transcribe=MODEL; or take a model"
    with pytest.raises(AffuseError, match=give):
        model.predict(wav / "000.wav")
    found = model.predict([wav / "000.wav", wav / "001.wav"], ["it", None])
    assert "give it as text=[...]" in found[1].reason
    with pytest.raises(AffuseError, match="^text_checkpoint x has no effect: the"):
        affuse.load(runs["audio"], text_checkpoint="x")


def test_a_text_that_the_model_does_not_take_is_named(runs, wav, caplog):
    load(runs["audio"]).predict(wav / "000.wav", "it is")
    assert "the texts are not used: " in caplog.text


def test_empty_texts_are_counted_with_what_they_mean(model, wav, caplog):
    files = [wav / "000.wav", wav / "001.wav"]
    model.predict(files, ["it", "it is"])
    assert "without words" not in caplog.text
    model.predict(files, ["", " "])
    assert "2 texts without words: read as the empty sentence" in caplog.text
    assert "if the words are not known, give None as the text" in caplog.text


def test_a_model_is_shown_with_its_name(runs, model):
    assert repr(model).startswith(f"Model('{runs['early'].name}@")

"""The command transcribe, and the extraction of recognised transcripts."""

import csv

import own_runs
import pytest
import stand_in_speech
from cli_calls import call, error_sentence

from affuse.data.cache import cache_listing, provenance, store
from affuse.data.errors import AffuseError
from affuse.extract.transcription import (
    faster_whisper_models,
    word_error_table,
    word_errors,
)
from affuse.extract.transcription.word_errors import WordErrors

LABEL = stand_in_speech.Recogniser().identity.label
SOURCE = ("--name", "own", "--scale", 1, 5)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return own_runs.write_table(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def models(monkeypatch):
    """Replace the models, and the count of errors, which needs jiwer."""
    monkeypatch.setattr(word_errors, "demand_jiwer", lambda: None)
    monkeypatch.setattr(
        word_error_table, "count_errors", lambda gold, found: WordErrors(4, 1)
    )
    with stand_in_speech.replaced(monkeypatch) as recogniser:
        yield recogniser


def command(name, table, root, *words):
    where = ("--cache", root / "cache", "--threads", 1)
    return call(name, "manifest", table, *SOURCE, *where, *words)


def transcribe(table, root, *words):
    return command("transcribe", table, root, "--model", "small.en", *words)


def extract(table, root, *words):
    tiny = ("--text-checkpoint", "tiny", "--modality", "text")
    return command("extract", table, root, *tiny, *words)


def test_the_command_prints_the_errors_and_what_to_do_next(models, table, tmp_path):
    errors = tmp_path / "errors.csv"
    done = transcribe(table, tmp_path, "--output", errors)
    assert done.exit_code == 0, done.output
    assert "18 transcripts in" in done.stdout
    assert "x real time" in done.stdout
    assert "word error rate: 25.0 % of 72 words in 18 utterances" in done.stdout
    assert f"extract manifest {table} --transcripts {LABEL}" in done.stdout
    rows = list(csv.DictReader(errors.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == own_runs.COUNT
    assert rows[0]["word_error_rate"] == "0.250000"
    assert rows[0]["recognised"].startswith("It has ")
    again = transcribe(table, tmp_path, "--limit", 5)
    assert "5 transcripts in" in again.stdout
    assert "nothing was left to transcribe" in again.stdout


def test_a_missing_package_is_named_before_anything_is_read(table, monkeypatch):
    def refuse():
        raise AffuseError("needs the package faster-whisper; install it")

    monkeypatch.setattr(faster_whisper_models, "demand_package", refuse)
    done = call("transcribe", "manifest", "nowhere", "--model", "small.en")
    assert "needs the package faster-whisper" in error_sentence(done)


def test_unknown_transcripts_are_refused_before_anything_is_encoded(table, tmp_path):
    done = extract(table, tmp_path, "--transcripts", "small.en")
    assert "make them with the command transcribe" in error_sentence(done, status=2)
    assert list(store.find(tmp_path / "cache")) == []


def test_caches_of_both_transcripts_stand_side_by_side(models, table, tmp_path):
    assert transcribe(table, tmp_path).exit_code == 0
    recognised = extract(table, tmp_path, "--transcripts", "small.en")
    assert recognised.exit_code == 0, recognised.output
    assert f"texts: transcripts of {LABEL}" in recognised.stdout
    assert extract(table, tmp_path).exit_code == 0
    lines = list(cache_listing.listing(tmp_path / "cache"))
    assert sorted(f", transcripts of {LABEL}" in line for line in lines) == [0, 1]
    assert not any("superseded" in line for line in lines)
    typed = {
        provenance.load(cache.path).transcripts: cache.recipe.transcripts
        for cache in store.find(tmp_path / "cache")
    }
    assert typed == {"gold": "", LABEL: LABEL}


def test_one_table_compares_both_transcripts(models, table, tmp_path):
    transcribe(table, tmp_path)
    extract(table, tmp_path, "--transcripts", LABEL)
    extract(table, tmp_path)
    where = ("--cache", tmp_path / "cache", "--runs", tmp_path / "runs")
    words = ("--fusion", "ridge", *own_runs.DIVIDED, *own_runs.SMALL, *where)
    refused = error_sentence(call("train", *words), status=2)
    assert f"transcripts of {LABEL}" in refused
    for name in ("gold", "small.en"):
        done = call("train", *words, "--text", name)
        assert done.exit_code == 0, done.output
    report = call("report", "--runs", tmp_path / "runs")
    text = " ".join(report.stdout.split())
    assert f"transcripts of {LABEL}" in text
    assert "gold transcripts" in text


def test_a_model_of_recognised_transcripts_predicts_recordings(models, table, tmp_path):
    transcribe(table, tmp_path)
    extract(table, tmp_path, "--transcripts", LABEL)
    where = ("--cache", tmp_path / "cache", "--runs", tmp_path / "runs")
    words = ("--fusion", "ridge", *own_runs.DIVIDED, *own_runs.SMALL)
    done = call("train", *words, *where)
    assert done.exit_code == 0, done.output
    (run,) = tmp_path.glob("runs/*")
    wav = sorted((table.parent / "wav").iterdir())[0]
    done = call("predict", run, wav, "--transcribe", "small.en", *where[:2])
    assert done.exit_code == 0, done.output
    (row,) = csv.DictReader(done.stdout.splitlines())
    assert row["text"].startswith("It has ")
    assert row["notes"] == f"text recognised by {LABEL}"


def test_repair_encodes_the_recognised_transcripts_again(models, table, tmp_path):
    transcribe(table, tmp_path)
    extract(table, tmp_path, "--transcripts", LABEL)
    (cache,) = store.find(tmp_path / "cache")
    before = store.load(cache)
    (cache.path / "part-00000.h5").unlink()
    done = call("cache", "repair", "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    (again,) = store.find(tmp_path / "cache")
    assert (again.path, again.recipe) == (cache.path, cache.recipe)
    assert store.load(again).ids == before.ids

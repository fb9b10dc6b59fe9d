"""Rule for utterances without words, the same for every corpus."""

import csv
import dataclasses
import re

import pytest
from learnable_corpus import corpus as learnable_corpus
from learnable_corpus import embeddings

from affuse.data.corpora import iemocap, manifest
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_checks, corpus_reading, transcript_rule
from affuse.data.reading.transcript_rule import apply_rule
from affuse.data.records import Corpus, Problem, Utterance
from affuse.extract.audio.decoding import Unusable
from affuse.extract.encoders.distilbert import Encoder
from affuse.fuse.inputs import omissions
from affuse.fuse.settings import Settings
from affuse.fuse.training import run_plan as plans
from affuse.fuse.training.alignment import protocol_decisions
from affuse.fuse.training.run_description import write_description
from affuse.fuse.training.training_request import TrainingData

EMPTY = transcript_rule.EMPTY


def corpus(root, *texts):
    """Return a corpus with these transcripts, each as (released, cleaned) or None."""
    made = [
        Utterance(f"u{k}", audio=root / f"{k}.wav", transcript=released, text=text)
        for k, (released, text) in enumerate(texts)
    ]
    return Corpus("toy", root, tuple(made), (1, 5), "speakers")


def texts(found):
    return [u.text for u in found.utterances]


def notes(found):
    return [(p.id, p.reason) for p in found.problems if "empty sentence" in p.reason]


def test_a_text_without_words_is_kept_and_noted(tmp_path):
    given = corpus(
        tmp_path, ("yes", "yes"), ("  ", "  "), ("[GARBAGE]", ""), (None, None)
    )
    found = apply_rule(given)
    assert texts(found) == ["yes", "", "", None]
    marks = (
        "the transcript '[GARBAGE]' has no words, so text encoders read the empty "
        "sentence; kept"
    )
    assert found.problems == (
        Problem("1.wav", EMPTY, id="u1", fatal=False),
        Problem("2.wav", marks, id="u2", fatal=False),
    )


def test_transcripts_of_a_corpus_without_words_are_missing(tmp_path):
    found = apply_rule(corpus(tmp_path, ("", ""), (" ", ""), (None, None)))
    assert texts(found) == [None] * 3
    (problem,) = found.problems
    assert problem.reason.startswith("no text of this corpus has words (texts: 2)")


def test_a_corpus_without_empty_transcripts_is_not_changed(tmp_path):
    for given in (corpus(tmp_path, ("a", "a")), corpus(tmp_path, (None, None))):
        assert apply_rule(given) is given


def table(folder, *cells):
    """Write a table with a recording and a text in each row."""
    rows = []
    for k, cell in enumerate(cells):
        (folder / f"{k}.wav").touch()
        rows.append([f"{k}.wav", cell])
    with (folder / "own.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "text"], *rows])
    return folder / "own.csv"


def test_empty_cells_and_garbage_in_iemocap_are_empty_texts(tmp_path):
    """Both rows are kept, with an empty text and a note."""
    own = corpus_reading.read(
        CorpusSource(corpus="manifest", root=table(tmp_path, "words", "", "  "))
    )
    assert texts(own) == ["words", "", ""]
    assert notes(own) == [("1", EMPTY), ("2", EMPTY)]

    root = tmp_path / "iemocap"
    iemocap.sample(root)
    (first, *_) = sorted(root.rglob("transcriptions/*.txt"))
    lines = first.read_text().splitlines(keepends=True)
    place = next(k for k, line in enumerate(lines) if re.match(r"Ses\S+_[FM]\d", line))
    head, _, _ = lines[place].partition("]: ")
    lines[place] = f"{head}]: [GARBAGE] [LAUGHTER]\n"
    before = corpus_reading.read(CorpusSource(corpus="iemocap", root=root))
    first.write_text("".join(lines))
    found = corpus_reading.read(CorpusSource(corpus="iemocap", root=root))
    assert len(found.utterances) == len(before.utterances)
    (changed,) = set(notes(found)) - set(notes(before))
    assert changed[0] == lines[place].split()[0]
    assert "'[GARBAGE] [LAUGHTER]' has no words" in changed[1]
    assert next(u for u in found.utterances if u.id == changed[0]).text == ""


@pytest.mark.parametrize("cell", ["NaN", "nan", " NaN ", "<NA>", "n/a", "N/A"])
def test_a_cell_with_nan_is_a_missing_transcript(tmp_path, cell):
    found = corpus_reading.read(
        CorpusSource(corpus="manifest", root=table(tmp_path, "words", cell, cell))
    )
    assert texts(found) == ["words", None, None]
    (note,) = found.problems
    assert note.reason == (
        f"{cell.strip()!r} is read as a missing transcript (rows: 2)"
    )


@pytest.mark.parametrize("cell", ["NA", "None", "null", "Nan"])
def test_a_word_such_as_none_is_a_transcript_with_a_note(tmp_path, cell):
    found = corpus_reading.read(
        CorpusSource(corpus="manifest", root=table(tmp_path, "words", cell))
    )
    assert texts(found) == ["words", cell]
    (note,) = found.problems
    assert note.reason == (
        f"{cell!r} is read as the words of an utterance (rows: 1); if its transcript "
        f"is missing, write NaN"
    )


def test_a_table_without_a_text_column_lacks_transcripts(tmp_path):
    for name, text in (("train", "file\na.wav\n"), ("test", "file,text\nb.wav,hi\n")):
        (tmp_path / f"{name}.csv").write_text(text)
    for name in "ab":
        (tmp_path / f"{name}.wav").touch()
    found = manifest.read(tmp_path)
    assert {u.id: u.text for u in found.utterances} == {"a": None, "b": "hi"}


def test_sound_tokens_in_a_table_are_counted_in_a_note(tmp_path):
    found = corpus_reading.read(
        CorpusSource(
            corpus="manifest",
            root=table(tmp_path, "oh [LAUGHTER] no [LAUGHTER]", "[GARBAGE]", "[1]"),
        )
    )
    assert texts(found)[1] == "[GARBAGE]"
    (note,) = found.problems
    said = "such as '[LAUGHTER]', '[GARBAGE]', are read as words (rows: 2)"
    assert said in note.reason


def test_check_counts_utterances_without_words(tmp_path):
    found = corpus_reading.read(
        CorpusSource(corpus="manifest", root=table(tmp_path, "words", "", ""))
    )
    first, *rest = corpus_checks.lines(found, found.problems)
    assert first.endswith("3 with audio, 3 with text, of which 2 without words")
    assert corpus_checks.facts(found, ())["without_words"] == 2
    assert [line for line in rest if "write NaN in its place" in line]
    assert f"  2 times: {EMPTY} (first: 1.wav)" in [
        *corpus_checks.problem_lines(found.problems)
    ]


def test_an_empty_text_is_encoded_as_its_special_tokens():
    (tokens,) = Encoder.tiny().prepare("").blocks
    assert tokens.tolist() == [1, 2]


def test_a_tokenizer_without_special_tokens_refuses_empty_texts():
    encoder = Encoder.tiny()
    encoder.tokenise = lambda text: [7] * len(text.split())
    assert len(encoder.prepare("two words").blocks[0]) == 2
    with pytest.raises(Unusable, match="returns no token for its text"):
        encoder.prepare("")


@pytest.mark.parametrize("design", ["audio", "early"])
def test_all_designs_keep_utterances_without_words(tmp_path, design):
    caches = embeddings()
    empty = transcript_rule.digest("")
    contents = (*[empty] * 12, *caches["text"].contents[12:])
    caches["text"] = dataclasses.replace(caches["text"], contents=contents)
    made = plans.plan_run(
        TrainingData(learnable_corpus(), caches),
        fusion=design,
        settings=Settings(),
        runs=tmp_path,
        device="cpu",
        label="",
    )
    assert len(made.common.ids) == 300
    write_description(made)
    sentence = "kept: 12 utterances without words, whose text is read as the empty "
    assert protocol_decisions(made.folder)[-1] == f"{sentence}sentence"
    alone = {"audio": caches["audio"]}
    assert omissions.count_wordless(alone, made.common.ids) == 0
    assert omissions.count_wordless(caches, made.common.ids[10:]) == 2


def test_no_sentence_if_every_text_has_words():
    assert omissions.count_wordless(embeddings(), ["u000"]) == 0
    assert [*omissions.wordless_sentences(0)] == []


def test_written_texts_get_no_note_on_ambiguous_words(tmp_path):
    (tmp_path / "own.csv").write_text("id,text\na,None\nb,so [SIC] it was\n")
    found = corpus_reading.read(
        CorpusSource(corpus="manifest", root=tmp_path / "own.csv")
    )
    assert (texts(found), found.problems) == (["None", "so [SIC] it was"], ())

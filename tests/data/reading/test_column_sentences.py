"""Sentences of `check` and `extract` on how the columns of a table are read."""

import pytest
from click.testing import CliRunner
from locations import ROOT

from affuse.cli import main
from affuse.data.corpora import manifest
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_checks, corpus_reading
from affuse.data.tables import column_hints, column_roles

README = ROOT / "data" / "README.md"


def read(folder, header, *rows, **options):
    path = folder / "table.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return manifest.read(path, scale=(1, 5), **options)


def test_a_sentence_lists_columns_read_kept_and_unread(tmp_path):
    found = read(tmp_path, "text,V,spk,mood,x", "hi,1,A,glad,").reading
    assert found[:3] == (
        "columns of table.csv as they are read: valence from 'V', text from 'text'",
        "kept as text, for report --by: 'spk', 'mood'",
        "not read: 'x'",
    )


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("pleasure", "valence"),
        ("speakerID", "speaker"),
        ("audio_path", "file"),
        ("file_name", "file"),
        ("mean_arousal", "arousal"),
        ("dominence", "dominance"),
        ("start_time", "start"),
        ("EndTime", "end"),
        ("utterance_text", "text"),
        ("subset", "split"),
        ("weather", ""),
        ("valence_std", ""),
    ],
)
def test_a_column_with_a_similar_name_gets_a_question(tmp_path, name, role):
    header, row = f"{name},transcript", "1,hi"
    if role == "text":
        header, row = f"{name},file", "hi,"
    asked = [line for line in read(tmp_path, header, row).reading if line[:4] == "is '"]
    wanted = f"is '{name}' the {role}? if so: --map {role}={name}"
    assert asked == ([wanted] if role else [])


def test_a_table_without_inputs_is_refused_with_all_questions(tmp_path):
    with pytest.raises(column_roles.NoInputError) as error:
        read(tmp_path, "clip,item,spk,V,mood", "x,a.WAV,A,1,sad", "y,b.wav,B,2,")
    first, *questions = str(error.value).splitlines()
    assert "neither a column of audio files nor one of text" in first
    assert questions == [
        "is 'clip' the file? if so: --map file=clip",
        "is 'item' the file? if so: --map file=item",
        "is 'spk' the speaker? if so: --map speaker=spk",
    ]
    with pytest.raises(column_roles.NoInputError) as error:
        read(tmp_path, "clip,V", "a.wav,1", columns={"valence": "V", "text": ""})
    assert str(error.value).splitlines()[1:] == [
        "is 'clip' the file? if so: --map file=clip"
    ]


def test_a_column_of_audio_files_gets_a_question_whatever_its_name(tmp_path):
    asked = "is 'item' the file? if so: --map file=item"
    assert asked in read(tmp_path, "text,item", "hi,a.mp3", "ho,").reading
    assert asked not in read(tmp_path, "text,item", "hi,a.mp3", "ho,b").reading


def test_a_role_left_out_by_the_user_gets_no_question(tmp_path):
    header, row = "text,speaker,valence,arousal,dominance", "hi,A,1,2,3"
    left_out = {"columns": {"dominance": ""}}
    assert read(tmp_path, header, row, **left_out).reading[1:] == (
        "not read: 'dominance'",
    )


def test_the_suggested_option_can_be_pasted_into_a_shell(tmp_path):
    found = read(tmp_path, "text,speaker name", "hi,A", "ho,B")
    assert "is 'speaker name' the speaker? if so: --map 'speaker=speaker name'" in (
        found.reading
    )
    again = read(
        tmp_path,
        "text,speaker name",
        "hi,A",
        "ho,B",
        columns={"speaker": "speaker name"},
    )
    assert [u.speaker for u in again.utterances] == ["A", "B"]
    assert not any(line.startswith("is '") for line in again.reading)


def test_a_column_of_milliseconds_gets_no_map_suggestion(tmp_path):
    (line,) = (x for x in read(tmp_path, "text,start_ms", "hi,5").reading if "?" in x)
    assert line.startswith("is 'start_ms' the start? times are read in seconds")
    assert "--map" not in line


def test_sentences_report_missing_ratings_and_speakers(tmp_path):
    corpus = read(tmp_path, "text,valence,speaker", "hi,1,A", "ho,2,")
    ratings, speakers = corpus.lacking
    assert ratings.startswith("no rating of arousal and dominance was read, so no")
    assert speakers.startswith("1 of 2 utterances have no speaker, and protocol speak")
    printed = [*corpus_checks.lines(corpus, ())]
    assert {ratings, speakers} <= {*printed}
    assert corpus_checks.facts(corpus, ())["reading"][-2:] == [ratings, speakers]
    rows = ("hi,1,1,1,train", "ho,2,2,2,test")
    complete = read(tmp_path, "text,v,a,d,split", *rows)
    assert (len(complete.reading), complete.lacking) == (1, ())
    unrated = read(tmp_path, "text", "hi")  # nothing to train on
    assert (len(unrated.reading), unrated.lacking) == (1, ())


def test_check_and_extract_print_how_columns_are_read(tmp_path):
    corpus = read(tmp_path, "text,pleasure", "hi,1")
    columns, kept, question = corpus.reading
    printed = [*corpus_checks.lines(corpus, ())]
    assert {columns, question} <= {*printed}
    assert kept == "kept as text, for report --by: 'pleasure'"
    assert [line for line in printed if line.startswith("kept")] == [
        "kept as text, for report --by: pleasure (1 value)"
    ]
    assert corpus_checks.facts(corpus, ())["reading"] == list(corpus.reading)
    said = []
    aloud = corpus_reading.read_and_describe(
        said.append, CorpusSource(corpus="manifest", root=tmp_path)
    )
    assert said == list(aloud.reading)
    assert any("--map valence=pleasure" in line for line in said)


def test_the_readme_lists_all_names_of_columns():
    section = README.read_text(encoding="utf-8").partition("### Names of columns")[2]
    for role, names in column_roles.ALIASES.items():
        assert f"| `{role}` | {', '.join(f'`{n}`' for n in names)} |" in section


def test_a_role_that_is_read_gets_no_question():
    assert column_hints.role("speaker_name", ("speaker",)) == ""


def test_utterances_prints_how_columns_are_read_to_stderr(tmp_path):
    read(tmp_path, "text,pleasure", "hi,1")
    done = CliRunner().invoke(main, ["utterances", "manifest", str(tmp_path)])
    assert done.exit_code == 0
    assert done.stdout.startswith("id,speaker,")
    assert "columns of table.csv as they are read: text from 'text'" in done.stderr
    assert "is 'pleasure' the valence? if so: --map valence=pleasure" in done.stderr


def test_a_column_without_a_name_is_reported_by_number(tmp_path):
    found = read(tmp_path, "text,,x", "hi,ho,", "ha,,").reading
    assert "not read: column 2, which has no name, 'x'" in found


def test_two_columns_of_one_name_must_be_renamed(tmp_path):
    with pytest.raises(
        ValueError, match="'v' and 'v' are all .*give them different names"
    ):
        read(tmp_path, "text,v,v", "hi,1,2")


@pytest.mark.parametrize(
    ("speakers", "line"),
    [
        (2, "2 of at least 3 speakers that protocol speakers needs; add speakers, or"),
        (4, "4 speakers have ratings, so train needs --folds 4"),
        (5, ""),
    ],
)
def test_too_few_speakers_for_the_folds_are_named(tmp_path, speakers, line):
    rows = "".join(f"t{k},{k},{k},{k},s{k % speakers}\n" for k in range(1, 6))
    table = tmp_path / "own.csv"
    table.write_text(f"text,valence,arousal,dominance,speaker\n{rows}")
    found = " ".join(manifest.read(table, scale=(1, 5)).lacking)
    assert (line in found) if line else not found


def test_utterances_without_a_rating_are_counted(tmp_path):
    rows = "a,1,2,3\nb,,2,3\nc,,,\nd,1,2,3\n"
    table = tmp_path / "own.csv"
    table.write_text(f"text,valence,arousal,dominance\n{rows}")
    first = manifest.read(table, scale=(1, 5)).lacking[0]
    assert first.startswith("2 of 4 utterances lack a rating of valence or arousal or ")

"""Tables of users: headers, times, paths, and faulty rows."""

import json
import os

import pytest
from manifest_tables import read, reasons, write

from affuse.data.corpora import manifest
from affuse.data.rating_kinds import SIDECAR
from affuse.data.records import Problem


def test_a_row_becomes_an_utterance(tmp_path):
    header = "FileName,EmoVal,Act,d,Sentence,SpkrID,Gender,Session,Dialog,Scripted,Set"
    row = "wav/a.wav,4.5,1,2,  Well,Ann,Female,2,d1,yes,x"
    corpus = read(tmp_path, f"{header}\n{row}\n", audio=["wav/a.wav"])
    (found,) = corpus.utterances
    assert (found.id, found.audio) == ("wav-a", tmp_path / "wav/a.wav")
    assert found.ratings == {"valence": 4.5, "arousal": 1, "dominance": 2}
    assert (found.transcript, found.text) == ("  Well", "Well")
    assert (found.speaker, found.sex, found.session) == ("Ann", "F", "2")
    assert (found.dialogue, found.scripted) == ("d1", True)
    assert found.span is None
    assert corpus.problems == ()
    assert (corpus.name, corpus.root, corpus.scale) == ("table", tmp_path, (1, 5))
    assert (corpus.protocol, corpus.nature) == ("speakers", "human")


def test_rows_keep_their_order_and_text_or_audio_alone_suffices(tmp_path):
    rows = "file,text\nb.wav,\n,only words\na.wav,both\n"
    corpus = read(tmp_path, rows, audio=["a.wav", "b.wav"])
    assert [u.id for u in corpus.utterances] == ["b", "table-3", "a"]
    assert [u.text for u in corpus.utterances] == ["", "only words", "both"]
    assert [u.audio is None for u in corpus.utterances] == [False, True, False]
    assert corpus.protocol == ""


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        ("0.5", "1.25", (0.5, 1.25)),
        ("500ms", "1.25s", (0.5, 1.25)),
        ("00:00:00.5", "00:01:01", (0.5, 61.0)),
        ("0 days 00:00:00.500000", "1 days 00:00:00", (0.5, 86400.0)),
        ("5e-1", "NaT", (0.5, None)),
        ("2", "", (2.0, None)),
        ("", "2", (0.0, 2.0)),
        ("0", "NaT", None),
        ("", "", None),
    ],
)
def test_times_in_every_spelling(tmp_path, start, end, span):
    rows = f"file,start,end\na.wav,{start},{end}\n"
    (found,) = read(tmp_path, rows, audio=["a.wav"]).utterances
    assert found.span == span
    assert (found.start, found.end) == (span or (None, None))


@pytest.mark.parametrize(
    ("header", "row", "span"),
    [
        ("offset,duration", "1.5,2", (1.5, 3.5)),  # was read as start 0, end 1.5
        ("onset,duration", "0.1,0.2", (0.1, 0.3)),  # ran to the end of the file
        ("Start,Dur", "1s,250ms", (1.0, 1.25)),
        ("onset,offset", "1,2", (1.0, 2.0)),
        ("onset,offset,duration", "1,2,1", (1.0, 2.0)),
        ("start,end,duration", "1,2,1.01", (1.0, 2.0)),
        ("start,duration", "1,", (1.0, None)),
        ("duration", "2.5", None),  # of the file
    ],
)
def test_a_span_may_have_a_duration(tmp_path, header, row, span):
    rows = f"file,{header}\na.wav,{row}\n"
    corpus = read(tmp_path, rows, audio=["a.wav"])
    assert corpus.utterances[0].span == span
    assert all("duration" in note for note in reasons(corpus, fatal=False))


@pytest.mark.parametrize(
    ("header", "columns", "span"),
    [
        ("offset", {"start": "offset"}, (1.0, None)),
        ("offset", {"end": "offset"}, (0.0, 1.0)),
        ("offset", {"start": "", "end": ""}, None),
        ("offset,end", {"start": "offset"}, (1.0, 3.0)),
        ("offset,end", {"start": "offset", "end": "end"}, (1.0, 3.0)),
        ("begin,offset", {"start": "begin", "end": "offset"}, (1.0, 3.0)),
        ("begin,offset", {"end": "offset"}, (1.0, 3.0)),
        ("end,duration", {"duration": ""}, (0.0, 1.0)),
        ("x,length", {"start": "x", "duration": "length"}, (1.0, 4.0)),
        ("duration", {"duration": "duration"}, (0.0, 1.0)),
        ("start,end,duration", {"end": ""}, (1.0, 4.0)),
    ],
)
def test_columns_of_times_can_be_chosen(tmp_path, header, columns, span):
    cells = {"start,end,duration": "1,2,3"}.get(
        header, "1,3"[: 2 * header.count(",") + 1]
    )
    rows = f"file,{header}\na.wav,{cells}\n"
    (found,) = read(tmp_path, rows, audio=["a.wav"], columns=columns).utterances
    assert found.span == span


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("offset", "no other time could be .* --map start=offset or --map end=offset"),
        ("begin,offset", "beside 'begin' could be .* start=begin --map end=offset"),
        ("Offset,end", "beside 'end' could be .* --map start=Offset --map end=end"),
        ("start,end,offset", "'start', 'end' could .* --map start=start --map end=end"),
        (
            "end,duration",
            "'end' and 'duration', but no column with the start; name it with",
        ),
    ],
)
def test_unclear_times_are_refused_with_advice(tmp_path, header, reason):
    with pytest.raises(ValueError, match=reason):
        read(tmp_path, f"file,{header}\n")


def test_a_duration_that_contradicts_the_end_is_counted(tmp_path):
    rows = "file,start,end,duration\na.wav,1,2,1\na.wav,2,3,9\na.wav,soon,3,9\n"
    corpus = read(tmp_path, rows, audio=["a.wav"])
    assert [u.span for u in corpus.utterances] == [(1.0, 2.0), (2.0, 3.0)]
    (note,) = reasons(corpus, fatal=False)
    assert note.startswith("the duration is not the time from the start to the end (ro")
    assert "rows: 1" in note


def test_parts_of_a_file_have_their_own_ids(tmp_path):
    rows = "file,start,end\na.wav,0,0.5\na.wav,0.5,1.25\na.wav,1.25,\n"
    found = read(tmp_path, rows, audio=["a.wav"]).utterances
    assert [u.id for u in found] == ["a-0-500", "a-500-1250", "a-1250-end"]


@pytest.mark.parametrize(
    ("rows", "ids"),
    [
        (["voice.ogg", "voice.m4a", "b.wav"], ["voice.ogg", "voice.m4a", "b"]),
        (["a/b.wav", "a-b.wav"], ["a/b.wav", "a-b.wav"]),
        (["a.wav", "a.ogg", "a.wav.mp3"], ["a.wav", "a.ogg", "a.wav.mp3"]),
        (["a.wav,0,1", "a.ogg,1,2"], ["a.wav-0-1000", "a.ogg-1000-2000"]),
        (["a.wav,0,1", "a-0-1000.wav"], ["a.wav-0-1000", "a-0-1000.wav"]),
        (["table-3.wav", ",,,,only text"], ["table-3.wav", "table-3"]),
        (["a.wav", "b.wav,,,a"], ["a.wav", "a"]),
        (["a.wav", "a.wav,,,c", "a.wav,1,2"], ["a", "c", "a-1000-2000"]),
    ],
)
def test_files_of_one_stem_have_their_paths_for_ids(tmp_path, rows, ids):
    files = [row.partition(",")[0] for row in rows]
    lines = [row + "," * (4 - row.count(",")) for row in rows]
    table = "\n".join(["file,start,end,id,text", *lines])
    corpus = read(tmp_path, table + "\n", audio=[file for file in files if file])
    assert [u.id for u in corpus.utterances] == ids
    assert reasons(corpus) == []


@pytest.mark.parametrize("time", ["01:30", "soon", "-1", "1_0", "9" * 400, "nan s"])
def test_a_row_with_a_malformed_time_is_left_out(tmp_path, time):
    rows = f"file,start\na.wav,{time}\nb.wav,1\n"
    corpus = read(tmp_path, rows, audio=["a.wav", "b.wav"])
    assert [u.id for u in corpus.utterances] == ["b-1000-end"]
    (problem,) = corpus.problems
    assert (problem.file, problem.line, problem.fatal) == ("table.csv", 2, True)
    assert f"time '{time}'" in problem.reason


def test_an_end_before_the_start_is_a_problem(tmp_path):
    corpus = read(tmp_path, "file,start,end\na.wav,2,1\n", audio=["a.wav"])
    assert corpus.utterances == ()
    assert "spans 2.0..1.0 s" in reasons(corpus)[0]


@pytest.mark.parametrize("cell", ["good", "inf", "3_5", "3,5"])
def test_only_a_malformed_rating_is_left_out(tmp_path, cell):
    corpus = read(tmp_path, f"text;valence;arousal\nhi;{cell};2\n")
    assert corpus.utterances[0].ratings == {"arousal": 2}
    (problem,) = corpus.problems
    assert (problem.line, problem.id, problem.fatal) == (2, "table-2", True)
    assert problem.reason.startswith(f"valence is left out: rating '{cell}'")


def test_missing_ratings_are_not_reported(tmp_path):
    corpus = read(tmp_path, "text,valence,arousal,dominance\nhi,NaN,,n/a\n")
    assert corpus.utterances[0].ratings == {}
    assert corpus.problems == ()


def test_ratings_outside_the_scale_are_kept_and_counted_once(tmp_path):
    rows = "".join(f"a,{1 + k % 5},{2 + k % 3}\n" for k in range(40))
    corpus = read(tmp_path, f"text,valence,arousal\n{rows}b,5.5,9\n")
    assert corpus.utterances[-1].ratings == {"valence": 5.5, "arousal": 9}
    (note,) = reasons(corpus, fatal=False)
    assert note.startswith("2 of 82 ratings lie outside the scale 1 to 5")
    assert "5.5 is valence of 'table-42', 9 is arousal of 'table-42')" in note
    assert "train clips them to the scale" in note


def test_a_rating_just_outside_the_scale_is_not_rounded_onto_it(tmp_path):
    rows = "".join(f"a,{1 + k % 5}\n" for k in range(40))
    corpus = read(tmp_path, f"text,valence\n{rows}b,5.0000005\n")
    (note,) = reasons(corpus, fatal=False)
    assert "(5.0000005 is valence of 'table-42')" in note


@pytest.mark.parametrize("scale", [(0, 1), (-1, 1), (2, 5)])
def test_a_scale_that_does_not_fit_the_ratings_is_refused(tmp_path, scale):
    rows = "".join(f"a,{1 + k % 5},{2 + k % 3}\n" for k in range(40))
    path = write(tmp_path, f"text,valence,arousal\n{rows}")
    observed = "observed are valence 1 to 5, arousal 2 to 4; state .*--scale LOWEST"
    with pytest.raises(ValueError, match=observed):
        manifest.read(path, scale=scale)


def test_ratings_that_use_half_of_the_scale_are_noted(tmp_path):
    rows = "".join(f"a,{1 + k % 5}\n" for k in range(60))
    path = write(tmp_path, f"text,valence\n{rows}")
    assert manifest.read(path, scale=(1, 8.9)).problems == ()  # more than half of it
    (note,) = manifest.read(path, scale=(0, 100)).problems
    assert not note.fatal
    assert note.reason.startswith("ratings use at most half of the scale 0 to 100")


def test_one_dimension_on_another_scale_is_noted(tmp_path):
    rows = "".join(f"u{i},w,{2 * i},{i % 5 + 1},{i}\n" for i in range(50))
    head = "id,text,valence,arousal,dominance\n"
    (tmp_path / "t.csv").write_text(head + rows)
    (note,) = manifest.read(tmp_path / "t.csv", scale=(0, 100)).problems
    assert "at most a tenth of the scale 0 to 100: observed are arousal 1 to 5" in (
        note.reason
    )
    assert not note.fatal


def test_ratings_on_half_of_a_scale_around_zero_are_noted(tmp_path):
    rows = "".join(f"u{i},w,{i % 5 / 4}\n" for i in range(50))
    (tmp_path / "t.csv").write_text("id,text,valence\n" + rows)
    (note,) = manifest.read(tmp_path / "t.csv", scale=(-1, 1)).problems
    assert "at most half of the scale -1 to 1: observed are valence 0 to 1" in (
        note.reason
    )


def test_ratings_need_a_scale(tmp_path):
    path = write(tmp_path, "text,valence\nhi,3\n")
    with pytest.raises(ValueError, match=r"ratings \(valence\).* --scale 1 5"):
        manifest.read(path)


def test_a_table_without_ratings_needs_no_scale(tmp_path):
    assert manifest.read(write(tmp_path, "text\nhi\n")).scale is None


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("missing.wav", "audio file 'missing.wav' not found"),
        ("/etc/hostname", "'/etc/hostname' is absolute"),
        ("C:\\a.wav", "'C:/a.wav' is absolute"),
        ("wav/../../a.wav", "has '..' in it"),
        ("a\0.wav", "unprintable"),
        ("outside.wav", "leads out of the folder"),
        ("outside/a.wav", "leads out of the folder"),
        ("wav", "not a regular file"),
        ("pipe.wav", "not a regular file"),
    ],
)
def test_audio_must_lie_below_the_table(tmp_path, cell, reason):
    root = tmp_path / "root"
    write(tmp_path, "", name="a.wav")
    write(root, "", name="wav/a.wav", audio=["wav/a.wav"])
    (root / "outside.wav").symlink_to(tmp_path / "a.wav")
    (root / "outside").symlink_to(tmp_path)
    os.mkfifo(root / "pipe.wav")
    corpus = read(root, f"file,text\n{cell},kept\n{cell},\nwav/a.wav,\n")
    assert [u.text for u in corpus.utterances] == ["kept", ""]
    assert [u.audio is None for u in corpus.utterances] == [True, False]
    assert [p.line for p in corpus.problems if p.fatal] == [2, 3]
    assert all(reason in r for r in reasons(corpus))


def test_links_within_the_folder_are_followed(tmp_path):
    write(tmp_path, "", name="a.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)
    write(tmp_path, "file\nb.wav\n")
    assert manifest.read(link).utterances[0].audio == link / "b.wav"


def test_a_row_without_audio_and_text_is_a_problem(tmp_path):
    corpus = read(tmp_path, "id,file,text\nx,,  \n\n,,\ny,,words\n")
    assert [u.id for u in corpus.utterances] == ["y"]
    reason = "row has neither audio nor text"
    assert corpus.problems == (Problem("table.csv", reason, 2, "x"),)


def test_a_repeated_row_is_noted_and_a_contradiction_is_fatal(tmp_path):
    corpus = read(tmp_path, "id,text\nx,one\nx,one\nx,two\n")
    assert [u.text for u in corpus.utterances] == ["one"]
    assert [(p.line, p.fatal) for p in corpus.problems] == [(3, False), (4, True)]


def test_an_impossible_id_is_a_problem(tmp_path):
    corpus = read(tmp_path, f"id,text\n{'x' * 201},one\nb,two\n")
    assert [u.id for u in corpus.utterances] == ["b"]
    assert "must be 1 to 200 characters" in reasons(corpus)[0]


@pytest.mark.parametrize("row", ["x,too,many", "few"])
def test_a_row_of_another_width_is_a_problem(tmp_path, row):
    corpus = read(tmp_path, f'id,text\na,"two\nlines"\n{row}\nb,good\n')
    assert [u.text for u in corpus.utterances] == ["two lines", "good"]
    (problem,) = corpus.problems
    assert problem.line == 4  # counts lines, not rows
    assert "the header has 2" in problem.reason


def test_empty_cells_beyond_the_header_are_harmless(tmp_path):
    corpus = read(tmp_path, "id,text\na,good,,\n,,\n")
    assert [u.text for u in corpus.utterances] == ["good"]
    assert corpus.problems == ()


def test_a_very_long_cell_is_a_problem_not_a_crash(tmp_path):
    corpus = read(tmp_path, f"id,text\na,{'x' * 200_000}\nb,good\n")
    assert [u.id for u in corpus.utterances] == ["b"]
    assert "row is not readable: field larger" in reasons(corpus)[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_detected_from_the_header(tmp_path, delimiter):
    text = f'id{delimiter}text\na{delimiter}"one; two, three\tfour"\n'
    (found,) = read(tmp_path, text).utterances
    assert found.transcript == "one; two, three\tfour"


def test_a_table_of_one_column_is_read(tmp_path):
    corpus = read(tmp_path, "text\nhello\nworld\n")
    assert [u.text for u in corpus.utterances] == ["hello", "world"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_with_byte_order_marks_are_read(tmp_path, encoding):
    corpus = read(tmp_path, "text\r\nçok iyi\r\n", encoding=encoding)
    assert [u.text for u in corpus.utterances] == ["çok iyi"]
    assert corpus.problems == ()


def test_an_encoding_other_than_utf_8_is_noted(tmp_path):
    corpus = read(tmp_path, "text\nplain\ndéjà\n", encoding="cp1252")
    assert [u.text for u in corpus.utterances] == ["plain", "déjà"]
    (note,) = corpus.problems
    assert (note.line, note.fatal) == (3, False)
    assert "not in UTF-8, so read as cp1252" in note.reason


@pytest.mark.parametrize("end", ["", "\n", "\nmore\n"])
def test_the_line_that_is_not_in_utf_8_is_named(tmp_path, end):
    # in UTF-8, the byte of Ã begins a character that does not end here
    corpus = read(tmp_path, f"text\nplain\nÃ{end}", encoding="cp1252")
    assert [p.line for p in corpus.problems] == [3]
    assert corpus.utterances[1].text == "Ã"


def test_equal_values_of_rows_share_one_object(tmp_path):
    rows = "id,file,text,speaker,valence\na,a.wav,so it is,ann,3.5\n"
    rows += "b,a.wav,so  it is,ann,3.5\n"
    one, two = read(tmp_path, rows, audio=["a.wav"]).utterances
    assert one.audio is two.audio
    assert one.speaker is two.speaker
    assert one.ratings["valence"] is two.ratings["valence"]
    assert one.text is one.transcript
    assert (two.text, two.transcript) == ("so it is", "so  it is")


def test_an_unknown_encoding_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"text\n\x81\xff\n")
    with pytest.raises(ValueError, match="t.csv is neither in UTF-8 nor in cp1252"):
        manifest.read(tmp_path)


def test_a_role_can_be_mapped_to_a_column(tmp_path):
    text = "transcript,Mean_V,v,who\nhi,2,4,ann\n"
    columns = {"valence": "mean_v", "speaker": "who"}
    (found,) = read(tmp_path, text, columns=columns).utterances
    assert (found.ratings, found.speaker) == ({"valence": 2}, "ann")


def test_a_role_can_be_left_out(tmp_path):
    text = "text,transcription,v\nhi,ho,4\n"
    columns = {"valence": "", "text": "transcription"}
    (found,) = read(tmp_path, text, columns=columns).utterances
    assert (found.text, found.ratings) == ("ho", {})


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({}, "columns 'val' and 'V' are all read as valence"),
        ({"valence": "mean"}, "no columns 'mean' for the role valence.*text, val, V"),
        ({"anger": "val"}, "no role 'anger'.*choose from id, file"),
        ({"valence": "V", "text": ""}, "neither a column of audio files nor one of"),
    ],
)
def test_unclear_columns_are_refused(tmp_path, columns, reason):
    with pytest.raises(ValueError, match=reason):
        read(tmp_path, "text,val,V\nhi,1,2\n", columns=columns)


def test_splits_have_one_spelling_and_make_the_protocol_official(tmp_path):
    names = ["Training", "Validation", "Development", "val", "Test1", "Test3", "Extra"]
    rows = "".join(f"hi,{name}\n" for name in names)
    corpus = read(tmp_path, f"text,Split_Set\n{rows}")
    found = [u.split for u in corpus.utterances]
    assert found == ["train", "dev", "dev", "dev", "test", "test3", "extra"]
    assert corpus.protocol == "official"


@pytest.mark.parametrize(
    ("names", "splits", "note"),
    [
        (
            "train dev eval",
            "train dev test",
            "split 'eval' is read as test, because th",
        ),
        (
            "train test Eval",
            "train test dev",
            "split 'eval' is read as dev, because th",
        ),
        ("Training testing", "train test", ""),
        (
            "train 2",
            "train 2",
            "splits whose names are not known: '2' (rows: 1); proto",
        ),
        ("train eval", "train eval", "splits whose names are not known: 'eval' (rows"),
        ("train dev", "train dev", ""),
    ],
)
def test_other_names_of_splits_keep_the_protocol_official(
    tmp_path, names, splits, note
):
    rows = "".join(f"hi,{name},{i}\n" for i, name in enumerate(names.split()))
    corpus = read(tmp_path, f"text,split,speaker\n{rows}")
    assert " ".join(u.split for u in corpus.utterances) == splits
    assert corpus.protocol == "official"  # it was speakers, without a word
    found = reasons(corpus, fatal=False)
    assert len(found) == bool(note)
    assert "".join(found).startswith(note)


def test_speakers_with_several_splits_are_noted(tmp_path):
    rows = "a,train,Ann\nb,dev, ANN\nc,test,Bo\nd,other,Bo\ne,,Cy\nf,test,Cy\n"
    corpus = read(tmp_path, f"text,split,speaker\n{rows}")
    (note,) = [r for r in reasons(corpus, fatal=False) if "speakers with rows" in r]
    assert note.startswith(
        "speakers with rows in several splits: 1 of 3, such as 'Ann' in train, dev; "
    )
    assert "--map split=" in note


def test_recordings_with_several_splits_are_noted(tmp_path):
    files = ["a/x.wav", "b/x.wav", "c.wav"]  # of the first two, only the name is equal
    rows = "a/x.wav,0,1,train\nb/x.wav,0,1,test\nc.wav,0,1,test\nc.wav,1,2,train\n"
    corpus = read(tmp_path, f"file,start,end,split\n{rows}", audio=files)
    (note,) = reasons(corpus, fatal=False)
    assert note.startswith(
        "recordings with rows in several splits: 1 of 3, such as 'c.wav' in train, tes"
    )


def test_speakers_with_one_split_each_need_no_note(tmp_path):
    corpus = read(tmp_path, "text,split,speaker\na,train,A\nb,train,A\nc,test,B\n")
    assert corpus.problems == ()


def test_a_single_split_is_noted_and_not_official(tmp_path):
    corpus = read(tmp_path, "text,split,speaker\nhi,train,A\nho,train,B\n")
    assert corpus.protocol == "speakers"
    (note,) = reasons(corpus, fatal=False)
    assert note.startswith("every row with a split is of 'train', so")


@pytest.mark.parametrize("name", ["?", "-", "-99", "unk", "Undefined", "x"])
def test_placeholders_of_speakers_are_kept_with_a_note(tmp_path, name):
    corpus = read(tmp_path, f"text,speaker\nhi,{name}\nho,B\n")
    assert [u.speaker for u in corpus.utterances] == [name, "B"]
    (note,) = reasons(corpus, fatal=False)
    assert note.startswith(f"'{name}' is read as the name of a speaker (rows: 1)")


def test_a_speaker_for_every_row_is_noted(tmp_path):
    rows = [f"text {k},speaker {k}\n" for k in range(20)]
    assert read(tmp_path, "text,speaker\n" + "".join(rows[1:])).problems == ()
    (note,) = reasons(read(tmp_path, "text,speaker\n" + "".join(rows)), fatal=False)
    assert note.startswith("every row has another speaker (rows: 20); if the column")


def test_ids_that_are_sentences_are_noted_if_no_text_is_read(tmp_path):
    rows = "We will see. 1,a.wav\nYou came back. 2,b.wav\nc,c.wav\n"
    files = ["a.wav", "b.wav", "c.wav"]
    corpus = read(tmp_path, f"utterance,file\n{rows}", audio=files)
    (note,) = reasons(corpus, fatal=False)
    said = "ids look like sentences, such as 'We will see. 1' (rows: 2), and"
    assert note.startswith(said)
    assert "--map id= --map text=COLUMN" in note
    mapped = {"id": "", "text": "utterance"}
    assert read(tmp_path, f"utterance,file\n{rows}", columns=mapped).problems == ()
    numbered = "Speaker 1 clip 2,a.wav\nSpeaker 1 clip 3,b.wav\n"
    assert read(tmp_path, f"id,file\n{numbered}").problems == ()


def test_a_row_for_each_rater_is_answered_with_columns_of_raters(tmp_path):
    rows = "file,valence\na.wav,1\na.wav,3\n"
    corpus = read(tmp_path, rows, audio=["a.wav"])
    (reason,) = reasons(corpus)
    assert reason.startswith("an earlier row has the same id and other ratings, so ")
    assert "--map valence=RATER1,RATER2" in reason
    corpus = read(
        tmp_path,
        "id,file,valence\nx,a.wav,1\ny,a.wav,3\nz,b.wav,3\n",
        audio=["a.wav", "b.wav"],
    )
    (note,) = reasons(corpus, fatal=False)
    assert "such as 'a.wav', under different ids (rows: 2, parts: 1)" in note
    assert "if they are parts of it, add the columns start and end; if each" in note
    assert "--map valence=RATER1,RATER2" in note


def test_two_ratings_from_one_column_are_refused(tmp_path):
    columns = {"valence": "v", "arousal": "v"}
    with pytest.raises(ValueError, match="valence and arousal are both read from col"):
        read(tmp_path, "text,v\nhi,2\n", columns=columns)


def test_the_word_unknown_is_not_a_speaker(tmp_path):
    corpus = read(tmp_path, "text,speaker\nhi,Unknown\nho,\n")
    assert [u.speaker for u in corpus.utterances] == ["", ""]


@pytest.mark.parametrize("name", ["NA", "Na", "Null", "None", "null", "Nan", "Nat"])
@pytest.mark.parametrize("role", ["speaker", "session", "dialogue"])
def test_words_such_as_none_are_names_with_a_note(tmp_path, role, name):
    corpus = read(tmp_path, f"text,{role}\nhi,{name}\nho,{name}\nha,B\nhe,\n")
    assert [getattr(u, role) for u in corpus.utterances] == [name, name, "B", ""]
    (note,) = reasons(corpus, fatal=False)
    assert note.startswith(f"'{name}' is read as the name of a {role} (rows: 2)")


@pytest.mark.parametrize("word", ["nan", "NaN", "NaT", "<NA>", "n/a", "N/A", "unknown"])
def test_markers_of_missing_values_are_not_names(tmp_path, word):
    corpus = read(tmp_path, f"text,speaker\nhi,{word}\nho,A\n")
    assert [u.speaker for u in corpus.utterances] == ["", "A"]
    assert corpus.problems == ()


def test_unknown_codes_of_sex_and_scripted_are_counted(tmp_path):
    rows = "text,sex,scripted\na,w,1\nb,w,maybe\nc,F,\nd,unknown,no\ne,NA,0\n"
    corpus = read(tmp_path, rows)
    assert [u.sex for u in corpus.utterances] == ["", "", "F", "", ""]
    one, other = reasons(corpus, fatal=False)
    assert one.startswith("sex is not read where it is 'w' (rows: 2); write one of f")
    assert other.startswith("scripted is not read where it is 'maybe' (rows: 1)")


def test_an_audformat_folder_with_splits_as_tables(tmp_path):
    write(tmp_path, "", name="db.yaml")
    write(tmp_path, "not,a,table\n", name="notes.csv")
    write(tmp_path, "speaker,age\nann,30\n", name="db.speaker.csv")
    for split in ("train", "test"):
        times = "0 days 00:00:00,0 days 00:00:01"
        text = f"file,start,end,valence\n{split}.wav,{times},2\n"
        name = f"db.emotion.{split}.gold_standard.csv"
        write(tmp_path, text, name=name, audio=[f"{split}.wav"])
    corpus = manifest.read(tmp_path, table="emotion", scale=(1, 5), name="Mine!")
    assert [u.id for u in corpus.utterances] == ["test-0-1000", "train-0-1000"]
    assert [u.split for u in corpus.utterances] == ["test", "train"]
    assert (corpus.protocol, corpus.name) == ("official", "Mine")


def test_a_folder_of_splits_is_one_table(tmp_path):
    for split in ("train", "devel", "test"):
        write(tmp_path, f"id,text\n{split},hi\n", name=f"{split}.tsv")
    corpus = manifest.read(tmp_path)
    assert {u.id: u.split for u in corpus.utterances} == {
        "train": "train",
        "devel": "dev",
        "test": "test",
    }


@pytest.mark.parametrize("table", ["b", "b.csv", "db.b"])
def test_a_table_is_chosen_by_name(tmp_path, table):
    write(tmp_path, "text\nA\n", name="a.csv")
    write(tmp_path, "text\nB\n", name="b.csv")
    assert manifest.read(tmp_path, table=table).utterances[0].text == "B"


@pytest.mark.parametrize(
    ("files", "table", "reason"),
    [
        (["a.csv", "b.tsv"], "", "has the tables a, b; name one"),
        (["a.csv", "b.csv"], "c", "there is no 'c'"),
        (["e.dev.csv", "e.val.csv"], "e", "several tables for one split: e.dev, e.val"),
        (["e.csv", "e.test.csv"], "", "several tables for one split: e, e.test"),
        (["a.csv", "a.tsv"], "", "two tables of one name, a.csv and a.tsv; give"),
        (["a.csv", "db.a.csv"], "a", "two tables of one name, a.csv and db.a.csv"),
        (["db.files.parquet"], "", "only parquet tables.*save them as CSV"),
    ],
)
def test_an_ambiguous_choice_of_tables_is_refused(tmp_path, files, table, reason):
    for name in files:
        write(tmp_path, "text\nhi\n", name=name)
    with pytest.raises(ValueError, match=reason):
        manifest.read(tmp_path, table=table)


def test_a_file_is_one_table(tmp_path):
    with pytest.raises(ValueError, match="is one table, so 'b' cannot be chosen"):
        read(tmp_path, "text\nhi\n", table="b")


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_table_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="table.csv is empty"):
        read(tmp_path, text)


def test_an_empty_folder_is_refused(tmp_path):
    write(tmp_path, "hidden by the dot", name="._table.csv")
    with pytest.raises(FileNotFoundError, match=f"no table in {tmp_path}"):
        manifest.read(tmp_path)


def test_options_take_precedence_over_the_sidecar(tmp_path):
    stated = {"nature": "proxy", "scale": [1, 7], "map": {"valence": "one"}}
    (tmp_path / SIDECAR).write_text(json.dumps(stated))
    path = write(tmp_path, "text,one,two\nhi,3,4\n")
    corpus = manifest.read(path)
    assert (corpus.nature, corpus.scale) == ("proxy", (1, 7))
    assert corpus.utterances[0].ratings == {"valence": 3}
    corpus = manifest.read(path, scale=(0, 9), columns={"valence": "two"})
    assert corpus.scale == (0, 9)
    assert corpus.utterances[0].ratings == {"valence": 4}


@pytest.mark.parametrize(
    "stated", ['{"scale": 5}', '{"scale": [1, 3, 5]}', '{"map": ["v"]}', "[]", "{"]
)
def test_an_invalid_sidecar_is_refused(tmp_path, stated):
    (tmp_path / SIDECAR).write_text(stated)
    with pytest.raises(ValueError, match=f"{SIDECAR} may hold"):
        read(tmp_path, "text\nhi\n")


def test_the_sample_has_every_kind_of_row(tmp_path):
    manifest.sample(tmp_path)
    found = manifest.read(tmp_path).utterances
    assert len({u.speaker for u in found}) == 6
    assert sum(u.audio is None for u in found) == 6
    assert sum(u.text == "" for u in found) == 6
    assert {u.span for u in found if u.speaker == "ann"} == {
        None,
        (0.0, 0.5),
        (0.5, 1.0),
        (1.0, 1.5),
        (1.5, None),
    }


def texts(corpus):
    return [u.text for u in corpus.utterances]


def tsv(*rows, header="id\ttext\tvalence"):
    return "".join("\t".join(row) + "\n" for row in (header.split("\t"), *rows))


def six(**opened):
    """Return six rows; some have the given text."""
    rows = [(letter, opened.get(letter, "well"), "3") for letter in "abcdef"]
    return rows, [text for _, text, _ in rows]


@pytest.mark.parametrize(
    "opened",
    [
        {"b": '"No, I said'},  # swallowed all rows to the end
        {"b": '"No, I said', "d": '"Yes'},  # swallowed the rows between them
        {"b": '"No, I said', "d": 'she said yes"'},  # a whole quoted cell, by chance
        {"b": '"No", I said'},  # lost its marks
        {"b": '"', "f": '"'},
        {"a": '"No', "c": '5" wide'},
    ],
)
@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_an_unclosed_quotation_mark_swallows_no_row(tmp_path, opened, delimiter):
    rows, wanted = six(**opened)
    corpus = read(tmp_path, tsv(*rows).replace("\t", delimiter))
    assert texts(corpus) == wanted
    assert all(u.ratings == {"valence": 3} for u in corpus.utterances)
    (note,) = reasons(corpus, fatal=False)
    count = sum(text.startswith('"') for text in opened.values())
    assert note.startswith("a cell begins with a quotation mark that is part")
    assert f"(rows: {count}, at line " in note
    assert reasons(corpus) == []


def test_a_quotation_mark_before_a_comma_affects_only_its_row(tmp_path):
    rows, wanted = six(b='"No, I said', d='yes"')
    corpus = read(tmp_path, tsv(*rows).replace("\t", ","))
    assert texts(corpus) == [text for text in wanted if text != '"No, I said']
    (problem,) = [p for p in corpus.problems if p.fatal]
    assert (problem.line, problem.reason[:15]) == (3, "row has 4 cells")


def test_many_rows_after_an_unclosed_quotation_mark_are_read(tmp_path):
    """The csv module would read one cell that exceeds its limit."""
    rows = [("a", '"No', "3"), *((f"b{k}", "well " * 20, "2") for k in range(3000))]
    corpus = read(tmp_path, tsv(*rows))
    assert len(corpus.utterances) == 3001
    assert reasons(corpus) == []


@pytest.mark.parametrize(
    "text", ["one\nother", "one, or\n\nother, two", 'a "b"\nc', "one\r\nother", "\na"]
)
def test_a_quoted_cell_may_have_line_breaks(tmp_path, text):
    quoted = text.replace('"', '""')
    corpus = read(tmp_path, f'id,text,valence\na,"{quoted}",3\nb,"x ""y""",2\n')
    assert [u.transcript for u in corpus.utterances] == [text, 'x "y"']
    assert corpus.problems == ()


def test_lines_that_could_be_rows_are_noted(tmp_path):
    corpus = read(tmp_path, 'text\n"One\nother"\nlast\n')
    assert texts(corpus) == ["One other", "last"]
    (note,) = reasons(corpus, fatal=False)
    assert note.startswith("one row of several lines")
    assert "at line 2" in note

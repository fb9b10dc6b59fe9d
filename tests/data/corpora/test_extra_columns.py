"""Columns without a role, which readers, cache and run folders keep."""

import csv
import dataclasses
import io
import json
import sys

import pytest
from click.testing import CliRunner
from learnable_corpus import corpus, embeddings

from affuse import cli
from affuse.data import extra_columns
from affuse.data.cache import corpus_table, store
from affuse.data.corpora import emobank, iemocap, manifest
from affuse.data.reading import corpus_checks, corpus_csv
from affuse.data.records import NO_COLUMNS, Utterance
from affuse.data.runs import fold_table
from affuse.data.runs.run_predictions import finished_runs, read_run
from affuse.data.tables import unread_columns
from affuse.fuse.commands import design_training
from affuse.fuse.settings import Settings

HEADER = "id,text,speaker,language,Emotion\n"
ROWS = "a,one,ann,de, sad \nb,two,ben,en,happy\nc,three,cleo,de,NaN\n"


def read(folder, text, **options):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.csv").write_text(text, encoding="utf-8")
    return manifest.read(folder, **options)


def reasons(corpus):
    assert not any(problem.fatal for problem in corpus.problems)
    return [problem.reason for problem in corpus.problems]


def test_a_column_without_a_role_is_kept_as_text(tmp_path):
    found = read(tmp_path, HEADER + ROWS)
    assert [u.columns for u in found.utterances] == [
        {"language": "de", "Emotion": "sad"},
        {"language": "en", "Emotion": "happy"},
        {"language": "de"},
    ]
    assert found.problems == ()


def test_a_column_with_a_role_is_not_kept_as_text(tmp_path):
    found = read(tmp_path, HEADER + ROWS, columns={"session": "language"})
    assert found.utterances[0].session == "de"
    assert found.utterances[0].columns == {"Emotion": "sad"}


@pytest.mark.parametrize(
    ("header", "cells", "reason"),
    [
        ("comment", ["short", "x" * 101], "a value is longer than 100 characters"),
        ("n" * 61, ["a", "b"], "the name is longer than 60 characters"),
        ("empty", ["", "nan"], "no row has a value"),
        ("flags", ["a", "b"], "the name means flags, which is not read from it"),
        ("code", [str(k) for k in range(1_001)], "more than 1,000 values differ"),
    ],
)
def test_columns_that_are_not_kept_are_noted_with_the_reason(
    tmp_path, header, cells, reason
):
    rows = "".join(f"row {k},{cell},de\n" for k, cell in enumerate(cells))
    found = read(tmp_path, f"text,{header},language\n{rows}")
    assert {tuple(u.columns) for u in found.utterances} == {("language",)}
    (note,) = reasons(found)
    assert note.startswith(f"1 column not kept, because {reason}: '{header[:60]}")


def test_a_second_transcript_column_is_not_kept(tmp_path):
    found = read(
        tmp_path, "text,sentence\none,eins\n", columns={"text": "text", "file": ""}
    )
    assert found.utterances[0].columns == {}
    assert "the name means text, which is not read from it" in reasons(found)[0]


def test_a_column_of_a_repeated_name_is_not_kept_twice(tmp_path):
    found = read(tmp_path, "text,tag,Tag\none,a,b\n")
    assert found.utterances[0].columns == {"tag": "a"}
    assert "another column of the table has the same name: 'Tag'" in reasons(found)[0]


def test_the_first_of_several_columns_of_a_name_is_kept(tmp_path):
    found = read(tmp_path, "text,tag,tag,tag\none,a,b,c\n")
    assert found.utterances[0].columns == {"tag": "a"}
    (note,) = reasons(found)
    assert note.startswith("2 columns not kept, because another column of the table")
    assert note.endswith("'tag (column 3)', 'tag (column 4)'")


def test_there_is_a_limit_on_the_number_of_columns(tmp_path):
    names = [f"c{k}" for k in range(120)]
    cells = ",".join("x" * 120)
    found = read(tmp_path, f"text,{','.join(names)}\none,{cells}\n")
    assert list(found.utterances[0].columns) == names[:16]
    first, second = reasons(found)
    assert first.startswith("20 columns not kept, because only the first 100 columns")
    assert second.startswith("84 columns not kept, because at most 16 columns are kept")
    assert second.endswith("'c25' and 74 more")


def test_all_tables_of_a_corpus_keep_the_same_columns(tmp_path):
    (tmp_path / "train.csv").write_text(f"text,tag,c\none,a,{'x' * 101}\n")
    (tmp_path / "test.csv").write_text("text,c,tag\ntwo,y,b\n")
    found = manifest.read(tmp_path)
    assert {u.split: u.columns for u in found.utterances} == {
        "train": {"tag": "a"},
        "test": {"tag": "b"},
    }
    assert len(found.problems) == 1


def test_rows_that_differ_only_in_extra_columns_are_repetitions(tmp_path):
    found = read(tmp_path, "id,text,rater\nx,one,r1\nx,one,r2\nx,two,r1\n")
    assert [u.columns for u in found.utterances] == [{"rater": "r1"}]
    assert [(p.line, p.fatal) for p in found.problems] == [(3, False), (4, True)]
    assert "repeats an earlier one but for 'rater'" in found.problems[0].reason


def test_control_characters_in_columns_are_escaped(tmp_path):
    found = read(tmp_path, "text,t\x1bg\none,a\x1b[2J\n")
    assert found.utterances[0].columns == {"t\\x1bg": "a\\x1b[2J"}


def test_rows_with_equal_columns_share_one_object(tmp_path):
    one, two, three = read(
        tmp_path, "text,language\none,de\ntwo,de\nthree,en\n"
    ).utterances
    assert one.columns is two.columns
    assert one.columns is not three.columns
    assert Utterance("a").columns is NO_COLUMNS


def test_the_memory_of_a_row_with_many_columns_is_limited(tmp_path):
    names = [f"c{k}" for k in range(16)]
    rows = "".join(
        f"text {k},{','.join(str((k * j) % 997) for j in range(1, 17))}\n"
        for k in range(2_000)
    )
    found = read(tmp_path, f"text,{','.join(names)}\n{rows}")
    sizes = {id(u.columns): sys.getsizeof(u.columns) for u in found.utterances}
    values = {id(v): sys.getsizeof(v) for u in found.utterances
              for v in u.columns.values()}  # fmt: skip
    assert (sum(sizes.values()) + sum(values.values())) / len(found.utterances) < 800


def test_the_cache_keeps_the_columns(tmp_path):
    found = read(tmp_path / "corpus", HEADER + ROWS)
    corpus_table.save(found, tmp_path / "cache")
    kept = corpus_table.load(tmp_path / "cache", found.name)
    assert [u.columns for u in kept.utterances] == [u.columns for u in found.utterances]
    assert kept.utterances[2].columns is not NO_COLUMNS
    bare = read(tmp_path / "bare", "id,text\na,one\n", name="bare")
    text = corpus_table.save(bare, tmp_path / "cache").read_text(encoding="utf-8")
    assert "columns" not in text
    assert corpus_table.load(tmp_path / "cache", "bare").utterances[0].columns == {}


def test_new_columns_do_not_encode_a_corpus_again(tmp_path):
    path = tmp_path / "own.csv"
    words = ["extract", "manifest", str(path), "--cache", str(tmp_path / "cache")]
    words += ["--text-checkpoint", "tiny", "--threads", "1"]
    path.write_text("id,text\na,one\nb,two\n", encoding="utf-8")
    assert CliRunner().invoke(cli.main, words).exit_code == 0
    (before,) = store.find(tmp_path / "cache")
    parts = {p: p.stat().st_mtime_ns for p in before.path.iterdir()}
    path.write_text("id,text,language\na,one,de\nb,two,en\n", encoding="utf-8")
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == 0, result.output
    (after,) = store.find(tmp_path / "cache")
    assert after.recipe == before.recipe
    assert {p: p.stat().st_mtime_ns for p in after.path.iterdir()} == parts
    kept = corpus_table.load(tmp_path / "cache", "own")
    assert [u.columns["language"] for u in kept.utterances] == ["de", "en"]


def test_check_and_utterances_show_the_columns(tmp_path):
    found = read(tmp_path, HEADER + ROWS)
    assert corpus_checks.facts(found, ())["columns"] == {
        "language": {"de": 2, "en": 1},
        "Emotion": {"happy": 1, "sad": 1},
    }
    shown = "\n".join(corpus_checks.lines(found, ()))
    kept = "kept as text, for report --by: "
    assert f"{kept}language (2 values), Emotion (2 values)" in shown
    assert shown.count(kept) == 1
    file = io.StringIO()
    corpus_csv.write_csv(found, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert [(r["language"], r["Emotion"]) for r in rows] == [
        ("de", "sad"),
        ("en", "happy"),
        ("de", ""),
    ]


def test_a_run_folder_keeps_the_columns(tmp_path):
    found = corpus()
    named = tuple(
        dataclasses.replace(u, columns={"a,b": "x\ny"} if row % 2 else {})
        for row, u in enumerate(found.utterances)
    )
    design_training.run(
        dataclasses.replace(found, utterances=named),
        embeddings(),
        fusion="ridge",
        settings=Settings(),
        seeds=[0],
        runs=tmp_path,
        progress=False,
    )
    (run,) = map(read_run, finished_runs(tmp_path))
    assert {(int(row.id[1:]) % 2, *row.columns.items()) for row in run.folds} == {
        (0,),
        (1, ("a,b", "x\ny")),
    }
    first = (run.path / "folds.csv").read_text(encoding="utf-8").splitlines()[0]
    assert first.endswith(',sex,session,"column:a,b"')
    assert len({row.recording for row in run.folds}) == 1


def test_folds_with_a_very_long_header_are_refused(tmp_path):
    fold_table.write_folds(tmp_path, [fold_table.FoldRow("5", "test", "a")])
    path = tmp_path / "folds.csv"
    path.write_text(f"fold,{'x' * 200_000}\n")
    with pytest.raises(ValueError, match="folds.csv"):
        fold_table.read_folds(tmp_path)


def test_the_released_class_of_iemocap_is_a_column(tmp_path):
    iemocap.sample(tmp_path)
    utterances = iemocap.read(tmp_path).utterances
    assert {f"category={u.columns['emotion']}" for u in utterances} == {
        u.flags[0] for u in utterances
    }


META = "id\tdocument\tcategory\tsubcategory\n"


def test_emobank_keeps_the_columns_of_meta_tsv(tmp_path):
    (tmp_path / emobank.TABLE).write_text(
        "id,split,V,A,D,text\na,train,1,2,3,hi\nb,test,1,2,3,ho\n", encoding="utf-8"
    )
    assert emobank.read(tmp_path).utterances[0].columns == {}
    (tmp_path / emobank.META).write_text(f"{META}a\tdoc\tblog\t \nx\td\tb\t\n")
    found = emobank.read(tmp_path)
    columns = [u.columns for u in found.utterances]
    assert columns == [{"document": "doc", "category": "blog"}, {}]
    assert reasons(found) == [
        "1 column not kept, because no row has a value: 'subcategory'",
        "utterances without a line: 1, such as b",
    ]
    (tmp_path / emobank.META).write_text("name\na\n")
    with pytest.raises(ValueError, match=r"meta.tsv has no column id, only name"):
        emobank.read(tmp_path)


def test_counts_are_by_column_and_value():
    found = [Utterance("a", columns={"x": "1"}), Utterance("b", columns={"x": "1"})]
    assert extra_columns.counts(found) == {"x": {"1": 2}}
    assert json.dumps(extra_columns.counts(found)) == '{"x": {"1": 2}}'


def test_aliases_of_roles_cannot_name_extra_columns():
    assert unread_columns.TAKEN["transcript"] == "text"
    assert unread_columns.TAKEN["gender"] == "sex"

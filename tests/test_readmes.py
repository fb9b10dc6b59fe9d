"""Every fenced command of the READMEs works on a small part of the demo corpus.

The fences of one document are executed in order, in one folder and in this process. A
comment before a fence marks an exception:

    <!-- needs: IEMOCAP -->   the commands are not executed, because they need IEMOCAP
    <!-- file: own.csv -->    the fence shows this file, or the beginning of the file

The test of the estimator executes the Python code of fuse/README.md. Long documents and
the quick start on the whole corpus are slow tests (`make test-slow`). Options of all
commands are checked in tests/test_documents.py.
"""

import csv
import dataclasses
import glob
import json
import re
import runpy
import shlex
import shutil
import subprocess
from collections import Counter

import pytest
import soundfile
from click.testing import CliRunner
from readme_documents import DOCUMENTS, ROOT, arguments_of, fences, text_of

from affuse import cli
from affuse.data.corpora import demo
from affuse.fuse.settings import Settings

RATE = 16_000  # Hz
# Documents that take ten seconds of processor time or more.
LONG = {"README.md", "extract/README.md", "fuse/README.md"}
START = "make extract\n"  # first line of the quick start


def make_recipe(words):
    """Return the commands of a make target, to execute them in this process."""
    dry = ["make", "--dry-run", "PYTHON=python", "RUN=python", *words[1:]]
    done = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.replace("\\\n", " ").splitlines()
    recipe = [shlex.split(line) for line in lines if line.startswith("python cli.py ")]
    assert recipe, done.stdout
    return recipe


def execute(fence):
    """Execute each command of a fence in the current folder; return its output."""
    printed = []
    for words in fence.commands():
        assert words[0] in {"make", "affuse", "python"}, f"no way to execute {words}"
        for command in make_recipe(words) if words[0] == "make" else [words]:
            arguments = [
                path
                for word in arguments_of(command)
                for path in sorted(glob.glob(word)) or [word]
            ]
            done = CliRunner().invoke(cli.main, arguments, prog_name="affuse")
            assert done.exit_code == 0, f"{command}\n{done.output}\n{done.exception!r}"
            printed.append(done.stdout)
    return "".join(printed)


WHOLE = {"ROOT": demo.ROOT, "SIZES": demo.SIZES}  # of the whole demo corpus


def rows_of(table):
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def small_table():
    """Return 6 improvised and 3 scripted rows of each session of the demo corpus."""
    rows, counts = [], Counter()
    for row in rows_of(demo.ROOT / demo.TABLE):
        counts[row["session"], row["scripted"]] += 1
        if counts[row["session"], row["scripted"]] <= (6, 3)[row["scripted"] == "1"]:
            rows.append(row)
    return rows


def write(table, rows, columns):
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def small_demo(tmp_path_factory):
    """Replace the demo corpus by a small part of it."""
    root, rows = tmp_path_factory.mktemp("demo"), small_table()
    write(root / demo.TABLE, rows, rows[0])
    shutil.copy(demo.ROOT / "affuse.json", root)
    made = json.loads((demo.ROOT / demo.MADE).read_text())
    files = {row["file"] for row in rows}
    made["recordings"] = {f: d for f, d in made["recordings"].items() if f in files}
    (root / demo.MADE).write_text(json.dumps(made))
    (root / "audio").mkdir()
    for file in files:
        shutil.copy(demo.ROOT / file, root / file)
    sizes = {
        "utterances": len(rows),
        "scripted": sum(row["scripted"] == "1" for row in rows),
        "speakers": len({row["speaker"] for row in rows}),
        "sessions": len({row["session"] for row in rows}),
    }
    assert sizes.keys() == demo.SIZES.keys()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "ROOT", root)
        patch.setattr(demo, "SIZES", sizes)
        yield root


@pytest.fixture
def quick(monkeypatch):
    """Make three epochs the default, so that commands need no option for it."""
    usual = Settings.__init__.__defaults__
    names = [field.name for field in dataclasses.fields(Settings)]
    defaults = dict(zip(names, usual, strict=True)) | {"epochs": 3}
    monkeypatch.setattr(Settings.__init__, "__defaults__", (*defaults.values(),))
    assert Settings().epochs == 3


@pytest.fixture(scope="module")
def encoded_once(small_demo, tmp_path_factory):
    """Cache that the first command of the quick start extracts."""
    folder = tmp_path_factory.mktemp("encoded")
    (fence,) = [
        f for f in fences("README.md") if f.content.startswith("make extract\n")
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        first = fence._replace(content=START)
        execute(first)
    return folder


def record(folder, files, rows):
    """Write the recordings of a table; each file is an utterance of the demo."""
    for name, row in zip(files, rows, strict=False):
        span = [int(float(row[end]) * RATE) for end in ("start", "end")]
        sound, rate = soundfile.read(
            demo.ROOT / row["file"], start=span[0], stop=span[1]
        )
        assert rate == RATE
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, sound, rate)


def prepare(fence, folder):
    """Write a table that a document shows; add rows if the table has ratings."""
    table = folder / fence.subject
    table.write_text(fence.content, encoding="utf-8")
    shown, demo_rows = rows_of(table), small_table()
    improvised = [row for row in demo_rows if row["scripted"] == "0"]
    scripted = [row for row in demo_rows if row["scripted"] == "1"]
    if "valence" in shown[0]:
        more = small_table()[:: 60 // 30]
        names = [{"file": f"recordings/{k + 1:03}.wav"} for k in range(len(more))]
        rows = [row | name for row, name in zip(more, names, strict=True)]
        assert [row["file"] for row in shown] == [
            n["file"] for n in names[: len(shown)]
        ]
        write(table, rows, shown[0])
        record(folder, [row["file"] for row in rows], improvised)
    else:  # other recordings, on which no model is trained
        record(folder, [row["file"] for row in shown], scripted)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in LONG else name
        for name in DOCUMENTS
    ],
)
def test_the_commands_of_a_document_succeed(
    document, encoded_once, quick, tmp_path, monkeypatch
):
    shutil.copytree(encoded_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names = {}
    for fence in fences(document):
        if fence.mark == "file":
            prepare(fence, tmp_path)
        elif fence.language == "sh" and not fence.mark:
            execute(fence)
        elif fence.language == "python" and document == "README.md":
            exec(fence.content, names)
    if document == "README.md":
        predictions = rows_of(tmp_path / "predictions.csv")
        assert [row["file"] for row in predictions] == [
            row["file"] for row in rows_of(tmp_path / "texts.csv")
        ]
        assert {row["reason"] for row in predictions} == {""}
        assert names["result"][0].text == "Notice the pattern."
        assert len(names["model"].predict(names["data"].X)) == len(names["data"].ids)


# The quick start on the whole corpus


def figures(text):
    return [float(number) for number in re.findall(r"[-−]?\d*\.\d+|\d+", text)]


def wording(text):
    """Return a text without its figures and without the name of the program."""
    text = re.sub(r"(?<=next: ).*?(?=train|report)", "", text)
    return " ".join(re.sub(r"[-−]?\d*\.\d+|\d+", "#", text).split())


@pytest.mark.slow
def test_the_readme_shows_what_the_quick_start_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in WHOLE.items():  # `small_demo` may have replaced them
        monkeypatch.setattr(demo, name, value)
    document = fences("README.md")
    (start,) = [f for f in document if f.content.startswith(START)]
    shown = document[document.index(start) + 1]
    printed = [line for line in execute(start).splitlines() if line.strip()]
    for line in shown.content.splitlines():
        same = [other for other in printed if wording(other) == wording(line)]
        assert same, line
        if line.startswith("early  "):
            assert figures(same[0]) == pytest.approx(figures(line), abs=0.01)
    execute(start._replace(content="make demo\n"))
    report = "affuse report --corpus demo --format {} --output {}\n"
    for form, output in (("markdown", "demo.md"), ("csv", "demo.csv")):
        execute(start._replace(content=report.format(form, output)))
    row = re.compile(r"\| [a-z][^|]* \| [.\-]\d")
    tables = [
        [line for line in text.splitlines() if row.match(line)]
        for text in (text_of("README.md"), (tmp_path / "demo.md").read_text())
    ]
    for line, other in zip(tables[0], tables[1][:6], strict=True):
        assert wording(line) == wording(other)
        assert figures(line) == pytest.approx(figures(other), abs=0.01)
    script = runpy.run_path(str(ROOT / ".github" / "forest_plot.py"))
    rows = rows_of(tmp_path / "demo.csv")
    drawn = script["draw"]([row for row in rows if row["section"] == "all"])
    assert wording(drawn) == wording(text_of(".github/demo.svg"))
    known = figures(text_of(".github/demo.svg"))
    assert figures(drawn) == pytest.approx(known, abs=3)  # pixels

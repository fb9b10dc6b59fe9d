"""A hostile string in any text of a run is printed as text, in every command."""

import ast
import csv
import dataclasses
import io
import json
import logging
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest
import small_caches
from cli_calls import call
from html_pages import draw_blank, html_elements
from planted_leaks import edit_json
from poisoned_runs import COLUMN, HARMLESS, HOSTILE, copy_run, make, places, poison
from process_starts import python
from source_files import FILES, ROOT, tree

from affuse.data import plugins, terminal
from affuse.data.cache import cache_selection
from affuse.data.errors import AffuseError, message
from affuse.data.options.report_options import ReportContents
from affuse.data.plugin_kinds import FORMAT_KIND
from affuse.data.reading.corpus_csv import cell
from affuse.data.runs.run_folder import ModelFolder
from affuse.data.runs.run_predictions import read_run
from affuse.data.system.digests import MANIFEST
from affuse.data.system.progress import bar
from affuse.data.terminal import escape_active, printable
from affuse.fuse.calibration import calibration_file
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting.escapes import (
    for_csv,
    for_html,
    for_json,
    for_latex_row,
    for_markdown,
    for_markdown_line,
)
from affuse.fuse.scoring.statistics import estimate
from affuse.fuse.settings import Settings
from affuse.fuse.sweep import ranking
from affuse.fuse.sweep.sweep_folder import SweepFolder
from affuse.fuse.trained import model_files
from affuse.fuse.training.alignment import alignment_summary

SHOWN = printable(HOSTILE)
MODELS = "*/seed-*/model.json"
READERS = {  # readers of files that the report does not read
    "calibration.json": calibration_file.read,
    MODELS: lambda run: model_files.load(next(run.glob("*/seed-*"))),
}
REASON = ("left_out", "no audio embedding")  # in alignment.json
CLOSED = {"nature", "targets", "ratings", "parts"}  # fields of a table
VARIANTS = {
    "plain": [],
    "groups": ["--by", "speaker"],
    "blocks": ["--pairs", "--split"],
    "against": ["--against"],  # the design of the other run
}


def printed_lines(text):
    """Return all printed lines; fail if one contains a control character."""
    lines = text.removesuffix("\n").split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    return lines


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Two unchanged runs and their cache."""
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def accepted_places(original, tmp_path_factory):
    """Places where readers accept the hostile string, and errors for other places."""
    run, folder = next(original[0].glob("*-early-*")), tmp_path_factory.mktemp("tried")
    taken, sentences = [], {}
    figures = estimate(read_run(run))
    with pytest.MonkeyPatch.context() as patch:  # estimates take most of the time
        patch.setattr(
            "affuse.fuse.reporting.scored_rows.estimate", lambda *_, **__: figures
        )
        for number, place in enumerate(places(run)):
            # A column is in all tables, and a fold in the names of folders.
            name = str(number) if place.kind == COLUMN else place.file.replace("*", "_")
            one = folder / name / run.name
            if not one.exists():
                shutil.copytree(run, one, ignore=ignored_files(place.file))
            before = {path: path.read_bytes() for path in one.glob(place.file)}
            poison(one, [place], HOSTILE)
            try:
                READERS.get(place.file, render_report)(one)
                taken.append(place)
            except (AffuseError, OSError) as error:
                sentences[place] = message(error)
            if place.kind != COLUMN:
                for path, content in before.items():
                    path.write_bytes(content)
    return taken, sentences


def ignored_files(file):
    """Return an `ignore` of `shutil.copytree` that keeps what a reader needs."""
    if file not in READERS:
        more = ("model.*", "history.csv", "validation.csv")
        return shutil.ignore_patterns(MANIFEST, *more)
    needed = {Path(file).name, ModelFolder.weights}
    return lambda _, names: {n for n in names if "." in n or n == MANIFEST} - needed


def render_report(run):
    """Read and render a single run, or raise the error of its reader."""
    render(collect(run.parent), "text")


@pytest.fixture(scope="module")
def runs(original, accepted_places, tmp_path_factory):
    """Folders of runs by the text in all places where readers accept it."""
    return poison_runs(original[0], accepted_places[0], tmp_path_factory)


def joins_with_cache(place):
    """Return True if a place other than an id must be equal in run and cache."""
    settings = place.file == "run.json" and place.at[0] == "settings"
    return place.file == MODELS or settings or place.at == ("corpus",)


@pytest.fixture(scope="module")
def runs_without_ids(original, accepted_places, tmp_path_factory):
    """The same runs with their cache, in which none of their ids occur."""
    chosen = [place for place in accepted_places[0] if not joins_with_cache(place)]
    return poison_runs(original[0], chosen, tmp_path_factory)


@pytest.fixture(scope="module")
def runs_with_ids(original, accepted_places, tmp_path_factory):
    """The same runs with their cache and their original ids."""
    chosen = [
        p
        for p in accepted_places[0]
        if not joins_with_cache(p) and (p.kind, p.at) != (COLUMN, ("id",))
    ]
    return poison_runs(original[0], chosen, tmp_path_factory)


def poison_runs(runs, chosen, tmp_path_factory):
    """Copy all runs, with each text in the chosen places and in their names."""
    found = {}
    for text in (HOSTILE, HARMLESS):
        found[text] = tmp_path_factory.mktemp("poisoned")
        for run in runs.iterdir():
            poison(copy_run(run, found[text]), chosen, text)
            (found[text] / run.name).rename(found[text] / f"{text}{run.name}")
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Use 99 permutations in significance tests, and blank figures, to save time."""
    draw_blank(monkeypatch)
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)


def run_of(folder, design="early"):
    """Return the folder of a run without `glob`, because names may contain patterns."""
    return next(path for path in folder.iterdir() if f"-{design}-" in path.name)


def test_every_file_is_poisoned_and_errors_are_single_lines(accepted_places):
    taken, sentences = accepted_places
    assert {place.file for place in (*taken, *sentences)} == {
        *("run.json", "lint.json", "calibration.json", "alignment.json"),
        *(MODELS, "*.csv"),
    }
    columns = {p.at[0] for p in (*taken, *sentences) if p.kind == COLUMN}
    assert columns > {"id", "fold", "speaker", "dialogue", "sex", "session", "design"}
    for sentence in sentences.values():
        assert printed_lines(sentence) == [sentence]
    assert any(SHOWN[:40] in sentence for sentence in sentences.values())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("format", plugins.names(FORMAT_KIND))
def test_a_report_prints_the_string_as_text(runs, format, variant):
    found = {}
    for text, folder in runs.items():
        words = [*VARIANTS[variant]]
        if variant == "against":
            words.append(collect(folder)[0].rows[-1].design)
        result = call("report", "--runs", folder, "--format", format, *words)
        assert (not result.exit_code, result.stderr) == (True, "")
        found[text] = result.stdout
    check(format, found)


@pytest.mark.parametrize("format", plugins.names(FORMAT_KIND))
def test_formats_escape_every_text_of_a_table(original, format):
    contents = ReportContents(by="speaker", pairs=True, split=True)
    # The names of sections change, so they no longer fit the predictions of the runs.
    tables = [
        dataclasses.replace(table, sources=None)
        for table in collect(original[0], contents)
    ]
    found = {
        text: render([within(table, text) for table in tables], format)
        for text in (HOSTILE, HARMLESS)
    }
    assert "1+1" in found[HOSTILE]
    check(format, found)


def test_text_columns_have_the_width_of_the_escaped_text(original):
    tables = collect(original[0], ReportContents(pairs=True, split=True))
    found = {
        t: render([within(x, t) for x in tables], "text") for t in ("\x1b", "....")
    }
    assert found["\x1b"].replace(r"\x1b", "....") == found["...."]


def within(value, text):
    """Return a value with a text before every string that may be any text."""
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value) if f.name not in CLOSED]
        found = {name: within(getattr(value, name), text) for name in names}
        return dataclasses.replace(value, **found)
    if isinstance(value, Mapping):
        return {text + key: within(inner, text) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(within(inner, text) for inner in value)
    return text + value if isinstance(value, str) else value


def check(format, found):
    """Compare the output for the hostile string with that for the harmless one."""
    hostile, harmless = (
        found[text].replace("\r\n", "\n") if format == "csv" else found[text]
        for text in (HOSTILE, HARMLESS)
    )
    lines = len(printed_lines(hostile)), len(printed_lines(harmless))
    assert lines[0] == lines[1] or format == "text"  # text wraps its sentences
    CHECKS[format](hostile, harmless)


def check_text(hostile, harmless):
    rules = [
        [line[0] for line in printed_lines(text) if re.fullmatch("[=]+|[-]+", line)]
        for text in (hostile, harmless)
    ]
    assert rules[0] == rules[1]
    title, rule = printed_lines(hostile)[:2]
    assert len(title) == len(rule)


def check_markdown(hostile, harmless):
    plain = re.sub(r"\\[!-/:-@\[-`{-~]", "", hostile)
    assert re.findall(r"[<>`~$_]|&#?\w+;", plain) == []
    assert re.findall(r"[\[\]]", re.sub(r"\[[-+.\d]+, [-+.\d]+\]", "", plain)) == []
    skeletons = [
        [
            re.findall(r"^## |^- |^\|[-:|]+\|$|\*\*|(?<!\\)[|#*]", line)
            for line in text.split("\n")
        ]
        for text in (hostile, harmless)
    ]
    assert skeletons[0] == skeletons[1]


def check_latex(hostile, harmless):
    found = []
    for text in (hostile, harmless):
        plain = re.sub(r"\\[&%$#_{}]|\\text[a-z]+\{\}|\$-\$", "", text)
        found.append(re.findall(r"\\[a-zA-Z]+|\\\\|[{}&%$#~^_]", plain))
    assert [mark for mark in found[0] if mark != "{}"] == found[1]
    assert re.findall(r"(?:\\\\|rule)\s*[\[*]", hostile) == []


def check_csv(hostile, harmless):
    rows, others = (list(csv.reader(io.StringIO(t))) for t in (hostile, harmless))
    assert [len(row) for row in rows] == [len(row) for row in others]
    found = [text for row in rows for text in row]
    assert [text for text in found if text.startswith(("=", "@"))] == []
    for number in (text for text in found if text.startswith(("+", "-"))):
        float(number)
    assert any(text.startswith(f"'{SHOWN}") for text in found)


def check_json(hostile, harmless):
    found, other = json.loads(hostile), json.loads(harmless)
    assert [len(t["rows"]) for t in found["tables"]] == [
        len(t["rows"]) for t in other["tables"]
    ]
    assert HOSTILE in "".join(strings(found))  # JSON keeps the text unchanged


def strings(value):
    """Yield every text of JSON."""
    if isinstance(value, dict):
        for pair in value.items():
            yield from map("".join, map(strings, pair))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def check_html(hostile, harmless):
    assert html_elements(hostile) == html_elements(harmless)


CHECKS = {
    "html": check_html,
    "text": check_text,
    "markdown": check_markdown,
    "latex": check_latex,
    "csv": check_csv,
    "json": check_json,
}


def test_hostile_text_adds_no_markdown_element(original):
    rendering = pytest.importorskip("markdown_it").MarkdownIt("commonmark")
    rendering.enable("table")
    tables = collect(original[0], ReportContents(by="speaker", pairs=True, split=True))
    found = []
    for text in (HOSTILE, HARMLESS, "- ", "1. ", "# ", "> ", "+ ", "    "):
        content = render([within(table, text) for table in tables], "markdown")
        found.append([*elements(rendering.parse(content))])
    assert {"h2", "table", "strong", "li"} <= set(found[1])
    for other in found:
        assert other == found[1]


def elements(tokens):
    """Return the elements that a Markdown parser found, without text."""
    for token in tokens:
        if token.type not in ("text", "text_special", "inline"):
            yield token.tag or token.type
        yield from elements(token.children or ())


@pytest.mark.parametrize("which", ["runs", "runs_without_ids", "runs_with_ids"])
def test_lint_prints_the_string_as_text(original, request, which):
    cache, count = original[1], {}
    for text, folder in request.getfixturevalue(which).items():
        result = call("lint", "--runs", folder, "--cache", cache)
        assert result.exit_code in (0, 1)
        assert not isinstance(result.exception, Exception)
        count[text] = len(printed_lines(result.output))
        if text == HOSTILE:
            assert SHOWN in result.output
        said = call("lint", "--json", "--runs", folder, "--cache", cache)
        printed_lines(said.output)
        assert str(run_of(folder)) in json.loads(said.stdout)
    assert count[HOSTILE] == count[HARMLESS]


def test_calibrate_prints_and_draws_the_string_as_text(runs):
    count = {}
    for text, folder in runs.items():
        run = run_of(folder)
        result = call("calibrate", run, "--level", "0.8", "--by", "utterance")
        assert (result.exit_code, result.stderr) == (0, "")
        lines = printed_lines(result.stdout)
        count[text] = [line for line in lines if line.startswith("valence")]
        drawn = (run / "rejection.svg").read_text(encoding="utf-8")
        printed_lines(drawn)
        count[text].append([element.tag for element in ET.fromstring(drawn).iter()])
        json.loads((run / "calibration.json").read_text(encoding="utf-8"))
    assert count[HOSTILE] == count[HARMLESS]


def test_the_next_command_quotes_the_string_as_one_shell_word(original, tmp_path):
    run = copy_run(run_of(original[0]), tmp_path).rename(tmp_path / "a; b")
    lines = printed_lines(call("calibrate", run, "--level", "0.8").stdout)
    assert lines[-1].endswith(f"type python cli.py predict '{run}' --calibrated")
    (run / "calibration.json").unlink()
    with pytest.raises(AffuseError, match=f"python cli.py calibrate '{run}'$"):
        calibration_file.read(run)


def test_ablate_and_predict_print_the_string_as_text(original, runs_with_ids):
    count = {}
    for text, folder in runs_with_ids.items():
        words = (run_of(folder), "--cache", original[1], "--corpus", "toy")
        for command in (["ablate", *words], ["predict", *words, "--calibrated"]):
            result = call(*command)
            assert (result.exit_code, result.stderr) == (0, "")
            count.setdefault(text, []).append(len(printed_lines(result.stdout)))
    assert count[HOSTILE] == count[HARMLESS]


def test_train_prints_omissions_on_single_lines(original, tmp_path, capsys):
    run = copy_run(run_of(original[0]), tmp_path)
    poison(run, [p for p in places(run) if p.at[:2] == REASON], HOSTILE)
    terminal.print_line(alignment_summary(run))
    (line,) = printed_lines(capsys.readouterr().out)
    assert f"3 with {SHOWN}" in line


def test_the_ranking_of_a_sweep_contains_no_formula(tmp_path):
    best = ranking.RankedSettings(Settings(), (-0.5,), -0.5, 0.0)
    failed = ranking.RankedSettings(Settings(latent=4), (), -1.0, 0.0, failed=HOSTILE)
    ranking.write(tmp_path, [best, failed], ["valence"])
    with (tmp_path / SweepFolder.ranking).open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert float(first["mean"]) == -0.5
    assert second["failed"] == f"'{SHOWN}"


def test_cache_list_prints_one_line_per_cache(tmp_path):
    for revision in ("a" * 40, "b" * 40):
        small_caches.fill(
            tmp_path, of=small_caches.recipe(checkpoint=HOSTILE, revision=revision)
        )
    lines = printed_lines(call("cache", "list", "--cache", tmp_path).output)
    assert [SHOWN in line for line in lines] == [True, True]
    with pytest.raises(AffuseError, match="there are 2 text caches") as error:
        cache_selection.choose(tmp_path, named={})
    assert [SHOWN in line for line in printed_lines(str(error.value))] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("command", ["report", "lint", "calibrate"])
def test_a_refused_run_is_named_on_one_line(original, tmp_path, command):
    run = copy_run(run_of(original[0]), tmp_path)
    run = run.rename(tmp_path / HOSTILE)
    edit_json(run / "run.json", lambda info: info.update(nature=HOSTILE, name=HOSTILE))
    words = [run] if command == "calibrate" else ["--runs", tmp_path]
    result = call(command, *words)
    assert result.exit_code == 1
    assert len(printed_lines(result.output)) == (3 if command == "lint" else 1)
    assert result.output.count(SHOWN[:40]) >= 2  # the folder, and what is wrong with it


def test_usage_errors_escape_folder_names(tmp_path):
    sentence = refused_usage(call("calibrate", tmp_path, "x\x1b[2J\u202e"))
    assert sentence.endswith(r"argument (x\x1b[2J\u202e)")


def refused_usage(result):
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")
    return printed_lines(result.stderr)[-1]


@pytest.mark.slow
def test_log_and_tracebacks_are_escaped(original, tmp_path):
    copy_run(run_of(original[0]), tmp_path)
    (tmp_path / HOSTILE).mkdir()
    shutil.copy(run_of(tmp_path) / "run.json", tmp_path / HOSTILE)
    done = program("report", "--runs", tmp_path)
    assert done.returncode == 0
    (line,) = printed_lines(done.stderr)
    assert line.startswith("unfinished, so not shown: ")
    assert SHOWN in line
    edit_json(tmp_path / HOSTILE / "run.json", lambda i: i.update(nature=HOSTILE))
    done = program("--debug", "calibrate", tmp_path / HOSTILE)
    assert done.returncode == 1
    assert printed_lines(done.stderr)[0] == "Traceback (most recent call last):"
    assert SHOWN in printed_lines(done.stderr)[-1]


def program(*words):
    """Run the program in a process, where Python prints the log and tracebacks."""
    return python("import runpy; runpy.run_path('cli.py', run_name='__main__')", *words)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("a\n%s and %d\x1b", Path("b\n"), 3), "a\nb\\n and 3\\x1b"),
        (("%r", "\x9b"), r"'\x9b'"),
        (("%(a)s", {"a": "\x9b"}), r"\x9b"),
        (("100%\u202e",), r"100%\u202e"),
    ],
)
def test_line_breaks_in_log_arguments_are_escaped(arguments, expected):
    record = logging.LogRecord("x", logging.WARNING, "", 1, arguments[0], (), None)
    record.args = arguments[1] if "(a)" in arguments[0] else arguments[1:]
    if expected == r"'\x9b'":
        expected = r"'\\x9b'"  # escaped twice, but safe
    assert terminal.Formatter().format(record) == expected


def test_a_progress_bar_escapes_names(capsys):
    with bar(total=2, name=HOSTILE, unit="x", show=True) as shown_bar:
        shown_bar.set_postfix_str(HOSTILE)
    found = capsys.readouterr().err
    assert SHOWN in found
    printed_lines(found.replace("\r", ""))


def test_an_error_has_one_line_per_argument():
    error = AffuseError(HOSTILE, "  one\n", "  two")
    assert str(error) == f"{SHOWN}\n  one\\n\n  two"
    assert message(FileNotFoundError(HOSTILE)) == SHOWN
    assert str(AffuseError(f"x: {AffuseError(HOSTILE)}")) == f"x: {SHOWN}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("[.65, .88]* [-1.00, +1]", r"[.65, .88]\* [-1.00, +1]"),
        ("[.65, .88](x)", r"\[.65, .88\](x)"),
        ("[.65, .88]: x", r"\[.65, .88\]: x"),
        ("![x][y]", r"!\[x\]\[y\]"),
        ("[x] [1]", r"\[x\] \[1\]"),
        ("&lt; &#60; a & b; R&D", r"\&lt; \&#60; a & b; R&D".replace("#", r"\#")),
        ("https://a.b www.a.b", r"https:\//a.b www\.a.b"),
        ("~~a~~ $x$ a\\|b", r"\~\~a\~\~ \$x\$ a\\\|b"),
        ("a\n# b", r"a\\n\# b"),
    ],
)
def test_markdown_is_escaped_within_a_line(words, expected):
    assert for_markdown(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("- a", r"\- a"),
        ("---", r"\---"),
        ("+ a", r"\+ a"),
        ("=== a", r"\=== a"),
        ("12) a", r"12\) a"),
        ("    a", "a"),
        ("1.5 a-b", r"1\.5 a-b"),
        ("early - text: +.05", "early - text: +.05"),
    ],
)
def test_markdown_is_escaped_at_the_beginning_of_a_line(words, expected):
    assert for_markdown_line(words) == expected


def test_text_is_escaped_for_latex_html_csv_and_json():
    assert for_latex_row([" [1cm]", "a"]) == r"{} [1cm] & a \\"
    assert for_latex_row(["a", "[1, 2]"]) == r"a & [1, 2] \\"
    assert for_html("<a b='\x1b'>") == r"&lt;a b=&#x27;\x1b&#x27;&gt;"
    assert [for_csv(v) for v in ("=1", "-1", -1.5, None)] == ["'=1", "'-1", -1.5, None]
    assert for_csv("a\r\nb\x1b\u202e") == r"a\r\nb\x1b\u202e"
    odd = ["ä\x7f\x9b\u2028\u202e\U000e0001\ud800", {"\x1b\n": 1}]
    text = for_json(json.dumps(odd, indent=1, ensure_ascii=False))
    printed_lines(text)
    assert "ä" in text
    assert json.loads(text) == odd


def test_only_control_characters_are_escaped_in_data():
    kept = "a\tb\nc\xa0d\u200d\u200eé"
    assert escape_active(kept) == cell(kept) == kept
    assert cell("a\x1b[2J\x9b\x00\u202e\u2066\u2028\ud800") == (
        r"a\x1b[2J\x9b\x00\u202e\u2066\u2028\ud800"
    )


def calls(file):
    """Yield every call in a module: name of the function, and syntax tree."""
    nodes = [node for node in ast.walk(tree(file)) if isinstance(node, ast.Call)]
    return [(ast.unparse(node.func), node) for node in nodes]


def test_modules_print_only_through_escaping_functions():
    assert len(FILES) > 400
    for file in FILES:
        if file == "data/terminal.py":
            continue
        found = calls(file)
        names = {name for name, _ in found}
        printing = {"print", "click.echo", "click.secho", "sys.stdout.write"}
        assert not names & printing, file
        assert "click.echo" not in (ROOT / file).read_text(encoding="utf-8"), file
        for name, call_ in found:
            if name in ("say", "self._say", "output.say", "told"):
                inside = ast.walk(call_.args[0]) if call_.args else ()
                texts = [n.value for n in inside if isinstance(n, ast.Constant)]
                lines = [text for text in texts if isinstance(text, str)]
                assert not any("\n" in text for text in lines), (file, name)

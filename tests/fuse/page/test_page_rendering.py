"""The page is one valid HTML file without requests; hostile text does nothing."""

import base64
import contextlib
import hashlib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from cli_calls import call, error_sentence
from html_pages import Page, draw_blank
from page_runs import save_designs
from report_runs import example, info_of, save

from affuse.data.errors import AffuseError
from affuse.data.options.report_options import ReportContents
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.figures.figure_colours import DARK, GRID, INK, LINES, MUTED, PAPER
from affuse.fuse.page import page_rendering
from affuse.fuse.page.page_rendering import page_style, render_page, with_dark_colours
from affuse.fuse.page.page_sections import page_sections

HOSTILE = "<script>alert(1)</script>\"'><img src=//x onerror=alert(2)>{{7*7}}"
NAMES = (
    *("caveats", "results", "comparisons", "predictions", "learning", "subgroups"),
    *("modalities", "robustness", "calibration", "errors", "provenance"),
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Tables of three designs with all pairs."""
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)
        save_designs(runs, nature="synthetic")
        return collect(runs, ReportContents(pairs=True))


@pytest.fixture(scope="module")
def text(tables):
    """The page on these tables, with its figures."""
    return render_page(tables)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_has_a_language_a_title_and_all_sections(page):
    assert page.all("html") == [{"lang": "en"}]
    assert page.text("title") == ["CCC on iemocap (synthetic data), protocol session5"]
    found = [each["id"] for each in page.all("section")]
    assert found == [f"{name}-1" for name in NAMES]
    links = {each["href"] for each in page.all("a")}
    assert links == {"#main", *(f"#{name}-1" for name in NAMES)}


def test_headings_are_in_order(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[:2] == [1, 2]
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))


def test_identifiers_are_unique_and_references_exist(page):
    found = [each["id"] for _, each in page.elements if "id" in each]
    assert len(found) == len(set(found))
    wanted = [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
    assert wanted
    assert set(wanted) <= set(found)


def test_the_page_makes_no_request(page, text):
    for _, attributes in page.elements:
        addresses = [attributes.get(name) or "" for name in ("src", "href", "srcset")]
        assert all(
            not a or a.startswith(("#", "data:image/svg+xml")) for a in addresses
        )
    assert re.findall(r"@import|url\(", page_style()) == []
    assert "://" not in re.sub(r'src="data:[^"]*"', "", text)


def test_the_policy_allows_only_the_style_and_the_script_of_the_page(page, text):
    (policy,) = (each["content"] for each in page.all("meta") if each.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for name in ("style", "script"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert not any("style" in each or "onclick" in each for _, each in page.elements)


def test_every_image_has_a_description_and_names_synthetic_data(page):
    images = page.all("img")
    assert len(images) > 10
    captions = page.text("figcaption")
    assert len(captions) == len(images)
    assert all(len(each["alt"]) > 40 for each in images)
    assert all("synthetic" in caption for caption in captions)
    for each in images:
        content = base64.b64decode(each["src"].partition(",")[2]).decode()
        root = ET.fromstring(content)
        words = [node.text for node in root.iter() if node.tag.endswith("text")]
        assert "synthetic data" in words
    assert page.text("strong")[0] == "Synthetic data."


def test_every_table_has_a_caption_and_heads_with_scopes(page):
    assert len(page.all("caption")) == len(page.all("table"))
    assert {each["scope"] for each in page.all("th")} == {"row", "col"}
    regions = [each for each in page.all("div") if each.get("role") == "region"]
    assert len(regions) == len(page.all("table"))
    assert {each["tabindex"] for each in regions} == {"0"}  # scrolled by the keyboard


def test_figures_of_the_page_are_those_of_the_report(page, tables):
    shown = {text for path, text in page.texts if path[-1] in ("td", "li")}
    (content,) = tables
    for line in render(tables, "markdown").split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in ("early", "text", "audio") and "[" in line:
            assert {cell.rstrip("\\*") for cell in cells[1:]} <= {
                text.rstrip("*") for text in shown
            }
    assert set(content.comparisons) | set(content.notes) <= shown


@pytest.mark.usefixtures("blank")
def test_a_hostile_name_does_nothing(tmp_path):
    save_designs(tmp_path, label=HOSTILE, corpus=HOSTILE)
    page = Page(render_page(collect(tmp_path)))
    assert len(page.all("script")) == 1
    assert "49" not in page.text("title")[0]
    assert HOSTILE in page.text("title")[0]
    assert not any("onerror" in each for _, each in page.elements)


@pytest.fixture
def blank(monkeypatch):
    draw_blank(monkeypatch)


@pytest.mark.usefixtures("blank")
def test_sections_without_data_name_the_command_that_provides_them(tables):
    commands = Page(render_page(tables)).text("code")
    for words in (
        "calibrate ",
        "robustness ",
        "lint ",
        "--cache cache",
        "layers=weighted",
    ):
        assert any(words in command for command in commands)
    page = Page(render_page([example("a")]))
    assert "python cli.py report --format html --output report.html" in page.text(
        "code"
    )
    assert [each["id"] for each in page.all("section")] == [f"{n}-1" for n in NAMES]


def test_only_tables_of_results_have_sort_buttons(tables):
    sortable = [
        table.caption
        for section in page_sections(tables[0])
        for table in section.tables
        if table.sortable
    ]
    assert sortable[0].startswith("all: 40 test utterances")
    script = (page_rendering.HERE / "page.js").read_text(encoding="utf-8")
    assert "aria-sort" in script
    assert "innerHTML" not in script


@pytest.mark.parametrize("module", ["matplotlib", "jinja2"])
def test_a_missing_package_is_named_with_the_command_to_install_it(monkeypatch, module):
    page_rendering._environment.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AffuseError, match=f"(?i)needs the package {module}") as caught:
        render_page([example("a")])
    assert str(caught.value).endswith("[page]'")


def test_colours_of_figures_follow_the_preference_of_the_reader():
    svg = f'<svg a="1"><path style="fill: {INK}"/></svg>'
    found = with_dark_colours(f"<?xml?>\n{svg}")
    style = re.findall("<style>.*?</style>", found)[0]
    assert found.replace(style, "") == svg
    assert style.startswith("<style>@media screen and (prefers-color-scheme:dark)")
    assert f'[style*="fill: {INK}"]{{fill:{DARK[INK]} !important}}' in style
    assert {INK, MUTED, GRID, PAPER, *LINES} == set(DARK)


def test_the_command_writes_the_page_and_the_files_of_its_figures(
    tmp_path, monkeypatch
):
    draw_blank(monkeypatch)
    monkeypatch.setattr("affuse.fuse.figures.report_figure.encode", lambda *_: b"x")
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)
    save_designs(tmp_path / "runs")
    words = ("--figures", tmp_path / "figures", "--output", tmp_path / "a.html")
    done = call("report", "--runs", tmp_path / "runs", "--format", "html", *words)
    assert done.exit_code == 0, done.output
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    names = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert len(names) == len(page.all("img"))
    for name in ("table1-differences", "table1-forest-mean", "table1-learning-3-early"):
        for ending in ("csv", "pdf", "svg"):
            assert (tmp_path / "figures" / f"{name}.{ending}").is_file()


def test_a_cache_that_is_missing_is_named(tmp_path, monkeypatch):
    draw_blank(monkeypatch)
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)
    save_designs(tmp_path / "runs")
    words = ["report", "--runs", tmp_path / "runs", "--cache", tmp_path / "nowhere"]
    done = call(*words, "--format", "html")
    assert done.exit_code == 1
    assert "not measured without a modality" in done.stderr
    assert "<!DOCTYPE html>" in done.stdout
    sentence = error_sentence(call(*words), status=2)
    assert sentence.endswith("--cache adds to the page only; add --format html")


def report_in_process(runs, *words, output):
    """Return the process of a report of a folder of runs, after its end."""
    return subprocess.run(
        (sys.executable, "-m", "affuse.cli", "report", "--runs", runs, *words),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
    )


def test_a_page_is_written_to_a_pipe_and_not_to_a_terminal(tmp_path):
    pty = pytest.importorskip("pty")
    save(tmp_path, info_of("audio", nature="synthetic"))
    screen, terminal = pty.openpty()
    try:
        done = report_in_process(tmp_path, "--format", "html", output=terminal)
    finally:
        os.close(terminal)
    shown = ""
    with contextlib.suppress(OSError):  # Linux has no end of file here
        shown = os.read(screen, 4_000).decode()
    os.close(screen)
    assert done.returncode == 2, done.stderr
    assert shown == ""
    sentence = " ".join(done.stderr.split())
    assert "--format html makes a file for a browser" in sentence
    assert re.search(r"report .*--format html .*--output report.html", sentence)
    done = report_in_process(tmp_path, "--format", "html", output=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("</html>")

"""Requirements for every report format, built in or of a plug-in."""

import csv
import io
import json

import pytest
from html_pages import draw_blank
from report_runs import example

from affuse.data import plugins
from affuse.data.errors import OptionError
from affuse.data.plugin_kinds import FORMAT_KIND
from affuse.data.terminal import ACTIVE
from affuse.fuse.commands.report_command import render
from affuse.fuse.reporting.blocks import WIDTH
from affuse.fuse.reporting.table_format import load_format

WIDTHS = (60, WIDTH)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    draw_blank(monkeypatch)


@pytest.fixture(params=plugins.names(FORMAT_KIND))
def form(request):
    return load_format(request.param)


def test_built_in_formats_are_found():
    names = ["csv", "html", "json", "latex", "markdown", "text"]
    assert plugins.names(FORMAT_KIND) == names


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [1, 3])
def test_the_text_of_a_format_ends_with_one_line_break(form, count, width):
    found = form.render([example("a")] * count, width=width)
    assert isinstance(found, str)
    lines = found.replace("\r\n", "\n")
    assert lines == lines.rstrip() + "\n"


def test_equal_tables_give_equal_text(form):
    first, second = (form.render([example("a")], width=WIDTH) for _ in range(2))
    assert first == second


def test_a_format_shows_every_table_and_row(form):
    one, several = (form.render([example("a")] * n, width=WIDTH) for n in (1, 3))
    names = {row.design for row in example("a").rows}
    assert names
    for name in names:
        assert several.count(name) == 3 * one.count(name) > 0


def test_a_format_shows_detail_kind_of_ratings_and_corpus(form):
    table = example("detail")
    found = form.render([table], width=WIDTH)
    for words in (table.corpus, table.nature, table.protocol, "detail"):
        assert words in found


def test_a_format_escapes_control_characters(form):
    found = form.render([example("\x1b[2J\u202eevil\n")], width=WIDTH)
    assert "evil" in found
    assert not ACTIVE.search(found.replace("\r\n", "\n"))


def test_a_format_shows_the_figures_of_the_table(form):
    table = example("a")
    value = table.rows[0].sections["all"].mean.value
    found = form.render([table], width=WIDTH)
    assert f"{value:.3f}".lstrip("0") in found or str(value) in found


def test_csv_and_json_keep_full_precision():
    table = example("a")
    value = table.rows[0].sections["all"].mean.value
    lines = csv.DictReader(io.StringIO(render([table], "csv"), newline=""))
    assert float(next(lines)["mean"]) == value
    (content,) = json.loads(render([table], "json"))["tables"]
    assert content["rows"][0]["sections"]["all"]["ccc"]["mean"]["value"] == value


def test_an_unknown_format_is_refused():
    with pytest.raises(
        OptionError, match="no format 'word': choose from csv, html, json, "
    ):
        render([example("a")], "word")


@pytest.mark.parametrize("name", ["full_precision", "text_report", "_report", ""])
def test_helper_modules_are_no_formats(name):
    with pytest.raises(OptionError, match="no format"):
        render([example("a")], name)


def test_a_new_file_adds_a_format(tmp_path, monkeypatch):
    from affuse.fuse.reporting import formats

    (tmp_path / "short_report.py").write_text(
        "def render(tables, *, width):\n    return f'{len(tables)}\\n'\n"
    )
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    monkeypatch.setattr(
        formats.__spec__, "submodule_search_locations", formats.__path__
    )
    assert "short" in plugins.names(FORMAT_KIND)
    assert render([example("a")] * 2, "short") == "2\n"

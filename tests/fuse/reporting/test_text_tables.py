"""Text tables fit pages of any width, and show all figures."""

import io
import os
import re
from dataclasses import replace

import pytest
from report_runs import example

from affuse.data.terminal import page_width
from affuse.fuse.commands import report_command
from affuse.fuse.reporting.blocks import WIDTH, TableBlock
from affuse.fuse.reporting.formats.text_report import _aligned
from affuse.fuse.reporting.formats.text_report import render as text

WIDTHS = [60, 72, 80, 90, 99]
FIGURE = re.compile(r"-?\d?\.\d+")
DETAILS = ["a", "a detail of more than twenty letters", "many words " * 12]


def lines(table, width):
    return text([table], width=width).splitlines()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("split", [False, True])
def test_no_line_is_longer_than_the_page(width, detail, split):
    table = replace(example(detail.strip()), notes=("a footnote, " * 12,), split=split)
    for line in lines(table, width):
        assert len(line) <= width
        assert line == line.rstrip()


@pytest.mark.parametrize("width", WIDTHS)
def test_all_figures_are_shown_at_any_width(width):
    wide = FIGURE.findall("\n".join(lines(example("a"), WIDTH)))
    found = FIGURE.findall("\n".join(lines(example("a"), width)))
    assert sorted(found) == sorted(wide)


def test_names_are_above_the_figures_at_eighty_columns():
    shown = "\n".join(lines(example("a"), 80))
    assert "\nearly (a), 5 seeds\n" in shown
    assert "\nridge, 1 seed\n" in shown


def test_the_default_width_is_a_hundred_columns():
    assert "early (a)  .732 [.70, .76]" in "\n".join(lines(example("a"), WIDTH))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["early", "a long name of a design " * 3])
def test_columns_of_a_block_continue_below_if_they_do_not_fit(width, name):
    heads = ("design", *(f"c{k}" for k in range(20)))
    cells = [f".{k:03}" for k in range(20)]
    block = TableBlock("pairs", heads, ((name.strip(), *cells),))
    shown = list(_aligned(block, width))
    assert max(map(len, shown)) <= width
    assert FIGURE.findall("\n".join(shown)) == cells


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_only_a_terminal_determines_the_width(monkeypatch):
    size = os.terminal_size((80, 24))
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: size)
    assert page_width(Terminal(), WIDTH) == 80
    assert page_width(io.StringIO(), WIDTH) == WIDTH
    terminal, file = Terminal(), io.StringIO()
    for output in (terminal, file):
        report_command.write([example("a")], "text", output)
    assert max(map(len, terminal.getvalue().splitlines())) <= 80
    assert file.getvalue() == report_command.render([example("a")], "text")


def test_a_wide_terminal_has_the_default_width(monkeypatch):
    size = os.terminal_size((300, 24))
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: size)
    assert page_width(Terminal(), WIDTH) == WIDTH

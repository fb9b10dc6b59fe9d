"""The table of deviations from the paper names existing files and settings."""

import re

import pytest
from locations import ROOT

from affuse.fuse.settings import Settings, override

SECTION = (ROOT / "fuse" / "README.md").read_text(encoding="utf-8").partition(
    "## Where we deviate from the paper"
)[2]  # fmt: skip
LINES = [line for line in SECTION.splitlines() if line.startswith("|")][2:]
CELLS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in LINES]


def test_the_table_has_four_cells_in_each_line_and_the_readme_links_to_it():
    assert len(CELLS) >= 20
    assert {len(cells) for cells in CELLS} == {4}
    assert all(all(cells) for cells in CELLS)
    link = "(fuse/README.md#where-we-deviate-from-the-paper)"
    assert link in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("cells", CELLS, ids=lambda cells: cells[0])
def test_each_file_exists(cells):
    (path,) = re.findall(r"`([^`]+)`", cells[3])
    assert (ROOT / path).is_file()


def test_each_named_setting_is_accepted():
    named = re.findall(r"`(?:--set )?(\w+=[\w.]+)`", SECTION)
    assert {"late_activation=relu", "map=none", "loss=mse"} <= set(named)
    for assignment in named:
        override(Settings(), [assignment])


def test_defaults_in_the_table_are_those_of_the_settings():
    usual = Settings()
    for name, value in (("input_dropout", 0.5), ("reconstruction", 0.1)):
        assert f"`{name}={value}`" in SECTION
        assert getattr(usual, name) == value
    assert (usual.batch, usual.epochs, usual.latent) == (512, 100, 128)
    assert usual.optimizer == "adamw"

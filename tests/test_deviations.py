"""The table of deviations from the paper names files and settings that there are."""

import re
from pathlib import Path

import pytest

from affuse.fuse.settings import Settings, override

ROOT = Path(__file__).parents[1]
SECTION = (ROOT / "fuse" / "README.md").read_text(encoding="utf-8").partition(
    "## Where we deviate from the paper"
)[2]  # fmt: skip
LINES = [line for line in SECTION.splitlines() if line.startswith("|")][2:]
CELLS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in LINES]


def test_it_is_there_and_each_line_is_whole():
    assert len(CELLS) >= 20
    assert {len(cells) for cells in CELLS} == {4}
    assert all(all(cells) for cells in CELLS)
    link = "(fuse/README.md#where-we-deviate-from-the-paper)"
    assert link in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("cells", CELLS, ids=lambda cells: cells[0])
def test_each_file_exists(cells):
    (path,) = re.findall(r"`([^`]+)`", cells[3])
    assert (ROOT / path).is_file()


def test_each_setting_can_be_given():
    named = re.findall(r"`(?:--set )?(\w+=[\w.]+)`", SECTION)
    assert {"late_activation=relu", "map=none", "loss=mse"} <= set(named)
    for assignment in named:
        override(Settings(), [assignment])


def test_what_is_called_a_default_is_one():
    usual = Settings()
    for name, value in (("input_dropout", 0.5), ("reconstruction", 0.1)):
        assert f"`{name}={value}`" in SECTION
        assert getattr(usual, name) == value
    assert (usual.batch, usual.epochs, usual.latent) == (512, 100, 128)
    assert usual.optimizer == "adamw"

"""Requirement lists, shared by several test files."""

import configparser

from locations import ROOT
from packaging.requirements import Requirement


def requirements():
    """Every requirement of setup.cfg, by the section or extra that names it."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    parts = {"": setup["options"]["install_requires"]}
    parts |= dict(setup["options.extras_require"])
    return {
        part: [Requirement(line) for line in lines.strip().splitlines()]
        for part, lines in parts.items()
    }


REQUIREMENTS = requirements()

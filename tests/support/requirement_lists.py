"""Requirements in setup.cfg."""

import configparser

from locations import ROOT
from packaging.requirements import Requirement


def requirements():
    """Return the requirements of setup.cfg by extra; "" holds those of the package."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    parts = {"": setup["options"]["install_requires"]}
    parts |= dict(setup["options.extras_require"])
    return {
        part: [Requirement(line) for line in lines.strip().splitlines()]
        for part, lines in parts.items()
    }


REQUIREMENTS = requirements()

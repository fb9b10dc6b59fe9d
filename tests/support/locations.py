"""Paths of folders that tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the repository
SHARED = ROOT.parent / "shared"  # beside the repository; users do not have it
SUPPORT = ROOT / "tests" / "support"

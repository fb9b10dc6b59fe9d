"""Folders that tests look at."""

from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the repository
SHARED = ROOT.parent / "shared"  # beside it; absent where users are
SUPPORT = ROOT / "tests" / "support"

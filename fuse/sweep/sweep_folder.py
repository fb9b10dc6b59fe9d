"""Folder of a sweep: the names of all its files."""

from dataclasses import dataclass
from pathlib import Path

from affuse.data.system.folder_file import FolderFile


@dataclass(frozen=True)
class SweepFolder:
    """Folder of all trials of a design on the same rows."""

    path: Path

    best = FolderFile("best.toml")
    ranking = FolderFile("ranking.csv")
    trials = FolderFile("trials")  # a folder

    def trial(self, digest: str, seed: int) -> Path:
        """Return the path of a trial's file.

        Args:
            digest: of its settings
            seed: of its models
        """
        return self.trials / f"{digest}-seed-{seed}.json"

    def finished(self) -> list[Path]:
        """Return the files of all finished trials, sorted."""
        return sorted(self.trials.glob("*-seed-*.json"))

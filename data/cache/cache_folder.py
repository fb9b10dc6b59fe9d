"""Folders of a cache, of its corpora and of their parts: names of all their files.

This module reads no file. The module that writes a file documents its content.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.folder_file import FolderFile

CACHES = "*-*-*/"  # folders of modality, encoder and digest
PART = re.compile(r"part-\d{5}\.h5")
PARTS = "part-[0-9][0-9][0-9][0-9][0-9].h5"  # `PART` as a pattern for glob
STEM = len("part-00000")


@dataclass(frozen=True)
class CacheFolder:
    """Folder of one cache: the parts of one corpus, encoded by one recipe.

    Examples:
        >>> CacheFolder(Path("cache/toy/audio-mini-0f")).part(3).as_posix()
        'cache/toy/audio-mini-0f/part-00003.h5'
    """

    path: Path

    work = FolderFile(RunFolder.work)

    @property
    def provenance(self) -> Path:
        """Path of the file with the command that made the cache, beside the folder."""
        return self.path.with_name(f"{self.path.name}.json")

    def part(self, number: int) -> Path:
        """Return the path of the part with a number, even if there is no such file."""
        return self.path / f"part-{number:05d}.h5"

    def parts(self) -> dict[int, Path]:
        """Return the paths of the existing parts by number, in order."""
        return dict(sorted((part_number(path), path) for path in self.path.glob(PARTS)))

    def surplus(self, count: int) -> list[Path]:
        """Return the parts with numbers from `count` and their checksums, sorted."""
        paths = self.path.glob(f"{PARTS}*")
        return sorted(path for path in paths if part_number(path) >= count)

    def locks(self) -> list[Path]:
        """Return the paths of the existing locks of parts, sorted."""
        return sorted(self.path.glob(".part-*.lock"))


@dataclass(frozen=True)
class CorpusFolder:
    """Folder of a corpus in a cache, with a folder for each recipe."""

    path: Path

    table = FolderFile("corpus.json")
    current = FolderFile("current.json")
    current_lock = FolderFile(".current.json.lock")
    problems = FolderFile("problems.csv")
    problems_lock = FolderFile(".problems.lock")
    recordings = FolderFile("recordings.json")  # digests and headers, to skip unchanged
    transcripts = FolderFile("transcripts")  # folder of recognised transcripts

    def transcript_file(self, label: str) -> Path:
        """Return the path of the transcripts of one model, even if there are none."""
        return self.transcripts / f"{label}.json"

    def transcript_labels(self) -> list[str]:
        """Return the labels of all recognised transcripts, sorted."""
        return sorted(path.stem for path in self.transcripts.glob("[!.]*.json"))

    def caches(self, modality: str = "") -> list[CacheFolder]:
        """Return the folders of caches, sorted, of one modality or all."""
        paths = self.path.glob(f"{modality}-*/" if modality else CACHES)
        return [CacheFolder(path) for path in sorted(paths)]


def corpora(cache: Path) -> list[CorpusFolder]:
    """Return the folders of all corpora below `cache`, sorted."""
    return [CorpusFolder(path) for path in sorted(cache.glob("*/"))]


def part_path(folder: Path, number: int) -> Path:
    """Return the path of the part with a number in the folder of a cache."""
    return CacheFolder(folder).part(number)


def part_lock(part: Path) -> Path:
    """Return the path of a part's lock, from the path of the part or its checksum."""
    return part.with_name(f".{part.name[:STEM]}.lock")


def part_number(part: Path) -> int:
    """Return the number of a part, from the path of the part or of its checksum."""
    return int(part.name[len("part-") : STEM])


def parents(folder: Path) -> set[Path]:
    """Return the folders that hold parts, at any depth below a folder."""
    return {path.parent for path in folder.rglob(PARTS)}

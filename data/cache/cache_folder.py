"""The folders of a cache, of its corpora and of their parts: names of all their files.

Nothing is read here; what a file holds stands in the module that writes it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from affuse.data.system.folder_file import FolderFile

CACHES = "*-*-*/"  # folders of modality, encoder and digest
PART = re.compile(r"part-\d{5}\.h5")
PARTS = "part-[0-9][0-9][0-9][0-9][0-9].h5"  # the same as a pattern of paths
STEM = len("part-00000")


@dataclass(frozen=True)
class CacheFolder:
    """The folder of one cache: all parts of one corpus, encoded in one way.

    Example:
        >>> CacheFolder(Path("cache/toy/audio-mini-0f")).part(3).as_posix()
        'cache/toy/audio-mini-0f/part-00003.h5'
    """

    path: Path

    @property
    def provenance(self) -> Path:
        """Return where the command that made the cache is kept, beside the folder."""
        return self.path.with_name(f"{self.path.name}.json")

    def part(self, number: int) -> Path:
        """Return where the part of that number is kept."""
        return self.path / f"part-{number:05d}.h5"

    def parts(self) -> dict[int, Path]:
        """Return the parts that are there, by number and in order."""
        return dict(sorted((part_number(path), path) for path in self.path.glob(PARTS)))

    def surplus(self, count: int) -> list[Path]:
        """Return the parts beyond a number of them, and their checksums, sorted."""
        found = self.path.glob(f"{PARTS}*")
        return sorted(path for path in found if part_number(path) >= count)

    def locks(self) -> list[Path]:
        """Return the locks that are there, of any process, sorted."""
        return sorted(self.path.glob(".part-*.lock"))


@dataclass(frozen=True)
class CorpusFolder:
    """The folder of a corpus in a cache, with a folder for each way of encoding it."""

    path: Path

    table = FolderFile("corpus.json")
    current = FolderFile("current.json")
    current_lock = FolderFile(".current.json.lock")
    problems = FolderFile("problems.csv")
    problems_lock = FolderFile(".problems.lock")

    def caches(self, modality: str = "") -> list[CacheFolder]:
        """Return the folders of caches, sorted, of one modality or all."""
        found = self.path.glob(f"{modality}-*/" if modality else CACHES)
        return [CacheFolder(path) for path in sorted(found)]


def corpora(cache: Path) -> list[CorpusFolder]:
    """Return the folders of all corpora below `cache`, sorted."""
    return [CorpusFolder(path) for path in sorted(cache.glob("*/"))]


def part_path(folder: Path, number: int) -> Path:
    """Return where the part of that number is kept in the folder of a cache."""
    return CacheFolder(folder).part(number)


def part_lock(part: Path) -> Path:
    """Return the lock of a part, whose path may be that of its checksum."""
    return part.with_name(f".{part.name[:STEM]}.lock")


def part_number(part: Path) -> int:
    """Return the number of a part, whose path may be that of its checksum."""
    return int(part.name[len("part-") : STEM])


def parents(folder: Path) -> set[Path]:
    """Return the folders anywhere below one that hold parts."""
    return {path.parent for path in folder.rglob(PARTS)}

"""The embedding cache: folders of immutable parts, and the corpora they came from.

``<cache>/<corpus>/<modality>-<encoder>-<digest>/part-00000.h5`` and on, each as
`affuse.data.cache.parts` describes. The digest is the recipe's, so what is
found under a name is what the name promises.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from affuse.data.cache.cache_folder import CacheFolder, CorpusFolder, corpora
from affuse.data.cache.checksums import Refused, checksum_path
from affuse.data.cache.parts import Header, header, part_path, read, whole
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.recording_spans import Stretch, stretches
from affuse.data.errors import AffuseError, DamagedFileError, MemoryShortageError
from affuse.data.records import Problem

# Of a fault. Only what is DAMAGED or EXTRA is worth nothing; what is UNKNOWN is as it
# was published, but not by this version, or not for this folder. What is UNREAD may be
# whole: memory was short, or the system could not open it.
DAMAGED, MISSING, EXTRA = "damaged", "missing", "extra"
UNKNOWN, UNREAD = "unknown", "unread"
AGAIN = "repeat the extract command"


@dataclass(frozen=True)
class Embeddings:
    """All rows of one cache folder, in the order of its parts."""

    recipe: Recipe
    ids: tuple[str, ...]
    contents: tuple[str, ...]
    values: np.ndarray  # (n, layers, dim); for frames (sum of steps, layers, dim)
    offsets: np.ndarray | None = None  # (n + 1,) for frames
    head: np.ndarray | None = None  # (n, ratings)
    problems: tuple[Problem, ...] = ()
    scratch: Path | None = None  # of what is gathered, if it is more than memory holds
    stretches: tuple[Stretch | None, ...] = ()  # of recordings; None where unknown

    def pieces(self, rows: np.ndarray) -> Iterator[tuple[int, "Embeddings"]]:
        """All that hold some of these rows, and the number of the first row of each."""
        if len(rows):
            yield 0, self

    def vector(self, row: int) -> np.ndarray:
        """What was stored for one utterance: (layers, dim) or (steps, layers, dim)."""
        if self.offsets is None:
            return np.asarray(self.values[row])
        return np.asarray(self.values[self.offsets[row] : self.offsets[row + 1]])


@dataclass(frozen=True)
class Cache:
    """One folder of parts, as `find` sees it without reading the rows."""

    path: Path
    recipe: Recipe
    planned: int  # parts
    present: tuple[int, ...]  # numbers of the parts that are there
    rows: int  # utterances in them
    versions: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()  # that its parts remember

    @property
    def complete(self) -> bool:
        """Whether every planned part is there."""
        return set(range(self.planned)) <= set(self.present)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one part, or with a whole folder."""

    path: Path
    kind: str  # DAMAGED, MISSING, EXTRA, UNKNOWN or UNREAD
    reason: str  # in a sentence
    files: tuple[Path, ...] = ()  # that are worth nothing


def load(cache: Cache) -> Embeddings:
    """Read every part of a cache folder, checked against checksum and recipe.

    Raises:
        AffuseError: if a part is damaged, of another recipe, or repeats an id
    """
    parts = [read(part_path(cache.path, n), cache.recipe) for n in cache.present]
    rows = [arrays for arrays, _ in parts if len(arrays["ids"])]
    frames = cache.recipe.pooling == "frames"
    steps = [np.diff(arrays["offsets"]) for arrays in rows] if frames else []
    values = joined(rows, "values" if frames else "embeddings")
    return Embeddings(
        recipe=cache.recipe,
        ids=unique(cache.path, rows),
        contents=tuple(c.decode() for arrays in rows for c in arrays["contents"]),
        values=np.empty((0, 0, 0), np.float32) if values is None else values,
        offsets=np.cumsum(np.concatenate([[0], *steps])) if frames else None,
        head=joined(rows, "head"),
        problems=tuple(p for _, problems in parts for p in problems),
        stretches=tuple(s for arrays in rows for s in stretches(arrays)),
    )


def joined(parts: Sequence[Mapping[str, np.ndarray]], name: str) -> np.ndarray | None:
    """One array of all parts; None if no part has it."""
    found = [arrays[name] for arrays in parts if name in arrays]
    return np.concatenate(found) if found else None


def unique(folder: Path, parts: Sequence[Mapping[str, np.ndarray]]) -> tuple[str, ...]:
    """Ids of all parts.

    Raises:
        AffuseError: if one is there twice
    """
    ids = tuple(i.decode() for arrays in parts for i in arrays["ids"])
    if twice := [i for i, count in Counter(ids).items() if count > 1]:
        raise AffuseError(
            f"{folder} holds utterance '{twice[0]}' twice; delete it and extract again"
        )
    return ids


def numbers(folder: Path) -> tuple[int, ...]:
    """Numbers of the parts in a folder, in order."""
    return tuple(CacheFolder(folder).parts())


def extra(folder: Path, count: int) -> list[Path]:
    """Files of parts beyond those planned, and their checksums."""
    return CacheFolder(folder).surplus(count)


def folders(cache: Path, corpus: str = "") -> list[Path]:
    """Every folder below `cache` that holds parts, of one corpus or all, sorted."""
    named = [CorpusFolder(cache / corpus)] if corpus else corpora(cache)
    found = (each.path for folder in named for each in folder.caches())
    return sorted(path for path in found if numbers(path))


def look(folder: Path) -> Cache | None:
    """What one folder holds, without reading the rows; None if no part is there.

    Raises:
        AffuseError: if a part is no part of this project; the sentence names it
    """
    present = numbers(folder)
    headers = [header(part_path(folder, number)) for number in present]
    if not headers:
        return None
    plans = sorted({h.parts for h in headers})
    if len(plans) > 1:
        raise AffuseError(
            f"{folder} holds parts of caches of {' and of '.join(map(str, plans))} "
            f"parts; delete it and extract again"
        )
    return Cache(
        path=folder,
        recipe=headers[0].recipe,
        planned=plans[0],
        present=present,
        rows=sum(h.rows for h in headers),
        versions=headers[0].versions,
        problems=tuple(problem for h in headers for problem in h.problems),
    )


def find(cache: Path, corpus: str = "") -> Iterator[Cache]:
    """Every cache folder below `cache`, of one corpus or all, sorted by path.

    Raises:
        AffuseError: if one of them is damaged; the sentence names the part
    """
    for folder in folders(cache, corpus):
        found = look(folder)
        if found is not None:
            yield found


def faults(folder: Path) -> Iterator[Fault]:
    """Everything that is wrong with a folder of parts, each byte checked."""
    heads: dict[int, Header] = {}
    for number in numbers(folder):
        path = part_path(folder, number)
        try:
            heads[number] = whole(path)
        except Refused as error:
            yield Fault(path, DAMAGED, str(error), (path, checksum_path(path)))
        except DamagedFileError as error:
            yield Fault(path, UNKNOWN, str(error))
        except (MemoryShortageError, OSError) as error:
            yield Fault(path, UNREAD, str(error))
    if not heads:
        return
    name, recipes = folder.name, [head.recipe for head in heads.values()]
    own = next((r for r in recipes if r.folder() == name), recipes[0])
    if own.folder() != name:
        reason = f"{folder} holds parts of {own.folder()}; give it that name"
        yield Fault(folder, UNKNOWN, reason)
    for number, head in heads.items():
        if difference := head.recipe.difference(own):
            path = part_path(folder, number)
            reason = f"{path} was extracted with {difference} as the others; remove it"
            yield Fault(path, UNKNOWN, reason)
    yield from _plan(folder, {h.parts for h in heads.values() if h.recipe == own})


def _plan(folder: Path, plans: set[int]) -> Iterator[Fault]:
    """Parts that are missing, or too many, by what the others say."""
    present, planned = numbers(folder), max(plans)
    if len(plans) > 1:
        reason = f"{folder} holds parts of plans of {sorted(plans)} parts"
        yield Fault(folder, MISSING, f"{reason}; {AGAIN}")
    if more := [n for n in present if n >= planned]:
        reason = f"{folder} has {planned} parts by plan; delete its others, {more}"
        yield Fault(folder, EXTRA, reason, tuple(extra(folder, planned)))
    if missing := sorted(set(range(planned)) - set(present)):
        first = part_path(folder, missing[0]).name
        reason = f"{folder} lacks {len(missing)} of {planned} parts"
        yield Fault(folder, MISSING, f"{reason}, the first is {first}; {AGAIN}")

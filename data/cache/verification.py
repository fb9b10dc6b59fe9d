"""Checks every file of caches and runs against its digest, for the verify command."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.cache import store
from affuse.data.cache.cache_folder import PART, CorpusFolder, parents
from affuse.data.cache.checksums import checksum_path
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_information import read_info
from affuse.data.system import digests
from affuse.data.system.progress import bar

NAME = re.compile(r"[^-]+-[^-]+-.+")  # of a cache: modality, encoder, digest
WRITTEN = (".json", ".csv", ".toml", ".safetensors", ".svg")  # by commands
OLDER = "no digests: made by an older version"
INTERRUPTED = "no digests: its command was interrupted; repeat it"


@dataclass
class Verified:
    """What was found below one folder."""

    folder: Path
    files: int = 0  # compared with a manifest
    parts: int = 0  # of caches, compared with the checksum beside each
    faults: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # for lack of memory, or by errors
    notes: list[str] = field(default_factory=list)  # of what cannot be checked

    @property
    def empty(self) -> bool:
        """Return True if there was nothing to check."""
        return not (self.files or self.parts or self.problems or self.notes)

    @property
    def problems(self) -> list[str]:
        """Return a sentence for each file that is not known to be whole."""
        return [*self.faults, *self.unread]

    def summary(self) -> str:
        """Say in one line how much was checked."""
        counts = {"damaged or missing": self.faults, "not read": self.unread}
        words = [f"{len(found)} {name}" for name, found in counts.items() if found]
        end = ", ".join(words) or "all whole"
        sizes = {"files": self.files, "parts": self.parts}
        if not any(sizes.values()) and not words:
            return f"nothing could be checked below {self.folder}"
        checked = " and ".join(f"{n} {name}" for name, n in sizes.items() if n)
        return f"{checked or 'nothing'} below {self.folder}, {end}"


def command(
    say: Callable[[str], object],
    *,
    folders: Sequence[Path],
    usual: Sequence[Path],
    progress: bool = True,
) -> bool:
    """Verify folders, and say what is wrong, what cannot be checked, and the counts.

    Args:
        say: told each line
        folders: caches, runs, or folders of them; none for `usual`
        usual: folders that are looked at if they are there
        progress: show a bar

    Returns:
        whether nothing is damaged, missing or left unread

    Raises:
        FileNotFoundError: if a folder that was named holds nothing to verify
    """
    found = [verify(folder, progress=progress) for folder in folders or usual]
    for each in found:
        if folders and each.empty:
            raise FileNotFoundError(
                f"neither a cache nor a run below {each.folder}; name one, or a folder "
                f"that holds some"
            )
    if all(each.empty for each in found):
        say(f"neither a cache nor a run below {' or '.join(map(str, usual))}")
    for each in (each for each in found if not each.empty):
        for sentence in (*each.problems, *each.notes):
            say(sentence)
        say(each.summary())
    return not any(each.problems for each in found)


def verify(folder: Path, *, progress: bool = False) -> Verified:
    """Check everything below a folder.

    Args:
        folder: a cache, a run, or a folder of several
        progress: show a bar over the files
    """
    found = Verified(folder)
    manifests = sorted(path.parent for path in folder.rglob(digests.MANIFEST))
    places = parents(folder)
    caches = sorted(place for place in places if NAME.fullmatch(place.name))
    tasks = [*((_listed, f) for f in manifests), *((_cached, f) for f in caches)]
    with bar(
        total=len(tasks), name="verify", unit="folders", show=progress, delay=1.0
    ) as shown:
        for task, each in tasks:
            task(each, found)
            shown.update()
    for each in _without(folder, set(manifests)):
        run = RunFolder(each)
        lost = run.info.exists() and run.predictions.exists()
        if lost and _reason(each) == INTERRUPTED:  # it is written before the tables
            found.faults.append(
                f"{each / digests.MANIFEST} is missing, so nothing beside it can be "
                f"checked; repeat the train command"
            )
        else:
            found.notes.append(f"{each}: {_reason(each)}")
    return found


def _listed(folder: Path, found: Verified) -> None:
    """Compare the files of one folder with its manifest."""
    try:
        known = digests.read(folder) or {}
    except (OSError, DamagedFileError) as error:
        found.faults.append(str(error))
        return
    for name, digest in known.items():
        if PART.fullmatch(Path(name).name):
            found.faults += _part(folder, name, digest)
        else:
            found.files += 1
            found.faults += _fault(folder / name, digest)
    found.notes += _strangers(folder, known)
    reason = _reason(folder)
    found.notes += [
        f"{path} has {reason}"
        for path in sorted(folder.iterdir())
        if path.suffix in WRITTEN and path.name[0] != "." and path.name not in known
    ]


def _strangers(folder: Path, known: digests.Digests) -> Iterator[str]:
    """Name the models of a run that its manifest does not list, while it lists some."""
    if not any(name.endswith(f"/{digests.MANIFEST}") for name in known):
        return
    for path in sorted(folder.glob(f"*/*/{digests.MANIFEST}")):
        if str(path.relative_to(folder)) not in known:
            yield (
                f"{path.parent} is no model that {folder / digests.MANIFEST} lists: "
                f"its training was interrupted, or it was copied there; it is not used"
            )


def faults(folder: Path) -> Iterator[str]:
    """Say what is wrong with each file that the manifest of a folder lists.

    Raises:
        DamagedFileError: if the manifest itself is damaged
    """
    for name, wanted in (digests.read(folder) or {}).items():
        yield from _fault(folder / name, wanted)


def _fault(path: Path, wanted: str) -> Iterator[str]:
    """Say what is wrong with a file, if anything is."""
    try:
        if digests.digest(path) != wanted:
            yield digests.damage(path)
    except FileNotFoundError:
        yield digests.missing(path)
    except (OSError, DamagedFileError) as error:
        yield str(error)


def _part(folder: Path, name: str, digest: str) -> Iterator[str]:
    """Compare a part's own checksum, which its bytes are compared with elsewhere."""
    path = folder / name
    if not path.parent.is_dir():
        yield f"{path} is missing, with its whole folder; repeat the extract command"
        return
    try:
        with digests.opened(checksum_path(path), limit=1_000) as file:
            stated = file.read().decode(errors="replace")
    except (OSError, DamagedFileError):
        return  # a part that is missing, or has no checksum, is named as such
    if not stated.startswith(digest):
        yield f"{path} is not the part that {folder / digests.MANIFEST} lists"


def _cached(folder: Path, found: Verified) -> None:
    """Check every part of one cache."""
    found.parts += len(store.numbers(folder))
    for fault in store.faults(folder):
        where = found.unread if fault.kind == store.UNREAD else found.faults
        where.append(fault.reason)


def _without(folder: Path, listed: set[Path]) -> list[Path]:
    """Return runs, models and corpora that have no manifest."""
    marks = (RunFolder.info, RunFolder.predictions, CorpusFolder.table)
    places = {path.parent for mark in marks for path in folder.rglob(mark)}
    return sorted(places - listed)


def _reason(folder: Path) -> str:
    """Say why a folder has no digests: models and runs know who made them."""
    run = folder if RunFolder(folder).info.exists() else folder.parent.parent
    try:
        return INTERRUPTED if read_info(run).code else OLDER
    except (OSError, AffuseError):
        return OLDER

"""Verification of caches and runs: every file is compared with its digest."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.cache import cache_faults, store
from affuse.data.cache.cache_folder import PART, CorpusFolder, parents
from affuse.data.cache.checksums import checksum_path
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.options.maintenance_options import VerifyCaches
from affuse.data.options.run_options import Verify
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_information import read_info
from affuse.data.system import digests
from affuse.data.system.progress import bar
from affuse.data.system.work_log import read_work

NAME = re.compile(r"[^-]+-[^-]+-.+")  # of a cache: modality, encoder, digest
WRITTEN = (".json", ".csv", ".toml", ".safetensors", ".svg")  # by commands
OLDER = "no digests: made by an older version"
INTERRUPTED = "no digests: its command was interrupted; repeat it"


@dataclass
class VerificationResult:
    """Result of the verification of one folder."""

    folder: Path
    files: int = 0  # compared with a manifest
    parts: int = 0  # of caches, compared with the checksum beside each
    faults: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # too little memory, or an error
    notes: list[str] = field(default_factory=list)  # about files without a digest

    @property
    def empty(self) -> bool:
        """True if there was nothing to check."""
        return not (self.files or self.parts or self.problems or self.notes)

    @property
    def problems(self) -> list[str]:
        """Sentences about each file that is damaged, missing or not read."""
        return [*self.faults, *self.unread]

    def summary(self) -> str:
        """Return a line with the numbers of files, parts and faults."""
        counts = {"damaged or missing": self.faults, "not read": self.unread}
        words = [f"{len(items)} {name}" for name, items in counts.items() if items]
        end = ", ".join(words) or "all intact"
        sizes = {"files": self.files, "parts": self.parts}
        if not any(sizes.values()) and not words:
            return f"nothing could be checked below {self.folder}"
        checked = " and ".join(f"{n} {name}" for name, n in sizes.items() if n)
        return f"{checked or 'nothing'} below {self.folder}, {end}"


def command(
    print_line: Callable[[str], object],
    options: Verify | VerifyCaches,
    *,
    progress: bool = True,
) -> bool:
    """Verify folders, and print faults, files without a digest, and counts.

    A new project has nothing to verify, which is no error unless the user named a
    folder.

    Args:
        print_line: function that prints a line
        options: of the command line
        progress: True to show a progress bar

    Returns:
        True if no file is damaged, missing or not read

    Raises:
        FileNotFoundError: if a FOLDER that was named holds nothing to verify, or if the
            folders that options name do
    """
    folders: Sequence[Path] = ()
    usual = [options.cache]
    if isinstance(options, Verify):
        folders, usual = options.folders, [*usual, options.runs]
    results = [verify(folder, progress=progress) for folder in folders or usual]
    for each in results:
        if folders and each.empty:
            raise FileNotFoundError(
                f"neither a cache nor a run below {each.folder}; name one, or a folder "
                f"that holds some"
            )
    if all(each.empty for each in results):
        places = " or ".join(map(str, usual))
        if not options.is_default:
            raise FileNotFoundError(
                f"neither a cache nor a run below {places}; name folders that hold some"
            )
        print_line(f"nothing to verify: neither a cache nor a run below {places}")
    for each in (each for each in results if not each.empty):
        for sentence in (*each.problems, *each.notes):
            print_line(sentence)
        print_line(each.summary())
    return not any(each.problems for each in results)


def verify(folder: Path, *, progress: bool = False) -> VerificationResult:
    """Verify all caches and runs below a folder and return the result.

    Args:
        folder: a cache, a run, or a folder of several
        progress: True to show a progress bar over the folders
    """
    result = VerificationResult(folder)
    manifests = sorted(path.parent for path in folder.rglob(digests.MANIFEST))
    holders = parents(folder)
    caches = sorted(place for place in holders if NAME.fullmatch(place.name))
    tasks = [*((_listed, f) for f in manifests), *((_cached, f) for f in caches)]
    with bar(
        total=len(tasks), name="verify", unit="folders", show=progress, delay=1.0
    ) as progress_bar:
        for task, each in tasks:
            task(each, result)
            progress_bar.update()
    for log in sorted(folder.rglob(RunFolder.work)):
        result.faults += _log_faults(log)
    for each in _without(folder, set(manifests)):
        run = RunFolder(each)
        finished = run.info.exists() and run.predictions.exists()
        # A complete run has a manifest, because it is written before the tables.
        if finished and _reason(each) == INTERRUPTED:
            result.faults.append(
                f"{each / digests.MANIFEST} is missing, so nothing beside it can be "
                f"checked; repeat the train command"
            )
        else:
            result.notes.append(f"{each}: {_reason(each)}")
    return result


def _log_faults(log: Path) -> Iterator[str]:
    """Yield a sentence about a log of work that cannot be read; it has no digest."""
    try:
        unread = read_work(log).unread
    except (OSError, DamagedFileError) as error:
        yield f"{error}; remove it, it holds only times"
        return
    if unread:
        yield f"{log} has {unread} damaged lines; remove it, it holds only times"


def _listed(folder: Path, result: VerificationResult) -> None:
    """Compare the files of one folder with its manifest."""
    try:
        manifest = digests.read(folder) or {}
    except (OSError, DamagedFileError) as error:
        result.faults.append(str(error))
        return
    for name, digest in manifest.items():
        if PART.fullmatch(Path(name).name):
            result.faults += _part(folder, name, digest)
        else:
            result.files += 1
            result.faults += _fault(folder / name, digest)
    result.notes += _unlisted_models(folder, manifest)
    reason = _reason(folder)
    result.notes += [
        f"{path} has {reason}"
        for path in sorted(folder.iterdir())
        if path.suffix in WRITTEN and path.name[0] != "." and path.name not in manifest
    ]


def _unlisted_models(folder: Path, manifest: digests.Digests) -> Iterator[str]:
    """Yield sentences about models that a run's manifest lacks, if it lists others."""
    if not any(name.endswith(f"/{digests.MANIFEST}") for name in manifest):
        return
    for path in sorted(folder.glob(f"*/*/{digests.MANIFEST}")):
        if str(path.relative_to(folder)) not in manifest:
            yield (
                f"{path.parent} is not listed in {folder / digests.MANIFEST}: its "
                f"training was interrupted, or it was copied there; it is not used"
            )


def faults(folder: Path) -> Iterator[str]:
    """Yield a sentence about each damaged or missing file of a folder's manifest.

    Args:
        folder: of the manifest

    Raises:
        DamagedFileError: if the manifest itself is damaged
    """
    for name, digest in (digests.read(folder) or {}).items():
        yield from _fault(folder / name, digest)


def _fault(path: Path, expected: str) -> Iterator[str]:
    """Yield a sentence about a file if its digest differs or it cannot be read."""
    try:
        if digests.digest(path) != expected:
            yield digests.damage_message(path)
    except FileNotFoundError:
        yield digests.missing_message(path)
    except (OSError, DamagedFileError) as error:
        yield str(error)


def _part(folder: Path, name: str, digest: str) -> Iterator[str]:
    """Compare the digest of a part in a manifest with its checksum file.

    `_cached` compares the bytes of the part with the checksum file.
    """
    path = folder / name
    if not path.parent.is_dir():
        yield f"{path} is missing, with its whole folder; repeat the extract command"
        return
    try:
        with digests.open_checked(checksum_path(path), limit=1_000) as file:
            stated = file.read().decode(errors="replace")
    except (OSError, DamagedFileError):
        return  # `_cached` reports a missing part, and one without a checksum
    if not stated.startswith(digest):
        yield f"{path} is not the part that {folder / digests.MANIFEST} lists"


def _cached(folder: Path, result: VerificationResult) -> None:
    """Check each part of one cache."""
    result.parts += len(store.part_numbers(folder))
    for fault in cache_faults.find_faults(folder):
        reasons = result.unread if fault.kind == cache_faults.UNREAD else result.faults
        reasons.append(fault.reason)


def _without(folder: Path, listed: set[Path]) -> list[Path]:
    """Return the folders of runs, models and corpora that have no manifest."""
    marks = (RunFolder.info, RunFolder.predictions, CorpusFolder.table)
    holders = {path.parent for mark in marks for path in folder.rglob(mark)}
    return sorted(holders - listed)


def _reason(folder: Path) -> str:
    """Return the reason why a folder has no digests, by the version of its run."""
    run = folder if RunFolder(folder).info.exists() else folder.parent.parent
    try:
        return INTERRUPTED if read_info(run).code else OLDER
    except (OSError, AffuseError):
        return OLDER

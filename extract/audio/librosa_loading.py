"""Import of librosa, with compiled functions that no two processes write at once.

librosa compiles functions with numba while its modules are imported. numba stores the
code of a generalised ufunc in two files: the function, and the loop that calls it. The
name of the function contains a number that depends on the process. If two processes
compile at the same time, the loop of one can replace that of the other. That loop calls
a function that does not exist, so every process that loads it crashes with a
segmentation fault (https://github.com/numba/numba/issues/10128).

Here, each process stores the code in a temporary folder. Processes share an archive of
that folder, which is only ever replaced as a whole.
"""

import atexit
import hashlib
import importlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import Any

from affuse.data.system.atomic_files import publish

# librosa imports a module when one of its names is first used. These names import every
# module that this project uses.
import_used_modules = attrgetter(
    "feature.delta",
    "feature.mfcc",
    "filters.mel",
    "onset.onset_detect",
    "resample",
    "stft",
    "yin",
)
DIGEST = 32  # bytes at the beginning of an archive
_lock = Lock()  # threads that import librosa together would wait for each other


def load_librosa() -> Any:
    """Return librosa, with every module imported that this project uses.

    The first call in a process takes about 2 s. It takes about 15 s of processor time
    if the archive of compiled functions is missing. If the archive cannot be
    written, this holds for every process.
    """
    with _lock:
        return _load()


@lru_cache(maxsize=1)
def _load() -> Any:
    """Import librosa with the archive, and write the archive if anything is new."""
    import librosa

    numba = importlib.import_module("numba")  # a requirement of librosa, not of affuse
    numba.config.reload_config()  # or the compiler would do so, and undo the changes
    versions = (metadata.version(name) for name in ("librosa", "numba"))
    version = " ".join((str(librosa.__file__), *versions))
    path = archive_path(numba.config.CACHE_DIR, version)
    stored = unpack(path) if path else {}
    # The folder stays until the process ends: functions that are only compiled when
    # they are called store their code later.
    folder = Path(tempfile.mkdtemp(prefix="affuse-librosa-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, content in stored.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    # numba reads these settings when a function is defined.
    private = {"CACHE_DIR": str(folder), "CACHE_LOCATOR_CLASSES": ""}
    usual = {name: getattr(numba.config, name, "") for name in private}
    vars(numba.config).update(private)
    try:
        import_used_modules(librosa)
    finally:
        vars(numba.config).update(usual)
    found = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    if path and found != stored:
        with suppress(OSError):  # the next process will compile again
            publish(path, pack(found))
    return librosa


def archive_path(shared: str, version: str) -> Path | None:
    """Return the path of the archive of compiled functions; None without a home.

    Args:
        shared: value of ``NUMBA_CACHE_DIR``; without one, the archive is in the folder
            for caches of the user
        version: of the code that is compiled, with its place
    """
    chosen = shared or os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(chosen) if chosen else Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor the list of users names a home
        return None
    key = hashlib.sha256(version.encode()).hexdigest()[:12]
    return folder / "affuse" / f"librosa-{key}.archive"


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files: the digest of a zip archive, and that archive.

    Args:
        files: content by name

    Returns:
        the same bytes for the same files
    """
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)  # without the time, which would vary
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=1)
    content = written.getvalue()
    return hashlib.sha256(content).digest() + content


def unpack(path: Path) -> dict[str, bytes]:
    """Return the content of each file in an archive, by its name.

    Nothing is returned if any byte is damaged, because numba trusts its files.

    Args:
        path: of the archive, which may be missing
    """
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    digest, content = content[:DIGEST], content[DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        return {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}

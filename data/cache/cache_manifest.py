"""The parts of a cache in the manifest of its corpus, by the digests beside them.

Each part has its own checksum from the moment it is published. A cache that is complete
is listed as a whole too, so that a part, or a cache, that is lost or exchanged later is
noticed.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from affuse.data.cache import store
from affuse.data.cache.checksums import checksum_path
from affuse.data.cache.parts import part_path
from affuse.data.errors import DamagedFileError
from affuse.data.system import digests

LINE = 200  # bytes of a checksum file, at most

log = logging.getLogger(__name__)


def seal(folder: Path) -> None:
    """List all parts of a complete cache; caches that are gone are named.

    Args:
        folder: of the cache, in the folder of its corpus
    """
    corpus = folder.parent
    listed = digests.readable(corpus)
    found = dict(_stated(folder))
    gone = sorted({name.split("/")[0] for name in listed if "/" in name})
    gone = [name for name in gone if not (corpus / name).is_dir()]
    for name in gone:
        log.warning("%s is gone, and not listed any more", corpus / name)
    lost = [n for n in listed if n.split("/")[0] in (folder.name, *gone) and "/" in n]
    try:
        digests.record(corpus, found, drop=set(lost) - found.keys())
    except OSError as error:  # a cache that is complete may be read-only
        log.warning("%s cannot list its parts: %s", corpus / digests.MANIFEST, error)


def forget(part: Path) -> None:
    """Take a part out of the manifest, before it is made again.

    Args:
        part: its file
    """
    name = f"{part.parent.name}/{part.name}"
    digests.record(part.parent.parent, {}, drop=[name])


def _stated(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each part, and the digest that its checksum file states."""
    for number in store.numbers(folder):
        path = part_path(folder, number)
        try:
            line = digests.content(checksum_path(path), limit=LINE).decode()
        except (OSError, UnicodeDecodeError, DamagedFileError):
            continue  # verify and repair name it
        yield f"{folder.name}/{path.name}", line.split()[0]

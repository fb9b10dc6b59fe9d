"""Parts of caches in the manifest of their corpus, with the digests beside the parts.

Each part is published together with its checksum. A complete cache is also listed in
the manifest, so that verification detects a part or cache that is later lost or
replaced.
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


def list_parts(folder: Path) -> None:
    """List all parts of a complete cache in the manifest of its corpus.

    Caches that no longer exist are removed from the manifest, with a warning.

    Args:
        folder: of the cache, in the folder of its corpus
    """
    corpus = folder.parent
    listed = digests.read_or_empty(corpus)
    parts = dict(_stated_digests(folder))
    missing = sorted({name.split("/")[0] for name in listed if "/" in name})
    missing = [name for name in missing if not (corpus / name).is_dir()]
    changed = (folder.name, *missing)
    for name in missing:
        log.warning(
            "%s does not exist any more, so %s no longer lists it",
            corpus / name,
            digests.MANIFEST,
        )
    entries = [n for n in listed if n.split("/")[0] in changed and "/" in n]
    try:
        digests.add_digests(corpus, parts, drop=set(entries) - parts.keys())
    except OSError as error:  # the folder of a complete cache may be read-only
        log.warning("%s cannot list its parts: %s", corpus / digests.MANIFEST, error)


def unlist_part(part: Path) -> None:
    """Remove a part from the manifest of its corpus, before it is encoded again.

    Args:
        part: path of the part
    """
    name = f"{part.parent.name}/{part.name}"
    digests.add_digests(part.parent.parent, {}, drop=[name])


def _stated_digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each part and the digest in its checksum file."""
    for number in store.part_numbers(folder):
        path = part_path(folder, number)
        try:
            line = digests.content(checksum_path(path), limit=LINE).decode()
        except (OSError, UnicodeDecodeError, DamagedFileError):
            continue  # the commands verify and repair report it
        yield f"{folder.name}/{path.name}", line.split()[0]

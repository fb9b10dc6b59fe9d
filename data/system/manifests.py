"""Text format of a manifest: one line for each file, then a digest of all lines."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from affuse.data.errors import DamagedFileError

HEAD = "# affuse digests 1\n"
END = "# of the lines above: "
LINE = re.compile(r"([0-9a-f]{64})  (\S[^\n]*)\n")
OTHER = re.compile(rb"\\?[0-9a-f]{64} [ *]")  # beginning of other programs' manifests
ADVICE = "restore it, or make the folder again"  # for a damaged manifest
Digests = Mapping[str, str]  # file name, relative to the folder, to 64 hex digits


def is_foreign(content: bytes) -> bool:
    """Return True if another program wrote a manifest."""
    return bool(OTHER.match(content)) and END.encode() not in content


def parse(path: Path, content: bytes) -> Digests:
    """Return the digests in a manifest after checking its form and its last line.

    Args:
        path: of the manifest, for the error
        content: of the manifest

    Raises:
        DamagedFileError: if it differs from what `text` wrote
    """
    text = content.decode("utf-8", errors="replace")
    body, mark, digest = text.rpartition(END)
    lines = body.removeprefix(HEAD).splitlines(keepends=True)
    matches = [LINE.fullmatch(line) for line in lines]
    if not (
        mark
        and body.startswith(HEAD)
        and digest == f"{hashlib.sha256(body.encode()).hexdigest()}\n"
        and all(matches)
    ):
        raise DamagedFileError(
            f"{path} is damaged: it is not as it was written, so nothing beside it can "
            f"be checked; {ADVICE}"
        )
    return {match[2]: match[1] for match in matches if match}


def text(digests: Digests) -> bytes:
    """Return the content of a manifest, with files sorted by name."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    body = "".join([HEAD, *lines])
    return f"{body}{END}{hashlib.sha256(body.encode()).hexdigest()}\n".encode()

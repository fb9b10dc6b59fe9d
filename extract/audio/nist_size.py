"""Comparison of a NIST SPHERE file's size with the samples that its header promises.

libsndfile does not compare them. The header is text: the format, the size of the
header, and then lines of a name, a type and a value.
"""

import re
from pathlib import Path

HEAD = 16  # bytes of the first two lines
LONGEST = 2**16  # bytes of a header
FIELD = re.compile(rb"^(\w+) -i (\d{1,15})\s*$", re.MULTILINE)
SIZES = (b"sample_count", b"channel_count", b"sample_n_bytes")  # names of the fields


def is_cut_off(path: Path) -> bool:
    """Return True if the header promises more samples than the file has.

    Args:
        path: of a file whose samples are not compressed
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        size = head[8:].strip()
        length = min(LONGEST, int(size)) if size.isdigit() else 0
        fields = dict(FIELD.findall(head + file.read(max(0, length - HEAD))))
    sizes = [int(fields[name]) for name in SIZES if name in fields]
    if len(sizes) < len(SIZES):
        return False
    count, channels, width = sizes
    return length + count * channels * width > path.stat().st_size

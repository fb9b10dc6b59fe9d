"""Names of recordings in a column of limited width, shortened in the middle."""

from collections.abc import Iterator

from affuse.data.terminal import printable

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


class RecordingNames:
    """Short names of recordings, different for different recordings.

    It remembers every short name, about 100 bytes for each recording.

    Args:
        width: of the column in characters, at least 8
    """

    def __init__(self, width: int):
        self.width = width
        self.shortened = False  # True after a name was shortened
        self._names: dict[str, str] = {}  # {short name: name}

    def fit(self, name: str) -> str:
        """Return a name that fits the column, equal for equal names.

        Args:
            name: of a recording; characters that are not printable are escaped
        """
        for short in self._candidates(printable(name)):
            if self._names.setdefault(short, name) == name:
                self.shortened |= ELLIPSIS in short
                return short
        raise AssertionError("the candidates do not end")

    def _candidates(self, name: str) -> Iterator[str]:
        """Yield short names: without folders, cut in the middle, cut elsewhere."""
        if len(name) <= self.width:
            yield name
        kept = self.width - 1
        without_folder = f"/{name.rpartition('/')[2]}"
        if 1 < len(without_folder) <= kept:
            yield ELLIPSIS + without_folder
        # The end of a path says more than its folders.
        best = 0 if "/" in name else kept // 2
        for left in sorted(range(kept + 1), key=lambda k: abs(k - best)):
            yield name[:left] + ELLIPSIS + name[len(name) - kept + left :]
        number = 2
        while True:
            end = f"{ELLIPSIS}{number}"
            yield name[: self.width - len(end)] + end
            number += 1

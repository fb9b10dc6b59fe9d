"""CSV tables of fixed columns: published whole, read with the line of every fault."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from data.errors import AffuseError
from data.files import publish


def write_rows(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Publish a table as UTF-8 with a header line, never all of it in memory."""
    writer = csv.writer(_Lines(), lineterminator="\n")
    publish(path, (writer.writerow(row) for row in chain([header], rows)))


class _Lines:
    """Stands in for a file: what a csv writer writes here, its `writerow` returns."""

    def write(self, line: str) -> bytes:
        return line.encode()


def read_rows(path: Path, header: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row; refused if the columns are others."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found; train again to complete the run, or remove its folder"
        )
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        found = next(reader, [])
        if found != list(header):
            raise AffuseError(
                f"{path} has columns {','.join(found)!r}, expected {','.join(header)!r}"
            )
        for row in reader:
            if len(row) != len(header):
                raise AffuseError(
                    f"{path}, line {reader.line_num}: {len(row)} cells, expected "
                    f"{len(header)}; the file is damaged"
                )
            yield reader.line_num, row

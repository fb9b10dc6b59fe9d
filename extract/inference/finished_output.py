"""Comparison of a finished file of predictions with the inputs of a repeated command.

The formats csv, json and jsonl are read back. A file in another format is not known to
be of the same inputs. Only names, texts and times of change are compared; other
windows are not noticed.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO

from affuse.data.errors import OptionError
from affuse.data.reading.corpus_csv import cell
from affuse.data.system.regular_files import TABLE, open_text
from affuse.extract.inference.output_file import OutputRequest
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segments import Recording

Row = tuple[str, str]  # name of a recording, and a text of it; "" for no text


def demand_same_inputs(request: OutputRequest, inputs: Sequence[Found]) -> None:
    """Raise an error if a finished file is not of these inputs.

    Args:
        request: for a file that is finished, see `output_file.is_finished`
        inputs: of the command that would write it

    Raises:
        OptionError: if it has other recordings, texts or columns, a recording was
            changed after it was written, or this cannot be found out
        DamagedFileError: if it is no regular file
        OSError: if it cannot be read
    """
    if difference := _difference(request, inputs):
        raise OptionError(
            f"{request.path} is finished already, but {difference}; remove it, or name "
            f"another file with --output"
        )


def _difference(request: OutputRequest, inputs: Sequence[Found]) -> str:
    """Return how a file differs from the inputs of a command; "" if it does not."""
    path, form = request.path, request.form
    if form not in READERS:
        return f"a file in the format {form} may be of other recordings"
    try:
        # Line ends within cells are kept, see csv.
        with open_text(path, limit=TABLE, encoding="utf-8", newline="") as file:
            written = _texts(_checked(READERS[form](file), request.columns.names))
    except (ValueError, TypeError, csv.Error):
        return f"it is no file in the format {form} with these columns"
    wanted = _texts(_rows(inputs, _cell if form == "csv" else str))
    for name in (*wanted, *written):
        if name not in written:
            return f"it has no predictions of {name!r}"
        if name not in wanted:
            return f"it has predictions of {name!r}, which is not among the recordings"
        if written[name] != wanted[name]:
            return f"it has another text for {name!r}"
    changed = path.stat().st_mtime_ns
    for item in inputs:
        if isinstance(item, Recording) and item.path is not None:
            with suppress(OSError):
                if item.path.stat().st_mtime_ns > changed:
                    return f"{item.file!r} was changed since"
    return ""


def _rows(inputs: Iterable[Found], shown: Callable[[str], str]) -> Iterator[Row]:
    """Yield the rows that a file of some inputs has at least."""
    for item in inputs:
        texts = item.texts if isinstance(item, Recording) else ()
        for text in [each.text or "" for each in texts] or [""]:
            yield shown(item.file), shown(text)


def _texts(rows: Iterable[Row]) -> dict[str, set[str]]:
    """Return the texts of each recording by its name."""
    texts: dict[str, set[str]] = {}
    for name, text in rows:
        texts.setdefault(name, set()).add(text)
    return texts


def _cell(text: str) -> str:
    """Return a text as it is read from a cell of a CSV file."""
    return str(cell(text))


def _checked(
    rows: Iterable[Mapping[str, str | None]], names: tuple[str, ...]
) -> Iterator[Row]:
    """Yield the names and texts of rows; raise ValueError if columns differ."""
    for row in rows:
        if tuple(row) != names:
            raise ValueError(row)
        yield row["file"] or "", row["text"] or ""


def _read_lines(file: IO[str]) -> Iterator[dict[str, str | None]]:
    """Yield the objects of JSON lines."""
    return map(json.loads, file)


def _read_document(file: IO[str]) -> Iterator[dict[str, str | None]]:
    """Yield the objects of a JSON document, in which each segment has a line."""
    for line in file:
        if line.startswith('{"file": '):
            yield json.loads(line.rstrip(",\n"))


READERS: Mapping[str, Callable[[IO[str]], Iterable[Mapping[str, str | None]]]] = {
    "csv": csv.DictReader,
    "json": _read_document,
    "jsonl": _read_lines,
}

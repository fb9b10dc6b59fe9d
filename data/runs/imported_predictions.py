"""Predictions of another system, from a table with one row for each utterance."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.errors import DamagedFileError, OptionError
from affuse.data.rating_scales import RATINGS, rescale
from affuse.data.scale_columns import Scale, format_scale
from affuse.data.system import digests
from affuse.data.system.csv_tables import parse_number
from affuse.data.system.regular_files import TABLE, open_text
from affuse.data.terminal import printable

KEY = "id"
WIDEST = (-1.0, 1.0)  # scale of a table if none is given
MARKS = {";": "semicolons", "\t": "tabs"}  # between columns, in other tables
EXAMPLE = "id,valence,arousal,dominance"


@dataclass(frozen=True)
class ImportedPredictions:
    """Predictions of one system, which was trained elsewhere."""

    label: str  # name of its row
    path: Path
    digest: str  # SHA-256 of the file, hexadecimal
    targets: tuple[str, ...]  # ratings that the table has, in the order of RATINGS
    values: Mapping[str, np.ndarray]  # id -> (targets,) float64 on [-1, 1]
    scale: Scale | None  # as given; None: the file is on [-1, 1]
    unread: tuple[str, ...] = ()  # names of columns that are not read

    def stacked(self) -> np.ndarray:
        """Return all predictions on [-1, 1], float64 of shape (utterances, targets)."""
        return np.stack([*self.values.values()])

    def used_range(self) -> Scale:
        """Return the lowest and the highest prediction on the scale of the file."""
        low, high = self.scale or WIDEST
        least, most = float(self.stacked().min()), float(self.stacked().max())
        half = (high - low) / 2
        return low + (least + 1) * half, low + (most + 1) * half


def read_imported_predictions(
    path: Path, label: str = "", scale: Scale | None = None
) -> ImportedPredictions:
    """Return the predictions in a CSV table with the column ``id`` and the ratings.

    Args:
        path: of the table
        label: name of the system; "" for the name of the file
        scale: lowest and highest rating of the table; None if it is on [-1, 1]

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if it is no such table; the message names the line
        OptionError: if most predictions are outside the scale
    """
    with open_text(path, limit=TABLE, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            heads = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = heads
            targets = _targets(path, heads)
            values = dict(_rows(path, reader, targets, scale or WIDEST))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DamagedFileError(f"{path} is no CSV table: {error}") from error
    if not values:
        raise DamagedFileError(f"{path} has no predictions below its header")
    _check_scale(path, np.stack([*values.values()]), scale)
    return ImportedPredictions(
        label=label.strip() or path.stem,
        path=path,
        digest=digests.digest(path),
        targets=targets,
        values=values,
        scale=scale,
        unread=tuple(name for name in heads if name not in (KEY, *targets)),
    )


def _targets(path: Path, heads: Sequence[str]) -> tuple[str, ...]:
    """Return the ratings of a table's header.

    Raises:
        DamagedFileError: if it lacks the ids or every rating, or repeats a column
    """
    targets = tuple(name for name in RATINGS if name in heads)
    if len(heads) == 1 and (mark := next((m for m in MARKS if m in heads[0]), "")):
        raise DamagedFileError(
            f"{path} has {MARKS[mark]} between its columns; save it with commas, and "
            f"with points in its numbers"
        )
    if KEY not in heads or not targets:
        raise DamagedFileError(
            f"{path} has the columns {printable(', '.join(heads)) or 'none'}; it needs "
            f"{EXAMPLE}, or some of these ratings"
        )
    repeated = [name for name in (KEY, *targets) if heads.count(name) > 1]
    if repeated:
        raise DamagedFileError(f"{path} has the column {repeated[0]} twice; keep one")
    return targets


def _rows(
    path: Path, reader: "csv.DictReader[str]", targets: Sequence[str], scale: Scale
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the id and the ratings of each row, on [-1, 1].

    Raises:
        DamagedFileError: if a rating is no finite number, or an id occurs twice
    """
    low, high = scale
    seen: dict[str, int] = {}
    for row in reader:
        line, id_ = reader.line_num, row[KEY]
        where = f"{path}, line {line}"
        if id_ in seen:
            raise DamagedFileError(
                f"{where}: the id '{printable(id_)}' is also on line {seen[id_]}; give "
                f"one prediction for each utterance, for example the mean over seeds"
            )
        seen[id_] = line
        try:
            numbers = [_parse_rating(row[name], name) for name in targets]
        except ValueError as error:
            raise DamagedFileError(
                f"{where}: {printable(str(error))}; leave out utterances without a "
                f"prediction"
            ) from error
        yield id_, np.array([rescale(n, low=low, high=high) for n in numbers])


def _parse_rating(cell: str | None, name: str) -> float:
    """Return the number in a cell.

    Raises:
        ValueError: if it is no finite number; the message names the column
    """
    if not (cell or "").strip():
        raise ValueError(f"the cell of {name} is empty")
    assert cell is not None  # an absent cell is empty
    try:
        return parse_number(cell)
    except ValueError as error:
        raise ValueError(f"'{cell[:40]}' in {name} is no finite number") from error


def _check_scale(path: Path, values: np.ndarray, scale: Scale | None) -> None:
    """Raise an error if more than half of the predictions are outside the scale.

    Raises:
        OptionError: with the range of the predictions
    """
    outside = float((np.abs(values) > 1).mean())
    if outside <= 0.5:
        return
    if scale is None:
        raise OptionError(
            f"{path}: {outside:.0%} of the predictions are outside [-1, 1]; name the "
            f"lowest and highest rating of their scale, for example --scale 1 5"
        )
    raise OptionError(
        f"{path}: {outside:.0%} of the predictions are outside the scale "
        f"{format_scale(scale)}; name another with --scale"
    )


def read_all_imported(
    paths: Sequence[Path], labels: Sequence[str], scale: Scale | None
) -> tuple[ImportedPredictions, ...]:
    """Return the predictions of several systems, with different labels.

    Args:
        paths: of the tables
        labels: as many as paths, or none
        scale: of all tables; None if they are on [-1, 1]

    Raises:
        OptionError: if labels are missing, or a label occurs twice
        DamagedFileError, FileNotFoundError: as `read_imported_predictions`
    """
    if labels and len(labels) != len(paths):
        raise OptionError(
            f"--import is given {len(paths)} times and --label {len(labels)} times; "
            f"give one label for each file, or none"
        )
    if scale and not paths:
        raise OptionError(
            "--scale is of the predictions of another system; name their table with "
            "--import"
        )
    if scale and not -math.inf < scale[0] < scale[1] < math.inf:
        raise OptionError(
            "--scale names two numbers, the lowest rating first, as in --scale 1 5"
        )
    pairs = zip(paths, labels or [""] * len(paths), strict=True)
    systems = tuple(read_imported_predictions(p, label, scale) for p, label in pairs)
    names = [system.label for system in systems]
    if twice := [name for name in names if names.count(name) > 1]:
        raise OptionError(f"two systems are called '{twice[0]}'; use --label")
    return systems

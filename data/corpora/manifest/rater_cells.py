"""Single ratings in the rows of a table, and notes on cells that hold none."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from affuse.data.errors import AffuseError
from affuse.data.records import Problem
from affuse.data.single_ratings import Summaries, summaries
from affuse.data.tables import cell_values


class RaterCells:
    """Reader of single ratings, which counts the cells that hold none by rating.

    Args:
        scale: lowest and highest nominal rating; None where there are no ratings
    """

    def __init__(self, scale: tuple[float, float] | None) -> None:
        self._scale = scale
        self._total: Counter[str] = Counter()
        self._empty: Counter[str] = Counter()
        self._wrong: dict[str, Counter[str]] = {}  # cells without a number, by rating
        self._outside: dict[str, Counter[str]] = {}  # cells outside the scale

    def read(self, cells: Mapping[str, Sequence[str]]) -> Summaries:
        """Return the summaries of a row, and count its cells.

        Args:
            cells: {rating: cell of each rater, without blanks around it}
        """
        return summaries(
            {
                name: [self._value(name, cell) for cell in of]
                for name, of in cells.items()
            }
        )

    def _value(self, name: str, cell: str) -> float | None:
        """Return the single rating in a cell; None if there is none."""
        self._total[name] += 1
        try:
            value = cell_values.rating(cell)
        except AffuseError:
            self._wrong.setdefault(name, Counter())[cell] += 1
            return None
        if value is None:
            self._empty[name] += 1
        elif self._scale and not self._scale[0] <= value <= self._scale[1]:
            self._outside.setdefault(name, Counter())[cell] += 1
        return value

    def notes(self, file: str) -> Iterator[Problem]:
        """Yield a note on each rating with empty, wrong or unusual cells.

        Args:
            file: name of the table, or of the tables
        """
        for reason in self._reasons():
            yield Problem(file, reason, fatal=False)

    def _reasons(self) -> Iterator[str]:
        """Yield the sentence of each note."""
        for name, count in self._empty.items():
            yield (
                f"{name}: no single rating in {count:,} of {self._total[name]:,} "
                f"cells, which are empty; the rating is the mean of the others"
            )
        for name, cells in self._wrong.items():
            yield (
                f"{name}: no single rating in {_count(cells)} of "
                f"{self._total[name]:,} cells, which hold no number, such as "
                f"{_first(cells)}; write a number such as 3, or leave the cell empty"
            )
        for name, cells in self._outside.items():
            yield (
                f"{name}: a single rating outside the scale in {_count(cells)} of "
                f"{self._total[name]:,} cells, such as {_first(cells)}; it is kept, so "
                f"leave the cell empty if it marks a missing rating"
            )


def _count(cells: Counter[str]) -> str:
    return f"{cells.total():,}"


def _first(cells: Counter[str]) -> str:
    """Return the most frequent cell, quoted."""
    ((cell, _),) = cells.most_common(1)
    return repr(cell)

"""Notes on transcripts and times of a table that are probably wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from affuse.data.records import Problem
from affuse.data.tables import cell_values
from affuse.data.terminal import printable

ERRORS = frozenset(  # which spreadsheets write instead of a value
    "#N/A #NAME? #DIV/0! #REF! #VALUE! #NUM! #NULL! #CALC! #SPILL! #ERROR!".split()
)
WORDS = 3  # least number of words without digits in an id that may be a sentence
LOST = "\ufffd"  # which decoders write instead of a character that they cannot read


class TextCells:
    """Counter of doubtful cells over the rows, with one note for each kind."""

    def __init__(self) -> None:
        self._errors: Counter[str] = Counter()  # of a spreadsheet
        self._unseen = self._lost = self._rows = 0
        self._sentences: list[str] = []  # ids of rows without a text that are sentences
        self._starts: Counter[bool] = Counter()  # in rows with an end; True: stated

    def count(self, cells: Mapping[str, str]) -> None:
        """Add the cells of one row, by role."""
        self._rows += 1
        if "text" not in cells and _is_sentence(name := cells.get("id", "")):
            self._sentences.append(name)
        text = cells.get("text", "")
        word = text.strip()
        if word in ERRORS:
            self._errors[word] += 1
        self._unseen += cell_values.is_unseen(word)
        self._lost += LOST in text
        if "start" in cells and _is_stated(cells.get("end", "")):
            self._starts[_is_stated(cells["start"])] += 1

    def notes(self, file: str) -> Iterator[Problem]:
        """Yield one note for each kind of doubtful cell.

        Args:
            file: name of the table, or of the tables
        """
        for word, count in self._errors.items():
            reason = (
                f"{word!r}, an error of a spreadsheet, is read as a text (rows: "
                f"{count}); correct these cells, or write NaN where the transcript is "
                f"missing"
            )
            yield Problem(file, reason, fatal=False)
        if 2 * len(self._sentences) > self._rows:
            reason = _sentences_reason(self._sentences)
            yield Problem(file, reason, fatal=False)
        if self._unseen:
            yield Problem(file, _unseen_reason(self._unseen), fatal=False)
        if self._lost:
            yield Problem(file, _lost_reason(self._lost), fatal=False)
        if self._starts[True] and (count := self._starts[False]):
            reason = f"an end is stated, but no start (rows: {count}); it is read as 0"
            yield Problem(file, reason, fatal=False)


def _is_stated(cell: str) -> bool:
    return cell.casefold() not in cell_values.MISSING


def _is_sentence(name: str) -> bool:
    """Return True if an id may be a sentence, unlike ``Speaker 1 clip 2``."""
    return len([w for w in name.split() if not any(map(str.isdigit, w))]) >= WORDS


def _sentences_reason(ids: Sequence[str]) -> str:
    return (
        f"ids look like sentences, such as '{printable(ids[0])}' (rows: {len(ids)}), "
        f"and no column is read as the text; if the column of ids has the transcripts, "
        f"say --map id= --map text=COLUMN"
    )


def _unseen_reason(count: int) -> str:
    return f"texts without a character that can be seen count as empty (rows: {count})"


def _lost_reason(count: int) -> str:
    return (
        f"texts hold U+FFFD, which stands for a character that was lost (rows: "
        f"{count}); save the table again from its source"
    )

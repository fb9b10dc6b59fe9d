"""Notes on words and times of a table that are ambiguous or not understood."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from affuse.data.records import Problem
from affuse.data.tables import cell_values, span_columns
from affuse.data.terminal import printable

NAMES = ("speaker", "session", "dialogue")  # roles whose cells are names
CODES: Mapping[str, Mapping[str, object]] = {  # role -> words that its cells may hold
    "sex": cell_values.SEXES,
    "scripted": cell_values.SCRIPTED,
}
SHOWN = 5  # words that one note names
MARK = re.compile(r"\[[A-Za-z_]+\]")  # sound token, such as [LAUGHTER]


class Words:
    """Counter of ambiguous words over the rows, with one note for each kind."""

    def __init__(self) -> None:
        self._names: Counter[tuple[str, str]] = Counter()  # by role and word
        self._strange: dict[str, Counter[str]] = {}  # words outside `CODES`, by role
        self._ids: list[str] = []  # with characters that are written as escapes
        self._durations = 0  # that differ from the time between start and end
        self._missing: Counter[str] = Counter()  # texts that may mark a missing value
        self._marks: Counter[str] = Counter()  # sound tokens in texts
        self._marked = 0  # texts with sound tokens

    def count(self, cells: Mapping[str, str]) -> None:
        """Add the words of one row, by role."""
        for role in NAMES:
            if cell_values.is_doubtful(word := cells.get(role, "")):
                self._names[role, word] += 1
        if not (name := cells.get("id", "")).isprintable():
            self._ids.append(printable(name))
        self._durations += span_columns.contradict(cells)
        # Rows without audio are written texts: no sound tokens, nothing is missing.
        text = cells.get("text", "").strip() if cells.get("file") else ""
        if text.casefold() in cell_values.MISSING - {""}:
            self._missing[text] += 1
        marks = {*MARK.findall(text)}
        self._marks.update(marks)
        self._marked += bool(marks)
        for role, words in CODES.items():
            word = cells.get(role, "").casefold()
            if (
                word not in words
                and word not in cell_values.MISSING
                and word != "unknown"
            ):
                self._strange.setdefault(role, Counter())[word] += 1

    def notes(self, file: str) -> Iterator[Problem]:
        """Yield one note for each kind of ambiguous word.

        Args:
            file: name of the table, or of the tables
        """
        for reason in self._reasons():
            yield Problem(file, reason, fatal=False)

    def _reasons(self) -> Iterator[str]:
        """Yield the sentence of each note."""
        for (role, word), count in self._names.items():
            yield (
                f"{word!r} is read as the name of a {role} (rows: {count}); if it "
                f"means that the {role} is not known, leave these cells empty"
            )
        if self._ids:
            yield (
                f"the id has characters that are not printed, such as no-break blanks; "
                f"they are kept as escapes, as in '{self._ids[0]}' (rows: "
                f"{len(self._ids)})"
            )
        if self._durations:
            yield (
                f"the duration is not the time from the start to the end (rows: "
                f"{self._durations}); the end is used; to use the duration, say --map "
                f"end="
            )
        yield from self._texts()
        for role, strange in self._strange.items():
            words = ", ".join(repr(word) for word, _ in strange.most_common(SHOWN))
            rest = f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
            yield (
                f"{role} is not read where it is {words}{rest} (rows: "
                f"{strange.total()}); write one of {', '.join(CODES[role])}"
            )

    def _texts(self) -> Iterator[str]:
        """Yield a note for each word that may mark a missing text, and one on marks."""
        for word, count in self._missing.items():
            reason = f"{word!r} is read as a missing transcript (rows: {count})"
            if cell_values.transcript(word) is not None:
                reason = (
                    f"{word!r} is read as the words of an utterance (rows: {count}); "
                    f"if its transcript is missing, write NaN"
                )
            yield reason
        if self._marks:
            marks = ", ".join(repr(mark) for mark, _ in self._marks.most_common(SHOWN))
            yield (
                f"marks in brackets, such as {marks}, are read as words (rows: "
                f"{self._marked}); if they are marks of sounds, take them out of the "
                f"table"
            )

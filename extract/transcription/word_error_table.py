"""Word errors of a corpus: one row for each utterance, and the sums over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from affuse.data.reading.corpus_csv import cell
from affuse.data.records import Utterance
from affuse.data.system.csv_tables import write_rows
from affuse.extract.transcription.word_errors import WordErrors, count_errors

COLUMNS = (
    "id", "words", "substitutions", "deletions", "insertions", "word_error_rate",
    "gold", "recognised",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class UtteranceErrors:
    """Transcripts of one utterance, and the errors of the recognised one."""

    id: str
    gold: str
    recognised: str
    errors: WordErrors


def compare_transcripts(
    utterances: Sequence[Utterance], recognised: Mapping[str, str]
) -> list[UtteranceErrors]:
    """Return the word errors of each utterance that has both transcripts.

    Args:
        utterances: with gold transcripts as their `text`, or None
        recognised: transcripts by the id of the utterance
    """
    return [
        UtteranceErrors(u.id, u.text, found, count_errors(u.text, found))
        for u in utterances
        if u.text is not None and (found := recognised.get(u.id)) is not None
    ]


def write_word_errors(path: Path, rows: Sequence[UtteranceErrors]) -> None:
    """Write the word errors of each utterance as a CSV table.

    The table holds both transcripts. The rate is empty if the gold transcript has no
    words.

    Args:
        path: of the table, which is replaced if it exists
        rows: one for each utterance

    Raises:
        OSError: if it cannot be written
    """
    write_rows(path, COLUMNS, map(_cells, rows))


def _cells(row: UtteranceErrors) -> list[object]:
    """Return the cells of one row."""
    e = row.errors
    rate = "" if e.rate is None else f"{e.rate:.6f}"
    counts = (e.words, e.substitutions, e.deletions, e.insertions)
    return [cell(row.id), *counts, rate, cell(row.gold), cell(row.recognised)]


def describe_errors(rows: Sequence[UtteranceErrors]) -> str:
    """Return the line on the word error rate over all utterances.

    Args:
        rows: at least one

    Examples:
        >>> row = UtteranceErrors("a", "x y", "x", WordErrors(2, 0, 1, 0))
        >>> describe_errors([row]).partition(" (")[0]
        'word error rate: 50.0 % of 2 words in 1 utterances'
    """
    total = WordErrors.total(row.errors for row in rows)
    rate = "not defined" if total.rate is None else f"{100 * total.rate:.1f} %"
    return (
        f"word error rate: {rate} of {total.words:,} words in {len(rows):,} utterances "
        f"({total.substitutions:,} substitutions, {total.deletions:,} deletions, "
        f"{total.insertions:,} insertions)"
    )

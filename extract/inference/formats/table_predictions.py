"""Table of predictions for people, with one line for each segment.

Values are on the scale of the training data. A page of 80 columns holds three ratings
with intervals. Emotion words that do not fit beside them stand in the next line.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from affuse.data.rating_scales import DIRECTIONS
from affuse.data.terminal import printable
from affuse.extract.inference.emotion_words import NOTE, nearest_words
from affuse.extract.inference.formats.table_cells import (
    PLUS_MINUS,
    SPEAKER,
    TIME,
    TableCells,
    span,
    speaker,
)
from affuse.extract.inference.predicted_segments import ModelFacts, PredictedSegment
from affuse.extract.inference.prediction_columns import (
    NATURES,
    PredictionColumns,
    best_values,
)
from affuse.extract.inference.prediction_format import WIDTH
from affuse.fuse.wording import count

INDENT = "    "  # of the further lines of a reason
MOST_NOTES = 10  # different notes on the input that are listed


def render(
    columns: PredictionColumns,
    recordings: Iterable[Sequence[PredictedSegment]],
    *,
    width: int = WIDTH,
) -> Iterator[str]:
    """Yield the heading, the lines of each recording, and the footnotes.

    Args:
        columns: of the output
        recordings: segments of each recording
        width: of the page in columns
    """
    cells = TableCells(columns, width)
    yield "".join(f"{line}\n" for line in _heading(columns, cells, width))
    notes: Counter[str] = Counter()
    total, failed = 0, 0
    for segments in recordings:
        total += 1
        failed += any(segment.reason for segment in segments)
        notes.update(note for segment in segments for note in segment.notes)
        rows = (_row(columns, cells, segment, width) for segment in segments)
        yield "".join(f"{row}\n" for row in rows)
    sentences = [*_footnotes(columns, cells), *_input_notes(notes)]
    if failed:
        sentences.append(
            f"{failed:,} of {count(total, 'recording')} could not be predicted in "
            f"full; their lines say why"
        )
    lines = [line for text in sentences for line in _wrapped(f"{text}.", width)]
    yield "".join(f"{line}\n" for line in ("", *lines))


def _heading(
    columns: PredictionColumns, cells: TableCells, width: int
) -> Iterator[str]:
    """Yield sentences on the model and the ratings, and the heads of the columns."""
    yield from _wrapped(f"{_model(columns.facts)}.", width)
    low, high = (f"{bound:g}" for bound in cells.scale)
    directions = (
        f"{name} from {low} ({DIRECTIONS[name][0]}) to {high} ({DIRECTIONS[name][1]})"
        for name in columns.facts.targets
    )
    yield from _wrapped(f"Ratings: {', '.join(directions)}.", width)
    yield ""
    heads = ["file".ljust(cells.names.width), "seconds".rjust(TIME)]
    heads += ["c"] if columns.channels else []
    heads += ["speaker".ljust(SPEAKER)] if columns.speakers else []
    heads += [name.ljust(cells.rating_width) for name in columns.facts.targets]
    heads += ["approximate words"] if columns.words and not cells.words_below else []
    line = "  ".join(heads).rstrip()
    yield from (line, "-" * max(len(line), width))


def _model(facts: ModelFacts) -> str:
    """Return the sentence on the model without its full stop."""
    models = "" if facts.models == 1 else f"mean of {facts.models} models, "
    return f"Predictions of {facts.identity} ({models}{facts.training})"


def _row(
    columns: PredictionColumns,
    cells: TableCells,
    segment: PredictedSegment,
    width: int,
) -> str:
    """Return the line of one segment; a long reason continues on further lines."""
    parts = [cells.name(segment).ljust(cells.names.width), span(segment).rjust(TIME)]
    parts += [str(segment.channel or "").ljust(1)] if columns.channels else []
    parts += [speaker(segment).ljust(SPEAKER)] if columns.speakers else []
    if segment.reason:
        place = "  ".join(parts)
        text = f"{place}  no prediction: {printable(segment.reason)}"
        return textwrap.fill(
            text,
            width,
            subsequent_indent=INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ratings = segment.ratings
    parts += [
        (cells.rating(ratings[name]) if name in ratings else "-").ljust(
            cells.rating_width
        )
        for name in columns.facts.targets
    ]
    words = ", ".join(nearest_words(best_values(segment))) if columns.words else ""
    if words and cells.words_below:
        return f"{'  '.join(parts).rstrip()}\n{INDENT}approximate words: {words}"
    return "  ".join([*parts, words]).rstrip()


def _footnotes(columns: PredictionColumns, cells: TableCells) -> Iterator[str]:
    """Yield sentences on the ratings, without full stops."""
    facts = columns.facts
    if NATURES.get(facts.nature):
        yield NATURES[facts.nature]
    if facts.level is not None:
        kind = "calibrated or adapted" if facts.adaptation else "calibrated"
        also = ", or of clips like those of the user" if facts.adaptation else ""
        yield (
            f"x [low, high]: {kind} prediction and its interval, made to hold "
            f"{100 * facts.level:g} % of the ratings of utterances like those of the "
            f"training corpus{also}"
        )
    elif facts.models > 1:
        yield (
            f"x {PLUS_MINUS}s: mean and standard deviation over {facts.models} models; "
            f"the deviation is no measure of the error"
        )
    if facts.scale is None:
        yield "The scale of the training data is not known, so ratings are on [-1, 1]"
    if facts.adaptation:
        yield facts.adaptation[0].upper() + facts.adaptation[1:].rstrip(".")
    if columns.words:
        yield NOTE
    if cells.names.shortened:
        yield "Long names are shortened; --format csv has them in full"


def _input_notes(notes: Counter[str]) -> Iterator[str]:
    """Yield the most frequent notes on the input, each with its number of segments."""
    for note, number in notes.most_common(MOST_NOTES):
        yield f"{count(number, 'segment')}: {note.rstrip('.')}"
    if len(notes) > MOST_NOTES:
        yield f"{len(notes) - MOST_NOTES:,} more notes are in --format csv"


def _wrapped(text: str, width: int) -> list[str]:
    """Return a sentence as lines that fit the page."""
    return textwrap.wrap(printable(text), width, break_long_words=False)

"""Matching of a table of transcripts to the recordings that a user names."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.recording_matching import match_rows
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segments import Recording, TimedText
from affuse.extract.inference.transcripts import TranscriptRow, TranscriptTable


def with_transcripts(
    recordings: Iterable[Found],
    table: TranscriptTable,
    arguments: Iterable[str | os.PathLike[str]],
    say: Callable[[str], object],
) -> list[Found]:
    """Return all recordings with their texts, and the paths that cannot be used.

    `match_rows` finds the recording of each row. All recordings are listed before, so
    that an ambiguous name is detected.

    Args:
        recordings: as `affuse.extract.inference.recording_search.find` yields them
        table: of transcripts
        arguments: files and folders that were searched
        say: called with a sentence on rows and recordings without a partner

    Returns:
        the recordings in their order, each with its texts in the order of time; a
        recording whose texts contradict each other is a segment with the reason

    Raises:
        AffuseError: if a name in the table stands for several recordings
    """
    found = list(recordings)
    matched = match_rows(found, table.rows, table.path, arguments)
    for sentence in (*table.notes, *matched.notes("transcripts")):
        say(sentence)
    return [
        _with_rows(item, matched.rows[i]) if i in matched.rows else item
        for i, item in enumerate(found)
    ]


def _with_rows(item: Found, rows: Sequence[TranscriptRow]) -> Found:
    """Return a recording with the texts of its rows, or the reason of a conflict."""
    assert isinstance(item, Recording)  # other results have no name
    line_by_text = {row.text: row.line for row in reversed(rows)}
    texts = sorted(line_by_text, key=_time)
    spans = {text.span for text in texts}
    if len(spans) < len(texts) or (None in spans and len(texts) > 1):
        lines = ", ".join(map(str, sorted(line_by_text.values())))
        reason = (
            f"has several texts for the same time in the transcripts (lines {lines}); "
            f"leave one, or give a start and an end for each"
        )
        return PredictedSegment(item.file, reason=reason)
    is_unknown = texts[0] == TimedText(None)
    return replace(item, texts=() if is_unknown else tuple(texts))


def _time(text: TimedText) -> tuple[float, float]:
    """Return the sort key of a text: its start and its end in seconds."""
    start, end = text.span or (0.0, None)
    return start, float("inf") if end is None else end

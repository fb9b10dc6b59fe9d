"""Matching of a table of transcripts to the recordings that a user names."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.corpora.manifest.audio_paths import relative
from affuse.data.errors import AffuseError
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.recording_search import FileCount, Found
from affuse.extract.inference.segments import Recording, TimedText
from affuse.extract.inference.transcripts import TranscriptRow, TranscriptTable


def with_transcripts(
    recordings: Iterable[Found],
    table: TranscriptTable,
    arguments: Iterable[str | os.PathLike[str]],
    say: Callable[[str], object],
) -> list[Found]:
    """Return all recordings with their texts, and the paths that cannot be used.

    A row names its recording by a path: as the user typed it, relative to the folder of
    the table, or relative to a folder among the arguments. Without a folder, it may be
    the name of a file anywhere, with or without its suffix. All recordings are listed
    before, so that an ambiguous name is detected.

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
    names = _RecordingNames(found, [Path(), table.path.parent, *map(Path, arguments)])
    rows_by_place: dict[int, list[TranscriptRow]] = {}
    unmatched = FileCount()
    for row in table.rows:
        place = names.place(row, table.path)
        if place is None:
            unmatched.add(row.file)
        else:
            rows_by_place.setdefault(place, []).append(row)
    for sentence in (*table.notes, *_notes(found, rows_by_place, unmatched)):
        say(sentence)
    return [
        _with_rows(item, rows_by_place[i]) if i in rows_by_place else item
        for i, item in enumerate(found)
    ]


class _RecordingNames:
    """Names by which a table may refer to recordings.

    Args:
        found: recordings, and other results that have no name here
        folders: that paths in the table may be relative to
    """

    def __init__(self, found: Sequence[Found], folders: Sequence[Path]) -> None:
        self._folders = list(dict.fromkeys(folders))
        self._paths: dict[str, list[int]] = {}
        self._names: dict[str, list[int]] = {}
        self._stems: dict[str, list[int]] = {}
        self._found = found
        for i, item in enumerate(found):
            if isinstance(item, PredictedSegment) or item.path is None:
                continue
            self._paths.setdefault(_key(item.path), []).append(i)
            self._names.setdefault(_composed(item.path.name), []).append(i)
            self._stems.setdefault(_composed(item.path.stem), []).append(i)

    def place(self, row: TranscriptRow, table: Path) -> int | None:
        """Return the index of the recording that a row names, or None.

        Args:
            row: of the table
            table: path for an error

        Raises:
            AffuseError: if the row names several recordings
        """
        for places in self._candidates(row.file):
            if len(places) > 1:
                files = " and ".join(repr(self._found[i].file) for i in places[:2])
                raise AffuseError(
                    f"{table}, line {row.line}: {row.file!r} may be {files}; write "
                    f"the absolute path of the recording in this row"
                )
            if places:
                return places[0]
        return None

    def _candidates(self, name: str) -> Iterator[list[int]]:
        """Yield the indices of recordings for each way to read a name in a table."""
        spellings = dict.fromkeys((name, relative(name)))
        keys = dict.fromkeys(_key(f / s) for s in spellings for f in self._folders)
        yield list(dict.fromkeys(i for key in keys for i in self._paths.get(key, ())))
        if "/" not in relative(name):
            yield self._names.get(_composed(name), [])
            yield self._stems.get(_composed(name), [])


def _key(path: Path) -> str:
    """Return an absolute path that is equal for all spellings of the same path."""
    return _composed(os.path.abspath(path))


def _composed(name: str) -> str:
    """Return a name in the Unicode form NFC, since some systems decompose letters."""
    return unicodedata.normalize("NFC", name)


def _notes(
    found: Sequence[Found], with_rows: Iterable[int], unmatched: FileCount
) -> Iterator[str]:
    """Yield a sentence on rows without a recording, and on recordings without a row."""
    missing, places = FileCount(), set(with_rows)
    for i, item in enumerate(found):
        if isinstance(item, Recording) and i not in places:
            missing.add(item.file)
    if unmatched.number:
        yield f"rows of the transcripts match no recording ({unmatched})"
    if missing.number:
        yield f"recordings have no row in the transcripts ({missing})"


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

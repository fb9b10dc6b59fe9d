"""Recordings on the page: which utterances are heard, and how many bytes they take.

Recordings are opened by a function of the caller, because stage two reads no audio.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.reading.transcript_table import ListedUtterance
from affuse.data.terminal import printable
from affuse.fuse.page.error_section import largest_errors
from affuse.fuse.page.page_records import trained_rows
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.wording import count

MOST_NAMED = 3  # recordings that are missing, each with its own sentence
MOST_BYTES = 2**21  # of all recordings of a page; HTML needs 4/3 of this
# Returns a file in the format OGG, or raises an AffuseError with the reason.
EncodeClip = Callable[[ListedUtterance], bytes]


def add_sounds(
    tables: Sequence[ReportTable],
    encode: EncodeClip,
    damaged: Callable[[str], object],
) -> tuple[ReportTable, ...]:
    """Return tables with the recordings of the utterances of largest error.

    The first utterances have their recordings, until `MOST_BYTES` are reached.

    Args:
        tables: of a report, with the utterances of the corpus
        encode: returns the recording of an utterance
        damaged: is called with a sentence on recordings that are left out
    """
    room, made, omitted = MOST_BYTES, dict[str, bytes](), 0
    failed = dict[str, str]()  # id -> sentence
    results = []
    for table in tables:
        for id_ in _wanted(table):
            listed = table.utterances.get(id_)
            if id_ in made or id_ in failed or listed is None:
                continue
            try:
                clip = encode(listed)
            except (AffuseError, OSError) as error:
                place = f" ({listed.audio})" if listed.audio else ""
                failed[id_] = f"'{id_}'{place}: {error}"
                continue
            if len(clip) > room:
                omitted += 1
                continue
            made[id_] = clip
            room -= len(clip)
        results.append(replace(table, sounds=made))
    for sentence in [*failed.values()][:MOST_NAMED]:
        damaged(printable(f"no recording of {sentence}"))
    if (more := len(failed) - MOST_NAMED) > 0:
        damaged(
            f"no recording of {count(more, 'more utterance')} either; --sound names "
            f"the folder of the corpus, in which the table's paths begin"
        )
    if omitted:
        damaged(
            f"{count(omitted, 'recording')} left out of the page, because all of them "
            f"would take more than {MOST_BYTES >> 20} MiB"
        )
    return tuple(results)


def name_missing_transcripts(
    tables: Sequence[ReportTable], source: Path, damaged: Callable[[str], object]
) -> None:
    """Print how many utterances of largest error a table of transcripts lacks.

    Args:
        tables: of a report, with the utterances of the corpus
        source: path of that table
        damaged: is called with the sentence
    """
    pairs = [(table, id_) for table in tables for id_ in _wanted(table)]
    lacking = [id_ for table, id_ in pairs if id_ not in table.utterances]
    if lacking:
        damaged(
            printable(
                f"{source} has no row for {len(lacking):,} of the "
                f"{count(len(pairs), 'utterance')} with the largest errors, the first "
                f"'{lacking[0]}', so the page has neither their transcripts nor their "
                f"recordings"
            )
        )


def _wanted(table: ReportTable) -> dict[str, None]:
    """Return the ids of the utterances of largest error of all runs, each once."""
    runs = (each.run for each in trained_rows(table))
    return dict.fromkeys(e.row.id for run in runs for e in largest_errors(run))

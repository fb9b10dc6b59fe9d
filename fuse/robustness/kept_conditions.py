"""Conditions of earlier commands `robustness`, which a run keeps beside new ones.

A trial of one condition, or of a few utterances, must not cost the table of hours.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.atomic_files import claim
from affuse.fuse.robustness import robustness_file
from affuse.fuse.robustness.condition_records import RobustnessResult
from affuse.fuse.wording import count

MODALITIES = ("", "audio", "text")  # order of the conditions; "" for clean inputs
TOLERANCE = 1e-4  # between the clean CCC of two commands, on two machines


def store(folder: Path, result: RobustnessResult) -> str:
    """Write a result into a run, with what earlier commands measured on it.

    A result on fewer utterances than that of the run is not written. One on the same
    utterances is joined to it. Any other replaces it. Two commands at once wait for
    each other, so that neither loses its conditions.

    Args:
        folder: of the run
        result: of a robustness test

    Returns:
        sentence on what was written, kept and replaced

    Raises:
        OSError: if the file cannot be written
    """
    # A run that keeps its table may be read-only, and then it can have no lock.
    if kept := _keep_larger(folder, result):
        return kept
    path = RunFolder(folder).robustness
    with claim(path.with_name(f".{path.name}.lock"), wait=True):
        return _keep_larger(folder, result) or _update(folder, result)


def _earlier(folder: Path) -> RobustnessResult | None:
    """Return the result that a run has; None if there is none for its models."""
    try:
        return robustness_file.read(folder)
    except (FileNotFoundError, DamagedFileError):
        return None


def _keep_larger(folder: Path, result: RobustnessResult) -> str:
    """Return a sentence if the run keeps a result on more utterances; "" otherwise."""
    old = _earlier(folder)
    if old is None or old.utterances <= result.utterances:
        return ""
    return (
        f"not written to {RunFolder(folder).robustness}, which keeps {_amount(old)}; "
        f"remove that file to show this table on the page of report"
    )


def _update(folder: Path, result: RobustnessResult) -> str:
    """Write a result, joined to that of the run if both are of the same utterances."""
    path, old = RunFolder(folder).robustness, _earlier(folder)
    page = "which the page of report shows"
    if old is None or not _same_utterances(old, result):
        robustness_file.write(folder, result)
        lost = f"; it replaces {_amount(old)}" if old else ""
        return f"written to {path}, {page}{lost}"
    joined = join(old, result)
    robustness_file.write(folder, joined)
    more = len(joined.scores) - len(result.scores)
    kept = f", with {count(more, 'condition')} of earlier commands" if more else ""
    return f"written to {path}{kept}, {page}"


def join(old: RobustnessResult, new: RobustnessResult) -> RobustnessResult:
    """Return a result with the conditions of two; those of the second replace others.

    Args:
        old: of an earlier command
        new: of the same models on the same utterances
    """
    scores = {each.facts.text: each for each in (*old.scores, *new.scores)}
    ordered = sorted(
        scores.values(), key=lambda each: MODALITIES.index(each.facts.modality)
    )
    notes = dict.fromkeys((*_still_true(old, new), *new.notes))
    return replace(new, scores=tuple(ordered), notes=tuple(notes))


def _still_true(old: RobustnessResult, new: RobustnessResult) -> Iterator[str]:
    """Yield the earlier notes on conditions that are not measured again."""
    heads = tuple(f"{each.facts.name}: " for each in new.scores)
    yield from (note for note in old.notes if not note.startswith(heads))


def _same_utterances(old: RobustnessResult, new: RobustnessResult) -> bool:
    """Return True if two results are of the same utterances, by their clean CCC."""
    same = ("targets", "utterances", "unit", "clusters")
    if any(getattr(old, name) != getattr(new, name) for name in same):
        return False
    first, second = old.scores[0].ratings, new.scores[0].ratings
    return all(_close(first[name].value, second[name].value) for name in new.targets)


def _close(first: float, second: float) -> bool:
    """Return True if two figures are about equal, or both are undefined."""
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and math.isnan(second)
    return abs(first - second) <= TOLERANCE


def _amount(result: RobustnessResult) -> str:
    """Return how much a result holds, such as "2 conditions on 60 utterances"."""
    conditions = count(len(result.scores) - 1, "condition")
    return f"{conditions} on {count(result.utterances, 'utterance')}"

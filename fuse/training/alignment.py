"""``alignment.json`` of a run folder: what the run used, left out and decided."""

from pathlib import Path
from typing import Any

from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Run
from affuse.data.splits import protocol_assumptions
from affuse.data.splits.protocol_assumptions import Division, sentences
from affuse.data.system.documents import read_json
from affuse.data.system.schema import MapOf, Record, Whole, shown
from affuse.fuse.inputs.omissions import wordless_sentences

COUNTS = Record(
    {
        "utterances": Whole(),
        "left_out": MapOf(Whole(), most=1_000),
        "outside_scale": Whole(),
    },
    {
        "division": protocol_assumptions.KIND,
        "without_words": Whole(),
    },  # which older runs lack
)


def summary(folder: Path) -> str:
    """Return what a run used and what it left out, in words.

    Raises:
        FileNotFoundError: if the folder is no run
    """
    counts = _counts(folder)
    words = [f"{counts['utterances']} utterances"]
    words += [f"left out: {n} with {why}" for why, n in counts["left_out"].items()]
    if counts["outside_scale"]:
        words.append(f"a rating outside the scale: {counts['outside_scale']}")
    return "; ".join(words)


def decisions(folder: Path) -> tuple[str, ...]:
    """Return what the protocol of a run decided by itself, a sentence each.

    A sentence on utterances without words follows, if the run used any.

    Raises:
        FileNotFoundError: if the folder is no run
        DamagedFileError: if the file is damaged
    """
    counts = _counts(folder)
    facts = counts.get("division")
    decided = (
        () if facts is None else tuple(sentences(protocol_assumptions.parse(facts)))
    )
    return (*decided, *wordless_sentences(counts.get("without_words", 0)))


def division(run: Run) -> Division:
    """Return what the protocol of a finished run decided by itself.

    Runs of older versions did not keep it, so that it is derived from their folds.

    Raises:
        DamagedFileError: if the file is damaged, or the settings of the run are
    """
    try:
        facts = _counts(run.path).get("division")
    except FileNotFoundError:
        facts = None
    if facts is not None:
        return protocol_assumptions.parse(facts)
    seed = run.info.settings.get("split_seed", 0)
    if not isinstance(seed, int) or seed < 0:
        raise DamagedFileError(
            f"{RunFolder(run.path).info} is damaged: split_seed is {shown(seed)}, not "
            f"a whole number; train again"
        )
    return protocol_assumptions.derived(
        run.folds, protocol=run.info.protocol, seed=seed
    )


def _counts(folder: Path) -> dict[str, Any]:
    """Read what `begin` counted."""
    path = RunFolder(folder).alignment
    try:
        found: dict[str, Any] = read_json(
            path, COUNTS, advice="repeat the train command"
        )
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} not found; {folder} is not a run folder"
        ) from error
    return found

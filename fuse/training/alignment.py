"""Reader of ``alignment.json``: utterances used and left out, protocol decisions."""

from pathlib import Path
from typing import Any

from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Run
from affuse.data.splits import protocol_assumptions
from affuse.data.splits.protocol_assumptions import Division, sentences
from affuse.data.system.documents import read_json
from affuse.data.system.mismatches import shown
from affuse.data.system.schema import MapOf, Record, Whole
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
    },  # older runs lack these keys
)


def alignment_summary(folder: Path) -> str:
    """Return a sentence on the utterances that a run used and left out.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError: if the folder is not a run
    """
    counts = _counts(folder)
    words = [f"{counts['utterances']} utterances"]
    words += [f"left out: {n} with {why}" for why, n in counts["left_out"].items()]
    if counts["outside_scale"]:
        words.append(f"a rating outside the scale: {counts['outside_scale']}")
    return "; ".join(words)


def protocol_decisions(folder: Path) -> tuple[str, ...]:
    """Return sentences on the automatic decisions of a run's protocol.

    A sentence on utterances without words follows, if the run used any.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError: if the folder is not a run
        DamagedFileError: if the file is damaged
    """
    counts = _counts(folder)
    facts = counts.get("division")
    of_protocol = (
        () if facts is None else tuple(sentences(protocol_assumptions.parse(facts)))
    )
    return (*of_protocol, *wordless_sentences(counts.get("without_words", 0)))


def read_division(run: Run) -> Division:
    """Return the automatic decisions of a finished run's protocol.

    Older versions did not record them; for their runs, they are derived from the folds.

    Args:
        run: finished run

    Raises:
        DamagedFileError: if the file or the settings of the run are damaged
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
    return protocol_assumptions.derive_division(
        run.folds, protocol=run.info.protocol, seed=seed
    )


def _counts(folder: Path) -> dict[str, Any]:
    """Return the counts that `run_description.write_description` wrote."""
    path = RunFolder(folder).alignment
    try:
        counts: dict[str, Any] = read_json(
            path, COUNTS, advice="repeat the train command"
        )
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} not found; {folder} is not a run folder"
        ) from error
    return counts

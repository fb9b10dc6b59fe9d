"""Runs that can be read, for a report that names the others."""

from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.runs.leak_record import failing_rules
from affuse.data.runs.rater_table import read_raters
from affuse.data.runs.run_predictions import Run, finished_runs, read_run
from affuse.data.runs.sentence_overlap import read_sentences
from affuse.data.terminal import printable
from affuse.fuse.trained.layer_weight_files import average_weights
from affuse.fuse.training.alignment import read_division


def read_runs(runs: Path) -> tuple[list[Run], list[str]]:
    """Return the runs that can be read, and a sentence on each other run.

    Args:
        runs: folder of run folders
    """
    readable, problems = [], []
    for folder in finished_runs(runs):
        try:
            run = read_run(folder)
            read_sentences(folder)  # these files may be damaged too
            read_raters(folder)
            failing_rules(folder)
            average_weights(folder)
            read_division(run)
            readable.append(run)
        except (AffuseError, OSError) as error:
            problems.append(printable(f"damaged, so not shown: {folder}: {error}"))
    return readable, problems

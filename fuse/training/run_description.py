"""Files of a run folder before training: description, settings, folds and counts."""

import glob
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from affuse.data.cache import shared_recordings
from affuse.data.errors import AffuseError
from affuse.data.runs import sentence_overlap
from affuse.data.runs.fold_table import FoldRow, write_folds
from affuse.data.runs.rater_table import write_raters
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_information import read_info, write_info
from affuse.data.splits.protocols import PARTS
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.fuse.experiment_files import dump
from affuse.fuse.setting_history import updated
from affuse.fuse.training.run_plan import RunPlan

FILES_BEFORE_TRAINING = (  # files that are written before training
    *(RunFolder.info, RunFolder.settings, RunFolder.folds),
    *(RunFolder.sentences, RunFolder.raters, RunFolder.alignment),
)


def write_description(plan: RunPlan) -> None:
    """Publish the description of a run before training, equal for all processes.

    Args:
        plan: of the run
    """
    _demand_no_links(plan)
    described = _described(plan.folder)  # read while its digest is still listed
    with digests.rewrite_files(plan.folder, FILES_BEFORE_TRAINING):
        if not described:  # the description of a finished run contains more
            write_info(plan.folder, plan.info)
        publish(RunFolder(plan.folder).settings, dump(plan.settings).encode())
        rows = tuple(fold_rows(plan))
        write_folds(plan.folder, rows)
        keys = {
            u.id: sentence_overlap.sentence_digest(u) for u in plan.common.utterances
        }
        sentence_overlap.write_sentences(
            plan.folder, sentence_overlap.find_overlaps(rows, keys)
        )
        tested = {row.id for row in rows if row.part == "test"}
        write_raters(plan.folder, (u for u in plan.common.utterances if u.id in tested))
        counts = {
            "utterances": len(plan.common.utterances),
            "left_out": plan.common.left_out,
            "outside_scale": plan.common.outside,
            "division": asdict(plan.division),
        }
        if plan.without_words:
            counts["without_words"] = plan.without_words
        content = json.dumps(counts, indent=1) + "\n"
        publish(RunFolder(plan.folder).alignment, content.encode())


def _demand_no_links(plan: RunPlan) -> None:
    """Raise an error if a folder of a model is a link, which may lead anywhere.

    Raises:
        AffuseError: naming the link
    """
    run, names = RunFolder(plan.folder), [fold.name for fold in plan.folds]
    models = [model.path for name in names for model in run.models(fold=name)]
    for path in (*(plan.folder / name for name in names), *models):
        if path.is_symlink():
            raise AffuseError(
                f"{path} is a link, and models are not written through links; remove it"
            )


def _described(folder: Path) -> bool:
    """Return True if a run folder has a description that can be read."""
    try:
        read_info(folder)
    except (FileNotFoundError, AffuseError):
        return False
    return True


def earlier_run_notes(plan: RunPlan) -> Iterator[str]:
    """Yield a sentence on each earlier run that differs only in its design's code.

    The new run is written to another folder, and the earlier run stays unchanged.

    Args:
        plan: of the new run
    """
    info = plan.info
    identity = json.loads(json.dumps([updated(info.settings), info.encoders]))
    start = f"{info.corpus}-{info.design}-{info.protocol}-"
    for folder in sorted(plan.folder.parent.glob(f"{glob.escape(start)}*")):
        try:
            other = read_info(folder)
        except (OSError, AffuseError):
            continue  # the commands report and verify name a damaged run
        if [
            updated(other.settings),
            other.encoders,
        ] != identity or other.code == info.code:
            continue
        if other.code:
            yield (
                f"the code of the design '{info.design}' has changed since {folder} "
                f"was trained ({other.code} then, {info.code} now); this is a new run, "
                f"{plan.folder}"
            )
        else:
            yield (
                f"{folder} was trained by an older version, which did not record the "
                f"code of its design; this is a new run, {plan.folder}"
            )


def fold_rows(plan: RunPlan) -> Iterator[FoldRow]:
    """Yield a row for every utterance of every fold, sorted by fold, part and id.

    Args:
        plan: of the run
    """
    utterances = {u.id: u for u in plan.common.utterances}
    shared = shared_recordings.find_shared(plan.common.utterances)
    for fold in plan.folds:
        for part in PARTS:
            for id_ in getattr(fold, part):
                u = utterances[id_]
                facts = u.speaker, u.dialogue, u.scripted, u.sex, u.session
                yield FoldRow(
                    fold.name, part, id_, *facts, shared.get(id_, ""), u.columns
                )

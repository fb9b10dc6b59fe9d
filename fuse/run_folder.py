"""What a run folder says before training: description, settings, folds and counts."""

import glob
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from data import recordings, sentences
from data.errors import AffuseError
from data.files import publish
from data.folds import FOLDS, FoldRow, write_folds
from data.runs.info import INFO, read_info, write_info
from data.sentences import SENTENCES
from data.splits import PARTS
from data.system import digests
from fuse.alignment import ALIGNMENT
from fuse.alignment import summary as summary  # beside what it is a summary of
from fuse.plan import Plan
from fuse.settings import dump

SETTINGS = "settings.toml"
BEGUN = (INFO, SETTINGS, FOLDS, SENTENCES, ALIGNMENT)  # files that training begins with


def begin(plan: Plan) -> None:
    """Publish what is known before training; equal for all that work on this run."""
    _demand_own(plan)
    described = _described(plan.folder)  # asked while its digest is still listed
    with digests.rewriting(plan.folder, BEGUN):
        if not described:  # that of a finished run says more
            write_info(plan.folder, plan.info)
        publish(plan.folder / SETTINGS, dump(plan.settings).encode())
        rows = tuple(fold_rows(plan))
        write_folds(plan.folder, rows)
        said = {u.id: sentences.key(u) for u in plan.common.utterances}
        sentences.write_sentences(plan.folder, sentences.seen(rows, said))
        counts = {
            "utterances": len(plan.common.utterances),
            "left_out": plan.common.left_out,
            "outside_scale": plan.common.outside,
            "division": asdict(plan.division),
        }
        if plan.wordless:
            counts["without_words"] = plan.wordless
        content = json.dumps(counts, indent=1) + "\n"
        publish(plan.folder / ALIGNMENT, content.encode())


def _demand_own(plan: Plan) -> None:
    """Refuse links in the place of folders of models, which may lead anywhere.

    Raises:
        AffuseError: naming the link
    """
    folds = [plan.folder / fold.name for fold in plan.folds]
    models = [path for fold in folds for path in fold.glob("seed-*")]
    for path in (*folds, *models):
        if path.is_symlink():
            raise AffuseError(
                f"{path} is a link, and models are not written through it; remove it"
            )


def _described(folder: Path) -> bool:
    """Return True if a run folder has a description that can be read."""
    try:
        read_info(folder)
    except (FileNotFoundError, AffuseError):
        return False
    return True


def predecessors(plan: Plan) -> Iterator[str]:
    """Say of each run that differs in the code of its design alone that it is another.

    The new run is a folder of its own, and the other one stays as it is.
    """
    info = plan.info
    own = json.loads(json.dumps([info.settings, info.encoders]))
    start = f"{info.corpus}-{info.design}-{info.protocol}-"
    for folder in sorted(plan.folder.parent.glob(f"{glob.escape(start)}*")):
        try:
            other = read_info(folder)
        except (OSError, AffuseError):
            continue  # report and verify name it
        if [other.settings, other.encoders] != own or other.code == info.code:
            continue
        if other.code:
            yield (
                f"the code of the design '{info.design}' has changed since {folder} "
                f"was trained ({other.code} then, {info.code} now); this is a new run, "
                f"{plan.folder}"
            )
        else:
            yield (
                f"{folder} was made by an older version, which did not record the code "
                f"of its design; this is a new run, {plan.folder}"
            )


def fold_rows(plan: Plan) -> Iterator[FoldRow]:
    """Yield every utterance of every fold, by fold, part and id."""
    utterances = {u.id: u for u in plan.common.utterances}
    shared = recordings.shared(plan.common.utterances)
    for fold in plan.folds:
        for part in PARTS:
            for id_ in getattr(fold, part):
                u = utterances[id_]
                known = u.speaker, u.dialogue, u.scripted, u.sex, u.session
                yield FoldRow(
                    fold.name, part, id_, *known, shared.get(id_, ""), u.columns
                )

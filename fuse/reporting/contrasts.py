"""Differences between two runs that forbid a significance mark between their rows.

Two rows may differ in one property: in their designs, or in their encoders. A different
setting counts only if both designs use it. For example, a baseline has no epochs, so
its row can be compared with that of a network trained for any number of epochs.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Run
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.reporting.recorded_settings import NOT_RECORDED, value_of
from affuse.fuse.scoring.failed_training import count_diverged
from affuse.fuse.setting_history import compared
from affuse.fuse.training.parameter_budget import TOLERANCE
from affuse.fuse.wording import count

# recorded settings that do not affect the training of a model
NOT_TRAINING = ("design", "device", "experiment", "fusion", "label", "seeds")
DIVISION = ("protocol", "folds", "split_seed")  # folds.csv records their result
# setting -> values of other settings without which it has no effect
CONDITIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "mix": {"loss": ("mix",)},
    "latent": {"reduce": ("autoencoder", "pca")},
    "autoencoder_hidden": {"reduce": ("autoencoder",)},
    "reconstruction": {
        "reduce": ("autoencoder",),
        "training": ("joint", "end-to-end"),
    },
    "pretrain_epochs": {"training": ("pretrain",)},
    "pretrain_rate": {"training": ("pretrain",)},
}
LARGEST_SIZE_RATIO = (1 + TOLERANCE) / (1 - TOLERANCE)  # of two matched designs


@dataclass(frozen=True)
class ComparedRun:
    """Properties of a run that decide whether a comparison is fair."""

    info: RunInfo
    division: frozenset[tuple[str, str, str]]  # fold, part and id outside test parts
    digest: str  # of the division
    diverged: int  # number of diverged models
    settings: Mapping[str, Any]  # with dotted names
    path: Path  # of the run
    is_imported: bool = False  # True for a system that was trained elsewhere

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return the properties of a run."""
        division = frozenset(map(_place, _seen(run)))
        lines = "\n".join(map(repr, sorted(division)))
        return cls(
            info=run.info,
            division=division,
            digest=hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest(),
            diverged=count_diverged(run.predictions),
            settings=flatten_settings(run.info.settings),
            path=run.path,
            is_imported=run.is_imported,
        )


@dataclass(frozen=True)
class Contrast:
    """Differences between two runs beside the compared property."""

    reasons: tuple[str, ...] = ()  # clauses on differences that forbid a mark
    remark: str = ""  # clause on an intended difference

    @property
    def reason(self) -> str:
        """Reasons joined to one clause; "" if there is none."""
        return "; ".join(self.reasons)


def contrast(a: ComparedRun, b: ComparedRun) -> Contrast:
    """Return the differences between two runs that affect both of them."""
    if a.info.name == b.info.name:  # for example, a row and its ensemble
        return Contrast(("both rows are of the same models",))
    if elsewhere := [side.info.design for side in (a, b) if side.is_imported]:
        remark = f"{' and '.join(elsewhere)} trained elsewhere"
        return Contrast(tuple(_diverged(a, b)), remark)
    sized = _equal_sizes(a, b)
    names = [n for n in differing_settings(a, b) if not (sized and n == "hidden")]
    settings = [f"{name} differs: {_both(a, b, name)}" for name in names]
    remark = f"hidden differs for equal sizes: {_both(a, b, 'hidden')}" if sized else ""
    parts = (*_encoders(a, b), *settings, *_division(a, b), *_code(a, b))
    return Contrast((*parts, *_diverged(a, b)), remark)


def differing_settings(a: ComparedRun, b: ComparedRun) -> list[str]:
    """Return the names of the settings that both runs use and that differ."""
    return [
        name
        for name in dict.fromkeys((*a.settings, *b.settings))
        if uses_setting(a.info.design, a.settings, name)
        and uses_setting(b.info.design, b.settings, name)
        and value_of(a.settings, name) != value_of(b.settings, name)
    ]


def uses_setting(design: str, settings: Mapping[str, Any], name: str) -> bool:
    """Return True if the training of a design depends on a setting.

    Args:
        design: name of a design or a baseline
        settings: all settings that the run recorded, with dotted names
        name: of one setting; a setting of an unknown name counts as used
    """
    if name in (*DIVISION, *NOT_TRAINING) or not find_trainable(design).uses(name):
        return False
    return all(
        settings.get(other, NOT_RECORDED) in (*values, NOT_RECORDED)
        for other, values in CONDITIONS.get(name, {}).items()
    )


def flatten_settings(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted names, without those that affect no training.

    Args:
        settings: of a run
        prefix: of the dotted names
    """
    dotted: dict[str, Any] = {}
    for name, value in (settings if prefix else compared(settings)).items():
        if isinstance(value, Mapping):
            dotted |= flatten_settings(value, f"{prefix}{name}.")
        elif prefix or name not in NOT_TRAINING:
            dotted[f"{prefix}{name}"] = value
    return dotted


def format_value(value: object) -> str:
    """Return a setting as a user types it on the command line.

    Args:
        value: of the setting

    Examples:
        >>> format_value(0.001), format_value(["a", 2])
        ('0.001', 'a+2')
    """
    if isinstance(value, list | tuple):
        return "+".join(map(format_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def same_encoder(a: RunInfo, b: RunInfo, modality: str) -> bool:
    """Return True if both runs take embeddings of a modality from one encoder.

    The comparison covers the record of run.json: checkpoint, revision, layers and
    pooling, and the name of the fine-tuning for fold-specific encoders.
    """
    return a.encoders.get(modality) == b.encoders.get(modality)


def _seen(run: Run) -> Sequence[FoldRow]:
    """Return the rows of folds.csv that a training can use."""
    if not find_trainable(run.info.design).is_trained:
        return ()
    return [row for row in run.folds if row.part != "test"]


def _place(row: FoldRow) -> tuple[str, str, str]:
    """Return fold, part and id of a row."""
    return row.fold, row.part, row.id


def _both(a: ComparedRun, b: ComparedRun, name: str) -> str:
    """Return both values of a setting in words."""
    values = (format_value(value_of(side.settings, name)) for side in (a, b))
    return " and ".join(values)


def _equal_sizes(a: ComparedRun, b: ComparedRun) -> bool:
    """Return True if two designs differ in hidden units to match their sizes.

    This is the purpose of --match-parameters. A run records its number of parameters,
    but not the option. Two matched designs are within `TOLERANCE` of one number.
    """
    small, large = sorted((a.info.parameters, b.info.parameters))
    close = 0 < small and large <= LARGEST_SIZE_RATIO * small
    one_design = a.info.design == b.info.design
    return close and not one_design and "hidden" in differing_settings(a, b)


def _encoders(a: ComparedRun, b: ComparedRun) -> Iterator[str]:
    """Yield a clause for each modality of two designs whose encoders differ."""
    if a.info.design == b.info.design:
        return  # The comparison is then between encoders.
    for modality in sorted(a.info.encoders.keys() & b.info.encoders.keys()):
        if not same_encoder(a.info, b.info, modality):
            yield f"the {modality} encoder differs"


def _division(a: ComparedRun, b: ComparedRun) -> Iterator[str]:
    """Yield clauses on differences of the training and validation parts."""
    trained = all(find_trainable(side.info.design).is_trained for side in (a, b))
    if not trained or a.digest == b.digest:
        return
    names = [
        name
        for name in DIVISION
        if a.settings.get(name, NOT_RECORDED) != b.settings.get(name, NOT_RECORDED)
    ]
    yield from (f"{name} differs: {_both(a, b, name)}" for name in names)
    if not names:
        moved = {id_ for _, _, id_ in a.division ^ b.division}
        yield (
            f"{count(len(moved), 'utterance')} of the training and validation parts "
            f"are in one run only, or in different folds or parts"
        )


def _code(a: ComparedRun, b: ComparedRun) -> Iterator[str]:
    """Yield clauses on code that both runs use and that differs."""
    first, second = a.info, b.info
    if first.design == second.design and first.code != second.code:
        codes = (side.code or str(NOT_RECORDED) for side in (first, second))
        yield f"the code of {first.design} differs: {' and '.join(codes)}"
    for whole, part in ((first, second), (second, first)):
        record = (
            f"{part.design} {part.code}"  # in the form of code_revisions.code_identity
        )
        is_base = part.design in find_trainable(whole.design).bases
        if is_base and whole.code and part.code and record not in whole.code:
            yield f"the code of {part.design} differs: {whole.code} and {part.code}"


def _diverged(a: ComparedRun, b: ComparedRun) -> Iterator[str]:
    """Yield a clause for each run with diverged models."""
    for side in (a, b):
        if side.diverged:
            yield (
                f"{count(side.diverged, 'model')} of {side.info.design} diverged "
                f"(see below)"
            )

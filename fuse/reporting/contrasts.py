"""Differences between two runs that forbid a significance mark between their rows.

Two rows may differ in one thing: in their designs, or in their encoders. A difference
counts where both runs use what differs: a baseline has no epochs, so its row can be
compared with that of a network of any number of epochs.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Run
from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.reporting.recorded_settings import MISSING, value_of
from affuse.fuse.scoring.failed_training import diverged
from affuse.fuse.training.parameter_budget import TOLERANCE
from affuse.fuse.wording import count

UNSAID = ("design", "device", "experiment", "fusion", "label", "seeds")  # not training
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
EQUAL = (1 + TOLERANCE) / (1 - TOLERANCE)  # largest ratio of two matched sizes


@dataclass(frozen=True)
class Side:
    """Properties of a run that decide whether a comparison is fair."""

    info: RunInfo
    division: frozenset[tuple[str, str, str]]  # fold, part and id outside test parts
    digest: str  # of the division
    diverged: int  # number of diverged models
    settings: Mapping[str, Any]  # with dotted names
    path: Path  # of the run

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return the properties of a run."""
        division = frozenset(map(_place, _seen(run)))
        lines = "\n".join(map(repr, sorted(division)))
        return cls(
            info=run.info,
            division=division,
            digest=hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest(),
            diverged=diverged(run.predictions),
            settings=flat(run.info.settings),
            path=run.path,
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


def contrast(a: Side, b: Side) -> Contrast:
    """Return the differences between two runs that affect both of them."""
    if a.info.name == b.info.name:  # for example, a row and its ensemble
        return Contrast(("both rows are of the same models",))
    sized = _equal_sizes(a, b)
    names = [name for name in differing(a, b) if not (sized and name == "hidden")]
    settings = [f"{name} differs: {_both(a, b, name)}" for name in names]
    remark = f"hidden differs for equal sizes: {_both(a, b, 'hidden')}" if sized else ""
    parts = (*_encoders(a, b), *settings, *_division(a, b), *_code(a, b))
    return Contrast((*parts, *_diverged(a, b)), remark)


def differing(a: Side, b: Side) -> list[str]:
    """Return the names of the settings that both runs use and that differ."""
    return [
        name
        for name in dict.fromkeys((*a.settings, *b.settings))
        if uses(a.info.design, a.settings, name)
        and uses(b.info.design, b.settings, name)
        and value_of(a.settings, name) != value_of(b.settings, name)
    ]


def uses(design: str, settings: Mapping[str, Any], name: str) -> bool:
    """Return True if the training of a design depends on a setting.

    Args:
        design: name of a design or a baseline
        settings: all settings that the run recorded, with dotted names
        name: of one setting; a setting of an unknown name counts as used
    """
    if name in DIVISION or name in UNSAID or not trainable(design).uses(name):
        return False
    return all(
        settings.get(other, MISSING) in (*values, MISSING)
        for other, values in CONDITIONS.get(name, {}).items()
    )


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted names, without those that affect no training.

    Args:
        settings: of a run
        prefix: of the dotted names
    """
    dotted: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            dotted |= flat(value, f"{prefix}{name}.")
        elif prefix or name not in UNSAID:
            dotted[f"{prefix}{name}"] = value
    return dotted


def plain(value: object) -> str:
    """Return a setting as a user types it on the command line.

    Args:
        value: of the setting

    Examples:
        >>> plain(0.001), plain(["a", 2]), plain(MISSING)
        ('0.001', 'a+2', 'not recorded')
    """
    if isinstance(value, list | tuple):
        return "+".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def same_encoder(a: RunInfo, b: RunInfo, modality: str) -> bool:
    """Return True if both runs take embeddings of a modality from one encoder.

    The comparison covers the record of run.json: checkpoint, revision, layers and
    pooling, and the name of the fine-tuning for fold-specific encoders.
    """
    return a.encoders.get(modality) == b.encoders.get(modality)


def _seen(run: Run) -> Sequence[FoldRow]:
    """Return the rows of folds.csv that a training can use."""
    if not trainable(run.info.design).is_trained:
        return ()
    return [row for row in run.folds if row.part != "test"]


def _place(row: FoldRow) -> tuple[str, str, str]:
    """Return fold, part and id of a row."""
    return row.fold, row.part, row.id


def _both(a: Side, b: Side, name: str) -> str:
    """Return both values of a setting in words."""
    values = (plain(value_of(side.settings, name)) for side in (a, b))
    return " and ".join(values)


def _equal_sizes(a: Side, b: Side) -> bool:
    """Return True if two designs differ in hidden units to match their sizes.

    This is the purpose of --match-parameters. A run does not record the option, but its
    number of parameters. Those of two matched designs are within `TOLERANCE` of one
    number.
    """
    sizes = sorted((a.info.parameters, b.info.parameters))
    close = 0 < sizes[0] and sizes[1] <= EQUAL * sizes[0]
    return close and a.info.design != b.info.design and "hidden" in differing(a, b)


def _encoders(a: Side, b: Side) -> Iterator[str]:
    """Yield a clause for each modality of two designs whose encoders differ."""
    if a.info.design == b.info.design:
        return  # The comparison is then between encoders.
    for modality in sorted(a.info.encoders.keys() & b.info.encoders.keys()):
        if not same_encoder(a.info, b.info, modality):
            yield f"the {modality} encoder differs"


def _division(a: Side, b: Side) -> Iterator[str]:
    """Yield clauses on differences of the training and validation parts."""
    trained = all(trainable(side.info.design).is_trained for side in (a, b))
    if not trained or a.digest == b.digest:
        return
    names = [
        name
        for name in DIVISION
        if a.settings.get(name, MISSING) != b.settings.get(name, MISSING)
    ]
    yield from (f"{name} differs: {_both(a, b, name)}" for name in names)
    if not names:
        moved = {id_ for _, _, id_ in a.division ^ b.division}
        yield (
            f"{count(len(moved), 'utterance')} trained or validated one of them and "
            f"not the other, or are in another fold or part"
        )


def _code(a: Side, b: Side) -> Iterator[str]:
    """Yield clauses on code that both runs use and that differs."""
    first, second = a.info, b.info
    if first.design == second.design and first.code != second.code:
        codes = (side.code or str(MISSING) for side in (first, second))
        yield f"the code of {first.design} differs: {' and '.join(codes)}"
    for whole, part in ((first, second), (second, first)):
        record = f"{part.design} {part.code}"  # in the form of code_revisions.of
        is_base = part.design in trainable(whole.design).bases
        if is_base and whole.code and part.code and record not in whole.code:
            yield f"the code of {part.design} differs: {whole.code} and {part.code}"


def _diverged(a: Side, b: Side) -> Iterator[str]:
    """Yield a clause for each run with diverged models."""
    for side in (a, b):
        if side.diverged:
            yield (
                f"{count(side.diverged, 'model')} of {side.info.design} diverged "
                f"(see below)"
            )

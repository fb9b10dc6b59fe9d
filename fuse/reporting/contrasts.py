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
from affuse.fuse.scoring.failed_training import diverged
from affuse.fuse.training.parameter_budget import TOLERANCE
from affuse.fuse.wording import count

UNSAID = ("design", "device", "experiment", "fusion", "label", "seeds")  # no training
DIVISION = ("protocol", "folds", "split_seed")  # folds.csv says what they led to
# settings that are used only where others have one of these values
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
EQUAL = (1 + TOLERANCE) / (1 - TOLERANCE)  # ratio of two sizes that were both matched


@dataclass(frozen=True)
class Missing:
    """The value of a setting that a run of another version did not record."""

    def __str__(self) -> str:
        return "not recorded"


MISSING = Missing()


@dataclass(frozen=True)
class Side:
    """One run of a comparison, as far as fairness goes."""

    info: RunInfo
    division: frozenset[tuple[str, str, str]]  # fold, part, id, but of test parts
    digest: str  # of the division
    diverged: int  # models whose predictions lie far outside the scale
    settings: Mapping[str, Any]  # with dotted names
    path: Path  # of the run

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return what a run says about itself."""
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
    """What two runs differ in beside the thing that is compared."""

    reasons: tuple[str, ...] = ()  # that forbid a mark, each a clause
    remark: str = ""  # a difference that is meant to be, as a clause

    @property
    def reason(self) -> str:
        """All reasons in one clause; "" if there is none."""
        return "; ".join(self.reasons)


def contrast(a: Side, b: Side) -> Contrast:
    """Return the differences between two runs that both of them depend on."""
    if a.info.name == b.info.name:  # a row and its ensemble, say
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
        and a.settings.get(name, MISSING) != b.settings.get(name, MISSING)
    ]


def uses(design: str, settings: Mapping[str, Any], name: str) -> bool:
    """Return True if the training of a design depends on a setting.

    Args:
        design: name of a design, a decision or a baseline
        settings: all that the run recorded, with dotted names
        name: of one setting; one that is not known here counts as used
    """
    if name in DIVISION or name in UNSAID or not trainable(design).uses(name):
        return False
    return all(
        settings.get(other, MISSING) in (*values, MISSING)
        for other, values in CONDITIONS.get(name, {}).items()
    )


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted names, without those of no training."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        elif prefix or name not in UNSAID:
            found[f"{prefix}{name}"] = value
    return found


def plain(value: object) -> str:
    """Return a setting as one would type it.

    Examples:
        >>> plain(0.001), plain(["a", 2]), plain(MISSING)
        ('0.001', 'a+2', 'not recorded')
    """
    if isinstance(value, list | tuple):
        return "+".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def same_encoder(a: RunInfo, b: RunInfo, modality: str) -> bool:
    """Return True if both runs take embeddings of a modality from one encoder.

    Compared is all that run.json records: checkpoint, revision, layers and pooling; of
    encoders that were fine-tuned for each fold, also the name of the fine-tuning.
    """
    return a.encoders.get(modality) == b.encoders.get(modality)


def _seen(run: Run) -> Sequence[FoldRow]:
    """Return the rows of folds.csv that a training may see."""
    if not trainable(run.info.design).is_trained:
        return ()
    return [row for row in run.folds if row.part != "test"]


def _place(row: FoldRow) -> tuple[str, str, str]:
    return row.fold, row.part, row.id


def _both(a: Side, b: Side, name: str) -> str:
    """Return both values of a setting in words."""
    values = (plain(side.settings.get(name, MISSING)) for side in (a, b))
    return " and ".join(values)


def _equal_sizes(a: Side, b: Side) -> bool:
    """Return True if two designs have other hidden units to have equal sizes.

    That is what --match-parameters is for. A run does not record it, but its number of
    parameters, and those of two matched designs are within `TOLERANCE` of one number.
    """
    sizes = sorted((a.info.parameters, b.info.parameters))
    close = 0 < sizes[0] and sizes[1] <= EQUAL * sizes[0]
    return close and a.info.design != b.info.design and "hidden" in differing(a, b)


def _encoders(a: Side, b: Side) -> Iterator[str]:
    """Yield the modalities of two designs whose encoders differ."""
    if a.info.design == b.info.design:
        return  # then the encoders are what is compared
    for modality in sorted(a.info.encoders.keys() & b.info.encoders.keys()):
        if not same_encoder(a.info, b.info, modality):
            yield f"the {modality} encoder differs"


def _division(a: Side, b: Side) -> Iterator[str]:
    """Yield the settings by which other utterances were trained or validated on."""
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
            f"not the other, or in another fold or part"
        )


def _code(a: Side, b: Side) -> Iterator[str]:
    """Yield the code that both runs use, if it differs."""
    one, other = a.info, b.info
    if one.design == other.design and one.code != other.code:
        codes = (side.code or str(MISSING) for side in (one, other))
        yield f"the code of {one.design} differs: {' and '.join(codes)}"
    for whole, part in ((one, other), (other, one)):
        held = f"{part.design} {part.code}"  # as code_revisions.of writes it
        built = part.design in trainable(whole.design).bases
        if built and whole.code and part.code and held not in whole.code:
            yield f"the code of {part.design} differs: {whole.code} and {part.code}"


def _diverged(a: Side, b: Side) -> Iterator[str]:
    """Yield how many models of either run say what no rating can be."""
    for side in (a, b):
        if side.diverged:
            yield (
                f"{count(side.diverged, 'model')} of {side.info.design} diverged "
                f"(see below)"
            )

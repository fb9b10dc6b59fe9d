"""What will be fine-tuned on what, named before anything is trained."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from affuse.data.errors import AffuseError, OptionError
from affuse.data.name_spellings import unify
from affuse.data.options.finetuning_options import Finetune
from affuse.data.records import Corpus
from affuse.data.splits.protocol_assumptions import Division
from affuse.data.splits.protocols import Fold
from affuse.data.suggestions import hint
from affuse.extract.finetune.backbone import Backbone
from affuse.extract.finetune.fold_inputs import usable
from affuse.extract.finetune.tuning_settings import Tuning, demand
from affuse.fuse.inputs.fold_division import divided
from affuse.fuse.inputs.rating_variation import demand_folds
from affuse.fuse.inputs.tensors import Aligned
from affuse.fuse.models import code_revisions
from affuse.fuse.settings import Settings
from affuse.fuse.training.setting_resolution import resolved

FORMAT = 2  # to be raised when equal choices come to train other models
PACKAGES = ("accelerate", "numpy", "torch", "transformers")


@dataclass(frozen=True)
class FinetuningPlan:
    """One design with its encoders, on the folds of one corpus."""

    folder: Path  # of all its folds
    corpus: Corpus
    aligned: Aligned
    fusion: str
    settings: Settings
    tuning: Tuning
    folds: tuple[Fold, ...]  # those that are wanted
    every: tuple[str, ...]  # names of all folds of the protocol
    backbones: Mapping[str, Backbone]
    seed: int
    code: str  # of the design, as `affuse.fuse.models.code_revisions.of` tells it
    size: int  # utterances that go through the encoders at once
    hold: bool  # hold the activations of a whole batch, to compute them once
    checkpointing: bool  # compute activations once more, to hold fewer
    device: str
    threads: int
    division: Division  # what the protocol decided by itself


def make(
    corpus: Corpus,
    backbones: Mapping[str, Backbone],
    options: Finetune,
    *,
    settings: Settings,
    tuning: Tuning,
    device: str,
    threads: int,
) -> FinetuningPlan:
    """Divide the corpus, and name the folder after all that decides the outcome.

    What does not is left out of the name: the device, and how many utterances go
    through the encoders at once, which changes rounding and draws of dropout alone. So
    a training that ran out of memory goes on with fewer.

    Args:
        corpus: with ratings as released
        backbones: encoder of each modality
        options: design, fold, seed and folder of the command, and how many utterances
            go through the encoders at once
        settings: of the design and its training
        tuning: of the encoders' training
        device: where it is computed
        threads: that decode recordings

    Raises:
        AffuseError: if ratings, modalities, speakers, splits or the fold are missing,
            or a rating is constant in training or validation
    """
    fusion, fold, seed = options.fusion, options.fold, options.seed
    settings = resolved(settings, fusion)
    demand(settings)
    protocol = settings.protocol or corpus.protocol
    if not protocol:
        raise AffuseError(
            f"corpus '{corpus.name}' has neither speakers nor a split, so nothing "
            f"divides it; name a column: --map speaker=COLUMN or --map split=COLUMN"
        )
    settings = replace(settings, protocol=protocol)
    one = replace(corpus, utterances=unify(corpus.utterances))
    aligned = usable(one, tuple(backbones), policy=settings.out_of_range)
    found, division = divided(corpus, aligned, settings)
    names = [f.name for f in found]
    if fold not in ("all", *names):
        raise OptionError(
            f"protocol '{protocol}' has no fold {fold!r}; choose from all, "
            f"{', '.join(names)}{hint(fold, ['all', *names])}"
        )
    wanted = tuple(f for f in found if fold in ("all", f.name))
    demand_folds(aligned, wanted, protocol=protocol, test=False)
    code = code_revisions.of(fusion)
    digest = _digest(aligned, found, backbones, settings, tuning, seed, code)
    return FinetuningPlan(
        options.output / f"{corpus.name}-{fusion}-{protocol}-{digest}",
        corpus,
        aligned,
        fusion,
        settings,
        tuning,
        wanted,
        tuple(names),
        backbones,
        seed,
        code,
        size=options.batch,
        hold=options.hold,
        checkpointing=options.checkpointing,
        device=device,
        threads=threads,
        division=division,
    )


def _digest(
    aligned: Aligned,
    folds: Sequence[Fold],
    backbones: Mapping[str, Backbone],
    settings: Settings,
    tuning: Tuning,
    seed: int,
    code: str,
) -> str:
    """Eight hexadecimal digits of all that changes a weight, but the inputs."""
    identity = {
        "format": FORMAT,
        "code": code,
        "settings": asdict(settings),
        "tuning": tuning.decisive,
        "weights": {m: b.checkpoint.weights for m, b in backbones.items()},
        "folds": [(f.name, f.train, f.validation) for f in folds],
        "truth": hashlib.sha256(aligned.truth.tobytes()).hexdigest(),
        "seed": seed,
    }
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def versions(tuning: Tuning) -> dict[str, str]:
    """Of the packages that train."""
    more = ("peft",) if tuning.adapters else ()
    return {name: importlib.metadata.version(name) for name in (*PACKAGES, *more)}

"""Plan of a fine-tuning: design, encoders, folds, settings and the output folder."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affuse.data.errors import AffuseError, OptionError
from affuse.data.name_spellings import unify
from affuse.data.options.finetuning_options import Finetune
from affuse.data.records import Corpus
from affuse.data.splits.protocol_assumptions import Division
from affuse.data.splits.protocols import Fold
from affuse.data.suggestions import hint
from affuse.extract.finetune.backbone import Backbone
from affuse.extract.finetune.fold_inputs import usable_utterances
from affuse.extract.finetune.tuning_settings import Tuning, demand
from affuse.fuse.inputs.fold_division import divide_into_folds
from affuse.fuse.inputs.rating_variation import demand_folds
from affuse.fuse.inputs.tensors import AlignedCorpus
from affuse.fuse.models import code_revisions
from affuse.fuse.setting_scopes import recorded
from affuse.fuse.settings import Settings
from affuse.fuse.training.setting_resolution import resolve_settings

FORMAT = 2  # is raised when equal choices would train different models
PACKAGES = ("accelerate", "numpy", "torch", "transformers")


@dataclass(frozen=True)
class FinetuningPlan:
    """Plan to fine-tune one design with its encoders on the folds of one corpus."""

    folder: Path  # of all folds
    corpus: Corpus
    aligned: AlignedCorpus
    fusion: str
    settings: Settings
    tuning: Tuning
    folds: tuple[Fold, ...]  # to fine-tune on
    fold_names: tuple[str, ...]  # names of all folds of the protocol
    backbones: Mapping[str, Backbone]
    seed: int
    code: str  # of the design, see `affuse.fuse.models.code_revisions.code_identity`
    size: int  # number of utterances in a pass through the encoders
    hold: bool  # True to keep the activations of a batch, not compute them twice
    checkpointing: bool  # True to recompute activations, which saves memory
    device: str
    threads: int
    division: Division  # assumptions of the protocol


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
    """Return the plan, with a folder named after all choices that change the result.

    The name omits the device and the number of utterances in a pass, which change only
    rounding and draws of dropout. So a training that ran out of memory can resume with
    fewer utterances in a pass.

    Args:
        corpus: with ratings as released
        backbones: encoder of each modality
        options: design, fold, seed and folder of the command, and the number of
            utterances in a pass
        settings: of the design and its training
        tuning: of the training of the encoders
        device: torch device
        threads: number of threads that decode recordings

    Raises:
        AffuseError: if ratings, modalities, speakers, splits or the fold are missing,
            or a rating is constant in training or validation
    """
    fusion, fold, seed = options.fusion, options.fold, options.seed
    settings = resolve_settings(settings, fusion)
    demand(settings)
    protocol = settings.protocol or corpus.protocol
    if not protocol:
        raise AffuseError(
            f"corpus '{corpus.name}' has neither speakers nor a split, so no protocol "
            f"divides it; name a column: --map speaker=COLUMN or --map split=COLUMN"
        )
    settings = replace(settings, protocol=protocol)
    unified = replace(corpus, utterances=unify(corpus.utterances))
    aligned = usable_utterances(unified, tuple(backbones), policy=settings.out_of_range)
    folds, division = divide_into_folds(corpus, aligned, settings)
    names = [f.name for f in folds]
    if fold not in ("all", *names):
        raise OptionError(
            f"protocol '{protocol}' has no fold {fold!r}; choose from all, "
            f"{', '.join(names)}{hint(fold, ['all', *names])}"
        )
    selection = tuple(f for f in folds if fold in ("all", f.name))
    demand_folds(aligned, selection, protocol=protocol, test=False)
    code = code_revisions.code_identity(fusion)
    digest = _digest(aligned, folds, backbones, settings, tuning, seed, code)
    return FinetuningPlan(
        options.output / f"{corpus.name}-{fusion}-{protocol}-{digest}",
        corpus,
        aligned,
        fusion,
        settings,
        tuning,
        selection,
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
    aligned: AlignedCorpus,
    folds: Sequence[Fold],
    backbones: Mapping[str, Backbone],
    settings: Settings,
    tuning: Tuning,
    seed: int,
    code: str,
) -> str:
    """Return eight hexadecimal digits of all that changes weights, except inputs."""
    identity = {
        "format": FORMAT,
        "code": code,
        "settings": recorded(settings),
        "tuning": tuning.result_settings,
        "weights": {m: b.checkpoint.weights for m, b in backbones.items()},
        "folds": [(f.name, f.train, f.validation) for f in folds],
        "truth": hashlib.sha256(aligned.truth.tobytes()).hexdigest(),
        "seed": seed,
    }
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def versions(tuning: Tuning) -> dict[str, str]:
    """Return the versions of the packages that affect the training, by name.

    Args:
        tuning: of the training of the encoders
    """
    extra = ("peft",) if tuning.adapters else ()
    return {name: importlib.metadata.version(name) for name in (*PACKAGES, *extra)}

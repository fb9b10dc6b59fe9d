"""Publication of a finished fold: checkpoints, jointly trained head and provenance."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch

from affuse.data.cache import training_data
from affuse.data.cache.recording_spans import SILENT
from affuse.data.cache.training_data import TrainingRecord
from affuse.data.records import Utterance
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.finetuning_folder import FinetunedFold, UnfinishedFold
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.data.system.csv_tables import write_rows
from affuse.data.system.regular_files import WEIGHTS, open_regular
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.encoder_files import preparation_files
from affuse.extract.finetune import adapters
from affuse.extract.finetune.backbone import Backbone
from affuse.extract.finetune.finetuning_plan import FinetuningPlan, versions
from affuse.extract.finetune.fold_inputs import Material
from affuse.extract.finetune.joint_system import JointModule
from affuse.fuse.experiment_files import dump

UNSEALED = ("README", "LICENSE", ".")  # beginnings of names of files without digest


def facts(
    plan: FinetuningPlan,
    material: Material,
    *,
    fold: str,
    content: str,
    before: Mapping[str, float],
    after: Mapping[str, float],
    epoch: float,
) -> dict[str, Any]:
    """Return the content of ``finetune.json``.

    Args:
        plan: of the fine-tuning
        material: training and validation part of the fold
        fold: its name
        content: digest of the inputs
        before: validation CCC by rating of the same head behind frozen encoders
        after: validation CCC by rating of the best checkpoint
        epoch: of the best checkpoint
    """
    train, validation = material.train.utterances, material.validation.utterances
    return {
        "corpus": plan.corpus.name,
        "nature": plan.corpus.nature,
        "design": plan.fusion,
        "code": plan.code,
        "protocol": plan.settings.protocol,
        "fold": fold,
        "seed": plan.seed,
        "targets": list(material.targets),
        "content": content,
        "train": _part(train),
        "validation": _part(validation),
        "left_out": [f"{p.id}: {p.reason}" for p in material.problems],
        "left_out_of_corpus": dict(plan.aligned.left_out),
        "cut": {m: list(ids) for m, ids in material.cut.items()},
        "checkpoints": {m: _origin(b) for m, b in plan.backbones.items()},
        "settings": asdict(plan.settings),
        "tuning": asdict(plan.tuning),
        "validation_ccc": {"frozen": dict(before), "fine-tuned": dict(after)},
        "epoch": epoch,
        "versions": versions(plan.tuning),
    }


def _part(utterances: Sequence[Utterance]) -> dict[str, Any]:
    """Return size, digest and speakers of a part of the fold."""
    ids = "\n".join(u.id for u in utterances)
    return {
        "utterances": len(utterances),
        "digest": hashlib.sha256(ids.encode()).hexdigest()[:16],
        "speakers": sorted({u.speaker for u in utterances} - {""}),
    }


def _origin(backbone: Backbone) -> dict[str, str]:
    """Return name, revision and digest of the checkpoint that training began with."""
    base = backbone.checkpoint
    return {"name": base.name, "revision": base.revision, "weights": base.weights}


def save(
    target: Path,
    work: UnfinishedFold,
    module: JointModule,
    plan: FinetuningPlan,
    material: Material,
    record: Mapping[str, Any],
) -> None:
    """Write all files of a finished fold, and rename the folder to `target` at last.

    Args:
        target: folder of the fold, which does not exist yet
        work: folder of the unfinished training, on the same file system
        module: with the weights of the best checkpoint
        plan: of the fine-tuning
        material: training and validation part of the fold
        record: content of ``finetune.json``, as `facts` returned it
    """
    finished = work.finished
    fold = FinetunedFold(finished)
    shutil.rmtree(finished, ignore_errors=True)
    for modality, backbone in module.encoders.backbones.items():
        _save_encoder(finished / modality, backbone, plan, material)
    state = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in module.system.state_dict().items()
    }
    head = fold.head
    publish(head.weights, safetensors.torch.save(state))
    publish(head.settings, dump(plan.settings).encode())
    parts = {"train": material.train, "validation": material.validation}
    ids = [(u.id, name) for name, part in parts.items() for u in part.utterances]
    write_rows(fold.utterances, ("id", "part"), ids)
    if work.log.is_file():
        publish(fold.log, work.log.read_bytes())
    if work.tensorboard.is_dir():
        shutil.copytree(work.tensorboard, fold.tensorboard)
    publish(fold.mark, (json.dumps(record, indent=1) + "\n").encode())
    encoders = (finished / m for m in module.encoders.backbones)
    for folder in (finished, head.path, *encoders):
        digests.list_files(folder, _sealed_names(folder))
    os.rename(finished, target)


def _sealed_names(folder: Path) -> list[str]:
    """Return the names of the files that programs read, without model card and licence.

    Users may complete the model card and add a licence.
    """
    names = [path.name for path in folder.iterdir() if path.is_file()]
    return [name for name in names if not name.startswith(UNSEALED)]


def _save_encoder(
    folder: Path, backbone: Backbone, plan: FinetuningPlan, material: Material
) -> None:
    """Write an encoder as a Hugging Face folder, with a record of its training data."""
    folder.mkdir(parents=True)
    with checkpoint_files.quiet():
        adapters.merge(backbone).save_pretrained(folder)
    for path in preparation_files(backbone.folder):
        if not (folder / path.name).exists():
            with open_regular(path, limit=WEIGHTS) as file:
                publish(folder / path.name, file.read())
    records = [asdict(record) for record in training_records(plan, material, backbone)]
    publish(
        folder / training_data.FILE, (json.dumps(records, indent=1) + "\n").encode()
    )
    publish(CheckpointFolder(folder).card, _card(backbone, plan).encode())


def training_records(
    plan: FinetuningPlan, material: Material, backbone: Backbone
) -> tuple[TrainingRecord, ...]:
    """Return the training data of the encoder: this fold's, and its checkpoint's own.

    The record of the fold lists its speakers if all of them are known, as in protocols
    that divide by speakers. It lists the splits if the protocol is ``official``. The
    reader and a sample of the inputs identify the corpus under another name.

    Args:
        plan: of the fine-tuning
        material: training and validation part of the fold
        backbone: the encoder
    """
    utterances = (*material.train.utterances, *material.validation.utterances)
    official = plan.settings.protocol == "official"
    record = TrainingRecord(
        plan.corpus.name,
        speakers=_names(u.speaker for u in utterances),
        splits=_names(u.split for u in utterances) if official else (),
        how=training_data.TUNED,
        reader=plan.corpus.reader,
        sample=training_data.sample(material.digests[backbone.modality] - {SILENT}),
    )
    base = backbone.checkpoint
    return (record, *training_data.find_records(base.name, base.training))


def _names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct names; an empty tuple if one is unknown."""
    names = set(values)
    return () if "" in names else tuple(sorted(names))


def _card(backbone: Backbone, plan: FinetuningPlan) -> str:
    """Return the model card of an encoder."""
    name, nature = backbone.checkpoint.name, plan.corpus.nature
    rated = "" if nature == "human" else f" ({nature})"
    return (
        f"# {backbone.modality}\n\n"
        f"`{name}`, fine-tuned on corpus {plan.corpus.name}{rated} with the design "
        f"`{plan.fusion}`. Its training data are listed in `{training_data.FILE}`, and "
        f"the training is described in `{FinetunedFold.mark}` of the parent folder. "
        f"The licence of `{name}` applies, and so do the terms of the corpus.\n"
    )

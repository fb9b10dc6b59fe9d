"""A finished fold: ordinary checkpoints, the head, and where all of it came from."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch

from affuse.data.cache import training_data
from affuse.data.cache.recording_spans import SILENT
from affuse.data.cache.training_data import Seen
from affuse.data.records import Utterance
from affuse.data.runs.finetuning_folder import FinetunedFold, UnfinishedFold
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.data.system.csv_tables import write_rows
from affuse.data.system.regular_files import WEIGHTS, open_regular
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.finetune import adapters
from affuse.extract.finetune.backbone import Backbone
from affuse.extract.finetune.finetuning_plan import FinetuningPlan, versions
from affuse.extract.finetune.fold_inputs import Material
from affuse.extract.finetune.joint_system import Tuned
from affuse.fuse.settings import dump

FREE = ("README", "LICENSE", ".")  # how names of files begin that nothing depends on
KEPT = (  # files that an encoder needs beside its weights
    "preprocessor_config.json", "processor_config.json", "tokenizer*", "vocab*",
    "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model", "LICENSE*",
)  # fmt: skip


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
    """What ``finetune.json`` says.

    Args:
        content: digest of the inputs
        before: validation CCC by rating of the same head behind the frozen encoders
        after: of the weights that were kept
        epoch: whose weights these are
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
    ids = "\n".join(u.id for u in utterances)
    return {
        "utterances": len(utterances),
        "digest": hashlib.sha256(ids.encode()).hexdigest()[:16],
        "speakers": sorted({u.speaker for u in utterances} - {""}),
    }


def _origin(backbone: Backbone) -> dict[str, str]:
    found = backbone.checkpoint
    return {"name": found.name, "revision": found.revision, "weights": found.weights}


def save(
    target: Path,
    work: UnfinishedFold,
    module: Tuned,
    plan: FinetuningPlan,
    material: Material,
    said: Mapping[str, Any],
) -> None:
    """Write all files beside `target`, and give the folder its name at last.

    Args:
        target: folder of the fold, which does not exist
        work: folder of the unfinished training, on the same file system
        said: as `facts`
    """
    made = work.finished
    fold = FinetunedFold(made)
    shutil.rmtree(made, ignore_errors=True)
    for modality, backbone in module.encoders.backbones.items():
        _save_encoder(made / modality, backbone, plan, material)
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
    publish(fold.mark, (json.dumps(said, indent=1) + "\n").encode())
    for folder in (made, head.path, *(made / m for m in module.encoders.backbones)):
        digests.seal(folder, _sealed(folder))
    os.rename(made, target)


def _sealed(folder: Path) -> list[str]:
    """Return the files of a folder that a reader relies on: all but texts for people.

    A model card may be completed, and a licence added, without damage.
    """
    names = [path.name for path in folder.iterdir() if path.is_file()]
    return [name for name in names if not name.startswith(FREE)]


def _save_encoder(
    folder: Path, backbone: Backbone, plan: FinetuningPlan, material: Material
) -> None:
    """An ordinary Hugging Face folder, with what it has seen."""
    folder.mkdir(parents=True)
    with checkpoint_files.quiet():
        adapters.merged(backbone).save_pretrained(folder)
    for pattern in KEPT:
        for path in backbone.folder.glob(pattern):
            if path.is_file() and not (folder / path.name).exists():
                with open_regular(path, limit=WEIGHTS) as file:
                    publish(folder / path.name, file.read())
    records = [asdict(record) for record in heard(plan, material, backbone)]
    publish(
        folder / training_data.FILE, (json.dumps(records, indent=1) + "\n").encode()
    )
    publish(folder / "README.md", _card(backbone, plan).encode())


def heard(
    plan: FinetuningPlan, material: Material, backbone: Backbone
) -> tuple[Seen, ...]:
    """What the encoder has seen by now: these parts, and all that it had seen before.

    Speakers are named if all are known, as they are wherever they divide the corpus;
    where its own splits divide it, these are named too. The reader of the corpus and a
    sample of its inputs tell it under another name.
    """
    utterances = (*material.train.utterances, *material.validation.utterances)
    official = plan.settings.protocol == "official"
    now = Seen(
        plan.corpus.name,
        speakers=_names(u.speaker for u in utterances),
        splits=_names(u.split for u in utterances) if official else (),
        how=training_data.TUNED,
        reader=plan.corpus.reader,
        sample=training_data.sample(material.digests[backbone.modality] - {SILENT}),
    )
    known = backbone.checkpoint
    return (now, *training_data.known(known.name, known.training))


def _names(found: Any) -> tuple[str, ...]:
    names = set(found)
    return () if "" in names else tuple(sorted(names))


def _card(backbone: Backbone, plan: FinetuningPlan) -> str:
    """What this checkpoint is, for whoever finds the folder."""
    name, nature = backbone.checkpoint.name, plan.corpus.nature
    rated = "" if nature == "human" else f" ({nature})"
    return (
        f"# {backbone.modality}\n\n"
        f"`{name}`, fine-tuned on corpus {plan.corpus.name}{rated} with the design "
        f"`{plan.fusion}`. What it has seen stands in `{training_data.FILE}`, how it "
        f"was made in `{FinetunedFold.mark}` of the folder above. Its "
        f"licence is that of `{name}`, and the corpus's terms hold too.\n"
    )

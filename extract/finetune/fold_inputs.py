"""Inputs of the encoders for one fold, and their division into batches.

Only the training and the validation part of a fold are read. No text of the test part
is tokenised, and none of its recordings is opened.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.data.modality import Modality, available, modality_named
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.splits.protocols import Fold
from affuse.extract.audio.decoding import Unusable
from affuse.extract.audio.header_bounds import LONGEST
from affuse.extract.caching import encoder_inputs
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.finetune.backbone import Backbone, EncoderInput
from affuse.extract.finetune.batch_passes import divide_into_passes
from affuse.fuse.inputs.tensors import AlignedCorpus, align

# Smallest number of utterances of each part, so that its CCC means something.
FEWEST_UTTERANCES = {"train": 8, "validation": 3}


@dataclass(frozen=True)
class FoldPart:
    """Inputs and ratings of the utterances of one part of a fold, in memory."""

    utterances: tuple[Utterance, ...]
    inputs: Mapping[str, tuple[np.ndarray, ...]]  # {modality: one per utterance}
    truth: Tensor  # (n, targets), on [-1, 1]

    def __len__(self) -> int:
        return len(self.utterances)


@dataclass(frozen=True)
class FoldMaterial:
    """Sources of the inputs of one fold, which are not read yet."""

    fold: Fold
    sources: Mapping[str, Sequence[InputSource]]  # by modality
    content: str  # digest of all sources
    problems: tuple[Problem, ...]  # of utterances whose input cannot be read


@dataclass(frozen=True)
class Material:
    """Training and validation part of one fold."""

    train: FoldPart
    validation: FoldPart
    targets: tuple[str, ...]
    problems: tuple[Problem, ...] = ()  # utterances that are left out
    # {modality: ids of the utterances with truncated inputs}
    cut: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # {modality: digests of the inputs, and of the decoded samples}
    digests: Mapping[str, frozenset[str]] = field(default_factory=dict)


def usable_utterances(
    corpus: Corpus, needed: Sequence[str], *, policy: str
) -> AlignedCorpus:
    """Return the rated utterances with every modality, and ratings in [-1, 1].

    A transcript without words counts as text, see
    `affuse.data.reading.transcript_rule`.

    Args:
        corpus: with ratings as released
        needed: modalities
        policy: for ratings outside the scale, see `affuse.data.rating_scales.normalise`

    Raises:
        AffuseError: if the corpus has no ratings, or lacks a modality completely
    """
    kinds = [modality_named(modality) for modality in needed]
    for kind in kinds:
        if not available(corpus, [kind.name]):
            raise AffuseError(
                f"corpus '{corpus.name}' has no {kind.material}, and this design takes "
                f"{' and '.join(needed)}; choose --fusion audio or text by what it has"
            )
    complete = tuple(u for u in corpus.utterances if not _lack(u, kinds, corpus.root))
    if not complete:
        raise AffuseError(
            f"no utterance of corpus '{corpus.name}' has {' and '.join(needed)}"
        )
    aligned = align(replace(corpus, utterances=complete), {}, policy=policy)
    lacks = Counter(_lack(u, kinds, corpus.root) for u in corpus.utterances)
    del lacks[""]
    left_out = {**dict(sorted(lacks.items())), **aligned.left_out}
    return replace(aligned, left_out=left_out)


def _lack(utterance: Utterance, needed: Sequence[Modality], root: Path) -> str:
    """Return what an utterance lacks, such as "no transcript"; "" if nothing."""
    lacking = (f"no {kind.noun}" for kind in needed if not kind.has(utterance, root))
    return next(lacking, "")


def find(
    corpus: Corpus,
    aligned: AlignedCorpus,
    fold: Fold,
    needed: Sequence[str],
    *,
    threads: int,
    progress: bool,
) -> FoldMaterial:
    """Find the inputs of the training and the validation part of a fold.

    Args:
        corpus: of the utterances
        aligned: usable utterances, as `usable_utterances` returned them
        fold: with the ids of both parts
        needed: modalities
        threads: number of files that are opened at the same time
        progress: True to show a progress bar
    """
    by_id = {u.id: u for u in aligned.utterances}
    ids = (*fold.train, *fold.validation)
    part = replace(corpus, utterances=tuple(by_id[i] for i in ids), problems=())
    sources, problems, contents = {}, list[Problem](), []
    for modality in needed:
        sources[modality], unusable = encoder_inputs.find(
            part, modality, limit=None, threads=threads, progress=progress
        )
        problems += unusable
        contents.append(f"{modality} {encoder_inputs.digest(sources[modality])}")
    content = hashlib.sha256("\n".join(contents).encode()).hexdigest()[:16]
    return FoldMaterial(fold, sources, content, tuple(problems))


def gather(
    fold_material: FoldMaterial,
    corpus: Corpus,
    aligned: AlignedCorpus,
    backbones: Mapping[str, Backbone],
    *,
    threads: int,
) -> Material:
    """Read both parts of a fold, and leave unusable utterances out.

    Raises:
        AffuseError: if too few utterances of a part are usable
    """
    fold, problems = fold_material.fold, list(fold_material.problems)
    by_modality: dict[str, dict[str, EncoderInput]] = {}
    for modality, backbone in backbones.items():
        sources = fold_material.sources[modality]
        by_modality[modality], unusable = _read(sources, backbone, corpus, threads)
        problems += unusable
    parts = {}
    for name, ids in (("train", fold.train), ("validation", fold.validation)):
        usable_ids = [
            i for i in ids if all(i in inputs for inputs in by_modality.values())
        ]
        if len(usable_ids) < FEWEST_UTTERANCES[name]:
            raise AffuseError(
                f"fold '{fold.name}' has {len(usable_ids)} usable utterances for "
                f"{name}, and fine-tuning needs {FEWEST_UTTERANCES[name]} or more; "
                f"choose another protocol, or give more data"
            )
        places = aligned.row_indices(usable_ids)
        parts[name] = FoldPart(
            tuple(aligned.utterances[place] for place in places),
            {m: tuple(x[i].values for i in usable_ids) for m, x in by_modality.items()},
            torch.from_numpy(aligned.truth[places]),
        )
    used = [u.id for part in parts.values() for u in part.utterances]
    short = {m: tuple(i for i in used if x[i].cut) for m, x in by_modality.items()}
    digests = {
        m: frozenset(digest for i in used for digest in inputs[i].digests)
        for m, inputs in by_modality.items()
    }
    both = parts["train"], parts["validation"]
    return Material(*both, aligned.targets, tuple(problems), short, digests)


def _read(
    sources: Sequence[InputSource], backbone: Backbone, corpus: Corpus, threads: int
) -> tuple[dict[str, EncoderInput], list[Problem]]:
    """Return the inputs by id, and a problem for each unusable source."""

    def read(source: InputSource) -> EncoderInput | Problem:
        try:
            return backbone.input(source, longest=LONGEST)
        except Unusable as error:
            file = encoder_inputs.file_name(source.utterance, corpus.root)
            return Problem(file, str(error), id=source.utterance.id)

    # Tokenisers are not safe to call from several threads at the same time.
    jobs = threads if backbone.modality == "audio" else 1
    results = Parallel(n_jobs=jobs, prefer="threads")(delayed(read)(s) for s in sources)
    inputs = {
        s.utterance.id: r
        for s, r in zip(sources, results, strict=True)
        if not isinstance(r, Problem)
    }
    return inputs, [r for r in results if isinstance(r, Problem)]


def group_rows(
    part: FoldPart, rows: Sequence[int], backbones: Mapping[str, Backbone], *, size: int
) -> list[list[int]]:
    """Divide rows into batches of similar lengths for the encoders, longest first.

    Args:
        part: with the inputs
        rows: of the part
        backbones: by modality
        size: largest number of rows in a batch, which may be smaller to save padding

    Returns:
        rows, by batch
    """
    leading = next(iter(backbones))  # audio if the design takes it, else text
    lengths = [len(part.inputs[leading][row]) for row in rows]
    device = backbones[leading].model.device.type
    equal = backbones[leading].needs_equal_lengths
    places = divide_into_passes(
        lengths, size=size, modality=leading, device=device, equal=equal
    )
    return [[rows[place] for place in each] for each in places]


def collate(
    part: FoldPart,
    rows: Sequence[int],
    backbones: Mapping[str, Backbone],
    device: torch.device | str,
) -> dict[str, dict[str, Tensor]]:
    """Return the inputs of some rows for the encoders, on the device, by modality."""
    return {
        m: {
            name: tensor.to(device, non_blocking=True)
            for name, tensor in b.collate([part.inputs[m][row] for row in rows]).items()
        }
        for m, b in backbones.items()
    }

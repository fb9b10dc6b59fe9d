"""What the encoders of one fold are fed with, and which of it together.

Only the training and the validation part of a fold is looked at: no text of the test
is tokenised, and no recording of it is opened.
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
from affuse.extract.caching import encoder_inputs
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.finetune.backbone import Backbone, EncoderInput
from affuse.extract.finetune.batch_passes import cut
from affuse.fuse.inputs.tensors import Aligned, align

LEAST = {"train": 8, "validation": 3}  # utterances; a CCC of two says nothing
LONGEST = 3600.0  # seconds of a recording that is decoded at all


@dataclass(frozen=True)
class FoldPart:
    """Utterances in memory, as the encoders take them."""

    utterances: tuple[Utterance, ...]
    inputs: Mapping[str, tuple[np.ndarray, ...]]  # {modality: one of each utterance}
    truth: Tensor  # (n, targets), on [-1, 1]

    def __len__(self) -> int:
        return len(self.utterances)


@dataclass(frozen=True)
class FoldMaterial:
    """Inputs of one fold, before they are read."""

    fold: Fold
    sources: Mapping[str, Sequence[InputSource]]  # by modality
    content: str  # digest of all of them
    problems: tuple[Problem, ...]  # utterances whose recording cannot be read


@dataclass(frozen=True)
class Material:
    """What one fold is trained and validated with."""

    train: FoldPart
    validation: FoldPart
    targets: tuple[str, ...]
    problems: tuple[Problem, ...] = ()  # utterances that had to be left out
    # {modality: ids of which no more than the beginning is trained on}
    cut: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # {modality: digests of the inputs, and of the decoded samples}
    digests: Mapping[str, frozenset[str]] = field(default_factory=dict)


def usable(corpus: Corpus, needed: Sequence[str], *, policy: str) -> Aligned:
    """Rated utterances that have every modality, with ratings on [-1, 1].

    Those without words have text, see `affuse.data.reading.transcript_rule`.

    Args:
        needed: modalities
        policy: for ratings outside the scale, see `affuse.data.rating_scales.normalise`

    Raises:
        AffuseError: if a modality is missing in all of the corpus, or ratings are
    """
    kinds = [modality_named(modality) for modality in needed]
    for kind in kinds:
        if not available(corpus, [kind.name]):
            raise AffuseError(
                f"corpus '{corpus.name}' has no {kind.material}, and this design takes "
                f"{' and '.join(needed)}; choose --fusion audio or text by what it has"
            )
    whole = tuple(u for u in corpus.utterances if not _absent(u, kinds, corpus.root))
    if not whole:
        raise AffuseError(
            f"no utterance of corpus '{corpus.name}' has {' and '.join(needed)}"
        )
    found = align(replace(corpus, utterances=whole), {}, policy=policy)
    absent = Counter(_absent(u, kinds, corpus.root) for u in corpus.utterances)
    del absent[""]
    return replace(found, left_out={**dict(sorted(absent.items())), **found.left_out})


def _absent(utterance: Utterance, needed: Sequence[Modality], root: Path) -> str:
    """Return the first modality that an utterance lacks, in words; "" if none."""
    lacking = (f"no {kind.noun}" for kind in needed if not kind.has(utterance, root))
    return next(lacking, "")


def find(
    corpus: Corpus,
    aligned: Aligned,
    fold: Fold,
    needed: Sequence[str],
    *,
    threads: int,
    progress: bool,
) -> FoldMaterial:
    """Look for texts and recordings of the training and the validation part."""
    known = {u.id: u for u in aligned.utterances}
    ids = (*fold.train, *fold.validation)
    wanted = replace(corpus, utterances=tuple(known[i] for i in ids), problems=())
    made, problems, contents = {}, list[Problem](), []
    for modality in needed:
        made[modality], absent = encoder_inputs.find(
            wanted, modality, limit=None, threads=threads, progress=progress
        )
        problems += absent
        contents.append(f"{modality} {encoder_inputs.digest(made[modality])}")
    content = hashlib.sha256("\n".join(contents).encode()).hexdigest()[:16]
    return FoldMaterial(fold, made, content, tuple(problems))


def gather(
    found: FoldMaterial,
    corpus: Corpus,
    aligned: Aligned,
    backbones: Mapping[str, Backbone],
    *,
    threads: int,
) -> Material:
    """Read both parts; what cannot be encoded is left out.

    Raises:
        AffuseError: if too few utterances are left of either part
    """
    fold, problems = found.fold, list(found.problems)
    made: dict[str, dict[str, EncoderInput]] = {}
    for modality, backbone in backbones.items():
        there = found.sources[modality]
        made[modality], unusable = _encode(there, backbone, corpus, threads)
        problems += unusable
    parts = {}
    for name, ids in (("train", fold.train), ("validation", fold.validation)):
        whole = [i for i in ids if all(i in inputs for inputs in made.values())]
        if len(whole) < LEAST[name]:
            raise AffuseError(
                f"fold '{fold.name}' has {len(whole)} usable utterances for {name}, "
                f"and fine-tuning needs {LEAST[name]} or more; choose another "
                f"protocol, or give more data"
            )
        places = aligned.places(whole)
        parts[name] = FoldPart(
            tuple(aligned.utterances[place] for place in places),
            {m: tuple(inputs[i].values for i in whole) for m, inputs in made.items()},
            torch.from_numpy(aligned.truth[places]),
        )
    used = [u.id for part in parts.values() for u in part.utterances]
    short = {m: tuple(i for i in used if inputs[i].cut) for m, inputs in made.items()}
    digests = {
        m: frozenset(digest for i in used for digest in inputs[i].digests)
        for m, inputs in made.items()
    }
    both = parts["train"], parts["validation"]
    return Material(*both, aligned.targets, tuple(problems), short, digests)


def _encode(
    found: Sequence[InputSource], backbone: Backbone, corpus: Corpus, threads: int
) -> tuple[dict[str, EncoderInput], list[Problem]]:
    """Inputs by id, and what could not be used."""

    def one(source: InputSource) -> EncoderInput | Problem:
        try:
            return backbone.input(source, longest=LONGEST)
        except Unusable as error:
            file = encoder_inputs.file_name(source.utterance, corpus.root)
            return Problem(file, str(error), id=source.utterance.id)

    # tokenisers are not to be called by several threads at once
    jobs = threads if backbone.modality == "audio" else 1
    results = Parallel(n_jobs=jobs, prefer="threads")(delayed(one)(s) for s in found)
    made = {
        s.utterance.id: r
        for s, r in zip(found, results, strict=True)
        if not isinstance(r, Problem)
    }
    return made, [r for r in results if isinstance(r, Problem)]


def together(
    part: FoldPart, rows: Sequence[int], backbones: Mapping[str, Backbone], *, size: int
) -> list[list[int]]:
    """Divide rows into batches for the encoders: neighbours in length, longest first.

    Args:
        size: rows of a batch at most; fewer where more would be padding, or not equal

    Returns:
        rows, batch by batch
    """
    leading = next(iter(backbones))  # audio, where there is any
    lengths = [len(part.inputs[leading][row]) for row in rows]
    device = backbones[leading].model.device.type
    equal = backbones[leading].equal
    places = cut(lengths, size=size, modality=leading, device=device, equal=equal)
    return [[rows[place] for place in each] for each in places]


def collate(
    part: FoldPart,
    rows: Sequence[int],
    backbones: Mapping[str, Backbone],
    device: torch.device | str,
) -> dict[str, dict[str, Tensor]]:
    """Inputs of some rows as the encoders take them, on the device."""
    return {
        m: {
            name: tensor.to(device, non_blocking=True)
            for name, tensor in b.collate([part.inputs[m][row] for row in rows]).items()
        }
        for m, b in backbones.items()
    }

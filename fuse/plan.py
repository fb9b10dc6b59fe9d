"""What one run will train on what, decided and named before anything is trained."""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from data import sentences, splits
from data.files import publish
from data.folds import FoldRow, write_folds
from data.predictions import INFO, RunInfo, write_info
from data.recipe import Recipe
from data.splits import PARTS, Fold
from data.store import Embeddings
from data.utterance import Corpus
from fuse.designs._regressor import pick
from fuse.model import modalities
from fuse.references import FITTED, Zeroshot
from fuse.settings import Settings, dump
from fuse.tensors import HEAD, Aligned, Rows, align

FORMAT = 2  # of a run; to be raised when equal settings train other models
PACKAGES = ("numpy", "scikit-learn", "torch")  # whose versions a run records
SETTINGS, ALIGNMENT = "settings.toml", "alignment.json"


@dataclass(frozen=True)
class Plan:
    """One run, before it is trained."""

    folder: Path
    info: RunInfo
    settings: Settings
    aligned: Aligned
    folds: tuple[Fold, ...]
    recipes: Mapping[str, Recipe]  # of the modalities that the design takes
    device: str

    def rows(self, ids: Sequence[str]) -> Rows:
        """Tensors of one part of a fold: those that the design takes, no others."""
        features = inputs(self.info.design, self.recipes)
        return self.aligned.rows(ids, features=features, device=self.device)


def inputs(fusion: str, recipes: Iterable[str]) -> tuple[str, ...]:
    """Features that a model takes, of those in `fuse.tensors`."""
    return (HEAD,) if fusion == "zeroshot" else tuple(recipes)


def make(
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    fusion: str,
    settings: Settings,
    runs: Path,
    device: str,
    label: str,
    aligned: Aligned | None = None,
) -> Plan:
    """Join, divide, and name the run after everything that matters.

    Args:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}
        fusion: a design or a reference
        settings: without a protocol, the corpus's own
        runs: folder of all runs
        device: where to compute
        label: name of the experiment
        aligned: corpus and embeddings, if they were joined before

    Raises:
        ValueError: if modalities, a head, ratings, speakers or splits are missing
    """
    settings = replace(settings, protocol=settings.protocol or corpus.protocol)
    if not settings.protocol:
        raise ValueError(
            f"corpus '{corpus.name}' has neither speakers nor a split, so nothing "
            f"divides it; name a column when it is extracted: --map speaker=COLUMN or "
            f"--map split=COLUMN"
        )
    needed = _needed(fusion, embeddings)
    recipes = {m: pick(embeddings, m).recipe for m in needed}
    aligned = aligned or align(corpus, embeddings, policy=settings.out_of_range)
    if fusion == "zeroshot":
        Zeroshot(aligned.head, targets=aligned.targets)  # refuses before it is begun
    utterances, protocol = aligned.utterances, settings.protocol
    folds = splits.folds(
        utterances, protocol, folds=settings.folds, seed=settings.split_seed
    )
    digest = _digest(settings, recipes, folds, aligned)
    info = RunInfo(
        name=f"{corpus.name}-{fusion}-{protocol}-{digest}",
        design=fusion,
        corpus=corpus.name,
        nature=corpus.nature,
        protocol=protocol,
        targets=aligned.targets,
        encoders={m: _encoder(recipe) for m, recipe in recipes.items()},
        settings=asdict(settings),
        label=label,
        versions={name: importlib.metadata.version(name) for name in PACKAGES},
        shortfall=corpus.shortfall,
    )
    return Plan(runs / info.name, info, settings, aligned, folds, recipes, device)


def _digest(
    settings: Settings,
    recipes: Mapping[str, Recipe],
    folds: Sequence[Fold],
    aligned: Aligned,
) -> str:
    """Eight hexadecimal digits of all that changes a model or a figure, but seeds."""
    identity = {
        "format": FORMAT,
        "settings": asdict(settings),
        "recipes": {m: recipe.digest() for m, recipe in recipes.items()},
        "folds": [asdict(fold) for fold in folds],
        "truth": hashlib.sha256(aligned.truth.tobytes()).hexdigest(),
    }
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _needed(fusion: str, embeddings: Mapping[str, Embeddings]) -> tuple[str, ...]:
    """Modalities whose embeddings, or whose head, the design takes."""
    if not isinstance(fusion, str):
        raise ValueError(
            f"{fusion!r} has no name, and a run is read again by its design's name; "
            f"save it as fuse/designs/NAME.py, or use fuse.estimator"
        )
    if fusion in FITTED:
        if not embeddings:
            raise ValueError(
                f"{fusion} needs embeddings, and there are none; extract first"
            )
        return tuple(sorted(embeddings))
    return ("audio",) if fusion == "zeroshot" else modalities(fusion)


def _encoder(recipe: Recipe) -> dict[str, object]:
    """What a table says of an encoder."""
    shown = ("encoder", "checkpoint", "revision", "layers", "pooling")
    return {name: getattr(recipe, name) for name in shown}


def begin(plan: Plan) -> None:
    """Publish what is known before training; equal for all that work on this run."""
    if not (plan.folder / INFO).is_file():  # that of a finished run says more
        write_info(plan.folder, plan.info)
    publish(plan.folder / SETTINGS, dump(plan.settings).encode())
    rows = tuple(fold_rows(plan))
    write_folds(plan.folder, rows)
    said = {u.id: sentences.key(u) for u in plan.aligned.utterances}
    sentences.write_sentences(plan.folder, sentences.seen(rows, said))
    counts = {
        "utterances": len(plan.aligned.utterances),
        "left_out": plan.aligned.left_out,
        "outside_scale": plan.aligned.outside,
    }
    publish(plan.folder / ALIGNMENT, (json.dumps(counts, indent=1) + "\n").encode())


def fold_rows(plan: Plan) -> Iterator[FoldRow]:
    """Every utterance of every fold, by fold, part and id."""
    utterances = {u.id: u for u in plan.aligned.utterances}
    for fold in plan.folds:
        for part in PARTS:
            for id_ in getattr(fold, part):
                u = utterances[id_]
                known = u.speaker, u.dialogue, u.scripted, u.sex, u.session
                yield FoldRow(fold.name, part, id_, *known)


def summary(folder: Path) -> str:
    """What a run used and what it left out, in words; for the command line.

    Raises:
        FileNotFoundError: if the folder is no run
    """
    path = folder / ALIGNMENT
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found; {folder} is not a run folder")
    counts = json.loads(path.read_text(encoding="utf-8"))
    words = [f"{counts['utterances']} utterances"]
    words += [f"left out: {n} with {why}" for why, n in counts["left_out"].items()]
    if counts["outside_scale"]:
        words.append(f"a rating outside the scale: {counts['outside_scale']}")
    return "; ".join(words)

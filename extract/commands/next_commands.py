"""The command that comes after an extraction, with all options that it needs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from affuse.data import plugins
from affuse.data.cache import cache_selection, fold_caches, fold_encoders, store
from affuse.data.cache.run_recipes import predictors
from affuse.data.errors import AffuseError
from affuse.data.modality import BUILT_IN
from affuse.data.options.command_record import next_line
from affuse.data.options.extraction_options import Extract, checkpoints
from affuse.data.options.run_options import Predict
from affuse.data.options.shared_options import CacheChoice
from affuse.data.options.training_options import Train
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.records import Corpus
from affuse.data.runs.finetuning_folder import FinetunedFold, FinetuningFolder
from affuse.data.splits.protocol_alternatives import alternatives
from affuse.data.system.documents import read_json
from affuse.data.system.schema import Plain, Record, Text
from affuse.extract.caching.extraction import ExtractionOutcome
from affuse.extract.caching.job_shares import JobShare

RUNS = Path("runs")  # where stage two keeps its runs, unless it is told otherwise
TUNED = Record({}, {"protocol": Text(200)}, others=Plain(depth=6, most=1_000_000))


def following(
    corpus: Corpus,
    made: Mapping[str, ExtractionOutcome],
    options: Extract,
) -> Iterator[str]:
    """Yield the lines that say what to do next; those of commands begin with ``next:``.

    Args:
        corpus: that was encoded
        made: what was made of each modality
        options: of the command; without a corpus, as where it was made in Python, no
            command can be repeated
    """
    cache = options.cache
    folders = {m: done.folder for m, done in made.items() if done.folder}
    if not folders:
        return
    if not all(done.complete for done in made.values()):
        yield from _others(list(made.values()), options)
        return
    there = {c.path: c for c in store.find(cache, corpus.name)}
    recipes = [c.recipe for c in there.values()]
    if not any(u.ratings for u in corpus.utterances):
        yield from _predict(folders, cache, predictors(RUNS, recipes))
        return
    design = _design(list(folders))
    if any(fold_encoders.origin(there[path].recipe) for path in folders.values()):
        yield next_line(_tuned(folders, options, design))
    else:
        chosen = cache_selection.selection(cache, folders)
        protocol, folds = _divided(corpus)
        yield next_line(
            Train.like(
                chosen, CacheChoice, designs=(design,), protocol=protocol, folds=folds
            )
        )


def _design(modalities: Sequence[str]) -> str:
    """Return the design to begin with: that of the one modality, or early fusion.

    Where there is none of these, it is all that the caches can feed.
    """
    if len(modalities) > 1:
        return "early" if set(BUILT_IN) <= set(modalities) else "all"
    (modality,) = modalities
    return modality if modality in plugins.names(DESIGN_KIND) else "all"


def _divided(corpus: Corpus) -> tuple[str | None, int | None]:
    """Return the protocol to train with, and its folds, if the corpus's cannot test.

    The utterances of its test split may be unrated, for they are to be predicted.
    """
    rated = [u for u in corpus.utterances if u.ratings]
    if corpus.protocol != "official" or any(u.split == "test" for u in rated):
        return None, None
    for found in alternatives(rated, "official")[:1]:
        _, protocol, *folds = found.split()
        return protocol, int(folds[1]) if folds else None
    return None, None


def _others(made: Sequence[ExtractionOutcome], options: Extract) -> Iterator[str]:
    """Yield the commands of shards that are missing."""
    total = JobShare.parse(options.shard).total
    shares = [JobShare(number, total) for number in range(1, total + 1)]
    lacking = [share for share in shares if any(_lacks(done, share) for done in made)]
    yield (
        f"{len(lacking)} of {total} shards are not there yet; whichever is last "
        f"completes the cache"
    )
    if options.corpus:
        for share in lacking:
            yield next_line(replace(options, shard=str(share)))


def _lacks(done: ExtractionOutcome, share: JobShare) -> bool:
    """Return True if a part of a share is missing."""
    there = set(store.numbers(done.folder)) if done.folder else set()
    return any(n in share and n not in there for n in range(done.planned))


def _predict(
    folders: Mapping[str, Path], cache: Path, runs: Sequence[Path]
) -> Iterator[str]:
    """Yield the command that predicts a corpus without ratings."""
    if not runs:
        yield (
            f"nothing here is rated, so it can only be predicted, and no run in {RUNS} "
            f"takes these embeddings; extract a rated corpus with the same options, "
            f"and train on it"
        )
        return
    if len(runs) > 1:
        yield f"{len(runs)} runs in {RUNS} take these embeddings; this is the newest"
    corpus = cache_selection.selection(cache, folders).corpus
    yield next_line(Predict(run=runs[0], corpus=corpus, cache=cache))


def _tuned(
    folders: Mapping[str, Path], options: Extract, design: str
) -> Train | Extract:
    """Return what follows an extraction with encoders of one fold.

    It is the extraction with those of the next fold, and after the last one training.
    """
    cache = options.cache
    typed = {m: Path(options.checkpoint(m)).expanduser() for m in folders}
    tuned = {m: path for m, path in typed.items() if _is_tuned(path)}
    run = next(Path(os.path.normpath(path)).parents[1] for path in tuned.values())
    name = next(iter(folders.values())).parent.name
    if options.corpus:
        for encoders in fold_caches.lacking(run, cache, name, tuple(folders)).values():
            if encoders:
                return _with(encoders, options)
    chosen = cache_selection.selection(cache, folders)
    return Train.like(
        chosen,
        CacheChoice,
        **dict.fromkeys(tuned, ""),  # which `finetuned` chooses
        designs=(design,),
        protocol=_protocol(run),
        finetuned=run,
    )


def _with(encoders: Mapping[str, Path], options: Extract) -> Extract:
    """Return the same extraction, with the encoders of another fold."""
    modalities = tuple(encoders)
    return replace(options, modalities=modalities, revision=(), **checkpoints(encoders))


def _is_tuned(checkpoint: Path) -> bool:
    """Return True if a folder is a checkpoint that was fine-tuned for a fold."""
    return FinetunedFold(checkpoint.resolve().parent).mark.is_file()


def _protocol(run: Path) -> str | None:
    """Return the protocol whose folds a fine-tuning is of; None if it does not say."""
    for fold in FinetuningFolder(run).finished()[:1]:
        with suppress(OSError, AffuseError):
            return read_json(fold.mark, TUNED, advice="").get("protocol") or None
    return None

"""The command that comes after an extraction, with all options that it needs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from affuse.data.cache import cache_selection, fold_caches, fold_encoders, store
from affuse.data.cache.run_recipes import predictors
from affuse.data.command_lines import Extract, Predict, Train, next_line
from affuse.data.errors import AffuseError
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
    cache: Path,
    found: Mapping[str, Any],
) -> Iterator[str]:
    """Yield the lines that say what to do next; those of commands begin with ``next:``.

    Args:
        corpus: that was encoded
        made: what was made of each modality
        cache: folder of all caches
        found: options of the command line, by name; without a corpus among them, as in
            Python, no command can be repeated
    """
    folders = {m: done.folder for m, done in made.items() if done.folder}
    if not folders:
        return
    if not all(done.complete for done in made.values()):
        yield from _others(list(made.values()), cache, found)
        return
    there = {c.path: c for c in store.find(cache, corpus.name)}
    recipes = [c.recipe for c in there.values()]
    if not any(u.ratings for u in corpus.utterances):
        yield from _predict(folders, cache, predictors(RUNS, recipes))
        return
    design = next(iter(folders)) if len(folders) == 1 else "early"
    if any(fold_encoders.origin(there[path].recipe) for path in folders.values()):
        yield next_line(_tuned(folders, cache, found, design))
    else:
        chosen = cache_selection.selection(cache, folders)
        divided = _divided(corpus)
        wanted = {**chosen, **divided, "cache": cache, "designs": (design,)}
        yield next_line(Train.of(wanted))


def _divided(corpus: Corpus) -> dict[str, Any]:
    """Return the protocol to train with if the corpus's own cannot test.

    The utterances of its test split may be unrated, for they are to be predicted.
    """
    rated = [u for u in corpus.utterances if u.ratings]
    if corpus.protocol != "official" or any(u.split == "test" for u in rated):
        return {}
    for found in alternatives(rated, "official")[:1]:
        _, protocol, *folds = found.split()
        return {"protocol": protocol, "folds": int(folds[1]) if folds else None}
    return {}


def _others(
    made: Sequence[ExtractionOutcome], cache: Path, found: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the commands of shards that are missing."""
    total = JobShare.parse(found["shard"]).total
    shares = [JobShare(number, total) for number in range(1, total + 1)]
    lacking = [share for share in shares if any(_lacks(done, share) for done in made)]
    yield (
        f"{len(lacking)} of {total} shards are not there yet; whichever is last "
        f"completes the cache"
    )
    if "corpus" in found:
        for share in lacking:
            yield next_line(Extract.of(found, cache=cache, shard=str(share)))


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
    named = cache_selection.selection(cache, folders)["corpus"]
    yield next_line(Predict(run=runs[0], corpus=named, cache=cache))


def _tuned(
    folders: Mapping[str, Path], cache: Path, found: Mapping[str, Any], design: str
) -> Train | Extract:
    """Return what follows an extraction with encoders of one fold.

    It is the extraction with those of the next fold, and after the last one training.
    """
    typed = [Path(found[f"{m}_checkpoint"]).expanduser() for m in folders]
    run = next(Path(os.path.normpath(p)).parents[1] for p in typed if _is_tuned(p))
    name = next(iter(folders.values())).parent.name
    if "corpus" in found:
        for encoders in fold_caches.lacking(run, cache, name, tuple(folders)).values():
            if encoders:
                return _with(encoders, cache, found)
    chosen = cache_selection.selection(cache, folders)
    tuned = {m for m, path in zip(folders, typed, strict=True) if _is_tuned(path)}
    return Train.of(
        {m: chosen[m] for m in folders if m not in tuned},
        designs=(design,),
        protocol=_protocol(run),
        finetuned=run,
        corpus=chosen["corpus"],
        cache=cache,
    )


def _with(
    encoders: Mapping[str, Path], cache: Path, found: Mapping[str, Any]
) -> Extract:
    """Return the same extraction, with the encoders of another fold."""
    return Extract.of(
        found,
        cache=cache,
        modalities=tuple(encoders),
        revision=(),
        **{f"{m}_checkpoint": str(path) for m, path in encoders.items()},
    )


def _is_tuned(checkpoint: Path) -> bool:
    """Return True if a folder is a checkpoint that was fine-tuned for a fold."""
    return FinetunedFold(checkpoint.resolve().parent).mark.is_file()


def _protocol(run: Path) -> str | None:
    """Return the protocol whose folds a fine-tuning is of; None if it does not say."""
    for fold in FinetuningFolder(run).finished()[:1]:
        with suppress(OSError, AffuseError):
            return read_json(fold.mark, TUNED, advice="").get("protocol") or None
    return None

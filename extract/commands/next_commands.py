"""Commands to run after an extraction, with all options that they need."""

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
from affuse.data.options.prediction_options import Predict
from affuse.data.options.shared_options import CacheChoice
from affuse.data.options.training_options import Train
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.records import Corpus
from affuse.data.runs.finetuning_folder import FinetunedFold, FinetuningFolder
from affuse.data.splits.protocol_alternatives import GROUPS, LEAST, alternatives
from affuse.data.system.documents import read_json
from affuse.data.system.schema import Plain, Record, Text
from affuse.extract.caching.extraction import ExtractionOutcome
from affuse.extract.caching.job_shares import JobShare

RUNS = Path("runs")  # default folder of the runs of stage two
TUNED = Record({}, {"protocol": Text(200)}, others=Plain(depth=6, most=1_000_000))


def next_lines(
    corpus: Corpus,
    outcomes: Mapping[str, ExtractionOutcome],
    options: Extract,
) -> Iterator[str]:
    """Yield the lines on the next steps; lines with commands begin with ``next:``.

    Args:
        corpus: that was encoded
        outcomes: of the extraction, by modality
        options: of the command; without a corpus, as for a corpus that was built in
            Python, no command can be repeated
    """
    cache = options.cache
    folders = {m: done.folder for m, done in outcomes.items() if done.folder}
    if not folders:
        return
    if not all(done.complete for done in outcomes.values()):
        yield from _missing_shards(list(outcomes.values()), options)
        return
    caches = {c.path: c for c in store.find(cache, corpus.name)}
    recipes = [c.recipe for c in caches.values()]
    if not any(u.ratings for u in corpus.utterances):
        yield from _predict(folders, cache, predictors(RUNS, recipes))
        return
    design = _design(list(folders))
    if any(fold_encoders.origin(caches[path].recipe) for path in folders.values()):
        yield next_line(_after_fold(folders, options, design))
    else:
        choice = cache_selection.selection(cache, folders)
        protocol, folds = _protocol_of(corpus)
        yield next_line(
            Train.from_command(
                choice, CacheChoice, designs=(design,), protocol=protocol, folds=folds
            )
        )


def _design(modalities: Sequence[str]) -> str:
    """Return the design to begin with: that of the only modality, or early fusion.

    If there is no such design, return "all", for all designs that the caches suffice
    for.
    """
    if len(modalities) > 1:
        return "early" if set(BUILT_IN) <= set(modalities) else "all"
    (modality,) = modalities
    return modality if modality in plugins.names(DESIGN_KIND) else "all"


def _protocol_of(corpus: Corpus) -> tuple[str | None, int | None]:
    """Return the protocol and folds to use where those of the corpus would not work.

    The utterances of the official test split may be unrated, if they are to be
    predicted. There may be fewer speakers than the usual number of folds. Values that
    need not be given are None.
    """
    rated = [u for u in corpus.utterances if u.ratings]
    if corpus.protocol == "speakers":
        speakers = len({u.speaker for u in rated})
        return None, speakers if LEAST <= speakers < GROUPS else None
    if corpus.protocol != "official" or any(u.split == "test" for u in rated):
        return None, None
    for alternative in alternatives(rated, "official")[:1]:
        _, protocol, *folds = alternative.split()
        return protocol, int(folds[1]) if folds else None
    return None, None


def _missing_shards(
    outcomes: Sequence[ExtractionOutcome], options: Extract
) -> Iterator[str]:
    """Yield the commands that extract the missing shards."""
    total = JobShare.parse(options.shard).total
    shares = [JobShare(number, total) for number in range(1, total + 1)]
    missing = [s for s in shares if any(_lacks(done, s) for done in outcomes)]
    yield (
        f"{len(missing)} of {total} shards are missing; the last of them completes the "
        f"cache"
    )
    if options.corpus:
        for share in missing:
            yield next_line(replace(options, shard=str(share)))


def _lacks(done: ExtractionOutcome, share: JobShare) -> bool:
    """Return True if a part of a shard is missing."""
    numbers = set(store.part_numbers(done.folder)) if done.folder else set()
    return any(n in share and n not in numbers for n in range(done.planned))


def _predict(
    folders: Mapping[str, Path], cache: Path, runs: Sequence[Path]
) -> Iterator[str]:
    """Yield the command that predicts a corpus without ratings."""
    if not runs:
        yield (
            f"the corpus has no ratings, so it can only be predicted, and no run in "
            f"{RUNS} takes these embeddings; extract a rated corpus with the same "
            f"options, and train on it"
        )
        return
    if len(runs) > 1:
        yield f"{len(runs)} runs in {RUNS} take these embeddings; this is the newest"
    corpus = cache_selection.selection(cache, folders).corpus
    yield next_line(Predict(run=runs[0], corpus=corpus, cache=cache))


def _after_fold(
    folders: Mapping[str, Path], options: Extract, design: str
) -> Train | Extract:
    """Return the command after an extraction with the encoders of one fold.

    It extracts with the encoders of the next fold, or trains after the last fold.
    """
    cache = options.cache
    paths = {m: Path(options.checkpoint(m)).expanduser() for m in folders}
    tuned = {m: path for m, path in paths.items() if _is_tuned(path)}
    run = next(Path(os.path.normpath(path)).parents[1] for path in tuned.values())
    name = next(iter(folders.values())).parent.name
    if options.corpus:
        for encoders in fold_caches.find_missing(
            run, cache, name, tuple(folders)
        ).values():
            if encoders:
                return _with(encoders, options)
    choice = cache_selection.selection(cache, folders)
    return Train.from_command(
        choice,
        CacheChoice,
        **dict.fromkeys(tuned, ()),  # The option `finetuned` chooses these caches.
        designs=(design,),
        protocol=_protocol(run),
        finetuned=run,
    )


def _with(encoders: Mapping[str, Path], options: Extract) -> Extract:
    """Return the same extraction, with the encoders of another fold."""
    modalities = tuple(encoders)
    return replace(options, modalities=modalities, revision=(), **checkpoints(encoders))


def _is_tuned(checkpoint: Path) -> bool:
    """Return True if a folder is a checkpoint that was fine-tuned on a fold."""
    return FinetunedFold(checkpoint.resolve().parent).mark.is_file()


def _protocol(run: Path) -> str | None:
    """Return the protocol of the folds of a fine-tuning; None if it is unknown."""
    for fold in FinetuningFolder(run).finished_folds()[:1]:
        with suppress(OSError, AffuseError):
            return read_json(fold.mark, TUNED, advice="").get("protocol") or None
    return None

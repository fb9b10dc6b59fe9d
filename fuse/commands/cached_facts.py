"""Facts from the cache that a page shows: ablations, durations and extractions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.cache import fold_encoders, provenance, store
from affuse.data.cache.cache_folder import CacheFolder
from affuse.data.cache.store import Cache
from affuse.data.corpus_naming import corpus_names
from affuse.data.errors import AffuseError
from affuse.data.options.run_options import Ablate
from affuse.data.runs.finetuning_folder import FinetuningFolder
from affuse.data.runs.run_predictions import Run
from affuse.data.system.progress import DELAY, bar
from affuse.data.system.work_log import WorkLog, read_work
from affuse.data.terminal import printable
from affuse.fuse.commands.ablation_command import measure_ablation
from affuse.fuse.inputs.joint_selection import select_for_run
from affuse.fuse.linting.gathering import stretches
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.robustness.ablation import Ablation
from affuse.fuse.trained import prediction

HEARD = "audio"  # modality whose cache knows the spans of utterances


def add_cached_facts(
    tables: Sequence[ReportTable], cache: Path, damaged: Callable[[str], object]
) -> tuple[ReportTable, ...]:
    """Return tables with the use of each modality, durations and extractions.

    Args:
        tables: of a report, with their predictions
        cache: folder of all caches
        damaged: is called with a sentence on every run that cannot be measured
    """
    found = []
    for table in tables:
        runs = [each["all"] for each in table.sources.parts] if table.sources else []
        found.append(
            replace(
                table,
                ablations=tuple(_ablations(runs, cache, damaged)),
                durations=_durations(runs, cache, damaged),
                extractions=_extractions(runs, cache, damaged),
            )
        )
    return tuple(found)


def _ablations(
    runs: Sequence[Run], cache: Path, damaged: Callable[[str], object]
) -> Iterator[Ablation]:
    """Yield the contributions to each run of several modalities, each run once."""
    paths = [*dict.fromkeys(r.path for r in runs if len(r.info.encoders) > 1)]
    for path in bar(
        paths, total=len(paths), name="ablation", unit="runs", show=True, delay=DELAY
    ):
        try:
            yield measure_ablation(Ablate(run=path, cache=cache))
        except (AffuseError, OSError) as error:
            damaged(printable(f"not measured without a modality: {path}: {error}"))


def _durations(
    runs: Sequence[Run], cache: Path, damaged: Callable[[str], object]
) -> Mapping[str, float]:
    """Return the duration of each utterance in seconds, by id; {} if none is known.

    They are those of the first run on recordings.
    """
    path = next((r.path for r in runs if HEARD in r.info.encoders), None)
    if path is None:
        return {}
    try:
        recipes = prediction.recipes(path)
        heard = {fold: {HEARD: by[HEARD]} for fold, by in recipes.items()}
        corpus = next(iter(heard.values()))[HEARD].corpus
        options = Ablate(run=path, cache=cache, corpus=corpus)
        sources = select_for_run(options, heard)
    except (AffuseError, OSError) as error:
        damaged(printable(f"durations are not known: {path}: {error}"))
        return {}
    found = [
        *sources.embeddings.values(),
        *(e for by in (sources.fold_embeddings or {}).values() for e in by.values()),
    ]
    return {id_: span.end - span.begin for id_, span in stretches(found).items()}


def _extractions(
    runs: Sequence[Run], cache: Path, damaged: Callable[[str], object]
) -> Mapping[str, WorkLog]:
    """Return the logs of the caches and fine-tunings that runs depend on, by name."""
    found: dict[str, WorkLog] = {}
    for run in {each.path: each for each in runs}.values():
        try:
            for each in _caches(run, cache):
                log = read_work(CacheFolder(each.path).work)
                found[f"{each.path.parent.name} {each.path.name}"] = log
                if folder := _finetuning(each):
                    found[folder.path.name] = read_work(folder.steps)
        except (AffuseError, OSError) as error:
            damaged(printable(f"extraction is not known: {run.path}: {error}"))
    return dict(sorted(found.items()))


def _finetuning(cache: Cache) -> FinetuningFolder | None:
    """Return the folder in which the encoder of a cache was fine-tuned, if any.

    A folder that was moved since then has no log, and one that the cache does not state
    is not known.
    """
    if not fold_encoders.origin(cache.recipe):
        return None
    encoder = provenance.checkpoint(cache.path, cache.recipe.modality)
    # The folder is above that of the fold, which holds one for each modality.
    return FinetuningFolder(Path(encoder).parent.parent) if encoder else None


def _caches(run: Run, cache: Path) -> Iterator[Cache]:
    """Yield the caches that hold the embeddings of a run."""
    by_fold = prediction.recipes(run.path).values()
    needed = [p for by in by_fold for recipe in by.values() for p in recipe.parts]
    names = corpus_names(run.info.corpus)
    for name in names:
        for each in store.find(cache, name):
            if any(
                each.recipe.covers(part)
                and (len(names) > 1 or each.recipe.content == part.content)
                for part in needed
            ):
                yield each

"""Table that `predict` writes, with the predictions for each utterance.

======================= ===============================================================
``id``                  utterance
``valence``             mean over the models, on [-1, 1]; every rating has such columns
``valence_deviation``   standard deviation over the models, on [-1, 1]
``valence_calibrated``  with ``valence_low`` and ``valence_high``: see
                        `affuse.fuse.calibration`
``valence_1_to_5``      each of these columns again, on the scale of the ratings that
                        the run was trained on; the name states the scale
``trained_on``          number of models with the utterance in training or validation
``file``                recording, relative to the folder of its corpus
``start``, ``end``      seconds in that file
======================= ===============================================================

A cell is empty if its value is unknown. Read columns by name; others may be added.
"""

import csv
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from affuse.data.cache import shared_recordings, store
from affuse.data.cache.shared_recordings import Place
from affuse.data.reading.corpus_csv import cell
from affuse.data.records import Corpus
from affuse.data.runs.run_information import RunInfo, read_info
from affuse.data.scale_columns import SPREAD, Scale, format_scale, scaled_columns
from affuse.fuse.commands import training_overlap, training_scale
from affuse.fuse.commands.training_overlap import ComparisonKeys, Overlap
from affuse.fuse.inputs.input_selection import Sources
from affuse.fuse.inputs.joint_corpus import load_training_set
from affuse.fuse.trained.model_set import RunPrediction

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Context:
    """Scale, training overlap and recordings of the predicted utterances."""

    scale: Scale | None  # of the ratings that the run was trained on
    overlap: Overlap
    places: Mapping[str, Place]  # {id: place in the recording}


def gather(run: Path, applied: RunPrediction, sources: Sources, cache: Path) -> Context:
    """Collect the context of predicted utterances, and log what is unknown.

    Args:
        run: folder of the run
        applied: predictions of the run's models
        sources: the predicted corpus and its embeddings
        cache: folder of all caches

    Raises:
        FileNotFoundError: if the run has no description
        DamagedFileError: if the run or a corpus is damaged
    """
    info = read_info(run)
    corpus = _trained(cache, info.corpus, sources.corpus)
    predicted = training_overlap.collect_keys(
        sources.corpus, cache, sources.embeddings.values()
    )
    trained = None
    if corpus is not None:
        same = corpus is sources.corpus
        trained = predicted if same else training_overlap.collect_keys(corpus, cache)
    overlap = training_overlap.count_overlap(
        run, applied, predicted, trained, trained_name=info.corpus
    )
    faults = (*predicted.faults, *(trained.faults if trained else ()))
    scale = training_scale.scale_of_run(run, info, corpus)
    places = _places(applied, sources.corpus, predicted)
    for sentence in (
        *dict.fromkeys(faults),
        *overlap.sentences(run),
        *_on_scale(scale, info, sources.corpus),
        *_on_files(sources.corpus, cache),
    ):
        log.warning("%s", sentence)
    return Context(scale, overlap, places)


def _trained(cache: Path, name: str, predicted: Corpus) -> Corpus | None:
    """Return the training corpus, or None if it is not cached."""
    if name == predicted.name:
        return predicted
    try:
        return load_training_set(cache, name)
    except FileNotFoundError:
        return None


def _places(
    applied: RunPrediction, corpus: Corpus, keys: ComparisonKeys
) -> dict[str, Place]:
    """Return the place of each predicted utterance in its recording, by id."""
    utterances = {u.id: u for u in corpus.utterances}
    return {
        id_: shared_recordings.locate(
            utterances[id_], corpus.root, keys.stretches.get(id_)
        )
        for id_ in applied.ids
        if id_ in utterances
    }


def _on_scale(scale: Scale | None, info: RunInfo, predicted: Corpus) -> Iterator[str]:
    """Yield a sentence if the scale is unknown, or is not that of the corpus."""
    if scale is None and info.members:
        yield (
            f"predictions are written on [-1, 1] only, because the corpora that "
            f"{info.name} was trained on have different scales"
        )
    elif scale is None:
        yield (
            f"predictions are written on [-1, 1] only, because an older version "
            f"trained {info.name} and did not record the scale of '{info.corpus}'; "
            f"repeat the train command, which records it and keeps the models"
        )
    elif (rated := predicted.released_scale) is not None and rated != scale:
        yield (
            f"'{predicted.name}' is rated from {format_scale(rated)}, but "
            f"ratings are written on [-1, 1] and from {format_scale(scale)}, the scale "
            f"of '{info.corpus}', which {info.name} was trained on"
        )


def _on_files(corpus: Corpus, cache: Path) -> Iterator[str]:
    """Yield a sentence if the cache of an older version has no names of recordings."""
    spoken = any(f.name.startswith("audio-") for f in store.folders(cache, corpus.name))
    if spoken and not any(
        shared_recordings.relative_path(u, corpus.root) for u in corpus.utterances
    ):
        yield (
            f"the column file is empty, because an older version extracted "
            f"'{corpus.name}' and saved no names of recordings; repeat the extract "
            f"command, which encodes nothing again"
        )


def write(
    output: TextIO,
    applied: RunPrediction,
    context: Context,
    more: Mapping[str, np.ndarray],
) -> None:
    """Write the table, one row for each utterance, sorted by id.

    Args:
        output: to write to
        applied: predictions
        context: of the predicted utterances
        more: {name of a calibrated column: values on [-1, 1]}
    """
    numbers = dict(zip(applied.targets, applied.mean.T, strict=True))
    spread = (f"{target}{SPREAD}" for target in applied.targets)
    numbers |= dict(zip(spread, applied.std.T, strict=True)) | dict(more)
    if context.scale is not None:
        numbers |= scaled_columns(numbers, context.scale)
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(("id", *numbers, "trained_on", "file", "start", "end"))
    values = np.column_stack([*numbers.values()])
    for id_, row in zip(applied.ids, values, strict=True):
        located = context.places.get(id_, Place("", None, None))
        seconds = (
            "" if time is None else f"{time:.10g}"
            for time in (located.start, located.end)
        )
        cells = (f"{x:.6f}" for x in row)
        place = (context.overlap.models[id_], cell(located.file), *seconds)
        writer.writerow((cell(id_), *cells, *place))

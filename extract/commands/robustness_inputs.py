"""Run, caches and corpus whose inputs a robustness test degrades."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from affuse.data.options.robustness_options import Robustness
from affuse.data.records import Corpus
from affuse.data.runs.run_predictions import Run
from affuse.extract.encoding.choices import Machine
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS, FoldEmbeddings
from affuse.fuse.inputs.input_selection import Shown


@dataclass(frozen=True)
class InputEncoding:
    """Run, its caches and its corpus, for the encoding of degraded inputs.

    Attributes:
        options: of the command line
        run: to test
        taken: {fold: {modality: caches with what is taken of each}}
        clean: embeddings of clean inputs, {fold or ALL_FOLDS: {modality: rows}}
        corpus: as its reader returned it, all utterances
        ids: of the utterances to score
        machine: device and resources
    """

    options: Robustness
    run: Run
    taken: Mapping[str, Mapping[str, Sequence[Shown]]]
    clean: FoldEmbeddings
    corpus: Corpus
    ids: frozenset[str]
    machine: Machine

    def groups(self, modality: str) -> Iterator[tuple[list[str], Sequence[Shown]]]:
        """Yield the folds that share their caches of a modality, and these caches."""
        by_key: dict[tuple[str, ...], list[str]] = {}
        for fold, by_modality in self.taken.items():
            key = tuple(str(cache.path) for cache, _ in by_modality[modality])
            by_key.setdefault(key, []).append(fold)
        for folds in by_key.values():
            yield folds, self.taken[folds[0]][modality]

    def ids_of(self, folds: Sequence[str]) -> frozenset[str]:
        """Return the utterances to score in some folds."""
        p = self.run.predictions
        pairs = zip(p.fold.tolist(), p.id.tolist(), strict=True)
        return frozenset(id_ for fold, id_ in pairs if fold in folds) & self.ids

    def clean_contents(self, fold: str, modality: str) -> dict[str, str]:
        """Return the digests of clean inputs, by id."""
        rows = (self.clean.get(fold) or self.clean[ALL_FOLDS])[modality]
        return dict(zip(rows.ids, rows.contents, strict=True))

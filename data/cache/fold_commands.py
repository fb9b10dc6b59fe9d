"""Commands that encode a corpus with encoders that were fine-tuned for its folds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affuse.data.cache import fold_encoders, provenance
from affuse.data.cache.store import Cache
from affuse.data.options.extraction_options import Extract, checkpoints
from affuse.data.options.source_options import CorpusSource


@dataclass(frozen=True)
class Commands:
    """Commands that encode a corpus with the encoders of a fold.

    What its caches do not say stands in them as a placeholder, and `condition` says so.
    """

    folder: Path  # of all caches
    caches: Sequence[Cache]  # of the corpus

    @property
    def condition(self) -> str:
        """What the user has to fill in; "" if nothing."""
        known = {c.path.parent for c in self.caches}
        if len(known) == 1 and self._corpus().corpus != provenance.UNKNOWN_CORPUS:
            return ""
        return ", with the corpus's options"

    def lines(
        self,
        encoders: Mapping[str, Mapping[str, Path]],
        missing: Mapping[str, Sequence[str]],
    ) -> Iterator[str]:
        """Yield what to type for each fold."""
        for fold, wanted in missing.items():
            if wanted:
                yield f"  {self.extract({m: encoders[fold][m] for m in wanted})}"

    def extract(self, encoders: Mapping[str, Path]) -> Extract:
        """Return the command for the encoders of one fold."""
        typed = {
            m: call
            for c in self.caches
            if fold_encoders.origin(c.recipe)
            and (m := c.recipe.modality) in encoders
            and (call := provenance.known(c.path))
        }
        command = Extract.like(
            self._corpus(),
            CorpusSource,
            layers=tuple(_of({m: call.layers for m, call in typed.items()})),
            pooling=tuple(_of({m: call.pooling for m, call in typed.items()})),
            modalities=tuple(encoders) if len(encoders) == 1 else (),
            cache=self.folder,
            **checkpoints(encoders),
        )
        return next(
            (replace(command, dtype=call.dtype) for call in typed.values()), command
        )

    def _corpus(self) -> CorpusSource:
        """Return how the corpus is read."""
        if len({c.path.parent for c in self.caches}) > 1:
            return provenance.read_as([])
        return provenance.read_as(c.path for c in self.caches)


def _of(typed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield an option of other folds, for each modality where it is no default."""
    for modality, values in typed.items():
        for value in values:
            if value not in ("last", "mean"):
                yield f"{modality}={value}"

"""Commands for fold-specific embeddings, which error messages advise users to type."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affuse.data.cache import fold_encoders, provenance
from affuse.data.cache.store import Cache
from affuse.data.options.extraction_options import Extract, checkpoints
from affuse.data.options.source_options import CorpusSource


@dataclass(frozen=True)
class Commands:
    """Commands that encode a corpus with the encoders that were fine-tuned for a fold.

    Options that its caches do not state are placeholders, which `condition` mentions.
    """

    folder: Path  # of all caches
    caches: Sequence[Cache]  # of the corpus

    @property
    def condition(self) -> str:
        """Clause about the options that the user must fill in; "" if there are none."""
        corpora = {c.path.parent for c in self.caches}
        if len(corpora) == 1 and self._corpus().corpus != provenance.UNKNOWN_CORPUS:
            return ""
        return ", with the corpus's options"

    def lines(
        self,
        encoders: Mapping[str, Mapping[str, Path]],
        missing: Mapping[str, Sequence[str]],
    ) -> Iterator[str]:
        """Yield a line with the command for each fold.

        Args:
            encoders: folder of each encoder, by fold and modality
            missing: modalities to encode, by fold
        """
        for fold, modalities in missing.items():
            if modalities:
                yield f"  {self.extract({m: encoders[fold][m] for m in modalities})}"

    def extract(self, encoders: Mapping[str, Path]) -> Extract:
        """Return the command that encodes with the encoders of one fold.

        Args:
            encoders: folder of each encoder, by modality
        """
        typed = {
            m: call
            for c in self.caches
            if fold_encoders.origin(c.recipe)
            and (m := c.recipe.modality) in encoders
            and (call := provenance.load_if_readable(c.path))
        }
        command = Extract.from_command(
            self._corpus(),
            CorpusSource,
            layers=tuple(_options({m: call.layers for m, call in typed.items()})),
            pooling=tuple(_options({m: call.pooling for m, call in typed.items()})),
            modalities=tuple(encoders) if len(encoders) == 1 else (),
            cache=self.folder,
            **checkpoints(encoders),
        )
        return next(
            (replace(command, dtype=call.dtype) for call in typed.values()), command
        )

    def _corpus(self) -> CorpusSource:
        """Return the options with which the corpus is read."""
        if len({c.path.parent for c in self.caches}) > 1:
            return provenance.corpus_options([])
        return provenance.corpus_options(c.path for c in self.caches)


def _options(typed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the values of an option for each modality, except the defaults."""
    for modality, values in typed.items():
        for value in values:
            if value not in ("last", "mean"):
                yield f"{modality}={value}"

"""Section of a model card: what a model does with inputs that lack a modality."""

from collections.abc import Iterator, Sequence

from affuse.fuse.bundles.run_models import RunModels

EMPTY = (
    "An empty text is no missing text: the text encoder reads the empty sentence, as "
    "for an utterance without words in training."
)


def missing_modalities(source: RunModels) -> Iterator[str]:
    """Yield a paragraph for each modality, and one on how its effect is measured.

    Args:
        source: models and description of the run
    """
    taken = source.models.modalities
    for modality in taken:
        others = [m for m in taken if m != modality]
        yield f"* Without {modality}: {_result(source, modality, others)}"
    if "text" in taken:
        yield f"* {EMPTY}"
    if len(taken) > 1:
        yield ""
        yield f"{_training(source)} {_measured(source)}"


def _result(source: RunModels, modality: str, others: Sequence[str]) -> str:
    """Return what happens to an input that lacks a modality."""
    if not others:
        return "no prediction. The models take nothing else."
    if not source.models.robust:
        return f"no prediction. The models need {modality} of each input."
    how = f"the training mean replaces {modality}"
    if not _dropped_share(source):
        how = f"the design leaves {modality} out"
    return f"predictions from {' and '.join(others)} alone; {how}."


def _training(source: RunModels) -> str:
    """Return a sentence on how training prepared for missing modalities."""
    if share := _dropped_share(source):
        return (
            f"The models were trained with modality dropout: {share:.0%} of the "
            f"training utterances lost a modality in each epoch, at random."
        )
    return "The models were trained without modality dropout."


def _measured(source: RunModels) -> str:
    """Return a sentence on the command that measures the loss of a modality."""
    return (
        f"The figures above are of inputs with all modalities. What the loss of one "
        f"costs is not part of this card; where the run and its cache are, "
        f"`affuse ablate runs/{source.info.name}` measures it."
    )


def _dropped_share(source: RunModels) -> float:
    """Return the share of utterances that lose a modality in training; 0 if none."""
    return float(source.info.settings.get("modality_dropout", 0.0))

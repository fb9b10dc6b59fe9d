"""Choices of an extraction: what the options and their defaults encode, and where."""

from dataclasses import replace

from affuse.data.errors import AffuseError
from affuse.data.modality import (
    available,
    missing_materials,
    modality_named,
    modality_names,
)
from affuse.data.options.extraction_options import EncodingOptions
from affuse.data.records import Corpus
from affuse.extract.encoding.choices import Choice, Machine, choose_device, per_modality
from affuse.extract.encoding.encoder_loading import (
    encoder_for_checkpoint,
    named_encoders,
)
from affuse.extract.encoding.gemm_throughput import choose_dtype
from affuse.extract.encoding.pooling import SPREAD

DEFAULT_POOLING = SPREAD  # Stage two may leave the deviations out.


def machine(options: EncodingOptions) -> Machine:
    """Return device and resources for the options of the command line."""
    return replace(
        Machine.of(options),
        batch=options.batch,
        limit=options.limit,
        longest=options.max_seconds,
        compiled=options.compile,
    )


def default_layers(pooling: str) -> str:
    """Return the layers to cache if the user names none.

    All layers come from one forward pass, and stage two chooses among them. Frames of
    all layers would take too much space.

    Args:
        pooling: of the same modality
    """
    return "last" if pooling == "frames" else "all"


def choices(
    corpus: Corpus, options: EncodingOptions, *, transcripts: str = ""
) -> list[Choice]:
    """Return a choice for each modality that the options name, or that the corpus has.

    Args:
        corpus: as its reader returned it
        options: of the command line
        transcripts: label of the recognised transcripts that are the texts of the
            corpus; "" if it has its own

    Raises:
        AffuseError: if an option names a modality that is not encoded
    """
    names = modality_names()
    modalities = options.modalities or available(corpus, names)
    if not modalities:
        raise AffuseError(f"corpus '{corpus.name}' has {missing_materials(names)}")
    options.demand_encoded(modalities)
    encoders = named_encoders(options.encoders, modalities)
    dtype = options.dtype
    if dtype == "auto":  # Otherwise the device may be one of another machine.
        dtype = choose_dtype(dtype, choose_device(options.device))
    revision = per_modality(options.revision, modalities, "revision")
    layers = per_modality(options.layers, modalities, "layers")
    pooling = per_modality(options.pooling, modalities, "pooling")
    return [
        Choice(
            modality=m,
            encoder=encoders.get(m)
            or encoder_for_checkpoint(m, options.checkpoint(m), revision.get(m, "")),
            checkpoint=options.checkpoint(m),
            revision=revision.get(m, Choice.revision),
            layers=layers.get(m, default_layers(pooling.get(m, DEFAULT_POOLING))),
            pooling=pooling.get(m, DEFAULT_POOLING),
            dtype=dtype,
            head=options.head and modality_named(m).has_head,
            transcripts=transcripts if "text" in modality_named(m).needs else "",
            options={
                name: getattr(options, name) for name in modality_named(m).options
            },
        )
        for m in names
        if m in modalities
    ]

"""From what a user chose to an encoder, and to the recipe of what it makes."""

from affuse.data import plugins
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.plugins import ENCODER_PACKAGE
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.checkpoint_files import TINY
from affuse.extract.encoding import encoder_revisions as revisions
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.protocol import Encoder


def suited(modality: str, checkpoint: str, revision: str) -> str:
    """The plug-in that names a checkpoint's kind, or the modality's default."""
    default = modality_named(modality).encoder
    if checkpoint in ("", TINY):
        return default
    kind = checkpoint_files.kind(checkpoint_files.find(checkpoint, revision, modality))
    for name in plugins.names(ENCODER_PACKAGE):
        module = plugins.load(ENCODER_PACKAGE, name)
        if module.MODALITY == modality and kind in getattr(module, "KINDS", ()):
            return name
    return default


def load(choice: Choice, machine: Machine) -> Encoder:
    """The encoder that was chosen, with its weights, on the device."""
    module = plugins.load(ENCODER_PACKAGE, choice.encoder)
    if module.MODALITY != choice.modality:
        raise AffuseError(
            f"encoder '{choice.encoder}' takes {module.MODALITY}, not {choice.modality}"
        )
    options = {
        "layers": choice.layers,
        "device": machine.device,
        "dtype": choice.dtype,
        **choice.options,
    }
    if choice.checkpoint == TINY and choice.head:
        raise AffuseError(f"the checkpoint '{TINY}' has no head; leave out --head")
    if choice.checkpoint == TINY:
        encoder: Encoder = module.Encoder.tiny(**options)
    else:
        encoder = module.Encoder.pretrained(
            choice.checkpoint or module.CHECKPOINT,
            revision=choice.revision,
            head=choice.head,
            **options,
        )
    if machine.compiled:
        encoder.compile()
    return encoder


def make_recipe(corpus: str, choice: Choice, encoder: Encoder, content: str) -> Recipe:
    """Everything that these embeddings depend on.

    Args:
        corpus: its name
        content: digest of all its inputs
    """
    origin = encoder.checkpoint
    return Recipe(
        corpus=corpus,
        content=content,
        modality=choice.modality,
        encoder=choice.encoder,
        checkpoint=origin.name,
        revision=origin.revision,
        weights=origin.weights,
        layers=encoder.layers,
        pooling=choice.pooling,
        dtype=choice.dtype,
        storage="float16" if choice.pooling == "frames" else "float32",
        inputs=encoder.inputs,
        head=encoder.head,
        training=origin.training,
        code=revisions.of(choice.encoder),
    )

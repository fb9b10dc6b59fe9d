"""Loading of the chosen encoder, and the recipe of its embeddings."""

from collections.abc import Sequence

from affuse.data import plugins
from affuse.data.cache.recipe import LAYERS, Recipe
from affuse.data.errors import AffuseError, OptionError
from affuse.data.modality import modality_named
from affuse.data.plugin_kinds import ENCODER_KIND
from affuse.data.suggestions import hint
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.checkpoint_files import TINY
from affuse.extract.encoding import encoder_revisions as revisions
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.protocol import (
    Encoder,
    EncoderPlugin,
    is_pooled,
    is_weightless,
)


def encoder_for_checkpoint(modality: str, checkpoint: str, revision: str) -> str:
    """Return the plug-in that suits a checkpoint.

    It is the plug-in without weights of that name, the one for the checkpoint's model
    type, or the modality's default. If no plug-in of the modality names model types,
    the checkpoint is not examined.

    Args:
        modality: name of a file in data/modalities
        checkpoint: name on the hub, folder, "tiny", or "" for the encoder's default
        revision: commit on the hub; "" for the newest
    """
    default, kinds = modality_named(modality).encoder, _kinds(modality)
    if checkpoint in ("", TINY):
        return default
    if checkpoint in (weightless := _weightless(modality)):
        return weightless[checkpoint]
    if not kinds:
        return default
    kind = checkpoint_files.kind(checkpoint_files.find(checkpoint, revision, modality))
    return kinds.get(kind, default)


def _kinds(modality: str) -> dict[str, str]:
    """Return the plug-in of each model type that a plug-in of the modality names."""
    encoders = list(plugins.load_all(ENCODER_KIND))
    return {
        kind: name
        for name, module in reversed(encoders)  # The first encoder of a type counts.
        if module.MODALITY == modality
        for kind in getattr(module, "KINDS", ())
    }


def _weightless(modality: str) -> dict[str, str]:
    """Return the plug-ins that have no weights, by the name in their recipes."""
    return {
        module.CHECKPOINT: name
        for name, module in plugins.load_all(ENCODER_KIND)
        if module.MODALITY == modality and is_weightless(module.Encoder)
    }


def encoder_names(modality: str) -> list[str]:
    """Return the names of all encoders of a modality.

    Args:
        modality: name of a file in data/modalities
    """
    encoders = plugins.load_all(ENCODER_KIND)
    return [name for name, module in encoders if module.MODALITY == modality]


def named_encoders(values: Sequence[str], modalities: Sequence[str]) -> dict[str, str]:
    """Return the encoder of each modality that ``--encoder`` names.

    Args:
        values: each is a name, or a modality and a name, such as ``audio=whisper``
        modalities: that are encoded

    Raises:
        OptionError: if there is no such encoder of the modality, or if a modality is
            not encoded or has two encoders

    Examples:
        >>> named_encoders(["whisper"], ["audio", "text"])
        {'audio': 'whisper'}
    """
    by_modality: dict[str, str] = {}
    for value in values:
        modality, mark, name = value.partition("=")
        name = name if mark else value
        modality = modality if mark else _modality(name, modalities)
        if modality not in modalities:
            raise OptionError(
                f"--encoder {value}: '{modality}' is not encoded here, only "
                f"{' and '.join(modalities)}"
            )
        if name not in (names := encoder_names(modality)):
            raise OptionError(
                f"--encoder {value}: no encoder of {modality} has the name {name!r}; "
                f"choose from {', '.join(names)}{hint(name, names)}"
            )
        if modality in by_modality:
            raise OptionError(f"--encoder {value}: {modality} has two; leave one out")
        by_modality[modality] = name
    return by_modality


def _modality(encoder: str, modalities: Sequence[str]) -> str:
    """Return the modality of an encoder.

    Raises:
        OptionError: if there is no encoder of that name
    """
    names = plugins.names(ENCODER_KIND)
    if encoder in names:
        return str(plugins.load(ENCODER_KIND, encoder).MODALITY)
    choices = [name for modality in modalities for name in encoder_names(modality)]
    raise OptionError(
        f"--encoder {encoder}: no encoder has this name; choose from "
        f"{', '.join(choices)}{hint(encoder, choices)}"
    )


def load(choice: Choice, machine: Machine) -> Encoder:
    """Load the chosen encoder with its weights on the device.

    Args:
        choice: encoder, checkpoint, layers and precision
        machine: device, and whether to compile

    Raises:
        AffuseError: if encoder and modality do not match, or the checkpoint cannot be
            loaded
        OptionError: if the pooling does not suit the encoder
    """
    module = plugins.load(ENCODER_KIND, choice.encoder)
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
    plugin: type[EncoderPlugin] = module.Encoder
    if is_pooled(plugin) and choice.pooling == "frames":
        raise OptionError(
            f"--pooling frames: the encoder '{choice.encoder}' describes an utterance "
            f"by one vector, so it has no frames; leave out --pooling"
        )
    if choice.checkpoint == TINY and not is_weightless(plugin):
        encoder: Encoder = plugin.tiny(**options)
    else:
        encoder = plugin.pretrained(
            choice.checkpoint or module.CHECKPOINT,
            revision=choice.revision,
            head=choice.head,
            **options,
        )
    if machine.compiled:
        encoder.compile()
    return encoder


def pooling_note(choice: Choice, encoder: Encoder) -> str:
    """Return the note that a chosen pooling has no effect; "" if it has.

    Args:
        choice: as for `load`
        encoder: as `load` returned it for this choice
    """
    if not is_pooled(encoder) or choice.pooling == "mean":
        return ""
    return (
        f"{choice.modality}: --pooling {choice.pooling} has no effect, because the "
        f"encoder '{choice.encoder}' describes an utterance by one vector; the recipe "
        f"has the pooling mean"
    )


def make_recipe(corpus: str, choice: Choice, encoder: Encoder, content: str) -> Recipe:
    """Return the recipe, which names everything that the embeddings depend on.

    Args:
        corpus: its name
        choice: modality, encoder, pooling and precision
        encoder: as `load` returned it for this choice
        content: digest of all inputs
    """
    origin = encoder.checkpoint
    # Options without an effect do not make another cache.
    pooling = "mean" if is_pooled(encoder) else choice.pooling
    dtype = "float32" if is_weightless(encoder) else choice.dtype
    return Recipe(
        corpus=corpus,
        content=content,
        modality=choice.modality,
        encoder=choice.encoder,
        checkpoint=origin.name,
        revision=origin.revision,
        weights=origin.weights,
        layers=encoder.layers,
        pooling=pooling,
        dtype=dtype,
        storage="float16" if pooling == "frames" else "float32",
        layer_meaning=getattr(encoder, "layer_meaning", LAYERS),
        inputs=encoder.inputs,
        head=encoder.head,
        training=origin.training,
        code=_code(choice),
        transcripts=choice.transcripts,
        degradation=choice.degradation,
    )


def _code(choice: Choice) -> str:
    """Return the identity of the code of an encoder and of its modality."""
    codes = (
        revisions.code_identity(choice.encoder),
        revisions.modality_code_identity(choice.modality),
    )
    return ", ".join(code for code in codes if code)

"""From what a user chose to an encoder, and to the recipe of what it makes."""

from collections.abc import Sequence

from affuse.data import plugins
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError, OptionError
from affuse.data.modality import modality_named
from affuse.data.plugin_kinds import ENCODER_KIND
from affuse.data.suggestions import hint
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.checkpoint_files import TINY
from affuse.extract.encoding import encoder_revisions as revisions
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.protocol import Encoder, EncoderPlugin


def suited(modality: str, checkpoint: str, revision: str) -> str:
    """Return the plug-in that names a checkpoint's kind, or the modality's default.

    Where no plug-in of the modality names a kind, the checkpoint is not looked for.
    """
    default, kinds = modality_named(modality).encoder, _kinds(modality)
    if checkpoint in ("", TINY) or not kinds:
        return default
    kind = checkpoint_files.kind(checkpoint_files.find(checkpoint, revision, modality))
    return kinds.get(kind, default)


def _kinds(modality: str) -> dict[str, str]:
    """Return the plug-in of each kind of checkpoint that plug-ins name."""
    encoders = list(plugins.load_all(ENCODER_KIND))
    return {
        kind: name
        for name, module in reversed(encoders)  # the first one counts
        if module.MODALITY == modality
        for kind in getattr(module, "KINDS", ())
    }


def of_modality(modality: str) -> list[str]:
    """Return the names of all encoders of a modality."""
    encoders = plugins.load_all(ENCODER_KIND)
    return [name for name, module in encoders if module.MODALITY == modality]


def named(values: Sequence[str], modalities: Sequence[str]) -> dict[str, str]:
    """Return the encoder of each modality that ``--encoder`` names.

    Args:
        values: as typed: a name, or the modality and a name, such as ``audio=whisper``
        modalities: those that are encoded

    Raises:
        OptionError: if there is no such encoder of the modality, or if a modality is
            not encoded or has two encoders

    Examples:
        >>> named(["whisper"], ["audio", "text"])
        {'audio': 'whisper'}
    """
    found: dict[str, str] = {}
    for value in values:
        modality, mark, name = value.partition("=")
        name = name if mark else value
        modality = modality if mark else _modality(name, modalities)
        if modality not in modalities:
            raise OptionError(
                f"--encoder {value}: '{modality}' is not encoded here, only "
                f"{' and '.join(modalities)}"
            )
        if name not in (known := of_modality(modality)):
            raise OptionError(
                f"--encoder {value}: no encoder of {modality} has the name {name!r}; "
                f"choose from {', '.join(known)}{hint(name, known)}"
            )
        if modality in found:
            raise OptionError(f"--encoder {value}: {modality} has two; leave one out")
        found[modality] = name
    return found


def _modality(encoder: str, modalities: Sequence[str]) -> str:
    """Return the modality of an encoder.

    Raises:
        OptionError: if there is no encoder of that name
    """
    names = plugins.names(ENCODER_KIND)
    if encoder in names:
        return str(plugins.load(ENCODER_KIND, encoder).MODALITY)
    known = [name for modality in modalities for name in of_modality(modality)]
    raise OptionError(
        f"--encoder {encoder}: no encoder has this name; choose from "
        f"{', '.join(known)}{hint(encoder, known)}"
    )


def load(choice: Choice, machine: Machine) -> Encoder:
    """The encoder that was chosen, with its weights, on the device."""
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
    if choice.checkpoint == TINY:
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
        code=_code(choice),
    )


def _code(choice: Choice) -> str:
    """Return the identity of the code of an encoder, and of what reads its inputs."""
    found = (revisions.of(choice.encoder), revisions.of_modality(choice.modality))
    return ", ".join(code for code in found if code)

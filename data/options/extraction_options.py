"""Records of stage one: which encoders encode what, and with which resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import click

from affuse.data.errors import OptionError
from affuse.data.modality import BUILT_IN
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import option
from affuse.data.options.option_types import ONE_OR_MORE, ModalityName, pairs
from affuse.data.options.shared_options import CacheOption, ComputeOptions
from affuse.data.options.source_options import CorpusSource

LONGEST = 3600.0  # seconds of an utterance


@dataclass(frozen=True, kw_only=True)
class EncodedModalities(Command):
    """Which modalities are encoded."""

    modalities: tuple[str, ...] = option(
        "--modality",
        default=(),
        type=ModalityName,
        help="What to encode; repeatable.  [default: what there is]",
    )


@dataclass(frozen=True, kw_only=True)
class CheckpointChoice(Command):
    """The encoder of each modality."""

    audio_checkpoint: str = option(
        "--audio-checkpoint",
        default="",
        metavar="NAME",
        help="Speech encoder (Wav2Vec2 family, w2v-BERT, Whisper): hub name, folder, "
        "'mini' (small, bundled), or 'tiny' (random weights).  [default: audeering, "
        "which is audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim]",
    )
    text_checkpoint: str = option(
        "--text-checkpoint",
        default="",
        metavar="NAME",
        help="Text encoder: hub name, folder, 'mini' or 'tiny'.  [default: distilbert, "
        "which is distilbert-base-uncased]",
    )
    revision: tuple[str, ...] = option(
        "--revision",
        default=(),
        metavar="[MODALITY=]COMMIT",
        help="Pin a checkpoint of the hub.  [default: the newest, which is recorded]",
    )

    def checkpoint(self, modality: str) -> str:
        """Return the checkpoint of a modality; "" for the default."""
        usual = {"audio": self.audio_checkpoint, "text": self.text_checkpoint}
        return usual.get(modality, "")


def checkpoints(named: Mapping[str, object]) -> dict[str, Any]:
    """Return the values of the fields of `EncodingOptions` that name checkpoints.

    Args:
        named: checkpoint of each modality that has one

    Examples:
        >>> checkpoints({"text": "mini", "face": "small"})
        {'text_checkpoint': 'mini', 'other_checkpoints': ('face=small',)}
    """
    found: dict[str, Any] = {
        f"{name}_checkpoint": str(named[name]) for name in BUILT_IN if name in named
    }
    others = [f"{m}={name}" for m, name in named.items() if m not in BUILT_IN]
    return {**found, "other_checkpoints": tuple(others)} if others else found


@dataclass(frozen=True, kw_only=True)
class EncoderChoice(CheckpointChoice):
    """The encoder of each modality, of whatever kind it is."""

    other_checkpoints: tuple[str, ...] = option(
        "--checkpoint",
        default=(),
        metavar="MODALITY=NAME",
        help="Checkpoint of a modality that a plug-in adds, e.g. face=landmarks; "
        "repeatable.  [default: its encoder's own]",
    )
    encoders: tuple[str, ...] = option(
        "--encoder",
        default=(),
        metavar="[MODALITY=]NAME",
        help="Encode with this plug-in of extract/encoders, e.g. whisper; repeatable.  "
        "[default: the one that suits the checkpoint]",
    )

    def checkpoint(self, modality: str) -> str:
        """Return the checkpoint of a modality; "" for the default.

        Raises:
            OptionError: if the options name two, or no modality
        """
        others = pairs(self.other_checkpoints, "--checkpoint", "NAME")
        usual, other = super().checkpoint(modality), others.get(modality, "")
        if usual and other:
            raise OptionError(
                f"--checkpoint {modality}={other}: --{modality}-checkpoint {usual} "
                f"names another; leave one out"
            )
        return usual or other

    def demand_encoded(self, modalities: Sequence[str]) -> None:
        """Refuse a checkpoint of a modality that is not encoded.

        Raises:
            OptionError: naming the first of them
        """
        for modality in pairs(self.other_checkpoints, "--checkpoint", "NAME"):
            if modality not in modalities:
                raise OptionError(
                    f"--checkpoint {modality}: '{modality}' is not encoded here, only "
                    f"{' and '.join(modalities)}"
                )


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions(Command):
    """What becomes an embedding, and in which precision."""

    layers: tuple[str, ...] = option(
        "--layers",
        default=(),
        metavar="[MODALITY=]WHICH",
        help="last, all, or numbers such as 0,6,12.  [default: last]",
    )
    pooling: tuple[str, ...] = option(
        "--pooling",
        default=(),
        metavar="[MODALITY=]HOW",
        help="mean, mean+std or frames.  [default: mean]",
    )
    dtype: str = option(
        "--dtype",
        default="auto",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        help="Of the computation; auto: bfloat16 where the device is fast in it, which "
        "is recorded and makes another cache than float32.",
    )
    head: bool = option(
        "--head",
        default=False,
        help="Keep the predictions of the speech checkpoint's own head.",
    )


@dataclass(frozen=True, kw_only=True)
class EncodingAmounts(Command):
    """How much is encoded at once, by how many processes, and how much at all."""

    compile: bool = option(
        "--compile",
        default=False,
        help="Compile what gains by it, in some seconds: speech encoders on a GPU in "
        "half precision, for corpora of many hours.",
    )
    batch: float | None = option(
        "--batch", default=None, help="Seconds of audio, or tokens, at once."
    )
    block_seconds: float = option(
        "--block-seconds",
        default=60.0,
        help="Longer utterances are encoded in blocks of this length.",
    )
    max_seconds: float = option(
        "--max-seconds", default=LONGEST, help="Longer utterances are refused."
    )
    limit: int | None = option(
        "--limit",
        default=None,
        type=ONE_OR_MORE,
        help="So many utterances, evenly spread over the corpus.",
    )
    processes: int | None = option(
        "--processes",
        default=None,
        type=ONE_OR_MORE,
        metavar="N",
        help="Encode in so many processes of this machine, which divide its CUDA "
        "devices and CPU threads.  [default: one for each CUDA device]",
    )
    shard: str = option(
        "--shard",
        default="1/1",
        metavar="K/N",
        help="Make only the K-th of N shares of the cache, K from 1 to N; for arrays "
        "of jobs, of which the last completes the cache. Needs a --dtype by name, as "
        "does --scheduler.",
    )
    scheduler: str = option(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="Encode on the workers of this dask scheduler, which must see corpus and "
        "cache under the same paths; whoever reaches its port can run code: trusted "
        "networks and TLS only. Needs the extra 'cluster'.",
    )


@dataclass(frozen=True, kw_only=True)
class EncodingOptions(
    EncodedModalities,
    EncoderChoice,
    EmbeddingOptions,
    ComputeOptions,
    EncodingAmounts,
    CacheOption,
):
    """How a corpus is encoded."""


@dataclass(frozen=True, kw_only=True)
class Extract(CorpusSource, EncodingOptions):
    """Encode a corpus into the cache."""

    COMMAND: ClassVar[str] = "extract"

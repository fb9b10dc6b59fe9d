"""Options of stage one: encoders, embeddings and resources of `extract`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import click

from affuse.data.errors import OptionError
from affuse.data.modality import BUILT_IN
from affuse.data.options.command_record import Command
from affuse.data.options.encoding_amounts import EncodingAmounts
from affuse.data.options.option_fields import READ, WRITE, option
from affuse.data.options.option_types import ModalityName, pairs
from affuse.data.options.shared_options import CacheOption, ComputeOptions
from affuse.data.options.source_options import CorpusSource

GOLD = "gold"  # name of the transcripts that a corpus has


@dataclass(frozen=True, kw_only=True)
class CheckpointChoice(Command):
    """Checkpoints of the audio and the text encoder."""

    audio_checkpoint: str = option(
        "--audio-checkpoint",
        default="",
        metavar="NAME",
        help="Encode speech with this checkpoint of the Wav2Vec2 family, "
        "w2v-BERT or Whisper: a hub name, a folder, mini (small, bundled) "
        "or tiny (random weights).  [default: audeering, which is "
        "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim]",
    )
    text_checkpoint: str = option(
        "--text-checkpoint",
        default="",
        metavar="NAME",
        help="Encode transcripts with this checkpoint: a hub name, a folder, "
        "mini or tiny.  [default: distilbert, which is distilbert-base-"
        "uncased]",
    )
    revision: tuple[str, ...] = option(
        "--revision",
        default=(),
        metavar="[MODALITY=]COMMIT",
        help="Load a checkpoint of the hub at this commit, for example "
        "audio=0123abc. The option may be repeated.  [default: the newest "
        "commit, which is recorded]",
    )

    def checkpoint(self, modality: str) -> str:
        """Return the checkpoint of a modality; "" for the default."""
        by_modality = {"audio": self.audio_checkpoint, "text": self.text_checkpoint}
        return by_modality.get(modality, "")


def checkpoints(named: Mapping[str, object]) -> dict[str, Any]:
    """Return values for the fields of `EncodingOptions` that name checkpoints.

    Args:
        named: checkpoint by modality

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
    """Checkpoints and encoder plug-ins of all modalities."""

    other_checkpoints: tuple[str, ...] = option(
        "--checkpoint",
        default=(),
        metavar="MODALITY=NAME",
        help="Encode a modality that a plug-in adds with this checkpoint, for example "
        "face=landmarks. The option may be repeated.  [default: its encoder's own]",
    )
    encoders: tuple[str, ...] = option(
        "--encoder",
        default=(),
        metavar="[MODALITY=]NAME",
        help="Encode with this plug-in of extract/encoders, for example whisper. The "
        "plug-ins acoustic and opensmile (an extra; not for commercial use) compute "
        "acoustic features without a checkpoint. The option may be "
        "repeated.  [default: the one that suits the checkpoint]",
    )

    def checkpoint(self, modality: str) -> str:
        """Return the checkpoint of a modality; "" for the default.

        Raises:
            OptionError: if two options name a checkpoint of the modality, or a value of
                ``--checkpoint`` names no modality
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
        """Raise an error if a checkpoint is named for a modality that is not encoded.

        Raises:
            OptionError: with the first such modality
        """
        for modality in pairs(self.other_checkpoints, "--checkpoint", "NAME"):
            if modality not in modalities:
                raise OptionError(
                    f"--checkpoint {modality}: '{modality}' is not encoded here, only "
                    f"{' and '.join(modalities)}"
                )


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions(Command):
    """Layers, pooling and data type of embeddings, and whether the head is applied."""

    layers: tuple[str, ...] = option(
        "--layers",
        default=(),
        metavar="[MODALITY=]WHICH",
        help="Cache these layers of the encoder: last, all, or numbers such as 0,6,12. "
        "train --set layers=... chooses among them. The option may be repeated, as in "
        "--layers audio=last.  [default: all; last with --pooling frames]",
    )
    pooling: tuple[str, ...] = option(
        "--pooling",
        default=(),
        metavar="[MODALITY=]HOW",
        help="Pool each utterance over time: mean, mean+std, or frames for no pooling. "
        "The option may be repeated, as in --pooling text=mean.  [default: mean+std]",
    )
    dtype: str = option(
        "--dtype",
        default="auto",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        help="Data type of the encoder's arithmetic. With auto, it is bfloat16 "
        "on devices with units for it, and float32 on others. It is "
        "recorded, and each data type has a separate cache.",
    )
    head: bool = option(
        "--head",
        default=False,
        help="Cache the ratings that the speech checkpoint's regression head "
        "predicts, which --fusion zeroshot needs.  [default: they are not "
        "cached]",
    )


@dataclass(frozen=True, kw_only=True)
class EncodingOptions(
    EncoderChoice,
    EmbeddingOptions,
    ComputeOptions,
    EncodingAmounts,
    CacheOption,
):
    """Options with which a corpus is encoded."""

    modalities: tuple[str, ...] = option(
        "--modality",
        default=(),
        type=ModalityName,
        help="Encode only this modality. The option may be "
        "repeated.  [default: all modalities that the corpus has]",
    )


@dataclass(frozen=True, kw_only=True)
class Extract(CorpusSource, EncodingOptions):
    """Options of `extract`: encode a corpus into the cache."""

    COMMAND: ClassVar[str] = "extract"
    MOVED: ClassVar[Mapping[str, str]] = {
        "cache": WRITE,
        "limit": READ,
        "transcripts": READ,
    }

    transcripts: str = option(
        "--transcripts",
        default=GOLD,
        metavar="NAME",
        help="Encode the transcripts of the corpus (gold), or those that `transcribe` "
        "recognised with the model NAME, for example small.en.",
    )

    @property
    def recognised_transcripts(self) -> str:
        """Name of recognised transcripts; "" for those of the corpus."""
        return "" if self.transcripts == GOLD else self.transcripts

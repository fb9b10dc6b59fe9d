"""What a user chooses for stage one: the embedding, and the machine it is made on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import joblib

from affuse.data.errors import OptionError
from affuse.data.modality import modality_named, modality_names
from affuse.data.options.shared_options import ComputeOptions
from affuse.data.system.device_names import choose
from affuse.extract.audio.header_bounds import LONGEST
from affuse.extract.encoding.pooling import POOLINGS

COUNTS = {2: "two", 3: "three"}  # in words
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Choice:
    """Which embedding is wanted; all of it enters the recipe."""

    modality: str
    encoder: str = ""  # plug-in; "" for the modality's default
    checkpoint: str = ""  # hub name, folder or "tiny"; "" for the encoder's default
    revision: str = ""  # commit on the hub; "" for the newest, which is then recorded
    layers: str = "last"  # "last", "all" or numbers
    pooling: str = "mean"
    dtype: str = "float32"
    head: bool = False  # keep the predictions of the checkpoint's own head
    options: Mapping[str, Any] = field(default_factory=dict)  # of the encoder

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("modality", self.modality, modality_names()),
            ("pooling", self.pooling, POOLINGS),
            ("dtype", self.dtype, DTYPES),
        ):
            if value not in allowed:
                raise OptionError(
                    f"{what} must be one of {', '.join(allowed)}, got {value!r}"
                )
        if not self.encoder:
            default = modality_named(self.modality).encoder
            object.__setattr__(self, "encoder", default)


@dataclass(frozen=True)
class Machine:
    """How it is computed; none of it changes an embedding beyond rounding."""

    device: str = "cpu"
    threads: int = field(default_factory=joblib.cpu_count)  # that we may use
    batch: float | None = None  # seconds or tokens at once; None for the device's own
    longest: float = LONGEST  # seconds; longer recordings are refused
    limit: int | None = None  # utterances, evenly spread; None for all
    progress: bool = True
    compiled: bool = False  # by torch.compile, what gains by it

    def __post_init__(self) -> None:
        for option, value in (
            ("--batch", self.batch),
            ("--max-seconds", self.longest),
        ):
            if value is not None and not value > 0:
                raise OptionError(f"{option} must be above 0, got {value:g}")

    @classmethod
    def of(cls, options: ComputeOptions, *, progress: bool = True) -> Self:
        """Return the machine that options ask for, with all cores if they say none."""
        threads = options.threads or joblib.cpu_count()
        device = choose_device(options.device)
        return cls(device=device, threads=threads, progress=progress)

    def budget(self, modality: str) -> float:
        """Seconds of audio, tokens or what else inputs have, to encode at once."""
        kind = "cuda" if self.device.startswith("cuda") else "cpu"
        usual = modality_named(modality).batch[kind]
        return usual if self.batch is None else self.batch

    def room(self, modality: str) -> float:
        """Seconds of audio, tokens or else that all threads together encode at once.

        Every thread has room for a batch. Inputs longer than that share it, so that
        more threads do not take more memory with them.
        """
        return self.budget(modality) * max(
            self.threads, modality_named(modality).batches
        )


def choose_device(wanted: str) -> str:
    """The device of this machine that was asked for; see `device_names.choose`."""
    import torch

    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return choose(wanted, cards=cards)


def per_modality(
    values: Sequence[str], wanted: Sequence[str], option: str
) -> dict[str, str]:
    """``("last", "audio=all")`` as the value of each modality.

    Examples:
        >>> per_modality(["last", "audio=all"], ["audio", "text"], "layers")
        {'audio': 'all', 'text': 'last'}

    Raises:
        AffuseError: if it names a modality that is not encoded, or a revision is meant
            for two checkpoints
    """
    found: dict[str, str] = {}
    for value in values:
        name, mark, rest = value.partition("=")
        if not mark:
            found = {**dict.fromkeys(wanted, value), **found}
        elif name in wanted:
            found[name] = rest
        else:
            raise OptionError(
                f"--{option} {value}: '{name}' is not encoded here; say "
                f"{' or '.join(wanted)}"
            )
    if option == "revision" and len(wanted) > 1 and any("=" not in v for v in values):
        named = " or ".join(f"--revision {name}=COMMIT" for name in wanted)
        raise OptionError(
            f"--revision {values[0]}: {COUNTS.get(len(wanted), len(wanted))} "
            f"checkpoints are loaded; say {named}"
        )
    return found

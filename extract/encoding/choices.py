"""Choices of a user for stage one: the embedding, and the device and resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import joblib

from affuse.data.errors import OptionError
from affuse.data.modality import modality_named, modality_names
from affuse.data.options.shared_options import ComputeOptions
from affuse.data.system.device_names import choose, describe
from affuse.extract.audio.header_bounds import LONGEST
from affuse.extract.encoding.pooling import POOLINGS

COUNTS = {2: "two", 3: "three"}  # in words
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Choice:
    """Choice of an embedding; every field enters the recipe of the cache."""

    modality: str
    encoder: str = ""  # name of a plug-in; "" for the modality's default
    checkpoint: str = ""  # hub name, folder or "tiny"; "" for the encoder's default
    revision: str = ""  # commit on the hub; "" for the newest, which is then recorded
    layers: str = "last"  # "last", "all" or numbers
    pooling: str = "mean"
    dtype: str = "float32"
    head: bool = False  # True to cache the predictions of the checkpoint's head too
    options: Mapping[str, Any] = field(default_factory=dict)  # of the encoder
    transcripts: str = ""  # label of recognised transcripts; "": those of the corpus
    degradation: str = ""  # condition of degraded inputs; "": inputs of the corpus

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("modality", self.modality, modality_names()),
            ("pooling", self.pooling, POOLINGS),
            ("dtype", self.dtype, DTYPES),
        ):
            if value not in allowed:
                raise OptionError(
                    f"{name} must be one of {', '.join(allowed)}, got {value!r}"
                )
        if not self.encoder:
            default = modality_named(self.modality).encoder
            object.__setattr__(self, "encoder", default)


@dataclass(frozen=True)
class Machine:
    """Device and resources; they change embeddings only by rounding."""

    device: str = "cpu"
    threads: int = field(default_factory=joblib.cpu_count)  # number of CPU threads
    # seconds or tokens in a batch; None for the default of modality and device
    batch: float | None = None
    longest: float = LONGEST  # seconds; longer recordings are refused
    limit: int | None = None  # number of utterances, evenly spaced; None for all
    progress: bool = True
    compiled: bool = False  # True to apply torch.compile where it saves time

    def __post_init__(self) -> None:
        for option, value in (
            ("--batch", self.batch),
            ("--max-seconds", self.longest),
        ):
            if value is not None and not value > 0:
                raise OptionError(f"{option} must be above 0, got {value:g}")

    @classmethod
    def of(cls, options: ComputeOptions, *, progress: bool = True) -> Self:
        """Return device and resources for options; all cores if they set no threads.

        Args:
            options: of the command line
            progress: True to show progress bars
        """
        threads = options.threads or joblib.cpu_count()
        device = choose_device(options.device)
        return cls(device=device, threads=threads, progress=progress)

    @property
    def device_name(self) -> str:
        """Name of the GPU, or of the processor with the number of threads."""
        import torch

        gpu_name = torch.cuda.get_device_name
        return describe(self.device, threads=self.threads, gpu_name=gpu_name)

    def budget(self, modality: str) -> float:
        """Return the size of a batch in the unit of a modality, such as seconds.

        Args:
            modality: name of a file in data/modalities
        """
        kind = "cuda" if self.device.startswith("cuda") else "cpu"
        default = modality_named(modality).batch[kind]
        return default if self.batch is None else self.batch

    def concurrent_budget(self, modality: str) -> float:
        """Return the total size of concurrent batches in the unit of a modality.

        Each thread may have one batch. Inputs that are longer than a batch share this
        budget, so that more threads do not need more memory for them.

        Args:
            modality: name of a file in data/modalities
        """
        return self.budget(modality) * max(
            self.threads, modality_named(modality).batches
        )


def choose_device(device: str) -> str:
    """Return the torch device for an option; see `device_names.choose`.

    Args:
        device: value of ``--device``, such as ``auto``
    """
    import torch

    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return choose(device, cards=cards)


def per_modality(
    values: Sequence[str], modalities: Sequence[str], option: str
) -> dict[str, str]:
    """Return the value of an option for each modality.

    Args:
        values: as the user typed them, such as ``("last", "audio=all")``
        modalities: names of the modalities that are encoded
        option: its name, for messages

    Raises:
        OptionError: if a value names a modality that is not encoded, or if one revision
            would apply to several checkpoints

    Examples:
        >>> per_modality(["last", "audio=all"], ["audio", "text"], "layers")
        {'audio': 'all', 'text': 'last'}
    """
    by_modality: dict[str, str] = {}
    for value in values:
        name, mark, rest = value.partition("=")
        if not mark:
            by_modality = {**dict.fromkeys(modalities, value), **by_modality}
        elif name in modalities:
            by_modality[name] = rest
        else:
            raise OptionError(
                f"--{option} {value}: '{name}' is not encoded here; use "
                f"{' or '.join(modalities)}"
            )
    if (
        option == "revision"
        and len(modalities) > 1
        and any("=" not in v for v in values)
    ):
        examples = " or ".join(f"--revision {name}=COMMIT" for name in modalities)
        raise OptionError(
            f"--revision {values[0]}: {COUNTS.get(len(modalities), len(modalities))} "
            f"checkpoints are loaded; use {examples}"
        )
    return by_modality

"""The finetune command as a message tells the user to type it, see `command_lines`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from affuse.data.command_lines import Reading, option


@dataclass(frozen=True, kw_only=True)
class Finetune(Reading):
    """Fine-tune encoders together with a design."""

    COMMAND: ClassVar[str] = "finetune"
    fusion: str = option("--fusion", "early")
    protocol: str | None = option("--protocol", None)
    fold: str = option("--fold", "all")
    folds: int | None = option("--folds", None)
    audio_checkpoint: str = option("--audio-checkpoint")
    text_checkpoint: str = option("--text-checkpoint")
    revision: tuple[str, ...] = option("--revision", ())
    experiment: str = option("--experiment", "finetune")
    changes: tuple[str, ...] = option("--set", ())
    audio_rate: float | None = option("--audio-rate", None)
    text_rate: float | None = option("--text-rate", None)
    warmup: float | None = option("--warmup", None)
    averaging: float | None = option("--averaging", None)
    layers_trained: int | None = option("--layers-trained", None)
    adapters: int | None = option("--adapters", None)
    convolutions: bool | None = option("--convolutions", None)
    max_seconds: float | None = option("--max-seconds", None)
    batch: int = option("--batch", 8)
    hold: bool = option("--hold", False)
    checkpointing: bool = option("--checkpointing", False)
    dtype: str = option("--dtype", "auto")
    seed: int = option("--seed", 0)
    output: Path = option("--output", Path("finetuned"))
    device: str = option("--device", "auto")
    threads: int | None = option("--threads", None)

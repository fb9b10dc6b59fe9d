"""Progress of a fine-tuning: a progress bar, a line per epoch, and ``log.csv``."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from affuse.data.system.atomic_files import publish
from affuse.data.system.progress import bar

COLUMNS = ("epoch", "step", "loss", "reconstruction", "grad_norm", "learning_rate")
CCC = "eval_ccc"


class EpochLogger(TrainerCallback):
    """Callback of the Trainer that reports each epoch in the first process.

    Args:
        log: CSV file, which is complete after each epoch
        name: of the fold, for the progress bar
        say: prints a line
        progress: True to show a progress bar
    """

    def __init__(
        self, log: Path, name: str, say: Callable[[str], object], *, progress: bool
    ):
        self._log, self._name, self._say = log, name, say
        self._progress = progress
        self._bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the progress bar in the first process."""
        show = self._progress and state.is_world_process_zero
        total = state.max_steps
        self._bar = bar(total=total, name=self._name, unit="steps", show=show)
        self._bar.update(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Advance the progress bar by one step."""
        self._bar.update(1)

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the log, and print the losses and scores of the epoch."""
        if state.is_world_process_zero:
            rows = epoch_rows(state.log_history)
            publish(self._log, table(rows).encode())
            last = rows[-1]
            self._say(
                f"{self._name}: epoch {last['epoch']:g}, loss {last['loss']:.4f}, "
                f"validation ccc {last['ccc']:.3f}"
            )

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the progress bar."""
        self._bar.close()


def epoch_rows(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return a row with losses and CCCs for each epoch of a Trainer's log.

    Args:
        history: entries of the log
    """
    rows: dict[float, dict[str, float]] = {}
    for entry in history:
        if "loss" not in entry and CCC not in entry:
            continue  # This entry has durations.
        row = rows.setdefault(entry["step"], {})
        for name, value in entry.items():
            row[name.removeprefix("eval_")] = value
    return [rows[step] for step in sorted(rows)]


def table(rows: Sequence[Mapping[str, float]]) -> str:
    """Return the rows of `epoch_rows` as CSV."""
    scores = sorted({name for row in rows for name in row if name.startswith("ccc")})
    content = io.StringIO()
    writer = csv.DictWriter(
        content, [*COLUMNS, *scores], lineterminator="\n", extrasaction="ignore"
    )
    writer.writeheader()
    writer.writerows(rows)
    return content.getvalue()

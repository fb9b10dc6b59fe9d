"""What is seen of a training while it goes on: a bar, a line an epoch, ``log.csv``."""

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


class Watch(TrainerCallback):
    """Tells of each epoch; only the first of several processes does.

    Args:
        log: file of the course so far, whole after each epoch
        name: of the fold, for the bar
        say: told a line an epoch
    """

    def __init__(
        self, log: Path, name: str, say: Callable[[str], object], *, progress: bool
    ):
        self._log, self._name, self._say = log, name, say
        self._progress = progress
        self._bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin a bar, where there is somebody to see it."""
        show = self._progress and state.is_world_process_zero
        total = state.max_steps
        self._bar = bar(total=total, name=self._name, unit="steps", show=show)
        self._bar.update(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """One batch further."""
        self._bar.update(1)

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the course so far."""
        if state.is_world_process_zero:
            found = course(state.log_history)
            publish(self._log, table(found).encode())
            last = found[-1]
            self._say(
                f"{self._name}: epoch {last['epoch']:g}, loss {last['loss']:.4f}, "
                f"validation ccc {last['ccc']:.3f}"
            )

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Leave the bar as it stands."""
        self._bar.close()


def course(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """A row for each epoch of a Trainer's log: losses, and CCCs by rating."""
    rows: dict[float, dict[str, float]] = {}
    for entry in history:
        if "loss" not in entry and CCC not in entry:
            continue  # how long it took
        row = rows.setdefault(entry["step"], {})
        for name, value in entry.items():
            row[name.removeprefix("eval_")] = value
    return [rows[step] for step in sorted(rows)]


def table(rows: Sequence[Mapping[str, float]]) -> str:
    """The course as CSV."""
    scores = sorted({name for row in rows for name in row if name.startswith("ccc")})
    content = io.StringIO()
    written = csv.DictWriter(
        content, [*COLUMNS, *scores], lineterminator="\n", extrasaction="ignore"
    )
    written.writeheader()
    written.writerows(rows)
    return content.getvalue()

"""Training loop of students, which can be resumed and reproduced from a seed.

The random draws of a step depend only on the seed and the step's number. So a training
that was interrupted and resumed ends with exactly the same weights.
"""

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.cache.hdf5_guard import lacks_memory
from affuse.data.errors import AffuseError, MemoryShortageError
from affuse.data.system.atomic_files import publish
from affuse.data.system.progress import bar
from affuse.data.system.regular_files import WEIGHTS, open_regular
from affuse.extract.distil.student_folder import StudentFolder

WARM_UP = 0.05  # share of the steps in which the learning rate rises
CLIP = 1.0  # largest norm of a gradient


@dataclass(frozen=True)
class Schedule:
    """Schedule of a training: steps, learning rate, seed and evaluation interval."""

    steps: int
    rate: float  # highest learning rate; it falls to zero along a cosine
    seed: int = 0
    decay: float = 0.01  # weight decay
    pause: int = 250  # steps between two evaluations, after which the state is saved

    def __post_init__(self) -> None:
        for name, value in (("steps", self.steps), ("rate", self.rate)):
            if not value > 0:
                raise AffuseError(f"--{name} must be above 0, got {value:g}")

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        warm_steps = max(1, round(WARM_UP * self.steps))
        if step < warm_steps:
            return self.rate * (step + 1) / warm_steps
        return (
            self.rate
            * (1 + math.cos(math.pi * (step - warm_steps) / (self.steps - warm_steps)))
            / 2
        )


@dataclass(frozen=True)
class TrainingState:
    """Losses of a training after a number of steps."""

    step: int
    loss: float  # mean over the steps since the last state
    cosine: float  # of student and teacher on held-out data


class DistillationTask(Protocol):
    """Student with its data and loss; each modality has one implementation."""

    network: nn.Module  # the student, and its map to the teacher's dimensions

    def loss(self, rng: np.random.Generator) -> Tensor:
        """Return the loss of a random batch of training data."""

    def cosine(self) -> float:
        """Return the mean cosine of student and teacher on held-out data."""


def train(
    task: DistillationTask,
    schedule: Schedule,
    folder: Path,
    *,
    identity: str,
    progress: bool = True,
    say: Callable[[str], object] = lambda line: None,
) -> tuple[TrainingState, ...]:
    """Train a network, or resume an interrupted training of the same identity.

    Args:
        task: its network is trained in place
        schedule: steps, rate and seed
        folder: of the state of an unfinished training
        identity: digest of everything that determines the result
        progress: True to show a progress bar
        say: called with a sentence if a training is resumed

    Returns:
        the states at the evaluations, in order

    Raises:
        AffuseError: if `folder` holds the state of another training
    """
    parameters = [p for p in task.network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=schedule.rate, weight_decay=schedule.decay
    )
    path = StudentFolder(folder).unfinished
    points = _resume(path, identity, task.network, optimizer)
    begin = points[-1].step if points else 0
    if begin:
        say(f"the training resumes after step {begin} of {schedule.steps}")
    losses: list[float] = []
    with bar(
        total=schedule.steps, name="distil", unit="step", show=progress
    ) as progress_bar:
        progress_bar.update(begin)
        for step in range(begin, schedule.steps):
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate_at(step)
            losses.append(_step(task, optimizer, parameters, (schedule.seed, step)))
            progress_bar.update(1)
            if (step + 1) % schedule.pause == 0 or step + 1 == schedule.steps:
                points.append(_evaluate(task, step + 1, losses))
                progress_bar.set_postfix_str(f"cosine {points[-1].cosine:.3f}")
                losses = []
                publish(path, _state(identity, task.network, optimizer, points))
    return tuple(points)


def _step(
    task: DistillationTask,
    optimizer: torch.optim.Optimizer,
    parameters: Sequence[nn.Parameter],
    seeds: tuple[int, int],
) -> float:
    task.network.train()
    loss = task.loss(np.random.default_rng(seeds))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, CLIP)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def _evaluate(
    task: DistillationTask, step: int, losses: Sequence[float]
) -> TrainingState:
    task.network.eval()
    point = TrainingState(step, float(np.mean(losses)), task.cosine())
    if not math.isfinite(point.loss + point.cosine):
        raise AffuseError(
            f"the training diverged before step {step}; take a smaller --rate"
        )
    return point


def _state(
    identity: str,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    points: Sequence[TrainingState],
) -> bytes:
    content = io.BytesIO()
    state = {
        "identity": identity,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "points": [asdict(point) for point in points],
    }
    torch.save(state, content)
    return content.getvalue()


def _resume(
    path: Path, identity: str, network: nn.Module, optimizer: torch.optim.Optimizer
) -> list[TrainingState]:
    """Load the state of an interrupted training, and return its evaluations.

    Raises:
        AffuseError: if the state is damaged, or of another training
        MemoryShortageError: if there is too little memory to read it
        OSError: if it cannot be read
    """
    if not path.exists():
        return []
    with _damage(path):
        with open_regular(path, limit=WEIGHTS) as file:
            state: dict[str, Any] = torch.load(file, weights_only=True)
        state_identity = str(state["identity"])
    if state_identity != identity:
        raise AffuseError(
            f"{path} is of a training with other settings, data or teacher; repeat its "
            f"command to finish it, delete it, or choose another --output"
        )
    with _damage(path):
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        points = [TrainingState(**point) for point in state["points"]]
    return points


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Convert torch's errors about a state to one sentence.

    Raises:
        AffuseError: if the state is damaged
        MemoryShortageError: if there is too little memory to read it
        OSError: if it cannot be read
    """
    try:
        yield
    except (OSError, AffuseError):
        raise
    except Exception as error:  # torch raises many kinds of errors
        if lacks_memory(error):
            raise MemoryShortageError(
                f"there is too little memory to read {path}; close other programs, "
                f"then repeat the command"
            ) from error
        raise AffuseError(f"{path} is damaged; delete it to start again") from error

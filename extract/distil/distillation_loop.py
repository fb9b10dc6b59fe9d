"""The training loop of every student: so many steps, resumable, the same for a seed.

All that is random in a step follows from the seed and the step's number, so a training
that was interrupted ends in exactly the weights of one that was not.
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

WARM = 0.05  # share of the steps in which the rate rises
CLIP = 1.0  # largest norm of a gradient


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a student learns."""

    steps: int
    rate: float  # highest learning rate; it falls to zero along a cosine
    seed: int = 0
    decay: float = 0.01  # of the weights
    pause: int = 250  # steps between two looks at the held-out data, and two states

    def __post_init__(self) -> None:
        for name, value in (("steps", self.steps), ("rate", self.rate)):
            if not value > 0:
                raise AffuseError(f"--{name} must be above 0, got {value:g}")

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        warm = max(1, round(WARM * self.steps))
        if step < warm:
            return self.rate * (step + 1) / warm
        return (
            self.rate
            * (1 + math.cos(math.pi * (step - warm) / (self.steps - warm)))
            / 2
        )


@dataclass(frozen=True)
class TrainingState:
    """Where the training stood after a number of steps."""

    step: int
    loss: float  # mean over the steps since the last point
    cosine: float  # of student and teacher on held-out data


class Lesson(Protocol):
    """What is learnt: one of each modality."""

    network: nn.Module  # the student, and what maps it to the teacher's dimensions

    def loss(self, rng: np.random.Generator) -> Tensor:
        """The loss of a random batch of training data."""

    def cosine(self) -> float:
        """Mean cosine of the student's and the teacher's vectors, on held-out data."""


def train(
    lesson: Lesson,
    schedule: Schedule,
    folder: Path,
    *,
    identity: str,
    progress: bool = True,
    say: Callable[[str], object] = lambda line: None,
) -> tuple[TrainingState, ...]:
    """Train, or go on where an interrupted training of the same identity stopped.

    Args:
        lesson: its network is trained in place
        schedule: steps, rate and seed
        folder: where the state of an unfinished training lies
        identity: digest of all that decides the outcome
        say: told where a training is taken up again

    Returns:
        the course of the training

    Raises:
        AffuseError: if `folder` holds the state of another training
    """
    parameters = [p for p in lesson.network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=schedule.rate, weight_decay=schedule.decay
    )
    path = StudentFolder(folder).unfinished
    points = _resume(path, identity, lesson.network, optimizer)
    begin = points[-1].step if points else 0
    if begin:
        say(f"goes on after step {begin} of {schedule.steps}")
    losses: list[float] = []
    with bar(total=schedule.steps, name="distil", unit="step", show=progress) as shown:
        shown.update(begin)
        for step in range(begin, schedule.steps):
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate_at(step)
            losses.append(_step(lesson, optimizer, parameters, (schedule.seed, step)))
            shown.update(1)
            if (step + 1) % schedule.pause == 0 or step + 1 == schedule.steps:
                points.append(_look(lesson, step + 1, losses))
                shown.set_postfix_str(f"cosine {points[-1].cosine:.3f}")
                losses = []
                publish(path, _state(identity, lesson.network, optimizer, points))
    return tuple(points)


def _step(
    lesson: Lesson,
    optimizer: torch.optim.Optimizer,
    parameters: Sequence[nn.Parameter],
    seeds: tuple[int, int],
) -> float:
    lesson.network.train()
    loss = lesson.loss(np.random.default_rng(seeds))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, CLIP)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def _look(lesson: Lesson, step: int, losses: Sequence[float]) -> TrainingState:
    lesson.network.eval()
    point = TrainingState(step, float(np.mean(losses)), lesson.cosine())
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
    """Load the state of an interrupted training; [] if there is none.

    Raises:
        AffuseError: if it is damaged, or of another training
        MemoryShortageError: if there is too little memory to read it
        OSError: if it cannot be read
    """
    if not path.exists():
        return []
    with _damage(path):
        with open_regular(path, limit=WEIGHTS) as file:
            state: dict[str, Any] = torch.load(file, weights_only=True)
        known = str(state["identity"])
    if known != identity:
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
    """Turn whatever torch raises about a state into one sentence.

    Raises:
        AffuseError: if the state is damaged
        MemoryShortageError: if there is too little memory to read it
        OSError: if it cannot be read
    """
    try:
        yield
    except (OSError, AffuseError):
        raise
    except Exception as error:  # torch raises nearly every kind
        if lacks_memory(error):
            raise MemoryShortageError(
                f"there is too little memory to read {path}; close other programs, "
                f"then repeat the command"
            ) from error
        raise AffuseError(f"{path} is damaged; delete it to begin anew") from error

"""A small Wav2Vec2 that imitates the frames of a larger speech encoder.

Targets are hidden layers of the teacher, standardised, at the times of the student's
frames.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from affuse.data.errors import AffuseError
from affuse.data.records import Corpus, Utterance
from affuse.extract.audio import decoder_pool, media_containers
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.audio.waveform_standardisation import standardise
from affuse.extract.distil import teacher_cache
from affuse.extract.distil.distillation_plan import DistillationPlan
from affuse.extract.distil.front_end import STRIDES, build, window
from affuse.extract.distil.recording_views import (
    FrameGrid,
    Heard,
    Sped,
    at_speed,
    between,
    disturb,
)
from affuse.extract.distil.student_size import StudentSize
from affuse.extract.encoding.protocol import SpeechEncoder

MODALITY = "audio"
SIZE = StudentSize(layers=4, width=192, heads=4)
STEPS, RATE, BATCH = 3_000, 1.5e-3, 16  # recordings in a batch
POOLING = "frames"
SUFFIXES = (
    ".wav", ".flac", ".ogg", ".mp3", ".opus", ".aif", ".aiff", ".au", ".caf", ".sph",
    ".w64", *media_containers.SUFFIXES,
)  # fmt: skip
SPEEDS = (0.8, 1.0, 1.25)  # at which everything is heard: rate and pitch change
PIECE = 4.0  # seconds
POOLED = 0.5  # weight of the pooled term


def find(paths: Sequence[Path]) -> Corpus:
    """Sound files, or all that lie below folders.

    Raises:
        AffuseError: if a path does not exist, or there is no sound file
    """
    if absent := [path for path in paths if not path.exists()]:
        raise AffuseError(f"--data {absent[0]} not found")
    files = [f for p in paths for f in (sorted(p.rglob("*")) if p.is_dir() else [p])]
    files = [f for f in dict.fromkeys(files) if f.suffix.lower() in SUFFIXES]
    if not files:
        raise AffuseError(
            f"no sound file in --data {', '.join(map(str, paths))}: give "
            f"{', '.join(SUFFIXES)} files, or folders of them"
        )
    found = tuple(Utterance(id=f"{i:06d}", audio=f) for i, f in enumerate(files))
    return Corpus("distil-audio", paths[0], found, None, "official")


class SpeechImitation(nn.Module):
    """The student, and a linear map to each layer of the teacher."""

    def __init__(self, student: Wav2Vec2Model, layers: int, dim: int):
        super().__init__()
        self.student = student
        self.maps = nn.Linear(student.config.hidden_size, layers * dim)
        self.shape = (layers, dim)

    def forward(self, samples: Tensor) -> Tensor:
        """(n, samples) -> (n, steps, layers, dim), the teacher's frames as imitated"""
        hidden = self.student(samples).last_hidden_state
        found: Tensor = self.maps(hidden).unflatten(-1, self.shape)
        return found


class SpeechLesson:
    """Random pieces of recordings, and the teacher's frames at the same times."""

    def __init__(
        self,
        student: Wav2Vec2Model,
        training: Sequence[Heard],
        held_out: Sequence[Heard],
        *,
        grid: FrameGrid,
        batch: int,
        device: str,
    ):
        self.scaling = teacher_cache.Scaling.fit(_sample(training))
        layers, dim = self.scaling.mean.shape
        self.network = SpeechImitation(student, layers, dim).to(device)
        self.student = student
        self.training, self.grid = training, grid
        self.batch, self.device = batch, device
        self.steps = (
            int(PIECE * SAMPLE_RATE) - grid.student_window
        ) // grid.student_hop + 1
        self.size = grid.student_window + (self.steps - 1) * grid.student_hop  # samples
        lengths = np.array([max(1.0, len(h.samples)) for h in training])
        self.chance = lengths / lengths.sum()
        self.examination = [self._piece(h, 0, None) for h in held_out]

    def _piece(
        self, heard: Heard, begin: int, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(samples,) of a piece and (steps, layers, dim) of the teacher, scaled."""
        places = self.grid.at(begin, self.steps)
        samples = heard.samples[begin : begin + self.size]
        if len(samples) < self.size:  # a short recording is heard again and again
            samples = np.resize(samples, self.size)
            places %= len(heard.samples) / self.grid.hop
        targets = self.scaling(between(heard.frames, places))
        samples = standardise(samples)
        return (samples if rng is None else disturb(samples, rng)), targets

    def _batch(
        self, pieces: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> tuple[Tensor, Tensor]:
        samples, targets = (
            torch.from_numpy(np.stack(s)) for s in zip(*pieces, strict=True)
        )
        return self.network(samples.to(self.device)), targets.to(self.device)

    def loss(self, rng: np.random.Generator) -> Tensor:
        """L1 and cosine of each frame, and L1 of what pooling would make of them."""
        chosen = rng.choice(len(self.training), self.batch, p=self.chance)
        pieces = []
        for place in chosen:
            heard = self.training[place]
            latest = max(0, len(heard.samples) - self.size)
            pieces.append(self._piece(heard, int(rng.integers(latest + 1)), rng))
        found, wanted = self._batch(pieces)
        pooled = functional.l1_loss(found.mean(1), wanted.mean(1)) + functional.l1_loss(
            found.std(1), wanted.std(1)
        )
        cosine = functional.cosine_similarity(found, wanted, dim=-1).mean()
        return functional.l1_loss(found, wanted) + (1 - cosine) + POOLED * pooled

    @torch.no_grad()
    def cosine(self) -> float:
        """Mean over layers and frames of the first piece of each held-out recording."""
        found = []
        for i in range(0, len(self.examination), self.batch):
            pair = self._batch(self.examination[i : i + self.batch])
            found.append(functional.cosine_similarity(*pair, dim=-1).mean((1, 2)))
        return torch.cat(found).mean().item()


def _sample(training: Sequence[Heard]) -> np.ndarray:
    """(n, layers, dim) frames of all recordings, few enough to take statistics of."""
    step = max(1, sum(len(h.frames) for h in training) // 100_000)
    return np.concatenate([h.frames[::step] for h in training])


def lesson(
    plan: DistillationPlan,
    corpus: Corpus,
    encoder: SpeechEncoder,
    say: Callable[[str], object],
) -> tuple[SpeechLesson, list[str]]:
    """The teacher's frames of every recording at every speed, and a new student.

    All of it is held in memory: for two layers of Whisper tiny about 0.5 GB for each
    hour and speed.

    Returns:
        the lesson, and the recipes of the teacher's embeddings
    """
    training: list[Heard] = []
    held_out: list[Heard] = []
    recipes = []
    paths = {u.id: u.audio for u in corpus.utterances}
    for speed in plan.speeds:
        sped = Sped(encoder, speed)
        found = teacher_cache.embed(
            corpus, plan.teacher, plan.machine, plan.cache, sped, say
        )
        recipes.append(found.recipe.text())
        learnt, kept = teacher_cache.divide(
            found.ids, plan.held_out, plan.schedule.seed
        )
        kept = kept if speed == plan.speeds[0] else []  # once is enough
        for part, places in ((training, learnt), (held_out, kept)):
            for i in places:
                part.append(_heard(paths[found.ids[i]], speed, found.vector(i), plan))
    student = build(plan.size)
    grid = FrameGrid(
        hop=encoder.hop,
        centre=(encoder.window - 1) / 2,
        student_hop=math.prod(STRIDES),
        student_window=window(),
    )
    made = SpeechLesson(
        student,
        training,
        held_out,
        grid=grid,
        batch=plan.batch,
        device=plan.machine.device,
    )
    return made, recipes


def _heard(
    path: Path | None, speed: float, frames: np.ndarray, plan: DistillationPlan
) -> Heard:
    assert path is not None  # `find` gives files only
    samples = decoder_pool.load(path, longest=plan.machine.longest).samples
    return Heard(at_speed(samples, speed), frames)


def files(lesson: SpeechLesson) -> dict[str, bytes]:
    """What stands beside configuration and weights."""
    text = Wav2Vec2FeatureExtractor(
        feature_size=1, sampling_rate=SAMPLE_RATE, do_normalize=True
    ).to_json_string()
    return {"preprocessor_config.json": text.encode()}

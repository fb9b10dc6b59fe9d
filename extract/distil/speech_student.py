"""Distillation of a small Wav2Vec2 from the frames of a larger speech encoder.

Targets are the teacher's hidden states, standardised, at the times of the student's
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
from affuse.extract.audio import decoder_pool
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.audio.sound_suffixes import SUFFIXES, is_sound_name
from affuse.extract.audio.waveform_standardisation import standardise
from affuse.extract.distil import teacher_cache
from affuse.extract.distil.distillation_plan import DistillationPlan
from affuse.extract.distil.front_end import STRIDES, build, window
from affuse.extract.distil.recording_views import (
    FrameGrid,
    RecordingView,
    SpeedChangingEncoder,
    change_speed,
    disturb,
    interpolate,
)
from affuse.extract.distil.student_size import StudentSize
from affuse.extract.encoding.protocol import SpeechEncoder

MODALITY = "audio"
SIZE = StudentSize(layers=4, width=192, heads=4)
STEPS, RATE, BATCH = 3_000, 1.5e-3, 16  # recordings in a batch
POOLING = "frames"
SPEEDS = (0.8, 1.0, 1.25)  # factors; all recordings are used at each speed
SEGMENT_SECONDS = 4.0  # seconds of a training segment
POOLED_WEIGHT = 0.5  # weight of the pooled term in the loss


def find(paths: Sequence[Path]) -> Corpus:
    """Return a corpus of audio files, including all below folders.

    Args:
        paths: files and folders

    Raises:
        AffuseError: if a path does not exist, or there is no sound file
    """
    if absent := [path for path in paths if not path.exists()]:
        raise AffuseError(f"--data {absent[0]} not found")
    files = [f for p in paths for f in (sorted(p.rglob("*")) if p.is_dir() else [p])]
    files = [f for f in dict.fromkeys(files) if is_sound_name(f.name)]
    if not files:
        raise AffuseError(
            f"no sound file in --data {', '.join(map(str, paths))}: give "
            f"{', '.join(SUFFIXES)} files, or folders of them"
        )
    utterances = tuple(Utterance(id=f"{i:06d}", audio=f) for i, f in enumerate(files))
    return Corpus("distil-audio", paths[0], utterances, None, "official")


class SpeechImitation(nn.Module):
    """Student with a linear map to each layer of the teacher."""

    def __init__(self, student: Wav2Vec2Model, layers: int, dim: int):
        super().__init__()
        self.student = student
        self.maps = nn.Linear(student.config.hidden_size, layers * dim)
        self.shape = (layers, dim)

    def forward(self, samples: Tensor) -> Tensor:
        """Return the imitated frames of the teacher for samples, (n, samples).

        Returns:
            (n, steps, layers, dim)
        """
        hidden = self.student(samples).last_hidden_state
        imitation: Tensor = self.maps(hidden).unflatten(-1, self.shape)
        return imitation


class SpeechTask:
    """Task of a speech student: random segments, with the teacher's frames as targets.

    Segments are drawn from recordings in proportion to their length.
    """

    def __init__(
        self,
        student: Wav2Vec2Model,
        training: Sequence[RecordingView],
        held_out: Sequence[RecordingView],
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
            int(SEGMENT_SECONDS * SAMPLE_RATE) - grid.student_window
        ) // grid.student_hop + 1
        self.size = grid.student_window + (self.steps - 1) * grid.student_hop  # samples
        lengths = np.array([max(1.0, len(h.samples)) for h in training])
        self.chance = lengths / lengths.sum()
        self.held_out_segments = [self._piece(h, 0, None) for h in held_out]

    def _piece(
        self, view: RecordingView, begin: int, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a segment, (samples,), and scaled targets, (steps, layers, dim)."""
        places = self.grid.teacher_indices(begin, self.steps)
        samples = view.samples[begin : begin + self.size]
        if len(samples) < self.size:  # a short recording is repeated
            samples = np.resize(samples, self.size)
            places %= len(view.samples) / self.grid.hop
        targets = self.scaling(interpolate(view.frames, places))
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
        """Return L1 and cosine loss of frames, plus L1 of their mean and deviation."""
        chosen = rng.choice(len(self.training), self.batch, p=self.chance)
        pieces = []
        for place in chosen:
            view = self.training[place]
            latest = max(0, len(view.samples) - self.size)
            pieces.append(self._piece(view, int(rng.integers(latest + 1)), rng))
        student, teacher = self._batch(pieces)
        pooled = functional.l1_loss(
            student.mean(1), teacher.mean(1)
        ) + functional.l1_loss(student.std(1), teacher.std(1))
        cosine = functional.cosine_similarity(student, teacher, dim=-1).mean()
        return (
            functional.l1_loss(student, teacher) + (1 - cosine) + POOLED_WEIGHT * pooled
        )

    @torch.no_grad()
    def cosine(self) -> float:
        """Return the mean cosine over the first segments of held-out recordings."""
        cosines = []
        for i in range(0, len(self.held_out_segments), self.batch):
            pair = self._batch(self.held_out_segments[i : i + self.batch])
            cosines.append(functional.cosine_similarity(*pair, dim=-1).mean((1, 2)))
        return torch.cat(cosines).mean().item()


def _sample(training: Sequence[RecordingView]) -> np.ndarray:
    """Return about 100,000 frames of all recordings, (n, layers, dim), for scaling."""
    step = max(1, sum(len(h.frames) for h in training) // 100_000)
    return np.concatenate([h.frames[::step] for h in training])


def make_task(
    plan: DistillationPlan,
    corpus: Corpus,
    encoder: SpeechEncoder,
    say: Callable[[str], object],
) -> tuple[SpeechTask, list[str]]:
    """Return the task of a new student, after encoding all recordings at all speeds.

    Samples and frames are held in memory: about 0.5 GB for each hour and speed, with
    two layers of Whisper tiny.

    Args:
        plan: of the distillation
        corpus: of recordings, as `find` returns it
        encoder: the teacher
        say: called with messages

    Returns:
        the task, and the recipes of the teacher's embeddings
    """
    training: list[RecordingView] = []
    held_out: list[RecordingView] = []
    recipes = []
    paths = {u.id: u.audio for u in corpus.utterances}
    for speed in plan.speeds:
        teacher = SpeedChangingEncoder(encoder, speed)
        embeddings = teacher_cache.embed(
            corpus, plan.teacher, plan.machine, plan.cache, teacher, say
        )
        recipes.append(embeddings.recipe.text())
        training_rows, held_out_rows = teacher_cache.divide(
            embeddings.ids, plan.held_out, plan.schedule.seed
        )
        if speed != plan.speeds[0]:
            held_out_rows = []  # evaluate held-out recordings at the first speed only
        for part, places in ((training, training_rows), (held_out, held_out_rows)):
            for i in places:
                part.append(
                    _view(paths[embeddings.ids[i]], speed, embeddings.vector(i), plan)
                )
    student = build(plan.size)
    grid = FrameGrid(
        hop=encoder.hop,
        centre=(encoder.window - 1) / 2,
        student_hop=math.prod(STRIDES),
        student_window=window(),
    )
    task = SpeechTask(
        student,
        training,
        held_out,
        grid=grid,
        batch=plan.batch,
        device=plan.machine.device,
    )
    return task, recipes


def _view(
    path: Path | None, speed: float, frames: np.ndarray, plan: DistillationPlan
) -> RecordingView:
    assert path is not None  # `find` returns files only
    samples = decoder_pool.load(path, longest=plan.machine.longest).samples
    return RecordingView(change_speed(samples, speed), frames)


def files(task: SpeechTask) -> dict[str, bytes]:
    """Return the files of a checkpoint besides configuration and weights, by name."""
    text = Wav2Vec2FeatureExtractor(
        feature_size=1, sampling_rate=SAMPLE_RATE, do_normalize=True
    ).to_json_string()
    return {"preprocessor_config.json": text.encode()}

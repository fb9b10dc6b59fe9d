"""Distillation of a small DistilBERT from a text encoder's mean-pooled embeddings.

Its token embeddings are initialised with the teacher's, projected on their principal
components.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import DistilBertConfig, DistilBertModel, DistilBertTokenizer

from affuse.data.errors import AffuseError
from affuse.data.records import Corpus, Utterance
from affuse.data.system.regular_files import TABLE, open_text
from affuse.extract.distil import teacher_cache, vocabulary
from affuse.extract.distil.distillation_plan import DistillationPlan
from affuse.extract.distil.student_size import StudentSize
from affuse.extract.encoders.distilbert import MAX_TOKENS
from affuse.extract.encoding.protocol import Encoder

MODALITY = "text"
SIZE = StudentSize(layers=2, width=256, heads=4, vocabulary=7_000)
STEPS, RATE, BATCH = 6_000, 1e-3, 128  # texts in a batch
POOLING = "mean"
SPEEDS = ()  # for speech only
POOL = 16  # batches whose texts are drawn and sorted together, to need less padding
DEVIATION = 0.05  # standard deviation of the initial token embeddings


def find(paths: Sequence[Path]) -> Corpus:
    """Return a corpus of the distinct lines of files and of ``.txt`` files in folders.

    Raises:
        AffuseError: if a path does not exist, is a pipe or a device, is not UTF-8, or
            there is no text
    """
    if absent := [path for path in paths if not path.exists()]:
        raise AffuseError(f"--data {absent[0]} not found")
    origins: dict[str, str] = {}
    for number, file in enumerate(_files(paths)):
        for line, text in enumerate(_lines(file), 1):
            if text.strip():
                origins.setdefault(text.strip(), f"{number}-{line}")
    if not origins:
        raise AffuseError(
            f"no text in --data {', '.join(map(str, paths))}: give .txt files, one "
            f"text a line, or folders of them"
        )
    utterances = tuple(
        Utterance(id=place, text=text) for text, place in origins.items()
    )
    return Corpus("distil-text", paths[0], utterances, None, "official")


def _files(paths: Sequence[Path]) -> list[Path]:
    folders = [sorted(p.rglob("*.txt")) if p.is_dir() else [p] for p in paths]
    return list(dict.fromkeys(file for files in folders for file in files))


def _lines(file: Path) -> list[str]:
    try:
        with open_text(file, limit=TABLE, encoding="utf-8", newline=None) as source:
            return source.read().split("\n")
    except UnicodeDecodeError as error:
        raise AffuseError(f"{file} is not UTF-8 text; convert it first") from error


@dataclass(frozen=True)
class Student:
    """Student model and its tokenizer."""

    model: DistilBertModel
    tokenizer: DistilBertTokenizer


def build(size: StudentSize, texts: Sequence[str], encoder: Encoder) -> Student:
    """Return a student with token embeddings from the teacher, otherwise random.

    Args:
        size: of the student
        texts: the training data, from which the vocabulary is chosen
        encoder: the teacher
    """
    words = vocabulary.count_words(texts)

    def pieces_of(word: str) -> list[int]:
        return [int(i) for i in encoder.prepare(word).blocks[0][1:-1]]

    def rank(word: str) -> int | None:
        ids = pieces_of(word)
        return ids[0] if len(ids) == 1 else None

    pieces = vocabulary.choose(words, size.vocabulary, rank)
    config = DistilBertConfig(
        vocab_size=len(pieces),
        dim=size.width,
        n_layers=size.layers,
        n_heads=size.heads,
        hidden_dim=4 * size.width,
        max_position_embeddings=MAX_TOKENS,
        dropout=0.0,
        attention_dropout=0.0,
    )
    model = DistilBertModel(config)
    teacher_ids = [pieces_of(piece.removeprefix("##")) for piece in pieces]
    with torch.no_grad():
        _initialise(model, encoder, teacher_ids)
    return Student(model, vocabulary.tokenizer(pieces))


def _initialise(
    model: DistilBertModel, encoder: Encoder, teacher_ids: Sequence[Sequence[int]]
) -> None:
    """Set token embeddings from the mean of the teacher's for the same characters."""
    table = encoder.checkpoint.model.get_input_embeddings().weight.float().cpu()
    means = torch.stack([table[list(ids) or [0]].mean(0) for ids in teacher_ids])
    means -= means.mean(0)
    basis = torch.linalg.svd(means, full_matrices=False).Vh[: model.config.dim]
    weights = model.embeddings.word_embeddings.weight
    scores = means @ basis.T
    weights[:, : len(basis)] = DEVIATION * scores / scores.std()


class TextImitation(nn.Module):
    """Student with a linear map to each layer of the teacher."""

    def __init__(self, student: DistilBertModel, layers: int, dim: int):
        super().__init__()
        self.student = student
        self.maps = nn.Linear(student.config.dim, layers * dim)
        self.shape = (layers, dim)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return the imitated embeddings, (n, layers, dim), of ids, (n, tokens)."""
        hidden = self.student(tokens, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        imitation: Tensor = self.maps(pooled).unflatten(-1, self.shape)
        return imitation


class TextTask:
    """Task of a text student: random texts with the teacher's embeddings as targets."""

    def __init__(
        self,
        student: Student,
        texts: Sequence[str],
        values: np.ndarray,
        *,
        training: np.ndarray,
        held_out: np.ndarray,
        batch: int,
        device: str,
    ):
        """Tokenise texts, (n,), with values of the teacher, (n, layers, dim)."""
        self.scaling = teacher_cache.Scaling.fit(values[training])
        self.values, self.batch, self.device = values, batch, device
        self.training, self.held_out = training, held_out
        self.network = TextImitation(student.model, *values.shape[1:]).to(device)
        self.student, self.tokenizer = student.model, student.tokenizer
        self.padding = self.tokenizer.pad_token_id
        ids = self.tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)
        self.tokens = [torch.tensor(token_ids) for token_ids in ids["input_ids"]]

    def _pair(self, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the embeddings of texts by student and teacher, (n, layers, dim)."""
        tokens = [self.tokens[i] for i in chosen]
        padded = pad_sequence(tokens, batch_first=True, padding_value=self.padding)
        mask = (padded != self.padding).long()
        student = self.network(padded.to(self.device), mask.to(self.device))
        teacher = torch.from_numpy(self.scaling(self.values[chosen]))
        return student, teacher.to(self.device)

    def loss(self, rng: np.random.Generator) -> Tensor:
        """Return L1 and cosine loss of texts of similar length."""
        candidates = rng.choice(
            self.training, min(POOL * self.batch, len(self.training))
        )
        ordered = candidates[
            np.argsort([len(self.tokens[i]) for i in candidates], kind="stable")
        ]
        begin = rng.integers(max(1, len(ordered) - self.batch + 1))
        student, teacher = self._pair(ordered[begin : begin + self.batch])
        cosine = functional.cosine_similarity(student, teacher, dim=-1).mean()
        return functional.l1_loss(student, teacher) + (1 - cosine)

    @torch.no_grad()
    def cosine(self) -> float:
        """Return the mean cosine over layers and held-out texts."""
        order = np.argsort([len(self.tokens[i]) for i in self.held_out], kind="stable")
        cosines = [
            functional.cosine_similarity(*self._pair(chosen), dim=-1).mean(1)
            for chosen in np.array_split(
                self.held_out[order], max(1, len(order) // self.batch)
            )
        ]
        return torch.cat(cosines).mean().item()


def make_task(
    plan: DistillationPlan,
    corpus: Corpus,
    encoder: Encoder,
    say: Callable[[str], object],
) -> tuple[TextTask, list[str]]:
    """Return the task of a new student, after encoding all texts with the teacher.

    Args:
        plan: of the distillation
        corpus: of texts, as `find` returns it
        encoder: the teacher
        say: called with messages

    Returns:
        the task, and the recipes of the teacher's embeddings
    """
    embeddings = teacher_cache.embed(
        corpus, plan.teacher, plan.machine, plan.cache, encoder, say
    )
    by_id = {u.id: u.text or "" for u in corpus.utterances}
    texts = [by_id[i] for i in embeddings.ids]
    training, held_out = teacher_cache.divide(
        embeddings.ids, plan.held_out, plan.schedule.seed
    )
    student = build(plan.size, [texts[i] for i in training], encoder)
    return TextTask(
        student,
        texts,
        embeddings.values,
        training=np.array(training),
        held_out=np.array(held_out),
        batch=plan.batch,
        device=plan.machine.device,
    ), [embeddings.recipe.text()]


def files(task: TextTask) -> dict[str, bytes]:
    """Return the files of a checkpoint besides configuration and weights, by name."""
    with TemporaryDirectory() as folder:
        task.tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}

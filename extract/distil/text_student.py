"""A small DistilBERT that imitates the mean-pooled embeddings of a large text encoder.

Its token embeddings begin as the teacher's, projected on their principal components.
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
SPEEDS = ()  # of speech only
POOL = 16  # batches whose texts are sorted by length, so that little is padded
DEVIATION = 0.05  # of the first token embeddings


def find(paths: Sequence[Path]) -> Corpus:
    """Texts of files, or of all ``.txt`` files below folders, one a line, once each.

    Raises:
        AffuseError: if a path does not exist, is a pipe or a device, is not UTF-8, or
            there is no text
    """
    if absent := [path for path in paths if not path.exists()]:
        raise AffuseError(f"--data {absent[0]} not found")
    places: dict[str, str] = {}
    for number, file in enumerate(_files(paths)):
        for line, text in enumerate(_lines(file), 1):
            if text.strip():
                places.setdefault(text.strip(), f"{number}-{line}")
    if not places:
        raise AffuseError(
            f"no text in --data {', '.join(map(str, paths))}: give .txt files, one "
            f"text a line, or folders of them"
        )
    found = tuple(Utterance(id=place, text=text) for text, place in places.items())
    return Corpus("distil-text", paths[0], found, None, "official")


def _files(paths: Sequence[Path]) -> list[Path]:
    found = [sorted(p.rglob("*.txt")) if p.is_dir() else [p] for p in paths]
    return list(dict.fromkeys(file for files in found for file in files))


def _lines(file: Path) -> list[str]:
    try:
        with open_text(file, limit=TABLE, encoding="utf-8", newline=None) as opened:
            return opened.read().split("\n")
    except UnicodeDecodeError as error:
        raise AffuseError(f"{file} is not UTF-8 text; convert it first") from error


@dataclass(frozen=True)
class Student:
    """A model and its tokenizer."""

    model: DistilBertModel
    tokenizer: DistilBertTokenizer


def build(size: StudentSize, texts: Sequence[str], encoder: Encoder) -> Student:
    """A student that knows the teacher's words; all else is random.

    Args:
        texts: the training data, from which the vocabulary is chosen
        encoder: the teacher
    """
    words = vocabulary.count_words(texts)

    def pieces_of(word: str) -> list[int]:
        return [int(i) for i in encoder.prepare(word).blocks[0][1:-1]]

    def rank(word: str) -> int | None:
        found = pieces_of(word)
        return found[0] if len(found) == 1 else None

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
    known = [pieces_of(piece.removeprefix("##")) for piece in pieces]
    with torch.no_grad():
        _start(model, encoder, known)
    return Student(model, vocabulary.tokenizer(pieces))


def _start(
    model: DistilBertModel, encoder: Encoder, known: Sequence[Sequence[int]]
) -> None:
    """Token embeddings from the mean of the teacher's for the same characters."""
    table = encoder.checkpoint.model.get_input_embeddings().weight.float().cpu()
    means = torch.stack([table[list(ids) or [0]].mean(0) for ids in known])
    means -= means.mean(0)
    basis = torch.linalg.svd(means, full_matrices=False).Vh[: model.config.dim]
    mine = model.embeddings.word_embeddings.weight
    scores = means @ basis.T
    mine[:, : len(basis)] = DEVIATION * scores / scores.std()


class TextImitation(nn.Module):
    """The student, and a linear map to each layer of the teacher."""

    def __init__(self, student: DistilBertModel, layers: int, dim: int):
        super().__init__()
        self.student = student
        self.maps = nn.Linear(student.config.dim, layers * dim)
        self.shape = (layers, dim)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(n, tokens) ids and 1 where there is one -> (n, layers, dim), imitated"""
        hidden = self.student(tokens, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        found: Tensor = self.maps(pooled).unflatten(-1, self.shape)
        return found


class TextLesson:
    """Random texts, and the teacher's mean-pooled layers of them."""

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
        """(n,) texts, and (n, layers, dim) of the teacher in the same order."""
        self.scaling = teacher_cache.Scaling.fit(values[training])
        self.values, self.batch, self.device = values, batch, device
        self.training, self.held_out = training, held_out
        self.network = TextImitation(student.model, *values.shape[1:]).to(device)
        self.student, self.tokenizer = student.model, student.tokenizer
        self.padding = self.tokenizer.pad_token_id
        ids = self.tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)
        self.tokens = [torch.tensor(found) for found in ids["input_ids"]]

    def _pair(self, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
        """What student and teacher make of these texts: (n, layers, dim) each."""
        tokens = [self.tokens[i] for i in chosen]
        padded = pad_sequence(tokens, batch_first=True, padding_value=self.padding)
        mask = (padded != self.padding).long()
        found = self.network(padded.to(self.device), mask.to(self.device))
        wanted = torch.from_numpy(self.scaling(self.values[chosen]))
        return found, wanted.to(self.device)

    def loss(self, rng: np.random.Generator) -> Tensor:
        """L1 and cosine, of texts of about equal length."""
        several = rng.choice(self.training, min(POOL * self.batch, len(self.training)))
        ordered = several[
            np.argsort([len(self.tokens[i]) for i in several], kind="stable")
        ]
        begin = rng.integers(max(1, len(ordered) - self.batch + 1))
        found, wanted = self._pair(ordered[begin : begin + self.batch])
        cosine = functional.cosine_similarity(found, wanted, dim=-1).mean()
        return functional.l1_loss(found, wanted) + (1 - cosine)

    @torch.no_grad()
    def cosine(self) -> float:
        """Mean over layers and held-out texts."""
        order = np.argsort([len(self.tokens[i]) for i in self.held_out], kind="stable")
        found = [
            functional.cosine_similarity(*self._pair(chosen), dim=-1).mean(1)
            for chosen in np.array_split(
                self.held_out[order], max(1, len(order) // self.batch)
            )
        ]
        return torch.cat(found).mean().item()


def lesson(
    plan: DistillationPlan,
    corpus: Corpus,
    encoder: Encoder,
    say: Callable[[str], object],
) -> tuple[TextLesson, list[str]]:
    """The teacher's layers of every text, and a new student.

    Returns:
        the lesson, and the recipes of the teacher's embeddings
    """
    found = teacher_cache.embed(
        corpus, plan.teacher, plan.machine, plan.cache, encoder, say
    )
    by_id = {u.id: u.text or "" for u in corpus.utterances}
    texts = [by_id[i] for i in found.ids]
    training, held_out = teacher_cache.divide(
        found.ids, plan.held_out, plan.schedule.seed
    )
    student = build(plan.size, [texts[i] for i in training], encoder)
    return TextLesson(
        student,
        texts,
        found.values,
        training=np.array(training),
        held_out=np.array(held_out),
        batch=plan.batch,
        device=plan.machine.device,
    ), [found.recipe.text()]


def files(lesson: TextLesson) -> dict[str, bytes]:
    """What stands beside configuration and weights: the tokenizer."""
    with TemporaryDirectory() as folder:
        lesson.tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}

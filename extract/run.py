"""Stage one: every utterance of a corpus through one encoder, into parts of the cache.

The parts of a cache are planned from the lengths of the inputs alone, so a repeated
command plans the same parts, skips those that are there and makes the rest. Nothing but
the part being built is ever lost.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from data import parts, plugins, store
from data.files import claim
from data.progress import bar
from data.recipe import Recipe
from data.utterance import Corpus, Problem
from extract import batches, sources
from extract.build import Builder, Known
from extract.choice import Choice, Machine
from extract.encoder import Encoder
from extract.encoders._checkpoint import TINY
from extract.sources import Source

PART_ROWS = {"audio": 256, "text": 1024}  # utterances; what a kill may cost
UNITS = {"audio": "audio-s", "text": "char"}  # of the progress bar
PACKAGES = ("torch", "transformers", "h5py", "numpy", "soundfile", "librosa")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What one extraction did."""

    folder: Path
    utterances: int  # in the cache now
    encoded: float  # seconds of audio or characters encoded by this call
    elapsed: float  # seconds
    problems: tuple[Problem, ...]


def extract(corpus: Corpus, choice: Choice, machine: Machine, cache: Path) -> Outcome:
    """Encode one modality of a corpus, or what is still missing of it.

    Args:
        corpus: as its reader gave it
        choice: encoder, checkpoint, layers and pooling
        machine: device, threads and sizes of batches
        cache: the folder of all caches

    Raises:
        ValueError: if the checkpoint cannot be loaded, or there is nothing to encode
    """
    encoder = load(choice, machine)
    found, problems = sources.find(
        corpus,
        choice.modality,
        limit=machine.limit,
        threads=machine.threads,
        progress=machine.progress,
    )
    if not found:
        raise ValueError(
            f"corpus '{corpus.name}' has no {choice.modality} to encode in "
            f"{corpus.root}" + (f": {problems[0].reason}" if problems else "")
        )
    recipe = make_recipe(corpus, choice, encoder, sources.digest(found))
    folder = cache / corpus.name / recipe.folder()
    began = time.monotonic()
    encoded = _fill(folder, recipe, found, encoder, Builder(corpus.root, machine))
    elapsed = time.monotonic() - began
    made = store.look(folder)
    if made is None:
        raise ValueError(f"{folder} was removed while it was being filled")
    kept = [p for number in made.present for p in _problems(folder, number, recipe)]
    return Outcome(folder, made.rows, encoded, elapsed, (*problems, *kept))


def load(choice: Choice, machine: Machine) -> Encoder:
    """The encoder that was chosen, with its weights, on the device."""
    module = plugins.load("extract.encoders", choice.encoder)
    if module.MODALITY != choice.modality:
        raise ValueError(
            f"encoder '{choice.encoder}' takes {module.MODALITY}, not {choice.modality}"
        )
    options = {
        "layers": choice.layers,
        "device": machine.device,
        "dtype": choice.dtype,
        **choice.options,
    }
    if choice.checkpoint == TINY and choice.head:
        raise ValueError(f"the checkpoint '{TINY}' has no head; leave out --head")
    if choice.checkpoint == TINY:
        encoder: Encoder = module.Encoder.tiny(**options)
        return encoder
    encoder = module.Encoder.pretrained(
        choice.checkpoint or module.CHECKPOINT,
        revision=choice.revision,
        head=choice.head,
        **options,
    )
    return encoder


def make_recipe(
    corpus: Corpus, choice: Choice, encoder: Encoder, content: str
) -> Recipe:
    """Everything that these embeddings depend on."""
    origin = encoder.checkpoint
    return Recipe(
        corpus=corpus.name,
        content=content,
        modality=choice.modality,
        encoder=choice.encoder,
        checkpoint=origin.name,
        revision=origin.revision,
        weights=origin.weights,
        layers=encoder.layers,
        pooling=choice.pooling,
        dtype=choice.dtype,
        storage="float16" if choice.pooling == "frames" else "float32",
        inputs=encoder.inputs,
        head=encoder.head,
    )


def _fill(
    folder: Path, recipe: Recipe, found: list[Source], encoder: Encoder, build: Builder
) -> float:
    """Make the parts that are missing; return seconds or characters encoded."""
    plan = batches.parts(
        [s.size for s in found],
        [s.utterance.id for s in found],
        rows=PART_ROWS[recipe.modality],
    )
    versions = {name: _version(name) for name in PACKAGES}
    known = Known(folder, recipe)
    encoded = 0.0
    with bar(
        total=sum(s.size for s in found),
        name=recipe.modality,
        unit=UNITS[recipe.modality],
        show=build.machine.progress,
    ) as progress:
        for number in _missing(folder, len(plan)):
            rows = [found[i] for i in plan[number]]
            part = build(rows, encoder, recipe, known, progress.update)
            path = parts.part_path(folder, number)
            parts.write(path, part, recipe=recipe, parts=len(plan), versions=versions)
            encoded += sum(s.size for s in rows if s.content not in known)
    return encoded


def _missing(folder: Path, count: int) -> Iterator[int]:
    """Numbers of the parts to make, each claimed while it is being made.

    Parts that another process is making are waited for at the end, and made here if
    that process died.
    """
    done: set[int] = set()
    for wait in (False, True):
        for number in sorted(set(range(count)) - done):
            with claim(folder / f".part-{number:05d}.lock", wait=wait) as mine:
                if not mine:
                    continue
                done.add(number)
                if not _whole(parts.part_path(folder, number)):
                    yield number


def _whole(path: Path) -> bool:
    """Whether a part is there and undamaged; damage is said and mended."""
    if not path.is_file():
        return False
    try:
        parts.check(path)
    except ValueError as error:
        log.warning("%s; extracting this part anew", error)
        return False
    return True


def _problems(folder: Path, number: int, recipe: Recipe) -> list[Problem]:
    return parts.read(parts.part_path(folder, number), recipe)[1]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""

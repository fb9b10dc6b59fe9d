"""Load a Hugging Face checkpoint whole, and say exactly which one it was."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging

from affuse.data.cache import fold_encoders, training_data
from affuse.data.errors import AffuseError, OptionError
from affuse.extract.checkpoints import folder_examination
from affuse.extract.checkpoints.construction_bounds import bounded
from affuse.extract.checkpoints.library_failures import reason, told

TINY = "tiny"  # seeded random weights: for tests and for trying commands
MINI = "mini"  # small students that come with the project, one for each modality
BUNDLED = Path(__file__).resolve().parent.parent / "mini"
SHORT = {  # names that are typed often
    "audeering": "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim",
    "distilbert": "distilbert-base-uncased",
}
FILES = ("*.json", "*.txt", "*.model")  # configuration and vocabulary
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")  # the first that there are
HEAD = "classifier."  # where tensors of a regression head are, see `_head`
UNUSED = {"masked_spec_embed", "pooler"}  # of training only, or never asked for


@dataclass(frozen=True)
class Origin:
    """Where a checkpoint came from."""

    folder: Path
    name: str  # on the hub, or the folder's own name
    revision: str = ""  # commit on the hub; "" for a folder of one's own


@dataclass(frozen=True)
class Checkpoint:
    """A model and where it came from."""

    model: Any  # a transformers model
    name: str  # on the hub, or the folder's own name
    revision: str  # commit that was loaded; "" for a folder
    weights: str  # digest of the tensors that are used
    training: Mapping[str, Any] = field(
        default_factory=dict
    )  # see `affuse.data.cache.training_data`

    def of(self, part: nn.Module) -> "Checkpoint":
        """The same origin, for a part of the model."""
        return replace(self, model=part)


def find(checkpoint: str, revision: str, modality: str) -> Origin:
    """Find a folder, or fetch from the hub what has not been fetched before.

    Args:
        checkpoint: name on the hub, one of `SHORT`, `MINI`, or a local folder
        revision: commit, tag or branch on the hub; ``""`` for the newest
        modality: which of the bundled encoders `MINI` is

    Raises:
        AffuseError: if there is no such folder, or the hub cannot be reached or does
            not know it
    """
    bundled = checkpoint == MINI
    folder = BUNDLED / modality if bundled else Path(os.path.expanduser(checkpoint))
    if bundled and not folder.is_dir():
        raise AffuseError(
            f"no encoder of {modality} comes with this project, so '{MINI}' is none; "
            f"name another checkpoint"
        )
    if folder.is_dir() and revision:
        raise AffuseError(
            f"--revision {revision} does not apply to the local folder {folder}; "
            f"leave it out"
        )
    if folder.is_dir():
        return Origin(folder, MINI if bundled else folder.resolve().name)
    checkpoint = SHORT.get(checkpoint, checkpoint)
    if checkpoint.startswith((".", "/", "~")) or checkpoint.count("/") > 1:
        raise AffuseError(f"checkpoint folder {checkpoint} not found")
    folder = _fetch(checkpoint, revision)
    return Origin(folder, checkpoint, folder.name)


def _fetch(name: str, revision: str) -> Path:
    """The local copy of a hub checkpoint, with weights in one format only."""
    for weights in WEIGHTS:
        try:
            found = snapshot_download(
                name, revision=revision or None, allow_patterns=[*FILES, weights]
            )
        except Exception as error:  # the hub's library raises nearly every kind
            unreached = isinstance(error, LocalEntryNotFoundError)
            why = "the hub cannot be reached" if unreached else reason(error)
            raise AffuseError(
                f"cannot fetch the checkpoint {name!r}: {why}; give the folder of a "
                f"checkpoint (config.json and its weights), or '{MINI}' for the small "
                f"encoder that comes with this project"
            ) from error
        if any(Path(found).glob(weights)):
            break
    return Path(found)


def config(origin: Origin) -> dict[str, Any]:
    """What ``config.json`` says; nothing if it is missing or damaged."""
    try:
        return folder_examination.config(origin.folder)
    except (OSError, AffuseError):
        return {}  # whoever loads the model says what is wrong


def kind(origin: Origin) -> str:
    """The model type of a checkpoint, such as ``wav2vec2``; ``""`` if unknown."""
    return str(config(origin).get("model_type", ""))


def load(origin: Origin, *, headed: Any = None) -> Checkpoint:
    """Load a model in float32, every tensor of it from the checkpoint.

    Args:
        origin: as `find` gave it
        headed: class of a model with a regression head, if that is wanted

    Raises:
        AffuseError: if it is damaged, lacks tensors, is of an unknown kind, or asks
            for more than its files hold
    """
    with told(f"cannot load the checkpoint {origin.name!r} from {origin.folder}"):
        stored = folder_examination.examine(origin.folder)
        with quiet(), bounded(stored):
            model, report = (headed or AutoModel).from_pretrained(
                origin.folder,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,  # they are in the report
                trust_remote_code=False,
                output_loading_info=True,
            )
    absent = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    absent = {key for key in absent if not _unused(key)}
    if absent:
        raise AffuseError(
            f"checkpoint {origin.name!r} lacks {len(absent)} tensors that "
            f"{type(model).__name__} needs, or has them in other shapes, first "
            f"{min(absent)!r}; "
            + (
                "it has no such head: leave out --head"
                if all(key.startswith(HEAD) for key in absent)
                else "it is made for another architecture, or incomplete"
            )
        )
    tensors = {k: t for k, t in model.state_dict().items() if not _unused(k)}
    return Checkpoint(
        model.eval(),
        origin.name,
        origin.revision,
        digest(tensors),
        {**training_data.read(origin.folder), **fold_encoders.told(origin.folder)},
    )


@contextmanager
def quiet() -> Iterator[None]:
    """No report of unused heads, which would fill the screen, and no bar.

    Bars come back, for they are those of downloads as well.
    """
    logging.set_verbosity_error()
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if bars:
            logging.enable_progress_bar()


def digest(tensors: dict[str, Tensor]) -> str:
    """Sixteen hexadecimal digits of all tensors, whatever file they came in."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().float().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def random_checkpoint(model: Callable[[], nn.Module]) -> Checkpoint:
    """Return a model of seeded random weights under the name `TINY`.

    Args:
        model: makes it; the random state of torch is as before afterwards
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = model()
    return Checkpoint(made, TINY, "", digest(made.state_dict()))


def choose_layers(wanted: str, top: int, name: str) -> tuple[int, ...]:
    """Layer numbers from ``last``, ``all`` or a list such as ``0,6,12``.

    Errors do not name the option, which is --layers of extract, and --teacher-layers of
    distil, where --layers is of the student.

    Args:
        wanted: as typed
        top: number of transformer blocks; the highest layer that can be asked for
        name: of the checkpoint, for the error

    Raises:
        OptionError: if a number is none, or out of range

    Examples:
        >>> choose_layers("last", 6, "mini"), choose_layers("3,1", 6, "mini")
        ((6,), (1, 3))
    """
    if wanted == "last":
        return (top,)
    if wanted == "all":
        return tuple(range(top + 1))
    try:
        layers = sorted({int(number) for number in wanted.split(",")})
    except ValueError:
        layers = [-1]
    if layers[0] < 0 or layers[-1] > top:
        raise OptionError(
            f"layers {wanted!r}: {name} has those from 0 (what enters the first block) "
            f"to {top} (what leaves the last); say last, all, or numbers of them, as "
            f"in 0,{top}"
        )
    return tuple(layers)


def _unused(key: str) -> bool:
    return not UNUSED.isdisjoint(key.split("."))

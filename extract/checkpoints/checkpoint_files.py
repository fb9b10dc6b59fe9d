"""Loading of complete Hugging Face checkpoints, with name, revision and digest."""

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

TINY = "tiny"  # seeded random weights, for tests and for trying commands
MINI = "mini"  # small students that come with the project, one for each modality
BUNDLED = Path(__file__).resolve().parent.parent / "mini"
SHORT = {  # short name on the command line -> name on the hub
    "audeering": "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim",
    "distilbert": "distilbert-base-uncased",
}
FILES = ("*.json", "*.txt", "*.model")  # configuration and vocabulary
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")  # in order of preference
HEAD = "classifier."  # prefix of the tensors of a regression head
UNUSED = {"masked_spec_embed", "pooler"}  # parts that encoding does not use


@dataclass(frozen=True)
class Origin:
    """Source of a checkpoint: its local folder, name and revision."""

    folder: Path
    name: str  # on the hub, or that of the folder
    revision: str = ""  # commit on the hub; "" for a user's folder


@dataclass(frozen=True)
class Checkpoint:
    """Model with the name, revision and digest of its checkpoint."""

    model: Any  # a transformers model
    name: str  # on the hub, or that of the folder
    revision: str  # commit that was loaded; "" for a folder
    weights: str  # digest of the tensors that are used
    # Training data, see `affuse.data.cache.training_data`.
    training: Mapping[str, Any] = field(default_factory=dict)

    def of(self, part: nn.Module) -> "Checkpoint":
        """Return a checkpoint of the same origin with a part of the model."""
        return replace(self, model=part)


def find(checkpoint: str, revision: str, modality: str) -> Origin:
    """Return the local folder of a checkpoint, downloading it if it is not cached.

    Args:
        checkpoint: name on the hub, one of `SHORT`, `MINI`, or a local folder
        revision: commit, tag or branch on the hub; ``""`` for the newest
        modality: selects the bundled encoder for `MINI`

    Raises:
        AffuseError: if there is no such folder, the modality has no bundled encoder,
            the hub cannot be reached, or it does not have the checkpoint
    """
    bundled = checkpoint == MINI
    folder = BUNDLED / modality if bundled else Path(os.path.expanduser(checkpoint))
    if bundled and not folder.is_dir():
        raise AffuseError(
            f"this project has no small encoder for {modality}, so '{MINI}' does not "
            f"exist; name another checkpoint"
        )
    if folder.is_dir() and revision:
        advice = f"does not apply to the local folder {folder}; leave it out"
        raise AffuseError(f"--revision {revision} {advice}")
    if folder.is_dir():
        return Origin(folder, MINI if bundled else folder.resolve().name)
    checkpoint = SHORT.get(checkpoint, checkpoint)
    if checkpoint.startswith((".", "/", "~")) or checkpoint.count("/") > 1:
        raise AffuseError(f"checkpoint folder {checkpoint} not found")
    folder = _fetch(checkpoint, revision)
    return Origin(folder, checkpoint, folder.name)


def _fetch(name: str, revision: str) -> Path:
    """Return the local copy of a hub checkpoint, with weights in one format only."""
    for weights in WEIGHTS:
        try:
            folder = snapshot_download(
                name, revision=revision or None, allow_patterns=[*FILES, weights]
            )
        except Exception as error:  # the hub's library raises many kinds of errors
            unreached = isinstance(error, LocalEntryNotFoundError)
            why = "the hub cannot be reached" if unreached else reason(error)
            raise AffuseError(
                f"cannot fetch the checkpoint {name!r}: {why}; give the folder of a "
                f"checkpoint (config.json and its weights), or '{MINI}' for the small "
                f"encoder that comes with this project"
            ) from error
        if any(Path(folder).glob(weights)):
            break
    return Path(folder)


def config(origin: Origin) -> dict[str, Any]:
    """Return the content of ``config.json``, or {} if it is missing or damaged."""
    try:
        return folder_examination.config(origin.folder)
    except (OSError, AffuseError):
        return {}  # loading the model reports the error


def kind(origin: Origin) -> str:
    """Return the model type of a checkpoint, such as ``wav2vec2``; "" if unknown."""
    return str(config(origin).get("model_type", ""))


def load(origin: Origin, *, headed: Any = None) -> Checkpoint:
    """Load a model in float32, with every tensor from the checkpoint.

    Args:
        origin: as `find` returns it
        headed: class of a model with a regression head; None for a model without it

    Raises:
        AffuseError: if the checkpoint is damaged, lacks tensors, is of an unknown
            kind, or its configuration describes a larger model than its files hold
    """
    with told(f"cannot load the checkpoint {origin.name!r} from {origin.folder}"):
        stored = folder_examination.examine(origin.folder)
        with quiet(), bounded(stored):
            model, report = (headed or AutoModel).from_pretrained(
                origin.folder,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,  # the report lists them
                trust_remote_code=False,
                output_loading_info=True,
            )
    missing = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    missing = {key for key in missing if not _unused(key)}
    if missing:
        raise AffuseError(
            f"checkpoint {origin.name!r} lacks {len(missing)} tensors that "
            f"{type(model).__name__} needs, or has them in other shapes, first "
            f"{min(missing)!r}; "
            + (
                "it has no such head: leave out --head"
                if all(key.startswith(HEAD) for key in missing)
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
    """Suppress transformers' report of unused tensors, and its progress bar.

    The progress bar is enabled again afterwards, because downloads use it too.
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
    """Return a digest of tensors that does not depend on their file format.

    Args:
        tensors: by name

    Returns:
        16 hexadecimal digits
    """
    hasher = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        hasher.update(f"{name} {tuple(tensor.shape)}".encode())
        hasher.update(tensor.detach().float().contiguous().numpy().tobytes())
    return hasher.hexdigest()[:16]


def random_checkpoint(model: Callable[[], nn.Module]) -> Checkpoint:
    """Return a model with seeded random weights as a checkpoint called `TINY`.

    Args:
        model: returns a new model; torch's random state is restored afterwards
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        random_model = model()
    return Checkpoint(random_model, TINY, "", digest(random_model.state_dict()))


def choose_layers(selection: str, top: int, name: str) -> tuple[int, ...]:
    """Return the layer numbers for ``last``, ``all`` or a list such as ``0,6,12``.

    Errors do not name an option, because extract and distil have different ones.

    Args:
        selection: as typed
        top: number of transformer blocks, which is the highest layer
        name: of the checkpoint, for the error

    Raises:
        OptionError: if `selection` is invalid, or a number is out of range

    Examples:
        >>> choose_layers("last", 6, "mini"), choose_layers("3,1", 6, "mini")
        ((6,), (1, 3))
    """
    if selection == "last":
        return (top,)
    if selection == "all":
        return tuple(range(top + 1))
    try:
        layers = sorted({int(number) for number in selection.split(",")})
    except ValueError:
        layers = [-1]
    if layers[0] < 0 or layers[-1] > top:
        raise OptionError(
            f"layers {selection!r}: {name} has layers from 0 (input of the first "
            f"block) to {top} (output of the last); choose last, all, or a list of "
            f"them, as in 0,{top}"
        )
    return tuple(layers)


def _unused(key: str) -> bool:
    """Return True if encoding does not use a tensor."""
    return not UNUSED.isdisjoint(key.split("."))

"""Heads that were trained together with their encoders: nothing is left to train.

`finetune` leaves one beside the encoders of a fold. It is a system of stage two, for
embeddings as stage one makes them with these encoders by default: the mean over time of
the last layer. Trained anew, a head sees embeddings of training utterances that their
encoders know by heart, and may trust them too much.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from affuse.data.cache import fold_encoders
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError, DamagedFileError, OptionError
from affuse.data.options.training_options import Train
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.finetuning_folder import FinetunedFold, HeadFolder
from affuse.data.system.documents import read_json
from affuse.data.system.schema import Number, Plain, Record, Text, Whole
from affuse.fuse import losses
from affuse.fuse import settings as stage_two
from affuse.fuse.inputs.chunks import through
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models import weight_files
from affuse.fuse.models.fitted import Epoch, Fitted, ccc
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.models.trainable.design_registry import code_difference
from affuse.fuse.settings import END_TO_END, Settings

ANYTHING = Plain(depth=6, most=1_000_000)
DEPTH = Whole(1, 1_000)  # layers of an encoder
CONFIG = Record({}, {"num_hidden_layers": DEPTH, "n_layers": DEPTH}, others=ANYTHING)
FACTS = Record(
    {
        "design": Text(200, least=1),
        "seed": Whole(),
        "validation_ccc": Record(
            {"fine-tuned": Record({"mean": Number(-1, 1)}, others=Number(-1, 1))},
            others=ANYTHING,
        ),
    },
    {"code": Text(200)},
    others=ANYTHING,
)
UNLIKE = 0.02  # of a validation CCC; half precision changes it by less


@dataclass(frozen=True)
class Heads:
    """Of the folds of one fine-tuning."""

    design: str
    seed: int
    settings: Settings
    folders: Mapping[str, Path]  # of each fold
    scores: Mapping[str, float]  # validation CCC of each fold, in the mean of ratings

    def fitted(
        self,
        fold: str,
        recipes: Mapping[str, Recipe],
        train: Rows,
        validation: Rows,
    ) -> Fitted:
        """The head of a fold; the rows only show how good it is.

        Args:
            recipes: of the embeddings, by modality

        Raises:
            AffuseError: if the head is damaged or missing, or was trained on other
                embeddings
        """
        folder = self._folder(fold)
        for modality, recipe in recipes.items():
            last = _depth(folder.parent / modality)
            _demand(recipe.pooling == "mean" and recipe.layers == (last,))
        system = self._system(folder, train).to(train.truth.device).eval()
        rated = through(system, train.features, train.numbers)
        loss = losses.loss(self.settings.loss, mix=self.settings.mix)
        lost = float(loss(rated, train.truth, None))
        said = through(system, validation.features, validation.numbers)
        scores = ccc(validation.truth, said, targets=validation.targets)
        found = Epoch(1, lost, 0.0, scores)
        _demand(abs(found.score - self.scores[fold]) <= UNLIKE)
        return Fitted(system, (found,))

    def _system(self, folder: Path, rows: Rows) -> nn.Module:
        try:
            state = weight_files.read(HeadFolder(folder).weights)
            return weight_files.restored(lambda: self._built(state, rows), state)
        except (OSError, DamagedFileError) as error:
            raise DamagedFileError(
                f"{folder} holds no head of the design '{self.design}': {error}; "
                f"fine-tune this fold again"
            ) from error

    def _built(self, state: weight_files.State, rows: Rows) -> System:
        """Build the system whose weights these are."""
        projections = {
            m: Projection(weight_files.size(state, f"projections.{m}.mean"))
            for m in rows.features
        }
        targets = len(rows.targets)
        return System(self.design, projections, targets=targets, settings=self.settings)

    def _folder(self, fold: str) -> Path:
        if fold not in self.folders:
            raise AffuseError(
                f"no head was fine-tuned for fold '{fold}', but for "
                f"{', '.join(self.folders)}; fine-tune it"
            )
        return self.folders[fold]


def _depth(encoder: Path) -> int:
    """Blocks of an encoder, which is the number of its last layer."""
    path = CheckpointFolder(encoder).configuration
    config = read_json(path, CONFIG, advice="fine-tune this fold again")
    depth = config.get("num_hidden_layers") or config.get("n_layers")
    if depth is None:
        raise DamagedFileError(f"{path} names no number of layers; fine-tune again")
    return int(depth)


def _demand(alike: bool) -> None:
    if not alike:
        raise AffuseError(
            "these are not the embeddings that the head was trained with; extract with "
            "the encoders of its fold, --layers last and --pooling mean"
        )


def chosen(settings: Settings, options: Train) -> Heads | None:
    """The heads that the options ask for; None for new ones.

    Args:
        settings: of the command line
        options: its options

    Raises:
        AffuseError: if no fine-tuning is named, its design is another, or as `find`
    """
    if settings.training != END_TO_END:
        return None
    if not (run := options.finetuned):
        raise OptionError(
            f"training='{END_TO_END}' takes the heads that were trained with their "
            f"encoders; name a fine-tuning: --finetuned finetuned/RUN"
        )
    own = find(run)
    if set(options.designs) != {own.design} or options.match_parameters:
        raise OptionError(
            f"the heads of {run} are of the design '{own.design}', as they are; type "
            f"--fusion {own.design}, without --match-parameters"
        )
    return own


def find(run: Path) -> Heads:
    """The heads that a fine-tuning left.

    Raises:
        FileNotFoundError: if no fold is finished
        AffuseError: if a file is damaged, folds were trained in different ways, or the
            code of the design has changed since
    """
    folders = {fold: run / fold for fold in fold_encoders.folds(run)}
    told = {fold: _facts(folder) for fold, folder in folders.items()}
    designs = {(design, seed) for design, seed, _ in told.values()}
    if len(designs) > 1:
        raise AffuseError(
            f"folds of {run} differ in design or seed; fine-tune it again"
        )
    ((design, seed),) = designs
    first = FinetunedFold(next(iter(folders.values()))).head
    settings = stage_two.load(first.settings)
    return Heads(
        design,
        seed,
        replace(settings, training=END_TO_END),
        {fold: FinetunedFold(folder).head.path for fold, folder in folders.items()},
        {fold: score for fold, (_, _, score) in told.items()},
    )


def _facts(folder: Path) -> tuple[str, int, float]:
    """Design, seed and validation CCC of a fold."""
    path = FinetunedFold(folder).mark
    found = read_json(path, FACTS, advice="fine-tune this fold again")
    if difference := code_difference(found.get("code", ""), found["design"]):
        raise AffuseError(
            f"the head in {folder} cannot be used: {difference}; restore the code, or "
            f"repeat the finetune command, which makes a new one"
        )
    score = found["validation_ccc"]["fine-tuned"]["mean"]
    return found["design"], found["seed"], float(score)

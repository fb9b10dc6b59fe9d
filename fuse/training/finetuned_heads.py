"""Jointly trained heads of a fine-tuning, which predict without further training.

`finetune` writes one head beside the encoders of a fold. A head is a system of stage
two. Its inputs are embeddings that stage one computes by default: the mean over time of
the last layer. A head that is trained again would see embeddings of training utterances
to which the encoders are overfitted, and could rely on them too much.
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
from affuse.fuse import experiment_files, losses
from affuse.fuse.inputs.chunks import apply_in_chunks
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
CCC_TOLERANCE = (
    0.02  # largest difference of the validation CCC; half precision causes less
)


@dataclass(frozen=True)
class Heads:
    """Jointly trained heads of all folds of one fine-tuning."""

    design: str
    seed: int
    settings: Settings
    folders: Mapping[str, Path]  # {fold: folder of its head}
    scores: Mapping[str, float]  # {fold: validation CCC, mean over ratings}

    def restore(
        self,
        fold: str,
        recipes: Mapping[str, Recipe],
        train: Rows,
        validation: Rows,
    ) -> Fitted:
        """Return the head of a fold with its loss and validation CCC on these rows.

        Args:
            fold: its name
            recipes: {modality: recipe of the embeddings}
            train: training rows of the fold
            validation: validation rows of the fold

        Raises:
            AffuseError: if the head is damaged or missing, or was trained on other
                embeddings
        """
        folder = self._folder(fold)
        for modality, recipe in recipes.items():
            last = _depth(folder.parent / modality)
            _demand_same_embeddings(
                recipe.pooling == "mean" and recipe.layers == (last,)
            )
        system = self._system(folder, train).to(train.truth.device).eval()
        rated = apply_in_chunks(system, train.features, train.numbers)
        loss = losses.loss(self.settings.loss, mix=self.settings.mix)
        loss_value = float(loss(rated, train.truth, None))
        predicted = apply_in_chunks(system, validation.features, validation.numbers)
        scores = ccc(validation.truth, predicted, targets=validation.targets)
        epoch = Epoch(1, loss_value, 0.0, scores)
        _demand_same_embeddings(abs(epoch.score - self.scores[fold]) <= CCC_TOLERANCE)
        return Fitted(system, (epoch,))

    def _system(self, folder: Path, rows: Rows) -> nn.Module:
        """Return the head in a folder, with its weights."""
        try:
            state = weight_files.read(HeadFolder(folder).weights)
            return weight_files.restore_module(lambda: self._build(state, rows), state)
        except (OSError, DamagedFileError) as error:
            raise DamagedFileError(
                f"{folder} holds no head of the design '{self.design}': {error}; "
                f"fine-tune this fold again"
            ) from error

    def _build(self, state: weight_files.State, rows: Rows) -> System:
        """Return a system with the sizes of these weights."""
        projections = {
            m: Projection(weight_files.size(state, f"projections.{m}.mean"))
            for m in rows.features
        }
        targets = len(rows.targets)
        return System(self.design, projections, targets=targets, settings=self.settings)

    def _folder(self, fold: str) -> Path:
        """Return the folder of a fold's head, or raise an error if there is none."""
        if fold not in self.folders:
            raise AffuseError(
                f"no head was fine-tuned for fold '{fold}', only for "
                f"{', '.join(self.folders)}; fine-tune it"
            )
        return self.folders[fold]


def _depth(encoder: Path) -> int:
    """Return the number of an encoder's blocks, which is that of its last layer."""
    path = CheckpointFolder(encoder).configuration
    config = read_json(path, CONFIG, advice="fine-tune this fold again")
    depth = config.get("num_hidden_layers") or config.get("n_layers")
    if depth is None:
        raise DamagedFileError(f"{path} lacks the number of layers; fine-tune again")
    return int(depth)


def _demand_same_embeddings(same: bool) -> None:
    """Raise an error if the embeddings are not those of the head's training."""
    if not same:
        raise AffuseError(
            "these are not the embeddings that the head was trained with; extract with "
            "the encoders of its fold, --layers last and --pooling mean"
        )


def choose_heads(settings: Settings, options: Train) -> Heads | None:
    """Return the heads that the options name, or None if heads shall be trained.

    Args:
        settings: settings of the command line
        options: options of the command line

    Raises:
        AffuseError: if no fine-tuning is named or it has another design, or as
            `find_heads`
    """
    if settings.training != END_TO_END:
        return None
    if not (run := options.finetuned):
        raise OptionError(
            f"training='{END_TO_END}' uses the heads that were trained jointly with "
            f"their encoders; name a fine-tuning: --finetuned finetuned/RUN"
        )
    heads = find_heads(run)
    if set(options.designs) != {heads.design} or options.match_parameters:
        raise OptionError(
            f"the heads of {run} are of the design '{heads.design}' and cannot be "
            f"changed; type --fusion {heads.design}, without --match-parameters"
        )
    return heads


def find_heads(run: Path) -> Heads:
    """Return the jointly trained heads of a fine-tuning.

    Args:
        run: folder of the fine-tuning

    Raises:
        FileNotFoundError: if no fold is finished
        AffuseError: if a file is damaged, folds were trained in different ways, or the
            code of the design has changed since
    """
    folders = {fold: run / fold for fold in fold_encoders.folds(run)}
    facts = {fold: _facts(folder) for fold, folder in folders.items()}
    designs = {(design, seed) for design, seed, _ in facts.values()}
    if len(designs) > 1:
        raise AffuseError(
            f"folds of {run} differ in design or seed; fine-tune it again"
        )
    ((design, seed),) = designs
    first = FinetunedFold(next(iter(folders.values()))).head
    settings = experiment_files.load(first.settings)
    return Heads(
        design,
        seed,
        replace(settings, training=END_TO_END),
        {fold: FinetunedFold(folder).head.path for fold, folder in folders.items()},
        {fold: score for fold, (_, _, score) in facts.items()},
    )


def _facts(folder: Path) -> tuple[str, int, float]:
    """Return design, seed and validation CCC of a fold."""
    path = FinetunedFold(folder).mark
    facts = read_json(path, FACTS, advice="fine-tune this fold again")
    if difference := code_difference(facts.get("code", ""), facts["design"]):
        raise AffuseError(
            f"the head in {folder} cannot be used: {difference}; restore the code, or "
            f"repeat the finetune command, which trains a new one"
        )
    score = facts["validation_ccc"]["fine-tuned"]["mean"]
    return facts["design"], facts["seed"], float(score)

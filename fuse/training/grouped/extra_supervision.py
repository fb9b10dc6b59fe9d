"""Supervision of a training beside ratings: auxiliary targets and weights of rows.

Auxiliary targets are categories, such as gender, that a linear head predicts from the
codes. The shared code learns from both tasks (Caruana, 1997, Machine Learning 28:41).
The heads are no part of the system, so they are not saved and predict nothing later.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.inputs.rater_weights import RowWeights, rater_weights
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.seeds import derive_seed
from affuse.fuse.setting_texts import BY_RATERS, agreement, auxiliary
from affuse.fuse.training.grouped.mixup import mixed
from affuse.fuse.training.grouped.model_tasks import ModelTask

LOGITS, LABELS, WEIGHT = "logits ", "labels ", "weight"  # names of outputs
VARIANCE = "variance"  # name of a label of rows


class ExtraSupervision(nn.Module):
    """Heads of auxiliary targets, and the weights of rows by agreement or raters.

    Args:
        classes: {name of an auxiliary target: (k,) numbers of its categories}
        width: size of all codes together; unused without auxiliary targets
        weights: of rows by the variances of their ratings; None for equal weights
    """

    typical: Tensor | None  # (terms,)
    scale: Tensor | None  # (terms,)

    def __init__(
        self,
        classes: Mapping[str, Tensor],
        width: int,
        weights: RowWeights | None = None,
    ):
        super().__init__()
        self._names = tuple(classes)
        self.heads = nn.ModuleList(nn.Linear(width, len(k)) for k in classes.values())
        for number, categories in enumerate(classes.values()):
            self.register_buffer(f"classes{number}", categories)
        self.register_buffer("typical", None if weights is None else weights.typical)
        self.register_buffer("scale", None if weights is None else weights.scale)

    def forward(
        self, codes: Mapping[str, Tensor], features: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return what the loss needs of a batch in training.

        Args:
            codes: {modality: (batch, ...)}
            features: of the batch, with labels of rows

        Returns:
            {LOGITS + name: (batch, k), LABELS + name: (batch, k), WEIGHT: (batch, 1)}
            of the targets and the weights that there are
        """
        outputs = {}
        for number, (name, head) in enumerate(
            zip(self._names, self.heads, strict=True)
        ):
            joined = torch.cat([code.flatten(1) for code in codes.values()], dim=1)
            outputs[LOGITS + name] = head(joined)
            matches = features[LABELS + name] == getattr(self, f"classes{number}")
            outputs[LABELS + name] = mixed(matches.to(joined.dtype), features)
        if self.typical is not None and self.scale is not None:
            variance = mixed(features[VARIANCE], features)
            outputs[WEIGHT] = row_weight(variance, self.typical, self.scale)
        return outputs


def row_weight(variance: Tensor, typical: Tensor, scale: Tensor) -> Tensor:
    """Return the weights of rows ``sum_t scale_t / (1 + v_t / m_t)``.

    They are proportional to ``1 / (m + v)``, which is the weight of an estimate of
    variance v under random effects of variance m (DerSimonian and Laird, 1986,
    Controlled Clinical Trials 7:177). So a few rows of very small variance have at most
    twice the weight of an average row if m is the mean of v, unlike with 1 / v. With
    that m and a scale of 2, rows of equal variance have the weight 1 exactly.

    Args:
        variance: (..., rows, terms), at least 0
        typical: (terms,) variances m, above 0
        scale: (terms,) at least 0

    Returns:
        (..., rows, 1), above 0 and at most the sum of the scales
    """
    return (scale / (1 + variance / typical)).sum(dim=-1, keepdim=True)


def cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """Return the mean cross-entropy of the rows that have a label.

    It is ``- sum_i w_i sum_c y_ic log p_ic / sum_i w_i sum_c y_ic`` for weights w,
    labels y and probabilities p. A row without a label has no effect, because all its
    y are 0. Without any label in a batch, the result is 0.

    Args:
        logits: (..., batch, classes)
        labels: (..., batch, classes), at least 0; they sum to 1 if a row has a label
        weight: (..., batch), 1 for a row and 0 for padding

    Returns:
        (...), at least 0
    """
    counted = labels * weight.unsqueeze(-1)
    surprise = -(counted * logits.log_softmax(dim=-1)).sum(dim=(-2, -1))
    total = counted.sum(dim=(-2, -1))
    return surprise / total.where(total > 0, 1.0)


def row_labels(task: ModelTask) -> dict[str, Tensor]:
    """Return the labels that a task's settings need: {name: (rows, 1 or more)}.

    Args:
        task: to train
    """
    settings, labels = task.settings, task.rows.labels
    found = {LABELS + n: labels.categories(n) for n in auxiliary(settings.auxiliary)}
    if of := agreement(settings.agreement):
        found[VARIANCE] = labels.variances(of)
    elif settings.weighting == BY_RATERS:
        found[VARIANCE] = labels.inverse_counts()
    return {name: x.to(task.rows.truth.device) for name, x in found.items()}


def supervision(task: ModelTask, system: System) -> ExtraSupervision | None:
    """Return the extra supervision of a task, or None if its settings have none.

    Categories and weights are estimated on the training rows. Heads have initial
    weights from a separate seed, so that those of the system do not depend on them.

    Args:
        task: to train
        system: to be trained
    """
    settings, labels = task.settings, task.rows.labels
    classes = {
        name: labels.classes(name, task.train) for name in auxiliary(settings.auxiliary)
    }
    weights = _row_weights(task)
    if not classes and weights is None:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(task.seed, "auxiliary"))
        extra = ExtraSupervision(classes, _width(system) if classes else 0, weights)
    return extra.to(task.rows.truth.device)


def _row_weights(task: ModelTask) -> RowWeights | None:
    """Return the weights of rows that the settings of a task request, if any."""
    settings, labels = task.settings, task.rows.labels
    if of := agreement(settings.agreement):
        mean = labels.variances(of)[task.train].double().mean().float()
        return RowWeights(mean.where(mean > 0, 1.0)[None], torch.tensor([2.0]))
    if settings.weighting == BY_RATERS:
        return rater_weights([labels.utterances[row] for row in task.train.tolist()])
    return None


@torch.no_grad()
def _width(system: System) -> int:
    """Return the size of all codes of an utterance together."""
    system = system.eval()
    row = {
        m: torch.zeros(1, p.size, device=p.mean.device)
        for m, p in system.projections.items()
        if isinstance(p, Projection)
    }
    return sum(code.numel() for code in system.encode(row).values())

"""Labels of rows from a corpus: categories, variances and raters of ratings.

Auxiliary targets are categories. Weights of rows come from variances or raters. Both
are used in training only, so utterances outside a training part need neither.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.data.records import Utterance
from affuse.data.splits.protocols import Fold
from affuse.data.suggestions import hint
from affuse.data.system.mismatches import shown
from affuse.fuse.inputs.rater_weights import inverse_counts, rater_faults
from affuse.fuse.setting_texts import (
    BY_RATERS,
    DEVIATION,
    Agreement,
    agreement,
    auxiliary,
)
from affuse.fuse.settings import Settings

FIELDS: Mapping[str, str] = {  # name of a column -> field of an utterance
    "gender": "sex",
    "speaker": "speaker",
    "session": "session",
}
UNKNOWN = -1  # code of an utterance without the label


class RowLabels:
    """Labels of rows, which are converted to numbers when they are needed.

    Args:
        utterances: of the rows; () if the rows have no labels
    """

    def __init__(self, utterances: Sequence[Utterance] = ()):
        self.utterances = tuple(utterances)
        self._categories: dict[str, Tensor] = {}
        self._variances: dict[Agreement, Tensor] = {}
        self._inverse_counts: Tensor | None = None

    def __add__(self, other: "RowLabels") -> "RowLabels":
        """Return the labels of these rows and then those of the other rows."""
        return RowLabels((*self.utterances, *other.utterances))

    def categories(self, name: str) -> Tensor:
        """Return the number of each row's category: (rows, 1) int64.

        Categories are numbered in the order of their names over all rows. Rows without
        a category have the number -1.

        Args:
            name: of a column, or a key of `FIELDS`
        """
        if name not in self._categories:
            found = [_value(utterance, name) for utterance in self.utterances]
            names = sorted(set(found) - {""})
            codes = {"": UNKNOWN, **{name: k for k, name in enumerate(names)}}
            self._categories[name] = torch.tensor([[codes[x]] for x in found])
        return self._categories[name]

    def variances(self, of: Agreement) -> Tensor:
        """Return the variance of each row's rating, up to a factor: (rows, 1) float32.

        It is the square of a standard deviation. For a number of raters n it is 1 / n,
        because the mean of n independent ratings has the n-th part of their variance.
        It is nan for rows without a valid value.

        Args:
            of: column of the corpus
        """
        if of not in self._variances:
            found = [_variance(u, of) for u in self.utterances]
            self._variances[of] = torch.tensor(found, dtype=torch.float32)[:, None]
        return self._variances[of]

    def inverse_counts(self) -> Tensor:
        """Return 1 / k for the k raters of each rating: (rows, RATINGS) float32."""
        if self._inverse_counts is None:
            self._inverse_counts = inverse_counts(self.utterances)
        return self._inverse_counts

    def classes(self, name: str, train: Tensor) -> Tensor:
        """Return the numbers of the categories of the training rows: (k,), ascending.

        Args:
            name: of a column, or a key of `FIELDS`
            train: (n,) indices of the training rows, on the CPU
        """
        found: Tensor = self.categories(name)[train].unique()
        return found[found != UNKNOWN]

    def lacking(self, settings: Settings, train: Tensor) -> str:
        """Return a sentence if training rows lack labels of the settings, or "".

        Args:
            settings: of the training
            train: (n,) indices of the training rows, on the CPU
        """
        targets, of = auxiliary(settings.auxiliary), agreement(settings.agreement)
        by_raters = settings.weighting == BY_RATERS
        if not (targets or of or by_raters):
            return ""
        if not self.utterances:
            return "these rows have no columns for auxiliary targets, or no raters"
        rows = [self.utterances[row] for row in train.tolist()]
        sentences = [*_category_faults(rows, targets), *_agreement_faults(rows, of)]
        return next(iter([*sentences, *(rater_faults(rows) if by_raters else ())]), "")


def demand_labels(
    utterances: Sequence[Utterance], settings: Settings, folds: Sequence[Fold]
) -> None:
    """Raise an error if training rows of a fold lack labels of the settings.

    Args:
        utterances: of all rows
        settings: of the training
        folds: that shall be trained

    Raises:
        AffuseError: naming the fold, the column, the reason and a count of rows
    """
    labels = RowLabels(utterances)
    rows = {utterance.id: row for row, utterance in enumerate(labels.utterances)}
    for fold in folds:
        train = torch.tensor([rows[id_] for id_ in fold.train])
        if sentence := labels.lacking(settings, train):
            raise AffuseError(f"fold '{fold.name}': {sentence}")


def _category_faults(
    rows: Sequence[Utterance], targets: Mapping[str, float]
) -> Iterator[str]:
    """Yield a sentence on each auxiliary target that cannot be learnt."""
    for name in targets:
        found = [_value(utterance, name) for utterance in rows]
        names = set(found) - {""}
        if not names:
            yield (
                f"auxiliary target {name!r}: none of the {len(rows):,} training "
                f"utterances has it; {_choice(rows, name)}"
            )
        elif len(names) == 1:
            count = len(found) - found.count("")
            yield (
                f"auxiliary target {name!r}: all {count:,} training utterances that "
                f"have it are {shown(names.pop())}, so there is nothing to tell apart; "
                f"leave it out"
            )


def _agreement_faults(rows: Sequence[Utterance], of: Agreement | None) -> Iterator[str]:
    """Yield a sentence if rows lack the column of rater agreement."""
    if of is None:
        return
    found = [u.columns.get(of.column, "") for u in rows]
    if missing := found.count(""):
        yield (
            f"agreement={of.kind}:{of.column}: {missing:,} of {len(rows):,} training "
            f"utterances have no value in the column {of.column!r}; "
            f"{_choice(rows, of.column, ())}"
        )
        return
    wrong = [u for u in rows if math.isnan(_variance(u, of))]
    if wrong:
        least = 0 if of.kind == DEVIATION else 1
        yield (
            f"agreement={of.kind}:{of.column}: {len(wrong):,} of {len(rows):,} "
            f"training utterances have no number of at least {least} in the column "
            f"{of.column!r}, such as {shown(wrong[0].columns[of.column])} of "
            f"'{wrong[0].id}'; correct the column, or name another one"
        )


def _choice(
    rows: Sequence[Utterance], name: str, fields: Iterable[str] = FIELDS
) -> str:
    """Return the names of the columns that have values, as advice."""
    known = {column: None for utterance in rows for column in utterance.columns}
    names = [n for n in fields if any(_value(utterance, n) for utterance in rows)]
    names += known
    if not names:
        return "the corpus has no column for it"
    return f"columns with values are {', '.join(names)}{hint(name, names)}"


def _value(utterance: Utterance, name: str) -> str:
    """Return the category of an utterance; "" if it is unknown."""
    if name in FIELDS:
        return str(getattr(utterance, FIELDS[name]))
    return utterance.columns.get(name, "")


def _variance(utterance: Utterance, of: Agreement) -> float:
    """Return the variance of an utterance's rating up to a factor; nan if unknown."""
    try:
        value = float(utterance.columns.get(of.column, ""))
    except ValueError:
        return math.nan
    if of.kind == DEVIATION:
        return value**2 if 0 <= value < 1e15 else math.nan
    return 1 / value if 1 <= value < math.inf else math.nan

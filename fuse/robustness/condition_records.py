"""Records of a robustness test: conditions, their scores, and the run as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from affuse.fuse.inputs.fold_embeddings import FoldEmbeddings
from affuse.fuse.scoring.intervals import Interval

CLEAN = "clean"  # name of the condition without a degradation


@dataclass(frozen=True)
class ConditionFacts:
    """Condition of a robustness test, as a table names it."""

    text: str  # as typed, such as "noise:10"
    name: str  # of the degradation, such as "noise"
    label: str  # with the unit, such as "noise 10 dB SNR"
    modality: str = ""  # whose inputs are degraded; "" for clean ones
    value: float | None = None
    unit: str = ""
    meaning: str = ""  # what is done, for a note
    reached: float | None = None  # word error rate that was counted; None if it was not


@dataclass(frozen=True)
class DegradedInputs:
    """Condition, and the embeddings of degraded inputs by fold."""

    facts: ConditionFacts
    embeddings: FoldEmbeddings  # of one modality; key ALL_FOLDS if folds share them


@dataclass(frozen=True)
class ConditionScore:
    """Test CCC of a run in one condition, each with its interval."""

    facts: ConditionFacts
    ratings: Mapping[str, Interval]
    mean: Interval  # over the ratings
    change: Interval  # of the mean, against clean inputs on the same utterances


@dataclass(frozen=True)
class RobustnessResult:
    """Scores of a run in all conditions, the clean one first."""

    run: str  # name
    design: str
    corpus: str
    nature: str  # kind of the ratings
    targets: tuple[str, ...]
    scores: tuple[ConditionScore, ...]
    utterances: int  # scored in each condition
    tested: int  # test utterances of the run
    folds: int
    seeds: int
    unit: str  # of the intervals, one of affuse.fuse.scoring.clusters.UNITS
    clusters: int
    predictions: str = (
        ""  # digest of the run's predictions, which a new training changes
    )
    notes: tuple[str, ...] = field(default=())  # sentences

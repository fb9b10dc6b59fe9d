"""Published figures on IEMOCAP, for tables of runs on its human ratings only."""

from affuse.data.rating_scales import RATINGS
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.scoring.intervals import Interval
from affuse.fuse.scoring.statistics import Estimate

CORPUS, NATURE = "iemocap", "human"
NOTES = (
    "Published figures: Messaoudi, Boughrara, Lachiri, 'Leveraging Wav2Vec2.0 "
    "and DistilBERT with Autoencoder-Based Dimensionality Reduction for Continuous "
    "Multimodal Emotion Recognition', Tables II and III",
    "Published protocol: Session 5 tests; training and validation share speakers (here "
    "'session5'); the text of the paper has D .456 for DistilBERT and D .647 for "
    "LSTM + CNN1D",
)
TABLE = (  # system, design and source, CCC of valence, arousal and dominance
    ("DistilBERT", "Table II", 0.685, 0.453, 0.485),
    ("Wav2Vec2", "Table II", 0.475, 0.708, 0.456),
    ("Wav2Vec2 + DistilBERT", "early; Tables II, III", 0.732, 0.730, 0.610),
    ("Wav2Vec2 + DistilBERT", "late; Tables II, III", 0.808, 0.719, 0.635),
    ("LSTM + CNN1D", "Table III", 0.603, 0.736, 0.606),
    ("HuBERT + BERT", "Srinivasan 2022; Table III", 0.582, 0.667, 0.545),
    ("CNN14 + BERT", "Triantafyllopoulos 2023; Table III", 0.714, 0.639, 0.575),
    ("Wav2Vec2-base + BERT-base", "early; Zhang 2024; Table III", 0.625, 0.661, 0.570),
)


def rows(corpus: str, nature: str) -> tuple[TableRow, ...]:
    """Return the published rows, or () if they are about another corpus.

    Args:
        corpus: of the table
        nature: kind of the ratings

    Examples:
        >>> len(rows("iemocap", "human")), len(rows("iemocap", "synthetic"))
        (8, 0)
    """
    if (corpus, nature) != (CORPUS, NATURE):
        return ()
    return tuple(
        TableRow(design, detail, {"published": _estimate(values)})
        for design, detail, *values in TABLE
    )


def _estimate(values: list[float]) -> Estimate:
    """Return figures without intervals and sizes, which were not published."""
    nan = float("nan")
    bare = [Interval(v, nan, nan) for v in (*values, sum(values) / len(values))]
    return Estimate(
        ratings=dict(zip(RATINGS, bare[:-1], strict=True)),
        mean=bare[-1],
        utterances=0,
        folds=0,
        seeds=0,
        unit="",
        clusters=0,
    )

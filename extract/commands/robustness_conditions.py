"""Conditions of a robustness test: those that the user names, or the default ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import OptionError
from affuse.data.options.source_options import CorpusSource
from affuse.data.options.transcription_options import Transcribe
from affuse.extract.degradations.condition import (
    RECOGNISED,
    Condition,
    default_conditions,
    parse_condition,
)

MODALITIES = ("audio", "text")  # that can be degraded
MODEL = "small.en"  # in the advice for transcripts


@dataclass(frozen=True)
class ChosenConditions:
    """Conditions to measure, and sentences on those that cannot be measured."""

    degraded: tuple[Condition, ...]
    recognised: tuple[str, ...]  # labels of recognised transcripts
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConditionScope:
    """Run and cache for which conditions are chosen."""

    modalities: tuple[str, ...]  # that the run takes
    trained_on: str  # label of the transcripts of the run; "" for those of the corpus
    cache: Path
    corpus: str
    source: CorpusSource  # options that read the corpus

    def labels(self) -> list[str]:
        """Return the labels of the recognised transcripts that the run did not use."""
        found = CorpusFolder(self.cache / self.corpus).transcript_labels()
        return [label for label in found if label != self.trained_on]

    @property
    def transcribe(self) -> Transcribe:
        """Command that makes recognised transcripts."""
        return Transcribe.from_command(
            self.source, CorpusSource, model=MODEL, cache=self.cache
        )


def choose_conditions(typed: Sequence[str], scope: ConditionScope) -> ChosenConditions:
    """Return the conditions to measure, each once.

    Args:
        typed: conditions that the user names; () for the default ones
        scope: run and cache

    Raises:
        OptionError: if a condition does not exist, or the run does not take its
            modality, or there are no such transcripts
    """
    if not typed:
        return _defaults(scope)
    degraded, labels = [], list[str]()
    for text in typed:
        name, _, rest = text.strip().partition(":")
        if name == RECOGNISED:
            _demand_modality(text, "text", scope)
            labels += _find_labels(text, rest, scope)
            continue
        condition = parse_condition(text)
        _demand_modality(text, condition.degradation.modality, scope)
        degraded.append(condition)
    ordered = sorted(
        dict.fromkeys(degraded), key=lambda c: c.degradation.modality != "audio"
    )
    return ChosenConditions(tuple(ordered), tuple(dict.fromkeys(labels)))


def _defaults(scope: ConditionScope) -> ChosenConditions:
    """Return the default conditions of the modalities that the run takes."""
    degraded = [
        condition
        for modality in MODALITIES
        if modality in scope.modalities
        for condition in default_conditions(modality)
    ]
    if "text" not in scope.modalities:
        return ChosenConditions(tuple(degraded), ())
    labels = scope.labels()
    remarks = [] if labels else [f"{RECOGNISED}: {_advice(scope)}"]
    return ChosenConditions(tuple(degraded), tuple(labels), tuple(remarks))


def _demand_modality(text: str, modality: str, scope: ConditionScope) -> None:
    """Raise an error if the run does not take the modality of a condition."""
    if modality not in scope.modalities:
        raise OptionError(
            f"--condition {text}: the run takes {' and '.join(scope.modalities)} and "
            f"no {modality}, so it would change nothing; leave it out"
        )


def _find_labels(text: str, name: str, scope: ConditionScope) -> list[str]:
    """Return the labels that a condition with recognised transcripts names."""
    labels = scope.labels()
    found = [x for x in labels if name in ("", x)]
    found = found or [x for x in labels if name == x.rpartition("-")[0]]
    if not found:
        others = f"; there are {', '.join(labels)}" if labels else ""
        raise OptionError(f"--condition {text}: {_advice(scope)}{others}")
    return found


def _advice(scope: ConditionScope) -> str:
    """Return a clause on recognised transcripts that are missing."""
    which = "other recognised transcripts" if scope.trained_on else "such transcripts"
    return (
        f"the cache has no {which} of '{scope.corpus}'; make them with: "
        f"{scope.transcribe}"
    )

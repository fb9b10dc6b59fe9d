"""Transcripts of a robustness test: degraded ones, and those of speech recognition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.records import Corpus, Utterance
from affuse.extract.commands.degraded_caches import DegradedCorpus
from affuse.extract.commands.robustness_inputs import InputEncoding
from affuse.extract.degradations.condition import RECOGNISED, Condition
from affuse.extract.degradations.degraded_texts import degrade_texts, running_words
from affuse.extract.transcription import word_errors
from affuse.extract.transcription.recognised_corpus import with_recognised_texts
from affuse.extract.transcription.word_errors import WordErrors, count_errors
from affuse.fuse.robustness.condition_records import ConditionFacts
from affuse.fuse.wording import count

WORDS = "words"  # degradation whose word error rate is counted
MEANING = "transcripts that `transcribe` recognised, in place of those of the training"


@dataclass
class SelectedTexts:
    """Texts in all conditions, and what is left out."""

    changed: frozenset[str]  # ids whose texts differ from those of the clean cache
    corpora: list[DegradedCorpus] = field(default_factory=list)
    facts: list[ConditionFacts] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RobustnessTexts:
    """Corpus with the transcripts that a run was trained on.

    Attributes:
        encoding: run, caches and the corpus with its own transcripts
        corpus: all utterances, with the transcripts of the training as texts
        label: of these transcripts; "" for those of the corpus
    """

    encoding: InputEncoding
    corpus: Corpus
    label: str

    @classmethod
    def of(cls, encoding: InputEncoding) -> Self:
        """Return the texts of a run."""
        _, shown = next(iter(encoding.groups("text")))
        label = shown[0][0].recipe.transcripts
        corpus = encoding.corpus
        if label:
            cache, machine = encoding.options.cache, encoding.machine
            corpus = with_recognised_texts(corpus, label, cache, machine).corpus
        return cls(encoding, corpus, label)

    def select(
        self, conditions: Sequence[Condition], labels: Sequence[str]
    ) -> SelectedTexts:
        """Return the texts in each condition.

        Args:
            conditions: of degradations of texts
            labels: of recognised transcripts
        """
        result = SelectedTexts(self._changed())
        words = self._words() if any(c.name == WORDS for c in conditions) else {}
        for each in conditions:
            chosen = select_utterances(self.corpus, self.encoding.ids)
            texts = degrade_texts(chosen, each, words)
            rate = None
            if each.name == WORDS:
                rate = count_word_errors(chosen.utterances, texts.utterances)
            result.corpora.append(
                DegradedCorpus(each.text, texts, each.identity, self.label)
            )
            result.facts.append(describe_condition(each, rate))
        for label in labels:
            self._recognise(label, result)
        return result

    def _changed(self) -> frozenset[str]:
        """Return the ids to score whose texts the clean cache does not hold."""
        kind, root = modality_named("text"), self.corpus.root
        texts = (u for u in self.corpus.utterances if u.text is not None)
        now = {u.id: kind.facts(u, root) for u in texts}
        changed = set[str]()
        for folds, _ in self.encoding.groups("text"):
            clean = self.encoding.clean_contents(folds[0], "text")
            changed |= {
                id_
                for id_ in self.encoding.ids_of(folds)
                if getattr(now.get(id_), "content", "") != clean[id_]
            }
        return frozenset(changed)

    def _words(self) -> Mapping[str, Sequence[str]]:
        """Return the training words of the first fold that tests an utterance, by id.

        Raises:
            AffuseError: if the training part of a fold has no words
        """
        texts = {u.id: u.text for u in self.corpus.utterances if u.text}
        rows, found = self.encoding.run.folds, dict[str, Sequence[str]]()
        for fold in dict.fromkeys(row.fold for row in rows):
            train = (r.id for r in rows if (r.fold, r.part) == (fold, "train"))
            words = running_words([texts[id_] for id_ in train if id_ in texts])
            if not words:
                raise AffuseError(
                    f"the training part of fold '{fold}' has no words in "
                    f"{self.corpus.root}, so there are none for word errors"
                )
            tested = (r.id for r in rows if (r.fold, r.part) == (fold, "test"))
            found |= {id_: words for id_ in tested if id_ not in found}
        return found

    def _recognise(self, label: str, result: SelectedTexts) -> None:
        """Add the corpus with recognised transcripts, as `extract` encodes it.

        They are left out if some utterances to score have none, because all conditions
        are scored on the same utterances.
        """
        encoding, text = self.encoding, f"{RECOGNISED}:{label}"
        found = with_recognised_texts(
            encoding.corpus, label, encoding.options.cache, encoding.machine
        )
        chosen = select_utterances(found.corpus, encoding.ids).utterances
        lacking = [u.id for u in chosen if u.text is None]
        if lacking:
            result.remarks.append(
                f"{text}: left out, because {count(len(lacking), 'test utterance')} of "
                f"{len(chosen):,} have no transcript of {label}, such as "
                f"'{lacking[0]}'; repeat the transcribe command without --limit"
            )
            return
        rate = count_word_errors(encoding.corpus.utterances, chosen)
        result.corpora.append(DegradedCorpus(text, found.corpus, "", found.label))
        name = label.rpartition("-")[0]
        result.facts.append(
            ConditionFacts(
                text,
                RECOGNISED,
                f"{RECOGNISED} {name}",
                "text",
                None,
                "",
                MEANING,
                rate,
            )
        )


def describe_condition(
    condition: Condition, reached: float | None = None
) -> ConditionFacts:
    """Return the facts on a condition that a table shows.

    Args:
        condition: of a degradation
        reached: word error rate that was counted; None if it was not
    """
    kind = condition.degradation
    return ConditionFacts(
        text=condition.text,
        name=condition.name,
        label=condition.label,
        modality=kind.modality,
        value=condition.value,
        unit=kind.unit,
        meaning=kind.meaning,
        reached=reached,
    )


def select_utterances(corpus: Corpus, ids: frozenset[str]) -> Corpus:
    """Return a corpus with some of its utterances, and without its problems.

    Args:
        corpus: as its reader returned it
        ids: of the utterances
    """
    kept = tuple(u for u in corpus.utterances if u.id in ids)
    return replace(corpus, utterances=kept, problems=())


def count_word_errors(
    references: Sequence[Utterance], changed: Sequence[Utterance]
) -> float | None:
    """Return the word error rate of transcripts; None without jiwer or without words.

    Args:
        references: utterances with correct transcripts
        changed: utterances with degraded or recognised transcripts
    """
    try:
        word_errors.demand_jiwer()
    except AffuseError:
        return None
    texts = {u.id: u.text for u in references}
    counts = (
        count_errors(text, u.text)
        for u in changed
        if u.text is not None and (text := texts.get(u.id)) is not None
    )
    return WordErrors.total(counts).rate

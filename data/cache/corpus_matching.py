"""Comparison of a corpus with the training data that a checkpoint records.

The name of a corpus is not sufficient, because the same recordings may be read with
another ``--name`` or by another reader. So the reader, the form of utterance ids and
digests of inputs are compared too.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from affuse.data.cache.recording_spans import SILENT
from affuse.data.cache.training_data import DIGITS, TrainingRecord
from affuse.data.name_spellings import spelling
from affuse.data.tables import cell_values

MANY = 0.1  # share of sampled inputs; different corpora share only a few sentences
GENERIC = ("", "manifest")  # readers of any corpus, which do not identify one
MOST_IDS = 0.5  # share of utterance ids that have the form of a published corpus
# Forms of utterance ids by name of the corpus. Names of folders may stand before them,
# and a span after them, as in the ids that the reader `manifest` makes of paths.
FORMS: Mapping[str, str] = {
    "msppodcast": r"msp-podcast_\d{4}_\d{4}(_\d{4})?",
    "mspimprov": r"msp-improv-s\d\d[a-z]-[fm]\d\d-[a-z]-[a-z]{2}\d\d",
    "iemocap": r"ses0[1-5][fm]_(impro|script)\d\d(_\d)?[a-z]?_[fm]\d{3}",
    "ravdess": r"0[1-3](-\d\d){6}",
    "librispeech": r"\d+-\d+-\d{4}",
    "emodb": r"\d\d[a-z]\d\d[a-z]{2}",
}
ALONE = ("librispeech",)  # forms that other ids have too, with a folder or a span
FOLDERS, SPAN = r"(?:.*[^a-z\d])?", r"(?:-\d+-(?:\d+|end))?"
PREFIXES = r"(session|ses|speaker|spkr|spk|subject|participant|actor)(?=\d)"


@dataclass(frozen=True)
class Identity:
    """Features by which a corpus is identified, as far as they are known."""

    name: str
    reader: str = ""  # in data/corpora; "" if it is not known
    ids: tuple[str, ...] = ()  # of its utterances
    inputs: frozenset[str] = frozenset()  # `shorten_digests` digests, of one modality

    @cached_property
    def form(self) -> str:
        """Published corpus whose form most utterance ids have; "" for none."""
        names = [re.sub(r"\.\w+$", "", id_.casefold()) for id_ in self.ids]
        for corpus, form in FORMS.items():
            whole = form if corpus in ALONE else f"{FOLDERS}{form}{SPAN}"
            pattern = re.compile(whole)
            alike = sum(pattern.fullmatch(name) is not None for name in names)
            if names and alike > MOST_IDS * len(names):
                return corpus
        return ""


@dataclass(frozen=True)
class NameMatches:
    """Names of a record that occur in a corpus, and those that do not."""

    names: frozenset[str]  # in the spelling of the corpus
    missing: tuple[str, ...]  # in the spelling of the record


def shorten_digests(digests: Iterable[str]) -> frozenset[str]:
    """Return digests shortened as in records, without those that identify no input."""
    return frozenset(d[:DIGITS] for d in digests if d not in ("", SILENT))


def matching_feature(record: TrainingRecord, corpus: Identity) -> str:
    """Return the feature by which a corpus is that of a record; "" if it is another.

    Args:
        record: of training data
        corpus: to compare with it
    """
    if record.covers(corpus.name):
        return "name"
    if corpus.reader not in GENERIC and (
        corpus.reader == record.reader or record.covers(corpus.reader)
    ):
        return f"reader '{corpus.reader}'"
    if corpus.form and record.covers(corpus.form):
        return "utterance ids"
    shared, sampled = shared_inputs(record, corpus), len(set(record.sample))
    if shared and shared >= MANY * sampled:
        return f"inputs ({shared} of the {sampled} in its record)"
    return ""


def shared_inputs(record: TrainingRecord, corpus: Identity) -> int:
    """Return the number of inputs in a record's sample that a corpus has."""
    return len(corpus.inputs.intersection(record.sample))


def missing_facts(record: TrainingRecord, corpus: Identity) -> str:
    """Return which facts are missing to distinguish two corpora; "" if none are.

    Args:
        record: of a checkpoint that this project fine-tuned, so that it should have a
            reader and inputs; it is not `matching_feature`
        corpus: to compare with it
    """
    if not record.reader and not record.sample:
        return "an older version recorded neither its reader nor its inputs"
    if record.sample and corpus.inputs:
        return ""
    if {corpus.reader, record.reader}.isdisjoint(GENERIC):
        return ""
    return "the cache does not say which reader or which inputs this corpus has"


def speakers(record: TrainingRecord, names: Iterable[str]) -> NameMatches:
    """Find the speakers of a record among those of a corpus, in similar spellings.

    Args:
        record: of training data
        names: of the speakers of a corpus

    Examples:
        >>> speakers(TrainingRecord("x", speakers=("5f", "me")), ["Ses05F", "Ses01M"])
        NameMatches(names=frozenset({'Ses05F'}), missing=('me',))
    """
    return _matched(record.speakers, names, (spelling, _plain))


def splits(record: TrainingRecord, names: Iterable[str]) -> NameMatches:
    """Find the splits of a record among those of a corpus, in similar spellings.

    Args:
        record: of training data
        names: of the splits of a corpus

    Examples:
        >>> splits(TrainingRecord("x", splits=("Test1", "held-out")), ["train", "test"])
        NameMatches(names=frozenset({'test'}), missing=('held-out',))
    """
    return _matched(record.splits, names, (spelling, _split))


def _matched(
    recorded: Sequence[str],
    names: Iterable[str],
    forms: Sequence[Callable[[str], str]],
) -> NameMatches:
    """Compare each recorded name with the names of a corpus, in one form at a time.

    The first form in which a name of the corpus is equal decides.
    """
    matches, missing = set[str](), []
    candidates = [name for name in dict.fromkeys(names) if spelling(name)]
    for name in recorded:
        for form in forms:
            if alike := {other for other in candidates if form(other) == form(name)}:
                matches |= alike
                break
        else:
            missing.append(name)
    return NameMatches(frozenset(matches), tuple(missing))


def _plain(name: str) -> str:
    """Return letters and digits without words such as session or leading zeros."""
    letters = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(f"^{PREFIXES}", "", letters))


def _split(name: str) -> str:
    """Return the common name of a split, without punctuation."""
    return cell_values.split(re.sub(r"[\W_]+", "", spelling(name)))

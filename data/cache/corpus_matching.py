"""Tells whether a corpus is the one that a checkpoint was trained on, and what of it.

A name alone does not tell: the same recordings may be read under another ``--name``, or
by another reader. So the reader, the form of utterance ids and the inputs themselves
are compared as well.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from affuse.data.cache.recording_spans import SILENT
from affuse.data.cache.training_data import DIGITS, Seen
from affuse.data.name_spellings import spelling
from affuse.data.tables import cell_values

MANY = 0.1  # share of the sampled inputs; corpora of one language share few sentences
GENERIC = ("", "manifest")  # readers that read any corpus, so tell nothing of it
MOST_IDS = 0.5  # share of utterance ids that have the form of a published corpus
FORMS: Mapping[str, str] = {  # of utterance ids, by name of the corpus; full matches
    "msppodcast": r"msp-podcast_\d{4}_\d{4}(_\d{4})?",
    "mspimprov": r"msp-improv-s\d\d[a-z]-[fm]\d\d-[a-z]-[a-z]{2}\d\d",
    "iemocap": r"ses0[1-5][fm]_(impro|script)\d\d(_\d)?[a-z]?_[fm]\d{3}",
    "ravdess": r"0[1-3](-\d\d){6}",
    "librispeech": r"\d+-\d+-\d{4}",
    "emodb": r"\d\d[a-z]\d\d[a-z]{2}",
}
PREFIXES = r"(session|ses|speaker|spkr|spk|subject|participant|actor)(?=\d)"


@dataclass(frozen=True)
class Identity:
    """What a corpus is known by, as far as it is at hand."""

    name: str
    reader: str = ""  # in data/corpora; "" if it is not known
    ids: tuple[str, ...] = ()  # of its utterances
    inputs: frozenset[str] = frozenset()  # `shortened` digests, of one modality

    @cached_property
    def form(self) -> str:
        """The published corpus whose form most utterance ids have; "" for none."""
        names = [re.sub(r"\.\w+$", "", id_.casefold()) for id_ in self.ids]
        for corpus, pattern in FORMS.items():
            alike = sum(re.fullmatch(pattern, name) is not None for name in names)
            if names and alike > MOST_IDS * len(names):
                return corpus
        return ""


@dataclass(frozen=True)
class Matched:
    """Names of a record, found among those of a corpus."""

    names: frozenset[str]  # as the corpus spells them
    missing: tuple[str, ...]  # of the record, which the corpus does not have


def shortened(digests: Iterable[str]) -> frozenset[str]:
    """Return digests as records keep them, without those that tell nothing."""
    return frozenset(d[:DIGITS] for d in digests if d not in ("", SILENT))


def recognised(record: Seen, corpus: Identity) -> str:
    """Return by what a corpus is the one of a record; "" if nothing says so."""
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


def shared_inputs(record: Seen, corpus: Identity) -> int:
    """Return how many of the inputs that a record samples are in a corpus."""
    return len(corpus.inputs.intersection(record.sample))


def unknown(record: Seen, corpus: Identity) -> str:
    """Return what is not known that would tell two corpora apart; "" if enough is.

    It is asked of a record that is not `recognised`, and of a checkpoint that was
    fine-tuned by this project, whose record is to have a reader and inputs.
    """
    if not record.reader and not record.sample:
        return "an older version recorded neither its reader nor its inputs"
    if record.sample and corpus.inputs:
        return ""
    if {corpus.reader, record.reader}.isdisjoint(GENERIC):
        return ""
    return "the cache does not say which reader or which inputs this corpus has"


def speakers(record: Seen, known: Iterable[str]) -> Matched:
    """Find the speakers of a record among those of a corpus, in sensible spellings.

    Examples:
        >>> speakers(Seen("x", speakers=("5f", "me")), ["Ses05F", "Ses01M"])
        Matched(names=frozenset({'Ses05F'}), missing=('me',))
    """
    return _matched(record.speakers, known, (spelling, _plain))


def splits(record: Seen, known: Iterable[str]) -> Matched:
    """Find the splits of a record among those of a corpus, in sensible spellings.

    Examples:
        >>> splits(Seen("x", splits=("Test1", "held-out")), ["train", "test"])
        Matched(names=frozenset({'test'}), missing=('held-out',))
    """
    return _matched(record.splits, known, (spelling, _split))


def _matched(
    wanted: Sequence[str], known: Iterable[str], forms: Sequence[Callable[[str], str]]
) -> Matched:
    """Match each name by the first form in which the corpus has it."""
    names, missing = set[str](), []
    there = [name for name in dict.fromkeys(known) if spelling(name)]
    for name in wanted:
        for form in forms:
            if alike := {other for other in there if form(other) == form(name)}:
                names |= alike
                break
        else:
            missing.append(name)
    return Matched(frozenset(names), tuple(missing))


def _plain(name: str) -> str:
    """Return letters and digits, without words such as session and leading zeros."""
    letters = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(f"^{PREFIXES}", "", letters))


def _split(name: str) -> str:
    """Return the unified name of a split, without punctuation."""
    return cell_values.split(re.sub(r"[\W_]+", "", spelling(name)))

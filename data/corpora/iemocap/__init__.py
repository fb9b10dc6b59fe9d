"""IEMOCAP: acted dialogues of ten actors, improvised and scripted, with ratings.

Busso et al. (2008), Language Resources and Evaluation 42:335. The University of
Southern California provides the corpus under its own licence. The reader uses these
files of each session::

    Session1/dialog/EmoEvaluation/Ses01F_impro01.txt        ratings of a dialogue
    Session1/dialog/transcriptions/Ses01F_impro01.txt       words of a dialogue
    Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav

``Ses01F`` names the actor who wears the motion-capture markers in the dialogue, not the
speaker: the speaker of ``Ses01F_impro01_M000`` is the man of session 1, ``Ses01M``.

Valence, arousal (the release calls it activation) and dominance are means of two or
more listeners on a scale from 1 to 5. Seven released values lie outside it. Where a
listener left dominance blank, its mean may be too low. Such utterances have flags.
The released class is kept as the column ``emotion`` (``xxx``: no majority).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from affuse.data import rating_kinds
from affuse.data.corpora.iemocap import file_tree, line_grammar, published_counts
from affuse.data.corpora.iemocap.file_tree import Tree
from affuse.data.corpora.iemocap.iemocap_sample import sample
from affuse.data.corpora.iemocap.line_grammar import LabelBlock, LabelledTurn
from affuse.data.corpora.iemocap.odd_sample import sample_hazards
from affuse.data.corpora.iemocap.utterance_fields import (
    SCALE,
    blank_dominances,
    utterance,
)
from affuse.data.corpora.iemocap.wav_checks import verify
from affuse.data.corpus_facts import CorpusFacts
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus, Problem, repetition
from affuse.data.release_files import read_text

__all__ = ["read", "sample", "sample_hazards", "verify"]

DOMINANCE = ("released", "recomputed")
LISTENERS = 2  # external raters of valence, arousal and dominance, at least
VOTERS = 3  # external raters of the class, at least
FACTS = CorpusFacts(
    title="IEMOCAP",
    root="the folder that holds Session1 to Session5, or one at most two levels above",
    page="https://sail.usc.edu/iemocap/",
    licence="by the University of Southern California, on request",
    ratings="human: means over two or more listeners, from 1 to 5",
    texts="one file for each dialogue",
    size="10,039 utterances of ten actors, 12 hours",
    signs=("Session[1-5]/dialog/EmoEvaluation", "IEMOCAP_EmoEvaluation.txt"),
)

Record = TypeVar("Record", LabelBlock, LabelledTurn)

# Reasons of the problems of unmatched files; none occurs in a complete release.
NO_WAV = "has ratings but no wav in sentences/wav; kept without speech"
NO_TRANSCRIPT = "has ratings but no transcript; kept without text"
WAV_ONLY = "a wav without ratings; left out"
TRANSCRIPT_ONLY = "a transcript without ratings; left out"


def read(root: Path, *, dominance: str = "released") -> Corpus:
    """Return the rated utterances, sorted by session, dialogue, start and id.

    No WAV file is opened, see `verify`.

    Args:
        root: the folder that holds the sessions, or one at most two levels above it
        dominance: ``released``, or ``recomputed``: where an external rater left it
            blank, the mean of those who did not

    Raises:
        FileNotFoundError: if there is no copy of IEMOCAP, or no label file in it
        AffuseError: if there are several copies, or `dominance` has another value
    """
    if dominance not in DOMINANCE:
        choices = " or ".join(DOMINANCE)
        raise AffuseError(f"dominance must be {choices}, got {dominance!r}")
    folder = file_tree.find(root)
    tree = file_tree.survey(folder)
    blocks, label_problems = _read_labels(tree)
    turns, transcript_problems = _read_transcripts(tree)
    ordered = sorted(blocks.values(), key=_sort_key)
    doubts = chain(_unmatched(tree, blocks, turns), _doubts(ordered))
    utterances = tuple(
        utterance(b, tree.wavs.get(b.id), turns.get(b.id), dominance=dominance)
        for b in ordered
    )
    others = {"wavs": len(tree.wavs), "transcripts": len(turns)}
    others["external ratings with blank dominance"] = sum(
        map(blank_dominances, ordered)
    )
    return Corpus(
        name="iemocap",
        root=folder,
        utterances=utterances,
        scale=SCALE,
        protocol="session5-strict",
        problems=(*tree.problems, *label_problems, *transcript_problems, *doubts),
        counts=published_counts.compare(utterances, others),
        nature=rating_kinds.read_nature_below(root, folder),
    )


def _texts(
    paths: Iterable[Path], root: Path, problems: list[Problem]
) -> Iterator[tuple[str, str]]:
    """Yield name and content of each readable file; add errors to `problems`."""
    for path in paths:
        file = _relative(path, root)
        text, trouble = read_text(path, file=file)
        problems += trouble
        if text is not None:
            yield file, text


def _read_labels(tree: Tree) -> tuple[dict[str, LabelBlock], list[Problem]]:
    records: list[LabelBlock] = []
    problems: list[Problem] = []
    for file, text in _texts(tree.labels, tree.root, problems):
        blocks, doubts = line_grammar.blocks(text, file=file)
        records += blocks
        problems += doubts
    first, repeated = _first(records)
    return first, problems + repeated


def _read_transcripts(tree: Tree) -> tuple[dict[str, LabelledTurn], list[Problem]]:
    records: list[LabelledTurn] = []
    problems: list[Problem] = []
    dropped: Counter[str] = Counter()
    for file, text in _texts(tree.transcripts, tree.root, problems):
        turns, counts_dropped, doubts = line_grammar.turns(text, file=file)
        records += turns
        dropped += counts_dropped
        problems += doubts
    if dropped:
        counts = ", ".join(f"{n} {kind}" for kind, n in sorted(dropped.items()))
        reason = f"transcript lines without a rated turn, dropped: {counts}"
        problems.append(Problem(".", reason, fatal=False))
    first, repeated = _first(records)
    return first, problems + repeated


def _first(records: Iterable[Record]) -> tuple[dict[str, Record], list[Problem]]:
    """Return the first record of each utterance, and a problem for each later one."""
    first: dict[str, Record] = {}
    problems = []
    for record in records:
        earlier = first.setdefault(record.id, record)
        if earlier is not record:
            place = f"{earlier.file} line {earlier.line}"
            reason, fatal = repetition(earlier, record, place)
            problems.append(Problem(record.file, reason, record.line, record.id, fatal))
    return first, problems


def _unmatched(
    tree: Tree, blocks: Mapping[str, LabelBlock], turns: Mapping[str, LabelledTurn]
) -> Iterator[Problem]:
    """Yield a problem for each utterance that lacks labels, WAV file or transcript."""
    for name, block in blocks.items():
        if name not in tree.wavs:
            yield Problem(block.file, NO_WAV, block.line, name)
        if name not in turns:
            yield Problem(block.file, NO_TRANSCRIPT, block.line, name)
    for name, wav in tree.wavs.items():
        if name not in blocks:
            yield Problem(_relative(wav, tree.root), WAV_ONLY, id=name)
    for name, turn in turns.items():
        if name not in blocks:
            yield Problem(turn.file, TRANSCRIPT_ONLY, turn.line, name)


def _doubts(blocks: Sequence[LabelBlock]) -> Iterator[Problem]:
    few = [
        block
        for block in blocks
        if len(block.listeners) < LISTENERS or len(block.voters) < VOTERS
    ]
    for block in blocks:
        if block.end <= block.start:
            times = f"starts at {block.start} s and ends at {block.end} s"
            reason = f"{times}; kept without times"
            yield Problem(block.file, reason, block.line, block.id)
    if few:
        reason = (
            f"{len(few)} utterances, such as {few[0].id}, list fewer than {VOTERS} "
            f"external raters of the class or {LISTENERS} of the ratings"
        )
        yield Problem(".", reason, fatal=False)


def _sort_key(block: LabelBlock) -> tuple[str, str, float, str]:
    return (block.id[4], block.id.rpartition("_")[0], block.start, block.id)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()

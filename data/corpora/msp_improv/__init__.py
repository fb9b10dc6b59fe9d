"""MSP-IMPROV: dialogues of twelve actors, improvised, read and natural, with ratings.

Busso et al. (2017), IEEE Transactions on Affective Computing 8:67. The University of
Texas at Dallas provides the corpus under its own licence. The reader uses these files::

    Evaluation.txt                                          ratings of all turns
    Audio/session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav    one recording of each turn

Valence, arousal (the corpus calls it activation) and dominance are means over raters on
a scale from 1 to 5; some are missing. The class, the emotion that the scenario intended
and the kind of scenario are kept as columns. The published descriptions name no files
of transcripts, so every utterance has speech only, as a sentence says. Whether arousal
rises with activity is checked against the classes and reported; it is never reversed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from affuse.data import extra_columns, rating_kinds
from affuse.data.corpora.msp_improv import arousal_sign, improv_grammar, improv_tree
from affuse.data.corpora.msp_improv.improv_grammar import ID, ImprovTurn
from affuse.data.corpora.msp_improv.improv_sample import sample, sample_hazards
from affuse.data.corpora.msp_improv.improv_tree import ImprovTree
from affuse.data.corpus_facts import CorpusFacts
from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Corpus, Count, Problem, Utterance, repetition
from affuse.data.release_files import read_text

__all__ = ["read", "sample", "sample_hazards"]

NAME = "msp_improv"
SCALE = (1.0, 5.0)
FACTS = CorpusFacts(
    title="MSP-IMPROV",
    root="the folder that holds Evaluation.txt and the sessions, or that file",
    page="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Improv.html",
    licence="by The University of Texas at Dallas, on request",
    ratings="human: means over raters, from 1 to 5",
    texts="none: the known files of the corpus have no transcripts; "
    "`transcribe` recognises the words",
    size="8,438 turns of twelve actors",
    signs=("Evaluation.txt", "Evalution.txt"),
)
EMOTIONS = {
    "A": "angry",
    "H": "happy",
    "S": "sad",
    "N": "neutral",
    "O": "other",
    "X": "no agreement",
}
SCENARIOS = {
    "R": "target read",
    "T": "target improvised",
    "S": "other improvised",
    "P": "natural",
}
FOUR = "angry, happy, sad or neutral"
NO_TEXTS = (
    "there are no transcripts, because the known files of the corpus have none; to add "
    "words, use the command transcribe, then extract --transcripts"
)
NO_WAV = "has ratings but no recording; left out"
PUBLISHED = {
    "utterances": 8_438,
    "sessions": 6,
    "speakers": 12,
    FOUR: 7_798,
    "other improvised or natural": 7_166,
}


def read(root: Path) -> Corpus:
    """Return the rated turns, in the order of the evaluation file.

    No recording is opened.

    Args:
        root: the corpus, a folder at most two levels above it, or its evaluation file

    Raises:
        FileNotFoundError: if there is no copy, or only a part of one
        AffuseError: if there are several copies, or the evaluation file cannot be read
    """
    tree = improv_tree.survey(root)
    file = tree.labels.relative_to(tree.root).as_posix()
    text, problems = read_text(tree.labels, file=file)
    if text is None:
        raise AffuseError(f"{tree.labels} {problems[0].reason}; copy it again")
    turns, damaged = improv_grammar.parse(text, file=file)
    utterances: dict[str, Utterance] = {}
    problems += damaged
    for turn in turns:
        problems += _add(turn, tree, file, utterances)
    rated = tuple(utterances.values())
    is_right, sentence = arousal_sign.judge(rated)
    signs = [Problem(file, sentence, fatal=False)] if is_right is False else []
    return Corpus(
        name=NAME,
        root=tree.root,
        utterances=rated,
        scale=SCALE,
        protocol="loso",
        problems=(*problems, *_notes(turns, tree, rated, file), *signs),
        counts=tuple(Count(k, n, _counts(rated)[k]) for k, n in PUBLISHED.items()),
        nature=rating_kinds.read_nature_below(root, tree.root),
        reading=(NO_TEXTS, *(() if signs else (sentence,))),
    )


def _add(
    turn: ImprovTurn, tree: ImprovTree, file: str, utterances: dict[str, Utterance]
) -> Iterator[Problem]:
    """Add the utterance of a turn, and yield the problem that prevents it."""
    wav = tree.wavs.get(turn.id)
    if wav is None:
        yield Problem(file, NO_WAV, turn.line, turn.id)
        return
    record = _utterance(turn, wav)
    earlier = utterances.setdefault(turn.id, record)
    if earlier is not record:
        reason, fatal = repetition(earlier, record, "an earlier line")
        yield Problem(file, reason, turn.line, turn.id, fatal)


def _utterance(turn: ImprovTurn, wav: Path) -> Utterance:
    parts = ID.fullmatch(turn.id)
    assert parts is not None  # `improv_grammar.parse` returns such ids only
    scenario = f"S{parts['sentence']}{parts['intended']}"
    columns = {
        "emotion": EMOTIONS.get(turn.emotion, turn.emotion),
        "intended": EMOTIONS[parts["intended"]],
        "scenario": SCENARIOS[parts["scenario"]],
    }
    return Utterance(
        id=turn.id,
        audio=wav,
        ratings=turn.ratings,
        speaker=parts["speaker"],
        sex=parts["speaker"][0],
        session=parts["session"],
        dialogue=f"session{parts['session']}-{scenario}",
        scripted=parts["scenario"] == "R",
        columns=extra_columns.mapping(columns),
    )


def _notes(
    turns: Iterable[ImprovTurn],
    tree: ImprovTree,
    utterances: Iterable[Utterance],
    file: str,
) -> Iterator[Problem]:
    """Yield a note on missing ratings, and on recordings without a line."""
    utterances = tuple(utterances)
    for name in RATINGS:
        lacking = [u.id for u in utterances if name not in u.ratings]
        if lacking:
            reason = f"there is no rating of {name} (rows: {len(lacking)})"
            yield Problem(file, f"{reason}, such as {lacking[0]}", fatal=False)
    if unrated := sorted(tree.wavs.keys() - {turn.id for turn in turns}):
        reason = f"recordings without a usable line, left out (rows: {len(unrated)})"
        yield Problem(file, f"{reason}, such as {unrated[0]}", fatal=False)


def _counts(utterances: Iterable[Utterance]) -> Counter[str]:
    """Return the counts of a copy, by the names in `PUBLISHED`."""
    utterances = tuple(utterances)
    emotions = Counter(u.columns["emotion"] for u in utterances)
    scenarios = Counter(u.columns["scenario"] for u in utterances)
    return Counter(
        {
            "utterances": len(utterances),
            "sessions": len({u.session for u in utterances}),
            "speakers": len({u.speaker for u in utterances}),
            FOUR: sum(emotions[EMOTIONS[letter]] for letter in "AHSN"),
            "other improvised or natural": scenarios[SCENARIOS["S"]]
            + scenarios[SCENARIOS["P"]],
        }
    )

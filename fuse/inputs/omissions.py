"""Messages on utterances that training leaves out, and on utterances without words."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.modality import BUILT_IN
from affuse.data.name_spellings import spelling
from affuse.data.rating_scales import RATINGS
from affuse.data.reading.transcript_rule import digest
from affuse.data.records import Utterance
from affuse.data.splits.protocols import abbreviate
from affuse.fuse.wording import count


def sentences(left_out: Mapping[str, int]) -> Iterator[str]:
    """Yield one sentence for each reason, with the number of utterances.

    Args:
        left_out: {reason, such as "no text": number of utterances}

    Examples:
        >>> list(sentences({"no text": 2}))
        ['left out: 2 utterances with no text']
    """
    for reason, number in left_out.items():
        yield f"left out: {count(number, 'utterance')} with {reason}"


def runs_without(present: Collection[str]) -> str:
    """Return the runs that predict utterances which lack a modality, in words.

    Args:
        present: modalities that the utterances have

    Examples:
        >>> runs_without(["audio"]).partition(", or ")[0]
        'a run of audio, of experts'
    """
    alone = "".join(f"{m}, of " for m in BUILT_IN if m in present)
    return (
        f"a run of {alone}experts, or of a design trained with --set "
        f"modality_dropout=0.3"
    )


def count_wordless(embeddings: Mapping[str, Embeddings], ids: Collection[str]) -> int:
    """Return the number of utterances whose text embedding is of the empty sentence.

    These utterances are kept, see `affuse.data.reading.transcript_rule`.

    Args:
        embeddings: {modality: rows of its cache}
        ids: of the utterances that are used
    """
    if (text := embeddings.get("text")) is None:
        return 0
    empty, used = digest(""), frozenset(ids)
    pairs = zip(text.ids, text.contents, strict=True)
    return sum(content == empty and id_ in used for id_, content in pairs)


def wordless_sentences(number: int) -> Iterator[str]:
    """Yield a sentence on utterances without words, if there are any.

    Args:
        number: of these utterances

    Examples:
        >>> list(wordless_sentences(2))
        ['kept: 2 utterances without words, whose text is read as the empty sentence']
    """
    if number:
        yield (
            f"kept: {count(number, 'utterance')} without words, whose text is read as "
            f"the empty sentence"
        )


@contextmanager
def explain_omissions(
    left_out: Mapping[str, int],
    utterances: Sequence[Utterance],
    used: Sequence[Utterance],
) -> Iterator[None]:
    """Add lines on omissions to an error of the division into folds.

    Args:
        left_out: {reason: number of utterances}
        utterances: all utterances of the corpus
        used: the utterances that are divided into folds

    Raises:
        AffuseError: an error of the same class with more lines. They count the omitted
            utterances by reason, name ratings without which more utterances could be
            used, and name speakers that lost all utterances
    """
    try:
        yield
    except AffuseError as error:
        lines = [f"  {sentence}" for sentence in sentences(left_out)]
        lines += [
            f"  {sentence}" for sentence in _rare_rating_sentences(left_out, utterances)
        ]
        present = {spelling(u.speaker) for u in used}
        lost = {u.speaker for u in utterances if spelling(u.speaker) not in present} - {
            ""
        }
        if lost:
            lines.append(
                f"  no utterance is left of {count(len(lost), 'speaker')} "
                f"({abbreviate(lost)})"
            )
        raise type(error)(*error.args, *lines) from error


def _rare_rating_sentences(
    left_out: Mapping[str, int], utterances: Sequence[Utterance]
) -> Iterator[str]:
    """Yield a sentence for each rating that utterances with other ratings lack.

    Args:
        left_out: {reason: number of utterances}
        utterances: all utterances of the corpus
    """
    rated = [u for u in utterances if u.ratings]
    for name in RATINGS:
        lacking = sum(name not in u.ratings for u in rated)
        if f"no rating of {name}" in left_out and lacking:
            yield (
                f"{count(lacking, 'utterance')} of them "
                f"{'has' if lacking == 1 else 'have'} other ratings; to use them "
                f"without {name}, for a table, extract again with --map {name}="
            )

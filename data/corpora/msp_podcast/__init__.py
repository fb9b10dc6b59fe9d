"""MSP-Podcast: speech of podcasts with ratings by many raters, releases 1.6 to 2.0.

Lotfian and Busso (2019), IEEE Transactions on Affective Computing 10:471. The
University of Texas at Dallas provides the corpus under its own licence. The reader uses
these files of a release::

    Labels/labels_consensus.csv          means over raters, speaker, split
    Audios/MSP-PODCAST_9001_0007.wav     one recording for each turn
    Labels/labels_detailed.csv           ratings by single raters
    Transcripts/MSP-PODCAST_9001_0007.txt
    Partitions.txt                       the splits again

Valence, arousal (the release calls it activation) and dominance are means over at least
five raters on a scale from 1 to 7. Where a copy lacks the file of means, they are
computed from the ratings of single raters. These are read in either case, as mean,
deviation and number of raters. The class is kept as the column ``emotion``.
The number of the podcast is the dialogue.

The splits are those of the release: ``Test1`` is ``test``, ``Validation`` is ``dev``.
The publisher hides all labels of ``Test3``, so its utterances have no ratings. The
three test sets share speakers with each other, but not with the other parts.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from affuse.data import rating_kinds
from affuse.data.corpora.msp_podcast import (
    podcast_labels,
    podcast_releases,
    podcast_tree,
)
from affuse.data.corpora.msp_podcast.podcast_labels import PodcastLabel
from affuse.data.corpora.msp_podcast.podcast_odd_sample import sample_hazards
from affuse.data.corpora.msp_podcast.podcast_releases import PodcastRelease
from affuse.data.corpora.msp_podcast.podcast_sample import sample
from affuse.data.corpora.msp_podcast.podcast_tree import PodcastTree
from affuse.data.corpora.msp_podcast.podcast_utterances import (
    HIDDEN,
    SCALE,
    PodcastCollection,
)
from affuse.data.corpus_facts import CorpusFacts
from affuse.data.records import Corpus, Problem, Utterance

__all__ = ["read", "sample", "sample_hazards"]

NAME = "msp_podcast"
FACTS = CorpusFacts(
    title="MSP-Podcast",
    root="the folder of release 1.6 to 2.0, or its file Labels/labels_consensus.csv",
    page="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html",
    licence="by The University of Texas at Dallas, on request",
    ratings="human: means over five or more raters, from 1 to 7",
    texts="one file for each turn in later releases; none of Test3",
    size="50,000 turns (release 1.6) to 264,705 turns, 409 hours (release 2.0)",
    signs=("[Ll]abel*/labels_con[cs]ensus.*", "[Ll]abel*/labels_detailed.*"),
)


def read(root: Path) -> Corpus:
    """Return the turns in the order of the labels, then those of the hidden test set.

    No recording is opened.

    Args:
        root: the folder of a release, a folder at most two levels above it, one of its
            folders, or one of its label files, which is then read

    Raises:
        FileNotFoundError: if there is no release, or only its labels
        AffuseError: if there are several releases, if it is older than 1.6, or if the
            labels are damaged
    """
    folder, labels_file = podcast_tree.find(root)
    version = podcast_releases.stated_version(folder, root)
    tree = podcast_tree.survey(folder, labels_file)
    partitions, partition_problems = podcast_labels.read_partitions(tree)
    collection = PodcastCollection(tree, partitions)
    splits = set(partitions.values())
    for label in podcast_labels.read(tree):
        if isinstance(label, PodcastLabel):
            splits.add(label.split)
            collection.add(label)
        else:
            collection.problems.append(label)
    collection.add_hidden()
    utterances = tuple(collection.utterances.values())
    if collection.hidden:
        splits.add(HIDDEN.capitalize())
    releases = _releases(version, tree, splits, len(utterances))
    release = releases[0] if len(releases) == 1 else None
    return Corpus(
        name=NAME,
        root=folder,
        utterances=utterances,
        scale=SCALE,
        protocol="official",
        problems=(
            *partition_problems,
            *collection.problems,
            *collection.notes(),
            *_missing_folders(tree),
        ),
        counts=podcast_releases.compare(release, utterances) if release else (),
        nature=rating_kinds.read_nature_below(root, folder),
        reading=(
            _source(tree),
            _raters_sentence(tree, utterances),
            _release_sentence(version, releases),
            *_hidden_sentence(collection.hidden),
            *_audio_sentence(tree),
        ),
    )


def _releases(
    version: str, tree: PodcastTree, splits: set[str], count: int
) -> tuple[PodcastRelease, ...]:
    """Return the releases that a copy may be.

    Args:
        version: that the name of the folder states; "" if it states none
        tree: files of the copy
        splits: names of the splits, as the files spell them
        count: of utterances; a published equal count decides
    """
    if version:
        return tuple(r for r in podcast_releases.RELEASES if r.version == version)
    consensus = tree.labels.name if podcast_labels.has_consensus(tree) else ""
    alike = podcast_releases.candidates(tree.labels.parent.name, consensus, splits)
    equal = tuple(r for r in alike if r.counts.get("utterances") == count)
    return equal or alike


def _source(tree: PodcastTree) -> str:
    """Return the sentence that says where the ratings come from."""
    file = tree.name(tree.labels)
    if podcast_labels.has_consensus(tree):
        return f"ratings from {file}, on the scale of 1 to 7"
    return (
        f"ratings computed as means over the raters in {file}, on the scale of 1 to 7, "
        f"because no file of consensus labels was read; splits from Partitions.txt, "
        f"speakers are not known"
    )


def _raters_sentence(tree: PodcastTree, utterances: Sequence[Utterance]) -> str:
    """Return the sentence that says which utterances have single ratings."""
    numbers = [s.raters for u in utterances for s in u.raters.values()]
    if tree.raters is None or not numbers:
        lack = "no ratings of single raters"
        if tree.raters is None:
            lack += (
                f", because {tree.labels.parent.name} has none of labels_detailed.csv, "
                f"labels_detailed.json and labels.txt"
            )
        return f"{lack}; human agreement and weighting=raters need them"
    fewest, most = min(numbers), max(numbers)
    return (
        f"ratings of single raters from {tree.name(tree.raters)}: "
        f"{sum(bool(u.raters) for u in utterances):,} utterances by "
        f"{fewest if fewest == most else f'{fewest} to {most}'} raters each"
    )


def _release_sentence(version: str, releases: tuple[PodcastRelease, ...]) -> str:
    """Return the sentence that says which release a copy is."""
    names = " or ".join(release.version for release in releases)
    if not releases:
        known = f"release {version}" if version else "the release"
        return f"{known} is not known to this version, so no counts were compared"
    if len(releases) > 1:
        return (
            f"read as release {names}, by its files; to compare its counts, name the "
            f"folder as released, such as MSP-PODCAST-Publish-{releases[-1].version}"
        )
    how = "by the name of its folder" if version else "by its files"
    counts = "" if releases[0].counts else "; its counts are not published"
    return f"read as release {names}, {how}{counts}"


def _hidden_sentence(count: int) -> Iterator[str]:
    """Yield the sentence on the hidden test set, if there is one."""
    if count:
        yield (
            f"recordings of Test3, whose labels are hidden: {count:,}; they have no "
            f"ratings and can only be predicted"
        )


def _audio_sentence(tree: PodcastTree) -> Iterator[str]:
    """Yield the sentence on the folder of recordings, if there are several."""
    if tree.wavs is not None and tree.other_wavs:
        others = ", ".join(tree.other_wavs)
        yield f"recordings from {tree.wavs.folder.name}; {others} is not read"


def _missing_folders(tree: PodcastTree) -> Iterator[Problem]:
    """Yield a note for each folder that an old or partial release lacks."""
    if tree.wavs is None:
        reason = "there is no folder Audios, so only texts are read"
        yield Problem("", reason, fatal=False)
    if tree.transcripts is None:
        reason = "there is no folder Transcripts, so no text is read"
        yield Problem("", reason, fatal=False)

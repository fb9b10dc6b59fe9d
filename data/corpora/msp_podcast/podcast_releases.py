"""Releases 1.6 to 2.0 of MSP-Podcast: how their files differ, and published counts.

Only counts from the publisher, or of which independent sources agree, are listed. The
splits of other releases are not published, so nothing is compared with them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.records import Count, Utterance

OLDEST = (1, 6)  # release that this project can read
_VERSION = re.compile(r"(?<![\d.])([12])\.(\d{1,2})(?![\d.]*\d)")
_TOGETHER = ("FileName", "EmoDetail")
_APART = (
    "FileName", "WorkerID", "EmoClass_Major", "EmoClass_Second", "EmoAct", "EmoVal",
    "EmoDom",
)  # fmt: skip


@dataclass(frozen=True)
class PodcastRelease:
    """Names of the files, splits and columns of one release, and its counts."""

    version: str
    folder: str  # of the labels
    consensus: str  # file of the mean ratings
    development: tuple[str, ...]  # names of the development part
    tests: tuple[str, ...]
    details: tuple[str, ...] = _TOGETHER  # columns of labels_detailed.csv
    counts: Mapping[str, int] = field(default_factory=dict)  # as published


_CLASSES = {  # of the training part of release 1.12
    "neutral": 36_203, "happy": 24_861, "no agreement": 20_863, "angry": 10_212,
    "sad": 9_745, "surprised": 3_506, "contempt": 2_816, "other": 1_827,
    "disgusted": 1_504, "afraid": 1_175,
}  # fmt: skip
_COUNTS_1_11 = {
    "utterances": 151_654,
    "utterances of train": 84_030,
    "utterances of dev": 19_815,
    "utterances of test": 30_647,
    "utterances of test2": 14_815,
    "utterances of test3": 2_347,
    "known speakers of train": 1_409,
    "known speakers of dev": 454,
    "known speakers of test": 237,
    "known speakers of test2": 117,
}
_COUNTS_1_12 = {
    "utterances": 207_136,
    "transcripts": 203_936,
    "utterances of train": 112_712,
    "utterances of dev": 31_961,
    **{f"class {name} of train": n for name, n in _CLASSES.items()},
}
_MISSPELT, _CORRECT = "labels_concensus.csv", "labels_consensus.csv"
_WORKERS = ("FileName", "Workers", *_APART[2:])
_TWO, _THREE = ("Test1", "Test2"), ("Test1", "Test2", "Test3")
_BOTH = ("Validation", "Development")
RELEASES = (
    PodcastRelease("1.6", "label", _MISSPELT, _BOTH[:1], ("Test",), _WORKERS),
    PodcastRelease("1.7", "Labels", _MISSPELT, _BOTH[:1], _TWO),
    PodcastRelease(
        "1.8", "Labels", _MISSPELT, _BOTH[:1], _TWO, counts={"utterances": 73_042}
    ),
    PodcastRelease("1.9", "labels", _MISSPELT, _BOTH[:1], _TWO),
    PodcastRelease("1.10", "Labels", _CORRECT, _BOTH, _TWO),
    PodcastRelease("1.11", "Labels", _CORRECT, _BOTH[1:], _THREE, counts=_COUNTS_1_11),
    PodcastRelease("1.12", "Labels", _CORRECT, _BOTH[1:], _THREE, counts=_COUNTS_1_12),
    PodcastRelease(
        "2.0",
        "Labels",
        _CORRECT,
        _BOTH[1:],
        _THREE,
        _APART,
        counts={"utterances": 264_705},
    ),
)


def stated_version(folder: Path, root: Path) -> str:
    """Return the release that the name of a folder states, such as "1.11".

    Only names with ``podcast`` in them count, because other versions of other things
    may be part of a path.

    Args:
        folder: of the release
        root: the folder that the user named, `folder` or above it; its name is used if
            that of `folder` states nothing

    Returns:
        the release; "" if neither name states one

    Raises:
        AffuseError: if the release is older than `OLDEST`

    Examples:
        >>> stated_version(Path("MSP-PODCAST-Publish-1.11"), Path("."))
        '1.11'
    """
    for name in (folder.name, root.name):
        match = _VERSION.search(name) if "podcast" in name.lower() else None
        if match:
            if (int(match[1]), int(match[2])) < OLDEST:
                raise AffuseError(
                    f"{folder} is release {match[0]} of MSP-Podcast by its name, and "
                    f"releases before 1.6 have other files; use a later release"
                )
            return match[0]
    return ""


def candidates(
    folder: str, consensus: str, splits: Iterable[str]
) -> tuple[PodcastRelease, ...]:
    """Return the releases that have files and splits with these names.

    Args:
        folder: name of the folder of the labels; its case decides only if a release
            has exactly this name, because some file systems change it
        consensus: name of the file of mean ratings; "" if it is missing
        splits: names of the splits, as the files spell them; "" is ignored
    """
    names = set(splits) - {"", "Train"}
    alike = [
        r
        for r in RELEASES
        if names <= {*r.development, *r.tests}
        and (not names or names & {*r.tests})
        and Path(consensus).stem in ("", Path(r.consensus).stem)
        and folder.lower() == r.folder.lower()
    ]
    exact = [release for release in alike if release.folder == folder]
    return tuple(exact or alike)


def compare(
    release: PodcastRelease, utterances: Iterable[Utterance]
) -> tuple[Count, ...]:
    """Return each published count of a release with that of a copy.

    Args:
        release: of which the copy is
        utterances: of the whole copy
    """
    found: Counter[str] = Counter()
    speakers: dict[str, set[str]] = {}
    for utterance in utterances:
        found.update(_count_names(utterance))
        speakers.setdefault(utterance.split, set()).add(utterance.speaker)
    for split, names in speakers.items():
        found[f"known speakers of {split}"] = len(names - {""})
    return tuple(Count(what, n, found[what]) for what, n in release.counts.items())


def _count_names(utterance: Utterance) -> Iterator[str]:
    """Yield the names of the counts that an utterance raises by one."""
    yield from ("utterances", f"utterances of {utterance.split}")
    if utterance.transcript is not None:
        yield "transcripts"
    if emotion := utterance.columns.get("emotion"):
        yield f"class {emotion} of {utterance.split}"

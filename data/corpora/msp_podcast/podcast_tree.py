"""Location of the files of an MSP-Podcast release, also if its folders are renamed.

Names of folders and files are matched in any case. Recordings and transcripts lie in
flat folders, which are listed once; no recording is opened. Other folders, such as
``ForceAligned`` and earlier releases, are never read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from affuse.data.release_files import (
    find_child,
    find_copy,
    list_entries,
    list_names,
)

LABELS = ("labels", "label")  # folders of labels
AUDIO = ("audios", "audio", "audios_16k")  # folders of recordings, the first is taken
TRANSCRIPTS = "transcripts"
PARTITIONS = ("partitions.txt", "partition.txt")
DEPTH = 2  # levels that the release may lie below the user's folder
CONSENSUS = ("labels_consensus", "labels_concensus")  # 1.6 to 1.9 misspell the name
DETAILED = "labels_detailed"
RAW = "labels.txt"
LABEL_FILES = (  # by preference
    *(f"{stem}.csv" for stem in CONSENSUS),
    *(f"{stem}.json" for stem in CONSENSUS),
    f"{DETAILED}.csv",
    f"{DETAILED}.json",
    RAW,
)
STEM = r"MSP-PODCAST_[A-Za-z0-9]+_[\w-]+(?:\.[\w-]+)*?"  # for `re.ASCII`
WAV = re.compile(rf"{STEM}\.(?i:wav)", re.ASCII)
TRANSCRIPT = re.compile(rf"{STEM}\.(?i:txt)", re.ASCII)


@dataclass(frozen=True)
class Listing:
    """Names of the files in a flat folder."""

    folder: Path
    names: frozenset[str]

    def find(self, name: str) -> str:
        """Return the name of a file as the folder spells it; "" if it is missing.

        Args:
            name: in any case
        """
        return name if name in self.names else self._by_lower.get(name.lower(), "")

    @cached_property
    def _by_lower(self) -> dict[str, str]:
        return {name.lower(): name for name in sorted(self.names)}


@dataclass(frozen=True)
class PodcastTree:
    """Files of one release."""

    root: Path
    labels: Path  # file that the ratings are read from
    raters: Path | None  # file of single ratings, which may be `labels`
    wavs: Listing | None  # None: there is no folder of recordings
    transcripts: Listing | None  # None: there is no folder of transcripts
    partitions: Path | None
    other_wavs: tuple[str, ...] = ()  # names of more folders of recordings

    def name(self, path: Path) -> str:
        """Return the name of a file relative to the release, for problems."""
        return path.relative_to(self.root).as_posix()


def find(root: Path) -> tuple[Path, Path]:
    """Return the folder of a release, and the file that its ratings are read from.

    Args:
        root: the release, a folder at most two levels above it, one of its folders, or
            one of its label files, which is then read

    Raises:
        FileNotFoundError: if there is no release
        AffuseError: if there are several, so that the user must name one
    """
    if root.is_file():
        if root.name.lower() in LABEL_FILES:
            parent = root.absolute().parent
            folder = parent.parent if parent.name.lower() in LABELS else parent
            return folder, root.absolute()
        raise FileNotFoundError(
            f"{root} is no label file of MSP-Podcast; name the folder of the release, "
            f"or its file Labels/labels_consensus.csv"
        )
    is_inside = root.name.lower() in (*LABELS, *AUDIO, TRANSCRIPTS)
    release = find_copy(
        root.parent if is_inside else root, _is_release, depth=0 if is_inside else DEPTH
    )
    if release is None:
        raise FileNotFoundError(
            f"no MSP-Podcast in {root}: looked there and {DEPTH} folders down for a "
            f"folder Labels with labels_consensus.csv or another file of labels in it; "
            f"name the folder that holds Labels, Audios and Transcripts"
        )
    return release, next(_label_files(release))


def survey(root: Path, labels: Path) -> PodcastTree:
    """List the files of a release.

    Args:
        root: folder of the release, as `find` returns it
        labels: file of the labels, as `find` returns it

    Raises:
        FileNotFoundError: if there are neither recordings nor transcripts
    """
    folders = [folder for name in AUDIO if (folder := _folder(root, name))]
    wavs = folders[0] if folders else None
    transcripts = _folder(root, TRANSCRIPTS)
    if wavs is None and transcripts is None:
        raise FileNotFoundError(
            f"{root} has neither a folder Audios nor a folder Transcripts; name the "
            f"folder of the release, which holds these beside {labels.parent.name}"
        )
    paths = (find_child(root, name) for name in PARTITIONS)
    return PodcastTree(
        root,
        labels,
        next((p for p in (labels, *_label_files(root)) if _has_raters(p)), None),
        _listing(wavs, WAV),
        _listing(transcripts, TRANSCRIPT),
        next((path for path in paths if path.is_file()), None),
        tuple(dict.fromkeys(f.name for f in folders if f != wavs)),
    )


def _folder(root: Path, name: str) -> Path | None:
    path = find_child(root, name)
    return path if path.is_dir() else None


def _listing(folder: Path | None, pattern: re.Pattern[str]) -> Listing | None:
    return None if folder is None else Listing(folder, list_names(folder, pattern))


def _label_files(folder: Path) -> Iterator[Path]:
    """Yield the label files of a release by preference."""
    places = (*(find_child(folder, name) for name in LABELS), folder)
    files = {
        entry.name.lower(): place / entry.name
        for place in reversed(places)
        for entry in list_entries(place)
        if entry.name.lower() in LABEL_FILES
    }
    yield from (files[name] for name in LABEL_FILES if name in files)


def _has_raters(path: Path) -> bool:
    """Return True if a label file has the ratings of single raters."""
    return path.stem.lower() not in CONSENSUS


def _is_release(folder: Path) -> bool:
    return next(_label_files(folder), None) is not None

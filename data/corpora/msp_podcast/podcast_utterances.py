"""Utterances of MSP-Podcast, from labels, partitions, recordings and transcripts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from sys import intern

from affuse.data import extra_columns
from affuse.data.corpora.msp_podcast.podcast_labels import PodcastLabel
from affuse.data.corpora.msp_podcast.podcast_tree import WAV, Listing, PodcastTree
from affuse.data.corpora.msp_podcast.rater_collection import differs
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Problem, Utterance, repetition
from affuse.data.release_files import read_listed_text
from affuse.data.tables import cell_values

SCALE = (1.0, 7.0)
EMOTIONS = {  # letter of the consensus -> value of the column emotion
    "A": "angry",
    "S": "sad",
    "H": "happy",
    "U": "surprised",
    "F": "afraid",
    "D": "disgusted",
    "C": "contempt",
    "N": "neutral",
    "O": "other",
    "X": "no agreement",
}
HIDDEN = "test3"  # split of which only the recordings are published
# Recordings that a release lists, and does not have.
NEVER_SHIPPED = {"MSP-PODCAST_1909_1017.wav": "2.0"}

NO_NAME = "is no name of a recording of MSP-Podcast; left out"
NO_WAV = "has ratings but no recording in the folder Audios; kept without speech"
NO_RATERS = "a row has no ratings of single raters in their file"
OUTSIDE = "a rating lies outside the scale of 1 to 7; it is kept"
NO_TRANSCRIPT = "has ratings but no transcript; kept without text"
NOTHING = "has ratings, but neither a recording nor a transcript; left out"


class PodcastCollection:
    """Utterances by id and problems, collected from the labels of one release."""

    def __init__(self, tree: PodcastTree, partitions: Mapping[str, str]) -> None:
        """Take the files of the release.

        Args:
            tree: files of the release
            partitions: {name of a recording: split}, from ``Partitions.txt``
        """
        self.tree = tree
        self.utterances: dict[str, Utterance] = {}
        self.problems: list[Problem] = []
        self.hidden = 0  # recordings of `HIDDEN` without labels
        self._partitions = partitions
        self._file = tree.name(tree.labels)
        # All are read at once, because this takes less time than one in each `add`.
        self._texts = self._read_texts(tree.transcripts) if tree.transcripts else {}
        self._read: set[str] = set()  # names of the recordings that have labels
        self._counts: Counter[str] = Counter()  # rows, by the sentence of a note
        self._examples: dict[str, str] = {}  # id of the first of them

    def add(self, label: PodcastLabel) -> None:
        """Add the utterance of a label, or the problem that prevents it.

        Args:
            label: of the release
        """
        name, wavs = label.recording, self.tree.wavs
        wav = wavs.find(name) if wavs else ""
        if not wav and not WAV.fullmatch(name):
            self._problem(label, repr(name) + " " + NO_NAME)
            return
        split = _split(label.split or self._partition(name))
        record = self._utterance(label, wav, split)
        if record is None:
            return
        earlier = self.utterances.setdefault(record.id, record)
        if earlier is not record:
            reason, fatal = repetition(earlier, record, "an earlier row")
            self._problem(label, reason, fatal=fatal)
        elif label.split and name in self._partitions:
            if _split(self._partition(name)) != record.split:
                self._count(record.id, "Partitions.txt states another split")

    def add_hidden(self) -> None:
        """Add the recordings of the hidden test set, which have no labels.

        Other recordings without labels are counted in a note.
        """
        if self.tree.wavs is None:
            return
        for name in sorted(self.tree.wavs.names - self._read):
            stem = name[:-4]
            if HIDDEN in name.lower() or _split(self._partition(name)) == HIDDEN:
                path = self.tree.wavs.folder / name
                self.hidden += 1
                self.utterances[stem] = Utterance(
                    stem, path, dialogue=_podcast(stem), split=HIDDEN
                )
            else:
                self._count(stem, "a recording has no labels, so it is left out")

    def notes(self) -> Iterator[Problem]:
        """Yield one note for each kind of row that is read and may surprise."""
        for sentence, rows in sorted(self._counts.items()):
            reason = f"{sentence} (rows: {rows}), such as {self._examples[sentence]}"
            yield Problem(self._file, reason, fatal=False)

    def _partition(self, name: str) -> str:
        return self._partitions.get(name, "")

    def _utterance(self, label: PodcastLabel, wav: str, split: str) -> Utterance | None:
        """Return the utterance of a label; None if it has no sound and no words."""
        stem, wavs, transcripts = label.stem, self.tree.wavs, self.tree.transcripts
        transcript = text = None
        if transcripts:
            name = f"{stem}.txt"
            texts = self._texts
            transcript = texts.get(name) or texts.get(transcripts.find(name))
        if wav:
            self._read.add(wav)
        elif wavs or transcript is None:
            self._missing_recording(label, transcript)
        if transcript is not None:
            text = cell_values.clean_transcript(transcript)
        elif not wav:
            return None
        elif transcripts and split != HIDDEN:
            self._problem(label, NO_TRANSCRIPT)
        speaker = _speaker(label.speaker)
        is_full = speaker and len(label.ratings) == len(RATINGS)
        if not is_full and split != HIDDEN:
            self._count_gaps(label, stem, speaker, split)
        return Utterance(
            id=stem,
            audio=wavs.folder / wav if wavs and wav else None,
            transcript=transcript,
            text=text,
            ratings=label.ratings,
            speaker=speaker,
            sex=_sex(label.sex),
            dialogue=_podcast(stem),
            split=split,
            flags=self._flags(label, stem),
            columns=_columns(label.emotion),
            raters=label.raters,
        )

    def _read_texts(self, transcripts: Listing) -> dict[str, str]:
        """Return the text of each transcript by the name of its file."""
        folder, short = str(transcripts.folder), transcripts.folder.name
        texts: dict[str, str] = {}
        problems: list[Problem] = []
        for name in transcripts.names:
            text, found = read_listed_text(f"{folder}/{name}", file=f"{short}/{name}")
            if text is not None:
                texts[name] = text.strip()
            if found:
                problems += found
        self.problems += sorted(problems, key=lambda problem: problem.file)
        return texts

    def _flags(self, label: PodcastLabel, stem: str) -> tuple[str, ...]:
        """Return the flags of ratings, and count those that are not as expected."""
        if self.tree.raters is not None and label.ratings and not label.raters:
            self._count(stem, NO_RATERS)
        for name in label.raters:
            if differs(label.ratings.get(name), label.raters[name]):
                self._count(stem, f"{name} is not the mean of its single ratings")
        low, high = SCALE
        for value in label.ratings.values():
            if not low <= value <= high:
                self._count(stem, OUTSIDE)
                return ("out_of_range",)
        return ()

    def _missing_recording(self, label: PodcastLabel, transcript: str | None) -> None:
        reason = NOTHING if transcript is None else NO_WAV
        release = NEVER_SHIPPED.get(label.recording)
        if release:
            reason += f"; release {release} itself lists it without a recording"
        self._problem(label, reason, fatal=not release)

    def _count_gaps(
        self, label: PodcastLabel, stem: str, speaker: str, split: str
    ) -> None:
        """Count an unknown speaker and missing ratings."""
        if not speaker:
            self._count(
                stem,
                f"the speaker of a row of {split or 'no split'} is unknown, so it "
                f"cannot be checked whether another part has the same speaker",
            )
        for name in RATINGS:
            if name not in label.ratings:
                self._count(stem, f"there is no rating of {name}")

    def _count(self, name: str, sentence: str) -> None:
        self._counts[sentence] += 1
        self._examples.setdefault(sentence, name)

    def _problem(self, label: PodcastLabel, reason: str, *, fatal: bool = True) -> None:
        stem = label.stem if WAV.fullmatch(label.recording) else ""
        self.problems.append(Problem(self._file, reason, label.line, stem, fatal))


@lru_cache(64)  # a release names few splits
def _split(name: str) -> str:
    return intern(cell_values.split(name))


@lru_cache(4096)  # a speaker has tens of turns, most of them in neighbouring rows
def _speaker(cell: str) -> str:
    return intern(cell_values.name_or_empty(cell))


@lru_cache(64)
def _sex(cell: str) -> str:
    return cell_values.SEXES.get(cell.casefold(), "")


@lru_cache(64)
def _columns(letter: str) -> Mapping[str, str]:
    """Return the columns of an utterance by the letter of its class."""
    return extra_columns.mapping({"emotion": EMOTIONS.get(letter, letter)})


def _podcast(stem: str) -> str:
    """Return the number of the podcast in the name of a recording.

    Examples:
        >>> _podcast("MSP-PODCAST_9001_0007")
        '9001'
    """
    return intern(stem.split("_", 2)[1])

"""MSP-Podcast sample with the irregularities of real copies, for the tests."""

from pathlib import Path

import numpy as np

from affuse.data.corpora.msp_podcast.podcast_sample import RELEASE, write_sample
from affuse.data.sample_sounds import write_wav

# What is odd about a turn: its name without the beginning.
NO_WAV, NO_TRANSCRIPT, NOTHING = "9001_0001", "9001_0002", "9001_0003"
EMPTY, STEREO, UPPER_CASE = "9002_0001", "9002_0002", "9002_0003"
NO_DOMINANCE, BAD_RATING, OUTSIDE = "9004_0001", "9004_0002", "9004_0003"
REPEATED, CONTRADICTED, OTHER_SPLIT = "9005_0001", "9005_0002", "9005_0003"
NO_LABELS = "9990_0001"
NEVER_SHIPPED = "1909_1017"  # listed by release 2.0, which lacks its recording
CP1252 = "9006_0001"


def sample_hazards(root: Path) -> int:
    """Write the sample with every irregularity and return the count of a reader.

    Args:
        root: folder of the release

    Returns:
        how many utterances a reader finds
    """
    turns = write_sample(root, RELEASE)
    for hazard in (_recordings, _transcripts, _labels, _strays):
        hazard(root)
    return len(turns) - 1  # one has neither a recording nor a transcript


def wav_path(root: Path, name: str) -> Path:
    """Return the recording of a turn, by the end of its name."""
    return root / "Audios" / f"MSP-PODCAST_{name}.wav"


def transcript_path(root: Path, name: str) -> Path:
    """Return the transcript of a turn, by the end of its name."""
    return root / "Transcripts" / f"MSP-PODCAST_{name}.txt"


def labels_path(root: Path) -> Path:
    """Return the file of consensus labels."""
    return root / RELEASE.folder / RELEASE.consensus


def _recordings(root: Path) -> None:
    """Remove two recordings, add one without labels, and change two."""
    for name in (NO_WAV, NOTHING):
        wav_path(root, name).unlink()
    write_wav(wav_path(root, NO_LABELS), np.zeros(1600))
    # Release 1.8 has one recording with this rate and number of channels.
    write_wav(wav_path(root, STEREO), np.full((4410, 2), 0.1), rate=44_100)
    path = wav_path(root, UPPER_CASE)
    path.rename(path.with_suffix(".WAV"))


def _transcripts(root: Path) -> None:
    """Remove, empty and recode transcripts."""
    for name in (NO_TRANSCRIPT, NOTHING):
        transcript_path(root, name).unlink()
    transcript_path(root, EMPTY).write_bytes(b" \r\n")
    transcript_path(root, CP1252).write_bytes(b"the caf\xe9 was shut\r\n")


def _labels(root: Path) -> None:
    """Replace ratings, repeat rows, and add rows without a usable recording."""
    path = labels_path(root)
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    rows = {line.partition(".wav")[0].partition("_")[2]: line for line in lines}
    for name, value in ((NO_DOMINANCE, "NaN"), (BAD_RATING, "4,5x"), (OUTSIDE, "7.5")):
        cells = rows[name].split(",")
        cells[4] = f'"{value}"'
        rows[name] = ",".join(cells)
    split = rows[OTHER_SPLIT].replace(",Development", ",Train")
    more = [
        rows[REPEATED],
        rows[CONTRADICTED].replace(",Development", ",Test1"),
        f"MSP-PODCAST_{NEVER_SHIPPED}.wav,N,4.0,4.0,4.0,99,Male,Train",
        "../secret.wav,N,4.0,4.0,4.0,99,Male,Train",
    ]
    text = "\r\n".join([header, *{**rows, OTHER_SPLIT: split}.values(), *more])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())  # the mark of some programs


def _strays(root: Path) -> None:
    """Add files of other programs, and labels of an earlier release."""
    for path in (wav_path(root, EMPTY), transcript_path(root, EMPTY)):
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\xac")
        path.with_name(".DS_Store").write_bytes(b"\x00\x05\x16\x07\xac")
    earlier = root / "Previous_releases_information" / "previous_releases_info" / "v1.6"
    (earlier / "label").mkdir(parents=True, exist_ok=True)
    text = labels_path(root).read_text(encoding="utf-8-sig").replace(".0,", ".5,")
    (earlier / "label" / "labels_concensus.csv").write_text(text, encoding="utf-8")

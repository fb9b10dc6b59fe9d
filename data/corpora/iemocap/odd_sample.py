"""IEMOCAP sample with the irregularities of real copies, for the tests."""

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from affuse.data.corpora.iemocap import iemocap_sample as tones
from affuse.data.corpora.iemocap.release_writer import (
    HEADER,
    TICKS,
    WrittenTurn,
    attribute_line,
    block,
    label_path,
    transcript_path,
    wav_path,
)
from affuse.data.sample_sounds import write_wav

# Content of the files that Finder writes on other systems' disks; binary, not a text.
APPLE_DOUBLE = bytes.fromhex("0005160700020000") + b"Mac OS X        " + b"\xac\x81\x00"

# Utterance -> released ratings, and those of the external raters; None is a blank.
RATED = {
    # The released dominance counts the blank as 0, and then ignores the blank.
    "Ses01M_impro01_F000": ((2.0, 3.5, 2.0), ((2, 4, 4), (2, 3, None))),
    "Ses01M_impro01_M000": ((2.0, 3.5, 4.0), ((2, 4, 4), (2, 3, None))),
    "Ses02M_impro01_F000": ((2.0, 4.0, 3.0), ((1, 4, None), (3, 4, None))),
    "Ses02M_impro01_M000": ((1.0, 2.5, 4.0), ((0, 2, 4), (2, 3, 4))),
    # Seven utterances have a released rating outside 1 to 5.
    "Ses01F_impro01_F000": ((2.0, 3.0, 0.5), ((2, 3, 1), (2, 3, None))),
    "Ses02F_impro01_F000": ((5.5, 3.0, 4.0), ((6, 3, 4), (5, 3, 4))),
    "Ses03F_impro01_F000": ((2.0, 5.5, 3.0), ((2, 6, 3), (2, 5, 3))),
    "Ses03F_impro01_M000": ((2.0, 3.0, 5.5), ((2, 3, 6), (2, 3, 5))),
    "Ses03M_impro05a_F000": ((2.0, 3.0, 0.5), ((2, 3, 1), (2, 3, None))),
    "Ses03M_impro05b_M000": ((4.0, 3.0, 0.5), ((4, 3, None), (4, 3, 1))),
    "Ses04F_impro01_M000": ((5.5, 2.0, 3.0), ((5, 2, 3), (6, 2, 3))),
}
CLASSES = {
    "Ses02F_script01_1_F000": "xxx",
    "Ses02F_script01_1_F001": "oth",
    "Ses02F_script01_1_F002": "dis",
}
WORDS = {
    "Ses04F_impro01_F001": "The lamp: it fell. [LAUGHTER]  See [2]: there.",
    "Ses04F_impro01_M001": "[BREATHING] [LAUGHTER]",
    "Ses04F_impro01_M002": "",
}
VOTES = (
    "C-E2:\tNeutral; Anger;\t(a little (maybe); bored)",
    "C-E3:\tOther;\t(tired, flat; resigned)",
    "C-E4:\tAnger;\t()",
)
ATTRIBUTES = (
    "A-E3:\tval 2; act 4; dom  5;\t(loud; (or) clear)",
    "A-E4:\tval 2; act 3; dom  5;\t()",
)


def sample_hazards(root: Path) -> int:
    """Write the sample with every irregularity and return the count of a reader.

    One utterance is lost, because its summary line is damaged. Session 4 is in a
    folder ``session4``.

    Args:
        root: folder of the sessions

    Returns:
        how many utterances a reader finds
    """
    turns = [_edit(turn) for turn in tones.plan()]
    count = tones.write(root, turns)
    for hazard in (_strays, _contradictions, _labels, _transcripts, _encodings, _wavs):
        hazard(root)
    (root / "Session4").rename(root / "session4")
    (root / "Session1.zip").write_bytes(b"PK")
    return count - 1


def _edit(turn: WrittenTurn) -> WrittenTurn:
    """Return a turn with the irregularities that concern single turns."""
    if turn.id in RATED:
        ratings, rows = RATED[turn.id]
        votes = [line for line in turn.raters if line.startswith("C-")]
        turn = replace(turn, ratings=ratings, raters=(*votes, *_attributes(rows)))
    if turn.id == "Ses01F_impro01_F001":
        turn = replace(turn, ratings=(2, 3.5, 5), raters=(*VOTES, *ATTRIBUTES))
    category = CLASSES.get(turn.id, turn.category)
    return replace(turn, category=category, words=WORDS.get(turn.id, turn.words))


def _attributes(rows: Iterable[Iterable[int | None]]) -> Iterable[str]:
    return (attribute_line(f"E{n}", row) for n, row in enumerate(rows, 3))


def _strays(root: Path) -> None:
    """Add files of other programs beside labels, transcripts and WAV files."""
    for path in (
        label_path(root, "Ses01F_impro01"),
        transcript_path(root, "Ses01F_impro01"),
        wav_path(root, "Ses01F_impro01_F000"),
    ):
        for name in (f"._{path.name}", ".DS_Store", "Thumbs.db", f"{path.stem}.anvil"):
            path.with_name(name).write_bytes(APPLE_DOUBLE)
        copy = path.with_name(f"{path.stem} copy{path.suffix}")
        copy.write_bytes(path.read_bytes())


def _contradictions(root: Path) -> None:
    """Add folders of single raters, with files named and written like label files."""
    labels = label_path(root, "Ses01F_impro01")
    turn = next(t for t in tones.plan() if t.id == "Ses01F_impro01_M000")
    raters_block = block(replace(turn, ratings=(1, 1, 1), category="dis", raters=()))
    for name in ("Attribute", "Categorical", "Self-evaluation"):
        folder = labels.parent / name
        folder.mkdir()
        (folder / labels.name).write_text(f"{HEADER}\n\n{raters_block}\n")
        (folder / f"{labels.stem}_e2_atr.txt").write_text(
            f"{turn.id} :act 1; :val 1; :dom 1; ()\n"
        )
        (folder / f"{labels.stem}_f1.anvil").write_bytes(
            b'<?xml version="1.0" encoding="ISO-8859-1"?><annotation/>'
        )


def _labels(root: Path) -> None:
    """Damage, repeat and reorder blocks, and change the ends of files."""
    path = label_path(root, "Ses04M_impro01")
    turns = {turn.id: turn for turn in tones.plan()}
    summary = block(turns["Ses04M_impro01_F000"]).partition("\n")[0]
    damaged = summary.rpartition(",")[0] + "]"
    path.write_text(path.read_text().replace(summary, damaged))

    path = label_path(root, "Ses05F_script01_1")
    turn = turns["Ses05F_script01_1_F001"]
    ended = block(replace(turn, end=turn.start))
    path.write_text(path.read_text().replace(block(turn), ended))

    path = label_path(root, "Ses05F_impro01")
    repetition = turns["Ses05F_impro01_F000"]
    contradiction = replace(turns["Ses05F_impro01_M000"], ratings=(1, 2, 3))
    path.write_text(
        f"{path.read_text()}{block(repetition)}\n\n{block(contradiction)}\n\n"
    )

    path = label_path(root, "Ses05M_impro01")
    header, *blocks = path.read_text().rstrip().split("\n\n")
    random.Random(0).shuffle(blocks)
    path.write_text("\n\n".join([header, *blocks]) + "\n\n")

    path = label_path(root, "Ses01F_script01_1")
    path.write_text(path.read_text().rstrip("\n"))
    path = label_path(root, "Ses01M_script01_1")
    path.write_text(path.read_text().rstrip("\n") + "\n\n\n")


def _transcripts(root: Path) -> None:
    """Add lines without a rated turn, damage one line, and remove one."""
    path = transcript_path(root, "Ses04F_impro01")
    first, *rest = path.read_text().splitlines()
    unrated = "Ses04F_impro01_FXX0 [012.0000-012.9000]: Mm."
    lines = [first, unrated, "M: right", "", *rest, "F: yes", ""]
    path.write_text("\n".join(lines) + "\n")

    path = transcript_path(root, "Ses04M_impro01")
    path.write_text(path.read_text().replace("_M000 [", "_M000 "))

    path = transcript_path(root, "Ses05M_script01_1")
    lines = path.read_text().splitlines(keepends=True)
    lines_left = (
        line for line in lines if not line.startswith("Ses05M_script01_1_F000")
    )
    path.write_text("".join(lines_left))


def _encodings(root: Path) -> None:
    """Write other line ends, a byte order mark, and one byte of cp1252."""
    for place in (label_path, transcript_path):
        path = place(root, "Ses02M_impro01")
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        path = place(root, "Ses02F_script01_1")
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    path = label_path(root, "Ses04F_script01_1")
    path.write_bytes(path.read_bytes().replace(b"()", b"(blas\xe9)", 1))
    path = transcript_path(root, "Ses04F_script01_1")
    path.write_bytes(path.read_bytes().replace(b"The ", b"The caf\xe9 ", 1))


def _wavs(root: Path) -> None:
    """Remove, add and rename one WAV file each, and damage the contents of four."""
    wav_path(root, "Ses05M_script01_1_M000").unlink()
    turns = {turn.id: turn for turn in tones.plan()}
    tone = tones.tone(turns["Ses05M_script01_1_M000"])
    write_wav(wav_path(root, "Ses05M_script01_1_M099"), tone)
    path = wav_path(root, "Ses05M_script01_1b_F000")
    path.rename(path.with_suffix(".WAV"))

    turn = turns["Ses01M_script01_1_F000"]
    stereo = np.zeros(((turn.end - turn.start) * 44_100 // TICKS, 2))
    write_wav(wav_path(root, turn.id), stereo, rate=44_100)
    wav_path(root, "Ses01M_script01_1_F001").write_bytes(b"not a sound")
    write_wav(wav_path(root, "Ses01M_script01_1_F002"), tone[:0])
    turn = turns["Ses01M_script01_1_M000"]
    write_wav(wav_path(root, turn.id), tones.tone(turn)[:-3])

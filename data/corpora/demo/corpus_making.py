"""Creation of the demo corpus.

Run ``python -m affuse.data.corpora.demo.corpus_making FOLDER``. The same seed gives the
same bytes on x86-64 processors, tested with and without AVX2 and FMA. This holds for
the versions of espeak-ng, libsndfile, soundfile and numpy in ``made.json`` beside the
shipped copy. Otherwise the bytes may differ. Pronunciation depends on the version and
the build of espeak-ng. libvorbis computes in floats whose last bits depend on its
build. numpy does not promise the same random streams for all versions. Ratings and
texts depend on numpy alone.
"""

import csv
import io
import json
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click
import numpy as np

from affuse.data import rating_kinds, terminal
from affuse.data.corpora import demo
from affuse.data.corpora.demo import (
    delivery,
    dialogue_script,
    ogg_writer,
    room_acoustics,
    voices,
)
from affuse.data.corpora.demo.dialogue_script import Dialogue, ScriptLine
from affuse.data.rating_scales import RATINGS
from affuse.data.system import atomic_files
from affuse.data.system.progress import bar

SEED = 1  # of the shipped copy
ROOM = (-62.0, -52.0)  # dB of full scale, quietest and loudest background noise
PAUSE = (0.25, 0.7)  # seconds between utterances
COLUMNS = (
    *("id", "file", "start", "end", "speaker", "sex", "session", "dialogue"),
    *("scripted", *RATINGS, "text"),
)


@dataclass(frozen=True)
class SpokenLine:
    """Speech and ratings of one utterance."""

    samples: np.ndarray  # (n,) at `room_acoustics.RATE`
    ratings: np.ndarray  # (3,) means over the raters


def versions() -> dict[str, str]:
    """Return the versions of the programs that determine the bytes of the corpus."""
    import soundfile

    return {
        "espeak-ng": voices.version(),
        "libsndfile": soundfile.__libsndfile_version__,
        "soundfile": metadata.version("soundfile"),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def speak_line(name: str, speaker: str, line: ScriptLine, seed: int) -> SpokenLine:
    """Return the speech and the ratings of one utterance.

    Args:
        name: id of the utterance; with `seed`, it seeds every random draw
        speaker: key of `voices.VOICES`
        line: the sentence
        seed: of the corpus
    """
    rng = np.random.default_rng([seed, *name.encode()])
    line_delivery = delivery.perform(line, rng)
    ratings = delivery.rate(line_delivery, rng)
    prosody = delivery.prosody(line_delivery, rng)
    voice = voices.VOICES[speaker]
    speech = voices.speak(line.text, voice, prosody)
    level, tilt = voice.level + prosody.level, voice.tilt + prosody.tilt
    return SpokenLine(
        room_acoustics.shape_speech(speech, level=level, tilt=tilt), ratings
    )


def render(dialogue: Dialogue, seed: int) -> tuple[bytes, list[tuple[object, ...]]]:
    """Return the recording of a dialogue, and a table row for each utterance.

    Args:
        dialogue: to speak
        seed: of every random draw

    Returns:
        Ogg Vorbis bytes; the rows, with cells in the order of `COLUMNS`
    """
    rng = np.random.default_rng([seed, *dialogue.id.encode()])
    segments, rows, start, position = [], [], 0, 0
    for name, speaker, line in dialogue.turns():
        silence = room_acoustics.pause(rng.uniform(*PAUSE))
        spoken = speak_line(name, speaker, line, seed)
        start = position + len(silence)
        position = start + len(spoken.samples)
        segments += [silence, spoken.samples]
        span = (f"{samples / room_acoustics.RATE:.2f}" for samples in (start, position))
        ratings = (f"{rating:.4g}" for rating in spoken.ratings)
        rows.append(
            (name, recording(dialogue), *span, speaker, line.speaker)
            + (dialogue.session, dialogue.id, int(dialogue.scripted))
            + (*ratings, line.text)
        )
    chance = [seed, *dialogue.id.encode(), *b"room"]
    return _recorded(np.concatenate(segments), last=start, seed=chance), rows


def _recorded(speech: np.ndarray, *, last: int, seed: list[int]) -> bytes:
    """Return an Ogg Vorbis recording that ends in enough silence to seek to `last`.

    Args:
        speech: (samples,) in [-1, 1]
        last: first sample of the last utterance
        seed: of the background noise
    """
    silence = 0.0
    while True:
        silence += PAUSE[0]
        rng = np.random.default_rng(seed)
        padded = np.append(speech, room_acoustics.pause(silence))
        pcm = room_acoustics.add_background(padded, room=rng.uniform(*ROOM), rng=rng)
        stream = ogg_writer.encode(pcm, room_acoustics.RATE)
        if last < ogg_writer.seekable_samples(stream):
            return stream


def recording(dialogue: Dialogue) -> str:
    """Return the path of a dialogue's file, relative to the corpus."""
    return f"audio/{dialogue.id}.ogg"


def write(folder: Path, *, seed: int = SEED, show: bool = False) -> int:
    """Write the corpus to `folder` and return the number of its utterances.

    Args:
        folder: to write to
        seed: of every random draw
        show: True to show a progress bar

    Raises:
        FileNotFoundError: if espeak-ng is not installed
    """
    provenance = {"seed": seed, "versions": versions()}
    recordings = provenance["recordings"] = {}
    table: list[tuple[object, ...]] = []
    cast = dialogue_script.dialogues(dialogue_script.load())
    for dialogue in bar(cast, total=len(cast), name="demo", unit="dialogue", show=show):
        stream, rows = render(dialogue, seed)
        atomic_files.publish(folder / recording(dialogue), stream)
        recordings[recording(dialogue)] = demo.digest(stream)
        table += rows
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *table])
    sidecar = {"nature": "synthetic", "scale": [1, 5]}
    for name, content in {
        rating_kinds.SIDECAR: json.dumps(sidecar) + "\n",
        demo.MADE: json.dumps(provenance, indent=1) + "\n",
        demo.TABLE: text.getvalue(),
    }.items():
        atomic_files.publish(folder / name, content.encode())
    return len(table)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=SEED, show_default=True, help="Random seed.")
def main(folder: Path, seed: int) -> None:
    """Write the demo corpus, synthetic speech and ratings, to FOLDER."""
    try:
        count = write(folder, seed=seed, show=True)
    except OSError as error:
        raise click.ClickException(str(error)) from error
    terminal.print_line(f"{count} synthetic utterances in {folder}")


if __name__ == "__main__":
    main()

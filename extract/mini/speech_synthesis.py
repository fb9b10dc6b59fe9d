"""Synthesis of speech with espeak-ng, a part of the `mini` speech encoder's data.

``python -m affuse.extract.mini.speech_synthesis TEXTS FOLDER`` reads text files with
one sentence on each line, and writes ``spoken-00000.flac`` and so on. Each file has
about twenty seconds of one synthetic voice. Its pitch, range, rate and loudness change
with every sentence, for more variety than audio books have. The licence of espeak-ng
does not apply to its output.
"""

import io
import shutil
import subprocess
from collections.abc import Sequence
from html import escape
from pathlib import Path

import click
import numpy as np

from affuse.data.system.progress import bar
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.audio.librosa_loading import load_librosa

LANGUAGES = (
    "en-us",
    "en-gb",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-029",
)
VARIANTS = (*(f"m{i}" for i in range(1, 9)), *(f"f{i}" for i in range(1, 6)), "croak")
LENGTH = 20.0  # seconds of a file, at least
PAUSE = 0.3  # seconds between sentences


def speak(text: str, voice: str, rng: np.random.Generator) -> np.ndarray:
    """Return a sentence, spoken with random pitch, range, rate and loudness.

    Args:
        text: the sentence
        voice: language and variant of espeak-ng
        rng: of the random draws

    Returns:
        (samples,) float32 at 16 kHz

    Raises:
        OSError: if espeak-ng fails
    """
    import soundfile

    pitch, spread = rng.integers(5, 95), rng.integers(20, 200)
    rate, level = rng.integers(110, 300), rng.integers(60, 180)
    ssml = f'<speak><prosody range="{spread}%">{escape(text)}</prosody></speak>'
    command = ["espeak-ng", "-m", "-v", voice, "-p", str(pitch), "-s", str(rate)]
    process = subprocess.run(
        [*command, "-a", str(level), "--stdout"],
        input=ssml.encode(),
        capture_output=True,
        check=False,
    )
    if process.returncode or not process.stdout:
        raise OSError(
            f"espeak-ng failed: {process.stderr.decode(errors='replace')[:200]}"
        )
    samples, rate_read = soundfile.read(io.BytesIO(process.stdout), dtype="float32")
    spoken: np.ndarray = load_librosa().resample(
        samples, orig_sr=rate_read, target_sr=SAMPLE_RATE, res_type="soxr_hq"
    )
    return spoken


def passage(sentences: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Return random sentences by one random voice, `LENGTH` seconds or longer.

    Args:
        sentences: to draw from
        rng: of the random draws

    Returns:
        (samples,) at 16 kHz
    """
    voice = f"{rng.choice(LANGUAGES)}+{rng.choice(VARIANTS)}"
    pieces: list[np.ndarray] = []
    while sum(map(len, pieces)) < LENGTH * SAMPLE_RATE:
        text = sentences[int(rng.integers(len(sentences)))]
        pieces += [speak(text, voice, rng), np.zeros(int(PAUSE * SAMPLE_RATE), "f")]
    return np.concatenate(pieces)


@click.command(help="Speak random lines of TEXTS into FOLDER.")
@click.argument("texts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--count", default=250, show_default=True, help="Number of files.")
@click.option("--seed", default=0, show_default=True)
def main(texts: Sequence[Path], folder: Path, count: int, seed: int) -> None:
    """Write the missing files; each depends only on the seed and its number."""
    import soundfile

    if not shutil.which("espeak-ng"):
        raise click.ClickException("espeak-ng not found; on Debian: apt-get install it")
    sentences = [s for t in texts for s in t.read_text(encoding="utf-8").splitlines()]
    sentences = [s for s in sentences if 4 <= len(s.split()) <= 20]
    folder.mkdir(parents=True, exist_ok=True)
    for number in bar(range(count), total=count, name="spoken", unit="file", show=True):
        path = folder / f"spoken-{number:05d}.flac"
        if not path.is_file():
            samples = passage(sentences, np.random.default_rng((seed, number)))
            peak = max(1.0, float(np.abs(samples).max()))
            soundfile.write(path, samples / peak, SAMPLE_RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()

"""Ten voices of the demo corpus, and speech synthesis with espeak-ng.

Speakers differ in accent, vocal tract, usual pitch, rate, level and brightness. So
absolute values of these features identify the speaker rather than the delivery.
"""

import math
import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from affuse.data.corpora.demo.delivery import Prosody
from affuse.data.errors import AffuseError

PROGRAM = "espeak-ng"
RATE = 22_050  # Hz, of espeak-ng
RATES = (80, 400)  # words per minute that espeak-ng speaks well
PITCHES = (0, 99)  # that espeak-ng accepts
RANGES = (20, 200)  # percent; espeak-ng treats more as 200


@dataclass(frozen=True)
class Voice:
    """Usual way in which a speaker speaks."""

    name: str  # accent and variant of espeak-ng
    pitch: float  # of espeak-ng, 0 to 99; its voices differ by themselves too
    rate: float  # words per minute
    range: float  # percent of espeak-ng's pitch range
    level: float  # dB of full scale
    tilt: float  # dB per octave


VOICES = {
    "Ses1F": Voice("en-us+f2", 44, 172, 90, -27.5, 0.6),
    "Ses1M": Voice("en-gb-x-rp+m3", 40, 158, 80, -25.0, -0.8),
    "Ses2F": Voice("en-gb-scotland+f3", 52, 160, 105, -29.0, -0.4),
    "Ses2M": Voice("en-us+m7", 46, 176, 75, -28.0, 0.9),
    "Ses3F": Voice("en-029+f1", 40, 166, 95, -26.0, 0.1),
    "Ses3M": Voice("en-gb-x-gbclan+m2", 54, 150, 90, -27.0, -1.1),
    "Ses4F": Voice("en-gb-x-rp+f4", 50, 180, 85, -25.5, 1.2),
    "Ses4M": Voice("en-us-nyc+m5", 42, 168, 95, -29.5, 0.3),
    "Ses5F": Voice("en-us-nyc+f5", 38, 154, 80, -28.5, -0.6),
    "Ses5M": Voice("en-029+m6", 50, 162, 100, -26.5, -0.2),
}


def version() -> str:
    """Return the version of the installed espeak-ng, for example ``1.51``.

    Raises:
        FileNotFoundError: if espeak-ng is not installed
    """
    if shutil.which(PROGRAM) is None:
        raise FileNotFoundError(
            f"{PROGRAM} not found; the demo corpus is spoken with it: install it "
            f"(Debian, Ubuntu: apt-get install espeak-ng; macOS: brew install "
            f"espeak-ng), or use the copy that comes with the program"
        )
    process = subprocess.run(
        [PROGRAM, "--version"], capture_output=True, text=True, check=True
    )
    return process.stdout.partition("text-to-speech:")[2].split()[0]


def speak(text: str, voice: Voice, prosody: Prosody) -> np.ndarray:
    """Return the speech of a sentence, before level and spectral tilt are applied.

    Args:
        text: the sentence
        voice: of the speaker
        prosody: deviation from the speaker's usual way of speaking

    Returns:
        (samples,) float64 at `RATE`, in [-1, 1]
    """
    rate = _within(voice.rate * math.exp(prosody.rate), RATES)
    pitch = _within(voice.pitch + prosody.pitch, PITCHES)
    span = _within(voice.range * math.exp(prosody.range), RANGES)
    marked = f'<speak><prosody range="{span}%">{escape(text)}</prosody></speak>'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(
            [PROGRAM, "-m", "-b", "1", "-v", voice.name, "-s", str(rate)]
            + ["-p", str(pitch), "-w", str(path), marked],
            check=True,
        )
        with wave.open(str(path), "rb") as file:
            if (file.getframerate(), file.getsampwidth()) != (RATE, 2):
                raise AffuseError(f"{PROGRAM} speaks at {file.getframerate()} Hz")
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return pcm / 32768


def _within(value: float, limits: tuple[int, int]) -> int:
    low, high = limits
    return min(max(round(value), low), high)

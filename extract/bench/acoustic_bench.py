"""Benchmark of the acoustic encoder: the cost of each family of features.

Everything is computed in one thread. Processor time is measured, which other processes
of the machine hardly change. The small speech encoder `mini` encodes the same
recordings in the same run, so ratios can be compared between machines.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from affuse.data.corpora import demo
from affuse.data.options.acoustic_bench_options import BenchAcoustic
from affuse.data.system.text_columns import align_columns
from affuse.extract.acoustics import (
    acoustic_functionals,
    level_features,
    pitch_features,
    rhythm_features,
    spectrogram,
    spectrum_features,
)
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.audio.decoding import load as decode
from affuse.extract.caching.encoder_inputs import spread
from affuse.extract.checkpoints.checkpoint_files import MINI
from affuse.extract.encoders import opensmile, wav2vec2
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.protocol import Encoder, hidden

Task = Callable[[np.ndarray], object]
LONGEST = 60.0  # seconds of an utterance
TOTAL = "acoustic, all features"
SPEECH = "mini, for comparison"
HEADER = ("features", "number", "ms per audio-s", "x real time", "x mini")


def bench(say: Callable[[str], object], options: BenchAcoustic) -> None:
    """Measure and print the cost of each family of features.

    Args:
        say: called with each line
        options: number of recordings and of rounds
    """
    waves = _recordings(options.count)
    seconds = sum(len(wave) for wave in waves) / SAMPLE_RATE
    machine = Machine(threads=1)
    say(
        f"demo corpus, utterances: {len(waves)}, {seconds:.0f} audio-s in all; "
        f"processor time, the fastest of {options.rounds} rounds; "
        f"{machine.device_name}"
    )
    shared = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        measured = _measure(_tasks(), waves, options.rounds)
    finally:
        torch.set_num_threads(shared)
    for line in table(measured, seconds):
        say(line)


def _recordings(count: int) -> list[np.ndarray]:
    """Return utterances of the demo corpus, evenly spaced, (samples,) each."""
    chosen = spread(demo.read(demo.ROOT).utterances, count)
    return [
        decode(demo.ROOT / (u.audio or Path()), u.span, longest=LONGEST).samples
        for u in chosen
    ]


def _tasks() -> dict[str, tuple[int, Task]]:
    """Return the number of features and the computation of each family, by name.

    Rhythm and spectrum need the results of others, which are not measured again.
    """
    track, spectra = {}, {}

    def pitch(wave: np.ndarray) -> np.ndarray:
        track[id(wave)] = pitch_features.pitch_track(wave)
        return pitch_features.pitch_features(track[id(wave)])

    def frames(wave: np.ndarray) -> None:
        spectra[id(wave)] = spectrogram.spectrogram(wave)

    def level(wave: np.ndarray) -> np.ndarray:
        return level_features.level_features(level_features.level_contour(wave))

    def spectrum(wave: np.ndarray) -> np.ndarray:
        return spectrum_features.spectrum_features(spectra[id(wave)])

    def rhythm(wave: np.ndarray) -> np.ndarray:
        seconds = len(wave) / SAMPLE_RATE
        return rhythm_features.rhythm_features(
            track[id(wave)], spectra[id(wave)], seconds
        )

    tasks: dict[str, tuple[int, Task]] = {
        "pitch": (len(pitch_features.FEATURES), pitch),
        "level": (len(level_features.FEATURES), level),
        "spectra, for the next two": (0, frames),
        "spectrum": (len(spectrum_features.FEATURES), spectrum),
        "rhythm": (len(rhythm_features.FEATURES), rhythm),
        TOTAL: (len(acoustic_functionals.NAMES), acoustic_functionals.functionals),
    }
    if find_spec("opensmile"):
        other = opensmile.Encoder.pretrained(opensmile.CHECKPOINT)
        tasks["opensmile, eGeMAPSv02"] = (len(other.names), other.describe)
    return {**tasks, SPEECH: (0, _speech(wav2vec2.Encoder.pretrained(MINI)))}


def _speech(encoder: Encoder) -> Task:
    """Return the computation of mean-pooled hidden states."""

    def encode(wave: np.ndarray) -> None:
        for block in encoder.prepare(wave.copy()).blocks:
            hidden(encoder, block[None]).mean(dim=2)

    return encode


def _measure(
    tasks: Mapping[str, tuple[int, Task]], waves: Sequence[np.ndarray], rounds: int
) -> dict[str, tuple[int, float]]:
    """Return the number of features and the fewest seconds of each family, by name."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):  # The first round compiles, and does not count.
        for name, (_, task) in tasks.items():
            began = time.process_time()
            for wave in waves:
                task(wave)
            if number:
                times[name].append(time.process_time() - began)
    return {name: (tasks[name][0], min(found)) for name, found in times.items()}


def table(measured: Mapping[str, tuple[int, float]], seconds: float) -> list[str]:
    """Return the lines of the table.

    Args:
        measured: number of features and processor seconds, by name of the family
        seconds: of audio
    """
    reference = measured[SPEECH][1]
    rows = [HEADER]
    for name, (count, spent) in measured.items():
        rows.append(
            (
                name,
                str(count or ""),
                f"{1e3 * spent / seconds:.2f}",
                f"{seconds / spent:.0f}",
                f"{reference / spent:.2f}",
            )
        )
    return list(align_columns(rows))

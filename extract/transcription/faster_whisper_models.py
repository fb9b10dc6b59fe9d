"""Speech recognition with Whisper and voice activity detection with Silero.

Both are of the package faster-whisper (MIT), which is an extra. So it is imported in
functions only.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError, OptionError
from affuse.data.suggestions import hint
from affuse.data.system.digests import digest
from affuse.data.system.environment import extra_command
from affuse.extract.audio.resampling import SAMPLE_RATE
from affuse.extract.checkpoints.library_failures import told
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.encoder_revisions import installed_version
from affuse.extract.transcription.transcript_records import (
    RecogniserIdentity,
    RecognitionOptions,
    Transcript,
    TranscriptSegment,
)

EXTRA = "transcribe"  # of setup.cfg, with the packages of this module
PACKAGE = "faster-whisper"
WEIGHTS = "model.bin"  # of a model in the format of CTranslate2
NEEDED_FILES = (WEIGHTS, "config.json", "tokenizer.json")
PRECISION = {"cpu": "int8", "cuda": "float16"}  # of the weights, by device
LONGEST_SPEECH = 20.0  # seconds of a segment, like the longest undivided recording
SHORTEST_SPEECH = 250  # milliseconds; shorter sounds are mostly no speech
SHORTEST_PAUSE = 500  # milliseconds of a pause that ends a segment
MARGIN = 100  # milliseconds that are added before and after a segment


class WhisperRecogniser:
    """Whisper model that recognises the words in speech.

    Results are deterministic: hypotheses are never sampled, and a recording does not
    depend on the previous one.

    Args:
        model: of the package faster-whisper
        identity: of the model, with the options of recognition
    """

    def __init__(self, model: Any, identity: RecogniserIdentity):
        self._model, self.identity = model, identity

    def transcribe(self, samples: np.ndarray) -> Transcript:
        """Return the words in a recording, with their times.

        Args:
            samples: (n,) float32 at 16 kHz
        """
        options = self.identity.options
        found, facts = self._model.transcribe(
            samples,
            language=options.language,
            beam_size=options.beam,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        segments = (TranscriptSegment(s.start, s.end, s.text.strip()) for s in found)
        return Transcript(tuple(segments), str(facts.language))


class SileroDetector:
    """Silero model that finds the speech in a recording."""

    def find_speech(self, samples: np.ndarray) -> list[tuple[float, float]]:
        """Return start and end of each segment with speech in seconds, in order.

        Args:
            samples: (n,) float32 at 16 kHz
        """
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        options = VadOptions(
            min_speech_duration_ms=SHORTEST_SPEECH,
            max_speech_duration_s=LONGEST_SPEECH,
            min_silence_duration_ms=SHORTEST_PAUSE,
            speech_pad_ms=MARGIN,
        )
        found = get_speech_timestamps(samples, options, sampling_rate=SAMPLE_RATE)
        return [(s["start"] / SAMPLE_RATE, s["end"] / SAMPLE_RATE) for s in found]


def demand_package() -> None:
    """Raise an error if the package faster-whisper is not installed.

    Raises:
        AffuseError: with the command that installs it
    """
    try:
        import faster_whisper  # noqa: F401
    except ImportError as error:
        raise AffuseError(
            f"speech recognition and the detection of speech need the package "
            f"{PACKAGE}; {extra_command(EXTRA)}"
        ) from error


def load_detector() -> SileroDetector:
    """Return the detector of speech.

    Raises:
        AffuseError: if the package is not installed
    """
    demand_package()
    return SileroDetector()


def load_recogniser(
    model: str, options: RecognitionOptions, machine: Machine
) -> WhisperRecogniser:
    """Load a Whisper model on the device: int8 on a CPU, float16 on a GPU.

    Args:
        model: name such as ``small.en``, name on the hub, or a local folder
        options: of recognition
        machine: device and number of threads

    Raises:
        AffuseError: if the package is not installed, or the model is not found or
            cannot be loaded
        OptionError: if the model does not know the language
    """
    demand_package()
    from faster_whisper import WhisperModel

    folder = _find(model)
    device, _, card = machine.device.partition(":")
    with told(f"the model {model} cannot be loaded"):
        loaded = WhisperModel(
            str(folder),
            device=device,
            device_index=int(card or 0),
            compute_type=PRECISION[device],
            cpu_threads=machine.threads,
        )
    _demand_language(model, options.language, loaded.supported_languages)
    identity = RecogniserIdentity(
        model=Path(os.path.abspath(os.path.expanduser(model))).name,
        digest=digest(folder / WEIGHTS),
        precision=PRECISION[device],
        options=options,
        package=f"{PACKAGE} {installed_version(PACKAGE)}",
    )
    return WhisperRecogniser(loaded, identity)


def _find(model: str) -> Path:
    """Return the local folder of a model, which is downloaded if it is not cached.

    Raises:
        AffuseError: if there is no such folder, or the hub cannot be reached
        OptionError: if there is no model of this name
    """
    folder = Path(os.path.expanduser(model))
    if not folder.is_dir():
        return _fetch(model)
    for name in NEEDED_FILES:
        if not (folder / name).is_file():
            raise AffuseError(
                f"the folder {folder} has no file {name}; name a folder with a Whisper "
                f"model in the format of CTranslate2 ({', '.join(NEEDED_FILES)})"
            )
    return folder


def _fetch(model: str) -> Path:
    """Return the local copy of a model of the hub."""
    from faster_whisper.utils import available_models, download_model

    names = available_models()
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise AffuseError(f"the folder {model} of a Whisper model does not exist")
    if "/" not in model and model not in names:
        raise OptionError(
            f"there is no Whisper model {model!r}; name a folder, or choose from "
            f"{', '.join(names)}{hint(model, names)}"
        )
    try:
        return Path(download_model(model))
    except Exception as error:  # the hub's library raises many kinds of errors
        raise AffuseError(
            f"the Whisper model {model!r} is not on this machine, and the hub did not "
            f"provide it; download it on a machine with a network, and name its folder"
        ) from error


def _demand_language(model: str, language: str | None, known: list[str]) -> None:
    """Raise an error if a model does not know a language."""
    if language is not None and language not in known:
        raise OptionError(
            f"--language {language}: the model {model} knows {', '.join(known)}; "
            f"choose one of these codes, or another model"
        )

"""Loading of the speech models of a prediction: detector of speech and recogniser."""

from dataclasses import dataclass, field

from affuse.data.options.speech_options import SPEECH, SpeechInputs
from affuse.extract.encoding.choices import Machine
from affuse.extract.transcription import faster_whisper_models
from affuse.extract.transcription.speech_models import (
    SpeechDetector,
    SpeechRecogniser,
)
from affuse.extract.transcription.transcript_records import RecognitionOptions

SpeechModels = tuple[SpeechDetector | None, SpeechRecogniser | None]


def load_speech_models(options: SpeechInputs, machine: Machine) -> SpeechModels:
    """Return the detector of speech and the recogniser that options name.

    Args:
        options: of a prediction
        machine: device and number of threads

    Returns:
        detector, None if recordings are divided into windows; and recogniser, None if
        no words are recognised

    Raises:
        OptionError: if there is no such model, or it does not know the language
        AffuseError: if the package faster-whisper is not installed, or a model cannot
            be loaded
    """
    detector, recogniser = None, None
    if options.segment == SPEECH:
        detector = faster_whisper_models.load_detector()
    if options.transcribe:
        recogniser = faster_whisper_models.load_recogniser(
            options.transcribe, RecognitionOptions(options.language), machine
        )
    return detector, recogniser


@dataclass
class SpeechModelCache:
    """Speech models that several predictions from Python use one after the other.

    Only the last models are kept, because a large recogniser takes gigabytes.
    """

    machine: Machine
    _key: tuple[object, ...] = ()
    _models: SpeechModels = field(default=(None, None))

    def load(self, options: SpeechInputs) -> SpeechModels:
        """Return the models that options name; see `load_speech_models`.

        Args:
            options: of a prediction
        """
        key = options.segment, options.transcribe, options.language
        if key != self._key:
            self._key, self._models = (), (None, None)  # release the others first
            self._models = load_speech_models(options, self.machine)
            self._key = key
        return self._models

"""Prediction from Python: a model that takes files, arrays and texts."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from affuse.data.options.shared_options import ComputeOptions
from affuse.data.options.speech_options import SpeechInputs
from affuse.extract.encoding.choices import Machine
from affuse.extract.inference import speaker_turns
from affuse.extract.inference.array_recordings import array_folder
from affuse.extract.inference.encoder_places import EncoderPlaces
from affuse.extract.inference.loaded_model import LoadedFileModel
from affuse.extract.inference.model_sources import ModelRequest, open_model
from affuse.extract.inference.predicted_segments import (
    ModelFacts,
    SegmentPredictions,
)
from affuse.extract.inference.prediction_loop import predict_segments
from affuse.extract.inference.python_inputs import (
    UNKNOWN,
    WAYS,
    PathName,
    Source,
    as_recordings,
    python_names,
)
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segment_division import SegmentDivision
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segments import Recording
from affuse.extract.inference.speech_model_loading import SpeechModelCache

log = logging.getLogger(__name__)


class Model:
    """Trained model with its encoders, as `load` returns it.

    Args:
        loaded: models and encoders
        machine: device and threads
    """

    def __init__(self, loaded: LoadedFileModel, machine: Machine):
        self._loaded, self._machine = loaded, machine
        self._speech = SpeechModelCache(machine)

    def __repr__(self) -> str:
        """Return the name and the digest of the model."""
        return f"Model({self.facts.identity!r})"

    @property
    def facts(self) -> ModelFacts:
        """Facts on the model: ratings, scale, training corpus and kind of ratings."""
        return self._loaded.facts

    def predict(
        self,
        recordings: Source | Sequence[Source],
        text: str | None | Sequence[str | None] = None,
        *,
        window: float | None = None,
        hop: float | None = None,
        channels: Literal["mix", "separate"] = "mix",
        transcribe: PathName | tuple[PathName, str] = "",
        segment: Literal["windows", "speech"] = "windows",
        speakers: PathName | None = None,
    ) -> SegmentPredictions:
        """Predict recordings, arrays of samples, or texts.

        A recording that cannot be used is no error: its `PredictedSegment.reason` says
        why it has no prediction. `transcribe` and ``segment="speech"`` need the extra
        ``transcribe``; the model of the last call is kept for the next one.

        Args:
            recordings: files, or pairs of samples and their rate in Hz; None for a
                text without a recording. A single one may stand without a list.
                Samples are (n,) or (n, channels), floats with a full scale of 1 or
                16-bit integers
            text: transcript of each recording, None where there is none
            window: seconds of the windows that recordings are divided into; 0 for no
                division. By default 8 for recordings over 20 seconds
            hop: seconds between the beginnings of two windows; by default half a window
            channels: ``"mix"`` for the mean of all channels, or ``"separate"``
            transcribe: Whisper model that recognises the words of each segment, such as
                ``"small.en"``, or a folder; with the language of the speech as in
                ``("small", "de")``, which is detected by default. By default no words
                are recognised
            segment: ``"windows"``, or ``"speech"`` for the segments in which somebody
                speaks
            speakers: table with the columns file, start, end and speaker, or an .rttm
                file; it gives each segment its speaker. An array is named
                ``"array 1"`` there

        Returns:
            segments in the order of `recordings`; a recording without division is one
            segment

        Raises:
            AffuseError: if the model needs an input that no recording has, an input is
                not valid, or a package for speech is not installed
            OptionError: if two options contradict each other

        Examples:
            >>> import affuse
            >>> model = affuse.load("runs/RUN")  # doctest: +SKIP
            >>> model.predict("a.wav", "I am fine.")[0].valence  # doctest: +SKIP
            0.31
        """
        named = transcribe if isinstance(transcribe, tuple) else (transcribe, None)
        with python_names(), array_folder() as folder:
            plan = SegmentPlan(window, hop, channels)
            speech = SpeechInputs.from_values(
                transcribe=str(named[0]),
                language=named[1],
                segment=segment,
                speakers=speakers,
            )
            inputs = as_recordings(recordings, text, folder)
            self._demand_inputs(inputs, speech, (window, hop) != (None, None))
            division = SegmentDivision(
                plan, self._machine.threads, *self._speech.load(speech)
            )
            stream = division(_with_speakers(inputs, speech))
            predicted = tuple(predict_segments(self._loaded, stream))
        return SegmentPredictions(self.facts, predicted)

    def _demand_inputs(
        self, inputs: Sequence[Recording], speech: SpeechInputs, has_windows: bool
    ) -> None:
        """Raise an error if options contradict each other, or an input is missing."""
        if not inputs:
            return
        has_audio = any(each.path is not None for each in inputs)
        has_text = any(each.texts for each in inputs)
        speech.demand_speech_options(
            has_files=has_audio,
            text_flag="text" if has_text else "",
            has_windows=has_windows,
        )
        self._loaded.check_inputs(
            inputs, log.warning, are_recognised=bool(speech.transcribe)
        )


def _with_speakers(
    inputs: Sequence[Recording], speech: SpeechInputs
) -> Sequence[Found]:
    """Return recordings with the turns of their speakers, if a table gives them."""
    if speech.speakers is None:
        return inputs
    table = speaker_turns.read_turns(speech.speakers)
    files = [each.file for each in inputs if each.path is not None]
    return speaker_turns.with_turns(inputs, table, files, log.warning)


def load(
    model: PathName,
    *,
    device: str = "auto",
    threads: int | None = None,
    cache: PathName = "cache",
    audio_checkpoint: PathName = "",
    text_checkpoint: PathName = "",
    design: PathName = "",
) -> Model:
    """Load a trained model with its encoders.

    Args:
        model: folder of a run or a bundle, or a speech checkpoint with a regression
            head: a folder, or a name on the hub such as "audeering"
        device: device that computes the predictions, such as "cpu"; "auto" for CUDA if
            there is a CUDA device
        threads: number of CPU threads; None for all cores
        cache: folder of caches, which record where the encoders of a run are
        audio_checkpoint: folder or name of the speech encoder, if it is elsewhere now
        text_checkpoint: the same for the text encoder
        design: file that defines the design of the run, if the user wrote it

    Raises:
        FileNotFoundError: if there is no such model
        AffuseError: if the model or an encoder is damaged, or an encoder is not found
    """
    named: Mapping[str, Sequence[str]] = {
        "audio": [str(audio_checkpoint)] if audio_checkpoint else [],
        "text": [str(text_checkpoint)] if text_checkpoint else [],
    }
    places = EncoderPlaces(named=named, cache=Path(cache))
    files = [Path(design)] if design else []
    with python_names():
        options = ComputeOptions(device=device, threads=threads)
        machine = Machine.of(options, progress=False)
        torch.set_num_threads(machine.threads)
        loaded = open_model(ModelRequest(str(model), machine, places, files))
    return Model(replace(loaded, ways=WAYS, unknown=UNKNOWN), machine)

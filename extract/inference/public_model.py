"""Prediction from Python: a model that takes files, arrays and texts."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

import torch

from affuse.data.errors import AffuseError
from affuse.data.options.shared_options import ComputeOptions
from affuse.extract.encoding.choices import Machine
from affuse.extract.inference import transcripts
from affuse.extract.inference.array_recordings import ArrayFolder, array_folder
from affuse.extract.inference.encoder_places import EncoderPlaces
from affuse.extract.inference.loaded_model import LoadedFileModel
from affuse.extract.inference.model_sources import ModelRequest, open_model
from affuse.extract.inference.predicted_segments import (
    ModelFacts,
    SegmentPredictions,
)
from affuse.extract.inference.prediction_loop import predict_segments
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segmentation import segments
from affuse.extract.inference.segments import Recording, TimedText

# options of `predict` that are arguments of `load` and `Model.predict`
FLAG = re.compile(
    r"--((?:audio|text)-checkpoint|cache|channels|design|device|hop|threads|window) "
)
WAYS = {"text": "as text=[...]", "audio": "by naming the recording"}
log = logging.getLogger(__name__)

PathName = str | PathLike[str]
Source = PathName | tuple[Any, float] | None


class Model:
    """Trained model with its encoders, as `load` returns it.

    Args:
        loaded: models and encoders
        machine: device and threads
    """

    def __init__(self, loaded: LoadedFileModel, machine: Machine):
        self._loaded, self._machine = loaded, machine

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
    ) -> SegmentPredictions:
        """Predict recordings, arrays of samples, or texts.

        A recording that cannot be used is no error: its `PredictedSegment.reason` says
        why it has no prediction.

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

        Returns:
            segments in the order of `recordings`; a recording without division is one
            segment

        Raises:
            AffuseError: if the model needs an input that no recording has, the numbers
                of recordings and texts differ, or an array is no sound, or an input
                has another type

        Examples:
            >>> import affuse
            >>> model = affuse.load("runs/RUN")  # doctest: +SKIP
            >>> model.predict("a.wav", "I am fine.")[0].valence  # doctest: +SKIP
            0.31
        """
        with _python_names():
            plan = SegmentPlan(window, hop, channels)
        sources = _as_list(recordings)
        texts = _as_texts(text, len(sources))
        with array_folder() as folder:
            pairs = zip(sources, texts, strict=True)
            inputs = [_recording(*pair, folder) for pair in pairs]
            self._loaded.check_inputs(inputs, log.warning)
            stream = segments(inputs, plan, threads=self._machine.threads)
            predicted = tuple(predict_segments(self._loaded, stream))
        return SegmentPredictions(self.facts, predicted)


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
    with _python_names():
        options = ComputeOptions(device=device, threads=threads)
        machine = Machine.of(options, progress=False)
        torch.set_num_threads(machine.threads)
        loaded = open_model(ModelRequest(str(model), machine, places, files))
    return Model(replace(loaded, ways=WAYS), machine)


@contextmanager
def _python_names() -> Iterator[None]:
    """Replace options of the command line by arguments of Python in errors.

    Raises:
        AffuseError: the error that occurs in this context, with ``window=8`` in place
            of ``--window 8``
    """
    try:
        yield
    except AffuseError as error:
        error.args = tuple(
            FLAG.sub(lambda match: f"{match[1].replace('-', '_')}=", str(line))
            for line in error.args
        )
        raise


def _as_list(recordings: Source | Sequence[Source]) -> list[Source]:
    """Return the sources as a list; a single one is a list of one."""
    if isinstance(recordings, (str, bytes)) or not isinstance(recordings, Iterable):
        return [recordings]
    # A pair of two files has no number; an array of samples has a rate.
    if isinstance(recordings, tuple) and isinstance((None, *recordings)[-1], Real):
        return [cast(Source, recordings)]
    return list(cast(Sequence[Source], recordings))


def _as_texts(
    text: str | None | Sequence[str | None], number: int
) -> Sequence[str | None]:
    """Return a text or None for each recording.

    Raises:
        AffuseError: if there are more or fewer texts than recordings, or one is no text
    """
    if text is None:
        return [None] * number
    is_one = isinstance(text, (str, bytes)) or not isinstance(text, Iterable)
    texts = [cast(str, text)] if is_one else list(text)
    for place, each in enumerate(texts, 1):
        if each is not None and not isinstance(each, str):
            raise AffuseError(
                f"text {place} is {each!r:.30}, of the type {type(each).__name__}; "
                f"give a str, or None where there is no text"
            )
    if len(texts) != number:
        raise AffuseError(
            f"there are {len(texts)} texts for {number} recordings; give one text for "
            f"each, and None where there is none"
        )
    return texts


def _recording(source: Source, text: str | None, folder: ArrayFolder) -> Recording:
    """Return a source as a recording; an array is written to a temporary file.

    Raises:
        AffuseError: if the source is neither a path, nor an array of samples and its
            rate, nor None
    """
    texts = () if text is None else (TimedText(transcripts.clean(text)),)
    if source is None:
        return Recording("", texts=texts)
    if isinstance(source, tuple) and len(source) == 2:
        written = folder.write(*source)
        return Recording(written.file, written.path, texts)
    if isinstance(source, (str, PathLike)):
        name = str(Path(source))
        return Recording(name, Path(name), texts)
    length = f" of length {len(source)}" if isinstance(source, tuple) else ""
    raise AffuseError(
        f"a recording is of the type {type(source).__name__}{length}; give a path, a "
        f"pair of samples and their rate in Hz, such as (samples, 16000), or None for "
        f"a text without a recording"
    )
